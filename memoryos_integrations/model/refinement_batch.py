"""The input of one refinement prompt."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from memoryos_integrations.language import extractive
from memoryos_integrations.model.page_queue import REFINEMENT
from memoryos_integrations.storage import schema
from memoryos_integrations.storage.sql import chunks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memoryos_integrations.types import Chain, Page

_pages, _messages, _segments, _chains = schema.pages, schema.messages, schema.segments, schema.chains


@dataclass(frozen=True, slots=True)
class SegmentShown:
    """A segment of a batch's pages that a model has summarised."""

    id: str
    summary: str
    keywords: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """Pages to refine, with their segments and chains."""

    pages: Sequence[Page]
    """Oldest first."""
    segments: Sequence[SegmentShown] = ()
    """The segments that hold the pages."""
    chains: Sequence[Chain] = ()
    """The last chain of each conversation before its first page."""


def segments_shown(tx: sa.Connection, pages: Sequence[Page]) -> list[SegmentShown]:
    """Return the segments of pages that a model has summarised.

    Rule-based summaries add nothing to the pages; a topic that continues none of these segments is compared
    with all. Of other pages only a model's summary is shown, so every summary covers pages of its own segment
    and forgetting finds it there.
    """
    words: dict[str, Counter[str]] = {}
    for page in pages:
        if page.segment_id is not None:
            words.setdefault(page.segment_id, Counter()).update(extractive.page_keywords(page))
    columns = (_segments.c.id, _segments.c.refined_summary, _segments.c.refined_keywords)
    rows = {
        row.id: row
        for part in chunks(list(words))
        for row in tx.execute(sa.select(*columns).where(_segments.c.id.in_(part)))
        if row.refined_summary
    }
    return [
        SegmentShown(
            id=segment,
            summary=rows[segment].refined_summary,
            keywords=extractive.all_keywords(counts, json.loads(rows[segment].refined_keywords or "[]")),
        )
        for segment, counts in words.items()
        if segment in rows
    ]


def unchanged_since_shown(tx: sa.Connection, scope: int, batch: Batch) -> list[str] | None:
    """Return the pages that are still queued and unchanged since they were shown.

    ``None``: something that was shown is gone or has another summary now.
    """
    shown = {page.id: {message.id for message in page.messages} for page in batch.pages}
    stored: dict[str, set[str]] = {page: set() for page in shown}
    queued: set[str] = set()
    for part in chunks(list(shown)):
        mine = sa.and_(REFINEMENT.condition(scope), _pages.c.id.in_(part))
        queued.update(tx.execute(sa.select(_pages.c.id).where(mine)).scalars())
        found = sa.select(_messages.c.page_id, _messages.c.id).where(_messages.c.page_id.in_(part))
        for page, message in tx.execute(found):
            stored[page].add(message)
    summaries = {segment.id: segment.summary for segment in batch.segments}
    summaries |= {chain.id: chain.summary for chain in batch.chains}
    if any(not messages <= stored[page] for page, messages in shown.items()):
        return None
    if summaries != _stored_summaries(tx, list(summaries)):
        return None
    return [page for page, messages in shown.items() if page in queued and messages == stored[page]]


def _stored_summaries(tx: sa.Connection, item_ids: Sequence[str]) -> dict[str, str]:
    """Return a model's summaries of segments and chains, by id."""
    found: dict[str, str] = {}
    for part in chunks(item_ids):
        of_segments = sa.select(_segments.c.id, _segments.c.refined_summary).where(_segments.c.id.in_(part))
        of_chains = sa.select(_chains.c.id, _chains.c.summary).where(_chains.c.id.in_(part))
        for query in (of_segments, of_chains):
            found |= {item: summary for item, summary in tx.execute(query) if summary}
    return found
