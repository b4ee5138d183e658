"""What was acknowledged survives kills, damage, full disks, forks and forgotten closes."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from conftest import THOROUGH
from programs.indexes import ASKED, DAMAGES, build, reopen
from programs.kills import SAVED_AFTER, inspect, kill_during_a_save, kill_rounds
from programs.processes import answer_of

from memoryos_integrations import MemoryOS
from memoryos_integrations.errors import (
    StoreClosedError,
    StoreCorruptError,
    StoreTooNewError,
    StoreUnwritableError,
)
from memoryos_integrations.testing import FrozenClock, HashEmbedder

if TYPE_CHECKING:
    from collections.abc import Iterator

KILL_ROUNDS = int(os.environ.get("MEMORYOS_KILL_ROUNDS", "6" if THOROUGH else "3"))
TURNS = 300


def opened(folder: Path) -> MemoryOS:
    return MemoryOS(folder, embedder=HashEmbedder(32))


def texts(memory: MemoryOS) -> list[str]:
    return [page.messages[0].text for page in memory.user("ada").pages()]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of 300 turns, closed. Not to be changed: copy it."""
    folder = tmp_path_factory.mktemp("filled") / "store"
    with opened(folder) as memory:
        for number in range(TURNS):
            memory.user("ada").add(f"word{number}x " + "and more " * 20, "Noted.")
    return folder


@pytest.fixture
def store(filled: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(filled, tmp_path / "store"))


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("indexed") / "store"
    assert answer_of(build, folder) == "built"
    return folder


# --- Killed


@pytest.mark.programs
@pytest.mark.timeout(600 + 60 * KILL_ROUNDS)
def test_a_writer_killed_at_any_moment_loses_no_acknowledged_turn_and_doubles_none(tmp_path: Path) -> None:
    report = kill_rounds(tmp_path / "store", KILL_ROUNDS, seed=20261122)
    assert report.rounds == KILL_ROUNDS, report.problems
    assert len(report.acknowledged) > KILL_ROUNDS, "the writers were killed before they wrote"
    assert (report.lost, report.doubled, report.not_found, report.problems) == (set(), set(), set(), [])


@pytest.mark.programs
@pytest.mark.parametrize("round_", range(max(1, KILL_ROUNDS // 3)))
def test_a_writer_killed_while_chroma_saves_its_vectors_loses_nothing(tmp_path: Path, round_: int) -> None:
    assert kill_during_a_save(tmp_path / "store"), "the save was over before the kill"
    some = list(range(0, SAVED_AFTER, 9))
    seen = answer_of(inspect, tmp_path / "store", some, some)
    assert sorted(seen["stored_after_retry"]) == sorted(seen["stored"]) == list(range(SAVED_AFTER))
    assert (seen["not_found"], seen["problems"], seen["set_aside"]) == ([], [], [])


# --- The vector index is damaged


# Fails for damage that only a look into the files shows: vectors that are garbage crash the process, missing
# ones are not noticed, and an index that fails in a search is not set aside before the next opening.
@pytest.mark.programs
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_index_changes_no_answer_and_is_rebuilt_by_a_flush(
    indexed: Path, tmp_path: Path, damage: str
) -> None:
    folder = Path(shutil.copytree(indexed, tmp_path / "store"))
    DAMAGES[damage](folder)
    at_once, by_index, exact, report, left_over = answer_of(reopen, folder)
    assert [found[0] for found in exact] == [f"said{number}" for number in ASKED]
    assert [set(found) for found in at_once] == [set(found) for found in exact], (
        "before the rebuild an answer was wrong"
    )
    assert [set(found) for found in by_index] == [set(found) for found in exact], (
        "the index answers otherwise"
    )
    assert report.problems == ()
    assert left_over == [], "what was set aside is still there, or the index did not end cleanly"


# --- The ledger is damaged, foreign or newer


def cut_in_half(ledger: Path) -> None:
    with ledger.open("r+b") as file:
        file.truncate(ledger.stat().st_size // 2)


def another_program(ledger: Path) -> None:
    ledger.unlink()
    with closing(sqlite3.connect(ledger)) as database, database:
        database.execute("CREATE TABLE meta (name TEXT)")
        database.execute("CREATE TABLE recipes (name TEXT)")


def delete_beside_an_index(ledger: Path) -> None:
    ledger.unlink()
    (ledger.parent / "chroma").mkdir(exist_ok=True)


BROKEN = {
    "cut in half": cut_in_half,
    "cut to its first page": lambda ledger: ledger.write_bytes(ledger.read_bytes()[:4096]),
    "empty": lambda ledger: ledger.write_bytes(b""),
    "text": lambda ledger: ledger.write_text("Dear diary, " * 1000),
    "another program's": another_program,
    "deleted beside an index": delete_beside_an_index,
}


# Fails for another program's database: it is switched to WAL before it is recognised.
@pytest.mark.parametrize("damage", BROKEN)
def test_a_ledger_that_cannot_be_read_is_refused_and_left_as_it_is(store: Path, damage: str) -> None:
    ledger = store / "memory.db"
    BROKEN[damage](ledger)
    before = ledger.read_bytes() if ledger.exists() else None
    for _ in range(2):
        with pytest.raises(StoreCorruptError, match=r"(backup|folder)"):
            opened(store)
    assert (ledger.read_bytes() if ledger.exists() else None) == before, "a file was changed that was refused"


# Fails: SQLite replays the old log into the new file.
def test_a_ledger_deleted_beside_its_write_ahead_log_is_not_mixed_with_a_new_one(store: Path) -> None:
    shutil.copytree(store, store.with_name("copy"))
    with opened(store) as memory:
        memory.user("ada").add("one more")
        shutil.copy(store / "memory.db-wal", store.with_name("copy") / "memory.db-wal")
    (store.with_name("copy") / "memory.db").unlink()
    with pytest.raises(StoreCorruptError):
        opened(store.with_name("copy"))


# Fails: verify() raises instead, because becoming the owner reads the damaged rows.
def test_damage_inside_the_ledger_is_reported_by_verify(store: Path) -> None:
    ledger = store / "memory.db"
    page = ledger.read_bytes().index(f"word{TURNS // 2}x".encode()) // 4096
    with ledger.open("r+b") as file:
        file.seek(page * 4096)
        file.write(b"\xff" * 4096)
    with opened(store) as memory:
        report = memory.verify()
        with pytest.raises(StoreCorruptError, match="backup"):
            memory.user("ada").pages()
    assert not report.ok
    assert any("backup" in problem for problem in report.problems)


def test_a_ledger_of_a_newer_version_is_refused_with_the_way_to_upgrade(store: Path) -> None:
    with closing(sqlite3.connect(store / "memory.db")) as database, database:
        database.execute("UPDATE meta SET value = '99' WHERE key = 'schema_version'")
    with pytest.raises(StoreTooNewError, match="pip install"):
        opened(store)


def test_a_file_where_the_folder_should_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(StoreUnwritableError, match="file"):
            opened(path)
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no /proc")
def test_a_place_that_takes_no_folder_is_refused() -> None:
    with pytest.raises(StoreUnwritableError, match="cannot be written"):
        opened(Path("/proc/memory"))


@pytest.mark.skipif(sys.platform == "win32", reason="there are no owners of files")
def test_a_store_that_belongs_to_somebody_else_is_refused(filled: Path) -> None:
    with tempfile.TemporaryDirectory() as place:  # every folder above it may be entered by anybody
        Path(place).chmod(0o755)
        folder = Path(shutil.copytree(filled, Path(place) / "store"))
        for entry in [*folder.rglob("*"), folder]:
            entry.chmod(0o555 if entry.is_dir() else 0o444)
        try:
            with as_nobody(), pytest.raises(StoreUnwritableError, match="permissions"):
                opened(folder)
        finally:
            for entry in [folder, *folder.rglob("*")]:
                entry.chmod(0o700)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Give up the rights of root, to which no permission applies."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


# --- How programs end


def program(name: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "programs.exits", name, str(folder)],
        cwd=Path(__file__).parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.programs
@pytest.mark.parametrize("name", ["close_while_stuck", "exit_while_stuck"])
def test_an_embedder_that_hangs_keeps_no_program_from_ending_and_no_turn_from_being_stored(
    tmp_path: Path, name: str
) -> None:
    with program(name, tmp_path / "store") as running:
        assert running.stdout is not None and running.stdout.readline() == "stuck\n"
        rest, errors = running.communicate(timeout=300)
    assert (running.returncode, rest) == (0, "closed after 0 answers\n" if "close" in name else ""), errors
    with MemoryOS(tmp_path / "store", embedder=HashEmbedder(64, name="stuck")) as memory:
        assert texts(memory) == ["word0x", "word1x", "word2x"]
        memory.flush()
        assert memory.verify().problems == ()


@pytest.mark.programs
def test_a_program_that_forgets_close_ends_and_loses_nothing(tmp_path: Path) -> None:
    with program("forget_close", tmp_path / "store") as running:
        out, errors = running.communicate(timeout=300)
    assert (running.returncode, out, errors) == (0, "added\n", "")
    with opened(tmp_path / "store") as memory:
        assert texts(memory) == [f"word{number}x" for number in range(200)]


# Fails: the embedder's number is kept although the transaction that recorded it was rolled back.
@pytest.mark.programs
@pytest.mark.skipif(sys.platform == "win32", reason="there is no limit of a file's size")
def test_a_full_disk_is_said_clearly_loses_nothing_and_writing_goes_on_when_there_is_room(
    tmp_path: Path,
) -> None:
    with program("run_out_of_disk", tmp_path / "store") as running:
        out, errors = running.communicate(timeout=300)
    assert running.returncode == 0, errors
    refused, last = out.splitlines()
    assert refused.startswith("StoreUnwritableError:") and "free space" in refused
    assert last == "recovered"


# Fails: locks that the parent's worker held stay locked in the child, and Chroma's destructor waits for
# threads that the child does not have.
@pytest.mark.programs
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_forked_children_read_and_add_and_end_in_any_way_and_their_parent_stays_the_owner(
    tmp_path: Path,
) -> None:
    with program("fork", tmp_path / "store") as running:
        assert running.stdout is not None
        # The children leave at once; flush, close and leave; exit as an interpreter does.
        assert running.stdout.readline() == "children ended with 0, 0, 0\n"
        with MemoryOS(tmp_path / "store", embedder=HashEmbedder(64, name="held")) as memory:
            memory.user("eve").add("from another process")
            assert memory.flush().waiting > 0
            assert not memory.stats()["owner"]
        out, errors = running.communicate("go on\n", timeout=300)
    assert (running.returncode, out) == (0, "10 pages, owner: True, problems: []\n"), errors


def test_a_closed_store_refuses_every_verb_and_can_be_closed_again(tmp_path: Path) -> None:
    memory = opened(tmp_path)
    ada = memory.user("ada")
    page = ada.add("before")
    memory.close()
    memory.close()
    for call in (
        lambda: ada.add("after"),
        lambda: ada.retrieve("before"),
        lambda: ada.forget(ids=[page.id]),
        memory.flush,
        memory.verify,
    ):
        with pytest.raises(StoreClosedError, match="closed"):
            call()


# Fails: a job that is due in a future that the clock has left is not run.
def test_work_is_done_although_the_clock_was_set_back(tmp_path: Path) -> None:
    clock = FrozenClock()
    with MemoryOS(tmp_path, embedder=HashEmbedder(32), clock=clock) as memory:
        memory.user("ada").add("said while the clock was wrong")
        clock.advance(timedelta(days=-400))
        memory.flush()
        report = memory.verify()
    assert (report.counts["vectors"], report.problems) == (1, ())


# --- Who may read


@pytest.mark.skipif(sys.platform == "win32", reason="there are no permissions of this kind")
def test_nobody_else_may_read_a_store(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        folder = tmp_path / "store"
        with opened(folder) as memory:
            memory.user("ada").add("a secret")
            memory.flush()
            memory.user("ada").export(tmp_path / "export.jsonl")
            modes = {entry.name: entry.stat().st_mode & 0o777 for entry in folder.iterdir()}
    finally:
        os.umask(old)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert modes.pop("chroma") == 0o700
    assert "memory.db" in modes and "memory.db-wal" in modes
    assert set(modes.values()) == {0o600}, modes
    assert (tmp_path / "export.jsonl").stat().st_mode & 0o777 == 0o600
