"""Chains: runs of pages of one conversation that continue each other, as a model saw them (paper, 3.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from memoryos_integrations.storage import ids, schema
from memoryos_integrations.storage.sql import chunks
from memoryos_integrations.types import Chain

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from memoryos_integrations.types import Page

_chains, _pages, _edges = schema.chains, schema.pages, schema.edges


@dataclass(frozen=True, slots=True)
class Run:
    """Pages of one conversation that continue each other, as a model sees them."""

    pages: tuple[Page, ...]
    """Oldest first; each is in one run only."""
    summary: str
    """What they say; what the chain that they continue says, too."""
    continues: str | None = None
    """The chain that they continue."""
    beside: tuple[str, ...] = ()
    """Pages that the summary tells of as well and that are in other chains."""

    @property
    def chain_id(self) -> str:
        """The chain that they are in from now on."""
        return self.continues or ids.derived("chain", self.pages[0].id)


def load(tx: sa.Connection, scope: int, *, chain_ids: Collection[str] | None = None) -> list[Chain]:
    """Return a scope's chains, or those of them that are asked for, oldest first."""
    mine = _chains.c.scope_id == scope
    if chain_ids is not None:
        mine = sa.and_(mine, _chains.c.id.in_(chain_ids))
    rows = tx.execute(sa.select(_chains).where(mine).order_by(_chains.c.seq)).all()
    members: dict[str, list[str]] = {row.id: [] for row in rows}
    linked = sa.select(_pages.c.chain_id, _pages.c.id).where(
        _pages.c.scope_id == scope, _pages.c.chain_id.is_not(None)
    )
    for chain, page in tx.execute(linked.order_by(_pages.c.seq)):
        if chain in members:
            members[chain].append(page)
    return [Chain(row.id, row.thread_id, row.summary, tuple(members[row.id]), row.method) for row in rows]


def before(tx: sa.Connection, scope: int, pages: Sequence[Page]) -> list[Chain]:
    """Return the chain that each conversation was in just before the first of these pages in it."""
    first: dict[str, str] = {}
    for page in pages:
        first.setdefault(page.thread_id, page.id)
    found: set[str] = set()
    for thread, page_id in first.items():
        mine = sa.and_(_pages.c.scope_id == scope, _pages.c.thread_id == thread)
        start = sa.select(_pages.c.seq).where(_pages.c.id == page_id).scalar_subquery()
        last = sa.select(_pages.c.chain_id).where(mine, _pages.c.seq < start).order_by(_pages.c.seq.desc())
        chain = tx.execute(last.limit(1)).scalar()
        if chain is not None:
            found.add(chain)
    return load(tx, scope, chain_ids=found) if found else []


def write(tx: sa.Connection, scope: int, runs: Sequence[Run], model: str) -> None:
    """Write runs: each goes on with its chain, or opens one."""
    for run in runs:
        values = {"summary": run.summary, "method": model}
        same = sa.and_(_chains.c.id == run.chain_id, _chains.c.scope_id == scope)
        if tx.execute(sa.update(_chains).where(same).values(values)).rowcount == 0:
            first = {"id": run.chain_id, "scope_id": scope, "thread_id": run.pages[0].thread_id}
            tx.execute(sa.insert(_chains), values | first)
        for part in chunks([page.id for page in run.pages]):
            tx.execute(sa.update(_pages).where(_pages.c.id.in_(part)).values(chain_id=run.chain_id))


def drop(tx: sa.Connection, scope: int, chain_ids: Collection[str]) -> None:
    """Remove chains; their pages are in none until a model reads them again."""
    for part in chunks(sorted(chain_ids)):
        linked = sa.and_(_pages.c.scope_id == scope, _pages.c.chain_id.in_(part))
        tx.execute(sa.update(_pages).where(linked).values(chain_id=None))
        tx.execute(sa.delete(_chains).where(_chains.c.scope_id == scope, _chains.c.id.in_(part)))
        tx.execute(sa.delete(_edges).where(_edges.c.child_id.in_(part)))
