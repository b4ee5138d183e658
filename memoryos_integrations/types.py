"""The values that go in and come out: frozen, and ignorant of how they are stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Role = Literal["user", "assistant", "tool"]
Tier = Literal["short_term", "mid_term", "long_term"]
Kind = Literal["message", "segment", "fact"]
About = Literal["user", "agent"]

ROLES: tuple[Role, ...] = ("user", "assistant", "tool")
TIERS: tuple[Tier, ...] = ("short_term", "mid_term", "long_term")
SUBJECTS: tuple[About, ...] = ("user", "agent")
KINDS: tuple[Kind, ...] = ("message", "segment", "fact")


def _as_html(value: object) -> str:
    """Return what a notebook shows of a value."""
    from memoryos_integrations.display import html

    return html(value)


@dataclass(frozen=True, slots=True)
class Message:
    """One side of a turn."""

    _repr_html_ = _as_html

    id: str
    """Unique in the store."""
    page_id: str
    """The page that holds it."""
    thread_id: str
    """The conversation it belongs to."""
    role: Role
    """Who spoke, as chat models name it."""
    text: str
    """What was said, verbatim."""
    at: datetime
    """When it was said, UTC."""
    name: str | None = None
    """The speaker's name, if it is known."""
    source: str = "user"
    """Where the text came from: user, assistant, tool or import. Set by the caller, never by the text."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """What the caller stored with it."""


@dataclass(frozen=True, slots=True)
class Page:
    """One exchange as it is stored: one side or both."""

    _repr_html_ = _as_html

    id: str
    """Unique in the store."""
    thread_id: str
    """The conversation it belongs to."""
    at: datetime
    """When it began, UTC."""
    tier: Tier
    """``short_term`` until newer pages push it out, then ``mid_term``."""
    segment_id: str | None
    """The topic segment it was placed in; ``None`` in short-term memory or after the segment's eviction."""
    messages: tuple[Message, ...]
    """What was said, in order."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """What the caller stored with it."""
    chain_id: str | None = None
    """The run of pages that it continues; ``None`` until a model has read it."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Pages of one conversation that continue each other, as a model saw them."""

    id: str
    """Unique in the store."""
    thread_id: str
    """The conversation."""
    summary: str
    """What the pages say."""
    page_ids: tuple[str, ...]
    """Its pages, oldest first."""
    method: str
    """The name of the model."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Pages on one topic."""

    _repr_html_ = _as_html

    id: str
    """Unique in the store."""
    summary: str
    """What the pages are about; empty while it is being derived anew."""
    keywords: tuple[str, ...]
    """Its most telling words, best first."""
    page_count: int
    """L_interaction of the paper: pages since the last promotion."""
    visits: int
    """N_visit of the paper: retrievals that returned one of its pages."""
    heat: float
    """α·visits + β·page_count + γ·recency at the time of the call."""
    started_at: datetime
    """Time of its oldest page, UTC."""
    ended_at: datetime
    """Time of its newest page, UTC."""
    page_ids: tuple[str, ...]
    """Its pages, oldest first."""
    method: str
    """How summary and keywords were made: ``"extractive"`` or a model's name. The sentences of pages that the
    model has not told of follow its summary, the words of all pages its keywords."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One statement that is held to be true."""

    _repr_html_ = _as_html

    id: str
    """Unique in the store."""
    about: About
    """Whom it is about."""
    text: str
    """The statement."""
    valid_from: datetime
    """Since when it holds, UTC."""
    valid_to: datetime | None
    """Until when it held; ``None`` while it holds."""
    source: str
    """The least trusted source that it rests on: user, assistant, tool or import."""
    source_page_ids: tuple[str, ...]
    """The pages it was drawn from; empty for what was told by ``remember()``."""
    method: str
    """``"remembered"``, ``"extractive"`` or a model's name."""
    superseded_by: str | None = None
    """The fact that took its place, if one did."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """What the caller stored with it."""


@dataclass(frozen=True, slots=True)
class Persona:
    """What long-term memory holds about the user and the agent."""

    _repr_html_ = _as_html

    version: int
    """0 before anything was learnt; every change makes a new version."""
    profile: Mapping[str, Any]
    """Fixed attributes such as name and home."""
    traits: Mapping[str, Any]
    """Tendencies, by dimension."""
    knowledge: tuple[Fact, ...]
    """Facts that hold now, newest first."""
    updated_at: datetime | None
    """When this version was made, UTC."""
    method: str
    """``"extractive"`` or a model's name."""


@dataclass(frozen=True, slots=True)
class MemoryItem:
    """One memory that a retrieval found."""

    _repr_html_ = _as_html

    id: str
    """Id of the message, segment or fact."""
    tier: Tier
    """The tier it was found in."""
    kind: Kind
    """What it is."""
    text: str
    """Its text, verbatim; a segment's is its summary."""
    role: Role | None
    """Who spoke; ``None`` for segments and facts."""
    name: str | None
    """The speaker's name, if it is known."""
    at: datetime
    """When it was said or began to hold, UTC."""
    score: float
    """Higher is better; comparable within one retrieval only."""
    tokens: int
    """Tokens of the text."""
    thread_id: str | None
    """The conversation it comes from; ``None`` for segments and facts."""
    page_id: str | None
    """The page that holds it; ``None`` for segments and facts."""
    segment_id: str | None
    """The topic segment it belongs to, if any."""
    source_page_ids: tuple[str, ...]
    """The pages it rests on."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """What the caller stored with it."""
    parts: Mapping[str, float] = field(default_factory=dict)
    """What each signal added to the score: dense, words, window, session, speaker, date."""


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What a question brought back."""

    _repr_html_ = _as_html

    query: str
    """The question."""
    items: tuple[MemoryItem, ...]
    """The memories, best first."""
    dense: bool
    """Whether vectors took part; ``False`` when there is no embedder or it is down."""


@dataclass(frozen=True, slots=True)
class Context:
    """Memories rendered for a model, within a token budget."""

    _repr_html_ = _as_html

    text: str
    """Ready to be put into a prompt; stored text stands in it as quoted data. Empty if nothing fits."""
    tokens: int
    """Tokens of ``text``, never more than was allowed."""
    items: tuple[MemoryItem, ...]
    """Exactly the memories that stand in ``text``, in its order."""
    left_out: tuple[MemoryItem, ...]
    """Memories that were considered and did not fit, best first."""


@dataclass(frozen=True, slots=True)
class ForgetReceipt:
    """What ``forget()`` erased. It holds ids and counts, no text."""

    _repr_html_ = _as_html

    at: datetime
    """When the last byte was gone, UTC."""
    message_ids: tuple[str, ...]
    """Messages erased."""
    page_ids: tuple[str, ...]
    """Pages that lost their last message and are gone."""
    segment_ids: tuple[str, ...]
    """Segments that are gone or whose summary was blanked."""
    fact_ids: tuple[str, ...]
    """Facts erased."""
    persona_versions: int
    """Versions of the persona that lost fields, or were erased."""
    missing_ids: tuple[str, ...]
    """Ids asked for that this scope does not have."""


@dataclass(frozen=True, slots=True)
class FlushReport:
    """What ``flush()`` did."""

    _repr_html_ = _as_html

    ran: Mapping[str, int]
    """Jobs done, by kind."""
    parked: Mapping[str, str]
    """Jobs that failed and wait for their next try: id of the job, and why."""
    waiting: int
    """Jobs left to the process that owns the index; 0 in that process."""


@dataclass(frozen=True, slots=True)
class Report:
    """What ``verify()`` found."""

    _repr_html_ = _as_html

    ok: bool
    """Whether nothing is wrong."""
    problems: tuple[str, ...]
    """One sentence per finding, with what to do."""
    counts: Mapping[str, int]
    """Rows by kind, in the ledger and in the index."""
