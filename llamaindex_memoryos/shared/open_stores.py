"""The open stores of this process, by folder.

A serialised memory holds the folder only. So memories share one store, a copied memory works like the
original, and a deserialised one finds the open store, or opens the folder.
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


class Lease:
    """Held by a memory and its copies while they use a store that was opened for them."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Lease:
        return self


@dataclass(slots=True, eq=False)
class OpenStore:
    """An open store, and the state of its conversations in this process."""

    memory: MemoryOS
    owned: bool
    """Opened here, so closed here: with the last lease, at the latest when the process ends."""
    leases: weakref.WeakSet[Lease] = field(default_factory=weakref.WeakSet)
    """The leases that are not released."""
    write_lock: threading.RLock = field(default_factory=threading.RLock)
    """Held while messages that belong together are stored."""
    histories: dict[Thread, list[str]] = field(default_factory=dict)
    """Message ids of conversations that were set and have no new message yet."""
    instructions: dict[Thread, list[Message]] = field(default_factory=dict)
    """Cached system messages of long conversations."""
    contexts: OrderedDict[tuple[Hashable, ...], Context] = field(default_factory=OrderedDict)
    """Cached memory contexts of the newest turns."""


_stores: dict[str, OpenStore] = {}
_lock = threading.RLock()


def register(memory: MemoryOS) -> str:
    """Register a store that the application opened and closes; return its folder."""
    folder = _absolute(memory.path)
    with _lock:
        store = _stores.get(folder)
        if store is None or store.memory is not memory:
            _remove_closed()
            if store is not None and store.owned:
                store.memory.close()
            _stores[folder] = OpenStore(memory, owned=False)
    return folder


def open_folder(
    path: str | Path, embedder: Embedder | str | None = None, llm: LLM | None = None
) -> tuple[str, Lease]:
    """Open a store, or share the open one of this process.

    Returns:
        The absolute folder, and a lease for ``release``.

    Raises:
        ConfigError: the embedder is invalid.
        InvalidInputError: the path is invalid.
        EmbedderMismatchError: the store was filled or opened with another embedder.
        StoreError: the folder cannot be opened.
    """
    with _lock:
        folder = _absolute(path)
        store = _stores.get(folder)
        if store is None or not _is_open(store.memory):
            store = _stores[folder] = OpenStore(_open(folder, embedder, llm), owned=True)
        elif embedder is not None:
            _check_embedder(store.memory, resolve(embedder))
        store.leases.add(lease := Lease())
        return folder, lease


def get_or_open(folder: str) -> OpenStore:
    """Return the open store of a folder; open the folder if this process has none.

    Raises:
        StoreError: there is no store in the folder, or it cannot be opened.
    """
    with _lock:
        store = _stores.get(folder)
        if store is None or not _is_open(store.memory):
            store = _stores[folder] = OpenStore(_reopen(folder), owned=True)
        return store


def get(folder: str) -> OpenStore:
    """Return a store as ``get_or_open`` does, without a check that it is still open."""
    return _stores.get(folder) or get_or_open(folder)


def store_of(memory: MemoryOS) -> OpenStore:
    """Register a store that the application opened, and return it."""
    return get(register(memory))


def release(folder: str, lease: Lease | None) -> None:
    """Release a lease. A store that was opened here is closed with its last lease."""
    with _lock:
        store = _stores.get(folder)
        if store is None:
            return
        if lease is not None:
            store.leases.discard(lease)
        if store.owned and not store.leases:
            del _stores[folder]
            store.memory.close()


def _open(folder: str, embedder: Embedder | str | None = None, llm: LLM | None = None) -> MemoryOS:
    """Open a store; its events go to LlamaIndex's dispatcher."""
    return MemoryOS(folder, embedder=embedder, llm=llm, on_event=tell_dispatcher)


def _reopen(folder: str) -> MemoryOS:
    if not (Path(folder) / LEDGER_FILE).is_file():
        raise StoreError(
            f"There is no MemoryOS store in {folder!r}, the folder of this memory. Move the store there, set "
            "'persist_directory' of the serialised memory to its folder, or create a new store with "
            "MemoryOSMemory.from_defaults(persist_directory=..., user_id=...)."
        )
    try:
        return _open(folder)
    except EmbedderMismatchError as error:
        warnings.warn(
            "The store of a restored memory is open without its embedder, so it is searched by words only. "
            f"Open it with MemoryOS({folder!r}, embedder=...) first and pass that to "
            f"MemoryOSMemory.from_defaults(memory=...). {error}",
            stacklevel=2,
        )
        return _open(folder, "none")


def _check_embedder(memory: MemoryOS, embedder: Embedder | None) -> None:
    current, given = (one.name if one is not None else "none" for one in (memory.embedder, embedder))
    if current != given:
        raise EmbedderMismatchError(
            f"{str(memory.path)!r} is open with the embedder {current!r}, not with {given!r}: "
            "close it first, or leave embed_model out."
        )


def _remove_closed() -> None:
    for folder in [folder for folder, store in _stores.items() if not _is_open(store.memory)]:
        del _stores[folder]


def _is_open(memory: MemoryOS) -> bool:
    try:
        memory.user("nobody").pages(limit=1)
    except StoreClosedError:
        return False
    except StoreError:  # open, but its folder cannot be read any more: its users will be told
        return True
    return True


def _absolute(path: str | Path) -> str:
    if not isinstance(path, str | Path) or not str(path):
        raise InvalidInputError(f"persist_directory must be the path of a folder, not {path!r}")
    return str(Path(path).expanduser().resolve())
