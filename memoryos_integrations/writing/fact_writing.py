"""Stores facts extracted from messages, merging those already stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from memoryos_integrations.storage import outbox, schema
from memoryos_integrations.tiers.long_term import REMEMBERED
from memoryos_integrations.tiers.new_fact import NewFact, trust
from memoryos_integrations.writing.fact_lookup import FactLookup

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memoryos_integrations.writing.fact_lookup import Row

_facts, _edges = schema.facts, schema.edges


@dataclass(slots=True)
class Outcome:
    """Result of ``store_facts``."""

    new: list[str] = field(default_factory=list)
    """Ids of the facts inserted."""
    refused: int = 0
    """Number of facts not closed as requested: from a more trusted source, or valid from a later time."""


def store_facts(
    tx: sa.Connection, scope: int, new_facts: Sequence[NewFact], *, earlier: FactLookup | None = None
) -> Outcome:
    """Store facts about the user and the agent.

    A fact already stored gets the new source messages. A newer value of a single-valued field closes the
    older one and becomes its successor, as does a fact that supersedes others; a fact from a more trusted
    source or with a later start is never closed.

    Args:
        tx: a write transaction.
        scope: number of the scope.
        new_facts: the facts; ``persona_versions.write`` updates the profile afterwards.
        earlier: a previous lookup, prepared for these facts.
    """
    outcome = Outcome()
    if not new_facts:
        return outcome
    stored = FactLookup(tx, scope, earlier)
    for new_fact in sorted(new_facts, key=lambda new_fact: new_fact.valid_from):
        fact_id = stored.find_same(new_fact)
        if fact_id is None:
            fact_id = new_fact.fact_id
            stored.add(_insert(tx, scope, new_fact))
            outcome.new.append(fact_id)
            _close_by_field(tx, stored, fact_id)
        else:
            _merge(tx, stored, fact_id, new_fact)
        if stored.rows[fact_id]["method"] != REMEMBERED:
            _add_sources(tx, scope, fact_id, new_fact.message_ids)
        for old in new_fact.supersedes:
            outcome.refused += not _close_by_model(tx, stored, old, fact_id)
    return outcome


def _insert(tx: sa.Connection, scope: int, new_fact: NewFact) -> Row:
    row = {
        "id": new_fact.fact_id,
        "about": new_fact.about,
        "text": new_fact.text,
        "field": new_fact.field,
        "value": new_fact.value,
        "single": new_fact.single,
        "valid_from": new_fact.valid_from,
        "valid_to": new_fact.valid_to,
        "source": new_fact.source,
        "method": new_fact.method,
        "superseded_by": None,
    }
    tx.execute(sa.insert(_facts), row | {"scope_id": scope, "metadata": "{}"})
    outbox.enqueue(tx, [outbox.job_row("embed", scope, new_fact.fact_id, "fact")])
    return row


def _merge(tx: sa.Connection, stored: FactLookup, fact_id: str, new_fact: NewFact) -> None:
    """Update a fact with a more trusted source or a profile field of a new fact that says the same."""
    row = stored.rows[fact_id]
    if row["method"] == REMEMBERED:
        return
    changes: dict[str, Any] = {}
    if trust(new_fact.source) > trust(row["source"]):
        changes["source"] = new_fact.source
    if row["field"] is None and new_fact.field is not None:
        changes |= {"field": new_fact.field, "value": new_fact.value, "single": new_fact.single}
    if changes:
        row.update(changes)
        tx.execute(sa.update(_facts).where(_facts.c.id == fact_id).values(changes))
    if "field" in changes:
        _close_by_field(tx, stored, fact_id)


def _add_sources(tx: sa.Connection, scope: int, fact_id: str, message_ids: Sequence[str]) -> None:
    linked = set(tx.execute(sa.select(_edges.c.parent_id).where(_edges.c.child_id == fact_id)).scalars())
    new = [message for message in dict.fromkeys(message_ids) if message not in linked]
    if new:
        rows = [{"child_id": fact_id, "parent_id": message, "scope_id": scope} for message in new]
        tx.execute(sa.insert(_edges), rows)


def _close_by_field(tx: sa.Connection, stored: FactLookup, fact_id: str) -> None:
    """Close the facts that a single-valued field's new value replaces, or itself if a later one is stored."""
    new = stored.rows[fact_id]
    if not new["single"] or new["field"] is None or new["valid_to"] is not None:
        return
    for row in list(stored.of_field(new)):
        if row["valid_to"] is not None:
            if row["superseded_by"] is not None and _is_within(new, row):
                _close(tx, row, new)  # extracted late: it belongs between the two
            continue
        later, earlier = (new, row) if new["valid_from"] >= row["valid_from"] else (row, new)
        if trust(later["source"]) < trust(earlier["source"]):
            later, earlier = earlier, later
        _close(tx, earlier, later)


def _is_within(new: Row, closed: Row) -> bool:
    held = closed["valid_from"] <= new["valid_from"] < closed["valid_to"]
    return held and trust(new["source"]) >= trust(closed["source"])


def _close_by_model(tx: sa.Connection, stored: FactLookup, old_id: str, new_id: str) -> bool:
    """Close a fact that a model reports as superseded, if allowed; returns whether it is closed."""
    old, new = stored.rows.get(old_id), stored.rows[new_id]
    if old is None or old_id == new_id or old["about"] != new["about"]:
        return False
    if old["superseded_by"] == new_id:
        return True
    if old["valid_to"] is not None or new["superseded_by"] is not None:
        return False
    if trust(new["source"]) < trust(old["source"]) or new["valid_from"] < old["valid_from"]:
        return False
    _close(tx, old, new)
    return True


def _close(tx: sa.Connection, earlier: Row, later: Row) -> None:
    closed = {"valid_to": max(later["valid_from"], earlier["valid_from"]), "superseded_by": later["id"]}
    earlier.update(closed)
    tx.execute(sa.update(_facts).where(_facts.c.id == earlier["id"]).values(closed))
