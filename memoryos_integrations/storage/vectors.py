"""Vectors as stored in the ledger, and the matrix that exact search scans."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Vector = NDArray[np.float32]
    Matrix = NDArray[np.float32]


def pack(vector: Vector) -> bytes:
    """Return the bytes of a vector: float32, little endian."""
    return np.asarray(vector, dtype="<f4").tobytes()


def unpack(stored: bytes) -> Vector:
    """Return the vector of ``pack``."""
    return np.frombuffer(stored, dtype="<f4").astype(np.float32, copy=False)


def unpack_all(stored: Sequence[bytes], dimension: int) -> Matrix:
    """Return the vectors of many rows, shape ``(n, dimension)``."""
    return np.frombuffer(b"".join(stored), dtype="<f4").reshape(len(stored), dimension)


def unit(vectors: Matrix) -> Matrix:
    """Return vectors of length 1 along the last axis; a zero vector stays zero."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), dtype=np.float32)


class VectorMatrix:
    """A growing matrix of vectors by row number; rows may be missing.

    Args:
        dimension: length of every vector.

    Example:
        >>> matrix = VectorMatrix(2)
        >>> matrix.put([0, 2], np.array([[1, 0], [0, 1]], dtype=np.float32))
        >>> matrix.products(np.array([0, 1], dtype=np.float32), 3).tolist()
        [0.0, 0.0, 1.0]
    """

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension
        self._rows: Matrix = np.zeros((0, dimension), dtype=np.float32)
        self.filled: NDArray[np.bool_] = np.zeros(0, dtype=bool)

    @property
    def nbytes(self) -> int:
        """Allocated bytes."""
        return int(self._rows.nbytes)

    def put(self, rows: Sequence[int] | NDArray[np.intp], vectors: Matrix) -> None:
        """Set the vectors of some rows."""
        if len(rows) == 0:
            return
        self._grow(int(np.max(rows)) + 1)
        self._rows[rows] = vectors
        self.filled[rows] = True

    def missing(self, rows: int) -> NDArray[np.intp]:
        """Return the row numbers below ``rows`` without a vector."""
        self._grow(rows)
        return np.flatnonzero(~self.filled[:rows])

    def products(self, query: Vector, rows: int) -> Vector:
        """Return the dot product of ``query`` with each row below ``rows``, 0 for missing rows."""
        self._grow(rows)
        return np.asarray(self._rows[:rows] @ query, dtype=np.float32)

    def _grow(self, rows: int) -> None:
        if rows <= len(self.filled):
            return
        # Double the size, so that n appends cost O(n) copies.
        size = max(rows, 2 * len(self.filled), 64)
        grown = np.zeros((size, self.dimension), dtype=np.float32)
        grown[: len(self._rows)] = self._rows
        filled = np.zeros(size, dtype=bool)
        filled[: len(self.filled)] = self.filled
        self._rows, self.filled = grown, filled
