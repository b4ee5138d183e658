"""UserMemory: the memory of one user with one agent. No verb takes a user id, so none can mix users up."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from memoryos_integrations import arguments, checks, inspection, long_term, mid_term, short_term, transfer
from memoryos_integrations.errors import InvalidInputError, StoreUnwritableError
from memoryos_integrations.events import FactAdded, TurnAdded
from memoryos_integrations.types import ROLES, Context, ForgetReceipt, Retrieved

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from memoryos_integrations.memory import MemoryOS
    from memoryos_integrations.scope import Scope
    from memoryos_integrations.types import About, Fact, Kind, Message, Page, Persona, Role, Segment, Tier

_ABOUT = ("user", "agent")
_TOKENS_A_MESSAGE = 8  # the shortest turns that are worth a place in a context


class UserMemory:
    """What is remembered of one user, as ``MemoryOS.user()`` returns it.

    Example:
        >>> ada = memory.user("ada")
        >>> _ = ada.add("My sister Jo lives in Porto.", "Nice!", thread_id="monday")
        >>> "Porto" in ada.context("Where does my sister live?", max_tokens=200).text
        True
    """

    def __init__(self, memory: MemoryOS, scope: Scope) -> None:
        self._memory, self._scope = memory, scope
        self._ledger = memory._ledger

    @property
    def user_id(self) -> str:
        """Whose memory it is."""
        return self._scope.user_id

    @property
    def agent_id(self) -> str:
        """With which agent."""
        return self._scope.agent_id

    @property
    def memory(self) -> MemoryOS:
        """The store that holds it."""
        return self._memory

    def add(
        self,
        user: str,
        assistant: str = "",
        *,
        thread_id: str = "default",
        at: datetime | None = None,
        event_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Page:
        """Store a whole turn. When this returns, the turn is on disk and retrievable.

        Args:
            user: what the user said, up to 1 MB; may be empty if the other is not.
            assistant: what was answered; the same.
            thread_id: the conversation.
            at: when; now by default. Must be aware.
            event_id: the caller's name of this turn: a second call with it returns the first page.
            metadata: JSON values of the caller's own, kept and filterable.

        Raises:
            InvalidInputError: an argument is unusable; nothing was stored.
            StoreError: the ledger could not be written; nothing was stored.
        """
        turn = arguments.turn(
            (("user", user), ("assistant", assistant)),
            thread_id=thread_id,
            at=at,
            event_id=event_id,
            metadata=metadata,
            clock=self._memory._now,
        )
        with self._ledger.write() as tx:
            page, is_new = short_term.add_turn(tx, self._scope, turn, self._memory._now_us())
        if is_new:
            self._added(page.id, tuple(message.id for message in page.messages))
        return page

    def add_message(
        self,
        text: str,
        *,
        role: Role,
        name: str | None = None,
        thread_id: str = "default",
        at: datetime | None = None,
        event_id: str | None = None,
        source: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Message:
        """Store one side of a turn.

        A user's message opens a page, the next answer in the thread closes it, a tool's message joins the
        open page. A message without a page to join gets one of its own.

        Args:
            text: up to 1 MB.
            role: ``"user"``, ``"assistant"`` or ``"tool"``.
            name: the speaker's name, if it is known.
            thread_id: the conversation.
            at: when; now by default. Must be aware.
            event_id: the caller's name of this message: a second call with it returns the first message.
            source: where the text came from: ``"user"``, ``"assistant"``, ``"tool"`` or ``"import"``; the role
                by default.
            metadata: JSON values of the caller's own, kept and filterable.

        Raises:
            InvalidInputError: an argument is unusable; nothing was stored.
            StoreError: the ledger could not be written; nothing was stored.
        """
        turn = arguments.turn(
            ((cast("Role", checks.one_of("role", role, ROLES)), checks.text("text", text)),),
            thread_id=thread_id,
            at=at,
            event_id=event_id,
            metadata=metadata,
            clock=self._memory._now,
            name=name,
            source=source,
        )
        with self._ledger.write() as tx:
            message, is_new = short_term.add_message(tx, self._scope, turn, self._memory._now_us())
        if is_new:
            self._added(message.page_id, (message.id,))
        return message

    def remember(
        self,
        text: str,
        *,
        about: About = "user",
        at: datetime | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Fact:
        """Store a statement to keep, as a fact of long-term memory.

        Args:
            text: the statement, up to 1 MB.
            about: ``"user"`` or ``"agent"``.
            at: since when it holds; now by default. Must be aware.
            metadata: JSON values of the caller's own, kept and filterable.

        Raises:
            InvalidInputError: an argument is unusable; nothing was stored.
            StoreError: the ledger could not be written; nothing was stored.
        """
        checks.text("text", text)
        subject = cast("About", checks.one_of("about", about, _ABOUT))
        since = self._memory._now() if at is None else checks.moment("at", at)
        _, stored = checks.metadata("metadata", metadata)
        with self._ledger.write() as tx:
            number, fact, is_new = long_term.remember(
                tx,
                self._scope,
                text,
                about=subject,
                at=since,
                metadata_json=stored,
                now=self._memory._now_us(),
            )
        if is_new:
            self._memory._worker.notify()
            self._memory._emit(FactAdded(number, fact.id))
        return fact

    def retrieve(
        self,
        query: str,
        *,
        k: int = 10,
        kinds: Sequence[Kind] = ("message",),
        tiers: Sequence[Tier] | None = None,
        thread_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        now: datetime | None = None,
    ) -> Retrieved:
        """Return the memories that answer a question, best first.

        Args:
            query: the question, as the user asked it.
            k: how many items of the asked kinds.
            kinds: of ``"message"``, ``"segment"``, ``"fact"``.
            tiers: of ``"short_term"``, ``"mid_term"``, ``"long_term"``; all by default.
            thread_id: only from this conversation.
            metadata: only what was stored with these values.
            now: the time that "yesterday" in the question counts from; the clock's by default.

        Raises:
            InvalidInputError: an argument is unusable.
        """
        question = arguments.question(
            query,
            k=k,
            kinds=kinds,
            tiers=tiers,
            thread_id=thread_id,
            metadata=metadata,
            now=now,
            clock=self._memory._now,
        )
        with self._ledger.read() as tx:
            number = self._scope.number(tx)
        if number is None:
            return Retrieved(query, (), False)
        return self._memory._retrieval.retrieve(number, question)

    def context(self, query: str, *, max_tokens: int = 2000, thread_id: str | None = None) -> Context:
        """Return memories for a prompt, as one text of at most ``max_tokens`` tokens.

        Args:
            query: the question that the model is going to answer.
            max_tokens: of the whole text, frame included.
            thread_id: the running conversation: its newest turns come first, in up to a quarter of the budget.

        Raises:
            InvalidInputError: an argument is unusable.
        """
        checks.whole("max_tokens", max_tokens, least=1, most=1_000_000)
        thread = None if thread_id is None else checks.identifier("thread_id", thread_id)
        memory = self._memory
        question = arguments.question(
            query,
            k=min(max(20, max_tokens // _TOKENS_A_MESSAGE), checks.MAX_K),
            kinds=("message", "fact"),
            tiers=None,
            thread_id=None,
            metadata=None,
            now=None,
            clock=memory._now,
        )
        with self._ledger.read() as tx:
            number = self._scope.number(tx)
        if number is None:
            return Context("", 0, (), ())
        return memory._assembly.context(number, question, max_tokens=max_tokens, thread_id=thread)

    def pages(self, *, thread_id: str | None = None, limit: int | None = None) -> list[Page]:
        """Return pages of every tier, oldest first; with a limit, the newest so many of them."""
        thread = None if thread_id is None else checks.identifier("thread_id", thread_id)
        newest = None if limit is None else checks.whole("limit", limit, least=1, most=10**9)
        with self._ledger.read() as tx:
            number = self._scope.number(tx)
            return (
                [] if number is None else short_term.load_pages(tx, number, thread_id=thread, newest=newest)
            )

    def segments(self) -> list[Segment]:
        """Return the topic segments of mid-term memory with their heat now, hottest first."""
        self._memory._upkeep.write_visits()
        with self._ledger.read() as tx:
            number = self._scope.number(tx)
            now, config = self._memory._now_us(), self._memory.config
            return [] if number is None else mid_term.load_segments(tx, number, now=now, config=config)

    def facts(self, *, about: About | None = None, at: datetime | None = None) -> list[Fact]:
        """Return the facts that hold now, or held at another time, newest first."""
        subject = None if about is None else cast("About", checks.one_of("about", about, _ABOUT))
        moment = self._memory._now() if at is None else checks.moment("at", at)
        with self._ledger.read() as tx:
            number = self._scope.number(tx)
            return [] if number is None else long_term.load_facts(tx, number, about=subject, at=moment)

    def persona(self, *, version: int | None = None) -> Persona:
        """Return what is known of the user and the agent, now or in an earlier version.

        Raises:
            InvalidInputError: there is no such version.
        """
        knowledge = self.facts()[: self._memory.config.knowledge_capacity]
        with self._ledger.read() as tx:
            number = self._scope.number(tx) or 0
            persona = long_term.load_persona(tx, number, version=version, knowledge=knowledge)
        if persona is None:
            raise InvalidInputError(f"version: this persona has no version {version!r}")
        return persona

    def trace(self, item_id: str) -> list[Page]:
        """Return the pages that a message, page, segment or fact rests on, oldest first.

        Raises:
            InvalidInputError: this user has no such item.
        """
        checks.identifier("item_id", item_id)
        with self._ledger.read() as tx:
            number = self._scope.number(tx)
            pages = None if number is None else inspection.trace(tx, number, item_id)
        if pages is None:
            raise InvalidInputError(f"item_id: this user has no item {item_id!r}")
        return pages

    def forget(
        self,
        *,
        ids: Sequence[str] | None = None,
        thread_id: str | None = None,
        everything: bool = False,
    ) -> ForgetReceipt:
        """Erase for good: rows, everything derived from them, and their bytes in every file of the store.

        Exactly one of the arguments says what. Summaries that used an erased message are blanked at once and
        derived anew in the background, where the vectors leave the index's files too.

        Args:
            ids: of messages, pages, segments (with their pages) or facts.
            thread_id: a whole conversation.
            everything: all that is stored of this user with this agent.

        Raises:
            InvalidInputError: none or several of the arguments were given, or one is unusable.
            StoreError: the rows are gone, but another process keeps their bytes in use; call again.
        """
        if (ids is not None) + (thread_id is not None) + bool(everything) != 1:
            raise InvalidInputError("forget() takes exactly one of ids, thread_id and everything=True")
        if ids is not None:
            if isinstance(ids, str):
                raise InvalidInputError("ids must be a sequence of ids, not one text")
            ids = [checks.identifier("ids", item) for item in ids]
        thread = None if thread_id is None else checks.identifier("thread_id", thread_id)
        return self._memory._forget(self._scope, ids=ids, thread_id=thread)

    def export(self, path: str | Path) -> int:
        """Write everything that cannot be derived as JSON Lines, readable by you only; returns the records.

        Raises:
            StoreUnwritableError: the file cannot be written.
        """
        try:
            with self._ledger.read() as tx:
                return transfer.export(tx, self._scope.number(tx), Path(path))
        except OSError as error:
            raise StoreUnwritableError(f"{path} cannot be written: {error.strerror}") from error

    def load(self, path: str | Path) -> int:
        """Store what ``export`` wrote, all or nothing; returns how many records were new.

        Raises:
            InvalidInputError: the file cannot be read or is no export; nothing was stored.
        """
        try:
            with Path(path).open(encoding="utf-8") as lines, self._ledger.write() as tx:
                new = transfer.load(tx, self._scope, lines, self._memory._now_us())
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInputError(f"path: {path} cannot be read: {error}") from error
        self._memory._worker.notify()
        return new

    def __repr__(self) -> str:
        return f"UserMemory(user_id={self.user_id!r}, agent_id={self.agent_id!r})"

    def _added(self, page_id: str, message_ids: tuple[str, ...]) -> None:
        self._memory._worker.notify()
        self._memory._emit(TurnAdded(None, page_id, message_ids))
