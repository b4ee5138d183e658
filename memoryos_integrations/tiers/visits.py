"""Visit counter per segment, kept in memory and written in batches."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

import sqlalchemy as sa

from memoryos_integrations.storage import locks, outbox, schema
from memoryos_integrations.storage.sql import chunks
from memoryos_integrations.tiers.mid_term import add_visits

if TYPE_CHECKING:
    from collections.abc import Iterable

_segments = schema.segments


class Visits:
    """Visits since the last write. Retrieval itself writes nothing."""

    def __init__(self) -> None:
        self.after_fork()

    def after_fork(self) -> None:
        """Reset: the parent writes its own counts."""
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._last: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._counts)

    def count(self, segment_ids: Iterable[str], now: int) -> None:
        """Count one visit of each segment."""
        with self._lock:
            for segment in segment_ids:
                self._counts[segment] += 1
                self._last[segment] = max(now, self._last.get(segment, 0))

    def write(self, tx: sa.Connection) -> None:
        """Add the counts to the ledger and queue promotion.

        If the transaction fails, they are lost: heat is a hint.
        """
        with self._lock:
            counts, last = self._counts, self._last
            self._counts, self._last = Counter(), {}
        scopes: set[int] = set()
        for part in chunks(list(counts)):
            visited = sa.select(_segments.c.scope_id).where(_segments.c.id.in_(part)).distinct()
            scopes.update(tx.execute(visited).scalars())
        locks.lock_scopes(tx, scopes)
        for segment, count in counts.items():
            add_visits(tx, segment, count, last[segment])
        for scope in sorted(scopes):
            outbox.enqueue_once(tx, "promote", scope, str(scope))
