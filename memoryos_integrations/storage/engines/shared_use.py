"""Who has a store's files open: every process holds a shared lock, and the last one to close holds it alone.

SQLite deletes the write-ahead log when the last connection closes, and learns by POSIX locks which one that
is. A process loses its POSIX locks on a file when *any* of its handles of that file is closed, so a program
that reads the files of its own open store would have its log deleted by the next process that closes it.
A lock by flock(2) on a file of its own is not lost that way (man 2 fcntl, man 2 flock).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if os.name == "posix":
    import fcntl

if TYPE_CHECKING:
    from pathlib import Path


class SharedUse:
    """The shared lock of one open store. On a system without flock(2) it does nothing.

    Args:
        folder: the folder of the store; the lock is its file ``use.lock``.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "use.lock"
        self._handle: int | None = None

    def begin(self) -> None:
        """Take the shared lock; waits while another process closes the store as its last user."""
        if os.name == "posix":
            self._handle = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._handle, fcntl.LOCK_SH)

    def alone(self) -> bool:
        """Whether nobody else has the store open; if so, nobody opens it before ``end``."""
        if self._handle is None:
            return True
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def end(self) -> None:
        """Release the lock, also where a process forked since then has a copy of the handle."""
        if self._handle is not None and os.name == "posix":
            fcntl.flock(self._handle, fcntl.LOCK_UN)
            self._close()

    def after_fork(self) -> None:
        """Take a lock of the child's own; the inherited handle shares the parent's."""
        if self._handle is not None:
            self._close()
            self.begin()

    def _close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
