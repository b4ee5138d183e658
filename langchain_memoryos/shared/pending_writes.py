"""Store messages; what a failing store refuses waits in memory and is written again."""

from __future__ import annotations

import atexit
import logging
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

from memoryos_integrations.checks import MAX_TEXT_BYTES
from memoryos_integrations.errors import MemoryOSError, StoreError
from memoryos_integrations.memory import MemoryOS
from memoryos_integrations.storage import ids
from memoryos_integrations.types import Role
from memoryos_integrations.user_memory import UserMemory

OnError = Literal["log", "raise"] | Callable[[MemoryOSError], None]
"""What to do when the store fails: log the error, raise it, or call a function with it."""

_MAX_CHARACTERS = MAX_TEXT_BYTES // 4  # at most four bytes each
_log = logging.getLogger("langchain_memoryos")


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to store."""

    role: Role
    text: str
    """Without lone surrogates and NUL; see ``checks.storable``."""
    event_id: str = field(default_factory=ids.new_id)
    """Idempotency key: the same event is stored once."""
    name: str | None = None
    metadata: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Write:
    """Messages of one thread to store together."""

    user: UserMemory
    thread_id: str
    messages: tuple[NewMessage, ...]
    at: datetime | None = None
    """Time of the messages: that of the first attempt if it failed, else the store's."""

    def run(self) -> None:
        """Store the messages that are not stored yet."""
        match self.messages:
            case (NewMessage("user") as question, NewMessage("assistant") as answer) if _fits_one_add(
                question, answer
            ):
                # The same call for every answer, an empty one included, so that a retry is recognised.
                self.user.add(
                    question.text,
                    answer.text[:_MAX_CHARACTERS],
                    thread_id=self.thread_id,
                    at=self.at,
                    event_id=question.event_id,
                )
                self._add_parts(answer, start=1)
            case _:
                for message in self.messages:
                    self._add_parts(message)

    def _add_parts(self, message: NewMessage, start: int = 0) -> None:
        """Store a message, in several parts if it is too long for one, from part ``start`` on."""
        for number, part in list(enumerate(_parts(message.text)))[start:]:
            event_id = message.event_id
            self.user.add_message(
                part,
                role=message.role,
                name=message.name,
                thread_id=self.thread_id,
                at=self.at,
                event_id=event_id if number == 0 else ids.id_from("piece", event_id, str(number)),
                metadata=message.metadata,
            )


class PendingWrites:
    """Writes that a store has not accepted yet, oldest first; every adapter on the store retries them."""

    def __init__(self) -> None:
        self._queue: deque[Write] = deque()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._queue)

    def run(self, *writes: Write) -> None:
        """Run the pending writes, then these.

        Raises:
            StoreError: the store failed; what is not stored stays pending.
            InvalidInputError: a write can never succeed and was dropped; those behind it stay pending.
        """
        with self._lock:
            queue = deque((*self._queue, *writes))
            self._queue.clear()
        try:
            while queue:
                queue[0].run()
                queue.popleft()
        except StoreError:
            raise
        except Exception:
            queue.popleft()
            raise
        finally:
            with self._lock:
                now = datetime.now(UTC)
                self._queue.extendleft(replace(write, at=write.at or now) for write in reversed(queue))


_pending: weakref.WeakKeyDictionary[MemoryOS, PendingWrites] = weakref.WeakKeyDictionary()
_pending_lock = threading.Lock()


def pending_writes(memory: MemoryOS) -> PendingWrites:
    """Return the pending writes of a store, shared by all adapters on it."""
    with _pending_lock:
        return _pending.setdefault(memory, PendingWrites())


@atexit.register
def _run_before_exit() -> None:
    """Try pending writes once more before the stores are closed."""
    for pending in list(_pending.values()):
        if len(pending):
            try:
                pending.run()
            except MemoryOSError as error:
                report_error(error, "log", f"{len(pending)} turns are lost: the store still fails.")


def store_messages(
    user: UserMemory, thread_id: str, messages: Iterable[NewMessage], on_error: OnError = "log"
) -> None:
    """Store messages of one thread, after the pending writes.

    A question is stored without an empty answer, and completed when it is stored again with one. When the
    store fails, the messages stay in memory and every adapter on the store retries them.
    """
    batch = tuple(messages)
    if not any(message.text for message in batch):
        return
    pending = pending_writes(user.memory)
    try:
        pending.run(Write(user, thread_id, batch))
    except MemoryOSError as error:
        report_error(error, on_error, f"A turn was not stored; {len(pending)} pending, to be retried.")


def write_pending(user: UserMemory, on_error: OnError = "log") -> None:
    """Retry the pending writes of the user's store, if there are any."""
    pending = pending_writes(user.memory)
    if len(pending):
        try:
            pending.run()
        except MemoryOSError as error:
            report_error(error, on_error, f"The store still fails; {len(pending)} turns are pending.")


def report_error(error: MemoryOSError, on_error: OnError, consequence: str) -> None:
    """Raise or log an error of the store, or pass it to the application's function."""
    if on_error == "raise":
        raise error
    if callable(on_error):
        on_error(error)
    else:
        _log.error("%s %s: %s", consequence, type(error).__name__, error)


def _fits_one_add(question: NewMessage, answer: NewMessage) -> bool:
    """Whether ``UserMemory.add`` can store them as one turn, however long the answer is."""
    plain = all(message.name is None and message.metadata is None for message in (question, answer))
    return plain and len(question.text) <= _MAX_CHARACTERS


def _parts(text: str) -> list[str]:
    return [text[start : start + _MAX_CHARACTERS] for start in range(0, len(text), _MAX_CHARACTERS)]
