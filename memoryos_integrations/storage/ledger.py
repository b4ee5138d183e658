"""The ledger: one SQL database with every memory. Acknowledged writes survive a kill.

Each module has its own SQLAlchemy Core statements; an ``Engine`` opens, locks and cleans the database.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from memoryos_integrations.storage import locks, schema
from memoryos_integrations.storage.engines import sqlite
from memoryos_integrations.storage.migrations import migrate


class Ledger:
    """The database of a store, opened and migrated.

    Args:
        folder: the folder of the store; created with mode 0700 if missing.

    Raises:
        StoreUnwritableError: the folder or a file in it cannot be written.
        StoreCorruptError: the database is damaged or belongs to another program.
        StoreTooNewError: it was written by newer code.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._engine = sqlite.SQLite(folder)
        self._engine.open(migrate)
        with self.read() as tx:
            self.store_id: str = tx.execute(
                sa.select(schema.meta.c.value).where(schema.meta.c.key == "store_id")
            ).scalar_one()

    @contextmanager
    def write(self, *scopes: int) -> Iterator[sa.Connection]:
        """Run one durable, atomic transaction.

        Lock a scope before writing its rows: by number here, or in the first statement by ``Scope.lock`` or
        ``Scope.ensure``. Rows without a scope (named values, usage, embedders, job leases) need no lock and
        are written last.

        Args:
            scopes: numbers of the scopes to lock, in ascending order.
        """
        with self._engine.write() as tx:
            locks.begin(tx, self._engine)
            if scopes:
                locks.lock_scopes(tx, scopes)
            yield tx

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Read one consistent snapshot. Never waits for a writer."""
        with self._engine.read() as tx:
            locks.begin(tx, None)
            yield tx

    def scrub(self) -> None:
        """Remove the bytes of deleted rows from the database files.

        Raises:
            StoreError: the rows are deleted, but another process still reads their bytes; call again.
        """
        self._engine.scrub()

    def check(self) -> list[str]:
        """Return the problems of the database and its references, one sentence each."""
        return self._engine.damage()

    def size(self) -> int:
        """Return the size of the store on disk in bytes."""
        return self._engine.size()

    def close(self) -> None:
        """Wait for the running transaction, then close. Later calls raise StoreClosedError."""
        self._engine.close()

    def after_fork(self) -> None:
        """Drop the connections of the parent process without closing them."""
        self._engine.after_fork()
