"""Messages read from a file, ready to be stored."""

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
class ImportedMessage:
    """One message of a file, ready to be stored."""

    text: str
    role: Role
    name: str | None
    thread_id: str
    at: datetime | None
    event_id: str
    """Derived from thread, position and content, so that a second import stores nothing twice."""
    metadata: Mapping[str, Any]


@dataclass(slots=True)
class Conversation:
    """The messages of a file that belong to one user, in order."""

    user_suffix: str = ""
    """Appended to the user's id where a file holds several users."""
    messages: list[ImportedMessage] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    """Number of skipped entries by reason."""
    _places: Counter[str] = field(default_factory=Counter)
    _times: dict[str, datetime] = field(default_factory=dict)

    def append(
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
        """Check a message and append it. One without a time gets that of the message before it.

        Raises:
            InvalidInputError: something in it cannot be stored; the message begins with ``where``.
        """
        thread = checks.identifier(f"{where}: thread_id", thread_id)
        content = checks.text(f"{where}: text", text)
        speaker = None if name is None else checks.identifier(f"{where}: name", name)
        place = self._places[thread]
        self._places[thread] += 1
        if at is not None:
            self._times[thread] = at
        event = _event_id(thread, place, role, speaker, at.isoformat() if at else None, content)
        self.messages.append(
            ImportedMessage(content, role, speaker, thread, self._times.get(thread), event, metadata or {})
        )


def _event_id(*parts: object) -> str:
    return "import:" + hashlib.sha256(json.dumps(parts).encode()).hexdigest()
