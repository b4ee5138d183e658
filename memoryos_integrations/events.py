"""Events for ``MemoryOS(on_event=...)``: ids, counts and durations, never text.

A handler is called in the thread of the change, after it is durable. Its exceptions reach the caller of the
method that caused the event or, in background work, the log; the change stays stored.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events."""

    scope: int | None
    """Number of the scope in this store; ``None`` for events of the whole store."""


@dataclass(frozen=True, slots=True)
class TurnAdded(Event):
    """A page was stored, or a message was added to one."""

    page_id: str
    message_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FactAdded(Event):
    """A fact was stored."""

    fact_id: str


@dataclass(frozen=True, slots=True)
class Embedded(Event):
    """Messages were embedded."""

    messages: int


@dataclass(frozen=True, slots=True)
class Consolidated(Event):
    """Pages moved from short-term memory to segments."""

    page_ids: tuple[str, ...]
    segment_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refined(Event):
    """A model grouped pages by topic."""

    page_ids: tuple[str, ...]
    """The refined pages."""
    segment_ids: tuple[str, ...]
    """The segments that gained or lost pages."""
    chains: int
    """Number of chains that were started or continued."""


@dataclass(frozen=True, slots=True)
class Promoted(Event):
    """Pages of hot segments were promoted: rules extracted facts from them."""

    page_ids: tuple[str, ...]
    fact_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Learnt(Event):
    """A chat model extracted facts and traits from promoted pages."""

    page_ids: tuple[str, ...]
    fact_ids: tuple[str, ...]
    """New facts."""
    refused: int
    """Number of rejected items: without evidence, unusable, or contradicting a more trusted source."""


@dataclass(frozen=True, slots=True)
class GivenUp(Event):
    """A chat model failed on pages twice; they keep their rule-based result until ``enrich()``."""

    kind: str
    """Kind of the job: ``refine`` or ``learn``."""
    page_ids: tuple[str, ...]
    error: str
    """Name of the error's class."""


@dataclass(frozen=True, slots=True)
class SegmentEvicted(Event):
    """The coldest segment lost its summary and vector; its pages stay searchable."""

    segment_id: str
    heat: float


@dataclass(frozen=True, slots=True)
class Recalled(Event):
    """A retrieval finished."""

    items: int
    seconds: float
    dense: bool


@dataclass(frozen=True, slots=True)
class Forgotten(Event):
    """Memories were erased."""

    messages: int
    facts: int


@dataclass(frozen=True, slots=True)
class IndexRebuilt(Event):
    """The vector index was rebuilt from the ledger."""

    records: int


@dataclass(frozen=True, slots=True)
class JobParked(Event):
    """A background job failed and will be retried."""

    kind: str
    attempts: int
    error: str
    """Name of the error's class."""
