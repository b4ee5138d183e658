"""Stores of ``Memoryos`` instances; those with the same folder and settings share one."""

from __future__ import annotations

import logging
import threading
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memoryos_integrations.apps.models import OpenAICompatible
from memoryos_integrations.errors import ConfigError
from memoryos_integrations.storage.location import LEDGER_FILE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from memoryos_integrations.config import MemoryConfig
    from memoryos_integrations.memory import MemoryOS
    from memoryos_integrations.protocols import Embedder

EMBEDDED = "all-MiniLM-L6-v2"
_log = logging.getLogger("memoryos_integrations.compat")


@dataclass(frozen=True, slots=True)
class Settings:
    """The arguments that a store is opened with."""

    path: Path
    config: MemoryConfig
    embedder: Embedder | str | None
    llm_model: str
    base_url: str | None
    api_key: str | None = field(repr=False)

    @property
    def key(self) -> tuple[object, ...]:
        """Identifies the settings; embedder objects are compared by identity."""
        own = self.embedder if isinstance(self.embedder, str) else id(self.embedder)
        return (self.path, self.config, own, self.llm_model, self.base_url, self.api_key)


@dataclass(slots=True)
class Shared:
    """An open store, and the instances that use it."""

    settings: Settings
    memory: MemoryOS
    holders: weakref.WeakSet[Any] = field(default_factory=weakref.WeakSet)


_open: dict[tuple[object, ...], Shared] = {}
_lock = threading.Lock()


def hold(holder: object, settings: Settings) -> Shared:
    """Return the store for an instance: an open one, or a new one."""
    from memoryos_integrations.memory import MemoryOS

    with _lock:
        _close_unused(settings.path, but=settings.key)
        shared = _open.get(settings.key)
        if shared is None:
            _warn_of_upstream(settings.path)
            llm = OpenAICompatible(settings.llm_model, base_url=settings.base_url, api_key=settings.api_key)
            memory = MemoryOS(settings.path, config=settings.config, embedder=settings.embedder, llm=llm)
            shared = _open[settings.key] = Shared(settings, memory)
        shared.holders.add(holder)
        return shared


def release(holder: object, shared: Shared) -> None:
    """Close the store unless another instance uses it."""
    with _lock:
        shared.holders.discard(holder)
        _close_unused(shared.settings.path)


def close_unused(path: Path) -> None:
    """Close the stores of a folder that have no instance left, so that another can own it."""
    with _lock:
        _close_unused(path)


def embedder_named(name: str, options: Mapping[str, Any] | None) -> Embedder | str | None:
    """Return the embedder for upstream's two arguments.

    Raises:
        ConfigError: the name is not included and no object was passed.
    """
    rest = dict(options or {})
    own = rest.pop("embedder", None)
    if own is None and name not in (EMBEDDED, f"sentence-transformers/{EMBEDDED}"):
        raise ConfigError(
            f"embedding_model_name: {name!r} does not come with this library, only {EMBEDDED!r} does. Leave "
            'it out, or pass a model as an object, embedding_model_kwargs={"embedder": ...}: '
            "langchain_memoryos.llm.from_embeddings and llamaindex_memoryos.llm.from_embed_model make one."
        )
    if rest:
        _log.warning("embedding_model_kwargs: %s have no effect here.", ", ".join(map(str, rest)))
    return own  # type: ignore[no-any-return]


def _close_unused(path: Path, but: tuple[object, ...] | None = None) -> None:
    for key, shared in list(_open.items()):
        if shared.settings.path == path and key != but and not shared.holders:
            del _open[key]
            shared.memory.close()


def _warn_of_upstream(path: Path) -> None:
    """Warn if the folder has upstream's files: its memories would seem lost."""
    theirs = any((path / name).is_dir() for name in ("users", "chroma_storage"))
    if theirs and not (path / LEDGER_FILE).exists():
        _log.warning(
            "%s holds a store of upstream MemoryOS, which is not read here. Bring it over with "
            "'memoryos import-upstream'; docs/upstream.md says how.",
            path,
        )
