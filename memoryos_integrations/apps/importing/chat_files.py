"""Reads files of conversations. A file is checked whole, so that a bad one stores nothing.

Three formats are supported: a list of messages as chat models append them, ShareGPT's (objects with
``conversations`` or ``messages``), and LoCoMo's samples.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from memoryos_integrations.apps.importing.conversation import Conversation
from memoryos_integrations.apps.options import parse_time
from memoryos_integrations.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from pathlib import Path

    from memoryos_integrations.types import Role

_ROLES: dict[str, Role] = {
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "ai": "assistant",
    "model": "assistant",
    "bot": "assistant",
    "tool": "tool",
    "function": "tool",
    "observation": "tool",
}
_INSTRUCTIONS = ("system", "developer")


def read(path: Path, *, thread_id: str | None = None, sample: int | None = None) -> list[Conversation]:
    """Read a file of conversations.

    Args:
        path: the file, JSON in UTF-8.
        thread_id: of messages that name none; by default the file's name without its ending.
        sample: which one of several LoCoMo samples, from 0; all by default.

    Raises:
        InvalidInputError: the file cannot be read, or something in it cannot be stored; it says where.
    """
    content = read_json(path)
    items = content if isinstance(content, list) else [content]
    first = items[0] if items else None
    thread = path.stem if thread_id is None else thread_id
    if isinstance(first, dict) and isinstance(first.get("conversation"), dict):
        from memoryos_integrations.apps.importing.locomo_files import read_samples

        return read_samples(items, sample, str(path))
    if sample is not None:
        raise InvalidInputError(f"{path}: only a file of LoCoMo has samples to choose from")
    conversation = Conversation()
    if isinstance(first, dict) and _turns(first) is not None:
        _append_threads(conversation, items, thread, str(path))
    else:
        if not isinstance(content, list):
            raise InvalidInputError(
                f"{path}: expected a list of messages, an object with 'messages' or 'conversations', or a "
                "sample of LoCoMo"
            )
        _append_messages(conversation, items, thread, str(path))
    if not conversation.messages:
        raise InvalidInputError(f"{path}: there is no message in it")
    return [conversation]


def read_json(path: Path) -> Any:
    """Return what a file of JSON holds.

    Raises:
        InvalidInputError: the file cannot be read, or is not JSON in UTF-8; the message says where.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{path} is not UTF-8: byte {error.start} is {error.reason}") from None
    except json.JSONDecodeError as error:
        raise InvalidInputError(
            f"{path}: line {error.lineno}, column {error.colno}: {error.msg}: this is not JSON"
        ) from None
    except (RecursionError, ValueError) as error:
        raise InvalidInputError(f"{path} is not JSON that can be read: {error}") from None


def _turns(item: Mapping[str, Any]) -> object:
    return item.get("conversations", item.get("messages"))


def _append_threads(conversation: Conversation, items: list[Any], thread: str, path: str) -> None:
    """Each object is a thread: by its id, or numbered where there are several."""
    for number, item in enumerate(items, start=1):
        where = f"{path}: conversation {number}"
        turns = _turns(item) if isinstance(item, dict) else None
        if not isinstance(turns, list):
            raise InvalidInputError(f"{where}: 'conversations' or 'messages' must be a list")
        own = item.get("id", thread if len(items) == 1 else f"{thread}-{number}")
        _append_messages(conversation, turns, str(own) if isinstance(own, int) else own, where)


def _append_messages(conversation: Conversation, turns: Iterable[object], thread: object, path: str) -> None:
    for number, turn in enumerate(turns, start=1):
        where = f"{path}: message {number}"
        if not isinstance(turn, dict):
            raise InvalidInputError(f"{where}: expected an object, not {type(turn).__name__}")
        role = _role(turn.get("role", turn.get("from")), where)
        if role is None:
            conversation.left_out["instructions to the model"] += 1
            continue
        text, missing = _text(turn, where)
        if missing:
            conversation.left_out["parts that are not text"] += missing
        if not text.strip():
            conversation.left_out["messages without text"] += 1
            continue
        conversation.append(
            where,
            text=text,
            role=role,
            name=turn.get("name"),
            thread_id=thread if turn.get("thread_id") is None else turn["thread_id"],
            at=_time(turn, where),
        )


def _role(value: object, where: str) -> Role | None:
    """Return the role, ``None`` for instructions to the model, which are not stored."""
    if value in _INSTRUCTIONS:
        return None
    if not isinstance(value, str) or value not in _ROLES:
        allowed = ", ".join((*_ROLES, *_INSTRUCTIONS))
        raise InvalidInputError(f"{where}: role must be one of {allowed}, not {value!r}")
    return _ROLES[value]


def _text(turn: Mapping[str, Any], where: str) -> tuple[str, int]:
    """Return the text of a message, and how many of its parts are something else."""
    key = next((key for key in ("content", "text", "value") if key in turn), None)
    if key is None:
        raise InvalidInputError(f"{where}: there is no 'content' or 'text'")
    content = turn[key]
    if content is None or isinstance(content, str):
        return content or "", 0
    if not isinstance(content, list):
        raise InvalidInputError(
            f"{where}: {key} must be text or a list of parts, not {type(content).__name__}"
        )
    texts = [part.get("text") if isinstance(part, dict) else part for part in content]
    strings = [text for text in texts if isinstance(text, str)]
    return "\n".join(strings), len(texts) - len(strings)


def _time(turn: Mapping[str, Any], where: str) -> datetime | None:
    key = "at" if turn.get("at") is not None else "timestamp"
    value = turn.get(key)
    if value is not None and not isinstance(value, str):
        raise InvalidInputError(f"{where}: {key} must be an ISO 8601 text, not {value!r}")
    return parse_time(f"{where}: {key}", value)
