"""MemoryOS: one store of memories on disk, opened once and used by every user, thread and framework."""

from __future__ import annotations

import atexit
import weakref
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from memoryos_integrations import checks, forgetting, inspection, reindexing
from memoryos_integrations.config import MemoryConfig
from memoryos_integrations.context import Assembly
from memoryos_integrations.dense import Dense
from memoryos_integrations.embedders import resolve
from memoryos_integrations.embedding import Embedding
from memoryos_integrations.errors import ConfigError, MemoryOSError
from memoryos_integrations.events import Forgotten
from memoryos_integrations.indexing import Indexing
from memoryos_integrations.mid_term import Visits
from memoryos_integrations.retrieval import Retrieval
from memoryos_integrations.scope import Scope, all_scopes
from memoryos_integrations.storage import outbox
from memoryos_integrations.storage.ledger import Ledger
from memoryos_integrations.storage.scope_rows import ScopeCache
from memoryos_integrations.storage.worker import Ownership, Worker
from memoryos_integrations.tokens import default_counter
from memoryos_integrations.types import FlushReport, ForgetReceipt, Report
from memoryos_integrations.upkeep import Upkeep
from memoryos_integrations.user_memory import UserMemory

if TYPE_CHECKING:
    from memoryos_integrations.events import Event
    from memoryos_integrations.protocols import Clock, Embedder

_open: weakref.WeakSet[MemoryOS] = weakref.WeakSet()


class MemoryOS:
    """A store of memories.

    Every call is safe from any thread. Several processes may open one folder: each reads and writes, one of
    them does the background work.

    Args:
        path: the store's folder, made if it is not there.
        config: settings; the defaults are the paper's or measured.
        embedder: an ``Embedder``; ``None`` for the embedded default, which needs no network; ``"quality"``
            for the larger one of the extra of that name; ``"none"`` to search by words only.
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
        path: str | Path,
        *,
        config: MemoryConfig | None = None,
        embedder: Embedder | str | None = None,
        on_event: Callable[[Event], None] | None = None,
        clock: Clock | Callable[[], datetime] | None = None,
        chroma: Any = None,
    ) -> None:
        if not isinstance(path, str | Path) or not str(path):
            raise ConfigError(f"path must be the path of a folder, not {path!r}")
        if config is not None and not isinstance(config, MemoryConfig):
            raise ConfigError(f"config must be a MemoryConfig, not {type(config).__name__}")
        self.path = Path(path)
        self._config = config or MemoryConfig()
        self._clock = _clock_of(clock)
        self._emit = on_event if on_event is not None else _ignore
        self._count_tokens = self._config.token_counter or default_counter()
        chosen = resolve(embedder)
        self._ledger = Ledger(self.path)
        try:
            self._embedding = Embedding(self._ledger, chosen, self._now_us, self._emit)
        except MemoryOSError:
            self._ledger.close()
            raise
        self._indexing = Indexing(self._ledger, chroma, self.path / "chroma", self._now_us, self._emit)
        self._visits = Visits()
        self._cache = ScopeCache(self._config.cache_mb * 1_000_000, self._config.session_gap)
        self._retrieval = Retrieval(
            self._ledger,
            self._cache,
            Dense(self._ledger, self._embedding, self._indexing, self._config),
            self._visits,
            config=self._config,
            count_tokens=self._count_tokens,
            now=self._now_us,
            emit=self._emit,
        )
        self._assembly = Assembly(self._ledger, self._retrieval, self._config, self._count_tokens)
        self._upkeep = Upkeep(
            self._ledger,
            self._embedding,
            self._indexing,
            self._visits,
            config=self._config,
            stopping=lambda: self._worker.stopping(),
            now=self._now_us,
            emit=self._emit,
        )
        self._ownership = Ownership(self.path)
        self._worker = Worker(
            self._ledger,
            self._ownership,
            self._upkeep.handlers(),
            adopt=self._adopt,
            now=self._now_us,
            emit=self._emit,
        )
        _open.add(self)
        if self._has_work():
            self._worker.start()

    @property
    def config(self) -> MemoryConfig:
        """The settings."""
        return self._config

    @property
    def embedder(self) -> Embedder | None:
        """The embedder; ``None`` when the store is searched by words only."""
        return self._embedding.embedder

    def user(self, user_id: str, agent_id: str = "default") -> UserMemory:
        """Return the memory of one user with one agent. Nothing is stored by this.

        Args:
            user_id: any non-empty text up to 256 characters without control characters.
            agent_id: the same.

        Raises:
            InvalidInputError: an id is unusable.
        """
        scope = Scope(checks.identifier("user_id", user_id), checks.identifier("agent_id", agent_id))
        return UserMemory(self, scope)

    def users(self) -> list[str]:
        """Return the ids of all users who have memories, in order."""
        with self._ledger.read() as tx:
            return sorted({scope.user_id for _, scope in all_scopes(tx)})

    def flush(self) -> FlushReport:
        """Do all background work that is due, now, in this thread.

        Returns:
            What was done, what failed and waits for its next try, and how much is left to the process that
            owns the index, if it is another one.
        """
        self._upkeep.write_visits()
        ran, owner = self._worker.run_due()
        with self._ledger.read() as tx:
            return FlushReport(ran, outbox.parked(tx), 0 if owner else sum(outbox.waiting(tx).values()))

    def verify(self) -> Report:
        """Check the ledger, and the index against it. Changes nothing."""
        return inspection.verify(self._ledger, self._indexing, owner=self._worker.take_charge())

    def stats(self) -> dict[str, Any]:
        """Return counts of what is stored and waiting, the embedder, and bytes on disk."""
        return inspection.stats(self._ledger, self.path, self._embedding, owner=self._ownership.held)

    def rebuild_index(self) -> int:
        """Make the vector index anew from the ledger; returns the number of its records.

        Raises:
            StoreError: another process owns the index.
        """
        with self._worker.alone():
            self._indexing.empty_and_request_rebuild()
        self.flush()
        return sum(held for held, _ in self._indexing.counts().values())

    def reindex(self, embedder: Embedder | str | None) -> int:
        """Move the store over to another embedder; returns the number of vectors made.

        The old vectors serve until all new ones are there; a call that was interrupted goes on where it
        stopped.

        Raises:
            StoreError: another process owns the index.
            EmbedderUnavailableError: the new embedder failed; the old one stays in use.
        """
        chosen = resolve(embedder)
        if chosen is None:
            raise ConfigError("reindex() needs an embedder to move to.")
        with self._worker.alone():
            made = reindexing.reindex(self._ledger, self._embedding, chosen)
            self._cache.clear()
            self._indexing.empty_and_request_rebuild()
        self.flush()
        return made

    def close(self) -> None:
        """Close the store. The running transaction is finished; other work waits in the ledger."""
        if self not in _open:
            return
        _open.discard(self)
        try:
            self._upkeep.write_visits()
        finally:
            self._worker.stop()
            self._indexing.close()
            self._ledger.close()
            self._ownership.release()
            self._cache.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"MemoryOS({str(self.path)!r})"

    def _forget(self, scope: Scope, *, ids: Sequence[str] | None, thread_id: str | None) -> ForgetReceipt:
        with self._ledger.write() as tx:
            number = scope.number(tx)
            erased = forgetting.forget(tx, number, ids=ids, thread_id=thread_id, now=self._now_us())
        self._ledger.scrub()
        if number is not None:
            self._cache.drop(number)
            self._worker.notify()
            self._emit(Forgotten(number, len(erased.messages), len(erased.facts)))
        return ForgetReceipt(
            at=self._now(),
            message_ids=tuple(erased.messages),
            page_ids=tuple(erased.pages),
            segment_ids=tuple(erased.segments),
            fact_ids=tuple(erased.facts),
            persona_versions=erased.persona_versions,
            missing_ids=tuple(erased.missing),
        )

    def _adopt(self) -> None:
        self._indexing.adopt()
        self._embedding.request_missing()

    def _has_work(self) -> bool:
        with self._ledger.read() as tx:
            return outbox.next_due(tx) is not None

    def _now(self) -> datetime:
        return checks.moment("clock", self._clock())

    def _now_us(self) -> int:
        return checks.to_us(self._now())


def _clock_of(clock: Clock | Callable[[], datetime] | None) -> Callable[[], datetime]:
    if clock is None:
        return _system_time
    now = getattr(clock, "now", clock)
    if not callable(now):
        raise ConfigError("clock must have a method now(), or be a function, that returns an aware datetime")
    return now


def _system_time() -> datetime:
    return datetime.now(UTC)


def _ignore(_event: Event) -> None:
    """What happens to events that nobody asked for."""


@atexit.register
def _close_all() -> None:
    for memory in list(_open):
        memory.close()
