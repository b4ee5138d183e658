"""Long-term memory: facts and the persona. Nothing here is overwritten; what no longer holds is closed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from memoryos_integrations import ids
from memoryos_integrations.checks import from_us, to_us
from memoryos_integrations.extractive import jaccard, stems
from memoryos_integrations.scope import touch
from memoryos_integrations.storage import outbox, schema
from memoryos_integrations.types import About, Fact, Persona

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from memoryos_integrations.scope import Scope

REMEMBERED = "remembered"
_TRUST = {"user": 3, "import": 2, "assistant": 1, "tool": 0}
_ALIKE = 0.8  # Jaccard of stems from which two statements say the same
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


@dataclass(frozen=True, slots=True)
class Lesson:
    """One thing to learn, with what it rests on."""

    text: str
    """The statement."""
    field: str | None
    """The field of the profile that it fills, if any."""
    value: str | None
    """The field's value."""
    single: bool
    """Whether a newer value takes an older one's place."""
    valid_from: int
    """Since when it holds, microseconds since 1970."""
    source: str
    """Where the words came from."""
    message_id: str
    """The message they stand in."""
    method: str
    """How it was read: ``"extractive"`` or a model's name."""


def learn(tx: sa.Connection, scope: int, lessons: Sequence[Lesson], *, now: int) -> list[str]:
    """Store what is new about the user; returns the new facts' ids.

    What is known already gets one more message to rest on. A single-valued field's newer value closes the
    older one and says what took its place, unless the older one is from a more trusted source. The profile
    follows from the facts that hold.
    """
    known = tx.execute(sa.select(_facts).where(_facts.c.scope_id == scope, _facts.c.about == "user")).all()
    rows: dict[str, dict[str, Any]] = {row.id: dict(row._mapping) for row in known}
    new: list[str] = []
    for lesson in sorted(lessons, key=lambda lesson: lesson.valid_from):
        fact_id = _same(rows.values(), lesson)
        if fact_id is None:
            fact_id = ids.derived("fact", lesson.message_id, lesson.text)
            rows[fact_id] = _row_of(lesson, fact_id, scope)
            tx.execute(sa.insert(_facts), rows[fact_id])
            outbox.enqueue(tx, [outbox.job_row("embed", scope, fact_id, "fact")])
            _supersede(tx, rows, fact_id)
            new.append(fact_id)
        edge = {"child_id": fact_id, "parent_id": lesson.message_id, "scope_id": scope}
        if tx.execute(sa.select(_edges).filter_by(**edge)).first() is None:
            tx.execute(sa.insert(_edges), edge)
    if new:
        write_profile(tx, scope, now=now, method=lessons[-1].method)
    return new


def write_profile(tx: sa.Connection, scope: int, *, now: int, method: str) -> None:
    """Make a new version of the profile from the facts that hold, if that changes it."""
    holding = sa.and_(
        _facts.c.scope_id == scope,
        _facts.c.about == "user",
        _facts.c.field.is_not(None),
        _facts.c.value.is_not(None),
        _facts.c.valid_to.is_(None),
    )
    profile: dict[str, Any] = {}
    for row in tx.execute(sa.select(_facts).where(holding).order_by(_facts.c.valid_from, _facts.c.seq)):
        entry = profile.setdefault(row.field, {"value": None, "facts": []})
        values = [] if row.single else (entry["value"] or [])
        entry["value"] = row.value if row.single else [*values, row.value]
        entry["facts"].append(row.id)
    versions = sa.select(_personas).where(_personas.c.scope_id == scope)
    newest = tx.execute(versions.order_by(_personas.c.version.desc()).limit(1)).first()
    stored = json.dumps(profile, ensure_ascii=False)
    if stored != (newest.profile if newest is not None else "{}"):
        values = {
            "scope_id": scope,
            "version": newest.version + 1 if newest is not None else 1,
            "profile": stored,
            "traits": newest.traits if newest is not None else "{}",
            "method": method,
            "at": now,
        }
        tx.execute(sa.insert(_personas), values)


def _same(rows: Iterable[dict[str, Any]], lesson: Lesson) -> str | None:
    """Return the fact that says the same and holds, if there is one."""
    words = stems(lesson.text.split())
    for row in rows:
        if row["valid_to"] is not None or row["field"] != lesson.field:
            continue
        if lesson.field is not None and lesson.value is not None:
            same = (row["value"] or "").casefold() == lesson.value.casefold()
        else:
            same = jaccard(stems(row["text"].split()), words) >= _ALIKE
        if same:
            return str(row["id"])
    return None


def _supersede(tx: sa.Connection, rows: dict[str, dict[str, Any]], fact_id: str) -> None:
    """Close what the new fact takes the place of, or the new fact if a later one is known already."""
    new = rows[fact_id]
    if not new["single"] or new["field"] is None:
        return
    for row in list(rows.values()):
        if row["id"] == fact_id or row["field"] != new["field"] or row["valid_to"] is not None:
            continue
        later, earlier = (new, row) if new["valid_from"] >= row["valid_from"] else (row, new)
        if _TRUST[later["source"]] < _TRUST[earlier["source"]]:
            later, earlier = earlier, later
        earlier["valid_to"] = max(later["valid_from"], earlier["valid_from"])
        earlier["superseded_by"] = later["id"]
        closed = {"valid_to": earlier["valid_to"], "superseded_by": earlier["superseded_by"]}
        tx.execute(sa.update(_facts).where(_facts.c.id == earlier["id"]).values(closed))


def _row_of(lesson: Lesson, fact_id: str, scope: int) -> dict[str, Any]:
    return {
        "id": fact_id,
        "scope_id": scope,
        "about": "user",
        "text": lesson.text,
        "field": lesson.field,
        "value": lesson.value,
        "single": lesson.single,
        "valid_from": lesson.valid_from,
        "valid_to": None,
        "source": lesson.source,
        "method": lesson.method,
        "superseded_by": None,
        "metadata": "{}",
    }


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
    """Return the pages that facts were drawn from, by fact, oldest first."""
    messages = schema.messages
    found: dict[str, tuple[str, ...]] = {}
    query = (
        sa.select(_edges.c.child_id, messages.c.page_id)
        .join(messages, messages.c.id == _edges.c.parent_id)
        .where(_edges.c.child_id.in_(item_ids))
        .order_by(messages.c.seq)
    )
    for fact, page in tx.execute(query):
        found[fact] = tuple(dict.fromkeys((*found.get(fact, ()), page)))
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
        profile={field: entry["value"] for field, entry in json.loads(row.profile).items()},
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
