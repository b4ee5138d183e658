"""Ownership of a store: one process runs its background jobs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from memoryos_integrations.errors import StoreUnwritableError

if TYPE_CHECKING:
    from pathlib import Path


class Ownership:
    """File lock of a store. Its holder runs the jobs and opens the Chroma directory.

    The operating system releases it when the process ends.
    """

    def __init__(self, folder: Path) -> None:
        self._lock = FileLock(folder / "owner.lock", mode=0o600, thread_local=False)
        self._pid = os.getpid()

    @property
    def held(self) -> bool:
        """Whether this process is the owner."""
        return self._lock.is_locked and self._pid == os.getpid()

    def take(self) -> bool:
        """Try to become the owner; returns whether this process owns the store.

        Raises:
            StoreUnwritableError: the lock file cannot be opened; try again later.
        """
        if self.held:
            return True
        if self._pid != os.getpid():
            return False  # after a fork the lock belongs to the parent
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            return False
        except OSError as error:
            raise StoreUnwritableError(
                f"The lock {self._lock.lock_file} of the store cannot be taken ({error.strerror}), so its "
                "background work waits. Turns are stored all the same."
            ) from error
        return True

    def release(self) -> None:
        """Give up ownership."""
        if self.held:
            self._lock.release()
