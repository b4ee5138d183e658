"""Retrieval: a question comes in, the memories that answer it come out, best first.

The unit is the message. Every message of the scope competes; segments and sessions lift what belongs
together but never keep anything out.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import sqlalchemy as sa

from memoryos_integrations.clock import from_us
from memoryos_integrations.events import Recalled
from memoryos_integrations.retrieval import segments_and_facts
from memoryos_integrations.retrieval.excerpts import SIZE, estimated
from memoryos_integrations.retrieval.filters import allowed_rows
from memoryos_integrations.retrieval.paper_strategy import by_paper
from memoryos_integrations.retrieval.ranking import joined, rank
from memoryos_integrations.retrieval.repeats import placed
from memoryos_integrations.retrieval.signals import by_words, of_messages
from memoryos_integrations.storage import schema
from memoryos_integrations.storage.scope import state as state_of
from memoryos_integrations.storage.sql import chunks
from memoryos_integrations.types import MemoryItem, Retrieved

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from memoryos_integrations.arguments import Question
    from memoryos_integrations.config import MemoryConfig
    from memoryos_integrations.events import Event
    from memoryos_integrations.protocols import TokenCounter
    from memoryos_integrations.retrieval.ranking import Ranking, Signals
    from memoryos_integrations.retrieval.scope_rows import ScopeCache, ScopeRows, State
    from memoryos_integrations.retrieval.vector_signal import Mask, Vector, VectorSignal
    from memoryos_integrations.storage.ledger import Ledger
    from memoryos_integrations.tiers.visits import Visits
    from memoryos_integrations.types import Message, Page, Source

_messages, _pages = schema.messages, schema.pages
_READ_AT_ONCE = 50  # messages of a context: 1 000 tokens are about 35 of LoCoMo's
_by_ids = (
    sa.select(_messages, _pages.c.tier, _pages.c.segment_id)
    .join(_pages, _pages.c.id == _messages.c.page_id)
    .where(_messages.c.id.in_(sa.bindparam("ids", expanding=True)))
)


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
    relevance: float | None
    """See ``Retrieved``."""


class Retrieval:
    """Answers questions about one store.

    Args:
        ledger: where texts are read from; what is not in it any more is never returned.
        cache: the scopes in memory.
        dense: makes the question's vector and the messages' cosines.
        visits: counts the segments of what is returned.
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

    def retrieve(self, scope: int, question: Question) -> Retrieved | None:
        """Return up to ``k`` items of the asked kinds, best first, and count a visit of their segments.

        ``None`` if there is no scope of this number any more.
        """
        found = self.find(scope, question)
        if found is None:
            return None
        best = sorted((*found.messages, *found.derived), key=lambda item: -item.score)[: question.k]
        self.visit(best)
        return Retrieved(question.text, tuple(best), found.dense, found.relevance)

    def find(self, scope: int, question: Question) -> Found | None:
        """Return up to ``k`` messages and up to ``k`` segments and facts, scored on one scale."""
        started = time.perf_counter()
        vector = self._dense.vector_of(question.text)
        found = self._found(scope, question, vector)
        if found is None:
            return None
        least, near = question.least_relevance, found.relevance
        if least is not None and near is not None and near < least:
            found = replace(found, messages=[], derived=[])
        count = len(found.messages) + len(found.derived)
        self._emit(Recalled(scope, count, time.perf_counter() - started, found.dense))
        return found

    def visit(self, items: Iterable[MemoryItem]) -> None:
        """Count one visit of each segment that the items belong to."""
        self._visits.count({item.segment_id for item in items if item.segment_id is not None}, self._now())

    def items_of(self, pages: Iterable[Page]) -> list[MemoryItem]:
        """Return the messages of pages as items without a score, as for a conversation's newest turns."""
        return [_item_of(message, page, self._count_tokens) for page in pages for message in page.messages]

    def _found(self, scope: int, question: Question, vector: Vector | None) -> Found | None:
        """Search in one snapshot of the ledger, which no cache can be ahead of: its lock is taken first."""
        if "message" not in question.kinds:
            with self._ledger.read() as tx:
                if state_of(tx, scope) is None:
                    return None
                others, signals = self._derived(tx, scope, question, vector)
            ranking = rank(signals) if signals is not None else None
            near = signals.relevance() if signals is not None else None
            return Found([], _scored(others, ranking, question.k), vector is not None, {}, near)
        state: State = "stale"
        while state != "gone":
            rows = self._cache.get(scope)
            with rows.lock, self._ledger.read() as tx:
                scans = vector is not None and self._dense.scans(rows)
                state = rows.sync(tx, self._embedding.id, with_vectors=scans)
                if state == "current":
                    found = self._search(tx, rows, question, vector)
            if state == "current":
                self._cache.trim(rows)
                return found
            self._cache.drop(scope)
        return None

    def _derived(
        self, tx: sa.Connection, scope: int, question: Question, vector: Vector | None
    ) -> tuple[list[MemoryItem], Signals | None]:
        if not set(question.kinds) & {"segment", "fact"}:
            return [], None
        return segments_and_facts.gather(
            tx,
            scope,
            question,
            vector,
            self._embedding.id,
            config=self._config,
            count_tokens=self._count_tokens,
        )

    def _search(self, tx: sa.Connection, rows: ScopeRows, question: Question, vector: Vector | None) -> Found:
        others, signals = self._derived(tx, rows.scope, question, vector)
        ranking, allowed, rest, near = self._rank(tx, rows, question, vector, signals)
        chosen = {rows.ids[row]: int(row) for row in ranking.best(question.k, allowed)}
        messages, order = self._items(tx, chosen, ranking, question)
        return Found(messages, _scored(others, rest, question.k), vector is not None, order, near)

    def _rank(
        self,
        tx: sa.Connection,
        rows: ScopeRows,
        question: Question,
        vector: Vector | None,
        others: Signals | None,
    ) -> tuple[Ranking, Mask, Ranking | None, float | None]:
        """Return the messages' ranking, which may be returned, the others' ranking, and the relevance."""
        allowed = allowed_rows(tx, rows, question)
        if self._config.strategy == "paper":
            cosine = self._dense.scan(tx, rows, vector) if vector is not None else None
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
            near = float(cosine[allowed].max()) if cosine is not None and allowed.any() else None
            return ranking, allowed, rank(others) if others is not None else None, near
        shares, lexical = rows.lexical.shares(question.text), rows.lexical
        cosine = None
        if vector is not None:
            words = partial(by_words, shares, lexical)
            cosine, allowed = self._dense.cosines(tx, rows, vector, words, allowed, question.tiers)
        embedder = self._embedding.embedder
        signals, again = of_messages(rows, question, shares, cosine, allowed, embedder)
        every = signals if others is None else joined(signals, others)
        ranking, rest = rank(every).split(len(rows))
        if len(again):
            ranking = placed(ranking, again, rows, signals.allowed)
        return ranking, signals.allowed, rest if others is not None else None, every.relevance()

    def _items(
        self, tx: sa.Connection, chosen: Mapping[str, int], ranking: Ranking, question: Question
    ) -> tuple[list[MemoryItem], dict[str, int]]:
        """Return the chosen messages, and their sequence numbers.

        Where there is limited room they are read until those that could stand in it are more than it holds.
        """
        room, shown, filled = question.room, question.shown, 0.0
        items: list[MemoryItem] = []
        order: dict[str, int] = {}
        wanted = [item for item in chosen if item not in shown]
        for part in chunks(wanted, 500 if room is None else _READ_AT_ONCE):
            found = {row.id: row for row in tx.execute(_by_ids, {"ids": part}) if row.text not in shown}
            for row in (found[item] for item in part if item in found):
                place = chosen[row.id]
                items.append(_item_from(row, self._count_tokens, ranking, place))
                order[row.id] = row.seq
                filled += min(estimated(row.text), SIZE) if room is not None else 0
            if room is not None and filled > room:
                break
        return items, order


def _scored(items: Sequence[MemoryItem], ranking: Ranking | None, k: int) -> list[MemoryItem]:
    if ranking is None:
        return []
    best = ranking.best(k, np.ones(len(items), dtype=bool))
    return [_rescored(items[row], float(ranking.score[row]), ranking.parts_of(row)) for row in best]


def _rescored(item: MemoryItem, score: float, parts: Mapping[str, float]) -> MemoryItem:
    """Return an item with its score; ``dataclasses.replace`` would count its tokens."""
    fields = {name: value for name, value in vars(item).items() if name not in ("score", "parts")}
    return MemoryItem(**fields, score=score, parts=parts)


def _item_from(row: Any, tokens: TokenCounter, ranking: Ranking, place: int) -> MemoryItem:
    return MemoryItem(
        id=row.id,
        tier=row.tier,
        kind="message",
        text=row.text,
        role=row.role,
        name=row.name,
        at=from_us(row.at),
        score=float(ranking.score[place]),
        tokens=tokens,
        thread_id=row.thread_id,
        page_id=row.page_id,
        segment_id=row.segment_id,
        source_page_ids=(row.page_id,),
        metadata={} if row.metadata == "{}" else json.loads(row.metadata),
        parts=ranking.parts_of(place),
        source=row.source,
    )


def _item_of(message: Message, page: Page, tokens: TokenCounter) -> MemoryItem:
    return MemoryItem(
        id=message.id,
        tier=page.tier,
        kind="message",
        text=message.text,
        role=message.role,
        name=message.name,
        at=message.at,
        score=0.0,
        tokens=tokens,
        thread_id=message.thread_id,
        page_id=message.page_id,
        segment_id=page.segment_id,
        source_page_ids=(message.page_id,),
        metadata=message.metadata,
        source=cast("Source", message.source),
    )
