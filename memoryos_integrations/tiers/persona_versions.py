"""The persona: profiles computed from facts, traits, and the history of their versions."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from memoryos_integrations.clock import from_us
from memoryos_integrations.language.extractive import METHOD
from memoryos_integrations.storage import schema
from memoryos_integrations.traits import DIMENSIONS, LEVELS
from memoryos_integrations.types import Persona, Trait

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from memoryos_integrations.types import About, Fact

    Profile = dict[str, dict[str, Any]]
    Traits = dict[str, dict[str, Any]]

_facts, _personas = schema.facts, schema.persona_versions


def load(
    tx: sa.Connection, scope: int, *, version: int | None = None, knowledge: Sequence[Fact] = ()
) -> Persona | None:
    """Return a version of the persona, by default the newest; ``None`` if it does not exist."""
    wanted = _versions(scope) if version is None else _versions(scope).where(_personas.c.version == version)
    row = tx.execute(wanted.limit(1)).first()
    if row is None:
        return Persona(0, {}, {}, tuple(knowledge), None, METHOD) if version in (None, 0) else None
    return Persona(
        version=row.version,
        profile=_displayed(row.profile),
        traits={
            name: _trait_from(name, trait)
            for name, trait in json.loads(row.traits).items()
            if name in DIMENSIONS and trait["level"] in LEVELS
        },
        knowledge=tuple(knowledge),
        updated_at=from_us(row.at),
        method=row.method,
        agent_profile=_displayed(row.agent_profile or "{}"),
    )


def stored_traits(tx: sa.Connection, scope: int) -> Traits:
    """Return the traits of the newest version, as stored."""
    newest = _newest(tx, scope)
    traits: Traits = json.loads(newest.traits) if newest is not None else {}
    return traits


def write(
    tx: sa.Connection,
    scope: int,
    *,
    now: int,
    method: str | None = None,
    traits: Traits | None = None,
    force: bool = False,
) -> int | None:
    """Write a new version of the persona from the facts that hold, if it differs from the newest.

    Args:
        tx: a transaction.
        scope: number of the scope.
        now: microseconds since 1970.
        method: ``"extractive"`` or a model's name; the newest version's by default.
        traits: traits by dimension; the newest version's by default.
        force: write a version even if nothing has changed.

    Returns:
        The number of the version, ``None`` if none was written.
    """
    newest = _newest(tx, scope)
    before = newest.traits if newest is not None else "{}"
    values: dict[str, Any] = {
        "profile": _stored(_profile(tx, scope, "user")),
        "traits": before if traits is None else _stored(traits),
        "agent_profile": _stored(_profile(tx, scope, "agent")),
    }
    if not force and values == _contents(newest):
        return None
    number = newest.version + 1 if newest is not None else 1
    by = method or (newest.method if newest is not None else METHOD)
    tx.execute(sa.insert(_personas), values | {"scope_id": scope, "version": number, "method": by, "at": now})
    return number


def restore(tx: sa.Connection, scope: int, version: int, *, now: int) -> bool:
    """Write a new version equal to an old one; returns ``False`` if the old one does not exist.

    The facts of the old version hold again; other facts that fill a field are closed, so restoring a later
    version brings them back.
    """
    old = tx.execute(_versions(scope).where(_personas.c.version == version)).first()
    if old is None:
        return False
    wanted = {
        fact
        for profile in (json.loads(old.profile), json.loads(old.agent_profile or "{}"))
        for entry in profile.values()
        for fact in entry["facts"]
    }
    fields = sa.select(_facts).where(_facts.c.scope_id == scope, _facts.c.field.is_not(None))
    rows = {row.id: row for row in tx.execute(fields)}
    current = {(row.about, row.field): row.id for row in rows.values() if row.id in wanted and row.single}
    for row in rows.values():
        mine = sa.update(_facts).where(_facts.c.id == row.id)
        if row.id in wanted and row.valid_to is not None:
            tx.execute(mine.values(valid_to=None, superseded_by=None))
        elif row.id not in wanted and row.valid_to is None:
            later = current.get((row.about, row.field)) if row.single else None
            tx.execute(mine.values(valid_to=max(now, row.valid_from), superseded_by=later))
    write(tx, scope, now=now, method=old.method, traits=json.loads(old.traits), force=True)
    return True


def is_valid(name: str, value: object) -> bool:
    """Return whether a JSON value has the shape of a stored profile, agent_profile or traits."""
    entry: dict[str, Any] = {"value": (str, list), "facts": list}
    if name == "traits":
        entry = {"level": str, "since": int, "seen": int, "source": str, "messages": list, "pages": list}
    return isinstance(value, dict) and all(_fits(raw, entry) for raw in value.values())


def _fits(raw: object, entry: dict[str, Any]) -> bool:
    if not isinstance(raw, dict) or not all(isinstance(raw.get(key), kind) for key, kind in entry.items()):
        return False
    texts = [item for part in raw.values() if isinstance(part, list) for item in part]
    times = [part for part in raw.values() if isinstance(part, int)]
    return all(isinstance(item, str) for item in texts) and all(map(_is_time, times))


def _is_time(value: int) -> bool:
    try:
        from_us(value)
    except OverflowError:
        return False
    return True


@dataclass(slots=True)
class Redacted:
    """What ``redact`` removed."""

    versions: int = 0
    """Number of changed versions."""
    message_ids: set[str] = field(default_factory=set)
    """Source messages of the removed traits, deleted ones included."""


def redact(tx: sa.Connection, scope: int, *, facts: Collection[str], messages: Collection[str]) -> Redacted:
    """Remove everything based on erased facts and messages from every version."""
    redacted = Redacted()
    for row in tx.execute(_versions(scope)).all():
        traits = json.loads(row.traits)
        gone = [name for name, trait in traits.items() if not set(messages).isdisjoint(trait["messages"])]
        for name in gone:
            redacted.message_ids.update(traits.pop(name)["messages"])
        kept = {
            "profile": _stored(_without(json.loads(row.profile), facts)),
            "traits": _stored(traits),
            "agent_profile": _stored(_without(json.loads(row.agent_profile or "{}"), facts)),
        }
        if kept != _contents(row):
            mine = sa.and_(_personas.c.scope_id == scope, _personas.c.version == row.version)
            tx.execute(sa.update(_personas).where(mine).values(kept))
            redacted.versions += 1
    return redacted


def _profile(tx: sa.Connection, scope: int, about: About) -> Profile:
    """Return the profile fields filled by facts that hold, with the ids of those facts."""
    current = sa.and_(
        _facts.c.scope_id == scope,
        _facts.c.about == about,
        _facts.c.field.is_not(None),
        _facts.c.value.is_not(None),
        _facts.c.valid_to.is_(None),
    )
    rows: dict[str, list[sa.Row[Any]]] = {}
    for row in tx.execute(sa.select(_facts).where(current).order_by(_facts.c.valid_from, _facts.c.seq)):
        rows.setdefault(row.field, []).append(row)
    return {
        name: {
            "value": facts[-1].value if all(one.single for one in facts) else [one.value for one in facts],
            "facts": [fact.id for fact in facts],
        }
        for name, facts in rows.items()
    }


def _without(profile: Profile, facts: Collection[str]) -> Profile:
    """Return a profile without the values of these facts."""
    kept: Profile = {}
    for name, entry in profile.items():
        left = [place for place, fact in enumerate(entry["facts"]) if fact not in facts]
        if len(left) == len(entry["facts"]):
            kept[name] = entry
        elif left and isinstance(entry["value"], list):
            kept[name] = {key: [entry[key][place] for place in left] for key in ("value", "facts")}
    return kept


def _versions(scope: int) -> sa.Select[Any]:
    """Return a query of the versions of a scope, newest first."""
    return sa.select(_personas).where(_personas.c.scope_id == scope).order_by(_personas.c.version.desc())


def _newest(tx: sa.Connection, scope: int) -> sa.Row[Any] | None:
    return tx.execute(_versions(scope).limit(1)).first()


def _contents(row: sa.Row[Any] | None) -> dict[str, Any]:
    if row is None:
        return {"profile": "{}", "traits": "{}", "agent_profile": "{}"}
    return {"profile": row.profile, "traits": row.traits, "agent_profile": row.agent_profile or "{}"}


def _stored(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _displayed(profile: str) -> dict[str, Any]:
    """Return the values of a profile, without duplicates."""
    values = {}
    for name, entry in json.loads(profile).items():
        value = entry["value"]
        values[name] = list(dict.fromkeys(value)) if isinstance(value, list) else value
    return values


def _trait_from(name: str, stored: dict[str, Any]) -> Trait:
    return Trait(
        dimension=name,
        group=DIMENSIONS[name],
        level=stored["level"],
        since=from_us(stored["since"]),
        source_page_ids=tuple(dict.fromkeys(stored["pages"])),
    )
