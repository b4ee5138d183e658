"""Growing arrays of numbers, one for each property of a scope's rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Number = TypeVar("Number", bound=np.generic)


class Column(Generic[Number]):
    """A growing NumPy array: appends are amortised, reads are views.

    Args:
        dtype: type of the numbers.
    """

    def __init__(self, dtype: type[Number]) -> None:
        self._room: NDArray[Number] = np.empty(64, dtype=dtype)
        self._size = 0

    def __len__(self) -> int:
        return self._size

    @property
    def values(self) -> NDArray[Number]:
        """The numbers appended so far, a view."""
        return self._room[: self._size]

    @property
    def nbytes(self) -> int:
        """Allocated bytes."""
        return int(self._room.nbytes)

    def append(self, values: Sequence[object] | NDArray[Number]) -> None:
        """Add numbers at the end."""
        size = self._size + len(values)
        if size > len(self._room):
            grown = np.empty(max(size, 2 * len(self._room)), dtype=self._room.dtype)
            grown[: self._size] = self.values
            self._room = grown
        self._room[self._size : size] = np.asarray(values, dtype=self._room.dtype)
        self._size = size
