"""The dense signal: cosines of messages with a question, by a scan or from the tiers' collections."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import sqlalchemy as sa

from memoryos_integrations.errors import EmbedderUnavailableError, IndexUnavailableError
from memoryos_integrations.storage import schema
from memoryos_integrations.storage.sql import chunks
from memoryos_integrations.storage.vectors import unpack_all
from memoryos_integrations.writing.embedding import embedding_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from memoryos_integrations.config import MemoryConfig
    from memoryos_integrations.retrieval.scope_rows import ScopeRows
    from memoryos_integrations.types import Tier
    from memoryos_integrations.writing.embedding import Embedding
    from memoryos_integrations.writing.indexing import Indexing

    Vector = NDArray[np.float32]
    Mask = NDArray[np.bool_]

_messages, _vectors = schema.messages, schema.vectors
_CANDIDATES = 100  # 100 by vector and 100 by words lose 0.2 points against scoring every message
_log = logging.getLogger(__name__)


class VectorSignal:
    """Compares messages with a question.

    Args:
        embedding: makes the question's vector.
        indexing: asked above the full-scan threshold.
        config: ``search``, ``full_scan_threshold`` and ``inline_embed_limit``.
    """

    def __init__(self, embedding: Embedding, indexing: Indexing, config: MemoryConfig) -> None:
        self.embedding, self._indexing, self._config = embedding, indexing, config

    def vector_of(self, text: str) -> Vector | None:
        """Return the question's unit vector, or ``None`` when there is no embedder or it is down."""
        if self.embedding.embedder is None:
            return None
        try:
            return np.asarray(self.embedding.embed([embedding_text(None, text)])[0])
        except EmbedderUnavailableError as error:
            _log.warning("A retrieval ran by words only: %s", error)
            return None

    def scans(self, rows: ScopeRows) -> bool:
        """Whether a scope of this size is compared whole."""
        if self._config.search == "auto" and self._config.strategy == "hybrid":
            return len(rows) <= self._config.full_scan_threshold
        return self._config.search != "chroma" or self._config.strategy == "paper"

    def scan(self, tx: sa.Connection, rows: ScopeRows, vector: Vector) -> Vector | None:
        """Cosines of all rows; the newest of those not yet embedded are embedded here."""
        ids, made = self._embed_inline(tx, rows, rows.unembedded(self._config.inline_embed_limit))
        if made is not None:
            rows.put_vectors(ids, made)
        if rows.matrix is None:
            return None
        return _missing_as_least(rows.matrix.products(vector, len(rows)), rows.matrix.filled[: len(rows)])

    def _embed_inline(
        self, tx: sa.Connection, rows: ScopeRows, waiting: Sequence[int]
    ) -> tuple[list[str], Vector | None]:
        """Return the vectors of messages that the worker has not come to yet."""
        if not waiting:
            return [], None
        query = sa.select(_messages.c.id, _messages.c.name, _messages.c.text)
        texts = tx.execute(query.where(_messages.c.id.in_([rows.ids[row] for row in waiting]))).all()
        try:
            made = (
                self.embedding.embed([embedding_text(row.name, row.text) for row in texts]) if texts else None
            )
        except EmbedderUnavailableError as error:
            _log.warning("New messages are found by their words only for now: %s", error)
            return [], None
        return [row.id for row in texts], made

    def cosines(
        self,
        tx: sa.Connection,
        rows: ScopeRows,
        vector: Vector,
        by_words: Callable[[], Vector],
        allowed: Mask,
        tiers: Sequence[Tier],
    ) -> tuple[Vector | None, Mask]:
        """Return the cosine of each row, and which rows may be returned: above the threshold, candidates."""
        if self.scans(rows):
            return self.scan(tx, rows, vector), allowed
        try:
            near = [
                item
                for tier in ("short_term", "mid_term")
                if tier in tiers
                for item, _ in self._indexing.search(tier, vector, scope=rows.scope, limit=_CANDIDATES)
            ]
        except IndexUnavailableError as error:
            _log.info("The vector index was not asked, the scope is scanned: %s", error)
            rows.sync(tx, self.embedding.id, with_vectors=True)
            return self.scan(tx, rows, vector), allowed
        return self._of_candidates(tx, rows, vector, near, by_words(), allowed)

    def _of_candidates(
        self,
        tx: sa.Connection,
        rows: ScopeRows,
        vector: Vector,
        near: Sequence[str],
        by_words: Vector,
        allowed: Mask,
    ) -> tuple[Vector | None, Mask]:
        """Compare the best by vector, the best by words, what is not indexed yet, and their neighbours."""
        chosen = np.zeros(len(rows), dtype=bool)
        chosen[[rows.row_of[item] for item in near if item in rows.row_of]] = True
        count = min(_CANDIDATES, len(rows))
        chosen[np.argpartition(-np.where(allowed, by_words, -1), count - 1)[:count]] = True
        if not allowed.all() and allowed.sum() <= self._config.full_scan_threshold:
            chosen |= allowed  # a filter of the caller's: all that pass it are compared
        unindexed = sa.select(_vectors.c.item_id).where(
            _vectors.c.scope_id == rows.scope,
            _vectors.c.kind == "message",
            _vectors.c.embedder_id == self.embedding.id,
            _vectors.c.indexed_in.is_(None),
        )
        waiting = tx.execute(unindexed.limit(self._config.full_scan_threshold)).scalars()
        chosen[[rows.row_of[item] for item in waiting if item in rows.row_of]] = True
        newest = rows.unembedded(self._config.inline_embed_limit)
        chosen[newest] = True
        beside = np.concatenate([rows.lexical.previous[chosen], rows.lexical.following[chosen]])
        chosen[beside[beside >= 0]] = True
        cosine, filled = self._cosines_of(tx, rows, vector, np.flatnonzero(chosen))
        self._fill_newest(
            tx, rows, vector, [row for row in newest if chosen[row] and not filled[row]], cosine, filled
        )
        return _missing_as_least(cosine, filled), chosen & allowed

    def _fill_newest(
        self,
        tx: sa.Connection,
        rows: ScopeRows,
        vector: Vector,
        waiting: Sequence[int],
        cosine: Vector,
        filled: Mask,
    ) -> None:
        ids, made = self._embed_inline(tx, rows, [row for row in waiting if rows.ids[row] not in rows.fresh])
        if made is not None:
            rows.fresh.update(zip(ids, made, strict=True))
        for row in waiting:
            known = rows.fresh.get(rows.ids[row])
            if known is not None:
                cosine[row], filled[row] = known @ vector, True
        # What the worker has embedded since is in the ledger: kept here are only those it has not come to.
        rows.fresh = {
            rows.ids[row]: rows.fresh[rows.ids[row]] for row in waiting if rows.ids[row] in rows.fresh
        }

    def _cosines_of(
        self, tx: sa.Connection, rows: ScopeRows, vector: Vector, chosen: NDArray[np.intp]
    ) -> tuple[Vector, Mask]:
        cosine, filled = np.zeros(len(rows), dtype=np.float32), np.zeros(len(rows), dtype=bool)
        for part in chunks([rows.ids[row] for row in chosen]):
            query = sa.select(_vectors.c.item_id, _vectors.c.vector).where(
                _vectors.c.item_id.in_(part), _vectors.c.embedder_id == self.embedding.id
            )
            found = tx.execute(query).all()
            if found:
                numbers = [rows.row_of[row.item_id] for row in found]
                cosine[numbers] = unpack_all([row.vector for row in found], len(vector)) @ vector
                filled[numbers] = True
        return cosine, filled


def _missing_as_least(cosine: Vector, filled: Mask) -> Vector | None:
    """A row without a vector counts as the least similar one, so that it is found by its words."""
    if not filled.any():
        return None
    if filled.all():
        return cosine
    cosine[~filled] = cosine[filled].min()
    return cosine
