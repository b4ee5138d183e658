"""The values of the public API: frozen, and independent of storage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, overload

from memoryos_integrations.reports import FlushReport as FlushReport
from memoryos_integrations.reports import ForgetReceipt as ForgetReceipt
from memoryos_integrations.reports import Report as Report
from memoryos_integrations.reports import Shown
from memoryos_integrations.tokens import LazyCount

if TYPE_CHECKING:
    from memoryos_integrations.traits import Group, Level

Role = Literal["user", "assistant", "tool"]
Tier = Literal["short_term", "mid_term", "long_term"]
Kind = Literal["message", "segment", "fact"]
About = Literal["user", "agent"]
Source = Literal["user", "assistant", "tool", "import"]

ROLES: tuple[Role, ...] = ("user", "assistant", "tool")
TIERS: tuple[Tier, ...] = ("short_term", "mid_term", "long_term")
SUBJECTS: tuple[About, ...] = ("user", "agent")
KINDS: tuple[Kind, ...] = ("message", "segment", "fact")
SOURCES: tuple[Source, ...] = ("user", "assistant", "tool", "import")


@dataclass(frozen=True, slots=True)
class Message(Shown):
    """One side of a turn."""

    _columns = ("role name", "text")

    id: str
    """Unique in the store."""
    page_id: str
    """The page that holds it."""
    thread_id: str
    """The conversation it belongs to."""
    role: Role
    """The speaker's role, as in chat models."""
    text: str
    """Its text, verbatim."""
    at: datetime
    """Its time, UTC."""
    name: str | None = None
    """The speaker's name, if known."""
    source: str = "user"
    """Origin of the text: user, assistant, tool or import. Set by the caller, never by the text."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """What the caller stored with it."""


@dataclass(frozen=True, slots=True)
class Page(Shown):
    """A stored turn: one side or both."""

    _columns = ("at/tier/thread_id", "messages")

    id: str
    """Unique in the store."""
    thread_id: str
    """The conversation it belongs to."""
    at: datetime
    """When it began, UTC."""
    tier: Tier
    """``short_term`` until newer pages push it out, then ``mid_term``."""
    segment_id: str | None
    """Its topic segment; ``None`` in short-term memory or after the segment's eviction."""
    messages: tuple[Message, ...]
    """Its messages, in order."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """What the caller stored with it."""
    chain_id: str | None = None
    """The chain it belongs to; ``None`` until a model has refined it."""


@dataclass(frozen=True, slots=True)
class Chain(Shown):
    """Pages of one conversation that continue each other, according to a model."""

    _columns = ("thread_id", "page_ids", "summary/method")

    id: str
    """Unique in the store."""
    thread_id: str
    """The conversation."""
    summary: str
    """Summary of the pages."""
    page_ids: tuple[str, ...]
    """Its pages, oldest first."""
    method: str
    """The name of the model."""


@dataclass(frozen=True, slots=True)
class Segment(Shown):
    """Pages on one topic."""

    _columns = ("heat", "visits", "page_ids", "keywords/summary/started_at ended_at method")

    id: str
    """Unique in the store."""
    summary: str
    """Summary of the pages; empty while it is rebuilt."""
    keywords: tuple[str, ...]
    """Its most distinctive words, best first."""
    page_count: int
    """L_interaction of the paper: pages since the last promotion."""
    visits: int
    """N_visit of the paper: number of retrievals that returned one of its pages."""
    heat: float
    """α·visits + β·page_count + γ·recency at the time of the call."""
    started_at: datetime
    """Time of its oldest page, UTC."""
    ended_at: datetime
    """Time of its newest page, UTC."""
    page_ids: tuple[str, ...]
    """Its pages, oldest first."""
    method: str
    """Source of summary and keywords: ``"extractive"`` or a model's name. Sentences of pages that the model
    has not summarised follow its summary; words of all pages follow its keywords."""


@dataclass(frozen=True, slots=True)
class Fact(Shown):
    """One statement of long-term memory."""

    _columns = ("valid_from/valid_to", "about", "text/source method")

    id: str
    """Unique in the store."""
    about: About
    """Its subject."""
    text: str
    """The statement."""
    valid_from: datetime
    """Start of its validity, UTC."""
    valid_to: datetime | None
    """End of its validity, UTC; ``None`` while it is valid."""
    source: str
    """The least trusted source of its messages: user, assistant, tool or import. If it was stated several
    times, that of the most trusted time."""
    source_page_ids: tuple[str, ...]
    """The pages it was extracted from; empty for ``remember()``."""
    method: str
    """``"remembered"``, ``"import"``, ``"extractive"`` or a model's name."""
    superseded_by: str | None = None
    """Id of the fact that replaced it, if any."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """What the caller stored with it."""


@dataclass(frozen=True, slots=True)
class Trait(Shown):
    """One tendency of the user, according to a model. ``str()`` returns its level."""

    _columns = ("level",)

    dimension: str
    """Its name, one of ``memoryos_integrations.traits.DIMENSIONS``."""
    group: Group
    """The group that the dimension belongs to."""
    level: Level
    """How strong the tendency is."""
    since: datetime
    """Time of the oldest page that shows it at this level, UTC."""
    source_page_ids: tuple[str, ...]
    """The pages that show it, oldest first."""

    def __str__(self) -> str:
        return self.level


@dataclass(frozen=True, slots=True)
class Persona(Shown):
    """Long-term memory of the user and the agent."""

    version: int
    """0 for an empty persona; every change creates a new version."""
    profile: Mapping[str, Any]
    """The user's attributes by field, such as name and home; fields with several values have a list."""
    traits: Mapping[str, Trait]
    """The user's traits by dimension; only those that a model found."""
    knowledge: tuple[Fact, ...]
    """Valid facts, newest first, at most ``MemoryConfig.knowledge_capacity`` about each subject."""
    updated_at: datetime | None
    """When this version was created, UTC."""
    method: str
    """``"extractive"`` or a model's name."""
    agent_profile: Mapping[str, Any] = field(default_factory=dict)
    """The agent's attributes by field, such as name and role."""


@dataclass(frozen=True, kw_only=True)
class MemoryItem(Shown):
    """One memory that a retrieval found."""

    _columns = ("score", "text/role name at kind tier thread_id/parts")

    id: str
    """Id of the message, segment or fact."""
    tier: Tier
    """The tier it was found in."""
    kind: Kind
    """Whether it is a message, a segment or a fact."""
    text: str
    """Its text, verbatim; the summary of a segment."""
    role: Role | None
    """The speaker's role; ``None`` for segments and facts."""
    name: str | None
    """The speaker's name, if known."""
    at: datetime
    """Time of the message, or start of the fact's validity, UTC."""
    score: float
    """Higher is better; comparable within one retrieval only."""
    tokens: LazyCount = LazyCount()  # noqa: RUF009 (a descriptor, shared on purpose)
    """Tokens of the text; counted when it is first read."""
    thread_id: str | None
    """The conversation it comes from; ``None`` for segments and facts."""
    page_id: str | None
    """The page that holds it; ``None`` for segments and facts."""
    segment_id: str | None
    """The topic segment it belongs to, if any."""
    source_page_ids: tuple[str, ...]
    """Its source pages."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """What the caller stored with it."""
    parts: Mapping[str, float] = field(default_factory=dict)
    """What each signal added to the score, by its name: "meaning" (of the text), "words" (shared with the
    question), "meaning nearby" and "words nearby" (of the messages before and after), "your own words",
    "assistant's words", "same conversation", "speaker named", "date", "day", "asked before"."""
    source: Source | None = None
    """Where the text came from; ``None`` for a segment, which rests on messages of several."""

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"tokens": self.tokens}  # a counter cannot be copied


@dataclass(frozen=True, slots=True)
class Retrieved(Shown, Sequence[MemoryItem]):
    """The result of a retrieval: a sequence of its ``items``, false when empty."""

    query: str
    """The question."""
    items: tuple[MemoryItem, ...]
    """The memories, best first."""
    dense: bool
    """Whether vectors took part; ``False`` when there is no embedder or it is down."""
    relevance: float | None = None
    """How near the nearest memory comes to the question: the greatest of cosine + 0.2 · share of its words.
    ``None`` without vectors or memories. Its scale is the embedder's."""

    def __len__(self) -> int:
        return len(self.items)

    @overload
    def __getitem__(self, index: int) -> MemoryItem: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[MemoryItem, ...]: ...
    def __getitem__(self, index: int | slice) -> MemoryItem | tuple[MemoryItem, ...]:
        return self.items[index]


@dataclass(frozen=True, slots=True)
class Context(Shown):
    """Memories rendered for a prompt, within a token budget. ``str()`` returns the text."""

    text: str
    """Ready for a prompt, with stored text as quoted data. Empty if nothing fits."""
    tokens: int
    """Tokens of ``text``, at most ``max_tokens``."""
    items: tuple[MemoryItem, ...]
    """The memories in ``text``, in the same order."""
    left_out: tuple[MemoryItem, ...]
    """Candidates that did not fit, best first."""

    def __str__(self) -> str:
        return self.text
