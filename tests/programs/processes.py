"""Processes that a test can talk to and kill.

They are forked from one process that has imported what they need and opened nothing, so each is as fresh as
a new interpreter and costs a tenth of its start.
"""

from __future__ import annotations

import multiprocessing
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkServerProcess

DEADLINE = 300.0
"""Seconds that a step of another process may take on a loaded machine."""

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(
    [
        "pytest",
        "chromadb",
        "memoryos_integrations.memory",
        "memoryos_integrations.storage.chroma.index",
        "memoryos_integrations.testing",
    ]
)


class EndedError(AssertionError):
    """The process ended before it said what was asked for."""


@dataclass(frozen=True, slots=True)
class Started:
    """A running program and the channel to it."""

    process: ForkServerProcess
    channel: Connection

    def hear(self, timeout: float = DEADLINE) -> Any:
        """Return the next thing that the program says.

        Raises:
            EndedError: it ended, failed or kept silent.
        """
        try:
            if not self.channel.poll(timeout):
                raise EndedError(f"The process said nothing for {timeout} s.")
            said = self.channel.recv()
        except (EOFError, OSError):
            self.process.join(DEADLINE)
            raise EndedError(f"The process ended with {self.process.exitcode}.") from None
        if isinstance(said, _Failure):
            raise EndedError(said.text)
        return said

    def say(self, what: object) -> None:
        """Send something to the program."""
        self.channel.send(what)

    def kill(self) -> list[Any]:
        """Kill the program at once; returns what it had said and nobody had heard."""
        self.process.kill()
        self.process.join()
        heard: list[Any] = []
        while True:
            try:
                heard.append(self.hear(0))
            except EndedError:
                return heard


@dataclass(frozen=True, slots=True)
class _Failure:
    text: str


@contextmanager
def started(program: Callable[..., None], *arguments: object) -> Iterator[Started]:
    """Run ``program(channel, *arguments)`` in a process of its own, killed at the end of the block."""
    here, there = _context.Pipe()
    process = _context.Process(target=_run, args=(program, there, arguments), daemon=True)
    process.start()
    there.close()
    try:
        yield Started(process, here)
    finally:
        process.kill()
        process.join()
        here.close()
        process.close()


def answer_of(program: Callable[..., None], *arguments: object) -> Any:
    """Return the one thing that a program says; it ends by itself, without an error.

    Raises:
        EndedError: it did not.
    """
    with started(program, *arguments) as other:
        said = other.hear()
        other.process.join(DEADLINE)
        if other.process.exitcode != 0:
            raise EndedError(f"The process ended with {other.process.exitcode} after it had answered.")
        return said


def _run(program: Callable[..., None], channel: Connection, arguments: tuple[object, ...]) -> None:
    try:
        program(channel, *arguments)
    except Exception:
        channel.send(_Failure(traceback.format_exc()))
        raise
