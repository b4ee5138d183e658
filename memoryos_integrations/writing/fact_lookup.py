"""The stored facts of a scope, and whether a new fact is already among them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from memoryos_integrations.storage import schema
from memoryos_integrations.tiers.profile_fields import value_key
from memoryos_integrations.writing.same_statement import Form, adds_nothing, form_of, same_marks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from memoryos_integrations.tiers.new_fact import NewFact

Row = dict[str, Any]
"""A row of the facts table; new facts have no ``seq``."""

_facts = schema.facts
_READ = tuple(column for column in _facts.c if column.name not in ("scope_id", "metadata"))


class FactLookup:
    """The facts of one scope, closed ones included.

    Args:
        tx: a transaction.
        scope: number of the scope.
        earlier: a previous lookup of the same scope, whose parsed forms are reused.
    """

    def __init__(self, tx: sa.Connection, scope: int, earlier: FactLookup | None = None) -> None:
        query = sa.select(*_READ).where(_facts.c.scope_id == scope).order_by(_facts.c.seq)
        self.rows: dict[str, Row] = {row.id: dict(row) for row in tx.execute(query).mappings()}
        self._forms: dict[str, Form] = earlier._forms if earlier is not None else {}
        self._by_value: dict[tuple[str, str, str], list[Row]] = {}
        self._by_marks: dict[tuple[str, Any], list[Row]] | None = None
        for row in self.rows.values():
            self._index_value(row)

    def add(self, row: Row) -> None:
        """Add a new fact."""
        self.rows[row["id"]] = row
        self._index_value(row)
        if self._by_marks is not None:
            self._by_marks.setdefault((row["about"], self.form(row).marks), []).append(row)

    def form(self, row: Row) -> Form:
        """Return the form of a fact's text for comparison."""
        form = self._forms.get(row["id"])
        if form is None:
            form = self._forms[row["id"]] = form_of(row["text"])
        return form

    def find_same(self, new_fact: NewFact) -> str | None:
        """Return the id of a fact that says the same as a new one, preferring facts that hold.

        A closed fact counts if the new one dates from before it was closed, so that late information does not
        revive a withdrawn fact.
        """
        if new_fact.fact_id in self.rows:
            return new_fact.fact_id
        found = [row for row in self._candidates(new_fact) if _covers(row, new_fact)]
        found.sort(key=lambda row: row["valid_to"] is not None)
        return str(found[0]["id"]) if found else None

    def prepare(self, new_facts: Sequence[NewFact]) -> None:
        """Parse the forms needed to compare these facts, to keep that work out of the write transaction."""
        for new_fact in new_facts:
            self.find_same(new_fact)

    def of_field(self, row: Row) -> Iterator[Row]:
        """Yield the other facts of a single-valued field."""
        for other in self.rows.values():
            same_field = other["field"] == row["field"] and other["about"] == row["about"]
            if same_field and other["id"] != row["id"]:
                yield other

    def _candidates(self, new_fact: NewFact) -> Iterator[Row]:
        form = form_of(new_fact.text)
        if new_fact.field is not None and new_fact.value is not None:
            yield from self._by_value.get((new_fact.about, new_fact.field, value_key(new_fact.value)), ())
            for row in self._with_marks(new_fact.about, form):
                if row["field"] is None and self.form(row).words == form.words:
                    yield row
            return
        match = self.rows.get(new_fact.same_as or "")
        if match is not None and match["about"] == new_fact.about and same_marks(form, self.form(match)):
            yield match
        for row in self._with_marks(new_fact.about, form):
            if adds_nothing(form, self.form(row)):
                yield row

    def _with_marks(self, about: str, form: Form) -> list[Row]:
        if self._by_marks is None:
            self._by_marks = {}
            for row in self.rows.values():
                self._by_marks.setdefault((row["about"], self.form(row).marks), []).append(row)
        return self._by_marks.get((about, form.marks), [])

    def _index_value(self, row: Row) -> None:
        if row["field"] is not None and row["value"] is not None:
            key = (row["about"], row["field"], value_key(row["value"]))
            self._by_value.setdefault(key, []).append(row)


def _covers(row: Row, new_fact: NewFact) -> bool:
    ended = row["valid_to"]
    return ended is None or new_fact.valid_from < ended or new_fact.valid_from <= row["valid_from"]
