"""MemoryOS: one store of memories on disk, opened once and used by every user, thread and framework."""

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

    Every call is safe from any thread. Several processes may open one folder: each reads and writes, one of
    them does the background work.

    Args:
        path: the store's folder, made if it is not there; ``None``: of ``MEMORYOS_URL``, ``MEMORYOS_PATH`` or
            the account (``platformdirs.user_data_dir("memoryos")``). ``~`` is expanded.
        config: settings; the defaults are the paper's or measured.
        embedder: an ``Embedder``; ``None`` for the embedded default, which reads English and needs no
            network; ``"multilingual"`` for the one of the extra of that name; ``"none"`` to search by words.
        llm: a chat model that refines in the background what rules have made, see ``LLM``; ``from_langchain``
            and ``from_llamaindex`` of the adapters make one of any chat model of theirs.
        on_event: called with every ``Event``, see ``memoryos_integrations.events``.
        clock: where the time comes from; the system's by default.
        chroma: a chromadb client for the vector index; by default an index in the store's folder.

    Raises:
        ConfigError: an argument is unusable.
        StoreError: the folder cannot be opened; the name of the subclass says why.
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
            emit=on_event if on_event is not None else _ignore,
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
        """The embedder; ``None`` when the store is searched by words only."""
        return self._store.embedding.embedder

    @property
    def llm(self) -> LLM | None:
        """The chat model; ``None`` when everything is done by rules."""
        return self._store.model.llm.llm if self._store.model is not None else None

    @property
    def items(self) -> Items:
        """Values kept under names of a program's own, beside what is remembered."""
        return Items(self._store, keep=self)

    def user(self, user_id: str, agent_id: str = "default") -> UserMemory:
        """Return the memory of one user with one agent. Nothing is stored by this.

        Args:
            user_id: any non-empty text up to 256 characters without control characters.
            agent_id: the same.

        Raises:
            InvalidInputError: an id is unusable.
        """
        scope = Scope(checks.identifier("user_id", user_id), checks.identifier("agent_id", agent_id))
        return UserMemory(self, self._store, scope)

    def users(self) -> list[str]:
        """Return the ids of all users who have memories, in order."""
        with self._store.ledger.read() as tx:
            return sorted({scope.user_id for _, scope in all_scopes(tx) if scope != OF_ITEMS})

    def flush(self) -> FlushReport:
        """Do all background work, now, in this thread: each job once, those that failed before too.

        Returns:
            What was done, what failed and waits for its next try, and how much is left to the process that
            owns the index, if it is another one.
        """
        return self._run_all(self._store.model)

    def enrich(self, llm: LLM | None = None) -> FlushReport:
        """Let a chat model refine all that none has refined yet, now, in this thread, user by user.

        It is the work that goes on in the background where the store was opened with ``llm=``: pages are
        sorted into topics, hot topics teach long-term memory. What a model failed at before is tried again.
        A call that was interrupted, or that found the model down, is taken up by the next one.

        Args:
            llm: the model; by default the store's own.

        Raises:
            ConfigError: the store has no model and none was given.
            StoreError: another process owns the index, and does this work.
        """
        model = self._store.model if llm is None else self._store.model_work(checks.chat_model("llm", llm))
        if model is None:
            raise ConfigError("enrich() needs a chat model: enrich(llm), or MemoryOS(path, llm=...).")
        by_rules = self._run_all(None).ran  # what they have still to move is refined too
        with model.worker.alone(), self._store.ledger.write() as tx:
            for scope in lock_all(tx):
                for waiting in (REFINEMENT, LEARNING):
                    waiting.request_again(tx, scope)
        report = self._run_all(model)
        return replace(report, ran=Counter(by_rules) + Counter(report.ran))

    def _run_all(self, model: ModelWork | None) -> FlushReport:
        """Run what is due; what that makes due too, until nothing is left but what failed."""
        self._store.job_handlers.write_visits()
        worker = self._store.worker
        if worker.take_charge():
            self._store.indexing.check()
        done, owner = worker.run_due()
        ran = Counter(done)
        if owner and model is not None:
            with self._store.job_handlers.noting_for_a_model():
                asked, _ = model.worker.run_due()
                while asked:
                    ran.update(asked)
                    ran.update(worker.run_due(failed=False)[0])
                    asked, _ = model.worker.run_due(failed=False)
        with self._store.ledger.read() as tx:
            return FlushReport(dict(ran), outbox.failed(tx), 0 if owner else sum(outbox.pending(tx).values()))

    def verify(self) -> Report:
        """Check the ledger, and the index against it. Changes nothing."""
        return inspection.verify(self._store)

    def stats(self) -> dict[str, Any]:
        """Return counts of what is stored and waiting, the embedder, and bytes on disk."""
        return inspection.stats(self._store)

    def rebuild_index(self) -> int:
        """Make the vector index anew from the ledger; returns the number of its records.

        Raises:
            StoreError: another process owns the index.
        """
        with self._store.worker.alone():
            self._store.indexing.empty_and_request_rebuild()
        self.flush()
        return sum(held for held, _ in self._store.indexing.counts().values())

    def reindex(self, embedder: Embedder | str | None) -> int:
        """Move the store over to another embedder; returns the number of vectors made.

        The old vectors serve until all new ones are there; a call that was interrupted goes on where it
        stopped. Without the old embedder, open the store with ``"none"``; moving to it deletes the vectors.

        Raises:
            StoreError: another process owns the index.
            EmbedderUnavailableError: the new embedder failed; the old one stays in use.
        """
        chosen = resolve(embedder)
        if chosen is None and embedder is None:
            raise ConfigError("The weights of the default embedder are not installed; the log says how.")
        with self._store.worker.alone():
            made = reindexing.reindex(self._store.ledger, self._store.embedding, chosen)
            self._store.cache.clear()
            self._store.indexing.empty_and_request_rebuild()
        self.flush()
        return made

    def close(self) -> None:
        """Close the store. The running transaction is finished; other work waits in the ledger."""
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
    warnings.warn(
        f"The MemoryOS of {store.path} was not closed: use it in a with block, or call close().",
        ResourceWarning,
        stacklevel=2,
    )
    if threading.current_thread().name == WORKER_NAME:  # which may be in the midst of a transaction
        threading.Thread(target=store.close, name="memoryos-closing").start()
    else:
        store.close()


def _ignore(_event: Event) -> None:
    """What happens to events that nobody asked for."""


@atexit.register
def _close_all() -> None:
    with ExitStack() as closing:  # each is closed, whatever another one raises
        for memory in list(_open):
            closing.callback(memory.close)


def _after_fork() -> None:
    for memory in list(_open):
        memory._store.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
