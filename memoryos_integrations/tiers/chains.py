"""Dialogue chains: runs of pages of one thread that continue each other (paper, section 3.2)."""

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
    """Pages of one thread that a model found to continue each other."""

    pages: tuple[Page, ...]
    """Pages, oldest first; each is in one run only."""
    summary: str
    """Summary of the whole chain."""
    continues: str | None = None
    """Id of the chain that they continue, if any."""
    beside: tuple[str, ...] = ()
    """Ids of pages in other chains that the summary also covers."""

    @property
    def chain_id(self) -> str:
        """Id of their chain."""
        return self.continues or ids.id_from("chain", self.pages[0].id)


def load(tx: sa.Connection, scope: int, *, chain_ids: Collection[str] | None = None) -> list[Chain]:
    """Return the chains of a scope, all or those of ``chain_ids``, oldest first."""
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


def preceding(tx: sa.Connection, scope: int, pages: Sequence[Page]) -> list[Chain]:
    """Return, for each thread of ``pages``, the chain of the page just before its first one."""
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
    """Write runs: each continues a chain or starts one."""
    for run in runs:
        values = {"summary": run.summary, "method": model}
        same = sa.and_(_chains.c.id == run.chain_id, _chains.c.scope_id == scope)
        if tx.execute(sa.update(_chains).where(same).values(values)).rowcount == 0:
            first = {"id": run.chain_id, "scope_id": scope, "thread_id": run.pages[0].thread_id}
            tx.execute(sa.insert(_chains), values | first)
        for part in chunks([page.id for page in run.pages]):
            tx.execute(sa.update(_pages).where(_pages.c.id.in_(part)).values(chain_id=run.chain_id))


def drop(tx: sa.Connection, scope: int, chain_ids: Collection[str]) -> None:
    """Delete chains; their pages have none until a model assigns one again."""
    for part in chunks(sorted(chain_ids)):
        linked = sa.and_(_pages.c.scope_id == scope, _pages.c.chain_id.in_(part))
        tx.execute(sa.update(_pages).where(linked).values(chain_id=None))
        tx.execute(sa.delete(_chains).where(_chains.c.scope_id == scope, _chains.c.id.in_(part)))
        tx.execute(sa.delete(_edges).where(_edges.c.child_id.in_(part)))
