"""Reading a chat model's reply. Refusals, truncated replies and prose never become data.

Adapters translate their framework's reply into a ``RawReply``; all decisions are made here.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from memoryos_integrations.checks import storable
from memoryos_integrations.errors import ConfigError, LLMBadOutput, LLMRefused, LLMUnavailable
from memoryos_integrations.model.provider_errors import (
    BROKEN_OFF,
    CUT,
    DECLINED,
    attempt,
    cut_off,
    failure_of,
)
from memoryos_integrations.model.reply_json import Thoughts, is_apology, json_in, without_thoughts
from memoryos_integrations.model.usage import report

if TYPE_CHECKING:
    from pydantic import BaseModel

    from memoryos_integrations.protocols import Prompt

T = TypeVar("T")
M = TypeVar("M", bound="BaseModel")

LONGEST = 1_000_000
"""Most characters of a reply; a longer one is a model that does not stop."""

_DECLINED = "The model declined the task {!r}."
_EMPTY = "The reply to {!r} is empty."
_UNMARKED = (
    "The reply to {!r} began with thoughts and no <think>: let its server mark them, or do not stream."
)
_ENDLESS = f"The reply to {{!r}} is longer than {LONGEST:,} characters."


@dataclass(frozen=True, slots=True)
class RawReply:
    """A reply as a framework returned it, or one piece of a stream."""

    text: str = ""
    """The reply's text, without reasoning that the provider returns separately."""
    finish_reason: str | None = None
    """Why it stopped, in the provider's term and lower case; ``None`` if unknown."""
    refusal: bool = False
    """Whether the provider reports that the model declined."""
    tool_arguments: tuple[Mapping[str, Any] | str, ...] = ()
    """The arguments of each function call, parsed or as raw text."""
    tokens: tuple[int, int] | None = None
    """Tokens sent and received in the call so far; ``None`` if unknown."""


def is_structured(prompt: Prompt[Any]) -> bool:
    """Return whether a prompt asks for an object instead of free text.

    Raises:
        ConfigError: its schema is neither ``str`` nor a pydantic model.
    """
    schema: Any = prompt.schema
    if schema is not str and not hasattr(schema, "model_validate"):
        raise ConfigError(
            f"schema must be str or a pydantic model, not {getattr(schema, '__name__', schema)}"
        )
    return schema is not str


def instruction_of(prompt: Prompt[Any]) -> str:
    """Return a prompt's instruction, with the JSON Schema appended if it asks for an object."""
    if not is_structured(prompt):
        return prompt.system
    schema = json.dumps(prompt.schema.model_json_schema(), ensure_ascii=False)
    request = "Reply with one JSON object that fits this JSON Schema, and with nothing else:"
    return f"{prompt.system}\n\n{request}\n{schema}"


def answer_of(raw: RawReply, prompt: Prompt[T]) -> T:
    """Return the answer in a reply, and report its usage.

    Raises:
        LLMRefused: the model declined, or apologised instead of returning an object.
        LLMBadOutput: the reply is empty or truncated, or holds no fitting object, or several.
        LLMUnavailable: the provider aborted the reply.
    """
    if raw.tokens is not None:
        report(*raw.tokens)
    _check(raw, prompt.task)
    if is_structured(prompt):
        return cast("T", _object_of(raw, cast("type[BaseModel]", prompt.schema), prompt.task))
    return cast("T", storable(_checked_text(without_thoughts(raw.text), prompt.task)))


def pieces_of(stream: Generator[RawReply, None, None], prompt: Prompt[str]) -> Iterator[str]:
    """Return a free text in pieces, without reasoning; report its usage at the end.

    Raises, while it is read:
        LLMUnavailable: the provider aborted the stream; earlier pieces were yielded.
        LLMRefused: the model declined.
        LLMBadOutput: the text is empty or truncated, or turned out to be reasoning.
    """
    if is_structured(prompt):
        raise ConfigError("only free text comes in pieces: schema must be str")
    return _pieces(stream, prompt.task)


def _pieces(stream: Generator[RawReply, None, None], task: str) -> Iterator[str]:
    thoughts, length = Thoughts(), 0
    last: RawReply | None = None
    with contextlib.closing(stream):
        while piece := attempt(lambda: next(stream, None), partial(failure_of, task=task)):
            text = storable(thoughts.feed(piece.text))
            if thoughts.stray and length:
                raise LLMBadOutput(_UNMARKED.format(task))
            thoughts.stray = False
            last = piece if last is None else _joined(last, piece)
            length += len(text)
            if length > LONGEST:
                raise LLMBadOutput(_ENDLESS.format(task))
            if text:
                yield text
    if last is None:
        raise LLMUnavailable(f"The model did not answer {task!r}: what is at its address sent nothing.")
    if rest := thoughts.end():
        yield rest
    if last.tokens is not None:
        report(*last.tokens)
    _check(last, task)
    if not length and not rest:
        raise LLMBadOutput(_EMPTY.format(task))


def _joined(last: RawReply, piece: RawReply) -> RawReply:
    """Merge a stream's metadata with that of its next piece."""
    return RawReply(
        finish_reason=piece.finish_reason or last.finish_reason,
        refusal=piece.refusal or last.refusal,
        tokens=piece.tokens or last.tokens,
    )


def _check(raw: RawReply, task: str) -> None:
    """Raise if the provider reports a refusal, a truncated or an aborted reply."""
    if raw.refusal or raw.finish_reason in DECLINED:
        raise LLMRefused(_DECLINED.format(task))
    if raw.finish_reason in CUT:
        raise LLMBadOutput(cut_off(task))
    if raw.finish_reason in BROKEN_OFF:
        raise LLMUnavailable(f"The model aborted its reply to {task!r}: try again later.")


def _object_of(raw: RawReply, schema: type[BaseModel], task: str) -> BaseModel:
    found = [json_in(_bounded(part, task)) for part in _texts_of(raw)]
    if any(part.cut for part in found):
        raise LLMBadOutput(f"The reply to {task!r} ends in the middle of an object, which nobody completes.")
    values = [part for part in raw.tool_arguments if not isinstance(part, str)]
    values += [value for part in found for value in part.values]
    fitting, misfits = _fitting(values, schema)
    if not fitting:
        repaired = [value for part in found if (value := part.repaired()) is not None]
        fitting, more = _fitting(repaired, schema)
        misfits += more
    if any(other != fitting[0] for other in fitting[1:]):
        raise LLMBadOutput(f"The reply to {task!r} holds several answers.")
    if fitting:
        return fitting[0]
    if misfits or values:
        places = ", ".join(dict.fromkeys(misfits)) or "none of its fields is there"
        raise LLMBadOutput(f"The reply to {task!r} does not fit {schema.__name__}: {places}.")
    text = _checked_text(without_thoughts("".join(_texts_of(raw))), task)
    if is_apology(text):
        raise LLMRefused(_DECLINED.format(task))
    raise LLMBadOutput(f"The reply to {task!r} holds no {schema.__name__}.")


def _texts_of(raw: RawReply) -> list[str]:
    """Return the texts to parse: arguments of function calls, or else the reply's text."""
    return [part for part in raw.tool_arguments or (raw.text,) if isinstance(part, str)]


def _fitting(values: list[Mapping[str, Any]], schema: type[M]) -> tuple[list[M], list[str]]:
    """Return the objects that fit, and the names of the fields that made others fail.

    An object without any of the fields does not fit, even if all have defaults: "nothing found" is an empty
    list, not a missing one. Neither does the JSON Schema itself, which small models repeat.
    """
    fields, fitting, misfits = schema.model_fields, [], []
    for value in values:
        if value.get("type") == "object" and "properties" in value and "properties" not in fields:
            continue
        try:
            parsed = schema.model_validate(value)
        except ValueError as error:
            misfits += [name for name in _places_of(error) if name in fields]
            continue
        if parsed.model_fields_set or not fields:
            fitting.append(parsed)
    return fitting, misfits


def _places_of(error: ValueError) -> list[str]:
    """Return the top-level fields of validation errors; deeper locations may hold words of the model."""
    found = error.errors(include_url=False, include_context=False, include_input=False)  # type: ignore[attr-defined]
    return [str(issue["loc"][0]) for issue in found if issue["loc"]]


def _checked_text(text: str, task: str) -> str:
    if not _bounded(text, task):
        raise LLMBadOutput(_EMPTY.format(task))
    return text


def _bounded(text: str, task: str) -> str:
    if len(text) > LONGEST:
        raise LLMBadOutput(_ENDLESS.format(task))
    return text
