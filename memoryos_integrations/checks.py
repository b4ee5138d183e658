"""Validation of arguments; each error names the argument and what it should be."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn, TypeVar

from memoryos_integrations.errors import ConfigError, InvalidInputError, UnknownArgumentError

T = TypeVar("T")

MAX_TEXT_BYTES = 1_000_000
MAX_ID_LENGTH = 256
MAX_METADATA_BYTES = 64_000
MAX_K = 10_000
_HINTS = {
    "human": "a person's message has the role 'user'",
    "ai": "a model's message has the role 'assistant'",
    "system": "instructions are not part of a conversation; store one with remember(text, about='agent')",
}
_SEARCHED_END = 4_000  # characters of either end of a long question


def identifier(name: str, value: object) -> str:
    """Return an id unchanged: non-empty text of up to 256 characters without control characters."""
    if not isinstance(value, str):
        raise InvalidInputError(f"{name} must be text, not {type(value).__name__}")
    if not value:
        raise InvalidInputError(f"{name} must not be empty")
    if len(value) > MAX_ID_LENGTH:
        raise InvalidInputError(f"{name} must have at most {MAX_ID_LENGTH} characters, not {len(value)}")
    if not value.isprintable() and any(
        unicodedata.category(character) in ("Cc", "Cs") for character in value
    ):
        raise InvalidInputError(f"{name} must not contain control characters or lone surrogates")
    return value


def text(name: str, value: object, *, empty: bool = False) -> str:
    """Return a text unchanged: up to 1 MB of UTF-8 without NUL."""
    if not isinstance(value, str):
        raise InvalidInputError(f"{name} must be text, not {type(value).__name__}")
    if not value and not empty:
        raise InvalidInputError(f"{name} must not be empty")
    if "\x00" in value:
        raise InvalidInputError(
            f"{name} contains a NUL character: remove it, as with text.replace('\\0', '')"
        )
    try:
        size = len(value.encode())
    except UnicodeEncodeError as error:
        raise InvalidInputError(
            f"{name} contains a lone surrogate at position {error.start}, which no UTF-8 store can hold: "
            "replace it, as with text.encode('utf-8', 'replace').decode()"
        ) from None
    if size > MAX_TEXT_BYTES:
        raise InvalidInputError(f"{name} has {size} bytes; at most {MAX_TEXT_BYTES} are stored: split it")
    return value


def one_of(name: str, value: object, allowed: tuple[str, ...]) -> str:
    """Return the value if it is allowed."""
    if not isinstance(value, str) or value not in allowed:
        hint = f": {_HINTS[value]}" if isinstance(value, str) and value in _HINTS else ""
        raise InvalidInputError(f"{name} must be one of {', '.join(allowed)}, not {value!r}{hint}")
    return value


def some_of(name: str, value: object, allowed: tuple[str, ...]) -> tuple[str, ...]:
    """Return a non-empty sequence of allowed values as a tuple."""
    if isinstance(value, str) or not isinstance(value, list | tuple | set | frozenset) or not value:
        raise InvalidInputError(f"{name} must be a sequence of {', '.join(allowed)}, not {value!r}")
    return tuple(one_of(name, item, allowed) for item in value)


def whole(name: str, value: object, *, least: int, most: int) -> int:
    """Return a whole number within its limits."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise InvalidInputError(f"{name} must be a whole number from {least} to {most}, not {value!r}")
    return value


def moment(name: str, value: object) -> datetime:
    """Return an aware datetime in UTC."""
    if not isinstance(value, datetime):
        raise InvalidInputError(f"{name} must be a datetime, not {type(value).__name__}")
    if value.tzinfo is None or value.utcoffset() is None:
        raise InvalidInputError(
            f"{name} must be an aware datetime: give it a zone, as with tzinfo=timezone.utc"
        )
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise InvalidInputError(f"{name} must be in the years 1 to 9999 in UTC") from None


def chat_model(name: str, value: T) -> T:
    """Return a chat model if it implements ``LLM``.

    Raises:
        ConfigError: it has no method ``reply``.
    """
    if not callable(getattr(value, "reply", None)):
        raise ConfigError(
            f"{name} must have a method reply(prompt), see LLM; {type(value).__name__} has none. For a chat "
            "model of LangChain: langchain_memoryos.llm.from_langchain(model); of LlamaIndex: "
            "llamaindex_memoryos.llm.from_llamaindex(llm)."
        )
    return value


def no_more_arguments(verb: str, unknown: Mapping[str, object], **ours: str) -> None:
    """Refuse unknown keyword arguments; ``ours`` maps the names of other libraries to ours."""
    for name in unknown:
        hint = f": use {ours[name]}" if name in ours else ""
        raise UnknownArgumentError(f"{verb}() has no argument {name!r}{hint}")


def refuse_pickling(name: str) -> NoReturn:
    """Raise a TypeError that says how another process opens the same store."""
    raise TypeError(
        f"A {name} cannot be pickled: it has open files and threads. Hand the other process the folder "
        "(memory.path) and open it there with MemoryOS(path): several processes may open one store."
    )


def metadata(name: str, value: object) -> tuple[dict[str, Any], str]:
    """Return the caller's fields and their JSON.

    The fields are parsed back from the JSON, so ``add`` returns what a later read returns.
    """
    if value is None:
        return {}, "{}"
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise InvalidInputError(f"{name} must be a mapping with text keys, not {type(value).__name__}")
    try:
        stored = json.dumps(dict(value), ensure_ascii=False, allow_nan=False, sort_keys=True)
        size = len(stored.encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInputError(f"{name} must hold JSON values only: {error}") from None
    if size > MAX_METADATA_BYTES:
        raise InvalidInputError(f"{name} has {size} bytes as JSON; at most {MAX_METADATA_BYTES} are stored")
    return json.loads(stored), stored


def storable(value: str) -> str:
    """Return a text that ``text`` accepts: lone surrogates and NUL become U+FFFD."""
    if "\x00" not in value and value.isascii():
        return value
    # Through UTF-16, which joins the two surrogates of one character.
    whole = value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return whole.replace("\x00", "\ufffd")


def search_text(question: str) -> str:
    """Return a question as a search takes it: storable, and a long one without its middle."""
    question = storable(question)
    if len(question) <= 2 * _SEARCHED_END:
        return question
    return f"{question[:_SEARCHED_END]} {question[-_SEARCHED_END:]}"
