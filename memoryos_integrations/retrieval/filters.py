"""Which memories of a scope a question may return: by thread, time, source, the caller's fields and tier."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import sqlalchemy as sa

from memoryos_integrations.clock import from_us
from memoryos_integrations.storage import schema
from memoryos_integrations.storage.sql import chunks
from memoryos_integrations.types import SOURCES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from memoryos_integrations.arguments import Question
    from memoryos_integrations.retrieval.ranking import Mask
    from memoryos_integrations.retrieval.scope_rows import ScopeRows

_pages, _messages, _edges = schema.pages, schema.messages, schema.edges


def allowed_rows(tx: sa.Connection, rows: ScopeRows, question: Question) -> Mask:
    """Return for each row whether it may be returned."""
    allowed = np.ones(len(rows), dtype=bool)
    if question.thread_id is not None:
        allowed &= rows.thread.values == rows.threads.get(question.thread_id, -1)
    if question.since is not None:
        allowed &= rows.at.values >= question.since.timestamp()
    if question.until is not None:
        allowed &= rows.at.values < question.until.timestamp()
    if question.sources is not None:
        allowed &= np.isin(rows.source.values, [SOURCES.index(source) for source in question.sources])
    if question.metadata:
        # Many rows have the same fields, such as a channel: each text is read once.
        read: dict[str | None, bool] = {}
        for row in np.flatnonzero(allowed):
            stored = rows.metadata.get(int(row))
            if stored not in read:
                read[stored] = matches(stored, question.metadata)
            allowed[row] = read[stored]
    wanted = {"short_term", "mid_term"} & set(question.tiers)
    if len(wanted) < 2:
        recent: set[str] = set(tx.execute(_recent_pages(rows.scope)).scalars()) if wanted else set()
        is_recent = np.array([page in recent for page in rows.page_of], dtype=np.bool_)
        allowed &= is_recent if "short_term" in wanted else ~is_recent
        if not wanted:
            allowed[:] = False
    return allowed


def matches(stored: str | None, wanted: Mapping[str, Any]) -> bool:
    """Whether a message's metadata, as JSON, has every wanted field with the wanted value."""
    fields = json.loads(stored) if stored is not None else {}
    return all(key in fields and fields[key] == value for key, value in wanted.items())


def _recent_pages(scope: int) -> sa.Select[Any]:
    return sa.select(_pages.c.id).where(
        _pages.c.scope_id == scope, _pages.c.segment_id.is_(None), _pages.c.tier == "short_term"
    )


def is_filtered(question: Question) -> bool:
    """Whether a question asks for a time or a source."""
    return question.since is not None or question.until is not None or question.sources is not None


def refused_rests(tx: sa.Connection, scope: int, item_ids: Sequence[str], question: Question) -> set[str]:
    """Return the facts and segments that rest on a message of a time or a source that is not asked for."""
    columns = (_messages.c.at, _messages.c.source)
    drawn = sa.select(_edges.c.child_id, *columns).join(_messages, _messages.c.id == _edges.c.parent_id)
    placed = (
        sa.select(_pages.c.segment_id, *columns)
        .join(_messages, _messages.c.page_id == _pages.c.id)
        .where(_pages.c.scope_id == scope)
    )
    queries = [
        query
        for part in chunks(item_ids)
        for query in (drawn.where(_edges.c.child_id.in_(part)), placed.where(_pages.c.segment_id.in_(part)))
    ]
    return {
        item
        for query in queries
        for item, at, source in tx.execute(query)
        if not question.accepts(from_us(at), source)
    }
