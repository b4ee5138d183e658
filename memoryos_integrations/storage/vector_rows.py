"""Rows of the vectors table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from memoryos_integrations.storage import outbox, schema
from memoryos_integrations.storage.sql import chunks
from memoryos_integrations.storage.vectors import pack

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

_vectors = schema.vectors


def vector_row(
    item_id: str, kind: str, scope: int, embedder_id: int, vector: NDArray[np.float32]
) -> dict[str, object]:
    """Return the values of a new row."""
    return {
        "item_id": item_id,
        "kind": kind,
        "scope_id": scope,
        "embedder_id": embedder_id,
        "vector": pack(vector),
        "indexed_in": None,
    }


def drop_vectors(tx: sa.Connection, scope: int, item_ids: Sequence[str], *, forgotten: bool = False) -> None:
    """Delete the vectors of items and queue their removal from the index.

    ``forgotten`` also queues a rewrite of the collections, since Chroma keeps deleted vectors in its files.
    """
    for part in chunks(item_ids):
        mine = _vectors.c.item_id.in_(part)
        held = tx.execute(sa.select(_vectors.c.item_id, _vectors.c.indexed_in).where(mine)).all()
        removals = [
            outbox.job_row("index", scope, row.item_id, f"gone:{row.indexed_in}")
            for row in held
            if row.indexed_in is not None
        ]
        tx.execute(sa.delete(_vectors).where(mine))
        outbox.enqueue(tx, removals)
        for collection in sorted(
            {row.indexed_in for row in held if forgotten and row.indexed_in is not None}
        ):
            outbox.enqueue_once(tx, "rewrite", None, collection)
