"""The lock of a store: one process does its background work."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

if TYPE_CHECKING:
    from pathlib import Path


class Ownership:
    """The lock of a store: whoever holds it runs its jobs and opens its Chroma directory.

    The operating system frees it when its holder ends or dies.
    """

    def __init__(self, folder: Path) -> None:
        self._lock = FileLock(folder / "owner.lock", mode=0o600, thread_local=False)
        self._pid = os.getpid()

    @property
    def held(self) -> bool:
        """Whether this process is the owner."""
        return self._lock.is_locked and self._pid == os.getpid()

    def take(self) -> bool:
        """Become the owner if nobody is; returns whether this process is the owner now."""
        if self.held:
            return True
        if self._pid != os.getpid():
            return False  # after a fork the lock is the parent's: releasing or taking it here would break it
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            return False
        return True

    def release(self) -> None:
        """Let another process become the owner."""
        if self.held:
            self._lock.release()
