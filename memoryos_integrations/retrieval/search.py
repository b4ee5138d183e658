"""Retrieval: a question comes in, the memories that answer it come out, best first.

The unit is the message. Every message of the scope competes; segments and sessions lift what belongs
together but never keep anything out.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import sqlalchemy as sa

from memoryos_integrations.events import Recalled
from memoryos_integrations.language.date_windows import date_windows
from memoryos_integrations.retrieval import hints, segments_and_facts
from memoryos_integrations.retrieval.filters import allowed_rows
from memoryos_integrations.retrieval.paper_strategy import by_paper
from memoryos_integrations.retrieval.ranking import WINDOW, WORDS, Ranking, Signals, joined, min_max, rank
from memoryos_integrations.storage import schema
from memoryos_integrations.storage.sql import chunks
from memoryos_integrations.tiers.short_term import message_from
from memoryos_integrations.types import MemoryItem, Retrieved

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from memoryos_integrations.arguments import Question
    from memoryos_integrations.config import MemoryConfig
    from memoryos_integrations.events import Event
    from memoryos_integrations.protocols import TokenCounter
    from memoryos_integrations.retrieval.scope_rows import ScopeCache, ScopeRows
    from memoryos_integrations.retrieval.vector_signal import Mask, Vector, VectorSignal
    from memoryos_integrations.storage.ledger import Ledger
    from memoryos_integrations.tiers.visits import Visits
    from memoryos_integrations.types import Message, Page

_messages, _pages = schema.messages, schema.pages
_READ_AT_ONCE = 50  # messages of a context: 1 000 tokens are about 35 of LoCoMo's


@dataclass(frozen=True, slots=True)
class Found:
    """What a question brought back, before it is cut to ``k``."""

    messages: list[MemoryItem]
    """Best first."""
    derived: list[MemoryItem]
    """Segments and facts, best first, on the messages' scale."""
    dense: bool
    """Whether vectors took part."""
    order: Mapping[str, int]
    """Sequence number of each message, for those of one moment."""


class Retrieval:
    """Answers questions about one store.

    Args:
        ledger: where texts are read from; what is not in it any more is never returned.
        cache: the scopes in memory.
        dense: makes the question's vector and the messages' cosines.
        visits: learns which segments were of use.
        config: see ``MemoryConfig``.
        count_tokens: fills ``MemoryItem.tokens``.
        now: microseconds since 1970.
        emit: receives ``Recalled``.
    """

    def __init__(
        self,
        ledger: Ledger,
        cache: ScopeCache,
        dense: VectorSignal,
        visits: Visits,
        *,
        config: MemoryConfig,
        count_tokens: TokenCounter,
        now: Callable[[], int],
        emit: Callable[[Event], None],
    ) -> None:
        self._ledger, self._cache, self._dense, self._visits = ledger, cache, dense, visits
        self._config, self._count_tokens, self._now, self._emit = config, count_tokens, now, emit
        self._embedding = dense.embedding

    def retrieve(self, scope: int, question: Question) -> Retrieved:
        """Return up to ``k`` items of the asked kinds, best first, and count a visit of their segments."""
        found = self.find(scope, question)
        best = sorted((*found.messages, *found.derived), key=lambda item: -item.score)[: question.k]
        self.visit(best)
        return Retrieved(question.text, tuple(best), found.dense)

    def find(self, scope: int, question: Question) -> Found:
        """Return up to ``k`` messages and up to ``k`` segments and facts, scored on one scale."""
        started = time.perf_counter()
        vector = self._dense.vector_of(question.text)
        others: list[MemoryItem] = []
        other_signals: Signals | None = None
        if set(question.kinds) & {"segment", "fact"}:
            with self._ledger.read() as tx:
                others, other_signals = segments_and_facts.gather(
                    tx,
                    scope,
                    question,
                    vector,
                    self._embedding.id,
                    config=self._config,
                    count_tokens=self._count_tokens,
                )
        messages: list[MemoryItem] = []
        order: dict[str, int] = {}
        if "message" in question.kinds:
            chosen, ranking, rest = self._choose_messages(scope, question, vector, other_signals)
            if ranking is not None:
                messages, order = self._items(chosen, ranking, question)
        else:
            rest = rank(other_signals) if other_signals is not None else None
        found = Found(messages, _scored(others, rest, question.k), vector is not None, order)
        count = len(found.messages) + len(found.derived)
        self._emit(Recalled(scope, count, time.perf_counter() - started, found.dense))
        return found

    def visit(self, items: Iterable[MemoryItem]) -> None:
        """Count one visit of each segment that the items belong to."""
        self._visits.count({item.segment_id for item in items if item.segment_id is not None}, self._now())

    def items_of(self, pages: Iterable[Page]) -> list[MemoryItem]:
        """Return the messages of pages as items without a score, as for a conversation's newest turns."""
        return [
            item_of(message, page, self._count_tokens(message.text))
            for page in pages
            for message in page.messages
        ]

    def _choose_messages(
        self, scope: int, question: Question, vector: Vector | None, others: Signals | None
    ) -> tuple[dict[str, int], Ranking | None, Ranking | None]:
        """Return the rows of the best messages by id, their ranking, and that of what else was asked for."""
        while (rows := self._synced(scope, scans=vector is not None)) is not None:
            with rows.lock:
                if not self._cache.holds(rows):
                    continue  # erased between the two locks
                ranking, allowed, rest = self._rank(rows, question, vector, others)
                chosen = {rows.ids[row]: int(row) for row in ranking.best(question.k, allowed)}
            self._cache.trim()
            return chosen, ranking, rest
        return {}, None, rank(others) if others is not None else None

    def _synced(self, scope: int, *, scans: bool) -> ScopeRows | None:
        """Return the scope's rows as they are in the ledger now, or ``None`` if the scope is gone."""
        while True:
            rows = self._cache.get(scope)
            with rows.lock, self._ledger.read() as tx:
                state = rows.sync(tx, self._embedding.id, with_vectors=scans and self._dense.scans(rows))
            if state == "current":
                return rows
            self._cache.drop(scope)
            if state == "gone":
                return None

    def _rank(
        self, rows: ScopeRows, question: Question, vector: Vector | None, others: Signals | None
    ) -> tuple[Ranking, Mask, Ranking | None]:
        with self._ledger.read() as tx:
            allowed = allowed_rows(tx, rows, question)
        if self._config.strategy == "paper":
            cosine = self._dense.scan(rows, vector) if vector is not None else None
            with self._ledger.read() as tx:
                ranking, allowed = by_paper(
                    tx,
                    rows,
                    question.text,
                    vector,
                    cosine,
                    allowed,
                    embedder_id=self._embedding.id,
                    config=self._config,
                )
            return ranking, allowed, rank(others) if others is not None else None
        signals = self._signals(rows, question, vector, allowed)
        if others is None:
            return rank(signals), signals.allowed, None
        return (*rank(joined(signals, others)).split(signals.allowed),)

    def _signals(self, rows: ScopeRows, question: Question, vector: Vector | None, allowed: Mask) -> Signals:
        words, window = rows.lexical.scores(question.text)
        cosine = None
        if vector is not None:
            by_words = WORDS * min_max(words, allowed) + WINDOW * min_max(window, allowed)
            cosine, allowed = self._dense.cosines(rows, vector, by_words, allowed, question.tiers)
        named = hints.named_speaker(question.text, rows.names)
        dates = date_windows(question.text, question.now)
        return Signals(
            cosine=cosine,
            words=words,
            window=window,
            session=rows.session.values,
            speaker=rows.speaker.values == rows.names[named] if named is not None else None,
            date=hints.closeness(dates, rows.at.values),
            without_lift=rows.without_lift,
            allowed=allowed,
        )

    def _items(
        self, chosen: Mapping[str, int], ranking: Ranking, question: Question
    ) -> tuple[list[MemoryItem], dict[str, int]]:
        """Return the chosen messages that are still there, and their sequence numbers.

        Where there is limited room they are read until those that could stand in it are more than it holds.
        """
        room, shown, filled = question.room, question.shown, 0
        items: list[MemoryItem] = []
        order: dict[str, int] = {}
        wanted = [item for item in chosen if item not in shown]
        with self._ledger.read() as tx:
            for part in chunks(wanted, 500 if room is None else _READ_AT_ONCE):
                query = (
                    sa.select(_messages, _pages.c.tier, _pages.c.segment_id)
                    .join(_pages, _pages.c.id == _messages.c.page_id)
                    .where(_messages.c.id.in_(part))
                )
                found = {row.id: row for row in tx.execute(query) if row.text not in shown}
                for row in (found[item] for item in part if item in found):
                    place, tokens = chosen[row.id], self._count_tokens(row.text)
                    score, parts = float(ranking.score[place]), ranking.parts_of(place)
                    items.append(item_of(message_from(row), row, tokens, score=score, parts=parts))
                    order[row.id] = row.seq
                    filled += tokens if room is not None and tokens <= room else 0
                if room is not None and filled > room:
                    break
        return items, order


def _scored(items: Sequence[MemoryItem], ranking: Ranking | None, k: int) -> list[MemoryItem]:
    if ranking is None:
        return []
    best = ranking.best(k, np.ones(len(items), dtype=bool))
    return [replace(items[row], score=float(ranking.score[row]), parts=ranking.parts_of(row)) for row in best]


class Placed(Protocol):
    """Where a message stands: a page, or a row that says as much."""

    @property
    def tier(self) -> Any:
        """The tier of its page."""

    @property
    def segment_id(self) -> Any:
        """The segment of its page."""


def item_of(
    message: Message,
    place: Placed,
    tokens: int,
    *,
    score: float = 0.0,
    parts: Mapping[str, float] | None = None,
) -> MemoryItem:
    """Return a message as a memory that was found."""
    return MemoryItem(
        id=message.id,
        tier=place.tier,
        kind="message",
        text=message.text,
        role=message.role,
        name=message.name,
        at=message.at,
        score=score,
        tokens=tokens,
        thread_id=message.thread_id,
        page_id=message.page_id,
        segment_id=place.segment_id,
        source_page_ids=(message.page_id,),
        metadata=message.metadata,
        parts=parts or {},
    )
