"""Queues of pages for a chat model: selection, scheduling and failure handling.

Refinement and learning each keep their queue in a column of ``pages``: null while a page is queued, then the
model's name, or ``extractive`` if the model failed.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from memoryos_integrations.errors import LLMBadOutput, LLMRefused
from memoryos_integrations.events import GivenUp
from memoryos_integrations.language import extractive
from memoryos_integrations.storage import outbox, schema
from memoryos_integrations.storage.sql import chunks
from memoryos_integrations.tiers import short_term

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from memoryos_integrations.config import MemoryConfig
    from memoryos_integrations.storage.outbox import Job, JobKind
    from memoryos_integrations.types import Page

_pages = schema.pages
_log = logging.getLogger(__name__)
_UNUSABLE = frozenset({LLMBadOutput.__name__, LLMRefused.__name__})
_RETRY_DIVISOR = 4  # a failed batch is retried in parts of this fraction


@dataclass(frozen=True, slots=True, eq=False)
class PageQueue:
    """The queued pages of one kind of job."""

    kind: JobKind
    done_by: sa.Column[str]
    """The column that holds the model's name once done."""
    applies_to: sa.ColumnElement[bool]
    """Which pages the job processes."""
    batch_pages: Callable[[MemoryConfig], int]
    """Pages per prompt."""

    def condition(self, scope: int) -> sa.ColumnElement[bool]:
        """Return the SQL condition for a scope's queued pages."""
        return sa.and_(_pages.c.scope_id == scope, self.applies_to, self.done_by.is_(None))

    def number(self, tx: sa.Connection, scope: int) -> int:
        """Return the number of queued pages of a scope."""
        counted = sa.select(sa.func.count()).select_from(_pages).where(self.condition(scope))
        return tx.execute(counted).scalar_one()

    def oldest(self, tx: sa.Connection, scope: int, job: Job, config: MemoryConfig) -> list[Page]:
        """Return the oldest queued pages: one batch, or a smaller one if the last attempt failed."""
        size = self.batch_pages(config)
        limit = max(1, size // _RETRY_DIVISOR) if failed_before(job) else size
        query = sa.select(_pages.c.id).where(self.condition(scope)).order_by(_pages.c.seq).limit(limit)
        found = list(tx.execute(query).scalars())
        return short_term.load_pages(tx, scope, page_ids=found) if found else []

    def request(self, tx: sa.Connection, scope: int, *, now: int, config: MemoryConfig) -> None:
        """Schedule the job: at once if the pages fill a batch, else after ``refine_idle``."""
        number = self.number(tx, scope)
        if number:
            outbox.schedule(tx, self.kind, scope, due_at=self._due_at(number, now, config))

    def request_again(self, tx: sa.Connection, scope: int) -> None:
        """Schedule the job at once, including pages that a model failed on."""
        failed = sa.and_(_pages.c.scope_id == scope, self.done_by == extractive.METHOD)
        tx.execute(sa.update(_pages).where(failed).values({self.done_by.name: None}))
        if self.number(tx, scope):
            outbox.schedule(tx, self.kind, scope, due_at=0)

    def mark(self, tx: sa.Connection, scope: int, page_ids: Sequence[str], *, by: str) -> None:
        """Mark those of the pages that are still queued as done."""
        for part in chunks(page_ids):
            mine = sa.and_(self.condition(scope), _pages.c.id.in_(part))
            tx.execute(sa.update(_pages).where(mine).values({self.done_by.name: by}))

    def finish(self, tx: sa.Connection, scope: int, job: Job, *, now: int, config: MemoryConfig) -> None:
        """Remove a job, or reschedule it if pages are left."""
        number = self.number(tx, scope)
        if number:
            outbox.release(tx, [job], due_at=self._due_at(number, now, config))
        else:
            outbox.done(tx, [job])

    def give_up(self, scope: int, pages: Sequence[Page], error: Exception) -> GivenUp:
        """Log that a model failed on pages for good; returns the event for it."""
        kind = type(error).__name__
        _log.warning("A model failed to %s %d pages (%s): enrich() tries again.", self.kind, len(pages), kind)
        return GivenUp(scope, self.kind, tuple(page.id for page in pages), kind)

    def _due_at(self, number: int, now: int, config: MemoryConfig) -> int:
        rest = int(config.refine_idle.total_seconds() * 1e6)
        return 0 if number >= self.batch_pages(config) else now + rest


REFINEMENT = PageQueue(
    "refine", _pages.c.refined, _pages.c.tier == "mid_term", lambda config: config.consolidation_batch_pages
)
"""Mid-term pages that no model has refined."""

LEARNING = PageQueue(
    "learn", _pages.c.learnt, _pages.c.promoted.is_not(None), lambda config: config.promotion_batch_pages
)
"""Promoted pages that no model has extracted facts from."""


def failed_before(job: Job) -> bool:
    """Whether the job's last attempt ended with an unusable reply."""
    return job.error in _UNUSABLE


FORGOTTEN = "forgotten"
"""``pages.learnt`` after a fact of the page was forgotten: a model would extract it again."""
