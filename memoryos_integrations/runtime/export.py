"""Export and import of a scope as JSON Lines: everything that cannot be rebuilt."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from memoryos_integrations import checks
from memoryos_integrations.clock import from_us
from memoryos_integrations.errors import InvalidInputError
from memoryos_integrations.storage import outbox, schema
from memoryos_integrations.storage.contents import EXPORTED
from memoryos_integrations.storage.scope import touch
from memoryos_integrations.tiers import persona_versions
from memoryos_integrations.types import ROLES, SOURCES, SUBJECTS

if TYPE_CHECKING:
    from memoryos_integrations.storage.scope import Scope

VERSION = 1
_LEFT_OUT = {"seq", "scope_id"}
_REBUILT = {"page": {"refined": None, "summarised": None, "chain_id": None}}
"""Columns by kind that are rebuilt after loading; their values in the file are ignored."""
_KEYS = {
    "page": ("id",),
    "message": ("id",),
    "fact": ("id",),
    "persona": ("version",),
    "edge": ("child_id", "parent_id"),
}


def export(tx: sa.Connection, scope: int | None, path: Path) -> int:
    """Write a scope to a file that only its owner can read; returns the number of records.

    Segments, vectors and the index are rebuilt after loading. Facts that a model extracted are included, so
    their pages are not processed again.
    """
    records = 0
    # Write a temporary file and rename it: never a partial file, and the mode is ours.
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(json.dumps({"kind": "memoryos", "version": VERSION}) + "\n")
        for record in _records(tx, scope) if scope is not None else ():
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
            records += 1
    fresh.replace(path)
    return records


def load(tx: sa.Connection, scope: Scope, lines: Iterable[str], now: int) -> int:
    """Store the records of ``export`` in one transaction; returns the number of new ones.

    Raises:
        InvalidInputError: a line is not what ``export`` writes; nothing is stored.
    """
    records = list(_parsed(lines))
    if not records:
        return 0
    number = scope.ensure(tx, now)
    new = 0
    pages: set[str] = set()
    for position, record in enumerate(records, start=2):
        kind, values = record.pop("kind", None), record
        table = EXPORTED.get(str(kind))
        if table is None:
            raise InvalidInputError(f"line {position}: unknown kind {kind!r}")
        row = (
            _checked(table, str(kind), values, position) | {"scope_id": number} | _REBUILT.get(str(kind), {})
        )
        if kind == "page":
            pages.add(row["id"])
        if kind == "message" and row["page_id"] not in pages:
            raise InvalidInputError(f"line {position}: the page of this message must come before it")
        if _exists(tx, table, str(kind), row, number, position):
            continue
        tx.execute(sa.insert(table), row)
        new += 1
        if kind in ("page", "fact"):
            outbox.enqueue(
                tx, [outbox.job_row("embed", number, row["id"], None if kind == "page" else "fact")]
            )
    if new:
        persona_versions.write(tx, number, now=now)  # merges with facts that were already here
    touch(tx, number)
    return new


def _records(tx: sa.Connection, scope: int) -> Iterator[dict[str, Any]]:
    for kind, table in EXPORTED.items():
        columns = [column for column in table.c if column.name not in _LEFT_OUT]
        order = table.c.seq if "seq" in table.c else table.primary_key.columns.values()[0]
        query = sa.select(*columns).where(table.c.scope_id == scope).order_by(order)
        if kind == "edge":  # edges of segments and chains are rebuilt with them
            query = query.where(~_has_child_in(schema.segments), ~_has_child_in(schema.chains))
        for row in tx.execute(query):
            record = {"kind": kind, **row._mapping}
            if kind == "page":
                record |= {"tier": "short_term", "segment_id": None}
            yield {name: value for name, value in record.items() if name not in _REBUILT.get(kind, ())}


def _has_child_in(table: sa.Table) -> sa.ColumnElement[bool]:
    return sa.select(table.c.id).where(table.c.id == schema.edges.c.child_id).exists()


def _parsed(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    position = 0
    for position, line in enumerate(lines, start=1):
        try:
            record = json.loads(line)
        except ValueError:
            raise InvalidInputError(f"line {position} is not JSON") from None
        if not isinstance(record, dict):
            raise InvalidInputError(f"line {position} is not a JSON object")
        if position == 1:
            if record.get("kind") != "memoryos" or record.get("version") != VERSION:
                raise InvalidInputError("the file is no export of this library, or is from a newer version")
            continue
        yield record
    if not position:
        raise InvalidInputError("the file is empty: an export begins with a line that says what it is")


def _checked(table: sa.Table, kind: str, values: dict[str, Any], position: int) -> dict[str, Any]:
    columns = {column.name: column for column in table.c if column.name not in _LEFT_OUT}
    # Older files lack nullable columns of later versions.
    values = {name: None for name, column in columns.items() if column.nullable} | values
    if set(values) != set(columns):
        raise InvalidInputError(f"line {position}: a {kind} has the fields {', '.join(sorted(columns))}")
    for name, column in columns.items():
        value, wanted = values[name], column.type.python_type
        if value is None and column.nullable:
            continue
        if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
            raise InvalidInputError(
                f"line {position}: {name} must be {wanted.__name__}, not {type(value).__name__}"
            )
        if wanted is int and name != "version":
            _check_time(f"line {position}: {name}", value)
        if name == "text":
            checks.text(f"line {position}: text", value)
    _check_words(kind, values, position)
    return dict(values)


def _check_time(name: str, value: int) -> None:
    try:
        from_us(value)
    except OverflowError:
        raise InvalidInputError(f"{name} is not a time in microseconds since 1970") from None


def _check_words(kind: str, values: dict[str, Any], position: int) -> None:
    allowed: dict[str, dict[str, tuple[str, ...]]] = {
        "message": {"role": ROLES, "source": SOURCES},
        "fact": {"about": SUBJECTS, "source": SOURCES},
        "page": {"tier": ("short_term",)},
    }
    for name, words in allowed.get(kind, {}).items():
        checks.one_of(f"line {position}: {name}", values[name], words)
    for name in ("metadata", "profile", "traits", "agent_profile"):
        if values.get(name) is not None:
            try:
                fields = json.loads(values[name])
            except (ValueError, RecursionError):
                raise InvalidInputError(f"line {position}: {name} is not JSON") from None
            if name == "metadata":
                checks.metadata(f"line {position}: {name}", fields)
            elif not persona_versions.is_valid(name, fields):
                raise InvalidInputError(f"line {position}: {name} is not what a persona holds")


def _exists(
    tx: sa.Connection, table: sa.Table, kind: str, row: dict[str, Any], scope: int, position: int
) -> bool:
    same = sa.and_(*(table.c[name] == row[name] for name in _KEYS[kind]))
    if kind == "persona":
        same = sa.and_(same, table.c.scope_id == scope)
    owner = tx.execute(sa.select(table.c.scope_id).where(same)).scalar()
    if owner is not None and owner != scope:
        raise InvalidInputError(f"line {position}: this {kind} belongs to another user of this store")
    return owner is not None
