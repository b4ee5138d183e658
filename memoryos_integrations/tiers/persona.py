"""The persona: profiles that follow from the facts that hold, traits, and every version there was of them."""

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
    """Return a version of the persona, the newest without a number; ``None`` if there is no such version."""
    wanted = _versions(scope) if version is None else _versions(scope).where(_personas.c.version == version)
    row = tx.execute(wanted.limit(1)).first()
    if row is None:
        return Persona(0, {}, {}, tuple(knowledge), None, METHOD) if version in (None, 0) else None
    return Persona(
        version=row.version,
        profile=_shown(row.profile),
        traits={
            name: _trait_from(name, trait)
            for name, trait in json.loads(row.traits).items()
            if name in DIMENSIONS and trait["level"] in LEVELS
        },
        knowledge=tuple(knowledge),
        updated_at=from_us(row.at),
        method=row.method,
        agent_profile=_shown(row.agent_profile or "{}"),
    )


def stored_traits(tx: sa.Connection, scope: int) -> Traits:
    """Return the traits of the newest version as they are stored."""
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
    anyway: bool = False,
) -> int | None:
    """Make a new version of the persona from the facts that hold, if it differs from the newest.

    Args:
        tx: a transaction.
        scope: whose persona.
        now: microseconds since 1970.
        method: how it was made; the newest version's by default.
        traits: by dimension; the newest version's by default.
        anyway: make a version even if nothing differs.

    Returns:
        The number of the version, ``None`` if none was made.
    """
    newest = _newest(tx, scope)
    before = newest.traits if newest is not None else "{}"
    values: dict[str, Any] = {
        "profile": _stored(_profile(tx, scope, "user")),
        "traits": before if traits is None else _stored(traits),
        "agent_profile": _stored(_profile(tx, scope, "agent")),
    }
    if not anyway and values == _contents(newest):
        return None
    number = newest.version + 1 if newest is not None else 1
    by = method or (newest.method if newest is not None else METHOD)
    tx.execute(sa.insert(_personas), values | {"scope_id": scope, "version": number, "method": by, "at": now})
    return number


def restore(tx: sa.Connection, scope: int, version: int, *, now: int) -> bool:
    """Make a new version that is equal to an old one; returns ``False`` if there is no such version.

    The facts that the old one rests on hold again, and those that fill a field without being in it are
    closed, so that restoring a later version brings them back.
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
    holds = {(row.about, row.field): row.id for row in rows.values() if row.id in wanted and row.single}
    for row in rows.values():
        mine = sa.update(_facts).where(_facts.c.id == row.id)
        if row.id in wanted and row.valid_to is not None:
            tx.execute(mine.values(valid_to=None, superseded_by=None))
        elif row.id not in wanted and row.valid_to is None:
            later = holds.get((row.about, row.field)) if row.single else None
            tx.execute(mine.values(valid_to=max(now, row.valid_from), superseded_by=later))
    write(tx, scope, now=now, method=old.method, traits=json.loads(old.traits), anyway=True)
    return True


def is_stored(name: str, value: object) -> bool:
    """Return whether a value of JSON is one that is stored as the profile, agent_profile or traits."""
    entry: dict[str, Any] = {"value": (str, list), "facts": list}
    if name == "traits":
        entry = {"level": str, "since": int, "seen": int, "source": str, "messages": list, "pages": list}
    return isinstance(value, dict) and all(_fits(held, entry) for held in value.values())


def _fits(held: object, entry: dict[str, Any]) -> bool:
    if not isinstance(held, dict) or not all(isinstance(held.get(key), kind) for key, kind in entry.items()):
        return False
    texts = [item for part in held.values() if isinstance(part, list) for item in part]
    times = [part for part in held.values() if isinstance(part, int)]
    return all(isinstance(item, str) for item in texts) and all(map(_is_time, times))


def _is_time(value: int) -> bool:
    try:
        from_us(value)
    except OverflowError:
        return False
    return True


@dataclass(slots=True)
class Blanked:
    """What was taken out of the versions of a persona."""

    versions: int = 0
    """Versions that lost something."""
    rested_on: set[str] = field(default_factory=set)
    """Messages that the traits taken out rested on, those that are gone among them."""


def blank(tx: sa.Connection, scope: int, *, facts: Collection[str], messages: Collection[str]) -> Blanked:
    """Take what rests on erased facts and messages out of every version."""
    blanked = Blanked()
    for row in tx.execute(_versions(scope)).all():
        traits = json.loads(row.traits)
        gone = [name for name, trait in traits.items() if not set(messages).isdisjoint(trait["messages"])]
        for name in gone:
            blanked.rested_on.update(traits.pop(name)["messages"])
        kept = {
            "profile": _stored(_without(json.loads(row.profile), facts)),
            "traits": _stored(traits),
            "agent_profile": _stored(_without(json.loads(row.agent_profile or "{}"), facts)),
        }
        if kept != _contents(row):
            mine = sa.and_(_personas.c.scope_id == scope, _personas.c.version == row.version)
            tx.execute(sa.update(_personas).where(mine).values(kept))
            blanked.versions += 1
    return blanked


def _profile(tx: sa.Connection, scope: int, about: About) -> Profile:
    """Return the fields that the facts which hold fill, each with those facts."""
    holding = sa.and_(
        _facts.c.scope_id == scope,
        _facts.c.about == about,
        _facts.c.field.is_not(None),
        _facts.c.value.is_not(None),
        _facts.c.valid_to.is_(None),
    )
    rows: dict[str, list[sa.Row[Any]]] = {}
    for row in tx.execute(sa.select(_facts).where(holding).order_by(_facts.c.valid_from, _facts.c.seq)):
        rows.setdefault(row.field, []).append(row)
    return {
        name: {
            "value": facts[-1].value
            if all(fact.single for fact in facts)
            else [fact.value for fact in facts],
            "facts": [fact.id for fact in facts],
        }
        for name, facts in rows.items()
    }


def _without(profile: Profile, facts: Collection[str]) -> Profile:
    """Return a profile without what rests on these facts."""
    kept: Profile = {}
    for name, entry in profile.items():
        left = [place for place, fact in enumerate(entry["facts"]) if fact not in facts]
        if len(left) == len(entry["facts"]):
            kept[name] = entry
        elif left and isinstance(entry["value"], list):
            kept[name] = {key: [entry[key][place] for place in left] for key in ("value", "facts")}
    return kept


def _versions(scope: int) -> sa.Select[Any]:
    """Return the query of a scope's versions, the newest first."""
    return sa.select(_personas).where(_personas.c.scope_id == scope).order_by(_personas.c.version.desc())


def _newest(tx: sa.Connection, scope: int) -> sa.Row[Any] | None:
    return tx.execute(_versions(scope).limit(1)).first()


def _contents(row: sa.Row[Any] | None) -> dict[str, Any]:
    if row is None:
        return {"profile": "{}", "traits": "{}", "agent_profile": "{}"}
    return {"profile": row.profile, "traits": row.traits, "agent_profile": row.agent_profile or "{}"}


def _stored(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _shown(profile: str) -> dict[str, Any]:
    """Return a profile as it is shown: each value of a field once."""
    shown = {}
    for name, entry in json.loads(profile).items():
        value = entry["value"]
        shown[name] = list(dict.fromkeys(value)) if isinstance(value, list) else value
    return shown


def _trait_from(name: str, stored: dict[str, Any]) -> Trait:
    return Trait(
        dimension=name,
        group=DIMENSIONS[name],
        level=stored["level"],
        since=from_us(stored["since"]),
        source_page_ids=tuple(dict.fromkeys(stored["pages"])),
    )
