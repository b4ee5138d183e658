"""Which messages of a scope a question may return: by conversation, by the caller's own fields, by tier."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import sqlalchemy as sa

from memoryos_integrations.storage import schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from memoryos_integrations.arguments import Question
    from memoryos_integrations.retrieval.scope_rows import ScopeRows
    from memoryos_integrations.retrieval.vector_signal import Mask

_pages = schema.pages


def allowed_rows(tx: sa.Connection, rows: ScopeRows, question: Question) -> Mask:
    """Return for each row whether it may be returned."""
    allowed = np.ones(len(rows), dtype=bool)
    if question.thread_id is not None:
        allowed &= rows.thread.values == rows.threads.get(question.thread_id, -1)
    if question.metadata:
        for row in np.flatnonzero(allowed):
            allowed[row] = matches(rows.metadata.get(int(row)), question.metadata)
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
