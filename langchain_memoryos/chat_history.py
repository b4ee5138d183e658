"""A conversation as LangChain's chat message history: raw, append-only, in the store's short-term pages."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Self

from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import AIMessage, BaseMessage, ChatMessage, HumanMessage, ToolMessage

from langchain_memoryos.binding import bound, thread_name
from langchain_memoryos.messages import SOURCE, clean, is_typed, normal, text_of
from langchain_memoryos.recording import OnError, Said, record
from memoryos_integrations.storage import ids

if TYPE_CHECKING:
    from memoryos_integrations.memory import MemoryOS
    from memoryos_integrations.types import Message
    from memoryos_integrations.user_memory import UserMemory

_FORM = "langchain"  # the metadata field that says how a message that is no plain text was stored


class MemoryOSChatMessageHistory(BaseChatMessageHistory):
    """One conversation of one user.

    ``messages`` are what was said, never what is recalled, so that ``RunnableWithMessageHistory`` can count
    them. Texts are stored as texts: a message of another role than user, assistant or tool comes back as a
    human message with LangChain's mark of one that the user did not type.

    Args:
        memory: a ``MemoryOS``, then with ``user_id``; or a ``UserMemory``.
        user_id: whose conversation.
        thread_id: which conversation.
        agent_id: with which agent; ``"default"`` by default.
        on_error: what to do when the store fails: ``"raise"``, ``"log"`` or a function. In any case the
            messages wait in memory and are tried again.

    Raises:
        InvalidInputError: it is not said whose conversation it is.

    Example:
        >>> history = MemoryOSChatMessageHistory(memory=ada, thread_id="monday")
        >>> history.add_user_message("Hello, I am Ada.")
        >>> [message.content for message in history.messages]
        ['Hello, I am Ada.']
    """

    def __init__(
        self,
        memory: MemoryOS | UserMemory,
        user_id: str | None = None,
        thread_id: str = "default",
        *,
        agent_id: str | None = None,
        on_error: OnError = "raise",
    ) -> None:
        super().__init__()
        self._user = bound(memory, user_id, agent_id)
        self._thread_id = thread_name(thread_id)
        self._on_error = on_error

    @property
    def messages(self) -> list[BaseMessage]:  # type: ignore[override]  # theirs is an attribute or a property
        """Everything that was said, oldest first."""
        pages = self._user.pages(thread_id=self._thread_id)
        return [restored(message) for page in pages for message in page.messages]

    async def aget_messages(self) -> list[BaseMessage]:
        """Return everything that was said, oldest first."""
        return await asyncio.to_thread(lambda: self.messages)

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Append messages. One with the id and the text of one that is there already is not stored again.

        Raises:
            StoreError: the store failed, and ``on_error`` is ``"raise"``; the messages are tried again.
        """
        for turn in turns_of(messages):
            said = [stored(message, self._thread_id) for message in turn]
            record(self._user, self._thread_id, said, self._on_error)

    async def aadd_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Append messages; see ``add_messages``."""
        await asyncio.to_thread(self.add_messages, messages)

    def clear(self) -> None:
        """Forget the conversation for good, and what was learnt from it."""
        self._user.forget(thread_id=self._thread_id)

    async def aclear(self) -> None:
        """Forget the conversation for good, and what was learnt from it."""
        await asyncio.to_thread(self.clear)

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return copy.copy(self)  # it holds nothing of its own


def turns_of(messages: Sequence[BaseMessage]) -> Iterator[list[BaseMessage]]:
    """Yield messages by turns: each begins with what the user typed."""
    turn: list[BaseMessage] = []
    for message in map(normal, messages):
        if turn and is_typed(message):
            yield turn
            turn = []
        turn.append(message)
    if turn:
        yield turn


def event_of(message: BaseMessage, thread_id: str) -> str:
    """Return the event of a message: the same message twice is one event, an edited one is another."""
    if not message.id:
        return ids.new_id()
    return ids.id_from("langchain", thread_id, message.id, message.type, text_of(message))


def stored(message: BaseMessage, thread_id: str) -> Said:
    """Return a message as it is stored."""
    event, text, name = event_of(message, thread_id), text_of(message), _name_of(message)
    if isinstance(message, AIMessage) and message.tool_calls:
        # An assistant's message would close the page, and the answer is still to come.
        calls = [{key: call[key] for key in ("name", "args", "id")} for call in message.tool_calls]
        whole = clean(json.dumps({"text": text, "tool_calls": calls}, ensure_ascii=False, default=str))
        return Said("tool", whole, event, name, {_FORM: "tool_calls"})
    if isinstance(message, ToolMessage):
        form = {_FORM: "tool", "tool_call_id": clean(message.tool_call_id)}
        return Said("tool", text or "(nothing)", event, name, form)
    if is_typed(message):
        return Said("user", text, event, name)
    if isinstance(message, AIMessage):
        return Said("assistant", text, event, name)
    role = message.role if isinstance(message, ChatMessage) else message.type
    return Said("tool", text, event, name or role, {_FORM: "other"})


def restored(message: Message) -> BaseMessage:
    """Return a stored message as one of LangChain's. Only the store's own fields say of what type it is."""
    form = message.metadata.get(_FORM)
    if message.role == "user":
        return HumanMessage(content=message.text, id=message.id, name=message.name)
    if message.role == "assistant":
        return AIMessage(content=message.text, id=message.id, name=message.name)
    if form == "tool_calls":
        whole = json.loads(message.text)
        return AIMessage(content=whole["text"], tool_calls=whole["tool_calls"], id=message.id)
    if form == "tool":
        called = message.metadata["tool_call_id"]
        return ToolMessage(content=message.text, tool_call_id=called, id=message.id, name=message.name)
    note = {SOURCE: message.name or "tool"}
    return HumanMessage(content=message.text, id=message.id, additional_kwargs=note)


def _name_of(message: BaseMessage) -> str | None:
    """Return a message's name if it is one that the store takes."""
    name = clean(message.name or "")[:256]
    return name if name and name.isprintable() else None
