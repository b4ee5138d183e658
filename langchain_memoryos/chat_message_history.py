"""MemoryOSChatMessageHistory: one conversation, append-only, in the store's short-term pages."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Self

from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import BaseMessage

from langchain_memoryos.shared.pending_writes import OnError, store_messages
from langchain_memoryos.shared.stored_messages import from_stored, split_turns, to_stored
from langchain_memoryos.shared.user_scope import resolve_user, valid_thread_id
from memoryos_integrations.memory import MemoryOS
from memoryos_integrations.user_memory import UserMemory


class MemoryOSChatMessageHistory(BaseChatMessageHistory):
    """One conversation of one user, for ``RunnableWithMessageHistory``.

    ``messages`` holds the conversation only, never memories of other ones. Messages are stored as text; one
    of another role than user, assistant or tool comes back as a human message marked as not typed by the
    user.

    Args:
        memory: a ``MemoryOS``, which needs ``user_id`` too, or a ``UserMemory``.
        user_id: the user.
        thread_id: the conversation.
        agent_id: the agent; ``"default"`` by default.
        on_error: when the store fails: ``"raise"``, ``"log"`` or a function. The messages stay in memory and
            are retried in any case.

    Raises:
        InvalidInputError: there is no user.

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
        self._user = resolve_user(memory, user_id, agent_id)
        self._thread_id = valid_thread_id(thread_id)
        self._on_error = on_error

    @property
    def messages(self) -> list[BaseMessage]:  # type: ignore[override]  # an attribute or a property in the base class
        """The messages of the conversation, oldest first."""
        pages = self._user.pages(thread_id=self._thread_id)
        return [from_stored(message) for page in pages for message in page.messages]

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Append messages. A message with the id and text of a stored one is not stored again.

        Raises:
            StoreError: the store failed, and ``on_error`` is ``"raise"``; the messages are retried.
        """
        for turn in split_turns(messages):
            new = [to_stored(message, self._thread_id) for message in turn]
            store_messages(self._user, self._thread_id, new, self._on_error)

    def clear(self) -> None:
        """Erase the conversation and everything derived from it."""
        self._user.forget(thread_id=self._thread_id)

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return copy.copy(self)  # the store is shared, never copied
