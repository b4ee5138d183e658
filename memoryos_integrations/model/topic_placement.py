"""TopicPlacement: assigns a model's topics to segments. Plans only; writes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from memoryos_integrations.clock import to_us
from memoryos_integrations.language import extractive
from memoryos_integrations.tiers.segment_draft import Plan, new_draft
from memoryos_integrations.writing.consolidation import LiveSegments

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from memoryos_integrations.config import MemoryConfig
    from memoryos_integrations.tiers.segment_draft import Draft
    from memoryos_integrations.types import Page
    from memoryos_integrations.writing.consolidation import Vector


@dataclass(frozen=True, slots=True)
class Topic:
    """Pages on one topic, as grouped by a model."""

    pages: tuple[Page, ...]
    """Its pages, oldest first; each page is in one topic only."""
    summary: str
    """Its summary, including that of the segment it continues."""
    keywords: tuple[str, ...]
    """Its keywords."""
    segment: str | None = None
    """The segment that it continues."""
    beside: tuple[str, ...] = ()
    """Pages elsewhere that the summary covers as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementInput:
    """The state that topics are placed into."""

    segments: Sequence[Draft]
    """The scope's live segments without the topics' pages; modified in place."""
    shrunk: Collection[str]
    """Ids of the segments that the topics' pages were taken from."""
    vectors: Mapping[str, Vector]
    """Unit vectors of the topics' pages by page id; empty without an embedder."""
    learnt: Collection[str]
    """Ids of the pages that are already promoted."""


class TopicPlacement:
    """Places topics one after the other.

    Args:
        inputs: the state that they are placed into.
        model: the model's name.
        now: microseconds since 1970.
        config: θ, capacity and the weights of heat.
    """

    def __init__(self, inputs: PlacementInput, *, model: str, now: int, config: MemoryConfig) -> None:
        self._input, self._model, self._now, self._config = inputs, model, now, config
        self._live = {draft.id: draft for draft in inputs.segments}
        self._board = LiveSegments(draft for draft in inputs.segments if draft.total_pages)
        self._segment_of: dict[str, str] = {}
        self._heirs: dict[str | None, str] = {}
        self._evicted: list[tuple[Draft, float]] = []

    def place(self, topic: Topic) -> None:
        """Place a topic.

        It continues the segment that the model named. Otherwise, like a page, it joins the segment with the
        highest F_score of at least θ, or opens a new one.
        """
        home = self._live.get(topic.segment or "") or self._best(topic) or new_draft(topic.pages[0])
        self._join(home, topic, continues=home.id == topic.segment)
        self._live[home.id] = home
        self._board.put(home)
        for page in topic.pages:
            self._segment_of[page.id] = home.id
            self._heirs.setdefault(page.segment_id, home.id)
        if len(self._board) > self._config.mid_term_capacity:
            self._evict_coldest(home)

    def plan(self) -> Plan:
        """Return the changes to write."""
        inputs = self._input
        changed = (draft for draft in self._board.drafts() if draft.added or draft.id in inputs.shrunk)
        empty = (draft.id for draft in inputs.segments if draft.id in self._heirs and not draft.total_pages)
        emptied = tuple((segment, self._heirs[segment]) for segment in empty)
        return Plan(self._segment_of, tuple(changed), tuple(self._evicted), emptied)

    def _best(self, topic: Topic) -> Draft | None:
        alone = new_draft(topic.pages[0])
        self._join(alone, topic, continues=False)
        # not normalised: this gives the mean cosine of its pages with the segment's
        found = self._board.best(alone.vector, alone.stems, self._config.segment_threshold)
        # reuse the segment that rules opened for its first page
        return found or self._live.get(alone.id)

    def _join(self, draft: Draft, topic: Topic, *, continues: bool) -> None:
        vectors, learnt = self._input.vectors, self._input.learnt
        for page in topic.pages:
            keywords = extractive.page_keywords(page)
            draft.add(page, to_us(page.at), vectors.get(page.id), keywords, is_new=page.id not in learnt)
        draft.refine(topic.summary, topic.keywords, self._model, continues=continues)

    def _evict_coldest(self, home: Draft) -> None:
        others = [draft for draft in self._board.drafts() if not draft.added]
        others = others or [draft for draft in self._board.drafts() if draft is not home]
        coldest = min(others, key=lambda draft: draft.heat_at(self._now, self._config))
        self._board.remove(coldest)
        del self._live[coldest.id]
        self._evicted.append((coldest, coldest.heat_at(self._now, self._config)))
