"""Promotion: what hot segments teach long-term memory about the user. Each page teaches once.

By rules: only what users said about themselves in the first person becomes a fact, each with the page it
rests on.
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
from memoryos_integrations.tiers import persona, short_term
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
    """Return the pages of hot segments that have not been promoted, oldest first, at most ``limit``."""
    segments = load_segments(tx, scope, now=now, config=config)
    hot = [segment.id for segment in segments if segment.heat >= config.promotion_heat and segment.page_count]
    found: list[str] = []
    for part in chunks(hot):
        query = sa.select(_pages.c.id).where(_pages.c.segment_id.in_(part), _pages.c.promoted.is_(None))
        found += tx.execute(query.order_by(_pages.c.seq).limit(limit - len(found))).scalars()
    return short_term.load_pages(tx, scope, page_ids=found) if found else []


def learn_by_rules(pages: Sequence[Page]) -> list[NewFact]:
    """Return what the users' own sentences in these pages say about them, oldest first."""
    return [
        NewFact(
            text=said.text,
            field=said.field,
            value=said.value,
            single=said.single,
            # A plan is known from the day it was told, not from the day it is for.
            valid_from=to_us(min(said.valid_from or message.at, message.at)),
            source=message.source,
            message_ids=(message.id,),
            method=extractive.METHOD,
        )
        for page in pages
        for message in page.messages
        if is_users_own(message)
        for said in statements(message.text, message.at)
    ]


def apply(
    tx: sa.Connection,
    scope: int,
    pages: Sequence[Page],
    learnt: Sequence[NewFact],
    known: FactLookup | None,
    *,
    now: int,
) -> list[str]:
    """Write what was learnt and mark the pages; returns the ids of the facts that are new.

    A message that was forgotten in between teaches nothing. ``known`` is what was known a moment ago.
    """
    for part in chunks([page.id for page in pages]):
        mine = sa.and_(_pages.c.id.in_(part), _pages.c.scope_id == scope)
        tx.execute(sa.update(_pages).where(mine).values(promoted=extractive.METHOD))
    alive: set[str] = set()
    for part in chunks([message for new_fact in learnt for message in new_fact.message_ids]):
        kept = sa.and_(_messages.c.id.in_(part), _messages.c.scope_id == scope)
        alive.update(tx.execute(sa.select(_messages.c.id).where(kept)).scalars())
    living = [new_fact for new_fact in learnt if alive.issuperset(new_fact.message_ids)]
    outcome = fact_writing.learn(tx, scope, living, earlier=known)
    persona.write(tx, scope, now=now, method=extractive.METHOD)
    if pages:
        touch(tx, scope)
    return outcome.new
