"""Moves a store to another embedder. The old vectors are used until all new ones are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import sqlalchemy as sa

from memoryos_integrations.storage import schema
from memoryos_integrations.storage.scope import lock_all, touch
from memoryos_integrations.storage.vector_rows import vector_row
from memoryos_integrations.tiers import mid_term, short_term
from memoryos_integrations.writing.embedding import PROBE, embed_with, embedding_text, missing_texts, register

if TYPE_CHECKING:
    from memoryos_integrations.protocols import Embedder
    from memoryos_integrations.storage.ledger import Ledger
    from memoryos_integrations.writing.embedding import Embedding

_BATCH = 256
_embedders, _vectors, _pages = schema.embedders, schema.vectors, schema.pages


def reindex(ledger: Ledger, embedding: Embedding, embedder: Embedder | None) -> int:
    """Embed everything with a new embedder, then switch to it; returns the number of vectors made.

    An interrupted call is resumed by the next one. ``None`` deletes all vectors.
    """
    if embedder is None:
        _drop_vectors(ledger)
        embedding.switch_to(None, None, None)
        return 0
    probe = embed_with(embedder, [PROBE])[0]
    with ledger.write() as tx:
        same = sa.and_(_embedders.c.name == embedder.name, _embedders.c.dimension == embedder.dimension)
        existing = tx.execute(sa.select(_embedders.c.id).where(same, ~_embedders.c.active)).scalar()
        target = int(existing) if existing is not None else register(tx, embedder, probe, active=False)
    made = 0
    while count := _one_batch(ledger, embedder, target):
        made += count
    with ledger.write() as tx:
        made += _switch(tx, target)
    embedding.switch_to(embedder, target, probe)
    return made


def _drop_vectors(ledger: Ledger) -> None:
    """Delete all vectors: the store is searched by words, and belongs to no embedder."""
    with ledger.write() as tx:
        scopes = lock_all(tx)
        tx.execute(sa.delete(_vectors))
        tx.execute(sa.update(_embedders).values(active=False))
        for scope in scopes:
            touch(tx, scope, erased=True)


def _one_batch(ledger: Ledger, embedder: Embedder, target: int) -> int:
    with ledger.read() as tx:
        rows = missing_texts(tx, target, _BATCH)
    if not rows:
        return 0
    vectors = embed_with(embedder, [embedding_text(row.name, row.text) for row in rows])
    with ledger.write(*{row.scope_id for row in rows}) as tx:
        alive = {row.id for row in missing_texts(tx, target, None, ids=[row.id for row in rows])}
        values = [
            vector_row(row.id, row.kind, row.scope_id, target, vector)
            for row, vector in zip(rows, vectors, strict=True)
            if row.id in alive
        ]
        if values:
            tx.execute(sa.insert(_vectors), values)
    return len(rows)


def _switch(tx: sa.Connection, target: int) -> int:
    """Activate the new vectors, compute those of segments and delete the old ones."""
    made = 0
    scopes = lock_all(tx)
    tx.execute(sa.update(_embedders).values(active=False))
    tx.execute(sa.update(_embedders).where(_embedders.c.id == target).values(active=True))
    for scope in scopes:
        placed = sa.select(_pages.c.segment_id).where(
            _pages.c.scope_id == scope, _pages.c.segment_id.is_not(None)
        )
        for segment in list(tx.execute(placed.distinct()).scalars()):
            pages = short_term.load_pages(tx, scope, segment_id=segment)
            means = list(mid_term.page_vectors(tx, pages, target).values())
            if means:
                row = vector_row(segment, "segment", scope, target, np.mean(means, axis=0, dtype=np.float32))
                tx.execute(sa.insert(_vectors), row)
                made += 1
        touch(tx, scope, erased=True)
    tx.execute(sa.delete(_vectors).where(_vectors.c.embedder_id != target))
    return made
