"""A batch: pages that wait for a model, with what they may go on with, as it is shown them."""

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
    """A segment that pages of a batch are in and that a model has told of before."""

    id: str
    summary: str
    """What it said."""
    keywords: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """What one question to a model is about."""

    pages: Sequence[Page]
    """Oldest first."""
    segments: Sequence[SegmentShown] = ()
    """Those that they are in."""
    chains: Sequence[Chain] = ()
    """Those that their conversations were in just before."""


def segments_shown(tx: sa.Connection, pages: Sequence[Page]) -> list[SegmentShown]:
    """Return the segments that pages are in and that a model has told of before.

    Others say nothing that the pages do not say; a topic that goes on with none of these is compared with
    all. And of pages outside of the batch nothing is shown but what a model said of them: so whatever a
    summary tells of is a page of its segment, and is found there when it is to be forgotten.
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
    """Return the pages that still wait and are as they were shown.

    ``None``: something that was shown is gone, or a model has said something else of it since.
    """
    shown = {page.id: {message.id for message in page.messages} for page in batch.pages}
    said: dict[str, set[str]] = {page: set() for page in shown}
    still: set[str] = set()
    for part in chunks(list(shown)):
        mine = sa.and_(REFINEMENT.condition(scope), _pages.c.id.in_(part))
        still.update(tx.execute(sa.select(_pages.c.id).where(mine)).scalars())
        found = sa.select(_messages.c.page_id, _messages.c.id).where(_messages.c.page_id.in_(part))
        for page, message in tx.execute(found):
            said[page].add(message)
    told = {segment.id: segment.summary for segment in batch.segments}
    told |= {chain.id: chain.summary for chain in batch.chains}
    if any(not messages <= said[page] for page, messages in shown.items()) or told != _stored_summaries(
        tx, list(told)
    ):
        return None
    return [page for page, messages in shown.items() if page in still and messages == said[page]]


def _stored_summaries(tx: sa.Connection, item_ids: Sequence[str]) -> dict[str, str]:
    """Return what a model said of segments and chains, by id."""
    found: dict[str, str] = {}
    for part in chunks(item_ids):
        of_segments = sa.select(_segments.c.id, _segments.c.refined_summary).where(_segments.c.id.in_(part))
        of_chains = sa.select(_chains.c.id, _chains.c.summary).where(_chains.c.id.in_(part))
        for query in (of_segments, of_chains):
            found |= {item: said for item, said in tx.execute(query) if said}
    return found
