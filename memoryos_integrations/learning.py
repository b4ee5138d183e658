"""Learning: what a chat model draws from promoted pages for long-term memory, a batch in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from memoryos_integrations import extractive
from memoryos_integrations.storage import outbox, schema

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from memoryos_integrations.asking import Asking
    from memoryos_integrations.config import MemoryConfig
    from memoryos_integrations.events import Event
    from memoryos_integrations.storage.ledger import Ledger
    from memoryos_integrations.storage.outbox import Job

_pages = schema.pages


def request(tx: sa.Connection, scope: int, *, now: int, config: MemoryConfig) -> None:
    """Ask to learn from a scope's promoted pages: at once if they fill a batch, else after a rest."""
    waiting = pages_waiting(tx, scope)
    if waiting:
        idle = int(config.refine_idle.total_seconds() * 1e6)
        due_at = 0 if waiting >= config.promotion_batch_pages else now + idle
        outbox.schedule(tx, "learn", scope, due_at=due_at)


def request_again(tx: sa.Connection, scope: int) -> None:
    """Ask for it at once, for those pages too that a model failed at."""
    failed = sa.and_(_pages.c.scope_id == scope, _pages.c.learnt == extractive.METHOD)
    tx.execute(sa.update(_pages).where(failed).values(learnt=None))
    if pages_waiting(tx, scope):
        outbox.schedule(tx, "learn", scope, due_at=0)


def pages_waiting(tx: sa.Connection, scope: int) -> int:
    """Return the number of promoted pages that no model has learnt from, and none has failed to."""
    waiting = sa.and_(_pages.c.scope_id == scope, _pages.c.promoted.is_not(None), _pages.c.learnt.is_(None))
    return tx.execute(sa.select(sa.func.count()).select_from(_pages).where(waiting)).scalar_one()


class Learning:
    """Does the jobs of kind ``learn``."""

    def __init__(
        self,
        ledger: Ledger,
        asking: Asking,
        *,
        config: MemoryConfig,
        now: Callable[[], int],
        emit: Callable[[Event], None],
    ) -> None:
        self._ledger, self._asking = ledger, asking
        self._config, self._now, self._emit = config, now, emit

    def run(self, jobs: Sequence[Job]) -> None:
        """Learn from one batch of pages of each job's scope."""
        with self._ledger.write() as tx:
            outbox.done(tx, jobs)
