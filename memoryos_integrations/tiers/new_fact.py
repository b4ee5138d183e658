"""One statement to learn, with what it rests on, and how far its source is trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from memoryos_integrations.storage import ids

if TYPE_CHECKING:
    from memoryos_integrations.types import About, Message


_TRUST = {"user": 3, "import": 2, "assistant": 1, "tool": 0}


@dataclass(frozen=True, slots=True)
class NewFact:
    """One thing to learn, with what it rests on."""

    text: str
    """The statement."""
    field: str | None
    """The field of the profile that it fills, if any."""
    value: str | None
    """The field's value."""
    single: bool
    """Whether a newer value takes an older one's place."""
    valid_from: int
    """Since when it holds, microseconds since 1970."""
    source: str
    """Where the words came from, the least trusted of the messages."""
    message_ids: tuple[str, ...]
    """The messages they stand in, the first one first."""
    method: str
    """How it was read: ``"extractive"`` or a model's name."""
    about: About = "user"
    """Whom it is about."""
    valid_to: int | None = None
    """Until when it holds, if that is known."""
    supersedes: tuple[str, ...] = ()
    """Facts that it takes the place of, as a model sees it."""
    same_as: str | None = None
    """The fact that says the same, as a model sees it."""

    @property
    def fact_id(self) -> str:
        """The id of the fact that it becomes if it is new."""
        about = () if self.about == "user" else (self.about,)
        return ids.derived("fact", self.message_ids[0], *about, self.text)


def is_users_own(message: Message) -> bool:
    """Return whether a message is the user's own: what an assistant or a tool said is no word of the user."""
    return message.role == "user" and message.source in ("user", "import")


def is_readable_by_model(message: Message) -> bool:
    """Return whether a model learns from a message: what a tool gave may have been written by anybody."""
    return message.role in ("user", "assistant") and message.source != "tool"


def trust(source: str) -> int:
    """Return how far a source is trusted, more for more; one that is not known as little as a tool."""
    return _TRUST.get(source, 0)
