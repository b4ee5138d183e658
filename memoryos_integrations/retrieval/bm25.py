"""The words of one scope: an inverted index in memory that grows with the conversation.

Only raw counts are kept; BM25 weights are made when a question is asked, so they always rest on the
rows of that moment. A row is scored twice: by its own text (the turn), and by its text together with
those of its two neighbours in the session (the window), because an answer often stands next to the
words of its question. The window needs no index of its own: its counts are sums over three rows, and
only rows near a posting have any.
"""

from __future__ import annotations

import sys
from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from memoryos_integrations.errors import InvalidInputError
from memoryos_integrations.language.text import content_terms, terms
from memoryos_integrations.storage.columns import Column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_NONE: Final = -1
_TAIL_LEAST: Final = 8_192
"""Postings: up to here, scanning the tail costs a query less than 0.02 ms."""
_TAIL_SHARE: Final = 16
"""The tail is merged once it is one part in this many of the bulk, which bounds the copying per row."""
_SCRATCH: Final = 1 << 22
"""Cells of the table in which windows are counted (16 MB); a query of more terms is done in parts."""


class _Vocabulary(dict[str, int]):
    """Term to its number, given out at first sight."""

    def __init__(self) -> None:
        super().__init__()
        self.nbytes = 0

    def __missing__(self, term: str) -> int:
        number = self[term] = len(self)
        self.nbytes += sys.getsizeof(term) + sys.getsizeof(number)
        return number


class _Postings(NamedTuple):
    """Which row has which term how often: three arrays of one length, each pair at most once."""

    terms: NDArray[np.int32]
    rows: NDArray[np.int32]
    counts: NDArray[np.int32]


class LexicalIndex:
    """BM25 over rows of text and over their windows, for rows that keep arriving.

    Rows are numbered 0, 1, 2, ... as they arrive. There is no removal: the owner builds a new index.
    ``scores`` may run in several threads at once, but not beside ``extend``: the owner holds a lock.

    The formula is Lucene's: ``ln(1 + (N - df + 0.5) / (df + 0.5)) * tf / (tf + k1 * (1 - b + b *
    length / mean length))``, summed over the distinct terms of the query.

    Args:
        k1: How slowly repetitions of a term stop counting.
        b: How much long texts are held back, 0 to 1.
        drop_stop_words: Leave the function words of a query out, unless it has no others.

    Example:
        >>> index = LexicalIndex()
        >>> index.extend(["I adopted a cat", "What is her name?", "Luna"], previous=[-1, 0, 1])
        >>> turns, windows = index.scores("What is the name of the cat?")
        >>> float(turns[2]), bool(windows[2] > 0)
        (0.0, True)
    """

    def __init__(self, *, k1: float = 1.5, b: float = 0.75, drop_stop_words: bool = True) -> None:
        self._k1 = k1
        self._b = b
        self._drop_stop_words = drop_stop_words
        self._vocabulary = _Vocabulary()
        self._lengths, self._window_lengths = Column(np.int32), Column(np.int32)
        self._previous, self._next = Column(np.int32), Column(np.int32)
        # The bulk is sorted by term: term t has the postings _starts[t] to _starts[t + 1].
        self._starts = np.zeros(1, np.int64)
        self._bulk_rows = np.empty(0, np.int32)
        self._bulk_counts = np.empty(0, np.int32)
        # The tail holds the newest postings as they came.
        self._tail_terms, self._tail_rows, self._tail_counts = (Column(np.int32) for _ in range(3))

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self._lengths.values)

    @property
    def nbytes(self) -> int:
        """Memory in use, in bytes; the objects of the vocabulary are counted by their own size."""
        columns = (self._lengths, self._window_lengths, self._previous, self._next)
        tail = (self._tail_terms, self._tail_rows, self._tail_counts)
        bulk = self._starts.nbytes + self._bulk_rows.nbytes + self._bulk_counts.nbytes
        words = sys.getsizeof(self._vocabulary) + self._vocabulary.nbytes
        return bulk + words + sum(column.nbytes for column in columns + tail)

    def extend(self, texts: Sequence[str], previous: Sequence[int]) -> None:
        """Append rows.

        Args:
            texts: One text per row.
            previous: For each row the number of the row before it in its session, smaller than its
                own, or -1. No two rows have the same one.

        Raises:
            InvalidInputError: ``previous`` breaks these rules; nothing was appended.
        """
        first = self.rows
        self._check_links(len(texts), previous)
        found = [terms(text) for text in texts]
        lengths = np.fromiter(map(len, found), np.int32, len(found))
        self._append_rows(lengths, np.array(previous, np.int32))
        numbers = map(self._vocabulary.__getitem__, chain.from_iterable(found))
        self._append_postings(first, lengths, np.fromiter(numbers, np.int64, int(lengths.sum())))
        bulk, tail = len(self._bulk_rows), len(self._tail_rows.values)
        if tail > max(_TAIL_LEAST, bulk // _TAIL_SHARE):
            self._merge()

    def _check_links(self, count: int, previous: Sequence[int]) -> None:
        if len(previous) != count:
            raise InvalidInputError(f"previous must have one number per text: {count}, not {len(previous)}")
        first, followed, taken = self.rows, self._next.values, set[int]()
        for row, before in enumerate(previous, first):
            if not _NONE <= before < row:
                raise InvalidInputError(f"previous of row {row} must be -1 or a row before it, not {before}")
            if before in taken or (_NONE < before < first and followed[before] != _NONE):
                raise InvalidInputError(
                    f"previous of row {row} is {before}, which another row follows already"
                )
            if before != _NONE:
                taken.add(before)

    def _append_rows(self, lengths: NDArray[np.int32], previous: NDArray[np.int32]) -> None:
        first = self.rows
        self._lengths.append(lengths)
        self._window_lengths.append(lengths)
        self._previous.append(previous)
        self._next.append(np.full(len(previous), _NONE, np.int32))
        linked = np.flatnonzero(previous != _NONE)
        before, after = previous[linked], linked + first
        self._next.values[before] = after
        # A row has one neighbour on either side, so no index repeats within one of these lines.
        self._window_lengths.values[before] += lengths[linked]
        self._window_lengths.values[after] += self._lengths.values[before]

    def _append_postings(self, first: int, lengths: NDArray[np.int32], numbers: NDArray[np.int64]) -> None:
        count = max(len(lengths), 1)
        keys = numbers * count + np.repeat(np.arange(len(lengths)), lengths)
        keys.sort()
        starts = np.flatnonzero(np.diff(keys, prepend=-1))
        term, row = np.divmod(keys[starts], count)
        self._tail_terms.append(term.astype(np.int32))
        self._tail_rows.append((row + first).astype(np.int32))
        self._tail_counts.append(np.diff(starts, append=len(keys)).astype(np.int32))

    def _merge(self) -> None:
        """Move the tail into the bulk. A stable sort is a merge sort: fast on what is mostly sorted."""
        size = len(self._vocabulary)
        bulk_terms = np.repeat(np.arange(len(self._starts) - 1, dtype=np.int32), np.diff(self._starts))
        all_terms = np.concatenate([bulk_terms, self._tail_terms.values])
        order = np.argsort(all_terms, kind="stable")
        self._bulk_rows = np.concatenate([self._bulk_rows, self._tail_rows.values])[order]
        self._bulk_counts = np.concatenate([self._bulk_counts, self._tail_counts.values])[order]
        self._starts = np.concatenate([[0], np.cumsum(np.bincount(all_terms, minlength=size))])
        self._tail_terms, self._tail_rows, self._tail_counts = (Column(np.int32) for _ in range(3))

    def scores(self, query: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Score every row.

        Args:
            query: The question.

        Returns:
            BM25 of the rows' own texts and BM25 of their windows, each of shape ``(rows,)``, at
            least 0; 0 where no term of the query stands.
        """
        turns, windows = np.zeros(self.rows), np.zeros(self.rows)
        wanted = (self._drop_stop_words and content_terms(query)) or terms(query)
        numbers = [self._vocabulary[term] for term in dict.fromkeys(wanted) if term in self._vocabulary]
        step = max(1, _SCRATCH // max(self.rows, 1))
        for start in range(0, len(numbers), step):
            part = numbers[start : start + step]
            found = self._find(part)
            turns += self._bm25(found, self._lengths.values, len(part))
            windows += self._bm25(self._widen(found, len(part)), self._window_lengths.values, len(part))
        return turns.astype(np.float32), windows.astype(np.float32)

    def _find(self, numbers: list[int]) -> _Postings:
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
        return _Postings(np.concatenate(places), np.concatenate(rows), np.concatenate(counts))

    def _widen(self, found: _Postings, term_count: int) -> _Postings:
        """Return the postings of the windows: every count is added to the row and to its neighbours."""
        table = np.zeros(term_count * self.rows, np.int32)
        first_cell = found.terms * np.int64(self.rows)
        cells, near_terms, near_rows = [first_cell + found.rows], [found.terms], [found.rows]
        table[cells[0]] = found.counts
        for neighbours in (self._next.values, self._previous.values):
            rows = neighbours[found.rows]
            there = np.flatnonzero(rows != _NONE)
            rows = rows[there]
            cell = first_cell[there] + rows  # without repetitions: no two rows share a neighbour
            before = table[cell]
            table[cell] = before + found.counts[there]
            new = np.flatnonzero(before == 0)
            cells.append(cell[new])
            near_terms.append(found.terms[there[new]])
            near_rows.append(rows[new])
        return _Postings(np.concatenate(near_terms), np.concatenate(near_rows), table[np.concatenate(cells)])

    def _bm25(self, found: _Postings, lengths: NDArray[np.int32], term_count: int) -> NDArray[np.float64]:
        frequency = np.bincount(found.terms, minlength=term_count)
        idf = np.log1p((self.rows - frequency + 0.5) / (frequency + 0.5))
        share = self._b * self.rows / max(int(lengths.sum()), 1)
        floor = self._k1 * (1 - self._b + share * lengths[found.rows])
        weights = idf[found.terms] * (found.counts / (found.counts + floor))
        return np.bincount(found.rows, weights, self.rows).astype(np.float64, copy=False)
