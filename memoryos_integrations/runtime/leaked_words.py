"""Finds summaries that contain words of forgotten messages from other segments or chains.

A model summarises many pages at once, and may mix them up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from memoryos_integrations.language.text import content_words
from memoryos_integrations.storage import schema
from memoryos_integrations.storage.sql import chunks

if TYPE_CHECKING:
    from collections.abc import Sequence

_messages, _pages, _segments, _chains = schema.messages, schema.pages, schema.segments, schema.chains


def words_of(tx: sa.Connection, message_ids: Sequence[str]) -> set[str]:
    """Return the words of messages and of their speakers' names."""
    found: set[str] = set()
    for part in chunks(message_ids):
        found |= _words(tx, _messages.c.id.in_(part))
    return found


def leaked_into(tx: sa.Connection, scope: int, words: set[str]) -> set[str]:
    """Return segments and chains whose model summary has one of the words and whose pages do not.

    Args:
        tx: the transaction that deleted the messages.
        scope: number of the scope.
        words: of the deleted messages.
    """
    of_segments = sa.select(_segments.c.id, _segments.c.refined_summary, _segments.c.refined_keywords)
    of_chains = sa.select(_chains.c.id, _chains.c.summary, sa.null()).where(_chains.c.scope_id == scope)
    refined = sa.and_(_segments.c.scope_id == scope, _segments.c.refined_summary.is_not(None))
    found: set[str] = set()
    for parent, query in ((_pages.c.segment_id, of_segments.where(refined)), (_pages.c.chain_id, of_chains)):
        for item, summary, keywords in tx.execute(query).all():
            shared = words.intersection(content_words(f"{summary} {keywords or ''}"))
            if shared:
                own = sa.select(_pages.c.id).where(parent == item, _pages.c.scope_id == scope)
                if not shared <= _words(tx, _messages.c.page_id.in_(own)):
                    found.add(item)
    return found


def _words(tx: sa.Connection, condition: sa.ColumnElement[bool]) -> set[str]:
    rows = sa.select(_messages.c.text, _messages.c.name).where(condition)
    return {word for text, name in tx.execute(rows) for word in content_words(f"{name or ''} {text}")}
