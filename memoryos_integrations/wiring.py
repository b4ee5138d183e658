"""The parts of an open store and how they hang together: the one place where they are put together."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memoryos_integrations import checks
from memoryos_integrations.asking import Asking
from memoryos_integrations.context import Assembly
from memoryos_integrations.dense import Dense
from memoryos_integrations.embedding import Embedding
from memoryos_integrations.errors import MemoryOSError
from memoryos_integrations.imports import settle_httpx
from memoryos_integrations.indexing import Indexing
from memoryos_integrations.items import Items
from memoryos_integrations.learning import Learning
from memoryos_integrations.refinement import Refinement
from memoryos_integrations.retrieval import Retrieval
from memoryos_integrations.storage.ledger import Ledger
from memoryos_integrations.storage.scope_rows import ScopeCache
from memoryos_integrations.storage.worker import Ownership, Worker
from memoryos_integrations.tokens import default_counter
from memoryos_integrations.upkeep import Upkeep
from memoryos_integrations.visits import Visits

if TYPE_CHECKING:
    from memoryos_integrations.config import MemoryConfig
    from memoryos_integrations.events import Event
    from memoryos_integrations.protocols import LLM, Embedder, TokenCounter
    from memoryos_integrations.storage.outbox import JobKind
    from memoryos_integrations.storage.worker import Handler


_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Times:
    """The store's clock, in the two forms that are needed."""

    clock: Callable[[], datetime]

    def now(self) -> datetime:
        """Return the time as an aware UTC datetime; a clock that shows naive times is refused."""
        return checks.moment("clock", self.clock())

    def now_us(self) -> int:
        """Return the time as the ledger keeps it."""
        return checks.to_us(self.now())


@dataclass(frozen=True, slots=True)
class _Announcer:
    """Tells a handler what background work did; what the handler raises ends in the log, not the work."""

    handler: Callable[[Event], None]

    def __call__(self, event: Event) -> None:
        try:
            self.handler(event)
        except Exception:  # noqa: BLE001 - nobody is there to catch it: the work that it tells of is done
            _log.exception("The handler of events failed at a %s.", type(event).__name__)


@dataclass(frozen=True, slots=True)
class ModelWork:
    """A chat model at work for a store."""

    asking: Asking
    """Asks it."""
    worker: Worker
    """Does the jobs that need it, in a thread of their own."""


@dataclass(frozen=True, slots=True)
class Store:
    """An open store: its files, what reads and writes them, and who does its upkeep."""

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
    assembly: Assembly
    upkeep: Upkeep
    ownership: Ownership
    worker: Worker
    items: Items
    announce: Callable[[Event], None]
    count_tokens: TokenCounter
    model: ModelWork | None = None

    def model_work(self, llm: LLM) -> ModelWork:
        """Return what asks a chat model on behalf of this store; nothing runs yet."""
        now, config = self.times.now_us, self.config
        asking = Asking(llm, self.ledger, config=config, count_tokens=self.count_tokens, now=now)
        emit = self.announce
        refinement = Refinement(
            self.ledger,
            self.embedding,
            asking,
            config=config,
            count_tokens=self.count_tokens,
            now=now,
            emit=emit,
            wake=self.worker.wake,
        )
        learning = Learning(
            self.ledger, asking, config=config, count_tokens=self.count_tokens, now=now, emit=emit
        )
        handlers: dict[JobKind, Handler] = {"refine": refinement.run, "learn": learning.run}
        return ModelWork(
            asking,
            Worker(self.ledger, self.ownership, handlers, now=now, emit=emit, chief=self.worker),
        )

    def after_fork(self) -> None:
        """Make the store usable in a child process; its upkeep stays with the parent."""
        self.ledger.after_fork()
        self.indexing.after_fork()
        self.cache.after_fork()
        self.visits.after_fork()
        self.worker.after_fork()
        if self.model is not None:
            self.model.worker.after_fork()

    def close(self) -> None:
        """Finish the running transaction and let go of every file."""
        try:
            self.upkeep.write_visits()
        finally:
            if self.model is not None:
                self.model.worker.stop()
            self.worker.stop()
            self.indexing.close()
            self.ledger.close()
            self.ownership.release()
            self.cache.clear()


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
    """Open a folder and put the parts together; nothing runs in the background yet."""
    settle_httpx()
    times = Times(clock)
    announce = _Announcer(emit)
    count_tokens = config.token_counter or default_counter()
    ledger = Ledger(path)
    try:
        embedding = Embedding(ledger, embedder, announce)
    except MemoryOSError:
        ledger.close()
        raise
    indexing = Indexing(ledger, chroma, path / "chroma", announce)
    visits = Visits()
    cache = ScopeCache(config.cache_mb * 1_000_000, config.session_gap)
    dense = Dense(embedding, indexing, config)
    now = times.now_us
    retrieval = Retrieval(
        ledger, cache, dense, visits, config=config, count_tokens=count_tokens, now=now, emit=emit
    )
    upkeep, ownership, worker = _background(ledger, embedding, indexing, visits, config, times, announce)
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
        assembly=Assembly(ledger, retrieval, config, count_tokens),
        upkeep=upkeep,
        ownership=ownership,
        worker=worker,
        items=Items(ledger, embedding, indexing, config, now=times.now_us, notify=worker.notify),
        announce=announce,
        count_tokens=count_tokens,
    )
    return store if llm is None else _with_model(store, llm)


def _with_model(store: Store, llm: LLM) -> Store:
    model = store.model_work(llm)
    store.upkeep.wake_model = model.worker.wake
    return replace(store, model=model)


def _background(
    ledger: Ledger,
    embedding: Embedding,
    indexing: Indexing,
    visits: Visits,
    config: MemoryConfig,
    times: Times,
    announce: _Announcer,
) -> tuple[Upkeep, Ownership, Worker]:
    upkeep = Upkeep(ledger, embedding, indexing, visits, config=config, now=times.now_us, emit=announce)
    ownership = Ownership(ledger.path.parent)
    worker = Worker(ledger, ownership, upkeep.handlers(), adopt=upkeep.adopt, now=times.now_us, emit=announce)
    upkeep.stopping = worker.stopping
    indexing.take_charge = worker.try_to_take_charge
    return upkeep, ownership, worker
