"""Updates the Chroma collections from the ledger, in the process that owns the store.

``vectors.indexed_in`` names the collection of an item and is written after Chroma has stored it, so the
ledger knows what a damaged index lacks.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from memoryos_integrations.errors import IndexUnavailableError
from memoryos_integrations.events import IndexRebuilt
from memoryos_integrations.protocols import IndexRecord
from memoryos_integrations.storage import outbox, schema
from memoryos_integrations.storage.chroma import directory
from memoryos_integrations.storage.chroma.index import COLLECTIONS, ChromaIndex
from memoryos_integrations.storage.index_rows import VECTOR_LOCATIONS, mark_indexed
from memoryos_integrations.storage.scope import lock_all
from memoryos_integrations.storage.sql import chunks
from memoryos_integrations.storage.vectors import unit, unpack

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from memoryos_integrations.events import Event
    from memoryos_integrations.protocols import Vector, VectorIndex
    from memoryos_integrations.storage.ledger import Ledger
    from memoryos_integrations.storage.outbox import Job

_vectors, _messages, _pages, _jobs = schema.vectors, schema.messages, schema.pages, schema.jobs
_FILL_BATCH = 2_000
_log = logging.getLogger(__name__)


class Indexing:
    """Fills and queries the vector index of a store.

    Args:
        ledger: the source of the index.
        client: a chromadb client of the caller, or ``None`` to use ``directory``.
        directory: directory of the index.
        emit: receives ``IndexRebuilt``.
    """

    def __init__(
        self,
        ledger: Ledger,
        client: Any,
        directory: Path,
        emit: Callable[[Event], None],
    ) -> None:
        self._ledger, self._client, self._directory = ledger, client, directory
        self._emit = emit
        self._index: ChromaIndex | None = None
        self._lock = threading.RLock()
        self._owned = False
        self._checked = False
        self.acquire_ownership: Callable[[], object] = lambda: None
        """Tries to make this process the owner of the store; set once the worker exists."""

    def on_acquired(self) -> None:
        """Handle becoming the owner of the store: set a suspect directory aside."""
        with self._lock:
            self._owned = True
            self._checked = False
            if self._client is not None:
                return
            broken = directory.set_aside_if_unclean(self._directory)
            if broken is not None or (directory.is_missing(self._directory) and self._records_held()):
                _log.warning(
                    "The vector index was missing or not closed cleanly; it is rebuilt from the ledger."
                )
                self.request_rebuild()

    def request_rebuild(self) -> None:
        """Mark all vectors as not indexed and queue the job that fills the index."""
        with self._ledger.write() as tx:
            lock_all(tx)
            tx.execute(sa.update(_vectors).where(_vectors.c.indexed_in.is_not(None)).values(indexed_in=None))
            outbox.enqueue_once(tx, "rebuild", None, "index")

    def empty_and_request_rebuild(self) -> None:
        """Empty the index and queue its rebuild."""
        with self._lock:
            self._opened().clear()
            self.request_rebuild()

    def run(self, jobs: Sequence[Job]) -> None:
        """Update the items of jobs in their collections."""
        with self._lock:
            index = self._checked_index()
            try:
                self._delete_removed(index, jobs)
                changed = self._update(index, self._rows_of(jobs))
            except IndexUnavailableError:
                self._set_aside()
                raise
            # Under the lock: records that the ledger does not know would stay in the index forever.
            with self._ledger.write(*outbox.scopes_of(jobs)) as tx:
                mark_indexed(tx, changed)
                outbox.done(tx, jobs)

    def rewrite(self, jobs: Sequence[Job]) -> None:
        """Rewrite collections, to remove the vectors of forgotten items from their files."""
        with self._lock:
            index = self._checked_index()
            try:
                for job in jobs:
                    index.rewrite(job.item_id)
            except IndexUnavailableError:
                self._set_aside()
                raise
        with self._ledger.write() as tx:
            outbox.done(tx, jobs)

    def fill(self, jobs: Sequence[Job], stopping: Callable[[], bool]) -> None:
        """Index everything not yet indexed; stops between batches if ``stopping()`` and resumes next time."""
        records = 0
        while not stopping():
            with self._lock:
                index = self._opened()
                with self._ledger.read() as tx:
                    missing = VECTOR_LOCATIONS.where(_vectors.c.indexed_in.is_(None)).order_by(_vectors.c.seq)
                    rows = tx.execute(missing.limit(_FILL_BATCH)).all()
                try:
                    changed = self._update(index, rows)
                except IndexUnavailableError:
                    self._set_aside()
                    raise
                with self._ledger.write(*{row.scope_id for row in rows}) as tx:
                    mark_indexed(tx, changed)
                    if not rows:
                        outbox.done(tx, jobs)
            records += len(rows)
            if not rows:
                self._discard_set_aside()
                self._emit(IndexRebuilt(None, records))
                return

    def search(self, collection: str, vector: Vector, *, scope: int, limit: int) -> list[tuple[str, float]]:
        """Return up to ``limit`` (item id, cosine) of one scope, best first.

        Raises:
            IndexUnavailableError: another process owns the index, or it is being rebuilt; scan instead.
        """
        if not self._owned and self._client is None:
            self.acquire_ownership()
        with self._lock:
            if self._rebuilding():
                raise IndexUnavailableError("The vector index is being rebuilt.")
            index = self._checked_index()
            try:
                return index.search(collection, vector, scope=scope, limit=limit)
            except IndexUnavailableError:
                self._set_aside()
                raise

    def check(self) -> None:
        """Check once whether the index is complete; if not, queue its rebuild."""
        with self._lock:
            unused = self._client is None and directory.is_missing(self._directory)
            if self._owned and not unused and not self._checked and not self._rebuilding():
                with contextlib.suppress(IndexUnavailableError):  # it was set aside and will be rebuilt
                    self._checked_index()

    def counts(self) -> dict[str, tuple[int, int]]:
        """Return for each collection the number of its records and the number expected by the ledger."""
        with self._lock:
            index = self._opened()
            return {name: (index.count(name), self._records_held(name)) for name in COLLECTIONS}

    def after_fork(self) -> None:
        """Reset after a fork: this process owns nothing."""
        self._lock = threading.RLock()
        self._owned = False
        if self._index is not None:
            self._index.after_fork()

    def close(self) -> None:
        """Wait for the running call, then release the index."""
        with self._lock:
            self._owned = False
            if self._index is not None:
                self._index.close()
                self._index = None

    def _opened(self) -> ChromaIndex:
        if not self._owned and self._client is None:
            raise IndexUnavailableError("Another process owns this store's vector index.")
        if self._index is None:
            if self._client is not None:
                self._index = ChromaIndex.on_client(self._client, self._ledger.store_id)
            else:
                self._index = ChromaIndex.in_directory(self._directory)
        return self._index

    def _checked_index(self) -> ChromaIndex:
        """Return the index, checked once against the ledger."""
        index = self._opened()
        if not self._checked and not self._rebuilding():
            try:
                wrong = [name for name in COLLECTIONS if index.count(name) != self._expected(name)]
            except IndexUnavailableError:
                self._set_aside()
                raise
            if wrong:
                _log.warning(
                    "The vector index differs from the ledger (%s); it is rebuilt.", ", ".join(wrong)
                )
                self.empty_and_request_rebuild()
            self._checked = True
        return index

    def _expected(self, name: str) -> int:
        """Return the expected number of records: those in the ledger, and those still to be removed."""
        with self._ledger.read() as tx:
            pending = sa.select(sa.func.count()).select_from(_jobs).where(_jobs.c.payload == f"gone:{name}")
            return self._records_held(name) + tx.execute(pending).scalar_one()

    def _set_aside(self) -> None:
        """Set a broken index directory aside; the job is retried on a new one."""
        if self._client is not None or self._index is None:
            return
        broken, self._index = self._index, None
        broken.close()
        if directory.set_aside_if_unclean(self._directory) is not None:
            self.request_rebuild()

    def _discard_set_aside(self) -> None:
        if self._client is None:
            for broken in directory.set_aside_directories(self._directory):
                directory.discard(broken)

    def _rebuilding(self) -> bool:
        with self._ledger.read() as tx:
            return (
                tx.execute(sa.select(_jobs.c.seq).where(_jobs.c.kind == "rebuild").limit(1)).first()
                is not None
            )

    def _records_held(self, collection: str | None = None) -> int:
        held = (
            _vectors.c.indexed_in.is_not(None) if collection is None else _vectors.c.indexed_in == collection
        )
        with self._ledger.read() as tx:
            return tx.execute(sa.select(sa.func.count()).select_from(_vectors).where(held)).scalar_one()

    def _delete_removed(self, index: VectorIndex, jobs: Sequence[Job]) -> None:
        removed: dict[str, list[str]] = {}
        for job in jobs:
            if job.payload is not None and job.payload.startswith("gone:"):
                removed.setdefault(job.payload.removeprefix("gone:"), []).append(job.item_id)
        for collection, items in removed.items():
            index.delete(collection, items)

    def _rows_of(self, jobs: Sequence[Job]) -> list[Any]:
        pages = [job.item_id for job in jobs if job.payload is None]
        items = [job.item_id for job in jobs if job.payload in ("segment", "fact", "store")]
        rows: list[Any] = []
        with self._ledger.read() as tx:
            for part in chunks(pages):
                rows += tx.execute(VECTOR_LOCATIONS.where(_messages.c.page_id.in_(part))).all()
            for part in chunks(items):
                rows += tx.execute(VECTOR_LOCATIONS.where(_vectors.c.item_id.in_(part))).all()
        return rows

    def _update(self, index: VectorIndex, rows: Sequence[Any]) -> dict[str, list[tuple[int, str]]]:
        """Write rows to their target collections and remove them from others; returns what changed."""
        records: dict[str, list[IndexRecord]] = {}
        moved: dict[str, list[str]] = {}
        changed: dict[str, list[tuple[int, str]]] = {}
        for row in rows:
            if row.target is None:
                continue  # its message was forgotten after this job was written
            vector = unit(unpack(row.vector))
            records.setdefault(row.target, []).append(
                IndexRecord(row.item_id, vector, row.scope_id, row.at / 1e6)
            )
            changed.setdefault(row.target, []).append((row.seq, row.item_id))
            if row.indexed_in not in (None, row.target):
                moved.setdefault(row.indexed_in, []).append(row.item_id)
        for collection, batch in records.items():
            index.upsert(collection, batch)
        for collection, items in moved.items():
            index.delete(collection, items)
        return changed
