"""LoCoMo's format: a sample is one user's memory, a session a thread, both speakers keep their names."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from memoryos_integrations.apps.importing.conversation import Conversation
from memoryos_integrations.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

_SESSION = re.compile(r"session_([0-9]{1,6})")
_TIME = "%I:%M %p on %d %B, %Y"
_EXAMPLE = "1:56 pm on 8 May, 2023"


def read_samples(samples: list[Any], chosen: int | None, path: str) -> list[Conversation]:
    """Read all samples of a file, each for a user of its own, or one of them.

    Args:
        samples: the file's content.
        chosen: index of a sample, from 0.
        path: the file's name, for errors.

    Raises:
        InvalidInputError: there is no such sample, or one is not of this format; the message says where.
    """
    if chosen is not None and not 0 <= chosen < len(samples):
        raise InvalidInputError(f"{path}: sample must be from 0 to {len(samples) - 1}, not {chosen}")
    conversations = []
    for number, sample in enumerate(samples):
        if chosen is None or number == chosen:
            several = chosen is None and len(samples) > 1
            conversation = Conversation(user_suffix=f"-{number}" if several else "")
            _append_sample(conversation, sample, f"{path}: sample {number}")
            conversations.append(conversation)
    return conversations


def _append_sample(conversation: Conversation, sample: object, where: str) -> None:
    content = sample.get("conversation") if isinstance(sample, dict) else None
    if not isinstance(content, dict):
        raise InvalidInputError(f"{where}: expected an object with a 'conversation'")
    first_speaker: str | None = None
    for session, turns in _sessions(content, where):
        began = _began(content, session, where)
        for position, turn in enumerate(turns):
            place = f"{where}, {session}, turn {position + 1}"
            if not isinstance(turn, dict) or not {"speaker", "text"} <= set(turn):
                raise InvalidInputError(f"{place}: expected an object with 'speaker' and 'text'")
            if turn["text"] == "":
                conversation.left_out["messages without text"] += 1
                continue
            first_speaker = first_speaker or turn["speaker"]
            conversation.append(
                place,
                text=turn["text"],
                role="user" if turn["speaker"] == first_speaker else "assistant",
                name=turn["speaker"],
                thread_id=session,
                at=began + timedelta(seconds=position),  # a session has one time: keep its order
                metadata={"dia_id": turn["dia_id"]} if isinstance(turn.get("dia_id"), str) else None,
            )
    if not conversation.messages:
        raise InvalidInputError(f"{where}: there is no message in it")


def _sessions(content: dict[str, Any], where: str) -> Iterator[tuple[str, list[Any]]]:
    numbered = sorted((int(match[1]), key) for key in content if (match := _SESSION.fullmatch(key)))
    for _, session in numbered:
        if not isinstance(content[session], list):
            raise InvalidInputError(f"{where}, {session}: expected a list of turns")
        yield session, content[session]


def _began(content: dict[str, Any], session: str, where: str) -> datetime:
    value = content.get(f"{session}_date_time")
    try:
        return datetime.strptime(str(value), _TIME).replace(tzinfo=UTC)
    except ValueError:
        raise InvalidInputError(
            f"{where}: {session}_date_time must be a time such as {_EXAMPLE!r}, not {value!r}"
        ) from None
