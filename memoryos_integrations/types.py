"""The values that go in and come out: frozen, and ignorant of how they are stored."""

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
class Page(Shown):
    """One exchange as it is stored: one side or both."""

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
    """The topic segment it was placed in; ``None`` in short-term memory or after the segment's eviction."""
    messages: tuple[Message, ...]
    """What was said, in order."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """What the caller stored with it."""
    chain_id: str | None = None
    """The run of pages that it continues; ``None`` until a model has read it."""


@dataclass(frozen=True, slots=True)
class Chain(Shown):
    """Pages of one conversation that continue each other, as a model saw them."""

    _columns = ("thread_id", "page_ids", "summary/method")

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
class Segment(Shown):
    """Pages on one topic."""

    _columns = ("heat", "visits", "page_ids", "keywords/summary/started_at ended_at method")

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
class Fact(Shown):
    """One statement that is held to be true."""

    _columns = ("valid_from/valid_to", "about", "text/source method")

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
    """The least trusted source that it rests on: user, assistant, tool or import. Where it was said more than
    once, that of the most trusted time."""
    source_page_ids: tuple[str, ...]
    """The pages it was drawn from; empty for what was told by ``remember()``."""
    method: str
    """``"remembered"``, ``"import"``, ``"extractive"`` or a model's name."""
    superseded_by: str | None = None
    """The fact that took its place, if one did."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """What the caller stored with it."""


@dataclass(frozen=True, slots=True)
class Trait(Shown):
    """One tendency of the user, as a model saw it. As text it is its level."""

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
    """What long-term memory holds about the user and the agent."""

    version: int
    """0 before anything was learnt; every change makes a new version."""
    profile: Mapping[str, Any]
    """What is known of the user by field, such as name and home; fields with several values have a list."""
    traits: Mapping[str, Trait]
    """The user's tendencies by dimension, where a model saw one."""
    knowledge: tuple[Fact, ...]
    """Facts that hold now, newest first, at most ``MemoryConfig.knowledge_capacity`` about each subject."""
    updated_at: datetime | None
    """When this version was made, UTC."""
    method: str
    """``"extractive"`` or a model's name."""
    agent_profile: Mapping[str, Any] = field(default_factory=dict)
    """What is known of the agent by field, such as name and role."""


@dataclass(frozen=True, kw_only=True)
class MemoryItem(Shown):
    """One memory that a retrieval found."""

    _columns = ("score", "text/role name at kind tier thread_id/parts")

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
    tokens: LazyCount = LazyCount()  # noqa: RUF009 (a descriptor, shared on purpose)
    """Tokens of the text; counted when it is first read."""
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
    """What each signal added to the score, by its name: "meaning" (of the text), "words" (shared with the
    question), "meaning nearby" and "words nearby" (of the messages before and after), "your own words",
    "assistant's words", "same conversation", "speaker named", "date", "day", "asked before"."""
    source: Source | None = None
    """Where the text came from; ``None`` for a segment, which rests on messages of several."""

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"tokens": self.tokens}  # a counter cannot be copied


@dataclass(frozen=True, slots=True)
class Retrieved(Shown, Sequence[MemoryItem]):
    """What a question brought back: a sequence of its ``items``, false when there are none."""

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
    """Memories rendered for a model, within a token budget; as a string it is its text."""

    text: str
    """Ready to be put into a prompt; stored text stands in it as quoted data. Empty if nothing fits."""
    tokens: int
    """Tokens of ``text``, never more than was allowed."""
    items: tuple[MemoryItem, ...]
    """Exactly the memories that stand in ``text``, in its order."""
    left_out: tuple[MemoryItem, ...]
    """Memories that were considered and did not fit, best first."""

    def __str__(self) -> str:
        return self.text
