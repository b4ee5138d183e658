"""UserMemory: the memory of one user with one agent. No verb takes a user id, so none can mix users up."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from memoryos_integrations import arguments, checks
from memoryos_integrations.errors import InvalidInputError, StoreUnwritableError
from memoryos_integrations.events import FactAdded, TurnAdded
from memoryos_integrations.model.responding import checked
from memoryos_integrations.runtime import export, forgetting
from memoryos_integrations.tiers import long_term, persona_versions, short_term
from memoryos_integrations.types import ROLES, SUBJECTS, ForgetReceipt
from memoryos_integrations.user_reading import UserReading

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from memoryos_integrations.types import About, Fact, Message, Page, Persona, Role


class UserMemory(UserReading):
    """The memory of one user; returned by ``MemoryOS.user()``.

    Example:
        >>> ada = memory.user("ada")
        >>> _ = ada.add("My sister Jo lives in Porto.", "Nice!", thread_id="monday")
        >>> "Porto" in ada.context("Where does my sister live?", max_tokens=200).text
        True
    """

    def add(
        self,
        user: str,
        assistant: str | None = "",
        *,
        thread_id: str = "default",
        at: datetime | None = None,
        event_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Page:
        """Store a whole turn. When this returns, the turn is on disk and retrievable.

        Args:
            user: the user's text, up to 1 MB; may be empty if the answer is not.
            assistant: the answer; the same. ``None``: no answer.
            thread_id: the conversation.
            at: time of the turn; now by default. Must be aware.
            event_id: idempotency key: a second call with it returns the first page. If that has one side
                only, the other is added, so a question can be stored before its answer.
            metadata: JSON values of the caller, stored and filterable.

        Raises:
            InvalidInputError: an argument is unusable; nothing was stored.
            StoreError: the ledger could not be written; nothing was stored.
        """
        turn = arguments.turn(
            (("user", user), ("assistant", "" if assistant is None else assistant)),
            thread_id=thread_id,
            at=at,
            event_id=event_id,
            metadata=metadata,
            clock=self._store.times.now,
        )
        with self._ledger.write() as tx:
            page, new, number = short_term.add_turn(tx, self._scope, turn, self._store.times.now_us())
        if new:
            self._added(number, page.id, tuple(message.id for message in new))
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

        A user's message opens a page, the next answer in the thread closes it, and a tool's message joins
        the open page. Without an open page a message gets its own.

        Args:
            text: up to 1 MB.
            role: ``"user"``, ``"assistant"`` or ``"tool"``.
            name: the speaker's name, if known.
            thread_id: the conversation.
            at: time of the message; now by default. Must be aware.
            event_id: idempotency key: a second call with it returns the first message.
            source: origin of the text: ``"user"``, ``"assistant"``, ``"tool"`` or ``"import"``; the role by
                default.
            metadata: JSON values of the caller, stored and filterable.

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
            clock=self._store.times.now,
            name=name,
            source=source,
        )
        with self._ledger.write() as tx:
            message, number = short_term.add_message(tx, self._scope, turn, self._store.times.now_us())
        if number is not None:
            self._added(number, message.page_id, (message.id,))
        return message

    def remember(
        self,
        text: str,
        *,
        about: About = "user",
        at: datetime | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Fact:
        """Store a statement as a fact of long-term memory.

        Args:
            text: the statement, up to 1 MB.
            about: ``"user"`` or ``"agent"``.
            at: when it becomes valid; now by default. Must be aware.
            metadata: JSON values of the caller, stored and filterable.

        Raises:
            InvalidInputError: an argument is unusable; nothing was stored.
            StoreError: the ledger could not be written; nothing was stored.
        """
        checks.text("text", text)
        subject = cast("About", checks.one_of("about", about, SUBJECTS))
        since = self._store.times.now() if at is None else checks.moment("at", at)
        _, stored = checks.metadata("metadata", metadata)
        with self._ledger.write() as tx:
            number, fact, is_new = long_term.remember(
                tx,
                self._scope,
                text,
                about=subject,
                at=since,
                metadata_json=stored,
                now=self._store.times.now_us(),
            )
        if is_new:
            self._store.worker.notify()
            self._store.emit(FactAdded(number, fact.id))
        return fact

    def respond(
        self,
        query: str,
        *,
        thread_id: str = "default",
        style_hint: str | None = None,
        relationship: str | None = None,
    ) -> str:
        """Let the store's chat model answer the user from memory, and store the turn.

        The question is on disk before the model is called. If the model fails, repeat the call to retry. The
        answer is not stored if something was forgotten meanwhile, since it may repeat it.

        Args:
            query: the user's text, in any language.
            thread_id: the conversation.
            style_hint: how to answer, such as ``"two short sentences"``; up to 256 characters.
            relationship: what the model is to the user, such as ``"a friend"``; the same.

        Raises:
            ConfigError: the store was opened without ``llm``.
            InvalidInputError: an argument is unusable; nothing was stored.
            LLMError: the model is down, declined, or gave no usable answer; the subclass says which.
        """
        request = checked(query, thread_id=thread_id, style_hint=style_hint, relationship=relationship)
        return self._store.responder(self._scope, self._context, self._added).reply(request)

    def respond_stream(
        self,
        query: str,
        *,
        thread_id: str = "default",
        style_hint: str | None = None,
        relationship: str | None = None,
    ) -> Iterator[str]:
        """Like ``respond``, but yields the answer in pieces.

        The call validates its arguments; everything else happens while the pieces are consumed. If the stream
        is closed early, the pieces yielded so far are stored as the answer; if the model fails, only the
        question.
        """
        request = checked(query, thread_id=thread_id, style_hint=style_hint, relationship=relationship)
        return self._store.responder(self._scope, self._context, self._added).stream(request)

    def forget(
        self,
        *,
        ids: Sequence[str] | None = None,
        thread_id: str | None = None,
        everything: bool = False,
    ) -> ForgetReceipt:
        """Erase for good: rows, everything derived from them, and their bytes in every file of the store.

        Pass exactly one argument. Summaries of an erased message are blanked at once and rebuilt in the
        background, which also removes the vectors from the index's files.

        Args:
            ids: of messages, pages, segments (with their pages) or facts.
            thread_id: a whole conversation.
            everything: all memories of this user with this agent.

        Raises:
            InvalidInputError: none or several arguments were given, or one is unusable.
            StoreError: the rows are gone, but another process still reads their bytes; call again.
        """
        if (ids is not None) + (thread_id is not None) + bool(everything) != 1:
            raise InvalidInputError("forget() takes exactly one of ids, thread_id and everything=True")
        if ids is not None:
            if isinstance(ids, str):
                raise InvalidInputError("ids must be a sequence of ids, not one text")
            ids = [checks.identifier("ids", item) for item in ids]
        thread = None if thread_id is None else checks.identifier("thread_id", thread_id)
        return forgetting.forget(self._store, self._scope, ids=ids, thread_id=thread)

    def restore(self, version: int) -> Persona:
        """Restore an earlier version of the persona, as a new version with the same content.

        Its facts become valid again; facts that fill a profile field and are not part of it end. Nothing is
        erased: restoring a later version brings them back.

        Args:
            version: the ``persona().version`` to restore.

        Raises:
            InvalidInputError: there is no such version; nothing was changed.
        """
        checks.whole("version", version, least=1, most=10**9)
        with self._ledger.write() as tx:
            number = self._scope.lock(tx)
            done = number is not None and persona_versions.restore(
                tx, number, version, now=self._store.times.now_us()
            )
        if not done:
            raise InvalidInputError(f"version: this persona has no version {version}")
        return self.persona()

    def export(self, path: str | Path) -> int:
        """Write everything that cannot be rebuilt as JSON Lines; returns the number of records.

        Only the file's owner can read it.

        Raises:
            StoreUnwritableError: the file cannot be written.
        """
        try:
            with self._ledger.read() as tx:
                return export.export(tx, self._scope.number(tx), Path(path))
        except OSError as error:
            raise StoreUnwritableError(f"{path} cannot be written: {error.strerror}") from error

    def load(self, path: str | Path) -> int:
        """Load a file of ``export``, all or nothing; returns the number of new records.

        Raises:
            InvalidInputError: the file cannot be read or is no export; nothing was stored.
        """
        try:
            with Path(path).open(encoding="utf-8") as lines:
                return self._load(lines)
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInputError(f"path: {path} cannot be read: {error}") from error

    def _load(self, lines: Iterable[str]) -> int:
        with self._ledger.write() as tx:
            new = export.load(tx, self._scope, lines, self._store.times.now_us())
        self._store.worker.notify()
        return new

    def _added(self, scope: int, page_id: str, message_ids: tuple[str, ...]) -> None:
        self._store.worker.notify()
        self._store.emit(TurnAdded(scope, page_id, message_ids))
