"""What each table of the ledger holds, for those who must know every one: forget, export, verify."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from memoryos_integrations.storage import schema

if TYPE_CHECKING:
    import sqlalchemy as sa

Forgetting = Literal["deleted", "kept without its user", "done first", "not of a user"]


@dataclass(frozen=True, slots=True)
class Contents:
    """A table, and what happens to its rows."""

    table: sa.Table
    """The table."""
    forgetting: Forgetting
    """What becomes of a scope's rows when everything of it is forgotten: deleted; kept without the scope's
    number; deleted but for what removes forgotten items from the index; or a scope has none."""
    record: str | None = None
    """What an export calls one of its rows; ``None``: derived anew where the export is loaded, or not of a
    user."""
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
    Contents(schema.store_items, "not of a user", counted=True),
    Contents(schema.store_texts, "not of a user"),
    Contents(schema.vectors, "deleted", counted=True),
    Contents(schema.scopes, "deleted"),
    Contents(schema.usage, "kept without its user"),
    Contents(schema.jobs, "done first"),
    Contents(schema.embedders, "not of a user"),
    Contents(schema.meta, "not of a user"),
)
"""Every table of the schema, once."""

_DELETED = {contents.table for contents in CONTENTS if contents.forgetting == "deleted"}

FORGOTTEN: tuple[sa.Table, ...] = tuple(
    table for table in reversed(schema.metadata.sorted_tables) if table in _DELETED and table != schema.scopes
)
"""The tables that hold a scope's rows, none before one that points at it; the scope's own row goes last."""

EXPORTED: dict[str, sa.Table] = {
    contents.record: contents.table
    for contents in sorted(CONTENTS, key=lambda contents: contents.record != "page")
    if contents.record is not None
}
"""The tables of an export by the kind of their records, a page before its messages."""

COUNTED: dict[str, sa.Table] = {
    contents.table.name: contents.table for contents in CONTENTS if contents.counted
}
"""The tables that are counted, by name."""
