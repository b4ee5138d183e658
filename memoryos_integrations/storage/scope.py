"""Scopes: one user and one agent together own a set of memories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from memoryos_integrations.errors import StoreError
from memoryos_integrations.storage import locks, schema

if TYPE_CHECKING:
    from collections.abc import Iterator

_scopes = schema.scopes
_find = sa.select(_scopes.c.id).where(
    _scopes.c.user_id == sa.bindparam("user_id"), _scopes.c.agent_id == sa.bindparam("agent_id")
)

_erasures = sa.select(_scopes.c.erasures).where(
    _scopes.c.user_id == sa.bindparam("user_id"), _scopes.c.agent_id == sa.bindparam("agent_id")
)


@dataclass(frozen=True, slots=True)
class Scope:
    """A user and an agent; their number in the ledger is looked up in each transaction."""

    user_id: str
    """Id of the user."""
    agent_id: str
    """Id of the agent."""

    def number(self, tx: sa.Connection) -> int | None:
        """Return the number of the scope, ``None`` while it is empty."""
        return tx.execute(_find, {"user_id": self.user_id, "agent_id": self.agent_id}).scalar()

    def erasures(self, tx: sa.Connection) -> int:
        """Return the number of erasures in the scope, -1 while it is empty."""
        found = tx.execute(_erasures, {"user_id": self.user_id, "agent_id": self.agent_id}).scalar()
        return -1 if found is None else int(found)

    def lock(self, tx: sa.Connection) -> int | None:
        """Like ``number``, and lock the scope until the transaction ends."""
        return locks.lock_scope(tx, self.user_id, self.agent_id)

    def ensure(self, tx: sa.Connection, now: int) -> int:
        """Lock the scope, creating it if needed, and return its number."""
        number = self.lock(tx)
        if number is None:
            values = {
                "user_id": self.user_id,
                "agent_id": self.agent_id,
                "revision": 0,
                "erasures": 0,
                "created_at": now,
            }
            tx.execute(sa.insert(_scopes), values)
            number = self.lock(tx)
        if number is None:
            raise StoreError("The ledger did not take a new scope. Nothing was stored; try again.")
        return number


OF_ITEMS = Scope("\x1fstore", "\x1fstore")
"""Scope of named values. Callers' ids cannot contain control characters."""


def touch(tx: sa.Connection, scope_id: int, *, erased: bool = False) -> None:
    """Invalidate the caches of every process: pages moved between tiers, or rows were ``erased``."""
    values: dict[str, object] = {"revision": _scopes.c.revision + 1}
    if erased:
        values["erasures"] = _scopes.c.erasures + 1
    tx.execute(sa.update(_scopes).where(_scopes.c.id == scope_id).values(values))


def state(tx: sa.Connection, scope_id: int) -> tuple[int, int] | None:
    """Return the counters of ``touch``, unchanged if nothing moved; ``None`` if the scope is gone."""
    row = tx.execute(
        sa.select(_scopes.c.revision, _scopes.c.erasures).where(_scopes.c.id == scope_id)
    ).first()
    return (row.revision, row.erasures) if row is not None else None


def lock_all(tx: sa.Connection) -> list[int]:
    """Lock every scope and return their numbers, ascending."""
    numbers = list(tx.execute(sa.select(_scopes.c.id).order_by(_scopes.c.id)).scalars())
    locks.lock_scopes(tx, numbers)
    return numbers


def all_scopes(tx: sa.Connection) -> Iterator[tuple[int, Scope]]:
    """Yield every scope with its number, oldest first."""
    for row in tx.execute(sa.select(_scopes).order_by(_scopes.c.id)):
        yield row.id, Scope(row.user_id, row.agent_id)
