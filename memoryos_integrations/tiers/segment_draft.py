"""Segments while pages are being placed, and the plan of what to write."""

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

    def rebuild_from(self, pages: Sequence[Page], vectors: Mapping[str, Vector], page_count: int) -> None:
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
        """Mark all that is new to it as written."""
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


def opened_by(page: Page) -> Draft:
    """Return the segment that a page opens; the page has yet to join it."""
    at = to_us(page.at)
    return Draft(ids.derived("segment", page.id), Counter(), None, 0, 0, 0, at, at, at, is_new=True)


def page_vector(messages: Sequence[Vector]) -> Vector:
    """Return the unit mean of a page's message vectors."""
    mean = np.mean(messages, axis=0)
    length = float(np.linalg.norm(mean))
    return np.asarray(mean / length if length else mean, dtype=np.float32)


SUMMARY_CHARACTERS = 2000
"""Most characters of what a model says of a segment."""
