"""What is compared: how each system is opened, told, asked and made to forget, as its own pages show it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Self

from benchmarks.peers.conversation import Turn
from benchmarks.peers.model import Reply

K = 10
"""Items that every system may return."""

MAIN = {
    "ours": "benchmarks.peers.ours:WithoutModel",
    "ours-model": "benchmarks.peers.ours:WithModel",
    "mem0": "benchmarks.peers.mem0_memory:Mem0",
    "langmem": "benchmarks.peers.langmem_memory:InBackground",
    "llamaindex": "benchmarks.peers.llamaindex_memory:WithBlocks",
    "reference": "benchmarks.peers.reference:Reference",
}
"""The systems, in the order of the table."""
VARIANTS = {
    "mem0-raw": "benchmarks.peers.mem0_memory:Raw",
    "langmem-turn": "benchmarks.peers.langmem_memory:InTurn",
    "llamaindex-window": "benchmarks.peers.llamaindex_memory:Window",
}
"""Other ways to use them that their pages show."""
SEARCHES = {
    "ours": MAIN["ours"],
    "mem0-raw": VARIANTS["mem0-raw"],
    "langmem-store": "benchmarks.peers.langmem_memory:StoreSearch",
    "llamaindex-vectors": "benchmarks.peers.llamaindex_memory:Vectors",
    "reference": MAIN["reference"],
}
"""Those whose own search is measured, each with this library's embedder."""
MOST = 50
"""Pieces that a search is asked for, to fill a budget of tokens with."""


class System(ABC):
    """A memory, opened on a folder of its own."""

    title: ClassVar[str]
    """Its column's heading."""
    requirements: ClassVar[tuple[str, ...]]
    """The packages that its users install."""
    errors: tuple[type[Exception], ...] = ()
    """What ``add`` and ``find`` raise where the model fails."""
    way_back: ClassVar[str] = "the caller adds again"
    """What its users do once the model is back, if anything."""
    forgets: ClassVar[str] = ""
    """The call that deletes what is known of one user; empty: it has none."""
    resets: ClassVar[str] = ""
    """The call that deletes everything, if that is another one."""
    serverless: ClassVar[bool] = False
    """Whether it is meant to work where no model answers."""

    @abstractmethod
    def __init__(self, folder: Path, url: str) -> None:
        """Open it with the model at a URL."""

    @staticmethod
    @abstractmethod
    def reply(body: dict[str, Any]) -> Reply:
        """Return what a good model answers to its requests: facts in the words of the turn."""

    @abstractmethod
    def add(self, user: str, turn: Turn) -> None:
        """Tell it a turn; returns when its user may go on."""

    @abstractmethod
    def find(self, user: str, words: str) -> str:
        """Return all that it would give to a model that is asked these words."""

    def tell(self, user: str, turn: Turn, _session: str, _at: datetime) -> None:
        """Tell it a turn of a session; most take neither the session nor the time."""
        self.add(user, turn)

    def search(self, user: str, words: str) -> list[str]:
        """Return the texts that its own search finds, best first, at most ``MOST``."""
        raise NotImplementedError

    def shown(self, user: str, words: str, tokens: int, count: Callable[[str], int]) -> str:
        """Return the texts that it would show within so many tokens: all that fit, best first."""
        chosen, left = [], tokens
        for text in self.search(user, words):
            if (cost := count(text)) <= left:
                chosen.append(text)
                left -= cost
        return "\n".join(chosen)

    def settle(self) -> None:  # noqa: B027 - most do nothing in the background
        """Wait until it has done what is due in the background."""

    def finish(self) -> None:
        """Have it do all that it would do in the background some time."""
        self.settle()

    def recover(self, user: str, refused: list[Turn]) -> None:
        """Do what its users do once the model is back: ``refused`` are the turns whose ``add`` raised."""
        for turn in refused:
            self.add(user, turn)
        self.settle()

    def forget(self, user: str) -> None:
        """Delete all that is known of a user."""
        raise NotImplementedError

    def reset(self) -> None:
        """Delete everything."""
        raise NotImplementedError

    @abstractmethod
    def close(self) -> None:
        """Close it in order."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def system_named(name: str) -> type[System]:
    """Return the system of a name; only its own packages are imported."""
    module, _, kind = (MAIN | VARIANTS | SEARCHES)[name].partition(":")
    found: type[System] = getattr(import_module(module), kind)
    return found
