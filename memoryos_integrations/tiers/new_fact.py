"""A fact to be stored, and how far its source is trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from memoryos_integrations.storage import ids

if TYPE_CHECKING:
    from memoryos_integrations.types import About, Message


_TRUST = {"user": 3, "import": 2, "assistant": 1, "tool": 0}


@dataclass(frozen=True, slots=True)
class NewFact:
    """A fact to be stored, with its source messages."""

    text: str
    """The statement."""
    field: str | None
    """The profile field that it fills, if any."""
    value: str | None
    """Value of the field."""
    single: bool
    """Whether a newer value replaces an older one."""
    valid_from: int
    """Start of validity, microseconds since 1970."""
    source: str
    """Source of the least trusted message."""
    message_ids: tuple[str, ...]
    """Source messages, oldest first."""
    method: str
    """``"extractive"`` or the name of a model."""
    about: About = "user"
    """Subject of the statement."""
    valid_to: int | None = None
    """End of validity, if known."""
    supersedes: tuple[str, ...] = ()
    """Facts that it replaces, according to a model."""
    same_as: str | None = None
    """Fact that says the same, according to a model."""

    @property
    def fact_id(self) -> str:
        """Id of the fact if it is stored as a new one."""
        about = () if self.about == "user" else (self.about,)
        return ids.id_from("fact", self.message_ids[0], *about, self.text)


def is_users_own(message: Message) -> bool:
    """Return whether the user wrote a message, rather than an assistant or a tool."""
    return message.role == "user" and message.source in ("user", "import")


def is_readable_by_model(message: Message) -> bool:
    """Return whether a model may extract facts from a message; tool output is untrusted."""
    return message.role in ("user", "assistant") and message.source != "tool"


def trust(source: str) -> int:
    """Return the trust in a source, 0 to 3; unknown sources count as tools."""
    return _TRUST.get(source, 0)
