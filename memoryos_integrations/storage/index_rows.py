"""What the index should hold and what it holds, as the ledger tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from memoryos_integrations.storage import outbox, schema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_vectors, _messages, _pages = schema.vectors, schema.messages, schema.pages

# Where an item belongs: a message in its page's tier, everything else by its kind.
_belongs = sa.case(
    (_vectors.c.kind == "segment", "mid_term_segments"),
    (_vectors.c.kind == "fact", "long_term"),
    (_vectors.c.kind == "store", "store_items"),
    else_=_pages.c.tier,
).label("belongs")
HELD = (
    sa.select(
        _vectors.c.seq,
        _vectors.c.item_id,
        _vectors.c.scope_id,
        _vectors.c.vector,
        _vectors.c.indexed_in,
        sa.func.coalesce(_messages.c.at, 0).label("at"),
        _belongs,
    )
    .select_from(_vectors)
    .outerjoin(_messages, _messages.c.id == _vectors.c.item_id)
    .outerjoin(_pages, _pages.c.id == _messages.c.page_id)
)
"""Every vector with its item, its scope, its time, the collection it belongs in and the one that holds it."""


def note_indexed(tx: sa.Connection, changed: Mapping[str, Sequence[tuple[int, str]]]) -> None:
    """Record which collection holds which vectors now.

    Args:
        tx: a write transaction.
        changed: by collection, the sequence number and item of each vector that it took. What was forgotten
            between being read and being taken is due to be removed again.
    """
    for collection, rows in changed.items():
        for start in range(0, len(rows), 500):
            items = dict(rows[start : start + 500])
            mine = _vectors.c.seq.in_(list(items))
            alive = set(tx.execute(sa.select(_vectors.c.seq).where(mine)).scalars())
            tx.execute(sa.update(_vectors).where(mine).values(indexed_in=collection))
            late = [item for seq, item in items.items() if seq not in alive]
            outbox.enqueue(tx, [outbox.job_row("index", None, item, f"gone:{collection}") for item in late])
