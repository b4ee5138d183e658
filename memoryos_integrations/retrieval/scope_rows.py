"""What a retrieval needs of one scope, in memory: loaded from the ledger, kept current by sequence number."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

import numpy as np
import sqlalchemy as sa

from memoryos_integrations.clock import from_us
from memoryos_integrations.language.dates import day
from memoryos_integrations.retrieval.bm25 import LexicalIndex
from memoryos_integrations.storage import schema
from memoryos_integrations.storage.columns import Column
from memoryos_integrations.storage.vectors import VectorMatrix, unit, unpack_all

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta
    from typing import Literal

    from numpy.typing import NDArray

    from memoryos_integrations.storage.vectors import Matrix, Vector

    State = Literal["current", "stale", "gone"]

_scopes, _messages, _vectors, _pages = schema.scopes, schema.messages, schema.vectors, schema.pages
_NO_NAME = -1


class ScopeRows:
    """The messages of one scope as numbered rows, in the order in which they were stored.

    Args:
        scope: the scope's number.
        session_gap: messages of one thread with no longer gap are one session.
    """

    def __init__(self, scope: int, session_gap: timedelta) -> None:
        self.scope = scope
        self.lock = threading.RLock()
        self.ids: list[str] = []
        self.row_of: dict[str, int] = {}
        self.page_of: list[str] = []
        self.metadata: dict[int, str] = {}
        self.threads: dict[str, int] = {}
        self.names: dict[str, int] = {}
        self.thread = Column(np.int32)
        self.session = Column(np.int32)
        self.speaker = Column(np.int32)
        self.at = Column(np.float64)
        self.lexical = LexicalIndex()
        self.matrix: VectorMatrix | None = None
        self.fresh: dict[str, Vector] = {}
        self.without_lift: NDArray[np.intp] = np.zeros(0, dtype=np.intp)
        self.revision = -1
        self.erasures = -1
        self._gap = session_gap.total_seconds()
        self._sessions = 0
        self._last_of_thread: dict[str, int] = {}
        self._last_message = 0
        self._last_vector = 0

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def nbytes(self) -> int:
        """Memory, about."""
        matrix = self.matrix.nbytes if self.matrix is not None else 0
        return matrix + self.lexical.nbytes + 400 * len(self.ids) + sum(map(len, self.metadata.values()))

    def sync(self, tx: sa.Connection, embedder_id: int | None, *, with_vectors: bool) -> State:
        """Take in what was stored since the last call.

        Returns:
            ``"stale"`` if rows were erased since, so that this object is of no use any more, ``"gone"`` if
            the whole scope was, else ``"current"``.
        """
        state = tx.execute(
            sa.select(_scopes.c.revision, _scopes.c.erasures).where(_scopes.c.id == self.scope)
        ).first()
        if state is None:
            return "gone"
        if self.erasures not in (-1, state.erasures):
            return "stale"
        self.erasures = state.erasures
        self._append(tx)
        if state.revision != self.revision:
            self.revision = state.revision
            self._mark_evicted(tx)
        if with_vectors and embedder_id is not None:
            self._load_vectors(tx, embedder_id)
        return "current"

    def put_vectors(self, ids: Sequence[str], vectors: Matrix) -> None:
        """Set the vectors of messages, unit length or not; ids that are not known are passed over."""
        known = [position for position, item in enumerate(ids) if item in self.row_of]
        if self.matrix is None:
            self.matrix = VectorMatrix(vectors.shape[1])
        self.matrix.put([self.row_of[ids[position]] for position in known], unit(vectors[known]))

    def unembedded(self, limit: int) -> list[int]:
        """Return the newest rows without a vector, at most ``limit``."""
        if self.matrix is None:
            return list(range(max(0, len(self) - limit), len(self)))
        return [int(row) for row in self.matrix.missing(len(self))[-limit:]] if limit else []

    def _append(self, tx: sa.Connection) -> None:
        query = (
            sa.select(_messages)
            .where(_messages.c.scope_id == self.scope, _messages.c.seq > self._last_message)
            .order_by(_messages.c.seq)
        )
        rows = tx.execute(query).all()
        if not rows:
            return
        first = len(self.ids)
        texts: list[str] = []
        previous: list[int] = []
        sessions: list[int] = []
        seconds = [row.at / 1e6 for row in rows]
        self.at.append(seconds)
        for number, row in enumerate(rows, start=first):
            before = self._last_of_thread.get(row.thread_id, -1)
            together = before >= 0 and abs(self.at.values[number] - self.at.values[before]) <= self._gap
            if together:
                sessions.append(
                    sessions[before - first] if before >= first else int(self.session.values[before])
                )
            else:
                sessions.append(self._sessions)
                self._sessions += 1
            previous.append(before if together else -1)
            self._last_of_thread[row.thread_id] = number
            self.row_of[row.id] = number
            if row.metadata != "{}":
                self.metadata[number] = row.metadata
            speaker = f"{row.name}: " if row.name else ""
            texts.append(f"{day(from_us(row.at))} {speaker}{row.text}")
        self.ids.extend(row.id for row in rows)
        self.page_of.extend(row.page_id for row in rows)
        self.session.append(sessions)
        self.thread.append([self.threads.setdefault(row.thread_id, len(self.threads)) for row in rows])
        self.speaker.append(
            [self.names.setdefault(row.name, len(self.names)) if row.name else _NO_NAME for row in rows]
        )
        self.lexical.extend(texts, previous)
        self._last_message = rows[-1].seq

    def _mark_evicted(self, tx: sa.Connection) -> None:
        query = sa.select(_pages.c.id).where(
            _pages.c.scope_id == self.scope, _pages.c.segment_id.is_(None), _pages.c.tier == "mid_term"
        )
        evicted = set(tx.execute(query).scalars())
        rows = [row for row, page in enumerate(self.page_of) if page in evicted] if evicted else []
        self.without_lift = np.array(rows, dtype=np.intp)

    def _load_vectors(self, tx: sa.Connection, embedder_id: int) -> None:
        query = (
            sa.select(_vectors.c.seq, _vectors.c.item_id, _vectors.c.vector)
            .where(
                _vectors.c.scope_id == self.scope,
                _vectors.c.kind == "message",
                _vectors.c.embedder_id == embedder_id,
                _vectors.c.seq > self._last_vector,
            )
            .order_by(_vectors.c.seq)
        )
        found = tx.execute(query).all()
        if not found:
            return
        self._last_vector = found[-1].seq
        dimension = len(found[0].vector) // 4
        self.put_vectors([row.item_id for row in found], unpack_all([row.vector for row in found], dimension))


class ScopeCache:
    """The scopes in use, least recently used out first when they take more memory than allowed.

    Args:
        limit_bytes: for all scopes together; the one in use may exceed it alone.
        session_gap: see ``ScopeRows``.
    """

    def __init__(self, limit_bytes: int, session_gap: timedelta) -> None:
        self._limit, self._gap = limit_bytes, session_gap
        self._scopes: OrderedDict[int, ScopeRows] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, scope: int) -> ScopeRows:
        """Return the rows of a scope; they are not synced yet."""
        with self._lock:
            rows = self._scopes.get(scope)
            if rows is None:
                rows = self._scopes[scope] = ScopeRows(scope, self._gap)
            self._scopes.move_to_end(scope)
            return rows

    def drop(self, scope: int) -> None:
        """Let go of a scope, as after an erasure."""
        with self._lock:
            self._scopes.pop(scope, None)

    def holds(self, rows: ScopeRows) -> bool:
        """Whether these rows are still the ones of their scope."""
        with self._lock:
            return self._scopes.get(rows.scope, rows) is rows

    def trim(self) -> None:
        """Let go of the scopes used longest ago until the rest fits."""
        with self._lock:
            sizes = {scope: rows.nbytes for scope, rows in self._scopes.items()}
            total = sum(sizes.values())
            for scope in list(self._scopes)[:-1]:
                if total <= self._limit:
                    return
                total -= sizes[scope]
                del self._scopes[scope]

    def after_fork(self) -> None:
        """Begin anew: a lock may be held by a thread of the parent."""
        self._lock = threading.Lock()
        self._scopes = OrderedDict()

    def clear(self) -> None:
        """Let go of everything."""
        with self._lock:
            self._scopes.clear()
