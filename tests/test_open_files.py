"""Several handles of one store's files: locks that hold, background work that goes on, no copy elsewhere."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from programs.processes import answer_of, started

from memoryos_integrations import MemoryOS
from memoryos_integrations.errors import StoreTooNewError, StoreUnwritableError
from memoryos_integrations.testing import HashEmbedder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from multiprocessing.connection import Connection


def opened(folder: Path) -> MemoryOS:
    return MemoryOS(folder, embedder=HashEmbedder(16))


def texts(folder: Path) -> list[str]:
    with opened(folder) as memory:
        assert memory.verify().ok
        return [page.messages[0].text for page in memory.user("ada").pages()]


def read_the_files_and_add(channel: Connection, folder: Path) -> None:
    """Add a turn, read the ledger's file, wait for a word, add others, and end as a killed process does."""
    ada = opened(folder).user("ada")
    ada.add("before", "ok")
    (folder / "memory.db").read_bytes()  # drops the process's POSIX locks on it
    channel.send("read")
    channel.recv()
    for number in range(3):
        ada.add(f"after {number}", "ok")
    channel.send([page.messages[0].text for page in ada.pages()])
    channel.recv()
    os._exit(0)


class Signalling(HashEmbedder):
    """Sets ``called`` when it is asked for a vector of "second"."""

    def __init__(self, dimension: int) -> None:
        super().__init__(dimension)
        self.called = threading.Event()

    def embed(self, texts: Sequence[str]) -> Any:
        if "second" in texts:
            self.called.set()
        return super().embed(texts)


class Heard(logging.Handler):
    """Sets ``event`` when the background thread says that it failed."""

    def __init__(self) -> None:
        super().__init__()
        self.event = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if "Background work" in record.getMessage():
            self.event.set()


@contextmanager
def watched_temporary_files() -> Iterator[set[str]]:
    """Collect the names of SQLite's temporary files that this process has open meanwhile."""
    seen: set[str] = set()
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            for handle in Path("/proc/self/fd").iterdir():
                with suppress(OSError):  # closed meanwhile
                    seen.add(str(handle.readlink()))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()
        seen.intersection_update([name for name in seen if "etilqs" in name])


def add_one(channel: Connection, folder: Path) -> None:
    """Open the store, add a turn, close it."""
    with opened(folder) as memory:
        memory.user("ada").add("meanwhile", "ok")
    channel.send("closed")


@pytest.mark.programs
def test_a_process_that_read_its_own_files_loses_no_turn_when_another_one_closes(tmp_path: Path) -> None:
    with started(read_the_files_and_add, tmp_path) as reader:
        assert reader.hear() == "read"
        assert answer_of(add_one, tmp_path) == "closed"
        reader.say("go on")
        expected = ["before", "meanwhile", "after 0", "after 1", "after 2"]
        assert reader.hear() == expected
        reader.say("end")
        reader.process.join()
    assert texts(tmp_path) == expected


def test_a_store_whose_log_was_taken_away_says_so_and_stores_what_comes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(tmp_path) as memory:
        memory.user("ada").add("before", "ok")
        memory.flush()
    with opened(tmp_path) as memory:
        memory.user("ada").pages()
        for file in tmp_path.glob("memory.db-*"):
            file.rename(file.with_name(f"gone-{file.name}"))
        memory.user("ada").add("after", "ok")
        assert "log was replaced" in caplog.text
    assert texts(tmp_path) == ["before", "after"]


def test_the_last_one_to_close_leaves_no_log(tmp_path: Path) -> None:
    first, second = opened(tmp_path), opened(tmp_path)
    first.user("ada").add("one", "ok")
    first.close()
    assert (tmp_path / "memory.db-wal").exists()
    second.user("ada").add("two", "ok")
    second.close()
    assert not list(tmp_path.glob("memory.db-*"))
    assert texts(tmp_path) == ["one", "two"]


def test_background_work_goes_on_after_it_could_not_take_the_lock(tmp_path: Path) -> None:
    embedder = Signalling(16)
    failed = Heard()
    logging.getLogger("memoryos_integrations").addHandler(failed)
    owner, other = opened(tmp_path), MemoryOS(tmp_path, embedder=embedder)
    owner.flush()
    lock = tmp_path / "owner.lock"
    held = lock.rename(tmp_path / "held.lock")
    lock.mkdir()
    with pytest.raises(StoreUnwritableError, match="background work waits"):
        other.flush()
    other.user("ada").add("second", "ok")
    assert failed.event.wait(60), "the background thread did not meet the lock"
    logging.getLogger("memoryos_integrations").removeHandler(failed)
    lock.rmdir()
    held.rename(lock)
    owner.close()
    assert embedder.called.wait(60), "the background thread does not work any more"
    other.close()


def test_a_store_with_an_unusable_lock_says_which_file(tmp_path: Path) -> None:
    (tmp_path / "open.lock").mkdir()
    with pytest.raises(StoreUnwritableError, match="cannot be written"):
        opened(tmp_path)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are listed by /proc")
def test_a_store_that_could_not_be_opened_holds_no_lock(tmp_path: Path) -> None:
    opened(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "memory.db")) as file, file:
        file.execute("UPDATE meta SET value = '999' WHERE key = 'schema_version'")
    with pytest.raises(StoreTooNewError):
        opened(tmp_path)
    handles = {os.path.realpath(one) for one in Path("/proc/self/fd").iterdir()}
    assert str(tmp_path / "use.lock") not in handles


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are listed by /proc")
def test_forgetting_writes_no_copy_of_the_texts_outside_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "it's here"
    with opened(folder) as memory:
        ada = memory.user("ada")
        for number in range(120):
            ada.add(f"word{number} " + "private words " * 6000, "ok", thread_id=f"t{number % 2}")
        memory.flush()
        with watched_temporary_files() as seen:
            ada.forget(thread_id="t1")
    assert seen, "the copy was not seen at all"
    assert all(name.startswith(str(folder)) for name in seen)
