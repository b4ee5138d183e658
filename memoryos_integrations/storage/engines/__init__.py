"""The SQL engines that a ledger can be kept on. What one does its own way stands in a module of its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    import sqlalchemy as sa


class Engine(Protocol):
    """A database and how it is opened, locked, cleaned and closed. Errors are those of ``errors``."""

    def open(self, migrate: Callable[[sa.Connection], None]) -> None:
        """Open the database, making it if it is not there.

        Args:
            migrate: brings its tables to their present shape, in a transaction. Never run by two processes
                at once.

        Raises:
            StoreUnwritableError: it cannot be written.
            StoreCorruptError: it is damaged, or another program's.
        """

    def write(self) -> AbstractContextManager[sa.Connection]:
        """One durable transaction: all of it or nothing.

        Raises:
            StoreClosedError: it was closed.
        """

    def read(self) -> AbstractContextManager[sa.Connection]:
        """One consistent snapshot. Never waits for a writer.

        Raises:
            StoreClosedError: it was closed.
        """

    def lock_scopes(self, tx: sa.Connection, numbers: Sequence[int]) -> None:
        """Let no other transaction write to these scopes before this one ends.

        Args:
            tx: a transaction of ``write``.
            numbers: ascending; those of scopes that are gone are passed over.
        """

    def scrub(self) -> None:
        """Leave no byte of deleted rows in the database's files.

        Raises:
            StoreError: their bytes cannot all be removed now.
        """

    def damage(self) -> list[str]:
        """Return what is wrong with the database or its references, one sentence each."""

    def size(self) -> int:
        """Return the bytes that the store takes on disk."""

    def after_fork(self) -> None:
        """Let go of the parent's connections in a child process, without closing them."""

    def close(self) -> None:
        """Wait for the running write, then close. Later calls raise StoreClosedError."""


def engine_for(folder: Path) -> Engine:
    """Return the engine that keeps the ledger of a folder, not opened yet."""
    from memoryos_integrations.storage.engines import sqlite

    return sqlite.SQLite(folder)
