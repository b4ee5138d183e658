"""Consolidation: which segment each page that leaves short-term memory belongs to. No writes.

The paper (section 3.2) places a page into the segment with the highest
F_score = cos(e_s, e_p) + Jaccard(K_s, K_p), if that reaches θ, else opens a segment with it. ``plan`` does so
by rules; ``regrouping`` does the same for the topics that a model sorted pages into.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from memoryos_integrations import extractive, ids
from memoryos_integrations.checks import to_us
from memoryos_integrations.heat import heat
from memoryos_integrations.storage.vectors import VectorMatrix

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from memoryos_integrations.config import MemoryConfig
    from memoryos_integrations.types import Page

    Vector = NDArray[np.float32]

KEYWORDS_CHOSEN = 8
"""Keywords of a segment that a model may choose; the others are words of its pages."""


@dataclass(slots=True, eq=False)
class Draft:
    """A segment while pages are being placed: what the ledger has of it plus what is new."""

    id: str
    keywords: Counter[str]
    vector: Vector | None
    """Mean of its pages' vectors; ``None`` without an embedder."""
    total: int
    """Its pages, promoted ones included."""
    page_count: int
    visits: int
    last_visit_at: int
    started_at: int
    ended_at: int
    method: str = extractive.METHOD
    is_new: bool = False
    chosen: tuple[str, ...] = ()
    """Keywords that a model chose."""
    summaries: list[str] = field(default_factory=list)
    """What a model said of pages that join now."""
    replaces: bool = False
    """Whether the first of them takes in what the model said before, rather than going on from it."""
    joined: list[str] = field(default_factory=list)
    stems: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self._mark()

    def _mark(self) -> None:
        self.stems = extractive.stems(extractive.shown(self.keywords, self.chosen))

    def take(
        self, page: Page, at: int, vector: Vector | None, keywords: Counter[str], *, is_new: bool = True
    ) -> None:
        """Add a page; refresh keywords, vector and times. ``is_new``: nothing was learnt from it yet."""
        merged = self.keywords + keywords
        self.keywords = Counter(dict(merged.most_common(extractive.KEYWORDS_KEPT)))
        self._mark()
        if vector is not None:
            before = self.vector if self.vector is not None else vector
            mean = (before * self.total + vector) / (self.total + 1)
            self.vector = mean.astype(np.float32)
        self.total += 1
        self.page_count += is_new
        self.started_at = min(self.started_at, at)
        self.ended_at = max(self.ended_at, at)
        self.joined.append(page.id)

    def begin_anew(self, pages: Sequence[Page], vectors: Mapping[str, Vector], page_count: int) -> None:
        """Take keywords, vector and times from the pages that it is left with, none of them new to it."""
        self.keywords, self.vector, self.total = Counter(), None, 0
        if pages:
            self.started_at = self.ended_at = to_us(pages[0].at)
        for page in pages:
            self.take(page, to_us(page.at), vectors.get(page.id), extractive.page_keywords(page))
        self.page_count, self.joined = page_count, []
        self._mark()

    def refine(self, summary: str, keywords: Sequence[str], model: str, *, continues: bool) -> None:
        """Take in what a model said of pages that have joined."""
        if continues and not self.replaces:
            self.summaries.insert(0, summary)
            self.replaces = True
        else:
            self.summaries.append(summary)
        known = {word.casefold() for word in keywords}
        older = [word for word in self.chosen if word.casefold() not in known]
        self.chosen = (*keywords, *older)[:KEYWORDS_CHOSEN]
        self.method = model
        self._mark()

    def settle(self) -> None:
        """Take in that all that is new to it has been written."""
        self.is_new, self.replaces, self.joined, self.summaries = False, False, [], []

    def heat_at(self, now: int, config: MemoryConfig) -> float:
        """Return its heat, counted from its last visit or its newest page, whichever is later."""
        elapsed = (now - max(self.last_visit_at, self.ended_at)) / 1e6
        return heat(self.visits, self.page_count, elapsed, config)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to write: computed first, applied in one transaction."""

    segment_of: Mapping[str, str]
    """Page id to the id of its segment, in the order of the pages."""
    changed: tuple[Draft, ...]
    """Segments that are new or took pages, and were not evicted."""
    evicted: tuple[tuple[Draft, float], ...]
    """Segments to evict, with their heat at that moment."""
    emptied: tuple[tuple[str, str], ...] = ()
    """Segments that are left without a page, and where the first of their pages went."""


class Board:
    """The live segments of a scope, arranged so that a page finds its best one without trying all.

    Args:
        segments: the drafts; they are changed in place as pages join.
    """

    def __init__(self, segments: Iterable[Draft]) -> None:
        self._drafts: dict[int, Draft] = {}
        self._row_of: dict[str, int] = {}
        self._by_stem: dict[str, set[int]] = {}
        self._matrix: VectorMatrix | None = None
        for draft in segments:
            self.put(draft)

    def __len__(self) -> int:
        return len(self._drafts)

    def put(self, draft: Draft) -> None:
        """Add a segment, or take in that its keywords and vector changed."""
        row = self._row_of.setdefault(draft.id, len(self._row_of))
        self._drafts[row] = draft
        for stem in draft.stems:
            self._by_stem.setdefault(stem, set()).add(row)
        if draft.vector is not None:
            if self._matrix is None:
                self._matrix = VectorMatrix(len(draft.vector))
            self._matrix.put([row], draft.vector[None, :])

    def remove(self, draft: Draft) -> None:
        """Take a segment off the board."""
        del self._drafts[self._row_of[draft.id]]

    def drafts(self) -> Iterable[Draft]:
        """Return the live segments in the order of their arrival."""
        return self._drafts.values()

    def best(self, vector: Vector | None, stems: frozenset[str], threshold: float) -> Draft | None:
        """Return the segment with the highest F_score if it reaches the threshold."""
        if not self._drafts:
            return None
        rows = len(self._row_of)
        scores = np.zeros(rows, dtype=np.float32)
        if vector is not None and self._matrix is not None:
            # The mean of unit vectors, not brought to length 1: this is the mean cosine with the segment's
            # pages. The cosine with the mean itself grows with a segment's size, so that one swallows all.
            scores += self._matrix.products(vector, rows)
        # Only a segment that shares a stem has a Jaccard index above 0.
        for row in set().union(*(self._by_stem.get(stem, ()) for stem in stems)):
            if row in self._drafts:
                scores[row] = f_score(float(scores[row]), extractive.jaccard(self._drafts[row].stems, stems))
        live = np.fromiter(self._drafts, dtype=np.intp)
        row = int(live[np.argmax(scores[live])])
        return self._drafts[row] if scores[row] >= threshold else None


def plan(
    pages: Sequence[Page],
    vectors: Mapping[str, Vector],
    board: Board,
    *,
    now: int,
    config: MemoryConfig,
) -> Plan:
    """Place pages, oldest first.

    Args:
        pages: the pages that leave short-term memory.
        vectors: unit vector of each page, by page id; empty without an embedder.
        board: the scope's live segments; they are changed in place.
        now: microseconds since 1970.
        config: θ, capacity and the weights of heat.
    """
    evicted: list[tuple[Draft, float]] = []
    segment_of: dict[str, str] = {}
    for page in pages:
        keywords = extractive.page_keywords(page)
        vector, at = vectors.get(page.id), to_us(page.at)
        home = board.best(vector, extractive.stems(extractive.top(keywords)), config.segment_threshold)
        if home is None:
            home = opened_by(page)
        home.take(page, at, vector, keywords)
        board.put(home)
        segment_of[page.id] = home.id
        if len(board) > config.mid_term_capacity:
            # The one that just took the page is safe: the reference code evicts the newest at once.
            others = [draft for draft in board.drafts() if draft is not home]
            coldest = min(others, key=lambda draft: draft.heat_at(now, config))
            board.remove(coldest)
            evicted.append((coldest, coldest.heat_at(now, config)))
    changed = tuple(draft for draft in board.drafts() if draft.joined)
    return Plan(segment_of, changed, tuple(evicted))


def opened_by(page: Page) -> Draft:
    """Return the segment that a page opens; the page has yet to join it."""
    at = to_us(page.at)
    return Draft(ids.derived("segment", page.id), Counter(), None, 0, 0, 0, at, at, at, is_new=True)


def page_vector(messages: Sequence[Vector]) -> Vector:
    """Return the unit mean of a page's message vectors."""
    mean = np.mean(messages, axis=0)
    length = float(np.linalg.norm(mean))
    return np.asarray(mean / length if length else mean, dtype=np.float32)


def f_score(cosine: float, jaccard: float) -> float:
    """Return F_score of a page and a segment (paper, section 3.2)."""
    return cosine + jaccard
