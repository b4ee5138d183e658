"""Promotion of hot segments to long-term memory. Each page is promoted once.

By rules, only users' first-person statements about themselves become facts, with their source message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from memoryos_integrations.clock import to_us
from memoryos_integrations.language import extractive
from memoryos_integrations.language.statements import statements
from memoryos_integrations.storage import schema
from memoryos_integrations.storage.scope import touch
from memoryos_integrations.storage.sql import chunks
from memoryos_integrations.tiers import persona_versions, short_term
from memoryos_integrations.tiers.mid_term import load_segments
from memoryos_integrations.tiers.new_fact import NewFact, is_users_own
from memoryos_integrations.writing import fact_writing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memoryos_integrations.config import MemoryConfig
    from memoryos_integrations.types import Page
    from memoryos_integrations.writing.fact_lookup import FactLookup

_pages, _messages = schema.pages, schema.messages


def due(tx: sa.Connection, scope: int, *, now: int, config: MemoryConfig, limit: int) -> list[Page]:
    """Return the pages of hot segments not yet promoted, oldest first, at most ``limit``."""
    segments = load_segments(tx, scope, now=now, config=config)
    hot = [segment.id for segment in segments if segment.heat >= config.promotion_heat and segment.page_count]
    found: list[str] = []
    for part in chunks(hot):
        query = sa.select(_pages.c.id).where(_pages.c.segment_id.in_(part), _pages.c.promoted.is_(None))
        found += tx.execute(query.order_by(_pages.c.seq).limit(limit - len(found))).scalars()
    return short_term.load_pages(tx, scope, page_ids=found) if found else []


def extract_facts(pages: Sequence[Page]) -> list[NewFact]:
    """Return the facts that users state about themselves in these pages, oldest first."""
    return [
        NewFact(
            text=statement.text,
            field=statement.field,
            value=statement.value,
            single=statement.single,
            # A plan holds from the day it was stated, not from the day it is for.
            valid_from=to_us(min(statement.valid_from or message.at, message.at)),
            source=message.source,
            message_ids=(message.id,),
            method=extractive.METHOD,
        )
        for page in pages
        for message in page.messages
        if is_users_own(message)
        for statement in statements(message.text, message.at)
    ]


def apply(
    tx: sa.Connection,
    scope: int,
    pages: Sequence[Page],
    new_facts: Sequence[NewFact],
    earlier: FactLookup | None,
    *,
    now: int,
) -> list[str]:
    """Store facts and mark the pages as promoted; returns the ids of the facts inserted.

    Facts whose source messages were forgotten meanwhile are dropped. ``earlier``: see ``store_facts``.
    """
    for part in chunks([page.id for page in pages]):
        mine = sa.and_(_pages.c.id.in_(part), _pages.c.scope_id == scope)
        tx.execute(sa.update(_pages).where(mine).values(promoted=extractive.METHOD))
    alive: set[str] = set()
    for part in chunks([message for new_fact in new_facts for message in new_fact.message_ids]):
        kept = sa.and_(_messages.c.id.in_(part), _messages.c.scope_id == scope)
        alive.update(tx.execute(sa.select(_messages.c.id).where(kept)).scalars())
    valid = [new_fact for new_fact in new_facts if alive.issuperset(new_fact.message_ids)]
    outcome = fact_writing.store_facts(tx, scope, valid, earlier=earlier)
    persona_versions.write(tx, scope, now=now, method=extractive.METHOD)
    if pages:
        touch(tx, scope)
    return outcome.new
