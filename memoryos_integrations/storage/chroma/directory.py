"""The life of the vector index's own directory: whether it ended cleanly, and what to do if not.

Nothing here opens Chroma: a broken index can kill the process that opens it (5 of 15 kills aimed at
a save left one that did), so a doubtful directory is renamed unopened and built anew.
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
    """Tell whether no index was ever made at ``path``: nothing is there, or an empty directory."""
    return not path.exists() or (path.is_dir() and next(path.iterdir(), None) is None)


def set_aside_if_unclean(path: Path) -> Path | None:
    """Rename the directory, unopened, if it may be broken; its owner then fills a new one.

    It may be broken when the process that had it open did not close it, when Chroma failed while it
    was open, and when a file has changed since it was closed. To be called by the one process that
    owns the directory, before the index is used.

    Returns:
        Where the old directory is now, to be given to ``discard``; ``None`` if all is well or
        there is no directory.

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
    """Return the directories that were set aside for ``path`` and not yet discarded, oldest first."""
    found = [other for other in path.parent.glob("*" + _BROKEN + "*") if _number(path, other) is not None]
    return sorted(found, key=lambda other: _number(path, other) or 0)


def discard(broken: Path) -> None:
    """Delete a directory that ``set_aside_if_unclean`` returned; one that is gone already is fine.

    Its files are unlinked, never read: a broken index may hold a sparse file of terabytes.

    Raises:
        InvalidInputError: the path is not one of a directory that was set aside.
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
    """A Chroma client on a directory that nobody else has open, opened at its first use.

    A marker file beside the directory is there from before the first use until a clean end.

    Args:
        path: The directory; made if it is not there, readable by this user only.
        open_client: Opens Chroma on a directory.
    """

    def __init__(self, path: Path, open_client: Callable[[Path], Client]) -> None:
        self._path = path.absolute()
        self._open_client = open_client
        self._client: Client | None = None
        self._marked = False
        self._failed = False
        self._scrubbed: set[Path] = set()
        self._abandoned: Callable[[], object] | None = None

    def client(self) -> Client:
        """Return the client, opening it if need be.

        Raises:
            IndexUnavailableError: the directory is open elsewhere or was not closed.
            StoreUnwritableError: the directory cannot be made.
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
            # An index that is dropped without close() must not leave its client to the next one.
            finalizer = weakref.finalize(self, _close_in, os.getpid(), client)
            finalizer.atexit = False
            self._abandoned = finalizer.detach
        return self._client

    def failed(self) -> None:
        """Note that Chroma failed: the contents are in doubt and the marker stays."""
        self._failed = True

    def scrub(self) -> None:
        """Overwrite what Chroma wrote of this process's memory when it made a folder, see ``_scrub``."""
        for folder in _folders(self._path):
            if folder not in self._scrubbed:
                _scrub(folder)
                self._scrubbed.add(folder)

    def tidy(self) -> None:
        """Remove from the disk what deleted collections left there; the client is opened again."""
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
            if self._abandoned is not None:
                self._abandoned()
            client.close()


def _close_in(process: int, client: _Closes) -> None:
    if os.getpid() == process:  # Chroma does not survive a fork, not even to be closed
        client.close()


def _mark_open(path: Path) -> None:
    """Make the directory, for this user's eyes only, and the marker beside it.

    Raises:
        IndexUnavailableError: the marker is there: the index is open, or it ended uncleanly.
        StoreUnwritableError: the directory cannot be made.
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
        raise StoreUnwritableError(f"the vector index at {path} cannot be made: {error}") from error


def _mark_closed(path: Path) -> None:
    """Remove the marker, after everything that the index wrote has reached the disk.

    Chroma does not sync its vector files, and by then it has dropped them from its synced log: without
    this, a power cut soon after a clean end would leave vectors missing and nothing to tell.
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
    """Remove what deleted collections left behind, which Chroma never does: folders and free pages.

    Chroma must not be open on the directory in this process: a second SQLite handle would drop its locks.
    """
    with closing(sqlite3.connect(path / DATABASE)) as connection:
        used = {row[0] for row in connection.execute("SELECT id FROM segments")}
        connection.execute("VACUUM")
    for folder in _folders(path):
        if folder.name not in used:
            shutil.rmtree(folder)


def _scrub(folder: Path) -> None:
    """Zero the slots of a saved index that hold no vector yet.

    Chroma makes a collection's first files out of memory that it never cleared, so they hold whatever
    the process freed before: with 24 busy threads, texts of theirs stood in 9 of 10 such files.
    """
    header = folder / "header.bin"
    raw = header.read_bytes()[: _HEADER.size] if header.exists() else b""
    if len(raw) < _HEADER.size:
        return  # nothing is saved yet
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
    """Return the folders of vectors; each is named by a UUID."""
    return [entry for entry in path.iterdir() if _is_uuid(entry.name) and entry.is_dir()]


def _is_uuid(name: str) -> bool:
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False


def _sync_directory(path: Path) -> None:
    if os.name == "nt" or not path.is_dir():
        return  # Windows has no handle of a directory to sync
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
