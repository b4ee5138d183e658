"""The tools of the MCP server, bound to one user: no tool takes a user's id.

Models read the methods' docstrings. The server calls the methods in worker threads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from memoryos_integrations.apps.mcp.replies import (
    AddedTurn,
    ExplainedMemory,
    ForgottenMemories,
    FoundTurn,
    ItemKind,
    Knowledge,
    Match,
    MemoryList,
    RememberedFact,
    RetrievedMemory,
    Turn,
    TurnDetails,
    UserProfile,
    fact_entry,
    iso,
    knowledge_entry,
    list_page,
    message_entry,
    now,
    page_entry,
    segment_entry,
    turn_fields,
)
from memoryos_integrations.apps.mcp.texts import guidance, profile_text
from memoryos_integrations.apps.options import parse_time
from memoryos_integrations.checks import MAX_ID_LENGTH, MAX_TEXT_BYTES
from memoryos_integrations.errors import InvalidInputError
from memoryos_integrations.types import About, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from memoryos_integrations.types import MemoryItem, Page
    from memoryos_integrations.user_memory import UserMemory

THREAD = "mcp"
"""The thread of turns that MCP clients add."""

_EXPLAINED_AMONG = 20
_EXPLAINED_PAGES = 50

Text = Annotated[str, Field(max_length=MAX_TEXT_BYTES)]
Question = Annotated[
    str, Field(min_length=1, max_length=100_000, description="What to find, as a question or in key words.")
]
MemoryId = Annotated[str, Field(min_length=1, max_length=MAX_ID_LENGTH)]


class MemoryTools:
    """Tools on one memory.

    Args:
        user: whose memory.
    """

    def __init__(self, user: UserMemory) -> None:
        self._user = user

    def add_memory(
        self,
        user_input: Annotated[Text, Field(description="What the user said.")],
        agent_response: Annotated[Text, Field(description="What was answered.")],
        timestamp: Annotated[
            str | None,
            Field(
                max_length=64,
                description="YYYY-MM-DD HH:MM:SS, local time unless it has a zone; now by default.",
            ),
        ] = None,
        meta_data: Annotated[
            dict[str, Any] | None, Field(description="JSON values to keep with the turn.")
        ] = None,
    ) -> AddedTurn:
        """Add a turn of a conversation to long-term memory: what the user said and what was answered."""
        at = parse_time("timestamp", timestamp or None, local=True)
        page = self._user.add(user_input, agent_response, thread_id=THREAD, at=at, metadata=meta_data)
        details = TurnDetails(
            user_input_length=len(user_input),
            agent_response_length=len(agent_response),
            has_meta_data=meta_data is not None,
        )
        return AddedTurn(message="The turn is stored.", timestamp=iso(page.at), details=details, id=page.id)

    def retrieve_memory(
        self,
        query: Question,
        relationship_with_user: Annotated[
            str, Field(max_length=200, description="What you are to the user, such as friend or colleague.")
        ] = "friend",
        style_hint: Annotated[
            str, Field(max_length=1000, description="How the answer is to be written.")
        ] = "",
        max_results: Annotated[
            int, Field(ge=1, le=100, description="Most pages, and most facts about each of you.")
        ] = 10,
    ) -> RetrievedMemory:
        """Find what is remembered about a question: earlier turns, facts, and the user's profile."""
        capacity = self._user.memory.config.short_term_capacity
        newest = [page for page in self._user.pages(limit=capacity) if page.tier == "short_term"]
        turns = self._turns_for(query, max_results)
        facts = self._facts_for(query, max_results)
        return RetrievedMemory(
            query=query,
            timestamp=now(),
            user_profile=profile_text(self._user.persona()),
            short_term_memory=[Turn(**turn_fields(page)) for page in newest],
            short_term_count=len(newest),
            retrieved_pages=turns[:max_results],
            retrieved_user_knowledge=facts["user"][:max_results],
            retrieved_assistant_knowledge=facts["agent"][:max_results],
            total_pages_found=len(turns),
            total_user_knowledge_found=len(facts["user"]),
            total_assistant_knowledge_found=len(facts["agent"]),
            guidance=guidance(relationship_with_user, style_hint),
        )

    def get_user_profile(
        self,
        include_knowledge: Annotated[bool, Field(description="Also the facts about the user.")] = True,
        include_assistant_knowledge: Annotated[bool, Field(description="Also the facts about you.")] = False,
    ) -> UserProfile:
        """Get what is known of the user: profile, traits and facts."""
        of_user = self._knowledge("user") if include_knowledge else None
        of_agent = self._knowledge("agent") if include_assistant_knowledge else None
        return UserProfile(
            timestamp=now(),
            user_id=self._user.user_id,
            assistant_id=self._user.agent_id,
            user_profile=profile_text(self._user.persona()),
            user_knowledge=of_user,
            user_knowledge_count=None if of_user is None else len(of_user),
            assistant_knowledge=of_agent,
            assistant_knowledge_count=None if of_agent is None else len(of_agent),
        )

    def remember(
        self,
        statement: Annotated[Text, Field(min_length=1, description="One statement, complete in itself.")],
        about: Annotated[About, Field(description="Whom it is about: the user, or you, the agent.")] = "user",
    ) -> RememberedFact:
        """Keep a lasting fact, such as a preference, a name or a plan. The same fact is kept once."""
        fact = self._user.remember(statement, about=about, metadata={"told_by": "model"})
        return RememberedFact(id=fact.id, about=fact.about, timestamp=iso(fact.valid_from))

    def forget(
        self,
        ids: Annotated[
            list[MemoryId],
            Field(min_length=1, max_length=100, description="As the tools that find or list show them."),
        ],
    ) -> ForgottenMemories:
        """Erase memories for good, with all that was derived from them. Only when the user asks for it."""
        receipt = self._user.forget(ids=ids)
        return ForgottenMemories(
            messages=len(receipt.message_ids),
            pages=len(receipt.page_ids),
            facts=len(receipt.fact_ids),
            segments=len(receipt.segment_ids),
            missing_ids=list(receipt.missing_ids),
        )

    def list_memories(
        self,
        kind: Annotated[
            Kind, Field(description="message or fact: newest first; segment: topics, hottest first.")
        ] = "message",
        limit: Annotated[int, Field(ge=1, le=100)] = 20,
        offset: Annotated[int, Field(ge=0, le=100_000, description="How many to pass over.")] = 0,
    ) -> MemoryList:
        """List what is stored of the user, with the ids by which it can be explained or forgotten."""
        if kind == "fact":
            return list_page(self._user.facts(), fact_entry, offset, limit)
        if kind == "segment":
            return list_page(self._user.segments(), segment_entry, offset, limit)
        pages = self._user.pages(limit=offset + limit + 1)
        pairs = [(page, message) for page in reversed(pages) for message in reversed(page.messages)]
        return list_page(pairs, message_entry, offset, limit)

    def explain_memory(
        self,
        item_id: Annotated[MemoryId, Field(description="Of a message, page, segment or fact.")],
        question: Annotated[
            str, Field(max_length=100_000, description="Also tell how well the memory answers this question.")
        ] = "",
    ) -> ExplainedMemory:
        """Tell where a memory comes from: the turns it rests on, word by word, and how it was made."""
        pages = self._user.trace(item_id)
        kind, text, method = self._identified(item_id, pages)
        match = self._match(item_id, kind, question) if question.strip() and kind != "page" else None
        return ExplainedMemory(
            id=item_id,
            kind=kind,
            text=text,
            method=method,
            page_count=len(pages),
            pages=[page_entry(page) for page in pages[-_EXPLAINED_PAGES:]],
            match=match,
        )

    def _turns_for(self, query: str, most: int) -> list[FoundTurn]:
        """Return the pages of the best messages; most pages have two."""
        best: dict[str | None, MemoryItem] = {}
        for item in self._user.retrieve(query, k=2 * most).items:
            best.setdefault(item.page_id, item)
        pages = [page for item in best.values() for page in self._rests_on(item)]
        summaries = {}
        if any(page.segment_id for page in pages):
            summaries = {segment.id: segment.summary for segment in self._user.segments()}
        return [
            FoundTurn(**turn_fields(page), meta_info=summaries.get(page.segment_id or "", ""))
            for page in pages
        ]

    def _rests_on(self, item: MemoryItem) -> list[Page]:
        try:
            return self._user.trace(item.id)
        except InvalidInputError:
            return []  # forgotten by another client meanwhile

    def _facts_for(self, query: str, most: int) -> dict[About, list[Knowledge]]:
        holding = {fact.id: fact for fact in self._user.facts()}
        found: dict[About, list[Knowledge]] = {"user": [], "agent": []}
        if holding:
            items = self._user.retrieve(query, k=2 * most, kinds=("fact",)).items
            for fact in (holding[item.id] for item in items if item.id in holding):
                found[fact.about].append(knowledge_entry(fact))
        return found

    def _knowledge(self, about: About) -> list[Knowledge]:
        most = self._user.memory.config.knowledge_capacity
        return [knowledge_entry(fact) for fact in self._user.facts(about=about)[:most]]

    def _identified(self, item_id: str, pages: Sequence[Page]) -> tuple[ItemKind, str | None, str | None]:
        """Return what an item is, its text, and how it was made."""
        for page in pages:
            if page.id == item_id:
                return "page", None, "verbatim"
            for message in page.messages:
                if message.id == item_id:
                    return "message", message.text, "verbatim"
        for fact in self._user.facts():
            if fact.id == item_id:
                return "fact", fact.text, fact.method
        for segment in self._user.segments():
            if segment.id == item_id:
                return "segment", segment.summary, segment.method
        return "fact", None, None

    def _match(self, item_id: str, kind: Kind, question: str) -> Match | None:
        items: Iterable[MemoryItem] = self._user.retrieve(question, k=_EXPLAINED_AMONG, kinds=(kind,)).items
        for rank, item in enumerate(items, start=1):
            if item.id == item_id:
                return Match(rank=rank, score=item.score, parts=dict(item.parts))
        return None
