"""How forget, export, stats and verify treat each table of the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from memoryos_integrations.storage import schema

if TYPE_CHECKING:
    import sqlalchemy as sa

Forgetting = Literal["deleted", "anonymised", "drained", "not user data"]


@dataclass(frozen=True, slots=True)
class Contents:
    """How the rows of one table are treated."""

    table: sa.Table
    """The table."""
    forgetting: Forgetting
    """What forgetting a scope does to its rows: deletes them; clears their scope number; deletes all but the
    jobs that remove items from the index; or nothing, since none belong to a scope."""
    record: str | None = None
    """Kind of its records in an export; ``None`` if recomputed on import or not user data."""
    counted: bool = False
    """Whether ``stats()`` and ``verify()`` count its rows."""


CONTENTS = (
    Contents(schema.messages, "deleted", record="message", counted=True),
    Contents(schema.pages, "deleted", record="page", counted=True),
    Contents(schema.segments, "deleted", counted=True),
    Contents(schema.chains, "deleted"),
    Contents(schema.facts, "deleted", record="fact", counted=True),
    Contents(schema.persona_versions, "deleted", record="persona"),
    Contents(schema.edges, "deleted", record="edge"),
    Contents(schema.store_items, "not user data", counted=True),
    Contents(schema.store_texts, "not user data"),
    Contents(schema.vectors, "deleted", counted=True),
    Contents(schema.scopes, "deleted"),
    Contents(schema.usage, "anonymised"),
    Contents(schema.jobs, "drained"),
    Contents(schema.embedders, "not user data"),
    Contents(schema.meta, "not user data"),
)
"""Every table of the schema, once."""

_DELETED = {contents.table for contents in CONTENTS if contents.forgetting == "deleted"}

DELETED: tuple[sa.Table, ...] = tuple(
    table for table in reversed(schema.metadata.sorted_tables) if table in _DELETED and table != schema.scopes
)
"""Tables of a scope's rows, each before the tables it references; the scope's own row is deleted last."""

EXPORTED: dict[str, sa.Table] = {
    contents.record: contents.table
    for contents in sorted(CONTENTS, key=lambda contents: contents.record != "page")
    if contents.record is not None
}
"""Exported tables by kind of record, pages before messages."""

COUNTED: dict[str, sa.Table] = {
    contents.table.name: contents.table for contents in CONTENTS if contents.counted
}
"""Counted tables by name."""
