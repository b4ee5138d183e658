"""Key-value items of the application, with vector search.

Not a memory tier: ``UserMemory.retrieve`` never returns them. Values and vectors are in the ledger, the index
is the Chroma collection ``store_items``.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from memoryos_integrations.clock import from_us
from memoryos_integrations.errors import EmbedderUnavailableError, IndexUnavailableError, InvalidInputError
from memoryos_integrations.storage import item_rows, schema
from memoryos_integrations.storage.scope import OF_ITEMS
from memoryos_integrations.storage.sql import chunks
from memoryos_integrations.storage.vectors import unpack
from memoryos_integrations.writing.embedding import embedding_text

if TYPE_CHECKING:
    from memoryos_integrations.runtime.store import Store
    from memoryos_integrations.writing.embedding import Matrix

Namespace = tuple[str, ...]
Matches = Callable[[Mapping[str, Any]], bool]

_COLLECTION = "store_items"
_MOST_CANDIDATES = 30_000  # of one query of the index
_items, _texts, _vectors = schema.store_items, schema.store_texts, schema.vectors
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StoredItem:
    """A stored value with its namespace and key."""

    namespace: Namespace
    """Labels, outermost first."""
    key: str
    """Its key in the namespace."""
    value: dict[str, Any]
    """The value."""
    created_at: datetime
    """When the key was first stored, UTC."""
    updated_at: datetime
    """When this value was stored, UTC."""
    score: float | None = None
    """Cosine similarity with the query; ``None`` without a query or a vector."""


@dataclass(frozen=True, slots=True)
class Put:
    """A value to store or remove."""

    namespace: Namespace
    """Labels without a full stop."""
    key: str
    """Any text."""
    value: Mapping[str, Any] | None
    """A mapping of JSON values; ``None`` removes the item."""
    texts: Sequence[str] = ()
    """Texts that are embedded and searched."""


class Items:
    """The items of a store; see ``MemoryOS.items``.

    Args:
        store: the open store.
        keep: an object to keep alive, such as the ``MemoryOS``.

    Example:
        >>> items = memory.items
        >>> items.put([Put(("ann", "notes"), "1", {"text": "buy honey"}, ["buy honey"])])
        >>> [item.value for item in items.search(("ann",), query="honey")]
        [{'text': 'buy honey'}]
    """

    def __init__(self, store: Store, *, keep: object) -> None:
        self._ledger, self._embedding, self._indexing = store.ledger, store.embedding, store.indexing
        self._config, self._now, self._notify = store.config, store.times.now_us, store.worker.notify
        self._keep = keep

    def get(self, names: Sequence[tuple[Namespace, str]]) -> list[StoredItem | None]:
        """Return the item of each pair of namespace and key, in their order; ``None`` where there is none."""
        with self._ledger.read() as tx:
            rows = [item_rows.find(tx, item_rows.id_of(namespace, key)) for namespace, key in names]
        return [None if row is None else _item_from(row) for row in rows]

    def put(self, puts: Sequence[Put]) -> None:
        """Store and remove values, all or nothing; the last one for a key wins.

        Raises:
            InvalidInputError: a namespace, key or value is unusable; nothing was stored.
            StoreError: the ledger could not be written; nothing was stored.
        """
        last = {item_rows.id_of(put.namespace, put.key): (put, _json_of(put)) for put in puts}
        if not last:
            return
        with self._ledger.write() as tx:
            now = self._now()
            scope = OF_ITEMS.number(tx) or OF_ITEMS.ensure(tx, now)  # locked only the first time
            for item_id, (put, value) in last.items():
                if value is None:
                    item_rows.remove(tx, scope, [item_id])
                    continue
                names: dict[str, Any] = {"namespace": put.namespace, "key": put.key}
                item_rows.write(tx, scope, item_id, **names, value=value, found_by=put.texts, now=now)
        self._notify()

    def search(
        self,
        prefix: Namespace,
        *,
        query: str | None = None,
        matches: Matches | None = None,
        limit: int = 10,
        offset: int = 0,
    ) -> list[StoredItem]:
        """Return items whose namespace starts with a prefix.

        Args:
            prefix: labels; the empty prefix matches all namespaces.
            query: a text: the most similar come first, then items without a vector. Without a query or an
                embedder, the newest come first.
            matches: filter on the value.
            limit: most items to return.
            offset: items to skip.
        """
        vectors = self._embedded([query]) if query else None
        with self._ledger.read() as tx:
            if vectors is None:
                found = _listed(tx, prefix, matches, offset + limit)
            else:
                found = self._nearest(tx, prefix, vectors[0], matches, offset + limit)
        return found[offset : offset + limit]

    def namespaces(self) -> list[Namespace]:
        """Return the namespaces that have items, sorted."""
        with self._ledger.read() as tx:
            names = tx.execute(sa.select(_items.c.namespace).distinct()).scalars()
            return sorted(map(item_rows.decode_namespace, names))

    def forget(self, prefix: Namespace) -> int:
        """Remove all items below a prefix, with their bytes; returns their number.

        Raises:
            StoreError: the rows are gone, but another process still reads their bytes; call again.
        """
        with self._ledger.write() as tx:
            gone = list(tx.execute(sa.select(_items.c.id).where(item_rows.within(prefix))).scalars())
            scope = OF_ITEMS.number(tx)
            if scope is not None:
                item_rows.remove(tx, scope, gone)
        self._ledger.scrub()
        self._notify()
        return len(gone)

    def _embedded(self, texts: Sequence[str]) -> Matrix | None:
        if self._embedding.embedder is None:
            return None
        try:
            return self._embedding.embed([embedding_text(None, item_rows.storable(text)) for text in texts])
        except EmbedderUnavailableError as error:
            _log.warning("Items are searched without vectors for now: %s", error)
            return None

    def _nearest(
        self, tx: sa.Connection, prefix: Namespace, vector: Matrix, matches: Matches | None, wanted: int
    ) -> list[StoredItem]:
        """Return the most similar items, then the newest of those without a vector."""
        limit = wanted
        while (near := self._candidates(tx, prefix, vector, limit)) is not None:
            found = self._scored(tx, prefix, vector, matches, wanted, near)
            if len(found) >= wanted:
                return found
            limit = min(limit * 4, _MOST_CANDIDATES) if len(near) == limit else 0  # 0: there are no more
        found = self._scored(tx, prefix, vector, matches, wanted, None)
        if len(found) < wanted:
            keys = {(item.namespace, item.key) for item in found}
            rest = _listed(tx, prefix, matches, wanted)
            found += [item for item in rest if (item.namespace, item.key) not in keys]
        return found[:wanted]

    def _candidates(
        self, tx: sa.Connection, prefix: Namespace, vector: Matrix, limit: int
    ) -> list[str] | None:
        """Return ids of the nearest texts in the index; ``None``: scan all."""
        scope, search = OF_ITEMS.number(tx), self._config.search
        if scope is None or search == "exact" or not 0 < limit < _MOST_CANDIDATES:
            return None
        counted = sa.select(sa.func.count()).select_from(item_rows.JOINED).where(item_rows.within(prefix))
        if search == "auto" and tx.execute(counted).scalar_one() <= self._config.full_scan_threshold:
            return None
        try:
            return [text for text, _ in self._indexing.search(_COLLECTION, vector, scope=scope, limit=limit)]
        except IndexUnavailableError as error:
            _log.info("The vector index is unavailable, items are scanned: %s", error)
            return None

    def _scored(
        self,
        tx: sa.Connection,
        prefix: Namespace,
        vector: Matrix,
        matches: Matches | None,
        wanted: int,
        near: Sequence[str] | None,
    ) -> list[StoredItem]:
        """Return up to ``wanted`` items with a vector, the most similar first."""
        scores: dict[str, float] = {}
        for item_id, stored in self._vectors(tx, prefix, near):
            scores[item_id] = max(float(stored @ vector), scores.get(item_id, -1.0))
        found: list[StoredItem] = []
        for part in chunks(sorted(scores, key=lambda item: -scores[item])):
            rows = {row.id: row for row in tx.execute(sa.select(_items).where(_items.c.id.in_(part)))}
            items = (replace(_item_from(rows[item]), score=scores[item]) for item in part)
            found += [item for item in items if matches is None or matches(item.value)]
            if len(found) >= wanted:
                break
        return found[:wanted]

    def _vectors(
        self, tx: sa.Connection, prefix: Namespace, near: Sequence[str] | None
    ) -> Iterator[tuple[str, Matrix]]:
        """Yield item id and vector of each candidate text; the newest without one are embedded here."""
        mine = sa.and_(_vectors.c.item_id == _texts.c.id, _vectors.c.embedder_id == self._embedding.id)
        columns = sa.select(_texts.c.item_id, _vectors.c.vector).select_from(
            item_rows.JOINED.join(_vectors, mine)
        )
        query = columns.where(item_rows.within(prefix))
        parts = [query] if near is None else [query.where(_texts.c.id.in_(part)) for part in chunks(near)]
        if near is not None:
            parts.append(query.where(_vectors.c.indexed_in.is_(None)))
        for part in parts:
            for item_id, stored in tx.execute(part):
                yield item_id, unpack(stored)
        missing = sa.select(_texts.c.item_id, _texts.c.text).select_from(
            item_rows.JOINED.outerjoin(_vectors, mine)
        )
        missing = missing.where(item_rows.within(prefix), _vectors.c.seq.is_(None))
        rows = tx.execute(missing.order_by(_texts.c.seq.desc()).limit(self._config.inline_embed_limit)).all()
        vectors = self._embedded([row.text for row in rows]) if rows else None
        if vectors is not None:
            yield from ((row.item_id, vector) for row, vector in zip(rows, vectors, strict=True))


def _listed(tx: sa.Connection, prefix: Namespace, matches: Matches | None, wanted: int) -> list[StoredItem]:
    """Return the newest items."""
    found: list[StoredItem] = []
    for row in item_rows.newest(tx, prefix, wanted if matches is None else None):
        if len(found) >= wanted:
            break
        item = _item_from(row)
        if matches is None or matches(item.value):
            found.append(item)
    return found


def _json_of(put: Put) -> str | None:
    if put.value is None:
        return None
    try:
        return json.dumps(dict(put.value))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInputError(f"value must hold JSON values only: {error}") from None


def _item_from(row: Any) -> StoredItem:
    return StoredItem(
        namespace=item_rows.decode_namespace(row.namespace),
        key=row.key,
        value=json.loads(row.value),
        created_at=from_us(row.created_at),
        updated_at=from_us(row.updated_at),
    )
