"""Scope locks: a write transaction locks its scopes first, in ascending order.

Readers continue from the highest sequence number they have seen. With concurrent writers a lower number could
be committed after a higher one; the lock prevents that within a scope.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from memoryos_integrations.errors import StoreError
from memoryos_integrations.storage import schema

if TYPE_CHECKING:
    from collections.abc import Iterable

    from memoryos_integrations.storage.engines import Engine

_KEY = "memoryos_locks"
# Find and lock in one round trip; an engine without row locks runs it as a plain query.
_by_name = (
    sa.select(schema.scopes.c.id)
    .where(
        schema.scopes.c.user_id == sa.bindparam("user_id"),
        schema.scopes.c.agent_id == sa.bindparam("agent_id"),
    )
    .with_for_update(key_share=True)
)


class Locks:
    """The scopes locked by one transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.numbers: set[int] = set()
        """Numbers of the locked scopes."""

    def take(self, tx: sa.Connection, numbers: Iterable[int]) -> None:
        """Lock more scopes; those already locked are skipped."""
        new = sorted(set(numbers) - self.numbers)
        if new:
            self._engine.lock_scopes(tx, new)
            self.add(new)

    def add(self, new: list[int]) -> None:
        """Record scopes, ascending, that a statement has locked."""
        if self.numbers and new[0] < max(self.numbers):  # would risk a deadlock
            raise StoreError(
                f"Scope {new[0]} was locked after scope {max(self.numbers)}: report this bug. "
                "Nothing was stored."
            )
        self.numbers.update(new)


def begin(tx: sa.Connection, engine: Engine | None) -> None:
    """Start a transaction without locks; ``None`` for a read transaction, which cannot take any."""
    tx.info[_KEY] = None if engine is None else Locks(engine)


def held_by(tx: sa.Connection) -> Locks:
    """Return the locks of a write transaction.

    Raises:
        StoreError: the transaction is not one of ``Ledger.write``.
    """
    locks = tx.info.get(_KEY)
    if not isinstance(locks, Locks):
        raise StoreError("A read transaction tried to lock a scope: report this bug.")
    return locks


def lock_scopes(tx: sa.Connection, numbers: Iterable[int]) -> None:
    """Lock scopes by number, in ascending order, for the rest of a write transaction."""
    held_by(tx).take(tx, numbers)


def lock_scope(tx: sa.Connection, user_id: str, agent_id: str) -> int | None:
    """Lock the scope of a user and an agent for the rest of a write transaction.

    Returns:
        The number of the scope, ``None`` if it does not exist.
    """
    locks = held_by(tx)
    number = tx.execute(_by_name, {"user_id": user_id, "agent_id": agent_id}).scalar()
    if number is not None and number not in locks.numbers:
        locks.add([number])
    return number
