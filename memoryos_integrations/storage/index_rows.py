"""Which collection each vector belongs in, and which one holds it, according to the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from memoryos_integrations.storage import outbox, schema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_vectors, _messages, _pages = schema.vectors, schema.messages, schema.pages

# Messages belong in the tier of their page, everything else goes by its kind.
_target = sa.case(
    (_vectors.c.kind == "segment", "mid_term_segments"),
    (_vectors.c.kind == "fact", "long_term"),
    (_vectors.c.kind == "store", "store_items"),
    else_=_pages.c.tier,
).label("target")
VECTOR_LOCATIONS = (
    sa.select(
        _vectors.c.seq,
        _vectors.c.item_id,
        _vectors.c.scope_id,
        _vectors.c.vector,
        _vectors.c.indexed_in,
        sa.func.coalesce(_messages.c.at, 0).label("at"),
        _target,
    )
    .select_from(_vectors)
    .outerjoin(_messages, _messages.c.id == _vectors.c.item_id)
    .outerjoin(_pages, _pages.c.id == _messages.c.page_id)
)
"""Query of every vector with its item, scope, time, target collection and current collection."""


def mark_indexed(tx: sa.Connection, changed: Mapping[str, Sequence[tuple[int, str]]]) -> None:
    """Record which collection holds which vectors.

    Args:
        tx: a write transaction.
        changed: collection to the (sequence number, item id) pairs written to it. Items forgotten since they
            were read are queued for removal.
    """
    for collection, rows in changed.items():
        for start in range(0, len(rows), 500):
            items = dict(rows[start : start + 500])
            mine = _vectors.c.seq.in_(list(items))
            alive = set(tx.execute(sa.select(_vectors.c.seq).where(mine)).scalars())
            tx.execute(sa.update(_vectors).where(mine).values(indexed_in=collection))
            late = [item for seq, item in items.items() if seq not in alive]
            outbox.enqueue(tx, [outbox.job_row("index", None, item, f"gone:{collection}") for item in late])
