"""Retrieval: a question comes in, the memories that answer it come out, best first.

The unit is the message. Every message of the scope competes; segments and sessions lift what belongs
together but never keep anything out.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import sqlalchemy as sa

from memoryos_integrations import derived, hints
from memoryos_integrations.events import Recalled
from memoryos_integrations.paper_strategy import by_paper
from memoryos_integrations.ranking import WINDOW, WORDS, Ranking, Signals, min_max, rank
from memoryos_integrations.short_term import chunks, message_from
from memoryos_integrations.storage import schema
from memoryos_integrations.storage.scope_rows import metadata_matches
from memoryos_integrations.types import TIERS, Kind, MemoryItem, Retrieved, Tier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from memoryos_integrations.config import MemoryConfig
    from memoryos_integrations.dense import Dense, Vector
    from memoryos_integrations.events import Event
    from memoryos_integrations.mid_term import Visits
    from memoryos_integrations.protocols import TokenCounter
    from memoryos_integrations.storage.ledger import Ledger
    from memoryos_integrations.storage.scope_rows import ScopeCache, ScopeRows
    from memoryos_integrations.types import Message, Page

_messages, _pages = schema.messages, schema.pages


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, already checked."""

    text: str
    now: datetime
    k: int = 10
    kinds: tuple[Kind, ...] = ("message",)
    tiers: tuple[Tier, ...] = TIERS
    thread_id: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


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
        dense: Dense,
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
        self.visit(found.items)
        return found

    def find(self, scope: int, question: Question) -> Retrieved:
        """As ``retrieve``, without counting visits."""
        started = time.perf_counter()
        vector = self._dense.vector_of(question.text)
        items: list[MemoryItem] = []
        if "message" in question.kinds:
            items += self._messages(scope, question, vector)
        if set(question.kinds) & {"segment", "fact"}:
            with self._ledger.read() as tx:
                items += derived.search(
                    tx, scope, question, vector, self._embedding.id, self._config, self._count_tokens
                )
        if len(question.kinds) > 1:
            items.sort(key=lambda item: -item.score)
        found = tuple(items[: question.k])
        self._emit(Recalled(scope, len(found), time.perf_counter() - started, vector is not None))
        return Retrieved(question.text, found, vector is not None)

    def visit(self, items: Iterable[MemoryItem]) -> None:
        """Count one visit of each segment that the items belong to."""
        self._visits.note({item.segment_id for item in items if item.segment_id is not None}, self._now())

    def items_of(self, pages: Iterable[Page]) -> list[MemoryItem]:
        """Return the messages of pages as items without a score, as for the newest turns of a conversation."""
        return [
            item_of(message, page, self._count_tokens(message.text))
            for page in pages
            for message in page.messages
        ]

    def _messages(self, scope: int, question: Question, vector: Vector | None) -> list[MemoryItem]:
        while (rows := self._synced(scope, scans=vector is not None)) is not None:
            with rows.lock:
                if not self._cache.holds(rows):
                    continue  # erased between the two locks
                with self._ledger.read() as tx:
                    allowed = self._allowed(tx, rows, question)
                ranking, allowed = self._rank(rows, question, vector, allowed)
                best = ranking.best(question.k, allowed)
                chosen = [(rows.ids[row], float(ranking.score[row]), ranking.parts_of(row)) for row in best]
            self._cache.trim()
            return self._items(chosen)
        return []

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

    def _allowed(self, tx: sa.Connection, rows: ScopeRows, question: Question) -> NDArray[np.bool_]:
        allowed = np.ones(len(rows), dtype=bool)
        if question.thread_id is not None:
            allowed &= rows.thread.values == rows.threads.get(question.thread_id, -1)
        if question.metadata:
            allowed &= np.fromiter(
                (
                    bool(ok) and metadata_matches(rows.metadata.get(row), question.metadata)
                    for row, ok in enumerate(allowed)
                ),
                dtype=bool,
                count=len(rows),
            )
        if not {"short_term", "mid_term"} <= set(question.tiers):
            query = sa.select(_pages.c.id).where(
                _pages.c.scope_id == rows.scope, _pages.c.segment_id.is_(None), _pages.c.tier == "short_term"
            )
            recent = set(tx.execute(query).scalars())
            is_recent = np.fromiter((page in recent for page in rows.page_of), dtype=bool, count=len(rows))
            allowed &= is_recent if "short_term" in question.tiers else ~is_recent
            if not {"short_term", "mid_term"} & set(question.tiers):
                allowed[:] = False
        return allowed

    def _rank(
        self, rows: ScopeRows, question: Question, vector: Vector | None, allowed: NDArray[np.bool_]
    ) -> tuple[Ranking, NDArray[np.bool_]]:
        if self._config.strategy == "paper":
            cosine = self._dense.scan(rows, vector) if vector is not None else None
            with self._ledger.read() as tx:
                return by_paper(
                    tx,
                    rows,
                    question.text,
                    vector,
                    cosine,
                    allowed,
                    embedder_id=self._embedding.id,
                    config=self._config,
                )
        words, window = rows.lexical.scores(question.text)
        cosine = None
        if vector is not None:
            by_words = WORDS * min_max(words, allowed) + WINDOW * min_max(window, allowed)
            cosine, allowed = self._dense.cosines(rows, vector, by_words, allowed, question.tiers)
        named = hints.named_speaker(question.text, rows.names)
        dates = hints.date_windows(question.text, question.now)
        signals = Signals(
            cosine=cosine,
            words=words,
            window=window,
            session=rows.session.values,
            speaker=rows.speaker.values == rows.names[named] if named is not None else None,
            date=hints.closeness(dates, rows.at.values),
            without_lift=rows.without_lift,
            allowed=allowed,
        )
        return rank(signals), allowed

    def _items(self, chosen: Sequence[tuple[str, float, dict[str, float]]]) -> list[MemoryItem]:
        found: dict[str, tuple[Message, sa.Row[Any]]] = {}
        with self._ledger.read() as tx:
            for part in chunks([item for item, _, _ in chosen]):
                query = (
                    sa.select(_messages, _pages.c.tier, _pages.c.segment_id)
                    .join(_pages, _pages.c.id == _messages.c.page_id)
                    .where(_messages.c.id.in_(part))
                )
                found.update((row.id, (message_from(row), row)) for row in tx.execute(query))
        return [
            item_of(*found[item], self._count_tokens(found[item][0].text), score=score, parts=parts)
            for item, score, parts in chosen
            if item in found
        ]


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
