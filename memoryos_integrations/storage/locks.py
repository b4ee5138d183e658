"""Which scopes a transaction writes to: a write locks them before it does anything else, in ascending order.

Readers go on from the highest sequence number that they saw. Where several transactions write at once, a
lower number can be committed after a higher one; the lock keeps that from happening within a scope.
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
# Found and locked in one round trip; an engine that knows no locks of rows reads it as a plain look-up.
_by_name = (
    sa.select(schema.scopes.c.id)
    .where(
        schema.scopes.c.user_id == sa.bindparam("user_id"),
        schema.scopes.c.agent_id == sa.bindparam("agent_id"),
    )
    .with_for_update(key_share=True)
)


class Locks:
    """The scopes that one transaction has locked."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.numbers: set[int] = set()
        """Their numbers."""

    def take(self, tx: sa.Connection, numbers: Iterable[int]) -> None:
        """Lock more scopes; those that are locked already stay so."""
        new = sorted(set(numbers) - self.numbers)
        if new:
            self._engine.lock_scopes(tx, new)
            self.add(new)

    def add(self, new: list[int]) -> None:
        """Note scopes, ascending, that a statement of the transaction has locked."""
        if self.numbers and new[0] < max(self.numbers):  # two transactions could wait for each other for ever
            raise StoreError(
                f"Scope {new[0]} is to be locked after scope {max(self.numbers)}: report this, it should not "
                "be possible. Nothing was stored."
            )
        self.numbers.update(new)


def begin(tx: sa.Connection, engine: Engine | None) -> None:
    """Say that a transaction begins, without any locks; ``None``: it only reads and can take none."""
    tx.info[_KEY] = None if engine is None else Locks(engine)


def held(tx: sa.Connection) -> Locks:
    """Return the locks of a write transaction.

    Raises:
        StoreError: it is no transaction of ``Ledger.write``.
    """
    locks = tx.info.get(_KEY)
    if not isinstance(locks, Locks):
        raise StoreError("A scope is to be locked in a transaction that only reads: report this.")
    return locks


def lock_scopes(tx: sa.Connection, numbers: Iterable[int]) -> None:
    """Lock scopes by number, in ascending order, for the rest of a write transaction."""
    held(tx).take(tx, numbers)


def lock_scope(tx: sa.Connection, user_id: str, agent_id: str) -> int | None:
    """Lock the scope of a user and an agent for the rest of a write transaction.

    Returns:
        Its number, ``None`` if there is no such scope.
    """
    locks = held(tx)
    number = tx.execute(_by_name, {"user_id": user_id, "agent_id": agent_id}).scalar()
    if number is not None and number not in locks.numbers:
        locks.add([number])
    return number
