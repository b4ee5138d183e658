"""What every test may use: a store with a still clock, and an environment that is the same everywhere."""

import os
import shutil
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import pytest
from hypothesis import settings
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import LRUCache

from memoryos_integrations import MemoryOS, UserMemory
from memoryos_integrations.storage.ledger import Ledger
from memoryos_integrations.testing import FrozenClock, HashEmbedder

THOROUGH = "MEMORYOS_THOROUGH" in os.environ
"""Whether to try every case, seed and example: many times the processor time of ``make test``."""

# No deadline for one example: two workers and the stores' own threads share two cores.
settings.register_profile(
    "shared_cores", deadline=None, print_blob=True, max_examples=100 if THOROUGH else 25
)
settings.load_profile("shared_cores")

# SQLAlchemy compiles each statement once for an engine, so every small store would compile all of its own: a
# fifth of what a small test takes. Here stores share what one of them compiled.
_COMPILED: LRUCache[Any, Any] = LRUCache(2000)
SQLiteDialect_pysqlite.__hash__ = lambda self: hash(type(self))
SQLiteDialect_pysqlite.__eq__ = lambda self, other: type(self) is type(other)
SQLiteDialect_pysqlite.engine_created = classmethod(
    lambda _, engine: setattr(engine, "_compiled_cache", _COMPILED)
)

_OF_THE_MACHINE = (
    "DATA_GYM_CACHE_DIR",  # tokenizer files of the machine's own
    "LANGCHAIN_TRACING_V2",
    "LANGSMITH_API_KEY",
    "LANGSMITH_TRACING",
    "MEMORYOS_EMBEDDER",  # and other settings of the command line
    "MEMORYOS_MCP_TOKEN",
    "MEMORYOS_LLM",
    "MEMORYOS_LLM_MODEL",
    "MEMORYOS_PATH",
    "MEMORYOS_URL",
    "MEMORYOS_USER",
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "TIKTOKEN_CACHE_DIR",
)


class OpenMemory(Protocol):
    """Opens a store that the test's end closes; arguments are those of ``MemoryOS``."""

    def __call__(self, path: Path | None = None, **arguments: Any) -> MemoryOS: ...


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty home directory: no cache of the machine's user is read, none is written."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, home: Path, tmp_path: Path) -> None:
    """Take out what differs from one machine to the next."""
    for name in _OF_THE_MACHINE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / ".cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "account"))  # holds the default store


@pytest.fixture
def clock() -> FrozenClock:
    """1 January 2026 until the test moves it."""
    return FrozenClock()


@pytest.fixture(scope="session")
def empty_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new ledger, closed: making its tables takes longer than most tests."""
    folder = tmp_path_factory.mktemp("empty")
    Ledger(folder).close()
    return folder / "memory.db"


def copied(empty_ledger: Path, folder: Path) -> None:
    """Make a folder with a copy of the ledger, which is a store of its own."""
    folder.mkdir(mode=0o700, parents=True)
    ledger = shutil.copy(empty_ledger, folder)
    with closing(sqlite3.connect(ledger)) as database, database:
        database.execute("UPDATE meta SET value = ? WHERE key = 'store_id'", (uuid.uuid4().hex[:12],))


@pytest.fixture
def open_memory(tmp_path: Path, clock: FrozenClock, empty_ledger: Path) -> Iterator[OpenMemory]:
    """Open stores, in ``tmp_path / "store"`` by default, with ``HashEmbedder`` and the test's clock."""
    opened: list[MemoryOS] = []

    def open_(path: Path | None = None, **arguments: Any) -> MemoryOS:
        fakes = {"embedder": HashEmbedder(), "clock": clock}
        folder = path or tmp_path / "store"
        if not folder.exists():
            copied(empty_ledger, folder)
        opened.append(MemoryOS(folder, **(fakes | arguments)))
        return opened[-1]

    yield open_
    for memory in reversed(opened):
        memory.close()


@pytest.fixture
def memory(open_memory: OpenMemory) -> MemoryOS:
    """A new store."""
    return open_memory()


@pytest.fixture
def ada(memory: MemoryOS) -> UserMemory:
    """A user of that store of whom nothing is stored yet."""
    return memory.user("ada")
