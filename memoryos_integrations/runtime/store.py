"""Composition root: builds the parts of an open store."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memoryos_integrations.clock import Times
from memoryos_integrations.errors import ConfigError, MemoryOSError
from memoryos_integrations.model.learning import Learning
from memoryos_integrations.model.metered_llm import MeteredLLM
from memoryos_integrations.model.refinement import Refinement
from memoryos_integrations.model.responding import Responder
from memoryos_integrations.retrieval.context import ContextBuilder
from memoryos_integrations.retrieval.scope_rows import ScopeCache
from memoryos_integrations.retrieval.search import Retrieval
from memoryos_integrations.retrieval.vector_signal import VectorSignal
from memoryos_integrations.runtime.httpx_import import import_httpx
from memoryos_integrations.runtime.job_handlers import JobHandlers
from memoryos_integrations.runtime.worker import Worker
from memoryos_integrations.storage.ledger import Ledger
from memoryos_integrations.storage.ownership import Ownership
from memoryos_integrations.tiers.visits import Visits
from memoryos_integrations.tokens import counter_of
from memoryos_integrations.writing.embedding import Embedding
from memoryos_integrations.writing.indexing import Indexing

if TYPE_CHECKING:
    from memoryos_integrations.config import MemoryConfig
    from memoryos_integrations.events import Event
    from memoryos_integrations.protocols import LLM, Embedder, TokenCounter
    from memoryos_integrations.runtime.worker import Handler
    from memoryos_integrations.storage.outbox import JobKind
    from memoryos_integrations.storage.scope import Scope
    from memoryos_integrations.types import Context


_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Announcer:
    """Calls the event handler from background work; its exceptions are logged."""

    handler: Callable[[Event], None]

    def __call__(self, event: Event) -> None:
        try:
            self.handler(event)
        except Exception:  # noqa: BLE001 - no caller to catch it, and the work is done
            _log.exception("The on_event handler failed on %s.", type(event).__name__)


@dataclass(frozen=True, slots=True)
class ModelWork:
    """A chat model and its worker."""

    llm: MeteredLLM
    worker: Worker
    """Runs the jobs that need the model, in its own thread."""


@dataclass(frozen=True, slots=True)
class Store:
    """The parts of an open store."""

    path: Path
    config: MemoryConfig
    times: Times
    emit: Callable[[Event], None]
    ledger: Ledger
    embedding: Embedding
    indexing: Indexing
    cache: ScopeCache
    visits: Visits
    retrieval: Retrieval
    context_builder: ContextBuilder
    job_handlers: JobHandlers
    ownership: Ownership
    worker: Worker
    announce: Callable[[Event], None]
    count_tokens: TokenCounter
    model: ModelWork | None = None

    def model_work(self, llm: LLM) -> ModelWork:
        """Return a chat model with its worker for this store; nothing runs yet."""
        now, config = self.times.now_us, self.config
        metered = MeteredLLM(llm, self.ledger, config=config, count_tokens=self.count_tokens, now=now)
        refinement = Refinement(
            self.ledger,
            self.embedding,
            metered,
            config=config,
            count_tokens=self.count_tokens,
            now=now,
            emit=self.announce,
            wake=self.worker.wake,
        )
        learning = Learning(
            self.ledger, metered, config=config, count_tokens=self.count_tokens, now=now, emit=self.announce
        )
        handlers: dict[JobKind, Handler] = {"refine": refinement.run, "learn": learning.run}
        return ModelWork(
            metered,
            Worker(self.ledger, self.ownership, handlers, now=now, emit=self.announce, parent=self.worker),
        )

    def responder(
        self,
        scope: Scope,
        build_context: Callable[..., Context],
        on_added: Callable[[int, str, tuple[str, ...]], None],
    ) -> Responder:
        """Return the responder of a scope.

        Raises:
            ConfigError: the store has no chat model.
        """
        if self.model is None:
            raise ConfigError(
                "respond() needs a chat model: open the store with MemoryOS(path, llm=...); "
                "langchain_memoryos.llm and llamaindex_memoryos.llm adapt theirs."
            )
        return Responder(
            self.model.llm,
            self.ledger,
            self.times,
            scope,
            max_tokens=self.config.response_tokens,
            build_context=build_context,
            on_added=on_added,
        )

    def after_fork(self) -> None:
        """Make the store usable in a child process; the parent keeps its background work."""
        self.ledger.after_fork()
        self.indexing.after_fork()
        self.cache.after_fork()
        self.visits.after_fork()
        self.worker.after_fork()
        if self.model is not None:
            self.model.worker.after_fork()

    def close(self) -> None:
        """Finish the running transaction and release every file."""
        with ExitStack() as closing:  # runs all, last one first, whatever another one raises
            closing.callback(self.cache.clear)
            closing.callback(self.ownership.release)
            closing.callback(self.ledger.close)
            closing.callback(self.indexing.close)
            closing.callback(self.worker.stop)
            if self.model is not None:
                closing.callback(self.model.worker.stop)
            self.job_handlers.write_visits()


def open_store(
    path: Path,
    *,
    config: MemoryConfig,
    embedder: Embedder | None,
    llm: LLM | None,
    chroma: Any,
    clock: Callable[[], datetime],
    emit: Callable[[Event], None],
) -> Store:
    """Open a folder and build its store; nothing runs in the background yet."""
    import_httpx()
    times = Times(clock)
    announce = _Announcer(emit)
    count_tokens = counter_of(config.token_counter)
    ledger = Ledger(path)
    try:
        embedding = Embedding(ledger, embedder, announce)
    except MemoryOSError:
        ledger.close()
        raise
    indexing = Indexing(ledger, chroma, path / "chroma", announce)
    visits = Visits()
    cache = ScopeCache(config.cache_mb * 1_000_000, config.session_gap)
    vectors = VectorSignal(embedding, indexing, config)
    now = times.now_us
    retrieval = Retrieval(
        ledger, cache, vectors, visits, config=config, count_tokens=count_tokens, now=now, emit=emit
    )
    job_handlers, ownership, worker = _background(
        ledger, embedding, indexing, visits, config, times, announce
    )
    store = Store(
        path=path,
        config=config,
        times=times,
        emit=emit,
        ledger=ledger,
        embedding=embedding,
        indexing=indexing,
        cache=cache,
        visits=visits,
        retrieval=retrieval,
        context_builder=ContextBuilder(ledger, retrieval, config, count_tokens),
        job_handlers=job_handlers,
        ownership=ownership,
        worker=worker,
        announce=announce,
        count_tokens=count_tokens,
    )
    return store if llm is None else _with_model(store, llm)


def _with_model(store: Store, llm: LLM) -> Store:
    model = store.model_work(llm)
    store.job_handlers.wake_model = model.worker.wake
    return replace(store, model=model)


def _background(
    ledger: Ledger,
    embedding: Embedding,
    indexing: Indexing,
    visits: Visits,
    config: MemoryConfig,
    times: Times,
    announce: _Announcer,
) -> tuple[JobHandlers, Ownership, Worker]:
    job_handlers = JobHandlers(
        ledger, embedding, indexing, visits, config=config, now=times.now_us, emit=announce
    )
    ownership = Ownership(ledger.folder)
    worker = Worker(
        ledger,
        ownership,
        job_handlers.handlers(),
        on_acquired=job_handlers.on_acquired,
        now=times.now_us,
        emit=announce,
    )
    job_handlers.stopping = worker.stopping
    indexing.acquire_ownership = worker.try_to_take_charge
    return job_handlers, ownership, worker
