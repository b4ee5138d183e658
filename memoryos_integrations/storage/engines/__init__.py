"""SQL engines of the ledger, one module each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    import sqlalchemy as sa


class Engine(Protocol):
    """Opens, locks, cleans and closes the database of a ledger. Raises the errors of ``errors``."""

    def open(self, migrate: Callable[[sa.Connection], None]) -> None:
        """Open the database, creating it if missing.

        Args:
            migrate: migrates the schema in a transaction; never run by two processes at once.

        Raises:
            StoreUnwritableError: it cannot be written.
            StoreCorruptError: it is damaged or belongs to another program.
        """

    def write(self) -> AbstractContextManager[sa.Connection]:
        """Run one durable, atomic transaction.

        Raises:
            StoreClosedError: it was closed.
        """

    def read(self) -> AbstractContextManager[sa.Connection]:
        """Read one consistent snapshot. Never waits for a writer.

        Raises:
            StoreClosedError: it was closed.
        """

    def lock_scopes(self, tx: sa.Connection, numbers: Sequence[int]) -> None:
        """Lock scopes for writing until the transaction ends.

        Args:
            tx: a transaction of ``write``.
            numbers: scope numbers, ascending; missing scopes are ignored.
        """

    def scrub(self) -> None:
        """Remove the bytes of deleted rows from the database files.

        Raises:
            StoreError: some bytes cannot be removed now.
        """

    def damage(self) -> list[str]:
        """Return the problems of the database and its references, one sentence each."""

    def size(self) -> int:
        """Return the size of the store on disk in bytes."""

    def after_fork(self) -> None:
        """Drop the connections of the parent process without closing them."""

    def close(self) -> None:
        """Wait for the running write, then close. Later calls raise StoreClosedError."""
