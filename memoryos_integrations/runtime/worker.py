"""The background thread that runs a store's due jobs, in the process that holds the store's lock.

While turns come in, it pauses after each batch for four times as long as the batch took, so ``add`` waits
neither for a model nor for this thread.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from memoryos_integrations.errors import MemoryOSError, StoreClosedError, StoreError, StoreUnwritableError
from memoryos_integrations.events import JobParked
from memoryos_integrations.storage import outbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from memoryos_integrations.events import Event
    from memoryos_integrations.storage.ledger import Ledger
    from memoryos_integrations.storage.outbox import Job, JobKind
    from memoryos_integrations.storage.ownership import Ownership

    Handler = Callable[[Sequence[Job]], None]

_LIMITS: Mapping[JobKind, int] = {
    "embed": 32,
    "consolidate": 1,
    "refresh": 8,
    "promote": 1,
    "rebuild": 1,
    "index": 500,
    "rewrite": 4,
    "refine": 1,
    "learn": 1,
}
WORKER_NAME = "memoryos-worker"
"""Name of the background threads."""

_QUIET_SECONDS = 0.05
_REST_FACTOR = 4
_LOCK_POLL_SECONDS = 1.0
_IDLE_POLL_SECONDS = 30.0
_JOIN_SECONDS = 2.0
_log = logging.getLogger(__name__)


class Worker:
    """Runs jobs: in the background once started, or in the caller's thread by ``run_due``.

    Args:
        ledger: holds the jobs.
        ownership: the store's lock.
        handlers: by kind of job; a handler removes its jobs in the transaction that writes their result.
        now: microseconds since 1970, by the store's clock.
        emit: receives ``JobParked``.
        on_acquired: called once whenever this process becomes the owner.
        parent: the worker that owns the store, if this one does not.
    """

    def __init__(
        self,
        ledger: Ledger,
        ownership: Ownership,
        handlers: Mapping[JobKind, Handler],
        *,
        now: Callable[[], int],
        emit: Callable[[Event], None],
        on_acquired: Callable[[], None] = lambda: None,
        parent: Worker | None = None,
    ) -> None:
        self._ledger, self._ownership, self._handlers = ledger, ownership, handlers
        self._now, self._emit, self._on_acquired, self._parent = now, emit, on_acquired, parent
        self._last_add = 0.0
        self.after_fork()

    def after_fork(self) -> None:
        """Reset after fork: threads and locks belong to the parent process."""
        self._name = f"{os.getpid()}-{id(self):x}"
        self._run_lock = threading.RLock()  # on_event may call flush()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._start_lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._acquired = False

    def notify(self) -> None:
        """Signal a new turn: starts the thread, or wakes it once turns pause."""
        self._last_add = time.monotonic()
        if not self.running:
            self.start()
        if not self._wake.is_set():
            self._wake.set()

    def wake(self) -> None:
        """Signal new work: starts the thread, or wakes it at once."""
        self.start()
        self._wake.set()

    @property
    def running(self) -> bool:
        """Whether the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Start the thread unless it runs."""
        with self._start_lock:
            if self.running or self._stop.is_set():
                return
            thread = threading.Thread(target=self._loop, name=WORKER_NAME, daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the system has no thread left; what waits is in the ledger
                _log.warning(
                    "No thread for the background work of the memory store; the next turn tries again."
                )
            else:
                self._thread = thread

    def stopping(self) -> bool:
        """Whether the store is closing; long handlers stop at their next batch."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Stop the thread and wait briefly for it; unfinished jobs stay in the ledger."""
        self._stop.set()
        self._wake.set()
        with self._start_lock:
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(_JOIN_SECONDS)

    def run_due(self, *, failed: bool = True) -> tuple[dict[str, int], bool]:
        """Run every job once, including failed ones unless ``failed`` is false.

        Returns:
            The number of jobs done by kind, and whether this process owns the store; if it does not,
            nothing was run.
        """
        ran: dict[str, int] = {}
        with self._run_lock:
            if not self._own():
                return ran, False
            with self._ledger.write() as tx:
                outbox.make_due(tx, list(self._handlers), failed=failed)
            while (batch := self._run_batch()) is not None:
                kind, count = batch
                if count:
                    ran[kind] = ran.get(kind, 0) + count
        return ran, True

    def take_charge(self) -> bool:
        """Become the store's owner if nobody is; returns whether this process is the owner now."""
        with self._run_lock:
            return self._own()

    def try_to_take_charge(self) -> None:
        """Like ``take_charge``, but does nothing while jobs are running."""
        if self._run_lock.acquire(blocking=False):
            try:
                with suppress(StoreUnwritableError):  # the thread logs it; whoever asks here can do without
                    self._own()
            finally:
                self._run_lock.release()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the store's background work for the caller.

        Raises:
            StoreError: another process owns the store.
        """
        with self._run_lock:
            if not self._own():
                raise StoreError("Another process owns this store: call this there, or close that one first.")
            yield

    def _loop(self) -> None:
        while not self._stop.is_set():
            try:
                self._wait(self._run_once())
            except StoreClosedError:
                return
            except (MemoryOSError, OSError) as error:
                _log.warning("Background work of the memory store failed: %s", type(error).__name__)
                self._wait(_LOCK_POLL_SECONDS)

    def _run_once(self) -> float:
        """Run one batch if there is one; returns the seconds until the next poll."""
        self._wake.clear()
        self._wait_for_quiet()
        started = time.monotonic()
        with self._run_lock:
            if not self._own():
                return _LOCK_POLL_SECONDS
            batch = None if self._stop.is_set() else self._run_batch()
        if batch is not None:
            busy = time.monotonic() - started
            return busy * _REST_FACTOR if self._turns_coming_in() else 0.0
        with self._ledger.read() as tx:
            due = outbox.next_due(tx, list(self._handlers))
        return (
            _IDLE_POLL_SECONDS
            if due is None
            else min(max((due - self._now()) / 1e6, 0.01), _IDLE_POLL_SECONDS)
        )

    def _own(self) -> bool:
        if self._stop.is_set():
            return False
        if self._parent is not None:
            return self._parent.take_charge()
        if not self._ownership.take():
            return False
        if not self._acquired:
            with self._ledger.write() as tx:
                outbox.release_all(tx)
            self._on_acquired()
            self._acquired = True
        return True

    def _run_batch(self) -> tuple[JobKind, int] | None:
        """Run the most urgent batch; returns its kind and size, ``None`` if nothing is due."""
        now = self._now()
        with self._ledger.read() as tx:
            due = outbox.most_urgent(tx, now, list(self._handlers))
        if due is None:
            return None
        with self._ledger.write() as tx:
            jobs = outbox.claim(tx, kind=due, owner=self._name, now=now, limit=_LIMITS[due])
        if not jobs:
            return None
        try:
            self._handlers[due](jobs)
        except StoreClosedError:
            raise
        except Exception as error:  # noqa: BLE001 - the only place that turns a failure into a parked job
            if not threading.main_thread().is_alive():
                return None  # the interpreter is exiting: the job runs at the next start
            _log.warning("The job %r failed with %s and is tried again later.", due, type(error).__name__)
            with self._ledger.write() as tx:
                outbox.retry_later(tx, jobs, error=error, now=now)
            self._emit(JobParked(jobs[0].scope_id, due, jobs[0].attempts + 1, type(error).__name__))
            return due, 0
        return due, len(jobs)

    def _turns_coming_in(self) -> bool:
        return time.monotonic() - self._last_add < _QUIET_SECONDS

    def _wait_for_quiet(self) -> None:
        """Wait until no turn came in for 50 ms, at most one second."""
        until = time.monotonic() + 1.0
        while self._turns_coming_in() and time.monotonic() < until and not self._stop.is_set():
            self._stop.wait(_QUIET_SECONDS)

    def _wait(self, seconds: float) -> None:
        if seconds <= 0:
            return
        if self._turns_coming_in():
            self._stop.wait(seconds)  # new turns do not shorten the pause
        else:
            self._wake.wait(seconds)
