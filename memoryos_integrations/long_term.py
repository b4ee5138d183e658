"""Long-term memory: facts and the persona. Nothing here is overwritten; what no longer holds is closed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from memoryos_integrations import ids
from memoryos_integrations.checks import from_us, to_us
from memoryos_integrations.scope import touch
from memoryos_integrations.storage import outbox, schema
from memoryos_integrations.types import About, Fact, Persona

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from memoryos_integrations.scope import Scope

REMEMBERED = "remembered"
_facts, _personas, _edges = schema.facts, schema.persona_versions, schema.edges


def remember(
    tx: sa.Connection, scope: Scope, text: str, *, about: About, at: datetime, metadata_json: str, now: int
) -> tuple[int, Fact, bool]:
    """Store a statement that the user told us to keep.

    Returns:
        The scope's number, the fact, and whether it is new: the same statement about the same subject is
        one fact while it holds.
    """
    number = scope.ensure(tx, now)
    same = sa.and_(
        _facts.c.scope_id == number,
        _facts.c.about == about,
        _facts.c.text == text,
        _facts.c.valid_to.is_(None),
    )
    known = tx.execute(sa.select(_facts).where(same)).first()
    if known is not None:
        return number, _fact_from(known, ()), False
    fact_id = ids.derived("fact", scope.user_id, scope.agent_id, about, text, str(to_us(at)))
    row = {
        "id": fact_id,
        "scope_id": number,
        "about": about,
        "text": text,
        "valid_from": to_us(at),
        "valid_to": None,
        "source": "user",
        "method": REMEMBERED,
        "superseded_by": None,
        "metadata": metadata_json,
    }
    tx.execute(sa.insert(_facts), row)
    outbox.enqueue(tx, [outbox.job_row("embed", number, fact_id, now, "fact")])
    touch(tx, number)
    return number, load_facts(tx, number, fact_ids=[fact_id])[0], True


def load_facts(
    tx: sa.Connection,
    scope: int,
    *,
    about: About | None = None,
    at: datetime | None = None,
    fact_ids: Sequence[str] | None = None,
    newest: int | None = None,
) -> list[Fact]:
    """Return facts, newest first: those asked for by id, else those that hold at ``at``.

    Args:
        tx: a transaction.
        scope: whose facts.
        about: only those about the user or the agent.
        at: the moment at which they must hold.
        fact_ids: these facts, whether they hold or not.
        newest: at most so many.
    """
    query = sa.select(_facts).where(_facts.c.scope_id == scope).order_by(_facts.c.seq.desc())
    if about is not None:
        query = query.where(_facts.c.about == about)
    if fact_ids is not None:
        query = query.where(_facts.c.id.in_(fact_ids))
    elif at is not None:
        moment = to_us(at)
        ends = sa.or_(_facts.c.valid_to.is_(None), _facts.c.valid_to > moment)
        query = query.where(_facts.c.valid_from <= moment, ends)
    rows = tx.execute(query.limit(newest) if newest is not None else query).all()
    sources = sources_of(tx, [row.id for row in rows])
    return [_fact_from(row, sources.get(row.id, ())) for row in rows]


def sources_of(tx: sa.Connection, item_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the pages that facts were drawn from, by fact."""
    found: dict[str, tuple[str, ...]] = {}
    query = sa.select(_edges).where(_edges.c.child_id.in_(item_ids)).order_by(_edges.c.parent_id)
    for row in tx.execute(query):
        found[row.child_id] = (*found.get(row.child_id, ()), row.parent_id)
    return found


def load_persona(
    tx: sa.Connection, scope: int, *, version: int | None, knowledge: Sequence[Fact]
) -> Persona | None:
    """Return a version of the persona, the newest without a number; ``None`` if there is no such version."""
    query = sa.select(_personas).where(_personas.c.scope_id == scope)
    if version is not None:
        query = query.where(_personas.c.version == version)
    row = tx.execute(query.order_by(_personas.c.version.desc()).limit(1)).first()
    if row is None:
        return Persona(0, {}, {}, tuple(knowledge), None, "extractive") if version in (None, 0) else None
    return Persona(
        version=row.version,
        profile=json.loads(row.profile),
        traits=json.loads(row.traits),
        knowledge=tuple(knowledge),
        updated_at=from_us(row.at),
        method=row.method,
    )


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
