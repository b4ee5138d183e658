"""What a retrieval needs of one scope, in memory: loaded from the ledger, kept current by sequence number."""

from __future__ import annotations

import threading
from collections import OrderedDict
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import sqlalchemy as sa

from memoryos_integrations.clock import from_us
from memoryos_integrations.language.dates import day
from memoryos_integrations.language.question_forms import is_question
from memoryos_integrations.language.text import content_terms, fold
from memoryos_integrations.retrieval.bm25 import LexicalIndex
from memoryos_integrations.storage import schema
from memoryos_integrations.storage.columns import Column
from memoryos_integrations.storage.vectors import VectorMatrix, unit, unpack_all
from memoryos_integrations.types import ROLES, SOURCES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta
    from typing import Literal

    from numpy.typing import NDArray

    from memoryos_integrations.storage.vectors import Matrix, Vector

    State = Literal["current", "stale", "gone"]

_scopes, _messages, _vectors, _pages = schema.scopes, schema.messages, schema.vectors, schema.pages
_NO_NAME = -1
_NO_QUESTION = -1
_DAY_US = 86_400_000_000
_mine = sa.bindparam("scope", type_=sa.Integer)
_vectors_of_scope = sa.and_(
    _vectors.c.scope_id == _mine,
    _vectors.c.kind == "message",
    _vectors.c.embedder_id == sa.bindparam("embedder"),
)
_state = sa.select(
    _scopes.c.revision,
    _scopes.c.erasures,
    sa.select(sa.func.max(_messages.c.seq))
    .where(_messages.c.scope_id == _mine)
    .scalar_subquery()
    .label("last_message"),
    sa.select(sa.func.max(_vectors.c.seq)).where(_vectors_of_scope).scalar_subquery().label("last_vector"),
).where(_scopes.c.id == _mine)
_new_messages = (
    sa.select(
        _messages.c.seq,
        _messages.c.id,
        _messages.c.page_id,
        _messages.c.thread_id,
        _messages.c.role,
        _messages.c.name,
        _messages.c.text,
        _messages.c.at,
        _messages.c.source,
        _messages.c.metadata,
    )
    .where(_messages.c.scope_id == _mine, _messages.c.seq > sa.bindparam("after"))
    .order_by(_messages.c.seq)
)
_new_vectors = (
    sa.select(_vectors.c.seq, _vectors.c.item_id, _vectors.c.vector)
    .where(_vectors_of_scope, _vectors.c.seq > sa.bindparam("after"))
    .order_by(_vectors.c.seq)
)


@lru_cache(maxsize=4096)
def _day(number: int) -> str:
    """Return the day that is so many after 1 January 1970, as it is shown and searched."""
    return day(from_us(number * _DAY_US))


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
        self.role = Column(np.int8)
        """Place of the role in ``ROLES``."""
        self.source = Column(np.int8)
        """Place of the source in ``SOURCES``."""
        self.question_terms = Column(np.int32)
        """Distinct content terms of a user's message that asks something; -1 for every other message."""
        self.text_hash = Column(np.int64)
        """Of the text, a question's as ``fold`` gives it: different numbers mean different texts."""
        self.lexical = LexicalIndex()
        self.matrix: VectorMatrix | None = None
        self.fresh: dict[str, Vector] = {}
        self.without_lift: NDArray[np.intp] = np.zeros(0, dtype=np.intp)
        self.revision = -1
        self.erasures = -1
        self._gap = session_gap.total_seconds()
        self._sessions = 0
        self._metadata_bytes = 0
        self._last_of_thread: dict[str, int] = {}
        self._last_message = 0
        self._last_vector = 0
        self._syncing = False

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def nbytes(self) -> int:
        """Memory, about."""
        matrix = self.matrix.nbytes if self.matrix is not None else 0
        return matrix + self.lexical.nbytes + 420 * len(self.ids) + self._metadata_bytes

    def sync(self, tx: sa.Connection, embedder_id: int | None, *, with_vectors: bool) -> State:
        """Take in what was stored since the last call.

        Returns:
            ``"stale"`` if rows were erased since or a call was interrupted, so that this object must be
            replaced, ``"gone"`` if the whole scope was erased, else ``"current"``.
        """
        state = tx.execute(_state, {"scope": self.scope, "embedder": embedder_id}).first()
        if state is None:
            return "gone"
        if self._syncing or self.erasures not in (-1, state.erasures):
            return "stale"
        self._syncing = True  # stays so if the call is interrupted: its columns differ in length
        self.erasures = state.erasures
        if (state.last_message or 0) > self._last_message:
            self._append(tx)
        if state.revision != self.revision:
            self.revision = state.revision
            self._mark_evicted(tx)
        if with_vectors and embedder_id is not None and (state.last_vector or 0) > self._last_vector:
            self._load_vectors(tx, embedder_id)
        self._syncing = False
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
        rows = tx.execute(_new_messages, {"scope": self.scope, "after": self._last_message}).all()
        first = len(self.ids)
        texts: list[str] = []
        previous: list[int] = []
        sessions: list[int] = []
        question_terms: list[int] = []
        hashes: list[int] = []
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
                self._metadata_bytes += len(row.metadata)
            speaker = f"{row.name}: " if row.name else ""
            texts.append(f"{_day(row.at // _DAY_US)} {speaker}{row.text}")
        self.ids.extend(row.id for row in rows)
        self.page_of.extend(row.page_id for row in rows)
        self.session.append(sessions)
        self.thread.append([self.threads.setdefault(row.thread_id, len(self.threads)) for row in rows])
        self.speaker.append(
            [self.names.setdefault(row.name, len(self.names)) if row.name else _NO_NAME for row in rows]
        )
        self.role.append([ROLES.index(row.role) for row in rows])
        self.source.append([SOURCES.index(row.source) for row in rows])
        for row in rows:
            asks = row.role == "user" and is_question(row.text)
            question_terms.append(len(set(content_terms(row.text))) if asks else _NO_QUESTION)
            hashes.append(hash(fold(row.text) if asks else row.text))
        self.question_terms.append(question_terms)
        self.text_hash.append(hashes)
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
        wanted = {"scope": self.scope, "embedder": embedder_id, "after": self._last_vector}
        found = tx.execute(_new_vectors, wanted).all()
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
        self.after_fork()

    def get(self, scope: int) -> ScopeRows:
        """Return the rows of a scope; they are not synced yet."""
        with self._lock:
            rows = self._scopes.get(scope)
            if rows is None:
                rows = self._scopes[scope] = ScopeRows(scope, self._gap)
            self._scopes.move_to_end(scope)
            return rows

    def drop(self, scope: int) -> None:
        """Drop a scope, as after an erasure."""
        with self._lock:
            self._let_go(scope)

    def trim(self, used: ScopeRows) -> None:
        """Update the size of a scope, then drop the least recently used scopes until the rest fits."""
        with self._lock:
            if self._scopes.get(used.scope) is not used:
                return
            self._total += used.nbytes - self._sizes.get(used.scope, 0)
            self._sizes[used.scope] = used.nbytes
            while self._total > self._limit and len(self._scopes) > 1:
                self._let_go(next(iter(self._scopes)))

    def _let_go(self, scope: int) -> None:
        if self._scopes.pop(scope, None) is not None:
            self._total -= self._sizes.pop(scope, 0)

    def after_fork(self) -> None:
        """Reset after fork: a lock may be held by a thread of the parent."""
        self._lock = threading.Lock()
        self._scopes: OrderedDict[int, ScopeRows] = OrderedDict()
        self._sizes: dict[int, int] = {}
        """Bytes of each scope when it was last in use; their sum is kept beside them."""
        self._total = 0

    def clear(self) -> None:
        """Drop everything."""
        with self._lock:
            self._scopes.clear()
            self._sizes.clear()
            self._total = 0
