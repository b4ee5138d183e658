"""What happened, for ``MemoryOS(on_event=...)``: ids, counts and durations, never text.

A handler is called in the thread where the event arose, after the change is durable. What it raises
reaches the caller of the verb that caused the event or, in background work, the log; the memory is safe.
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
    """Messages got their vectors."""

    messages: int


@dataclass(frozen=True, slots=True)
class Consolidated(Event):
    """Pages left short-term memory for segments."""

    page_ids: tuple[str, ...]
    segment_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refined(Event):
    """A model sorted pages into topics."""

    page_ids: tuple[str, ...]
    """The pages that it was asked about."""
    segment_ids: tuple[str, ...]
    """The segments that took or lost some of them."""
    chains: int
    """Chains that were begun or went on."""


@dataclass(frozen=True, slots=True)
class Promoted(Event):
    """Long-term memory learnt from the pages of hot segments."""

    page_ids: tuple[str, ...]
    fact_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Learnt(Event):
    """Long-term memory learnt from pages by a chat model."""

    page_ids: tuple[str, ...]
    fact_ids: tuple[str, ...]
    """Facts that are new."""
    refused: int
    """What the model said and was not kept: without evidence, unusable, or against what is trusted more."""


@dataclass(frozen=True, slots=True)
class GivenUp(Event):
    """A chat model failed at pages again and again; they stay as rules have them until ``enrich()``."""

    kind: str
    """What was asked of it: ``refine`` or ``learn``."""
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
    """A retrieval was answered."""

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
    """The vector index was made anew from the ledger."""

    records: int


@dataclass(frozen=True, slots=True)
class JobParked(Event):
    """Background work failed and waits for its next try."""

    kind: str
    attempts: int
    error: str
    """Name of the error's class."""
