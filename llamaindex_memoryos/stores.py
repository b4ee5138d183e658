"""The live stores of this process, by their folder: what is serialised holds the folder, not the store.

So several memories share one store, a copy of a memory is as good as the memory, and one that comes out of
JSON finds the running store, or opens the folder where there is none.
"""

from __future__ import annotations

import threading
import warnings
import weakref
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llamaindex_memoryos.events import tell_dispatcher
from memoryos_integrations.embedders import resolve
from memoryos_integrations.errors import (
    EmbedderMismatchError,
    InvalidInputError,
    StoreClosedError,
    StoreError,
)
from memoryos_integrations.memory import MemoryOS
from memoryos_integrations.protocols import LLM, Embedder
from memoryos_integrations.storage.location import LEDGER_FILE
from memoryos_integrations.types import Context, Message

Thread = tuple[str, str, str]
"""User, agent and conversation."""


class Ticket:
    """What a memory, and every copy of it, holds as long as it uses a store that was opened for it."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Ticket:
        return self


@dataclass(slots=True, eq=False)
class Store:
    """A live store, and what the adapters of this process know about its conversations."""

    memory: MemoryOS
    ours: bool
    """Opened here, so closed here: by the last ``close()``, at the latest when the process ends."""
    holders: weakref.WeakSet[Ticket] = field(default_factory=weakref.WeakSet)
    """Who opened it and has not let go of it."""
    writing: threading.RLock = field(default_factory=threading.RLock)
    """Held while messages that belong together are stored."""
    histories: dict[Thread, list[str]] = field(default_factory=dict)
    """Ids of a history that was set and that no stored message follows yet."""
    instructions: dict[Thread, list[Message]] = field(default_factory=dict)
    """The system messages of conversations that are too long to be read whole each time."""
    recalls: OrderedDict[tuple[Hashable, ...], Context] = field(default_factory=OrderedDict)
    """What was recalled in the newest turns."""


_stores: dict[str, Store] = {}
_lock = threading.RLock()


def hold(memory: MemoryOS) -> str:
    """Make a store known that somebody else opened and closes; returns its folder."""
    folder = _name(memory.path)
    with _lock:
        known = _stores.get(folder)
        if known is None or known.memory is not memory:
            _drop_closed()
            if known is not None and known.ours:
                known.memory.close()
            _stores[folder] = Store(memory, ours=False)
    return folder


def open_folder(
    path: str | Path, embedder: Embedder | str | None = None, llm: LLM | None = None
) -> tuple[str, Ticket]:
    """Open a store, or share the one that this process has open.

    Returns:
        Its folder, and a ticket for ``release``.

    Raises:
        ConfigError: the path or the embedder is unusable.
        EmbedderMismatchError: the store was filled, or is open, with another embedder.
        StoreError: the folder cannot be opened.
    """
    with _lock:
        folder = _name(path)
        known = _stores.get(folder)
        if known is None or not _is_open(known.memory):
            known = _stores[folder] = Store(_opened(folder, embedder, llm), ours=True)
        elif embedder is not None:
            _refuse_other(known.memory, resolve(embedder))
        known.holders.add(ticket := Ticket())
        return folder, ticket


def attach(folder: str) -> Store:
    """Return the live store of a folder; if this process has none, open what is there.

    Raises:
        StoreError: there is no store in the folder, or it cannot be opened.
    """
    with _lock:
        known = _stores.get(folder)
        if known is None or not _is_open(known.memory):
            known = _stores[folder] = Store(_reopened(folder), ours=True)
        return known


def live(folder: str) -> Store:
    """Return a store as ``attach`` does, without looking whether it was closed meanwhile."""
    return _stores.get(folder) or attach(folder)


def of(memory: MemoryOS) -> Store:
    """Return what is known about a store that somebody else opened."""
    return live(hold(memory))


def release(folder: str, ticket: Ticket | None) -> None:
    """Give a ticket back. A store that was opened here is closed when nobody holds one any more."""
    with _lock:
        known = _stores.get(folder)
        if known is None:
            return
        if ticket is not None:
            known.holders.discard(ticket)
        if known.ours and not known.holders:
            del _stores[folder]
            known.memory.close()


def _opened(
    folder: str,
    embedder: Embedder | str | None = None,
    llm: LLM | None = None,
) -> MemoryOS:
    """Open a store; the one place where the adapter does."""
    return MemoryOS(folder, embedder=embedder, llm=llm, on_event=tell_dispatcher)


def _reopened(folder: str) -> MemoryOS:
    if not (Path(folder) / LEDGER_FILE).is_file():
        raise StoreError(
            f"There is no MemoryOS store in {folder!r}, where this memory was kept. Move the folder there, "
            "change 'persist_directory' in the serialised memory to where it is now, or begin a new store "
            "with MemoryOSMemory.from_defaults(persist_directory=..., user_id=...)."
        )
    try:
        return _opened(folder)
    except EmbedderMismatchError as error:
        warnings.warn(
            f"The store of a restored memory is open without its embedder, so it recalls by words only. Open "
            f"it with MemoryOS({folder!r}, embedder=...) first and pass that to "
            f"MemoryOSMemory.from_defaults(memory=...). {error}",
            stacklevel=2,
        )
        return _opened(folder, "none")


def _refuse_other(memory: MemoryOS, embedder: Embedder | None) -> None:
    current, given = (known.name if known is not None else "none" for known in (memory.embedder, embedder))
    if current != given:
        raise EmbedderMismatchError(
            f"{str(memory.path)!r} is open with the embedder {current!r}, not with {given!r}: "
            "close it first, or leave embed_model out."
        )


def _drop_closed() -> None:
    for folder in [folder for folder, known in _stores.items() if not _is_open(known.memory)]:
        del _stores[folder]


def _is_open(memory: MemoryOS) -> bool:
    try:
        memory.user("nobody").pages(limit=1)
    except StoreClosedError:
        return False
    return True


def _name(path: str | Path) -> str:
    if not isinstance(path, str | Path) or not str(path):
        raise InvalidInputError(f"persist_directory must be the path of a folder, not {path!r}")
    return str(Path(path).expanduser().resolve())
