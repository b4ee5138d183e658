"""The directory of the vector index: detects unclean shutdowns and sets broken directories aside.

Nothing here opens Chroma: a broken index can crash the process that opens it (as after 5 of 15 kills during a
save), so a suspect directory is renamed unopened and rebuilt.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import struct
import weakref
from contextlib import closing
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar
from uuid import UUID

from memoryos_integrations.errors import IndexUnavailableError, InvalidInputError, StoreUnwritableError
from memoryos_integrations.storage.chroma.seal import is_sealed, seal, unseal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DATABASE = "chroma.sqlite3"
_BROKEN = ".broken-"
_HEADER = struct.Struct("<i4Q")  # of header.bin: version, offset, slots, slots in use, bytes per slot


def is_missing(path: Path) -> bool:
    """Return whether ``path`` does not exist or is an empty directory."""
    return not path.exists() or (path.is_dir() and next(path.iterdir(), None) is None)


def set_aside_if_unclean(path: Path) -> Path | None:
    """Rename the directory, unopened, if it may be broken, so that its owner fills a new one.

    It may be broken if it was not closed, if Chroma failed while it was open, or if a file has changed since.
    Only the owner of the directory calls this, before using the index.

    Returns:
        The new path of the old directory, for ``discard``; ``None`` if it is clean or missing.

    Raises:
        StoreUnwritableError: the directory cannot be renamed.
    """
    marker = _marker(path)
    target = None
    try:
        if not is_missing(path) and (marker.exists() or not is_sealed(path)):
            target = _unused_name(path)
            path.rename(target)
        marker.unlink(missing_ok=True)
        if target is not None:
            unseal(path)
        _sync_directory(path.parent)
    except OSError as error:
        raise StoreUnwritableError(
            f"the vector index at {path} was not closed and cannot be set aside ({error}); "
            "make its folder writable, or delete the index: it is rebuilt from the ledger"
        ) from error
    return target


def set_aside_directories(path: Path) -> list[Path]:
    """Return the directories set aside for ``path`` and not yet discarded, oldest first."""
    found = [other for other in path.parent.glob("*" + _BROKEN + "*") if _number(path, other) is not None]
    return sorted(found, key=lambda other: _number(path, other) or 0)


def discard(broken: Path) -> None:
    """Delete a directory returned by ``set_aside_if_unclean``, if it still exists.

    Files are unlinked, never read: a broken index may contain a sparse file of terabytes.

    Raises:
        InvalidInputError: the path is not a directory that was set aside.
        StoreUnwritableError: a file cannot be deleted.
    """
    if _BROKEN not in broken.name:
        raise InvalidInputError(f"broken must be a directory that was set aside, not {broken}")
    try:
        if broken.is_dir() and not broken.is_symlink():
            shutil.rmtree(broken)
        else:
            broken.unlink(missing_ok=True)
    except OSError as error:
        raise StoreUnwritableError(f"the broken index {broken} cannot be deleted: {error}") from error


class _Closes(Protocol):
    def close(self) -> None: ...


Client = TypeVar("Client", bound=_Closes)


class OwnDirectory(Generic[Client]):
    """A Chroma client with exclusive use of a directory, opened at first use.

    A marker file next to the directory exists from before the first use until a clean close.

    Args:
        path: The directory; created if missing, readable by this user only.
        open_client: Opens Chroma on a directory.
    """

    def __init__(self, path: Path, open_client: Callable[[Path], Client]) -> None:
        self._path = path.absolute()
        self._open_client = open_client
        self._client: Client | None = None
        self._marked = False
        self._failed = False
        self._scrubbed: set[Path] = set()
        self._detach_finalizer: Callable[[], object] | None = None

    def client(self) -> Client:
        """Return the client, opening it if needed.

        Raises:
            IndexUnavailableError: the directory is open elsewhere or was not closed.
            StoreUnwritableError: the directory cannot be created.
        """
        if self._client is None:
            if not self._marked:
                _mark_open(self._path)
                self._marked = True
            client = self._open_client(self._path)
            if not (self._path / DATABASE).exists():
                client.close()
                raise IndexUnavailableError(
                    f"another Chroma client of this process still has an older index at {self._path} open; "
                    "close that client"
                )
            self._client = client
            # A client that was not closed must not be reused by the next index.
            finalizer = weakref.finalize(self, _close_in, os.getpid(), client)
            finalizer.atexit = False
            self._detach_finalizer = finalizer.detach
        return self._client

    def failed(self) -> None:
        """Record that Chroma failed: the contents may be broken, so the marker stays."""
        self._failed = True

    def scrub(self) -> None:
        """Overwrite process memory that Chroma wrote into new folders, see ``_scrub``."""
        for folder in _folders(self._path):
            if folder not in self._scrubbed:
                _scrub(folder)
                self._scrubbed.add(folder)

    def tidy(self) -> None:
        """Remove the files of deleted collections; closes the client, which reopens at its next use."""
        self._close_client()
        _sweep(self._path)

    def close(self) -> None:
        """Close the client, and remove the marker unless Chroma failed while it was open."""
        self._close_client()
        if self._marked:
            self.scrub()
        if self._marked and not self._failed:
            _mark_closed(self._path)

    def _close_client(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            if self._detach_finalizer is not None:
                self._detach_finalizer()
            client.close()


def _close_in(process: int, client: _Closes) -> None:
    if os.getpid() == process:  # a client cannot even be closed after a fork
        client.close()


def _mark_open(path: Path) -> None:
    """Create the directory, private to this user, and the marker next to it.

    Raises:
        IndexUnavailableError: the marker exists: the index is open or was not closed.
        StoreUnwritableError: the directory cannot be created.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.chmod(0o700)
        os.close(os.open(_marker(path), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        unseal(path)
        _sync_directory(path.parent)
    except FileExistsError as error:
        raise IndexUnavailableError(
            f"the vector index at {path} is open elsewhere or was not closed; "
            "its owner calls set_aside_if_unclean() and rebuilds it"
        ) from error
    except OSError as error:
        raise StoreUnwritableError(f"the vector index at {path} cannot be created: {error}") from error


def _mark_closed(path: Path) -> None:
    """Sync all files of the index to disk, then remove the marker.

    Chroma does not sync its vector files and has already dropped them from its log: without this, a power cut
    soon after a clean close would silently lose vectors.
    """
    for folder, _, names in os.walk(path):
        for name in names:
            file = os.open(os.path.join(folder, name), os.O_RDWR)  # noqa: PTH118 - os.walk gives text
            try:
                os.fsync(file)
            finally:
                os.close(file)
    seal(path)
    _marker(path).unlink(missing_ok=True)
    _sync_directory(path.parent)


def _sweep(path: Path) -> None:
    """Remove folders and free pages of deleted collections, which Chroma never does.

    Chroma must be closed in this process: a second SQLite handle would drop its locks.
    """
    with closing(sqlite3.connect(path / DATABASE)) as connection:
        used = {row[0] for row in connection.execute("SELECT id FROM segments")}
        connection.execute("VACUUM")
    for folder in _folders(path):
        if folder.name not in used:
            shutil.rmtree(folder)


def _scrub(folder: Path) -> None:
    """Zero the unused slots of a saved index.

    Chroma writes a collection's first files from uncleared memory, so they may contain anything the process
    freed before: with 24 busy threads, 9 of 10 such files contained their texts.
    """
    header = folder / "header.bin"
    raw = header.read_bytes()[: _HEADER.size] if header.exists() else b""
    if len(raw) < _HEADER.size:
        return  # not saved yet
    _, _, _, used, width = _HEADER.unpack(raw)
    for name, start in (("data_level0.bin", used * width), ("length.bin", used * 4)):
        with (folder / name).open("r+b") as file:
            rest = file.seek(0, os.SEEK_END) - start
            if rest > 0:
                file.seek(start)
                file.write(bytes(rest))


def _marker(path: Path) -> Path:
    return path.with_name(path.name + ".open")


def _unused_name(path: Path) -> Path:
    last = max((_number(path, other) or 0 for other in set_aside_directories(path)), default=0)
    return path.with_name(f"{path.name}{_BROKEN}{last + 1}")


def _number(path: Path, other: Path) -> int | None:
    stem, _, number = other.name.rpartition(_BROKEN)
    return int(number) if stem == path.name and number.isdecimal() else None


def _folders(path: Path) -> list[Path]:
    """Return the folders of vectors, which are named by UUIDs."""
    return [entry for entry in path.iterdir() if _is_uuid(entry.name) and entry.is_dir()]


def _is_uuid(name: str) -> bool:
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False


def _sync_directory(path: Path) -> None:
    if os.name == "nt" or not path.is_dir():
        return  # Windows cannot sync a directory
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
