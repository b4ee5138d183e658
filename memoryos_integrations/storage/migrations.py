"""Schema migrations of the ledger, numbered. A migration is never edited after a release."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import sqlalchemy as sa

from memoryos_integrations.errors import StoreCorruptError, StoreTooNewError
from memoryos_integrations.storage import schema

if TYPE_CHECKING:
    from collections.abc import Callable


def _m001_first_schema(connection: sa.Connection) -> None:
    schema.metadata.create_all(connection)
    connection.execute(sa.insert(schema.meta), {"key": "store_id", "value": uuid.uuid4().hex[:12]})


def _m002_store_items(connection: sa.Connection) -> None:
    schema.metadata.create_all(connection, tables=[schema.store_items, schema.store_texts])


def _m003_model_refinement(connection: sa.Connection) -> None:
    schema.metadata.create_all(connection, tables=[schema.chains, schema.usage])
    _add_columns(connection, schema.pages, "refined", "summarised", "learnt", "chain_id")
    _add_columns(connection, schema.segments, "refined_summary", "refined_keywords")
    _add_columns(connection, schema.persona_versions, "agent_profile")


def _add_columns(connection: sa.Connection, table: sa.Table, *names: str) -> None:
    """Add missing columns; a new ledger already has them, since the first step creates the current schema."""
    present = {column["name"] for column in sa.inspect(connection).get_columns(table.name)}
    for name in names:
        if name not in present:
            column = sa.schema.CreateColumn(table.c[name]).compile(dialect=connection.dialect)
            connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {column}")


MIGRATIONS: tuple[Callable[[sa.Connection], None], ...] = (
    _m001_first_schema,
    _m002_store_items,
    _m003_model_refinement,
)
"""Step n migrates a ledger from version n-1 to n."""

SCHEMA_VERSION = len(MIGRATIONS)
"""Schema version that this code reads and writes."""


def migrate(connection: sa.Connection) -> None:
    """Migrate the ledger to ``SCHEMA_VERSION`` within the transaction of the connection.

    Raises:
        StoreTooNewError: the ledger was written by a newer version of this library.
        StoreCorruptError: the database belongs to another program.
    """
    version = _version(connection)
    if version > SCHEMA_VERSION:
        raise StoreTooNewError(
            f"This store has schema version {version}; this version of memoryos-integrations reads up to "
            f"{SCHEMA_VERSION}. Upgrade it: pip install -U memoryos-integrations"
        )
    for step in MIGRATIONS[version:]:
        step(connection)
    if version < SCHEMA_VERSION:
        connection.execute(sa.delete(schema.meta).where(schema.meta.c.key == "schema_version"))
        connection.execute(sa.insert(schema.meta), {"key": "schema_version", "value": str(SCHEMA_VERSION)})


def _version(connection: sa.Connection) -> int:
    tables = sa.inspect(connection).get_table_names()
    if not tables:
        return 0
    if "meta" not in tables:
        raise StoreCorruptError("The ledger file is a database of another program: choose another folder.")
    value = connection.scalar(sa.select(schema.meta.c.value).where(schema.meta.c.key == "schema_version"))
    if value is None or not value.isdigit():
        raise StoreCorruptError("The ledger does not say its schema version: restore it from a backup.")
    return int(value)
