"""A conversation of a file, ready to be stored."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from memoryos_integrations import checks

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from memoryos_integrations.types import Role


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a file, ready to be stored."""

    text: str
    role: Role
    name: str | None
    thread_id: str
    at: datetime | None
    event_id: str
    """Made from its thread, its place there and its content: a second import finds it stored."""
    metadata: Mapping[str, Any]


@dataclass(slots=True)
class Conversation:
    """The messages of a file that belong to one user, in order."""

    user_suffix: str = ""
    """Appended to the user's id where a file holds several users."""
    messages: list[Said] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    """What was not taken, by the reason."""
    _places: Counter[str] = field(default_factory=Counter)
    _times: dict[str, datetime] = field(default_factory=dict)

    def take(
        self,
        where: str,
        *,
        text: object,
        role: Role,
        name: object,
        thread_id: object,
        at: datetime | None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Check a message and append it. One without a time has that of the message before it.

        Raises:
            InvalidInputError: something in it cannot be stored; the message begins with ``where``.
        """
        thread = checks.identifier(f"{where}: thread_id", thread_id)
        said = checks.text(f"{where}: text", text)
        speaker = None if name is None else checks.identifier(f"{where}: name", name)
        place = self._places[thread]
        self._places[thread] += 1
        if at is not None:
            self._times[thread] = at
        event = _event_id(thread, place, role, speaker, at.isoformat() if at else None, said)
        self.messages.append(
            Said(said, role, speaker, thread, self._times.get(thread), event, metadata or {})
        )


def _event_id(*parts: object) -> str:
    return "import:" + hashlib.sha256(json.dumps(parts).encode()).hexdigest()
