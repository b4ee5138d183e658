"""Outbox: jobs are enqueued in the transaction that requires them and removed with their result.

A job means "bring this item up to date", so running it twice, late or out of order gives the same rows.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import sqlalchemy as sa

from memoryos_integrations.storage import schema

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

JobKind = Literal[
    "embed", "consolidate", "refresh", "promote", "rebuild", "index", "rewrite", "refine", "learn"
]
"""embed: a page's messages, or a fact · consolidate: a scope's short-term memory · refresh: a segment ·
promote: a scope's hot segments ·
rebuild: the whole index · index: the index entry of a page, segment or fact · rewrite: a collection whose
files still hold vectors of forgotten items · refine: a model sorts a scope's pages into topics ·
learn: a model extracts facts and traits from a scope's promoted pages."""

ORDER: tuple[JobKind, ...] = get_args(JobKind)
"""Order in which due jobs run: prerequisites first."""

MODEL_KINDS: frozenset[JobKind] = frozenset({"refine", "learn"})
"""Jobs that call a chat model. They run in a thread of their own, so a slow model delays nothing else."""

LEASE_US = 120 * 1_000_000
_BACK_OFF_US = 2 * 1_000_000
_BACK_OFF_MOST_US = 15 * 60 * 1_000_000

_jobs = schema.jobs
_insert = sa.insert(_jobs)


@dataclass(frozen=True, slots=True)
class Job:
    """One row of the outbox."""

    seq: int
    """Sequence number."""
    kind: JobKind
    """What to update."""
    scope_id: int | None
    """Number of the scope; ``None`` if the job belongs to none."""
    item_id: str
    """Id of the page, segment or fact; the scope number for jobs of a whole scope; a collection for
    ``rewrite``."""
    payload: str | None
    """Kind of the item if not a page: ``fact``, ``segment``, ``store``, or ``gone:`` and the collection that
    still holds an item deleted from the ledger. For ``promote``: promote whatever the heat."""
    attempts: int
    """Failures so far."""
    error: str | None = None
    """Class name of the last failure."""


def scopes_of(jobs: Sequence[Job]) -> set[int]:
    """Return the scope numbers of jobs."""
    return {job.scope_id for job in jobs if job.scope_id is not None}


def job_row(
    kind: JobKind, scope_id: int | None, item_id: str, payload: str | None = None
) -> dict[str, object]:
    """Return a new job for ``enqueue``, due immediately."""
    return {
        "kind": kind,
        "scope_id": scope_id,
        "item_id": item_id,
        "payload": payload,
        "due_at": 0,  # immediately, even if the clock is set back
        "attempts": 0,
    }


def enqueue(tx: sa.Connection, rows: Sequence[dict[str, object]]) -> None:
    """Insert jobs."""
    if rows:
        tx.execute(_insert, list(rows))


def enqueue_once(tx: sa.Connection, kind: JobKind, scope_id: int | None, item_id: str) -> None:
    """Insert a job unless the same one is already pending."""
    same = sa.select(_jobs.c.seq).where(
        _jobs.c.kind == kind, _jobs.c.item_id == item_id, _jobs.c.leased_by.is_(None)
    )
    if tx.execute(same.limit(1)).first() is None:
        enqueue(tx, [job_row(kind, scope_id, item_id)])


def schedule(tx: sa.Connection, kind: JobKind, scope_id: int, *, due_at: int) -> None:
    """Insert a job of a scope, or move the pending one to ``due_at``; a failed one keeps its back-off."""
    pending = sa.and_(_jobs.c.kind == kind, _jobs.c.scope_id == scope_id, _jobs.c.leased_by.is_(None))
    if tx.execute(sa.select(_jobs.c.seq).where(pending).limit(1)).first() is None:
        enqueue(tx, [job_row(kind, scope_id, str(scope_id)) | {"due_at": due_at}])
    else:
        tx.execute(sa.update(_jobs).where(pending, _jobs.c.attempts == 0).values(due_at=due_at))


def most_urgent(tx: sa.Connection, now: int, kinds: Collection[JobKind]) -> JobKind | None:
    """Return the kind that comes first in ``ORDER`` among due jobs, ``None`` if nothing is due."""
    due = sa.select(_jobs.c.kind).where(_due(now), _jobs.c.kind.in_(kinds)).distinct()
    found = set(tx.execute(due).scalars())
    return next((kind for kind in ORDER if kind in found), None)


def claim(tx: sa.Connection, *, kind: JobKind, owner: str, now: int, limit: int) -> list[Job]:
    """Lease up to ``limit`` due jobs of a kind, oldest first."""
    query = sa.select(_jobs).where(_jobs.c.kind == kind, _due(now)).order_by(_jobs.c.seq).limit(limit)
    rows = tx.execute(query).all()
    if rows:
        # A job that failed before runs alone, so that one bad item cannot block the others.
        rows = rows[:1] if rows[0].attempts else [row for row in rows if not row.attempts]
        lease = sa.update(_jobs).where(_jobs.c.seq.in_([row.seq for row in rows]))
        tx.execute(lease.values(leased_by=owner, leased_until=now + LEASE_US))
    return [Job(r.seq, r.kind, r.scope_id, r.item_id, r.payload, r.attempts, r.error) for r in rows]


def done(tx: sa.Connection, jobs: Sequence[Job]) -> None:
    """Remove jobs in the transaction that writes their result."""
    tx.execute(sa.delete(_jobs).where(_jobs.c.seq.in_([job.seq for job in jobs])))


def release(tx: sa.Connection, jobs: Sequence[Job], *, due_at: int = 0) -> None:
    """End the leases of jobs that neither finished nor failed."""
    tx.execute(
        sa.update(_jobs)
        .where(_jobs.c.seq.in_([job.seq for job in jobs]))
        .values(leased_by=None, leased_until=None, due_at=due_at, attempts=0, error=None)
    )


def retry_later(tx: sa.Connection, jobs: Sequence[Job], *, error: Exception, now: int) -> None:
    """Back off failed jobs: 2 s, 4 s, 8 s … up to 15 minutes, plus up to 25 % jitter."""
    for job in jobs:
        delay = min(_BACK_OFF_US * 2**job.attempts, _BACK_OFF_MOST_US)
        delay += random.randrange(delay // 4)  # noqa: S311 - spreads retries, guards nothing
        tx.execute(
            sa.update(_jobs)
            .where(_jobs.c.seq == job.seq)
            .values(
                attempts=job.attempts + 1,
                due_at=now + delay,
                error=type(error).__name__,
                leased_by=None,
                leased_until=None,
            )
        )


def make_due(tx: sa.Connection, kinds: Collection[JobKind], *, failed: bool) -> None:
    """Make jobs of these kinds due now; ``failed`` includes those in back-off."""
    later = sa.update(_jobs).where(_jobs.c.due_at > 0, _jobs.c.kind.in_(kinds))
    tx.execute((later if failed else later.where(_jobs.c.attempts == 0)).values(due_at=0))


def release_all(tx: sa.Connection) -> None:
    """End every lease. The caller holds the ownership lock, so the lease holders are gone."""
    tx.execute(
        sa.update(_jobs).where(_jobs.c.leased_by.is_not(None)).values(leased_by=None, leased_until=None)
    )


def next_due(tx: sa.Connection, kinds: Collection[JobKind]) -> int | None:
    """Return when the next job of these kinds is due, microseconds since 1970; ``None`` if there is none."""
    return tx.execute(sa.select(sa.func.min(_jobs.c.due_at)).where(_jobs.c.kind.in_(kinds))).scalar()


def pending(tx: sa.Connection) -> dict[str, int]:
    """Return the number of jobs of each kind."""
    counted = sa.select(_jobs.c.kind, sa.func.count()).group_by(_jobs.c.kind)
    return {row[0]: row[1] for row in tx.execute(counted)}


def failed(tx: sa.Connection) -> dict[str, str]:
    """Return the failed jobs: ``kind:item`` to the class name of the error."""
    rows = sa.select(_jobs.c.kind, _jobs.c.item_id, _jobs.c.error).where(_jobs.c.attempts > 0)
    return {f"{kind}:{item}": error or "" for kind, item, error in tx.execute(rows)}


def _due(now: int) -> sa.ColumnElement[bool]:
    free = sa.or_(_jobs.c.leased_until.is_(None), _jobs.c.leased_until < now)
    # Further off than any back-off: the clock was set back.
    due = sa.or_(_jobs.c.due_at <= now, _jobs.c.due_at > now + 2 * _BACK_OFF_MOST_US)
    return sa.and_(due, free)
