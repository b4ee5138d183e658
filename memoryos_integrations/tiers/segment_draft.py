"""Drafts of segments while pages are being placed, and the plan of what to write."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from memoryos_integrations.clock import to_us
from memoryos_integrations.language import extractive
from memoryos_integrations.storage import ids
from memoryos_integrations.tiers.heat import heat

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from memoryos_integrations.config import MemoryConfig
    from memoryos_integrations.types import Page

    Vector = NDArray[np.float32]


MODEL_KEYWORDS = 8
"""Maximum number of keywords chosen by a model; the others are words of the pages."""


@dataclass(slots=True, eq=False)
class Draft:
    """A segment while pages are being placed: the stored state plus pending changes."""

    id: str
    keywords: Counter[str]
    vector: Vector | None
    """Mean vector of its pages; ``None`` without an embedder."""
    total_pages: int
    """Number of pages, promoted ones included."""
    page_count: int
    """Number of pages not yet promoted."""
    visits: int
    last_visit_at: int
    started_at: int
    ended_at: int
    method: str = extractive.METHOD
    is_new: bool = False
    chosen: tuple[str, ...] = ()
    """Keywords chosen by a model."""
    summaries: list[str] = field(default_factory=list)
    """Model-written summaries of the added pages."""
    replaces_summary: bool = False
    """Whether the first of them replaces the stored summary, rather than extending it."""
    added: list[str] = field(default_factory=list)
    """Ids of the pages to be added."""
    stems: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self._update_stems()

    def _update_stems(self) -> None:
        self.stems = extractive.stems(extractive.all_keywords(self.keywords, self.chosen))

    def add(
        self, page: Page, at: int, vector: Vector | None, keywords: Counter[str], *, is_new: bool = True
    ) -> None:
        """Add a page and update keywords, vector and times. ``is_new``: it has not been promoted yet."""
        merged = self.keywords + keywords
        self.keywords = Counter(dict(merged.most_common(extractive.KEYWORDS_KEPT)))
        self._update_stems()
        if vector is not None:
            before = self.vector if self.vector is not None else vector
            mean = (before * self.total_pages + vector) / (self.total_pages + 1)
            self.vector = mean.astype(np.float32)
        self.total_pages += 1
        self.page_count += is_new
        self.started_at = min(self.started_at, at)
        self.ended_at = max(self.ended_at, at)
        self.added.append(page.id)

    def rebuild_from(self, pages: Sequence[Page], vectors: Mapping[str, Vector], page_count: int) -> None:
        """Recompute keywords, vector and times from its remaining pages, none of them newly added."""
        self.keywords, self.vector, self.total_pages = Counter(), None, 0
        if pages:
            self.started_at = self.ended_at = to_us(pages[0].at)
        for page in pages:
            self.add(page, to_us(page.at), vectors.get(page.id), extractive.page_keywords(page))
        self.page_count, self.added = page_count, []
        self._update_stems()

    def refine(self, summary: str, keywords: Sequence[str], model: str, *, continues: bool) -> None:
        """Apply a model's summary and keywords of added pages."""
        if continues and not self.replaces_summary:
            self.summaries.insert(0, summary)
            self.replaces_summary = True
        else:
            self.summaries.append(summary)
        new = {word.casefold() for word in keywords}
        older = [word for word in self.chosen if word.casefold() not in new]
        self.chosen = (*keywords, *older)[:MODEL_KEYWORDS]
        self.method = model
        self._update_stems()

    def settle(self) -> None:
        """Mark all that is new to it as written."""
        self.is_new, self.replaces_summary, self.added, self.summaries = False, False, [], []

    def heat_at(self, now: int, config: MemoryConfig) -> float:
        """Return its heat; recency is counted from its last visit or newest page, whichever is later."""
        elapsed = (now - max(self.last_visit_at, self.ended_at)) / 1e6
        return heat(self.visits, self.page_count, elapsed, config)


@dataclass(frozen=True, slots=True)
class Plan:
    """Changes to mid-term memory, computed first and applied in one transaction."""

    segment_of: Mapping[str, str]
    """Page id to segment id, in page order."""
    changed: tuple[Draft, ...]
    """New and changed segments, evicted ones excluded."""
    evicted: tuple[tuple[Draft, float], ...]
    """Segments to evict, with their heat."""
    emptied: tuple[tuple[str, str], ...] = ()
    """Segments left without pages, each with the segment that took its first page."""


def new_draft(page: Page) -> Draft:
    """Return an empty new segment for a page."""
    at = to_us(page.at)
    return Draft(ids.id_from("segment", page.id), Counter(), None, 0, 0, 0, at, at, at, is_new=True)


def page_vector(messages: Sequence[Vector]) -> Vector:
    """Return the unit mean of a page's message vectors."""
    mean = np.mean(messages, axis=0)
    length = float(np.linalg.norm(mean))
    return np.asarray(mean / length if length else mean, dtype=np.float32)


SUMMARY_CHARACTERS = 2000
"""Maximum characters of a model-written summary."""
