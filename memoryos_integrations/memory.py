"""MemoryOS: one store of memories on disk, shared by all users, threads and frameworks."""

from __future__ import annotations

import atexit
import os
import threading
import warnings
import weakref
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self

from memoryos_integrations import checks, reports
from memoryos_integrations.clock import clock_of
from memoryos_integrations.config import MemoryConfig
from memoryos_integrations.embedders import resolve
from memoryos_integrations.errors import ConfigError
from memoryos_integrations.items import Items
from memoryos_integrations.model.page_queue import LEARNING, REFINEMENT
from memoryos_integrations.runtime import inspection
from memoryos_integrations.runtime.store import open_store
from memoryos_integrations.runtime.worker import WORKER_NAME
from memoryos_integrations.storage import outbox
from memoryos_integrations.storage.location import store_folder
from memoryos_integrations.storage.scope import OF_ITEMS, Scope, all_scopes, lock_all
from memoryos_integrations.types import FlushReport, Report
from memoryos_integrations.user_memory import UserMemory
from memoryos_integrations.writing import reindexing

if TYPE_CHECKING:
    from memoryos_integrations.events import Event
    from memoryos_integrations.protocols import LLM, Clock, Embedder
    from memoryos_integrations.runtime.store import ModelWork, Store

_open: weakref.WeakSet[MemoryOS] = weakref.WeakSet()


class MemoryOS:
    """A store of memories.

    Thread-safe. Several processes may open one folder: all of them read and write, one does the background
    work.

    Args:
        path: the store's folder, created if missing; ``None``: from ``MEMORYOS_URL``, ``MEMORYOS_PATH`` or
            the account (``platformdirs.user_data_dir("memoryos")``). ``~`` is expanded.
        config: settings; defaults come from the paper or from measurements.
        embedder: an ``Embedder``; ``None`` for the included default, which reads English and needs no
            network; ``"multilingual"`` for the one of the extra of that name; ``"none"`` to search by words.
        llm: a chat model, see ``LLM``, that refines rule-based results in the background;
            ``from_langchain`` and ``from_llamaindex`` of the adapters wrap a chat model of theirs.
        on_event: called with every ``Event``, see ``memoryos_integrations.events``.
        clock: source of the time; the system clock by default.
        chroma: a chromadb client for the vector index; by default an index in the store's folder.

    Raises:
        ConfigError: an argument is unusable.
        StoreError: the folder cannot be opened; the subclass says why.
        EmbedderMismatchError: the store was filled by another embedder.

    Example:
        >>> memory = MemoryOS(path)
        >>> memory.user("ann").add("I moved to Lisbon in May.", "How is it there?").tier
        'short_term'
        >>> memory.close()
    """

    def __init__(
        self,
        path: str | Path | None = None,
        *,
        config: MemoryConfig | None = None,
        embedder: Embedder | str | None = None,
        llm: LLM | None = None,
        on_event: Callable[[Event], None] | None = None,
        clock: Clock | Callable[[], datetime] | None = None,
        chroma: Any = None,
    ) -> None:
        if config is not None and not isinstance(config, MemoryConfig):
            raise ConfigError(f"config must be a MemoryConfig, not {type(config).__name__}")
        self._store = open_store(
            store_folder(path),
            config=config or MemoryConfig(),
            embedder=resolve(embedder),
            llm=None if llm is None else checks.chat_model("llm", llm),
            chroma=chroma,
            clock=clock_of(clock),
            emit=on_event if on_event is not None else lambda _: None,
        )
        _open.add(self)
        self._unreferenced = weakref.finalize(self, _close_unreferenced, self._store)
        self._unreferenced.atexit = False
        if self._has_work():
            self._store.worker.start()
            if self._store.model is not None:
                self._store.model.worker.start()

    @property
    def path(self) -> Path:
        """The store's folder."""
        return self._store.path

    @property
    def config(self) -> MemoryConfig:
        """The settings."""
        return self._store.config

    @property
    def embedder(self) -> Embedder | None:
        """The embedder; ``None`` if the store is searched by words only."""
        return self._store.embedding.embedder

    @property
    def llm(self) -> LLM | None:
        """The chat model; ``None`` if the store works by rules only."""
        return self._store.model.llm.llm if self._store.model is not None else None

    @property
    def items(self) -> Items:
        """Key-value items of the application, stored beside the memories."""
        return Items(self._store, keep=self)

    def user(self, user_id: str, agent_id: str = "default") -> UserMemory:
        """Return the memory of one user with one agent. This stores nothing.

        Args:
            user_id: any non-empty text up to 256 characters without control characters.
            agent_id: the same.

        Raises:
            InvalidInputError: an id is unusable.
        """
        scope = Scope(checks.identifier("user_id", user_id), checks.identifier("agent_id", agent_id))
        return UserMemory(self, self._store, scope)

    def users(self) -> list[str]:
        """Return the ids of all users who have memories, sorted."""
        with self._store.ledger.read() as tx:
            return sorted({scope.user_id for _, scope in all_scopes(tx) if scope != OF_ITEMS})

    def flush(self) -> FlushReport:
        """Run all background jobs now, in this thread, each once, including those that failed before.

        Returns:
            Jobs done, jobs that failed and will be retried, and the number of jobs left to another process
            that owns the store.
        """
        return self._run_all(self._store.model)

    def enrich(self, llm: LLM | None = None) -> FlushReport:
        """Let a chat model refine all rule-based results now, in this thread, user by user.

        A store opened with ``llm=`` does this in the background: pages are grouped by topic, and facts and
        traits are extracted from hot topics. Pages that a model failed on are tried again. After an
        interruption or a failure of the model, call it again to continue.

        Args:
            llm: the model; the store's own by default.

        Raises:
            ConfigError: the store has no model and none was given.
            StoreError: another process owns the store.
        """
        model = self._store.model if llm is None else self._store.model_work(checks.chat_model("llm", llm))
        if model is None:
            raise ConfigError("enrich() needs a chat model: enrich(llm), or MemoryOS(path, llm=...).")
        by_rules = self._run_all(None).ran  # so that pending pages are refined too
        with model.worker.alone(), self._store.ledger.write() as tx:
            for scope in lock_all(tx):
                for queue in (REFINEMENT, LEARNING):
                    queue.request_again(tx, scope)
        report = self._run_all(model)
        return replace(report, ran=Counter(by_rules) + Counter(report.ran))

    def _run_all(self, model: ModelWork | None) -> FlushReport:
        """Run due jobs, and those they make due, until only failed ones are left."""
        self._store.job_handlers.write_visits()
        worker = self._store.worker
        if worker.take_charge():
            self._store.indexing.check()
        done, owner = worker.run_due()
        ran = Counter(done)
        if owner and model is not None:
            with self._store.job_handlers.queueing_for_model():
                done, _ = model.worker.run_due()
                while done:
                    ran.update(done)
                    ran.update(worker.run_due(failed=False)[0])
                    done, _ = model.worker.run_due(failed=False)
        with self._store.ledger.read() as tx:
            return FlushReport(dict(ran), outbox.failed(tx), 0 if owner else sum(outbox.pending(tx).values()))

    def verify(self) -> Report:
        """Check the ledger, and the index against it. Changes nothing."""
        return inspection.verify(self._store)

    def stats(self) -> dict[str, Any]:
        """Return counts of stored rows and pending jobs, the embedder, and bytes on disk."""
        return inspection.stats(self._store)

    def rebuild_index(self) -> int:
        """Rebuild the vector index from the ledger; returns the number of its records.

        Raises:
            StoreError: another process owns the store.
        """
        with self._store.worker.alone():
            self._store.indexing.empty_and_request_rebuild()
        self.flush()
        return sum(held for held, _ in self._store.indexing.counts().values())

    def reindex(self, embedder: Embedder | str | None) -> int:
        """Switch the store to another embedder; returns the number of vectors computed.

        The old vectors are used until all new ones are stored. An interrupted call continues where it
        stopped. Without the old embedder, open the store with ``"none"``; moving to it deletes the vectors.

        Raises:
            StoreError: another process owns the store.
            EmbedderUnavailableError: the new embedder failed; the old one stays in use.
        """
        chosen = resolve(embedder)
        if chosen is None and embedder is None:
            raise ConfigError("The weights of the default embedder are not installed; the log says how.")
        with self._store.worker.alone():
            count = reindexing.reindex(self._store.ledger, self._store.embedding, chosen)
            self._store.cache.clear()
            self._store.indexing.empty_and_request_rebuild()
        self.flush()
        return count

    def close(self) -> None:
        """Close the store. The running transaction is finished; pending jobs stay in the ledger."""
        if self not in _open:
            return
        _open.discard(self)
        self._unreferenced.detach()
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return reports.mimebundle(reports.card(repr(self), self.stats()))

    def __reduce__(self) -> NoReturn:
        checks.refuse_pickling("MemoryOS")

    def __repr__(self) -> str:
        return f"MemoryOS({str(self.path)!r})"

    def _has_work(self) -> bool:
        with self._store.ledger.read() as tx:
            return outbox.next_due(tx, outbox.ORDER) is not None


def _close_unreferenced(store: Store) -> None:
    """Close a store whose ``MemoryOS`` nobody refers to any more."""
    try:
        if threading.current_thread().name == WORKER_NAME:  # it may be in a transaction
            threading.Thread(target=store.close, name="memoryos-closing").start()
        else:
            store.close()
    finally:  # last, since a filter may turn the warning into an error
        warnings.warn(
            f"The MemoryOS of {store.path} was not closed: use it in a with block, or call close().",
            ResourceWarning,
            stacklevel=2,
        )


@atexit.register
def _close_all() -> None:
    with ExitStack() as closing:  # closes each, whatever another one raises
        for memory in list(_open):
            closing.callback(memory.close)


def _after_fork() -> None:
    for memory in list(_open):
        memory._store.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
