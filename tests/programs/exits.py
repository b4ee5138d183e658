"""Programs for an interpreter of their own, since it is its end that is looked at.

python -m programs.exits PROGRAM FOLDER
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from memoryos_integrations import MemoryOS
from memoryos_integrations.errors import StoreError
from memoryos_integrations.testing import FrozenClock, HashEmbedder
from programs.embedders import HeldEmbedder, StuckEmbedder

if TYPE_CHECKING:
    from collections.abc import Callable

_PATIENCE = 10  # seconds that a forked child has for what takes it milliseconds


def close_while_stuck(folder: Path) -> None:
    """Close the store while the worker waits for an embedder that never answers."""
    memory, embedder = _stuck(folder)
    _say("stuck")
    memory.close()
    _say(f"closed after {len(embedder.calls)} answers")


def exit_while_stuck(folder: Path) -> None:
    """End without close() while the worker waits for an embedder that never answers."""
    memory, _ = _stuck(folder)
    globals()["kept alive"] = memory
    _say("stuck")


def forget_close(folder: Path) -> None:
    """End without close() while there is work to do."""
    memory = MemoryOS(folder, embedder=HashEmbedder(32))
    for number in range(200):
        memory.user("ada").add(f"word{number}x")
    globals()["kept alive"] = memory
    _say("added")


def run_out_of_disk(folder: Path) -> None:
    """Add until the files may not grow, then let them grow again."""
    clock = FrozenClock()
    memory = MemoryOS(folder, embedder=HashEmbedder(32), clock=clock)
    ada = memory.user("ada")
    for number in range(5):
        ada.add(f"word{number}x", event_id=str(number))
    most = (folder / "memory.db-wal").stat().st_size + 200_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
    number = _add_until_refused(memory, first=5)
    assert len(ada.pages()) == number, "what was acknowledged before the disk was full is not all there"
    assert ada.retrieve("word3x", k=1).items[0].text == "word3x"
    with suppress(StoreError):
        memory.flush()  # the first vectors of the store, and the disk is full
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    for again in range(number + 5):
        ada.add(f"word{again}x", event_id=str(again))
    clock.advance(3600)  # work that failed meanwhile is due again
    flushed, report = memory.flush(), memory.verify()
    assert not flushed.parked, flushed.parked
    assert report.ok, report.problems
    assert [page.messages[0].text for page in ada.pages()] == [f"word{n}x" for n in range(number + 5)]
    memory.close()
    _say("recovered")


def fork(folder: Path) -> None:
    """Fork while the worker is at work; each child uses the memory, then ends in another way."""
    embedder = HeldEmbedder()
    memory = MemoryOS(folder, embedder=embedder)
    globals()["kept alive"] = memory  # until the very end, as in most programs
    ends = [_child_ends(memory, embedder, leave) for leave in (_leave, _flush_and_leave, _exit)]
    _say("children ended with " + ", ".join(ends))
    sys.stdin.readline()
    memory.user("ada").add("last")
    memory.flush()
    problems = list(memory.verify().problems)
    _say(f"{len(memory.user('ada').pages())} pages, owner: {memory.stats()['owner']}, problems: {problems}")
    memory.close()


def _child_ends(memory: MemoryOS, embedder: HeldEmbedder, leave: Callable[[MemoryOS], object]) -> str:
    ada, word = memory.user("ada"), f"child{leave.__name__}x"
    ada.add(f"indexed before {leave.__name__}")
    memory.flush()  # the parent has just used Chroma, so its threads are there
    embedder.hold()
    ada.add(f"parent before {leave.__name__}")
    assert embedder.called.wait(300), "the worker did not ask the embedder"
    child = os.fork()
    embedder.let_go()
    if child == 0:
        signal.alarm(_PATIENCE)
        ada.add(word)
        assert ada.retrieve(word, k=1).items[0].text == word
        leave(memory)
        os._exit(1)
    _, status = os.waitpid(child, 0)
    return "a hang" if status == signal.SIGALRM else str(status)


def _leave(_memory: MemoryOS) -> None:
    os._exit(0)  # as multiprocessing does


def _flush_and_leave(memory: MemoryOS) -> None:
    memory.flush()
    memory.close()
    os._exit(0)


def _exit(_memory: MemoryOS) -> None:
    sys.exit(0)  # with all that an interpreter does at its end


def _stuck(folder: Path) -> tuple[MemoryOS, StuckEmbedder]:
    embedder = StuckEmbedder()
    memory = MemoryOS(folder, embedder=embedder)
    for number in range(3):
        memory.user("ada").add(f"word{number}x")
    assert embedder.called.wait(300), "the worker did not ask the embedder"
    return memory, embedder


def _add_until_refused(memory: MemoryOS, first: int) -> int:
    for number in range(first, 5_000):
        try:
            memory.user("ada").add(f"word{number}x", event_id=str(number))
        except StoreError as error:
            _say(f"{type(error).__name__}: {error}")
            return number
    raise AssertionError("the limit of the file size was never reached")


def _say(what: str) -> None:
    sys.stdout.write(what + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    globals()[sys.argv[1]](Path(sys.argv[2]))
