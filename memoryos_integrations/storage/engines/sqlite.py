"""The ledger in one SQLite file: WAL mode and synchronous=FULL, a commit returns when it is on the disk."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from filelock import FileLock
from sqlalchemy.ext.compiler import compiles

from memoryos_integrations.errors import (
    StoreClosedError,
    StoreCorruptError,
    StoreError,
    StoreUnwritableError,
)
from memoryos_integrations.storage import schema
from memoryos_integrations.storage.location import LEDGER_FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

_BUSY_SECONDS = 60
_CORRUPT = ("malformed", "not a database", "truncated", "no such table", "no such column")
_UNWRITABLE = ("readonly", "unable to open", "disk is full", "disk i/o", "permission")
_CLOSED = "This MemoryOS is closed. Open the folder again with MemoryOS(path)."

for _table in schema.NEVER_REUSED:  # else the highest number comes back once its row is gone
    _table.dialect_options["sqlite"]["autoincrement"] = True


@compiles(schema.Number, "sqlite")
def _as_rowid(_type: schema.Number, _compiler: Any, **_options: Any) -> str:
    return "INTEGER"  # 64 bits; a primary key by any other name is a second key beside the row's own


class SQLite:
    """An ``Engine`` on the file of a folder, for the processes of one machine.

    Args:
        folder: made with mode 0700 if it is not there; the file inside gets 0600.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._path = folder, folder / LEDGER_FILE
        self._write_lock = threading.Lock()
        self._closed = False

    def open(self, migrate: Callable[[sa.Connection], None]) -> None:
        """Open the file, made under another name first; see ``Engine``."""
        _make_folder(self._folder)
        try:
            with FileLock(self._folder / "open.lock", mode=0o600):
                self._create_if_missing(migrate)
                self._connect(self._path)
                with self.write() as tx:
                    migrate(tx)
        except PermissionError as error:
            raise StoreUnwritableError(_unwritable(self._folder)) from error

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """One durable transaction, before any other writer's next one; see ``Engine``."""
        self._check_usable()
        with self._write_lock, _translated(self._path):
            self._check_usable()
            with self._begun("BEGIN IMMEDIATE") as tx:
                yield tx

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """One consistent snapshot; see ``Engine``."""
        self._check_usable()
        with _translated(self._path), self._begun("BEGIN") as tx:
            yield tx

    def lock_scopes(self, tx: sa.Connection, numbers: Sequence[int]) -> None:
        """Do nothing: since BEGIN IMMEDIATE nobody else writes at all."""

    def scrub(self) -> None:
        """Write the database anew and empty the write-ahead log, so that no deleted byte is left in a file.

        secure_delete clears a deleted row, but not the copy of it that stays behind where rows were moved
        when pages of the database were split or joined; VACUUM leaves nothing but live rows. It takes about
        a second per 100 MB.

        Raises:
            StoreError: another process held a read open for a minute; the rows are deleted, but the log
                still holds their bytes until the next call.
        """
        self._check_usable()
        with self._write_lock, _translated(self._path), self._engine.connect() as connection:
            cursor = connection.connection.cursor()
            cursor.execute("PRAGMA temp_store=FILE")  # a whole database does not belong into memory
            try:
                cursor.execute("VACUUM")
            finally:
                cursor.execute("PRAGMA temp_store=MEMORY")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            busy, *_ = cursor.fetchone() or (1,)
            cursor.close()
        if busy:
            raise StoreError(
                "The memories are deleted, but another process keeps the write-ahead log in use, so their "
                "bytes are still in it. Close the other process's long read and call forget() again."
            )

    def damage(self) -> list[str]:
        """Return what is wrong with the file or its references, one sentence each."""
        try:
            with self.read() as tx:
                damaged = tx.exec_driver_sql("PRAGMA quick_check(10)").scalars().all()
                dangling = tx.exec_driver_sql("PRAGMA foreign_key_check").all()
        except StoreCorruptError as error:
            return [str(error)]
        return [
            *(f"The ledger is damaged ({row}): restore it from a backup." for row in damaged if row != "ok"),
            *(f"A row of {row[0]} points at a row of {row[2]} that is not there." for row in dangling),
        ]

    def size(self) -> int:
        """Return the bytes of all files in the folder, those of the vector index included."""
        total = 0
        for file in self._folder.rglob("*"):
            with contextlib.suppress(FileNotFoundError):  # the index writes and removes files meanwhile
                total += file.stat().st_size if file.is_file() else 0
        return total

    def after_fork(self) -> None:
        """Let go of the parent's handles: SQLite's must be neither used nor closed in a child."""
        self._engine.dispose(close=False)
        self._write_lock = threading.Lock()

    def close(self) -> None:
        """Wait for the running write, then close; see ``Engine``."""
        with self._write_lock:
            if not self._closed:
                self._closed = True
                self._engine.dispose()

    def _check_usable(self) -> None:
        if self._closed:
            raise StoreClosedError(_CLOSED)

    def _connect(self, path: Path) -> None:
        self._engine = sa.create_engine(
            sa.URL.create("sqlite", database=str(path)),
            connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False},
            pool_size=8,
            max_overflow=56,
            pool_timeout=_BUSY_SECONDS,
            pool_reset_on_return=None,  # every transaction is ended by us
        )
        sa.event.listen(self._engine, "connect", _set_pragmas)

    @contextmanager
    def _begun(self, begin: str) -> Iterator[sa.Connection]:
        with self._engine.connect() as connection:
            # Not by an event: one listener makes every statement of an engine look for listeners.
            connection.connection.cursor().execute(begin)
            with connection.begin():
                yield connection

    def _create_if_missing(self, migrate: Callable[[sa.Connection], None]) -> None:
        if self._path.exists():
            if not os.access(self._path, os.W_OK):
                raise StoreUnwritableError(_unwritable(self._folder))
            _refuse_foreign(self._path)
            return
        if self._path.with_name(LEDGER_FILE + "-wal").exists():
            raise StoreCorruptError(_corrupt(self._path, "it is missing beside its write-ahead log"))
        if (self._folder / "chroma").exists():
            raise StoreCorruptError(
                f"{self._folder} has a vector index but no {LEDGER_FILE}: the index holds no text. Restore "
                f"{LEDGER_FILE} from a backup, or delete the folder 'chroma' to begin with an empty memory."
            )
        # A ledger appears under its name only when it is whole, so an empty file is always a loss.
        fresh = self._folder / (LEDGER_FILE + ".new")
        fresh.unlink(missing_ok=True)
        os.close(os.open(fresh, os.O_CREAT | os.O_WRONLY, 0o600))
        self._connect(fresh)
        with self.write() as tx:
            migrate(tx)
        self._engine.dispose()
        fresh.rename(self._path)


def _refuse_foreign(path: Path) -> None:
    """Look at a file before it is opened for writing, so that one that is refused stays as it is."""
    if path.stat().st_size == 0:
        raise StoreCorruptError(_corrupt(path, "it is empty"))
    address = f"{path.resolve().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS)) as file:
            tables = {row[0] for row in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            pages = file.execute("PRAGMA page_count").fetchone()[0]
            size = file.execute("PRAGMA page_size").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise StoreCorruptError(_corrupt(path, str(error))) from None
    if tables and not {"meta", "scopes", "messages"} <= tables:
        raise StoreCorruptError(f"{path} is a database of another program: choose another folder.")
    log = path.with_name(LEDGER_FILE + "-wal")
    if path.stat().st_size < pages * size and not (log.exists() and log.stat().st_size):
        raise StoreCorruptError(_corrupt(path, "its end is missing"))


def _set_pragmas(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun by us, not by the driver
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",
        "temp_store=MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Turn the driver's errors into ours; the statement's parameters stay out of the message."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        reason = str(error.orig)
        lowered = reason.lower()
        if any(word in lowered for word in _CORRUPT):
            raise StoreCorruptError(_corrupt(path, reason)) from None
        if any(word in lowered for word in _UNWRITABLE):
            raise StoreUnwritableError(f"{_unwritable(path.parent)} ({reason})") from None
        raise StoreError(
            f"The ledger {path} did not answer: {reason}. Nothing was stored; try again."
        ) from None


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise StoreUnwritableError(f"{folder} is a file, not a folder: choose another path.") from error
    except OSError as error:
        raise StoreUnwritableError(_unwritable(folder)) from error


def _unwritable(folder: Path) -> str:
    return f"{folder} cannot be written: check its permissions and the free space, or choose another path."


def _corrupt(path: Path, reason: str) -> str:
    return (
        f"The ledger {path} cannot be read: {reason}. Nothing was changed. Restore it from a backup, or move "
        "the folder away to begin with an empty memory."
    )
