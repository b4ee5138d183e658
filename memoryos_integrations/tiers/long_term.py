"""Long-term memory: facts. Nothing is overwritten; a fact that no longer holds is closed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from memoryos_integrations.clock import from_us, to_us
from memoryos_integrations.storage import ids, outbox, schema
from memoryos_integrations.storage.scope import touch
from memoryos_integrations.storage.sql import chunks
from memoryos_integrations.types import About, Fact

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from memoryos_integrations.storage.scope import Scope

REMEMBERED = "remembered"
_facts, _edges = schema.facts, schema.edges


def remember(
    tx: sa.Connection, scope: Scope, text: str, *, about: About, at: datetime, metadata_json: str, now: int
) -> tuple[int, Fact, bool]:
    """Store a statement given by ``remember()``.

    Returns:
        The scope number, the fact, and whether it is new: repeating a statement that holds returns the same
        fact.
    """
    number = scope.ensure(tx, now)
    same = sa.and_(
        _facts.c.scope_id == number,
        _facts.c.about == about,
        _facts.c.text == text,
        _facts.c.valid_to.is_(None),
    )
    stored = tx.execute(sa.select(_facts).where(same)).first()
    if stored is not None:
        return number, _fact_from(stored, ()), False
    fact_id = ids.id_from("fact", scope.user_id, scope.agent_id, about, text, str(to_us(at)))
    row = {
        "id": fact_id,
        "scope_id": number,
        "about": about,
        "text": text,
        "field": None,
        "value": None,
        "single": False,
        "valid_from": to_us(at),
        "valid_to": None,
        "source": "user",
        "method": REMEMBERED,
        "superseded_by": None,
        "metadata": metadata_json,
    }
    tx.execute(sa.insert(_facts), row)
    outbox.enqueue(tx, [outbox.job_row("embed", number, fact_id, "fact")])
    touch(tx, number)
    return number, load_facts(tx, number, fact_ids=[fact_id])[0], True


def history(tx: sa.Connection, scope: int, fact_id: str) -> list[Fact] | None:
    """Return a fact with its predecessors and successors, oldest first; ``None`` if it does not exist."""
    query = sa.select(_facts.c.id, _facts.c.superseded_by).where(_facts.c.scope_id == scope)
    rows = tx.execute(query.order_by(_facts.c.valid_from, _facts.c.seq)).all()
    successor: dict[str, str | None] = {row.id: row.superseded_by for row in rows}
    if fact_id not in successor:
        return None
    predecessors: dict[str, list[str]] = {}
    for one, other in successor.items():
        predecessors.setdefault(other or "", []).append(one)
    found = {fact_id}
    later = successor[fact_id]
    while later in successor and later not in found:
        found.add(later)
        later = successor[later]
    to_visit = [fact_id]
    while to_visit:
        earlier = [one for one in predecessors.get(to_visit.pop(), ()) if one not in found]
        found.update(earlier)
        to_visit += earlier
    chain = [row.id for row in rows if row.id in found]
    facts = {one.id: one for part in chunks(chain) for one in load_facts(tx, scope, fact_ids=part)}
    return [facts[one] for one in chain]


def load_facts(
    tx: sa.Connection,
    scope: int,
    *,
    about: About | None = None,
    at: datetime | None = None,
    fact_ids: Sequence[str] | None = None,
    without_method: str | None = None,
    newest: int | None = None,
) -> list[Fact]:
    """Return facts, newest first: those of ``fact_ids``, else those that hold at ``at``.

    Args:
        tx: a transaction.
        scope: number of the scope.
        about: only facts about the user or the agent.
        at: only facts that hold at this time.
        fact_ids: only these facts, whether they hold or not.
        without_method: exclude facts of this method.
        newest: maximum number of facts.
    """
    query = sa.select(_facts).where(_facts.c.scope_id == scope).order_by(_facts.c.seq.desc())
    if about is not None:
        query = query.where(_facts.c.about == about)
    if fact_ids is not None:
        query = query.where(_facts.c.id.in_(fact_ids))
    elif at is not None:
        query = query.where(_holds(scope, to_us(at)))
    if without_method is not None:
        query = query.where(_facts.c.method != without_method)
    return _loaded(tx, query.limit(newest) if newest is not None else query)


def load_knowledge(tx: sa.Connection, scope: int, *, at: datetime, capacity: int) -> list[Fact]:
    """Return the newest facts that hold, newest first, at most ``capacity`` per subject."""
    rank = sa.func.row_number().over(partition_by=_facts.c.about, order_by=_facts.c.seq.desc())
    ranked = sa.select(_facts.c.seq, rank.label("rank")).where(_holds(scope, to_us(at))).subquery()
    newest = sa.select(ranked.c.seq).where(ranked.c.rank <= capacity)
    return _loaded(tx, sa.select(_facts).where(_facts.c.seq.in_(newest)).order_by(_facts.c.seq.desc()))


def sources_of(tx: sa.Connection, item_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the source pages of each fact, oldest first."""
    messages = schema.messages
    found: dict[str, dict[str, None]] = {}
    for part in chunks(item_ids):
        query = (
            sa.select(_edges.c.child_id, messages.c.page_id)
            .join(messages, messages.c.id == _edges.c.parent_id)
            .where(_edges.c.child_id.in_(part))
            .order_by(messages.c.seq)
        )
        for fact, page in tx.execute(query):
            found.setdefault(fact, {})[page] = None
    return {fact: tuple(pages) for fact, pages in found.items()}


def _holds(scope: int, moment: int) -> sa.ColumnElement[bool]:
    ends = sa.or_(_facts.c.valid_to.is_(None), _facts.c.valid_to > moment)
    return sa.and_(_facts.c.scope_id == scope, _facts.c.valid_from <= moment, ends)


def _loaded(tx: sa.Connection, query: sa.Select[Any]) -> list[Fact]:
    rows = tx.execute(query).all()
    sources = sources_of(tx, [row.id for row in rows])
    return [_fact_from(row, sources.get(row.id, ())) for row in rows]


def _fact_from(row: sa.Row[Any], sources: tuple[str, ...]) -> Fact:
    return Fact(
        id=row.id,
        about=row.about,
        text=row.text,
        valid_from=from_us(row.valid_from),
        valid_to=from_us(row.valid_to) if row.valid_to is not None else None,
        source=row.source,
        source_page_ids=sources,
        method=row.method,
        superseded_by=row.superseded_by,
        metadata=json.loads(row.metadata),
    )
