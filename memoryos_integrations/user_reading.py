"""The read-only half of ``UserMemory``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Never, NoReturn, cast

from memoryos_integrations import arguments, checks, reports
from memoryos_integrations.errors import InvalidInputError
from memoryos_integrations.runtime import inspection
from memoryos_integrations.tiers import chains, long_term, mid_term, persona_versions, short_term
from memoryos_integrations.types import SUBJECTS, Context, Retrieved

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from memoryos_integrations.memory import MemoryOS
    from memoryos_integrations.runtime.store import Store
    from memoryos_integrations.storage.scope import Scope
    from memoryos_integrations.types import About, Chain, Fact, Kind, Page, Persona, Segment, Source, Tier

_BUDGET = "max_tokens"
_TOKENS_A_MESSAGE = 8  # the shortest turns worth a place in a context


class UserReading:
    """Reads the memory of one user with one agent; see ``UserMemory``."""

    def __init__(self, memory: MemoryOS, store: Store, scope: Scope) -> None:
        self._memory, self._store, self._scope = memory, store, scope
        self._ledger = store.ledger
        self._number: int | None = None

    @property
    def user_id(self) -> str:
        """The user's id."""
        return self._scope.user_id

    @property
    def agent_id(self) -> str:
        """The agent's id."""
        return self._scope.agent_id

    @property
    def memory(self) -> MemoryOS:
        """The store that holds it."""
        return self._memory

    def retrieve(
        self,
        query: str,
        *,
        k: int = 10,
        kinds: Sequence[Kind] = ("message",),
        tiers: Sequence[Tier] | None = None,
        thread_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        now: datetime | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        sources: Collection[Source] | None = None,
        least_relevance: float | None = None,
        **unknown: Never,
    ) -> Retrieved:
        """Return the memories that answer a question, best first.

        Args:
            query: the question, as the user asked it.
            k: most items of the kinds in ``kinds``.
            kinds: of ``"message"``, ``"segment"``, ``"fact"``.
            tiers: of ``"short_term"``, ``"mid_term"``, ``"long_term"``; all by default.
            thread_id: only from this conversation.
            metadata: only what was stored with these values.
            now: the time that "yesterday" in the question counts from; the clock's by default.
            since: only from this time on.
            until: only from before this time.
            sources: only from these, of ``"user"``, ``"assistant"``, ``"tool"``, ``"import"``. A fact or a
                segment is returned if all the messages that it rests on are of these times and sources.
            least_relevance: return nothing where ``Retrieved.relevance`` is below this number.
            unknown: none: other names are refused with a hint.

        Raises:
            InvalidInputError: an argument is unusable.
        """
        checks.no_more_arguments("retrieve", unknown, limit="k", top_k="k", filter="metadata")
        question = arguments.question(
            query,
            k=k,
            kinds=kinds,
            tiers=tiers,
            thread_id=thread_id,
            metadata=metadata,
            now=now,
            clock=self._store.times.now,
            since=since,
            until=until,
            sources=sources,
            least_relevance=least_relevance,
        )
        while (number := self._number or self._look_up_number()) is not None:
            found = self._store.retrieval.retrieve(number, question)
            if found is not None:
                return found
            self._number = None  # forgotten; what was stored since is in a new scope
        return Retrieved(query, (), False)

    def _look_up_number(self) -> int | None:
        with self._ledger.read() as tx:
            self._number = self._scope.number(tx)
        return self._number

    @property
    def erasures(self) -> tuple[int, int]:
        """The scope's number (0 while empty) and its erasures; anything read before they changed may be gone.

        Both are needed: after ``forget(everything=True)`` a new scope counts from 0 again.
        """
        with self._ledger.read() as tx:
            return self._scope.number(tx) or 0, self._scope.erasures(tx)

    def context(
        self,
        query: str,
        *,
        max_tokens: int = 2000,
        thread_id: str | None = None,
        shown: Collection[str] = (),
        now: datetime | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        sources: Collection[Source] | None = None,
        least_relevance: float | None = None,
        **unknown: Never,
    ) -> Context:
        """Return memories for a prompt, as one text of at most ``max_tokens`` tokens.

        Of a long message the text shows an excerpt, marked as one; ``Context.items`` have it whole.

        Args:
            query: the question that the model is going to answer.
            max_tokens: of the whole text, frame included.
            thread_id: the running conversation: its newest turns come first, in up to a quarter of it.
            shown: ids or texts of messages that the model sees anyway: others take their place.
            now: the time that "yesterday" in the question counts from; the clock's by default.
            since: only messages and facts from this time on, as in ``retrieve``.
            until: only from before this time.
            sources: only from these.
            least_relevance: where ``Retrieved.relevance`` is below this number, the text has the profile and
                the thread's newest turns only.
            unknown: none: other names are refused with a hint.

        Raises:
            InvalidInputError: an argument is unusable.
        """
        checks.no_more_arguments(
            "context", unknown, limit=_BUDGET, token_limit=_BUDGET, k=_BUDGET, top_k=_BUDGET
        )
        return self._context(
            query,
            max_tokens=max_tokens,
            thread_id=thread_id,
            shown=shown,
            now=now,
            since=since,
            until=until,
            sources=sources,
            least_relevance=least_relevance,
        )

    def _context(
        self,
        query: str,
        *,
        max_tokens: int,
        thread_id: str | None,
        shown: Collection[str],
        most_pages: int | None = None,
        **wanted: Any,
    ) -> Context:
        checks.whole("max_tokens", max_tokens, least=1, most=1_000_000)
        if isinstance(shown, str):
            raise InvalidInputError("shown must be a collection of ids or texts, not one text")
        thread = None if thread_id is None else checks.identifier("thread_id", thread_id)
        question = arguments.question(
            query,
            k=min(max(20, max_tokens // _TOKENS_A_MESSAGE) + len(shown), checks.MAX_K),
            kinds=("message", "fact"),
            tiers=None,
            thread_id=None,
            metadata=None,
            clock=self._store.times.now,
            **({"now": None} | wanted),
        )
        with self._ledger.read() as tx:
            number = self._scope.number(tx)
        if number is None:
            return Context("", 0, (), ())
        # Rule-based facts add nothing to their messages, which are candidates too.
        question = replace(question, without_extractive=True)
        return self._store.context_builder.context(
            number,
            question,
            max_tokens=max_tokens,
            thread_id=thread,
            shown=frozenset(shown),
            most_pages=most_pages,
        )

    def pages(self, *, thread_id: str | None = None, limit: int | None = None) -> list[Page]:
        """Return pages of every tier, oldest first; with ``limit``, only the newest."""
        thread = None if thread_id is None else checks.identifier("thread_id", thread_id)
        newest = None if limit is None else checks.whole("limit", limit, least=1, most=10**9)
        with self._ledger.read() as tx:
            number = self._scope.number(tx)
            return (
                [] if number is None else short_term.load_pages(tx, number, thread_id=thread, newest=newest)
            )

    def segments(self) -> list[Segment]:
        """Return the topic segments of mid-term memory with their current heat, hottest first."""
        self._store.job_handlers.write_visits()
        with self._ledger.read() as tx:
            number = self._scope.number(tx)
            now, config = self._store.times.now_us(), self._store.config
            return [] if number is None else mid_term.load_segments(tx, number, now=now, config=config)

    def chains(self) -> list[Chain]:
        """Return the chains of pages that continue each other, oldest first; empty without a chat model."""
        with self._ledger.read() as tx:
            number = self._scope.number(tx)
            return [] if number is None else chains.load(tx, number)

    def facts(self, *, about: About | None = None, at: datetime | None = None) -> list[Fact]:
        """Return the facts that are valid now, or were at another time, newest first."""
        subject = None if about is None else cast("About", checks.one_of("about", about, SUBJECTS))
        moment = self._store.times.now() if at is None else checks.moment("at", at)
        with self._ledger.read() as tx:
            number = self._scope.number(tx)
            return [] if number is None else long_term.load_facts(tx, number, about=subject, at=moment)

    def history(self, fact_id: str) -> list[Fact]:
        """Return a fact with its predecessors and successors, oldest first.

        Raises:
            InvalidInputError: this user has no such fact.
        """
        checks.identifier("fact_id", fact_id)
        with self._ledger.read() as tx:
            number = self._scope.number(tx)
            facts = None if number is None else long_term.history(tx, number, fact_id)
        if facts is None:
            raise InvalidInputError(f"fact_id: this user has no fact {fact_id!r}")
        return facts

    def persona(self, *, version: int | None = None) -> Persona:
        """Return the persona of the user and the agent, current or of an earlier version.

        Raises:
            InvalidInputError: there is no such version.
        """
        now, most = self._store.times.now(), self._store.config.knowledge_capacity
        with self._ledger.read() as tx:
            number = self._scope.number(tx) or 0
            knowledge = long_term.load_knowledge(tx, number, at=now, capacity=most)
            loaded = persona_versions.load(tx, number, version=version, knowledge=knowledge)
        if loaded is None:
            raise InvalidInputError(f"version: this persona has no version {version!r}")
        return loaded

    def trace(self, item_id: str) -> list[Page]:
        """Return the source pages of a message, page, segment, chain or fact, oldest first.

        Raises:
            InvalidInputError: this user has no such item.
        """
        checks.identifier("item_id", item_id)
        with self._ledger.read() as tx:
            number = self._scope.number(tx)
            pages = None if number is None else inspection.trace(tx, number, item_id)
        if pages is None:
            raise InvalidInputError(f"item_id: this user has no item {item_id!r}")
        return pages

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        with self._ledger.read() as tx:
            tiers = inspection.tiers(tx, self._scope.number(tx) or 0)
        return reports.mimebundle(reports.card(repr(self), tiers))

    def __reduce__(self) -> NoReturn:
        checks.refuse_pickling("UserMemory")

    def __repr__(self) -> str:
        return f"UserMemory(user_id={self.user_id!r}, agent_id={self.agent_id!r})"
