"""The words of one scope: an inverted index in memory that grows with the conversation.

Only raw counts are kept; BM25 weights are made when a question is asked, so they always rest on the
rows of that moment. A row is scored twice: by its own text (the turn), and by its text together with
those of its two neighbours in the session (the window), because an answer often stands next to the
words of its question. The window needs no index of its own: its counts are sums over three rows, and
only rows near a posting have any.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from memoryos_integrations.errors import InvalidInputError
from memoryos_integrations.language.text import content_terms, terms
from memoryos_integrations.retrieval.postings import Occurrences, Postings
from memoryos_integrations.storage.columns import Column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_NONE: Final = -1
_SCRATCH: Final = 1 << 22
"""Cells of the table in which windows are counted (16 MB); a query of more terms is done in parts."""


class Shares(NamedTuple):
    """How much of what a question could score each row scores.

    1 is an average turn that holds every content term of the question once; without terms all are 0.
    """

    turns: NDArray[np.float32]
    """Of the rows' own texts, shape ``(rows,)``, at least 0."""
    windows: NDArray[np.float32]
    """Of their windows; the same shape."""
    terms: NDArray[np.int32]
    """How many distinct content terms of the question stand in each row."""


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
        self._postings = Postings()
        self._lengths, self._window_lengths = Column(np.int32), Column(np.int32)
        self._previous, self._next = Column(np.int32), Column(np.int32)
        self._floors: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
        self._beside: tuple[NDArray[np.intp], NDArray[np.intp]] | None = None

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self._lengths.values)

    @property
    def nbytes(self) -> int:
        """Memory in use, in bytes; the objects of the vocabulary are counted by their own size."""
        columns = (self._lengths, self._window_lengths, self._previous, self._next)
        return self._postings.nbytes + sum(column.nbytes for column in columns)

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
        self._floors = self._beside = None
        found = [terms(text) for text in texts]
        lengths = np.fromiter(map(len, found), np.int32, len(found))
        self._append_rows(lengths, np.array(previous, np.int32))
        self._postings.append(first, found)

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

    def scores(self, query: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Score every row.

        Args:
            query: The question.

        Returns:
            BM25 of the rows' own texts and BM25 of their windows, each of shape ``(rows,)``, at
            least 0; 0 where no term of the query stands.
        """
        turns, windows, _, _ = self._scored(self._wanted(query))
        return turns.astype(np.float32), windows.astype(np.float32)

    def shares(self, query: str) -> Shares:
        """Score every row by the share of what a turn could score for this question.

        Min-max over the rows would give the best match full marks even where it shares one chance word with
        the question; a share does not.

        Args:
            query: The question. Its terms that stand in no row count as the rarest.

        Example:
            >>> index = LexicalIndex()
            >>> index.extend(["I adopted a cat", "The car broke down"], previous=[-1, -1])
            >>> [round(float(share), 1) for share in index.shares("cat").turns]
            [1.0, 0.0]
        """
        wanted = self._wanted(query)
        turns, windows, holds, idf = self._scored(wanted)
        unknown = len(wanted) - len(idf)
        most = (float(idf.sum()) + unknown * float(self._idf(np.zeros(1))[0])) / (1 + self._k1)
        if most > 0:
            turns, windows = turns / most, windows / most
        return Shares(turns.astype(np.float32), windows.astype(np.float32), holds)

    @property
    def mean_window(self) -> float:
        """Terms of a window, on average; 0 without rows."""
        return float(self._window_lengths.values.mean()) if self.rows else 0.0

    @property
    def previous(self) -> NDArray[np.int32]:
        """The number of the row before each row in its session, or -1."""
        return self._previous.values

    @property
    def following(self) -> NDArray[np.int32]:
        """The number of the row after each row in its session, or -1."""
        return self._next.values

    @property
    def beside(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The two neighbours of each row; twice the same where it has one, twice itself where it has none."""
        if self._beside is None:
            before, after = self.previous.astype(np.intp), self.following.astype(np.intp)
            own = np.arange(self.rows)
            before, after = np.where(before < 0, after, before), np.where(after < 0, before, after)
            self._beside = np.where(before < 0, own, before), np.where(after < 0, own, after)
        return self._beside

    def _wanted(self, query: str) -> list[str]:
        return list(dict.fromkeys((self._drop_stop_words and content_terms(query)) or terms(query)))

    def _scored(
        self, wanted: Sequence[str]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int32], NDArray[np.float64]]:
        """Return BM25 of turns and of windows, the terms that each row has, and the idf of those in any."""
        turns, windows = np.zeros(self.rows), np.zeros(self.rows)
        holds = np.zeros(self.rows, np.int32)
        weights = [np.zeros(0)]
        numbers = self._postings.numbers(wanted)
        turn_floors, window_floors = self._length_floors()
        step = max(1, _SCRATCH // max(self.rows, 1))
        for start in range(0, len(numbers), step):
            part = numbers[start : start + step]
            found = self._postings.find(part)
            idf = self._idf(np.bincount(found.terms, minlength=len(part)))
            weights.append(idf)
            turns += self._bm25(found, turn_floors, idf)
            wide = self._widen(found, len(part))
            wide_idf = self._idf(np.bincount(wide.terms, minlength=len(part)))
            windows += self._bm25(wide, window_floors, wide_idf)
            holds += np.bincount(found.rows, minlength=self.rows).astype(np.int32)
        return turns, windows, holds, np.concatenate(weights)

    def _idf(self, frequency: NDArray[Any]) -> NDArray[np.float64]:
        weights: NDArray[np.float64] = np.log1p((self.rows - frequency + 0.5) / (frequency + 0.5))
        return weights

    def _widen(self, found: Occurrences, term_count: int) -> Occurrences:
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
        counts = table[np.concatenate(cells)]
        return Occurrences(np.concatenate(near_terms), np.concatenate(near_rows), counts)

    def _length_floors(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return what BM25 adds to a count below the line, by the length of each row and of each window."""
        if self._floors is None:
            self._floors = self._floor(self._lengths.values), self._floor(self._window_lengths.values)
        return self._floors

    def _floor(self, lengths: NDArray[np.int32]) -> NDArray[np.float64]:
        share = self._b * self.rows / max(int(lengths.sum()), 1)
        return np.asarray(self._k1 * (1 - self._b + share * lengths), dtype=np.float64)

    def _bm25(
        self, found: Occurrences, floors: NDArray[np.float64], idf: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        weights = idf[found.terms] * (found.counts / (found.counts + floors[found.rows]))
        return np.bincount(found.rows, weights, self.rows).astype(np.float64, copy=False)
