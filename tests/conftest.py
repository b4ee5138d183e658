"""What every test may use: a store with a still clock, and an environment that is the same everywhere."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
from hypothesis import settings

from memoryos_integrations import MemoryOS, UserMemory
from memoryos_integrations.testing import FrozenClock, HashEmbedder

THOROUGH = "MEMORYOS_THOROUGH" in os.environ
"""Whether to try every case, seed and example: many times the processor time of ``make test``."""

# No deadline for one example: two workers and the stores' own threads share two cores.
settings.register_profile(
    "shared_cores", deadline=None, print_blob=True, max_examples=100 if THOROUGH else 25
)
settings.load_profile("shared_cores")

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


@pytest.fixture
def open_memory(tmp_path: Path, clock: FrozenClock) -> Iterator[OpenMemory]:
    """Open stores, in ``tmp_path / "store"`` by default, with ``HashEmbedder`` and the test's clock."""
    opened: list[MemoryOS] = []

    def open_(path: Path | None = None, **arguments: Any) -> MemoryOS:
        fakes = {"embedder": HashEmbedder(), "clock": clock}
        opened.append(MemoryOS(path or tmp_path / "store", **(fakes | arguments)))
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
