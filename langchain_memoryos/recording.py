"""Turns on their way into the store: none is lost when the store fails, and no failure is silent."""

from __future__ import annotations

import atexit
import logging
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from memoryos_integrations.checks import MAX_TEXT_BYTES
from memoryos_integrations.errors import MemoryOSError, StoreError
from memoryos_integrations.storage import ids

if TYPE_CHECKING:
    from memoryos_integrations.memory import MemoryOS
    from memoryos_integrations.types import Role
    from memoryos_integrations.user_memory import UserMemory

OnError = Literal["log", "raise"] | Callable[[MemoryOSError], None]
"""What to do when the store fails: write to the log, raise, or call a function with the error."""

_SURELY_STORED = MAX_TEXT_BYTES // 4  # characters; one has four bytes at most
_log = logging.getLogger("langchain_memoryos")


@dataclass(frozen=True, slots=True)
class Said:
    """One message on its way into the store."""

    role: Role
    text: str
    """Clean; see ``messages.clean``."""
    event_id: str = field(default_factory=ids.new_id)
    """By which a second try is known as such."""
    name: str | None = None
    metadata: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """Messages of one conversation that belong together."""

    user: UserMemory
    thread_id: str
    said: tuple[Said, ...]
    at: datetime | None = None
    """When it was said; the store's time by default, and that of the first try when there are several."""

    def write(self) -> None:
        """Store what is not stored yet."""
        match self.said:
            case (Said(role="user") as question, Said(role="assistant") as answer) if _are_a_turn(
                question, answer
            ):
                # Whatever the answer is, one that is still to come included, the question is stored alike.
                self.user.add(
                    question.text,
                    answer.text[:_SURELY_STORED],
                    thread_id=self.thread_id,
                    at=self.at,
                    event_id=question.event_id,
                )
                self._write_alone(answer, after=1)
            case _:
                for said in self.said:
                    self._write_alone(said)

    def _write_alone(self, said: Said, after: int = 0) -> None:
        """Store a message, after so many of its pieces."""
        for number, piece in list(enumerate(_pieces(said.text)))[after:]:
            self.user.add_message(
                piece,
                role=said.role,
                name=said.name,
                thread_id=self.thread_id,
                at=self.at,
                event_id=said.event_id if number == 0 else ids.id_from("piece", said.event_id, str(number)),
                metadata=said.metadata,
            )


class Backlog:
    """The turns that a store did not take yet, oldest first. Every adapter on the store tries them again."""

    def __init__(self) -> None:
        self._waiting: deque[Turn] = deque()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._waiting)

    def write(self, *turns: Turn) -> None:
        """Store what waits, then these turns.

        Raises:
            StoreError: the store failed; everything that is not stored waits for the next call.
            InvalidInputError: a turn can never be stored; what stood behind it waits for the next call.
        """
        with self._lock:
            left = deque((*self._waiting, *turns))
            self._waiting.clear()
        try:
            while left:
                left[0].write()
                left.popleft()
        except StoreError:
            raise
        except Exception:
            left.popleft()
            raise
        finally:
            with self._lock:
                now = datetime.now(UTC)
                self._waiting.extendleft(replace(turn, at=turn.at or now) for turn in reversed(left))


_backlogs: weakref.WeakKeyDictionary[MemoryOS, Backlog] = weakref.WeakKeyDictionary()
_backlogs_lock = threading.Lock()


def backlog_of(memory: MemoryOS) -> Backlog:
    """Return the backlog that all adapters on a store share."""
    with _backlogs_lock:
        return _backlogs.setdefault(memory, Backlog())


@atexit.register
def _last_try() -> None:
    """Store what waits before the stores are closed."""
    for backlog in list(_backlogs.values()):
        if len(backlog):
            try:
                backlog.write()
            except MemoryOSError as error:
                report(error, "log", f"{len(backlog)} turns are lost: the store fails still.")


def record(user: UserMemory, thread_id: str, said: Iterable[Said], on_error: OnError = "log") -> None:
    """Store messages of one conversation, and first what waits from before.

    A question with an answer that is empty is stored without one, and completed when it comes again with it.
    When the store fails they wait in memory, and every adapter on the store tries them again.
    """
    kept = tuple(said)
    if not any(one.text for one in kept):
        return
    backlog = backlog_of(user.memory)
    try:
        backlog.write(Turn(user, thread_id, kept))
    except MemoryOSError as error:
        report(error, on_error, f"A turn was not stored; {len(backlog)} wait and are tried again.")


def retry(user: UserMemory, on_error: OnError = "log") -> None:
    """Store what waits from before, if anything does."""
    backlog = backlog_of(user.memory)
    if len(backlog):
        try:
            backlog.write()
        except MemoryOSError as error:
            report(error, on_error, f"The store fails still; {len(backlog)} turns wait.")


def report(error: MemoryOSError, on_error: OnError, consequence: str) -> None:
    """Make a failure of the store visible in the way that was asked for."""
    if on_error == "raise":
        raise error
    if callable(on_error):
        on_error(error)
    else:
        _log.error("%s %s: %s", consequence, type(error).__name__, error)


def _are_a_turn(question: Said, answer: Said) -> bool:
    """Whether one call stores them, however long the answer is."""
    plain = all(one.name is None and one.metadata is None for one in (question, answer))
    return plain and len(question.text) <= _SURELY_STORED


def _pieces(text: str) -> list[str]:
    """Return a text in pieces that the store takes."""
    return [text[start : start + _SURELY_STORED] for start in range(0, len(text), _SURELY_STORED)]
