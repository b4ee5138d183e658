"""Consolidation: assigns the pages that leave short-term memory to segments. Writes nothing.

The paper (section 3.2) adds a page to the segment of the highest F_score = cos(e_s, e_p) + Jaccard(K_s, K_p),
if that reaches θ, else starts a new one. ``plan`` does so for pages, ``model.topic_placement`` for topics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memoryos_integrations.clock import to_us
from memoryos_integrations.language import extractive
from memoryos_integrations.storage.vectors import VectorMatrix
from memoryos_integrations.tiers.segment_draft import Draft, Plan, new_draft

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from memoryos_integrations.config import MemoryConfig
    from memoryos_integrations.types import Page

    Vector = NDArray[np.float32]


class LiveSegments:
    """The segments of a scope, indexed by vector and keyword to find the best one for a page.

    Args:
        segments: the drafts; changed in place as pages are added.
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
        """Add a segment, or update it after its keywords or vector changed."""
        row = self._row_of.setdefault(draft.id, len(self._row_of))
        self._drafts[row] = draft
        for stem in draft.stems:
            self._by_stem.setdefault(stem, set()).add(row)
        if draft.vector is not None:
            if self._matrix is None:
                self._matrix = VectorMatrix(len(draft.vector))
            self._matrix.put([row], draft.vector[None, :])

    def remove(self, draft: Draft) -> None:
        """Remove a segment."""
        del self._drafts[self._row_of[draft.id]]

    def drafts(self) -> Iterable[Draft]:
        """Return the segments in insertion order."""
        return self._drafts.values()

    def best(self, vector: Vector | None, stems: frozenset[str], threshold: float) -> Draft | None:
        """Return the segment with the highest F_score if it reaches the threshold."""
        if not self._drafts:
            return None
        rows = len(self._row_of)
        scores = np.zeros(rows, dtype=np.float32)
        if vector is not None and self._matrix is not None:
            # The mean is not normalised, so this is the mean cosine with the segment's pages. The cosine with
            # the mean itself grows with the segment's size, so one segment would attract every page.
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
    board: LiveSegments,
    *,
    now: int,
    config: MemoryConfig,
) -> Plan:
    """Assign pages to segments, oldest first.

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
        home = board.best(
            vector, extractive.stems(extractive.top_keywords(keywords)), config.segment_threshold
        )
        if home is None:
            home = new_draft(page)
        home.add(page, at, vector, keywords)
        board.put(home)
        segment_of[page.id] = home.id
        if len(board) > config.mid_term_capacity:
            # Never the one that just got the page; the reference code evicts a new segment at once.
            others = [draft for draft in board.drafts() if draft is not home]
            coldest = min(others, key=lambda draft: draft.heat_at(now, config))
            board.remove(coldest)
            evicted.append((coldest, coldest.heat_at(now, config)))
    changed = tuple(draft for draft in board.drafts() if draft.added)
    return Plan(segment_of, changed, tuple(evicted))


def f_score(cosine: float, jaccard: float) -> float:
    """Return F_score of a page and a segment (paper, section 3.2)."""
    return cosine + jaccard
