"""The ledger: one SQL database that holds every memory. What it acknowledged survives a kill.

Statements are SQLAlchemy Core and belong to the stage that needs them; how a database is opened, locked and
cleaned is its engine's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from memoryos_integrations.storage import locks, schema
from memoryos_integrations.storage.engines import engine_for
from memoryos_integrations.storage.migrations import migrate


class Ledger:
    """A store's database, opened and migrated.

    Args:
        folder: the store's; made with mode 0700 if it is not there.

    Raises:
        StoreUnwritableError: the folder or what is inside cannot be written.
        StoreCorruptError: the database is damaged or not one of ours.
        StoreTooNewError: it was written by newer code.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._engine = engine_for(folder)
        self._engine.open(migrate)
        with self.read() as tx:
            self.store_id: str = tx.execute(
                sa.select(schema.meta.c.value).where(schema.meta.c.key == "store_id")
            ).scalar_one()

    @contextmanager
    def write(self, *scopes: int) -> Iterator[sa.Connection]:
        """One durable transaction: all of it or nothing.

        Rows of a scope are written only after the scope was locked: by its number here, or in the
        transaction's first statement by ``Scope.lock`` or ``Scope.ensure``. What belongs to no scope (values
        kept by name, usage, embedders, leases of jobs) needs no lock, and is written after them.

        Args:
            scopes: numbers of the scopes to lock; they are locked in ascending order.
        """
        with self._engine.write() as tx:
            locks.begin(tx, self._engine)
            if scopes:
                locks.lock_scopes(tx, scopes)
            yield tx

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """One consistent snapshot. Never waits for a writer."""
        with self._engine.read() as tx:
            locks.begin(tx, None)
            yield tx

    def scrub(self) -> None:
        """Leave no byte of deleted rows in the database's files.

        Raises:
            StoreError: the rows are deleted, but another process keeps their bytes in use; call again.
        """
        self._engine.scrub()

    def check(self) -> list[str]:
        """Return what is wrong with the database or its references, one sentence each."""
        return self._engine.damage()

    def size(self) -> int:
        """Return the bytes that the store takes on disk."""
        return self._engine.size()

    def close(self) -> None:
        """Wait for the running transaction, then close. Later calls raise StoreClosedError."""
        self._engine.close()

    def after_fork(self) -> None:
        """Let go of the parent's connections, which must be neither used nor closed in a child."""
        self._engine.after_fork()
