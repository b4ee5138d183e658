"""Stores whose Chroma directory was damaged between two processes, and what the next one makes of them."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from memoryos_integrations import MemoryConfig, MemoryOS
from programs.embedders import NumberEmbedder

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

MESSAGES = 1_010
"""Enough for Chroma to have saved its vectors to their own files, which it does every 1 000 records."""
ASKED = tuple(range(0, 1_000, 53))


def build(channel: Connection, folder: Path) -> None:
    """Fill a store whose messages share no word with the questions, index it and close it cleanly."""
    with MemoryOS(folder, embedder=NumberEmbedder()) as memory:
        ada = memory.user("ada")
        for number in range(MESSAGES):
            ada.add(f"said{number}")
        memory.flush()
    channel.send("built")


def reopen(channel: Connection, folder: Path) -> None:
    """Ask at once, after a flush, and by an exact scan; say the answers and what is left over."""
    with MemoryOS(folder, config=MemoryConfig(search="chroma"), embedder=NumberEmbedder()) as memory:
        at_once = _answers(memory)
        memory.flush()
        by_index = _answers(memory)
        report = memory.verify()
    left_over = sorted(
        entry.name
        for entry in folder.iterdir()
        if entry.name.startswith("chroma.") and entry.name != "chroma.seal"
    )
    with MemoryOS(folder, config=MemoryConfig(search="exact"), embedder=NumberEmbedder()) as memory:
        exact = _answers(memory)
    channel.send((at_once, by_index, exact, report, left_over))


def _answers(memory: MemoryOS) -> list[list[str]]:
    ada = memory.user("ada")
    return [[item.text for item in ada.retrieve(f"ask{number}", k=10).items] for number in ASKED]


def _garbage(file: Path, start: int = 0) -> None:
    noise = random.Random(1).randbytes(file.stat().st_size - start)
    with file.open("r+b") as opened:
        opened.seek(start)
        opened.write(noise)


def _vectors(folder: Path) -> Path:
    """Return the directory of the collection that was saved: the one with the most bytes."""
    found = [entry for entry in (folder / "chroma").iterdir() if entry.is_dir()]
    return max(found, key=lambda entry: (entry / "data_level0.bin").stat().st_size)


def _half(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.truncate(file.stat().st_size // 2)


def _drop_half_of_the_rows(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "chroma" / "chroma.sqlite3")) as database, database:
        database.execute("DELETE FROM embeddings WHERE id % 2 = 0")


def _replace_by_a_file(folder: Path) -> None:
    shutil.rmtree(folder / "chroma")
    (folder / "chroma").write_text("not a directory")


DAMAGES: dict[str, Callable[[Path], object]] = {
    "none": lambda folder: None,
    "the directory is deleted": lambda folder: shutil.rmtree(folder / "chroma"),
    "the directory is a file": _replace_by_a_file,
    "the marker of an unclean end is there": lambda folder: (folder / "chroma.open").touch(),
    "chroma.sqlite3 is garbage": lambda folder: _garbage(folder / "chroma" / "chroma.sqlite3"),
    "chroma.sqlite3 is garbage but for its head": lambda folder: _garbage(
        folder / "chroma" / "chroma.sqlite3", 4096
    ),
    "chroma.sqlite3 is empty": lambda folder: (folder / "chroma" / "chroma.sqlite3").write_bytes(b""),
    "chroma.sqlite3 is deleted": lambda folder: (folder / "chroma" / "chroma.sqlite3").unlink(),
    "chroma.sqlite3 lost half of its rows": _drop_half_of_the_rows,
    "data_level0.bin is garbage": lambda folder: _garbage(_vectors(folder) / "data_level0.bin"),
    "data_level0.bin is cut in half": lambda folder: _half(_vectors(folder) / "data_level0.bin"),
    "the vectors' directory is deleted": lambda folder: shutil.rmtree(_vectors(folder)),
    "the vectors' ids are cut in half": lambda folder: _half(_vectors(folder) / "index_metadata.pickle"),
}
"""What to do to a closed store's folder, by what it is."""
