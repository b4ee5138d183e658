"""Which row of text has which term how often: postings that grow with the rows."""

from __future__ import annotations

import sys
from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from memoryos_integrations.storage.columns import Column

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

_NONE: Final = -1
_TAIL_LEAST: Final = 8_192
"""Postings: up to here, scanning the tail costs a query less than 0.02 ms."""
_TAIL_SHARE: Final = 16
"""The tail is merged once it is one part in this many of the bulk, which bounds the copying per row."""


class Occurrences(NamedTuple):
    """Which row has which term how often: three arrays of one length, each pair at most once."""

    terms: NDArray[np.int32]
    rows: NDArray[np.int32]
    counts: NDArray[np.int32]


class _Vocabulary(dict[str, int]):
    """Term to its number, given out at first sight."""

    def __init__(self) -> None:
        super().__init__()
        self.nbytes = 0

    def __missing__(self, term: str) -> int:
        number = self[term] = len(self)
        self.nbytes += sys.getsizeof(term) + sys.getsizeof(number)
        return number


class Postings:
    """An inverted index of raw counts. There is no removal: the owner builds a new one."""

    def __init__(self) -> None:
        self._vocabulary = _Vocabulary()
        # The bulk is sorted by term: term t has the postings _starts[t] to _starts[t + 1].
        self._starts = np.zeros(1, np.int64)
        self._bulk_rows = np.empty(0, np.int32)
        self._bulk_counts = np.empty(0, np.int32)
        self._begin_tail()

    @property
    def nbytes(self) -> int:
        """Memory in use, in bytes; the objects of the vocabulary are counted by their own size."""
        tail = (self._tail_terms, self._tail_rows, self._tail_counts)
        bulk = self._starts.nbytes + self._bulk_rows.nbytes + self._bulk_counts.nbytes
        words = sys.getsizeof(self._vocabulary) + self._vocabulary.nbytes
        return bulk + words + sum(column.nbytes for column in tail)

    def append(self, first: int, rows: Sequence[Sequence[str]]) -> None:
        """Add the terms of rows, the first of which has the number ``first``."""
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        numbers = map(self._vocabulary.__getitem__, chain.from_iterable(rows))
        count = max(len(rows), 1)
        keys = np.fromiter(numbers, np.int64, int(lengths.sum())) * count
        keys += np.repeat(np.arange(len(rows)), lengths)
        keys.sort()
        starts = np.flatnonzero(np.diff(keys, prepend=-1))
        term, row = np.divmod(keys[starts], count)
        self._tail_terms.append(term.astype(np.int32))
        self._tail_rows.append((row + first).astype(np.int32))
        self._tail_counts.append(np.diff(starts, append=len(keys)).astype(np.int32))
        if len(self._tail_rows) > max(_TAIL_LEAST, len(self._bulk_rows) // _TAIL_SHARE):
            self._merge()

    def numbers(self, terms: Iterable[str]) -> list[int]:
        """Return the numbers of those terms that stand in any row."""
        return [self._vocabulary[term] for term in terms if term in self._vocabulary]

    def find(self, numbers: Sequence[int]) -> Occurrences:
        """Return the postings of some terms; a term is named by its place in ``numbers``."""
        place_of = np.full(len(self._vocabulary), _NONE, np.int32)
        place_of[numbers] = np.arange(len(numbers))
        tail_places = place_of[self._tail_terms.values]
        hits = np.flatnonzero(tail_places != _NONE)
        places = [tail_places[hits]]
        rows = [self._tail_rows.values[hits]]
        counts = [self._tail_counts.values[hits]]
        for place, number in enumerate(numbers):
            start, stop = self._starts[number : number + 2] if number + 1 < len(self._starts) else (0, 0)
            places.append(np.full(stop - start, place, np.int32))
            rows.append(self._bulk_rows[start:stop])
            counts.append(self._bulk_counts[start:stop])
        return Occurrences(np.concatenate(places), np.concatenate(rows), np.concatenate(counts))

    def _begin_tail(self) -> None:
        """The tail holds the newest postings as they came."""
        self._tail_terms = Column(np.int32)
        self._tail_rows, self._tail_counts = Column(np.int32), Column(np.int32)

    def _merge(self) -> None:
        """Move the tail into the bulk. A stable sort is a merge sort: fast on what is mostly sorted."""
        bulk_terms = np.repeat(np.arange(len(self._starts) - 1, dtype=np.int32), np.diff(self._starts))
        all_terms = np.concatenate([bulk_terms, self._tail_terms.values])
        order = np.argsort(all_terms, kind="stable")
        self._bulk_rows = np.concatenate([self._bulk_rows, self._tail_rows.values])[order]
        self._bulk_counts = np.concatenate([self._bulk_counts, self._tail_counts.values])[order]
        counts = np.bincount(all_terms, minlength=len(self._vocabulary))
        self._starts = np.concatenate([[0], np.cumsum(counts)])
        self._begin_tail()
