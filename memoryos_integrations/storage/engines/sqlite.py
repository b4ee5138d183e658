"""The ledger in one SQLite file. WAL mode and synchronous=FULL: a commit returns when it is on disk."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import threading
from contextlib import closing, contextmanager
from pathlib import Path
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
from memoryos_integrations.storage.engines import open_connections
from memoryos_integrations.storage.engines.shared_use import SharedUse
from memoryos_integrations.storage.engines.sqlite_errors import corrupt, translated, unwritable
from memoryos_integrations.storage.location import LEDGER_FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_BUSY_SECONDS = 60
_CLOSED = "This MemoryOS is closed. Open the folder again with MemoryOS(path)."
_NOT_SCRUBBED = (
    "The memories are deleted, but the files still hold some of their bytes: call forget() again to remove "
    "them."
)
_TEMPORARY_FOLDER = threading.Lock()  # a setting of the process, not of a connection
_logger = logging.getLogger(__name__)

for _table in schema.NEVER_REUSED:  # else a deleted highest number is reused
    _table.dialect_options["sqlite"]["autoincrement"] = True


@compiles(schema.Number, "sqlite")
def _as_rowid(_type: schema.Number, _compiler: Any, **_options: Any) -> str:
    return "INTEGER"  # 64 bits; only this type name makes a primary key the rowid


class SQLite:
    """An ``Engine`` on a file, shared by processes of one machine.

    Args:
        folder: created with mode 0700 if missing; the file in it gets 0600.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._path, self._log_path = (
            folder,
            folder / LEDGER_FILE,
            folder / (LEDGER_FILE + "-wal"),
        )
        self._write_lock, self._reconnecting = threading.Lock(), threading.Lock()
        self._use = SharedUse(folder)
        self._log: tuple[int, int] | None = None
        self._closed = False

    def open(self, migrate: Callable[[sa.Connection], None]) -> None:
        """Open the file, creating it under a temporary name first; see ``Engine``."""
        _make_folder(self._folder)
        try:
            with FileLock(self._folder / "open.lock", mode=0o600):
                self._create_if_missing(migrate)
                self._use.begin()
                self._connect(self._path)
                with self.write() as tx:
                    migrate(tx)
                self._log = _identity(self._log_path)
        except OSError as error:
            raise StoreUnwritableError(f"{unwritable(self._folder)} ({error.strerror})") from error
        finally:
            if self._log is None:  # not opened
                self._use.end()

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """Run one durable transaction, exclusive of other writers; see ``Engine``."""
        self._check_usable()
        with self._write_lock, translated(self._path):
            self._check_usable()
            self._follow_log()
            with self._transaction("BEGIN IMMEDIATE") as tx:
                yield tx

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Read one consistent snapshot; see ``Engine``."""
        self._check_usable()
        with translated(self._path):
            self._follow_log()
            with self._transaction("BEGIN") as tx:
                yield tx

    def lock_scopes(self, tx: sa.Connection, numbers: Sequence[int]) -> None:
        """Do nothing: BEGIN IMMEDIATE already excludes other writers."""

    def scrub(self) -> None:
        """Rewrite the database and truncate the write-ahead log, so that no deleted bytes remain.

        secure_delete clears deleted rows, but not the copies left behind when pages are split or joined;
        VACUUM keeps live rows only. It takes about a second per 100 MB and as much room in the folder as the
        file has.

        Raises:
            StoreError: the rows are deleted, but not their bytes: another process kept a read open for a
                minute, or there is no room.
        """
        self._check_usable()
        self._follow_log()
        with (
            self._write_lock,
            translated(self._path, _NOT_SCRUBBED),
            self._engine.connect() as connection,
        ):
            cursor = connection.connection.cursor()
            _vacuum(cursor, self._folder)
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            busy, *_ = cursor.fetchone() or (1,)
            cursor.close()
        if busy:
            raise StoreError(f"Another process is reading the write-ahead log. {_NOT_SCRUBBED}")

    def damage(self) -> list[str]:
        """Return the problems of the file and its references, one sentence each."""
        try:
            with self.read() as tx:
                damaged = tx.exec_driver_sql("PRAGMA quick_check(10)").scalars().all()
                dangling = tx.exec_driver_sql("PRAGMA foreign_key_check").all()
        except StoreCorruptError as error:
            return [str(error)]
        return [
            *(f"The ledger is damaged ({row}): restore it from a backup." for row in damaged if row != "ok"),
            *(f"A row of {row[0]} references a missing row of {row[2]}." for row in dangling),
        ]

    def size(self) -> int:
        """Return the size in bytes of all files in the folder, the vector index included."""
        total = 0
        for folder, _, names in os.walk(self._folder):  # passes over folders that the index removes meanwhile
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    total += Path(folder, name).stat().st_size
        return total

    def after_fork(self) -> None:
        """Drop the parent's handles: SQLite's must be neither used nor closed in a child."""
        self._engine.dispose(close=False)
        self._write_lock, self._reconnecting = threading.Lock(), threading.Lock()
        self._use.after_fork()

    def close(self) -> None:
        """Wait for the running write, then close; see ``Engine``."""
        with self._write_lock:
            if not self._closed:
                self._closed = True
                if self._use.alone():
                    open_connections.close(self._path)
                else:
                    open_connections.keep(self._path, self._engine)
                self._engine.dispose()
                self._use.end()

    def _check_usable(self) -> None:
        if self._closed:
            raise StoreClosedError(_CLOSED)

    def _follow_log(self) -> None:
        """Connect anew if the log that the connections write to is no longer the one of the file."""
        if self._log is None or _identity(self._log_path) == self._log:
            return
        with self._reconnecting:
            if _identity(self._log_path) != self._log:
                _logger.warning("The write-ahead log was replaced while the store was open: connecting anew.")
                self._engine.dispose()
                with self._transaction("BEGIN IMMEDIATE"):
                    self._log = _identity(self._log_path)

    def _connect(self, path: Path) -> None:
        self._engine = sa.create_engine(
            sa.URL.create("sqlite", database=str(path)),
            connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False},
            pool_size=8,
            max_overflow=56,
            pool_timeout=_BUSY_SECONDS,
            pool_reset_on_return=None,  # we end every transaction
        )
        sa.event.listen(self._engine, "connect", _set_pragmas)

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sa.Connection]:
        with self._engine.connect() as connection:
            # Not in an event: a single listener slows down every statement of the engine.
            connection.connection.cursor().execute(begin)
            with connection.begin():
                yield connection

    def _create_if_missing(self, migrate: Callable[[sa.Connection], None]) -> None:
        if self._path.exists():
            if not os.access(self._path, os.W_OK):
                raise StoreUnwritableError(unwritable(self._folder))
            _refuse_foreign(self._path)
            return
        if self._log_path.exists():
            raise StoreCorruptError(corrupt(self._path, "its write-ahead log is there, the file is not"))
        if (self._folder / "chroma").exists():
            raise StoreCorruptError(
                f"{self._folder} has a vector index but no {LEDGER_FILE}: the index holds no text. Restore "
                f"{LEDGER_FILE} from a backup, or delete the folder 'chroma' to start with an empty memory."
            )
        # The final name appears only once the ledger is complete, so an empty file means data loss.
        fresh = self._folder / (LEDGER_FILE + ".new")
        fresh.unlink(missing_ok=True)
        os.close(os.open(fresh, os.O_CREAT | os.O_WRONLY, 0o600))
        self._connect(fresh)
        with self.write() as tx:
            migrate(tx)
        self._engine.dispose()
        fresh.rename(self._path)


def _refuse_foreign(path: Path) -> None:
    """Check a file before opening it for writing, so that a rejected one stays unchanged."""
    if path.stat().st_size == 0:
        raise StoreCorruptError(corrupt(path, "it is empty"))
    address = f"{path.resolve().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS)) as file:
            tables = {row[0] for row in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            pages = file.execute("PRAGMA page_count").fetchone()[0]
            size = file.execute("PRAGMA page_size").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise StoreCorruptError(corrupt(path, str(error))) from None
    if tables and not {"meta", "scopes", "messages"} <= tables:
        raise StoreCorruptError(f"{path} is a database of another program: choose another folder.")
    log = path.with_name(LEDGER_FILE + "-wal")
    if path.stat().st_size < pages * size and not (log.exists() and log.stat().st_size):
        raise StoreCorruptError(corrupt(path, "its end is missing"))


def _set_pragmas(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we begin transactions, not the driver
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


def _vacuum(cursor: Any, folder: Path) -> None:
    """Rewrite the file; SQLite's copy of it is a deleted file in the folder, never elsewhere."""
    with _TEMPORARY_FOLDER:
        cursor.execute(f"PRAGMA temp_store_directory = '{str(folder).replace(chr(39), chr(39) * 2)}'")
        if cursor.execute("PRAGMA temp_store_directory").fetchone() == (str(folder),):
            cursor.execute("PRAGMA temp_store=FILE")  # do not copy the database into memory
        try:
            cursor.execute("VACUUM")
        finally:
            cursor.execute("PRAGMA temp_store=MEMORY")
            cursor.execute("PRAGMA temp_store_directory = ''")


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise StoreUnwritableError(f"{folder} is a file, not a folder: choose another path.") from error
    except OSError as error:
        raise StoreUnwritableError(unwritable(folder)) from error
