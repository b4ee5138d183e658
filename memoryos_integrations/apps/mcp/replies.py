"""Results of the MCP tools. The first three have the fields of the reference server, and more.

Times are ISO 8601 in UTC. Texts are verbatim unless a field says otherwise.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import BaseModel, Field, SerializerFunctionWrapHandler, model_serializer

from memoryos_integrations.types import About, Kind, Role, Tier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from memoryos_integrations.types import Fact, Message, Page, Segment

T = TypeVar("T")
_LISTED_CHARACTERS = 1000

ItemKind = Literal["message", "page", "segment", "fact"]


class TurnDetails(BaseModel):
    """Of a turn that was stored."""

    user_input_length: int
    agent_response_length: int
    has_meta_data: bool


class AddedTurn(BaseModel):
    """A turn that was stored."""

    status: Literal["success"] = "success"
    message: str
    timestamp: str = Field(description="When the turn was said.")
    details: TurnDetails
    id: str = Field(description="Of the page that holds the turn.")


class Turn(BaseModel):
    """A stored exchange. A speaker's name stands before their words where it is known."""

    user_input: str
    agent_response: str
    timestamp: str
    id: str = Field(description="For forget and explain_memory.")


class FoundTurn(Turn):
    """A stored exchange that answers a question."""

    meta_info: str = Field(description="Summary of the topic that it belongs to; empty if it has none yet.")


class Knowledge(BaseModel):
    """A fact."""

    knowledge: str
    timestamp: str = Field(description="Since when it holds.")
    id: str = Field(description="For forget and explain_memory.")


class RetrievedMemory(BaseModel):
    """What answers a question."""

    status: Literal["success"] = "success"
    query: str
    timestamp: str
    user_profile: str
    short_term_memory: list[Turn] = Field(
        description="The newest turns, whatever the question; oldest first."
    )
    short_term_count: int
    retrieved_pages: list[FoundTurn] = Field(description="Best first.")
    retrieved_user_knowledge: list[Knowledge] = Field(description="Best first.")
    retrieved_assistant_knowledge: list[Knowledge] = Field(description="Best first.")
    total_pages_found: int = Field(description="Before max_results was applied; the same for the others.")
    total_user_knowledge_found: int
    total_assistant_knowledge_found: int
    guidance: str = Field(description="How to use this in an answer.")


class UserProfile(BaseModel):
    """What is known of the user. Knowledge that was not asked for is left out."""

    status: Literal["success"] = "success"
    timestamp: str
    user_id: str
    assistant_id: str
    user_profile: str
    user_knowledge: list[Knowledge] | None = Field(default=None, description="Newest first.")
    user_knowledge_count: int | None = None
    assistant_knowledge: list[Knowledge] | None = Field(default=None, description="Newest first.")
    assistant_knowledge_count: int | None = None

    @model_serializer(mode="wrap")
    def _without_what_was_not_asked(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in handler(self).items() if value is not None}


class RememberedFact(BaseModel):
    """A fact that is kept."""

    status: Literal["success"] = "success"
    id: str
    about: About
    timestamp: str = Field(description="Since when it holds.")


class ForgottenMemories(BaseModel):
    """What was erased."""

    status: Literal["success"] = "success"
    messages: int
    pages: int
    facts: int
    segments: int = Field(description="Topics that are gone or whose summary was blanked.")
    missing_ids: list[str] = Field(description="Ids that this user does not have.")


class Memory(BaseModel):
    """One memory of a list."""

    id: str
    kind: Kind
    text: str = Field(description="A segment's is its summary; a long one is cut, and ends with […].")
    timestamp: str
    tier: Tier | None = None
    thread_id: str | None = None
    role: Role | None = None
    name: str | None = Field(default=None, description="The speaker's, if it is known.")
    about: About | None = Field(default=None, description="Whom a fact is about.")


class MemoryList(BaseModel):
    """A part of what is stored."""

    status: Literal["success"] = "success"
    memories: list[Memory]
    next_offset: int | None = Field(description="Where the next part begins; null if this is the last.")


class SourceMessage(BaseModel):
    """One side of a turn that a memory rests on."""

    id: str
    role: Role
    name: str | None
    text: str
    source: str = Field(description="Where the text came from: user, assistant, tool or import.")


class SourcePage(BaseModel):
    """A turn that a memory rests on."""

    id: str
    thread_id: str
    timestamp: str
    tier: Tier
    messages: list[SourceMessage]


class Match(BaseModel):
    """How a memory answers a question."""

    rank: int = Field(description="1 for the best.")
    score: float
    parts: dict[str, float] = Field(description="What each signal added to the score.")


class ExplainedMemory(BaseModel):
    """Where a memory comes from."""

    status: Literal["success"] = "success"
    id: str
    kind: ItemKind
    text: str | None = Field(
        description="Null for a page, whose messages follow, and for a fact that was replaced."
    )
    method: str | None = Field(
        description="How it was made: verbatim, remembered, extractive, or a model's name."
    )
    pages: list[SourcePage] = Field(
        description="What it rests on, oldest first; none for a fact stored by remember."
    )
    page_count: int = Field(description="Of all pages that it rests on; the newest 50 are shown.")
    match: Match | None = Field(description="Null without a question, or if others answer it better.")


def now() -> str:
    """Return the time of a reply."""
    return iso(datetime.now(UTC))


def iso(at: datetime) -> str:
    """Return a time as replies give it."""
    return at.isoformat(timespec="seconds")


def turn_fields(page: Page) -> dict[str, str]:
    """Return the fields of a ``Turn``; all roles but the user's are on the agent's side."""
    return {
        "user_input": _side(message for message in page.messages if message.role == "user"),
        "agent_response": _side(message for message in page.messages if message.role != "user"),
        "timestamp": iso(page.at),
        "id": page.id,
    }


def knowledge_entry(fact: Fact) -> Knowledge:
    """Return a fact as knowledge."""
    return Knowledge(knowledge=fact.text, timestamp=iso(fact.valid_from), id=fact.id)


def page_entry(page: Page) -> SourcePage:
    """Return a page as a source of a memory."""
    messages = [
        SourceMessage(
            id=message.id, role=message.role, name=message.name, text=message.text, source=message.source
        )
        for message in page.messages
    ]
    return SourcePage(
        id=page.id, thread_id=page.thread_id, timestamp=iso(page.at), tier=page.tier, messages=messages
    )


def list_page(items: Sequence[T], entry: Callable[[T], Memory], offset: int, limit: int) -> MemoryList:
    """Return a part of some items as a list."""
    end = offset + limit
    memories = [entry(item) for item in items[offset:end]]
    return MemoryList(memories=memories, next_offset=end if len(items) > end else None)


def message_entry(pair: tuple[Page, Message]) -> Memory:
    """Return a page's message as an entry of a list."""
    page, message = pair
    return Memory(
        id=message.id,
        kind="message",
        text=_cut(message.text),
        timestamp=iso(message.at),
        tier=page.tier,
        thread_id=page.thread_id,
        role=message.role,
        name=message.name,
    )


def fact_entry(fact: Fact) -> Memory:
    """Return a fact as an entry of a list."""
    return Memory(
        id=fact.id,
        kind="fact",
        text=_cut(fact.text),
        timestamp=iso(fact.valid_from),
        tier="long_term",
        about=fact.about,
    )


def segment_entry(segment: Segment) -> Memory:
    """Return a topic as an entry of a list, with the time of its newest page."""
    return Memory(
        id=segment.id,
        kind="segment",
        text=_cut(segment.summary),
        timestamp=iso(segment.ended_at),
        tier="mid_term",
    )


def _side(messages: Iterable[Message]) -> str:
    return "\n".join(
        f"{who}: {message.text}" if (who := _speaker(message)) else message.text for message in messages
    )


def _speaker(message: Message) -> str | None:
    return message.name or ("Tool" if message.role == "tool" else None)


def _cut(text: str) -> str:
    return text if len(text) <= _LISTED_CHARACTERS else text[:_LISTED_CHARACTERS] + " […]"
