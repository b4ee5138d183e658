"""A question as retrieval takes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from memoryos_integrations.types import TIERS, Kind, Source, Tier

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, already checked."""

    text: str
    now: datetime
    k: int = 10
    kinds: tuple[Kind, ...] = ("message",)
    tiers: tuple[Tier, ...] = TIERS
    thread_id: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    since: datetime | None = None
    until: datetime | None = None
    sources: frozenset[Source] | None = None
    least_relevance: float | None = None
    without_extractive: bool = False
    """Whether facts that rules drew from messages stay out: beside the messages they say nothing new."""
    shown: frozenset[str] = frozenset()
    """Ids or texts of messages that are not wanted. They count among the ``k``."""
    room: int | None = None
    """Tokens that there is room for: messages beyond them are not read."""

    def accepts(self, at: datetime, source: str | None) -> bool:
        """Return whether a message or a fact of this time and source may be returned."""
        return (
            (self.since is None or at >= self.since)
            and (self.until is None or at < self.until)
            and (self.sources is None or source in self.sources)
        )
