"""The worker's job handlers, in the order in which a turn passes through them."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from memoryos_integrations.events import Consolidated, Promoted, SegmentEvicted
from memoryos_integrations.model.page_queue import LEARNING, REFINEMENT
from memoryos_integrations.storage import outbox
from memoryos_integrations.storage.scope import state
from memoryos_integrations.tiers import mid_term, short_term
from memoryos_integrations.writing import consolidation, promotion
from memoryos_integrations.writing.consolidation import LiveSegments
from memoryos_integrations.writing.fact_lookup import FactLookup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import sqlalchemy as sa

    from memoryos_integrations.config import MemoryConfig
    from memoryos_integrations.events import Event
    from memoryos_integrations.storage.ledger import Ledger
    from memoryos_integrations.storage.outbox import Job, JobKind
    from memoryos_integrations.tiers.new_fact import NewFact
    from memoryos_integrations.tiers.segment_draft import Plan
    from memoryos_integrations.tiers.visits import Visits
    from memoryos_integrations.types import Page
    from memoryos_integrations.writing.embedding import Embedding
    from memoryos_integrations.writing.indexing import Indexing

_PAGES_AT_ONCE = 128
_ANY_HEAT = "however cold"  # payload of a promotion job without a heat threshold


class JobHandlers:
    """The handlers of a store's jobs.

    Args:
        ledger: where results are written, each in one transaction with the end of its job.
        embedding: for ``embed``.
        indexing: for ``index``, ``rebuild`` and ``rewrite``.
        visits: written before heat is compared.
        config: capacities and thresholds.
        now: microseconds since 1970.
        emit: receives ``Consolidated``, ``Promoted`` and ``SegmentEvicted``.
    """

    def __init__(
        self,
        ledger: Ledger,
        embedding: Embedding,
        indexing: Indexing,
        visits: Visits,
        *,
        config: MemoryConfig,
        now: Callable[[], int],
        emit: Callable[[Event], None],
    ) -> None:
        self._ledger, self._embedding, self._indexing, self._visits = ledger, embedding, indexing, visits
        self._config, self._now, self._emit = config, now, emit
        self._last_board: tuple[int, int | None, tuple[int, int] | None, LiveSegments] | None = None
        self.stopping: Callable[[], bool] = lambda: False
        """Whether the store is closing; set once the worker exists."""
        self.wake_model: Callable[[], None] | None = None
        """Wakes the worker of the chat model; ``None`` without a model."""
        self._noting, self._noting_lock = 0, threading.Lock()

    def handlers(self) -> dict[JobKind, Callable[[Sequence[Job]], None]]:
        """Return the handler of each kind of job."""
        return {
            "embed": lambda jobs: self._embedding.run(jobs, self._config.short_term_capacity),
            "consolidate": self._consolidate,
            "refresh": self._refresh,
            "promote": self._promote,
            "rebuild": lambda jobs: self._indexing.fill(jobs, self.stopping),
            "index": self._indexing.run,
            "rewrite": self._indexing.rewrite,
        }

    def on_acquired(self) -> None:
        """Open the index, and queue what has no vector yet."""
        self._indexing.on_acquired()
        self._embedding.enqueue_missing()

    def write_visits(self) -> None:
        """Write the visits counted since the last call."""
        if len(self._visits):
            with self._ledger.write() as tx:
                self._visits.write(tx)

    @contextmanager
    def queueing_for_model(self) -> Iterator[None]:
        """Queue work for a chat model, even if the store was opened without one."""
        with self._noting_lock:
            self._noting += 1
        try:
            yield
        finally:
            with self._noting_lock:
                self._noting -= 1

    @property
    def _notes_for_a_model(self) -> bool:
        return self.wake_model is not None or self._noting > 0

    def request_promotion(self, scope: int) -> None:
        """Schedule the promotion of all segments of a scope, whatever their heat."""
        with self._ledger.write(scope) as tx:
            outbox.enqueue(tx, [outbox.job_row("promote", scope, str(scope), _ANY_HEAT)])

    def _consolidate(self, jobs: Sequence[Job]) -> None:
        self.write_visits()
        for job in jobs:
            while job.scope_id is not None and not self._consolidate_scope(job.scope_id, job):
                pass  # the scope changed meanwhile

    def _consolidate_scope(self, scope: int, job: Job) -> bool:
        """Plan, then apply in one transaction; returns ``False`` if the scope changed in between."""
        config, embedder_id, now = self._config, self._embedding.id, self._now()
        with self._ledger.read() as tx:
            seen = state(tx, scope)
            leaving = short_term.overflow(tx, scope, config.short_term_capacity, _PAGES_AT_ONCE)
            vectors = mid_term.page_vectors(tx, leaving, embedder_id)
            board = self._board(tx, scope, seen, len(leaving)) if leaving else LiveSegments(())
        more, is_read = len(leaving) == _PAGES_AT_ONCE, bool(leaving)
        if self._embedding.embedder is not None:
            ready = _up_to_first_without_vector(leaving, vectors)
            more, leaving = more and ready is leaving, ready
        plan = consolidation.plan(leaving, vectors, board, now=now, config=config)
        with self._ledger.write(scope) as tx:
            if state(tx, scope) != seen:
                return False
            if leaving:
                texts = {page.id: page for page in leaving}
                mid_term.apply(tx, scope, plan, texts, embedder_id=embedder_id)
            after = state(tx, scope)
            if self._notes_for_a_model:
                REFINEMENT.request(tx, scope, now=now, config=config)
            if more:
                outbox.release(tx, [job])
            else:
                outbox.done(tx, [job])
        self._emit_plan(scope, plan)
        for draft in plan.changed:
            draft.settle()
        if is_read:
            self._last_board = scope, embedder_id, after, board
        self._wake_model_worker()
        return True

    def _board(
        self, tx: sa.Connection, scope: int, seen: tuple[int, int] | None, joining: int
    ) -> LiveSegments:
        """Return the scope's segments: those of the last time, if nothing has moved since.

        Reading and stemming them again for every few pages costs more with every segment. Where one may have
        to be evicted they are read, since heat changes without a move.
        """
        last, self._last_board = self._last_board, None
        embedder_id = self._embedding.id
        same = last is not None and last[:3] == (scope, embedder_id, seen)
        if last is not None and same and len(last[3]) + joining <= self._config.mid_term_capacity:
            return last[3]
        return LiveSegments(mid_term.drafts(tx, scope, embedder_id))

    def _refresh(self, jobs: Sequence[Job]) -> None:
        with self._ledger.write(*outbox.scopes_of(jobs)) as tx:
            for job in jobs:
                if job.scope_id is not None:
                    mid_term.refresh(tx, job.scope_id, job.item_id, self._embedding.id)
                    if self._notes_for_a_model:
                        REFINEMENT.request(tx, job.scope_id, now=self._now(), config=self._config)
            outbox.done(tx, jobs)
        self._wake_model_worker()

    def _promote(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            if job.scope_id is None:
                continue
            now, config = self._now(), self._config
            if job.payload == _ANY_HEAT:
                config = replace(config, promotion_heat=0.0)
            with self._ledger.read() as tx:
                pages = promotion.due(tx, job.scope_id, now=now, config=config, limit=_PAGES_AT_ONCE)
            new_facts = promotion.extract_facts(pages)
            lookup = self._fact_lookup(job.scope_id, new_facts) if new_facts else None
            with self._ledger.write(job.scope_id) as tx:
                facts = promotion.apply(tx, job.scope_id, pages, new_facts, lookup, now=now)
                if self._notes_for_a_model:
                    LEARNING.request(tx, job.scope_id, now=now, config=config)
                if len(pages) == _PAGES_AT_ONCE:
                    outbox.release(tx, [job])
                else:
                    outbox.done(tx, [job])
            if pages:
                self._emit(Promoted(job.scope_id, tuple(page.id for page in pages), tuple(facts)))
                self._wake_model_worker()

    def _fact_lookup(self, scope: int, new_facts: Sequence[NewFact]) -> FactLookup:
        """Return the stored facts, prepared outside the transaction: slow where there are many."""
        with self._ledger.read() as tx:
            lookup = FactLookup(tx, scope)
        lookup.prepare(new_facts)
        return lookup

    def _wake_model_worker(self) -> None:
        if self.wake_model is not None:
            self.wake_model()

    def _emit_plan(self, scope: int, plan: Plan) -> None:
        if plan.segment_of:
            changed = tuple(draft.id for draft in plan.changed)
            self._emit(Consolidated(scope, tuple(plan.segment_of), changed))
        for draft, heat in plan.evicted:
            self._emit(SegmentEvicted(scope, draft.id, heat))


def _up_to_first_without_vector(pages: list[Page], vectors: dict[str, consolidation.Vector]) -> list[Page]:
    """First in, first out: a page that is not embedded yet blocks those behind it."""
    for position, page in enumerate(pages):
        if page.id not in vectors:
            return pages[:position]
    return pages
