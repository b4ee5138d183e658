"""Pages that wait for a chat model: which they are, when it is asked, and what becomes of its failures.

The two stages that ask a model, refinement and learning, each keep their queue in a column of the pages:
empty while a page waits, then the name of the model, or ``extractive`` where no model could do it.
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
_OF_NO_USE = frozenset({LLMBadOutput.__name__, LLMRefused.__name__})
_SMALLER = 4  # the part of a batch that is tried where a whole one failed


@dataclass(frozen=True, slots=True, eq=False)
class PageQueue:
    """The pages that wait for one kind of job."""

    kind: JobKind
    """The job."""
    done_by: sa.Column[str]
    """The column that says who did it."""
    concerns: sa.ColumnElement[bool]
    """Which pages it is about."""
    batch_pages: Callable[[MemoryConfig], int]
    """How many of them one question takes."""

    def condition(self, scope: int) -> sa.ColumnElement[bool]:
        """Return the condition of a scope's pages that wait."""
        return sa.and_(_pages.c.scope_id == scope, self.concerns, self.done_by.is_(None))

    def number(self, tx: sa.Connection, scope: int) -> int:
        """Return how many pages of a scope wait."""
        counted = sa.select(sa.func.count()).select_from(_pages).where(self.condition(scope))
        return tx.execute(counted).scalar_one()

    def oldest(self, tx: sa.Connection, scope: int, job: Job, config: MemoryConfig) -> list[Page]:
        """Return the pages that waited longest, a batch of them, or a small one where a whole one failed."""
        most = self.batch_pages(config)
        limit = max(1, most // _SMALLER) if failed_before(job) else most
        query = sa.select(_pages.c.id).where(self.condition(scope)).order_by(_pages.c.seq).limit(limit)
        found = list(tx.execute(query).scalars())
        return short_term.load_pages(tx, scope, page_ids=found) if found else []

    def request(self, tx: sa.Connection, scope: int, *, now: int, config: MemoryConfig) -> None:
        """Ask for the job: at once if the pages fill a batch, else after a time of rest."""
        number = self.number(tx, scope)
        if number:
            outbox.schedule(tx, self.kind, scope, due_at=self._due_at(number, now, config))

    def request_again(self, tx: sa.Connection, scope: int) -> None:
        """Ask for the job at once, for those pages too that a model failed at."""
        failed = sa.and_(_pages.c.scope_id == scope, self.done_by == extractive.METHOD)
        tx.execute(sa.update(_pages).where(failed).values({self.done_by.name: None}))
        if self.number(tx, scope):
            outbox.schedule(tx, self.kind, scope, due_at=0)

    def mark(self, tx: sa.Connection, scope: int, page_ids: Sequence[str], *, by: str) -> None:
        """Note who did it, for those of the pages that still wait."""
        for part in chunks(page_ids):
            mine = sa.and_(self.condition(scope), _pages.c.id.in_(part))
            tx.execute(sa.update(_pages).where(mine).values({self.done_by.name: by}))

    def go_on(self, tx: sa.Connection, scope: int, job: Job, *, now: int, config: MemoryConfig) -> None:
        """End a job, or put it off to when the pages that are left are due."""
        number = self.number(tx, scope)
        if number:
            outbox.release(tx, [job], due_at=self._due_at(number, now, config))
        else:
            outbox.done(tx, [job])

    def given_up(self, scope: int, pages: Sequence[Page], error: Exception) -> GivenUp:
        """Say that a model failed at pages for good, in the log; returns the event that says so."""
        kind = type(error).__name__
        _log.warning("A model failed to %s %d pages (%s): enrich() tries again.", self.kind, len(pages), kind)
        return GivenUp(scope, self.kind, tuple(page.id for page in pages), kind)

    def _due_at(self, number: int, now: int, config: MemoryConfig) -> int:
        rest = int(config.refine_idle.total_seconds() * 1e6)
        return 0 if number >= self.batch_pages(config) else now + rest


REFINEMENT = PageQueue(
    "refine", _pages.c.refined, _pages.c.tier == "mid_term", lambda config: config.consolidation_batch_pages
)
"""Mid-term pages that no model was asked to sort."""

LEARNING = PageQueue(
    "learn", _pages.c.learnt, _pages.c.promoted.is_not(None), lambda config: config.promotion_batch_pages
)
"""Promoted pages that no model has learnt from."""


def failed_before(job: Job) -> bool:
    """Whether the job's last try ended with a reply of no use, so that fewer pages are tried now."""
    return job.error in _OF_NO_USE


FORGOTTEN = "forgotten"
"""``pages.learnt`` where a fact drawn from the page was forgotten: a model would only draw it again."""
