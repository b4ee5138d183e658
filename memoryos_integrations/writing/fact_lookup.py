"""What long-term memory knows of a scope, and whether something that comes in is among it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from memoryos_integrations.storage import schema
from memoryos_integrations.tiers.profile_fields import value_key
from memoryos_integrations.writing.same_statement import Form, can_be_the_same, form_of, says_no_more

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from memoryos_integrations.tiers.new_fact import NewFact

Row = dict[str, Any]
"""A fact as it stands in the ledger; ``seq`` is missing from those that are new."""

_facts = schema.facts
_READ = tuple(column for column in _facts.c if column.name not in ("scope_id", "metadata"))


class FactLookup:
    """The facts of one scope, those that no longer hold too.

    Args:
        tx: a transaction.
        scope: whose facts.
        earlier: the same at an earlier time: what was made ready for comparing is taken over.
    """

    def __init__(self, tx: sa.Connection, scope: int, earlier: FactLookup | None = None) -> None:
        query = sa.select(*_READ).where(_facts.c.scope_id == scope).order_by(_facts.c.seq)
        self.rows: dict[str, Row] = {row.id: dict(row) for row in tx.execute(query).mappings()}
        self._forms: dict[str, Form] = earlier._forms if earlier is not None else {}
        self._by_value: dict[tuple[str, str, str], list[Row]] = {}
        self._by_marks: dict[tuple[str, Any], list[Row]] | None = None
        for row in self.rows.values():
            self._file_value(row)

    def add(self, row: Row) -> None:
        """Take in a fact that is new."""
        self.rows[row["id"]] = row
        self._file_value(row)
        if self._by_marks is not None:
            self._by_marks.setdefault((row["about"], self.form(row).marks), []).append(row)

    def form(self, row: Row) -> Form:
        """Return a fact's statement as it is compared."""
        form = self._forms.get(row["id"])
        if form is None:
            form = self._forms[row["id"]] = form_of(row["text"])
        return form

    def same(self, new_fact: NewFact) -> str | None:
        """Return the fact that says what a new fact says, if there is one; one that holds before others.

        A closed fact counts where the new one is from before that: what is learnt late must not make
        hold again what was taken back since.
        """
        if new_fact.fact_id in self.rows:
            return new_fact.fact_id
        found = [row for row in self._candidates(new_fact) if _covers(row, new_fact)]
        found.sort(key=lambda row: row["valid_to"] is not None)
        return str(found[0]["id"]) if found else None

    def prepare(self, new_facts: Sequence[NewFact]) -> None:
        """Make ready what comparing these new facts takes, so that it takes no time within a transaction."""
        for new_fact in new_facts:
            self.same(new_fact)

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
        told = self.rows.get(new_fact.same_as or "")
        if told is not None and told["about"] == new_fact.about and can_be_the_same(form, self.form(told)):
            yield told
        for row in self._with_marks(new_fact.about, form):
            if says_no_more(form, self.form(row)):
                yield row

    def _with_marks(self, about: str, form: Form) -> list[Row]:
        if self._by_marks is None:
            self._by_marks = {}
            for row in self.rows.values():
                self._by_marks.setdefault((row["about"], self.form(row).marks), []).append(row)
        return self._by_marks.get((about, form.marks), [])

    def _file_value(self, row: Row) -> None:
        if row["field"] is not None and row["value"] is not None:
            key = (row["about"], row["field"], value_key(row["value"]))
            self._by_value.setdefault(key, []).append(row)


def _covers(row: Row, new_fact: NewFact) -> bool:
    ended = row["valid_to"]
    return ended is None or new_fact.valid_from < ended or new_fact.valid_from <= row["valid_from"]
