"""Learning: what is drawn from messages becomes facts. What is known already is not written twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from memoryos_integrations import ids
from memoryos_integrations.known import Known
from memoryos_integrations.long_term import REMEMBERED
from memoryos_integrations.storage import outbox, schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memoryos_integrations.known import Row
    from memoryos_integrations.types import About, Message

_TRUST = {"user": 3, "import": 2, "assistant": 1, "tool": 0}
_facts, _edges = schema.facts, schema.edges


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
    """Where the words came from, the least trusted of the messages."""
    message_ids: tuple[str, ...]
    """The messages they stand in, the first one first."""
    method: str
    """How it was read: ``"extractive"`` or a model's name."""
    about: About = "user"
    """Whom it is about."""
    valid_to: int | None = None
    """Until when it holds, if that is known."""
    supersedes: tuple[str, ...] = ()
    """Facts that it takes the place of, as a model sees it."""
    same_as: str | None = None
    """The fact that says the same, as a model sees it."""

    @property
    def fact_id(self) -> str:
        """The id of the fact that it becomes if it is new."""
        about = () if self.about == "user" else (self.about,)
        return ids.derived("fact", self.message_ids[0], *about, self.text)


@dataclass(slots=True)
class Outcome:
    """What came of lessons."""

    new: list[str] = field(default_factory=list)
    """Facts that are new."""
    refused: int = 0
    """Facts that were to be closed and were not: those of a more trusted source, or that began later."""


def is_word_of_user(message: Message) -> bool:
    """Return whether a message is the user's own: what an assistant or a tool said is no word of the user."""
    return message.role == "user" and message.source in ("user", "import")


def is_shown(message: Message) -> bool:
    """Return whether a model learns from a message: what a tool gave may have been written by anybody."""
    return message.role in ("user", "assistant") and message.source != "tool"


def trust(source: str) -> int:
    """Return how far a source is trusted, more for more; one that is not known as little as a tool."""
    return _TRUST.get(source, 0)


def learn(
    tx: sa.Connection, scope: int, lessons: Sequence[Lesson], *, earlier: Known | None = None
) -> Outcome:
    """Store what is new about the user and the agent.

    What is known already gets more messages to rest on. A single-valued field's newer value closes the older
    one and says what took its place, and so does a lesson that supersedes, but never what is from a more
    trusted source or began later.

    Args:
        tx: a transaction.
        scope: whose memory.
        lessons: what to learn; the profile follows by ``persona.write``.
        earlier: what was known a moment ago, made ready for these lessons.
    """
    outcome = Outcome()
    if not lessons:
        return outcome
    known = Known(tx, scope, earlier)
    for lesson in sorted(lessons, key=lambda lesson: lesson.valid_from):
        fact_id = known.same(lesson)
        if fact_id is None:
            fact_id = lesson.fact_id
            known.add(_insert(tx, scope, lesson))
            outcome.new.append(fact_id)
            _close_by_field(tx, known, fact_id)
        else:
            _add_to(tx, known, fact_id, lesson)
        if known.rows[fact_id]["method"] != REMEMBERED:
            _rest_on(tx, scope, fact_id, lesson.message_ids)
        for old in lesson.supersedes:
            outcome.refused += not _close_by_lesson(tx, known, old, fact_id)
    return outcome


def _insert(tx: sa.Connection, scope: int, lesson: Lesson) -> Row:
    row = {
        "id": lesson.fact_id,
        "about": lesson.about,
        "text": lesson.text,
        "field": lesson.field,
        "value": lesson.value,
        "single": lesson.single,
        "valid_from": lesson.valid_from,
        "valid_to": lesson.valid_to,
        "source": lesson.source,
        "method": lesson.method,
        "superseded_by": None,
    }
    tx.execute(sa.insert(_facts), row | {"scope_id": scope, "metadata": "{}"})
    outbox.enqueue(tx, [outbox.job_row("embed", scope, lesson.fact_id, "fact")])
    return row


def _add_to(tx: sa.Connection, known: Known, fact_id: str, lesson: Lesson) -> None:
    """Let a fact have what a lesson that says the same knows more: a more trusted source, the field."""
    row = known.rows[fact_id]
    if row["method"] == REMEMBERED:
        return
    more: dict[str, Any] = {}
    if trust(lesson.source) > trust(row["source"]):
        more["source"] = lesson.source
    if row["field"] is None and lesson.field is not None:
        more |= {"field": lesson.field, "value": lesson.value, "single": lesson.single}
    if more:
        row.update(more)
        tx.execute(sa.update(_facts).where(_facts.c.id == fact_id).values(more))
    if "field" in more:
        _close_by_field(tx, known, fact_id)


def _rest_on(tx: sa.Connection, scope: int, fact_id: str, message_ids: Sequence[str]) -> None:
    there = set(tx.execute(sa.select(_edges.c.parent_id).where(_edges.c.child_id == fact_id)).scalars())
    new = [message for message in dict.fromkeys(message_ids) if message not in there]
    if new:
        rows = [{"child_id": fact_id, "parent_id": message, "scope_id": scope} for message in new]
        tx.execute(sa.insert(_edges), rows)


def _close_by_field(tx: sa.Connection, known: Known, fact_id: str) -> None:
    """Close what a fact of a single-valued field takes the place of, or itself if a later one is known."""
    new = known.rows[fact_id]
    if not new["single"] or new["field"] is None or new["valid_to"] is not None:
        return
    for row in list(known.of_field(new)):
        if row["valid_to"] is not None:
            if row["superseded_by"] is not None and _is_within(new, row):
                _close(tx, row, new)  # learnt late: its place is between the two
            continue
        later, earlier = (new, row) if new["valid_from"] >= row["valid_from"] else (row, new)
        if trust(later["source"]) < trust(earlier["source"]):
            later, earlier = earlier, later
        _close(tx, earlier, later)


def _is_within(new: Row, closed: Row) -> bool:
    held = closed["valid_from"] <= new["valid_from"] < closed["valid_to"]
    return held and trust(new["source"]) >= trust(closed["source"])


def _close_by_lesson(tx: sa.Connection, known: Known, old_id: str, new_id: str) -> bool:
    """Close a fact that a model says is superseded, if that may be; returns whether it is closed."""
    old, new = known.rows.get(old_id), known.rows[new_id]
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
