"""An exact vector index for tests, and the contract check of vector indexes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memoryos_integrations.errors import InvalidInputError, MemoryOSError, StoreClosedError
from memoryos_integrations.protocols import IndexRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from memoryos_integrations.protocols import Vector, VectorIndex

_COLLECTIONS = ("short_term", "mid_term", "mid_term_segments", "long_term", "store_items")
_LARGE = 5_462  # one more than Chroma accepts per call
_RECALL = 0.95
_CLOSE = 1e-3  # cosine: an index may compute in another order, or keep vectors at half precision


class ExactIndex:
    """A ``VectorIndex`` in memory that scans every record; the reference for approximate ones.

    Example:
        >>> check_index(ExactIndex)
    """

    def __init__(self) -> None:
        self._collections: dict[str, dict[str, IndexRecord]] | None = {name: {} for name in _COLLECTIONS}

    def upsert(self, collection: str, records: Sequence[IndexRecord]) -> None:
        """Insert or replace records."""
        held = self._held(collection)
        for record in records:
            _check_vector(record.vector)
        lengths = {len(record.vector) for record in (*list(held.values())[:1], *records)}
        if len(lengths) > 1:
            raise InvalidInputError(f"vectors of one collection must be equally long, not {sorted(lengths)}")
        held.update((record.id, record) for record in records)

    def delete(self, collection: str, ids: Sequence[str]) -> None:
        """Remove records; unknown ids are ignored."""
        held = self._held(collection)
        for id_ in ids:
            held.pop(id_, None)

    def search(self, collection: str, vector: Vector, *, scope: int, limit: int) -> list[tuple[str, float]]:
        """Return up to ``limit`` pairs (id, cosine similarity) of one scope, best first."""
        _check_vector(vector)
        candidates = [record for record in self._held(collection).values() if record.scope == scope]
        if not candidates or limit < 1:
            return []
        rows = np.stack([record.vector for record in candidates])
        lengths = np.linalg.norm(rows, axis=1) * np.linalg.norm(vector)
        cosines = rows @ vector / np.where(lengths == 0, 1, lengths)
        best = np.argsort(-cosines, kind="stable")[:limit]
        return [(candidates[place].id, float(cosines[place])) for place in best]

    def count(self, collection: str, *, scope: int | None = None) -> int:
        """Return the number of records, of one scope or of all."""
        return sum(scope is None or record.scope == scope for record in self._held(collection).values())

    def clear(self) -> None:
        """Remove every record of every collection."""
        for name in _COLLECTIONS:
            self._held(name).clear()

    def close(self) -> None:
        """Release the records."""
        self._collections = None

    def _held(self, collection: str) -> dict[str, IndexRecord]:
        if self._collections is None:
            raise StoreClosedError("the vector index is closed; create a new one")
        if collection not in self._collections:
            raise InvalidInputError(
                f"collection must be one of {', '.join(_COLLECTIONS)}, not {collection!r}"
            )
        return self._collections[collection]


def _check_vector(vector: Vector) -> None:
    if vector.ndim != 1 or vector.size == 0 or not np.isfinite(vector).all():
        raise InvalidInputError("vector must be one row of finite numbers")


def check_index(make: Callable[[], VectorIndex]) -> None:
    """Check the contract of ``protocols.VectorIndex``.

    It writes about 9 000 vectors of 8 to 64 numbers. Needs no test framework.

    Args:
        make: returns an empty index; called once per check. The check closes it.

    Raises:
        AssertionError: the contract is broken; the message says how.

    Example:
        >>> check_index(ExactIndex)
    """
    for check in (
        _check_empty,
        _check_upsert,
        _check_delete,
        _check_scopes,
        _check_clear,
        _check_refusals,
        _check_large_batch,
        _check_recall,
    ):
        index = make()
        try:
            check(index)
        finally:
            index.close()
    _check_close(make())


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:  # not an assert statement: python -O removes those
        raise AssertionError(otherwise)


def _records(vectors: Vector, *, scope: int = 1, prefix: str = "r") -> list[IndexRecord]:
    return [
        IndexRecord(id=f"{prefix}{place}", vector=vector, scope=scope, at=float(place))
        for place, vector in enumerate(vectors)
    ]


def _clustered(rows: int, dimension: int, *, seed: int) -> Vector:
    """Return clustered points, like texts; approximate indexes are poor on unstructured points."""
    random = np.random.default_rng(seed)
    centres = random.standard_normal((max(4, rows // 50), dimension))
    points = centres[random.integers(0, len(centres), rows)] + 0.5 * random.standard_normal((rows, dimension))
    return points.astype(np.float32)


def _found(
    index: VectorIndex, query: Vector, limit: int, *, scope: int = 1, collection: str = "mid_term"
) -> list[str]:
    return [id_ for id_, _ in index.search(collection, query, scope=scope, limit=limit)]


def _check_empty(index: VectorIndex) -> None:
    for collection in _COLLECTIONS:
        query = np.ones(8, dtype=np.float32)
        _expect(not _found(index, query, 5, collection=collection), f"an empty {collection} found something")
        _expect(index.count(collection) == 0, f"an empty {collection} does not count 0")
        _expect(index.count(collection, scope=1) == 0, f"a scope of an empty {collection} does not count 0")
        index.delete(collection, ["nobody"])
        index.upsert(collection, [])
        _expect(index.count(collection) == 0, f"upsert([]) wrote something to {collection}")


def _check_upsert(index: VectorIndex) -> None:
    vectors = _clustered(30, 16, seed=1)
    records = _records(vectors)
    for times in (1, 2):
        index.upsert("mid_term", records)
        _expect(index.count("mid_term") == 30, f"30 records written {times} times do not count 30")
    _expect(index.count("long_term") == 0, "a record was written to another collection than the one named")
    for record in records:
        id_, cosine = index.search("mid_term", record.vector, scope=1, limit=1)[0]
        _expect(id_ == record.id, f"{record.id} is not the best match of its own vector")
        _expect(abs(cosine - 1) < _CLOSE, f"a vector and itself have similarity {cosine}, not 1")
    found = index.search("mid_term", vectors[0], scope=1, limit=7)
    _expect(len(found) == 7, f"limit=7 of 30 gave {len(found)}")
    cosines = [cosine for _, cosine in found]
    _expect(cosines == sorted(cosines, reverse=True), "results are not best first")
    _expect(len(_found(index, vectors[0], 100)) == 30, "limit=100 of 30 did not give 30")
    _expect(_found(index, vectors[0], 0) == [], "limit=0 gave something")
    moved = IndexRecord(id="r0", vector=-vectors[0], scope=1, at=99.0)
    index.upsert("mid_term", [IndexRecord(id="r0", vector=vectors[5], scope=1, at=98.0), moved])
    _expect(index.count("mid_term") == 30, "replacing a record changed the count")
    _expect(_found(index, moved.vector, 1) == ["r0"], "a replaced record is not found by its new vector")
    _expect(_found(index, vectors[0], 1) != ["r0"], "a replaced record is still found by its old vector")


def _check_delete(index: VectorIndex) -> None:
    vectors = _clustered(20, 16, seed=2)
    index.upsert("short_term", _records(vectors))
    index.delete("short_term", ["r3", "nobody", "r4", "r3"])
    index.delete("short_term", ["r3"])
    index.delete("short_term", [])
    _expect(index.count("short_term") == 18, "18 of 20 records are not left after two were deleted")
    left = {f"r{place}" for place in range(20)} - {"r3", "r4"}
    found = _found(index, vectors[3], 20, collection="short_term")
    _expect(set(found) == left, "after a delete, a search does not return the remaining records")
    index.upsert("short_term", _records(vectors))
    _expect(index.count("short_term") == 20, "a deleted record cannot be written again")


def _check_scopes(index: VectorIndex) -> None:
    """Equal vectors in scopes of more and less than half of the collection, then the other way round."""
    vectors = _clustered(60, 16, seed=3)
    for round_, sizes in enumerate(({1: 60, 2: 10, 3: 1}, {1: 60, 2: 60, 3: 60}, {1: 5, 2: 60, 3: 1})):
        index.delete("mid_term", [f"{scope}-{place}" for scope in sizes for place in range(60)])
        for scope, size in sizes.items():
            index.upsert("mid_term", _records(vectors[:size], scope=scope, prefix=f"{scope}-"))
        for scope, size in sizes.items():
            where = f"of scope {scope} in round {round_}"
            _expect(index.count("mid_term", scope=scope) == size, f"wrong count {where}")
            for query in vectors[::7]:
                found = _found(index, query, 12, scope=scope)
                ours = all(id_.startswith(f"{scope}-") for id_ in found)
                _expect(ours, f"foreign records in a search {where}")
                _expect(len(set(found)) == len(found) == min(12, size), f"{len(found)} found {where}")
        _expect(not _found(index, vectors[0], 5, scope=4), "an unknown scope found something")
        _expect(index.count("mid_term", scope=4) == 0, "an unknown scope does not count 0")


def _check_clear(index: VectorIndex) -> None:
    vectors = _clustered(10, 16, seed=4)
    for collection in _COLLECTIONS:
        index.upsert(collection, _records(vectors))
    index.clear()
    index.clear()
    for collection in _COLLECTIONS:
        _expect(index.count(collection) == 0, f"clear() left records in {collection}")
        found = _found(index, vectors[0], 3, collection=collection)
        _expect(not found, f"clear() left vectors in {collection}")
    longer = _clustered(10, 24, seed=4)
    index.upsert("mid_term", _records(longer))
    _expect(len(_found(index, longer[0], 3)) == 3, "no vectors of another length after clear()")


def _check_refusals(index: VectorIndex) -> None:
    good = np.ones(8, dtype=np.float32)
    bad = np.full(8, np.nan, dtype=np.float32)
    index.upsert("mid_term", _records(good[None]))
    refusals: dict[str, Callable[[], object]] = {
        "a vector of NaN": lambda: index.upsert("mid_term", _records(bad[None], prefix="bad")),
        "a query of NaN": lambda: index.search("mid_term", bad, scope=1, limit=1),
        "a vector of another length": lambda: index.upsert("mid_term", _records(np.ones((1, 9), np.float32))),
        "an unknown collection": lambda: index.count("mid-term"),
    }
    for what, call in refusals.items():
        _check_raises(call, f"{what} is not refused")
    _expect(index.count("mid_term") == 1, "a refused record was written")
    _expect(_found(index, good, 5) == ["r0"], "a refused call damaged the index")


def _check_large_batch(index: VectorIndex) -> None:
    records = _records(_clustered(_LARGE, 8, seed=5))
    index.upsert("mid_term", records)
    _expect(index.count("mid_term") == _LARGE, f"{_LARGE} records in one call do not count {_LARGE}")
    _expect(index.count("mid_term", scope=1) == _LARGE, f"{_LARGE} records of a scope do not count {_LARGE}")
    _expect(_found(index, records[-1].vector, 1) == [records[-1].id], "the last of many is lost")
    index.delete("mid_term", [record.id for record in records[1:]])
    _expect(index.count("mid_term") == 1, f"{_LARGE - 1} records deleted in one call do not leave 1")


def _check_recall(index: VectorIndex) -> None:
    """Compare with the exact scan, for scopes of four fifths and one fifth of the collection."""
    exact = ExactIndex()
    vectors = _clustered(1_500, 64, seed=6)
    for scope, part in ((1, vectors[:1_200]), (2, vectors[1_200:])):
        records = _records(part, scope=scope, prefix=f"{scope}-")
        index.upsert("mid_term", records)
        exact.upsert("mid_term", records)
    queries = vectors[::75] + 0.3 * _clustered(20, 64, seed=7)
    for scope in (1, 2):
        hits = 0
        for query in queries:
            wanted = dict(exact.search("mid_term", query, scope=scope, limit=10))
            for id_, cosine in index.search("mid_term", query, scope=scope, limit=10):
                hits += id_ in wanted
                same = abs(cosine - wanted.get(id_, cosine)) < _CLOSE
                _expect(same, f"{cosine} is not the cosine of {id_}")
        recall = hits / (10 * len(queries))
        _expect(recall >= _RECALL, f"recall@10 is {recall:.3f} for scope {scope}, less than {_RECALL}")


def _check_close(index: VectorIndex) -> None:
    vector = np.ones(8, dtype=np.float32)
    index.upsert("mid_term", _records(vector[None]))
    index.close()
    index.close()
    calls: dict[str, Callable[[], object]] = {
        "upsert()": lambda: index.upsert("mid_term", _records(vector[None])),
        "delete()": lambda: index.delete("mid_term", ["r0"]),
        "search()": lambda: index.search("mid_term", vector, scope=1, limit=1),
        "count()": lambda: index.count("mid_term"),
        "clear()": index.clear,
    }
    for name, call in calls.items():
        _check_raises(call, f"{name} after close() raises no MemoryOSError")


def _check_raises(call: Callable[[], object], otherwise: str) -> None:
    try:
        call()
    except MemoryOSError:
        return
    raise AssertionError(otherwise)
