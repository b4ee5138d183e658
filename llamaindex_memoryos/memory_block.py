"""MemoryOSMemoryBlock: long-term memory as a block of LlamaIndex's own ``Memory``."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Sequence
from typing import Any, Self

from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.memory import BaseMemoryBlock, Memory
from pydantic import ConfigDict, Field, PrivateAttr, SkipValidation

from llamaindex_memoryos.shared import open_stores
from llamaindex_memoryos.shared.alignment import align, stored_form
from llamaindex_memoryos.shared.conversation import Conversation
from llamaindex_memoryos.shared.memory_context import memory_context, shorten_context
from llamaindex_memoryos.shared.messages import text_of, to_stored
from llamaindex_memoryos.shared.user_scope import resolve_user
from memoryos_integrations.errors import MemoryOSError
from memoryos_integrations.user_memory import UserMemory

_SESSION = "session_id"  # the key under which Memory names the session of messages


class MemoryOSMemoryBlock(BaseMemoryBlock[str]):
    """Retrieves a user's memories for each question, and stores the messages that ``Memory`` flushes.

    ``Memory`` flushes messages when its queue is full, by default at 21 000 tokens: call ``save`` at the end
    of shorter conversations. The session id is the thread id.

    Args:
        memory: a ``MemoryOS``, which needs ``user_id`` too, a ``UserMemory`` or a ``MemoryOSMemory``.
        user_id: the user.
        agent_id: the agent; ``"default"`` by default.
        max_tokens: token limit of the memories.

    Raises:
        InvalidInputError: there is no user, or ``memory`` belongs to another one.

    Example:
        >>> block = MemoryOSMemoryBlock(memory=memory, user_id="ann")
        >>> short_term = Memory.from_defaults(session_id="monday", memory_blocks=[block])
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    name: str = Field(default="long_term_memory", description="The tag around the memories.")
    memory: SkipValidation[Any] = Field(exclude=True, repr=False, description="The store.")
    user_id: str | None = Field(default=None, description="The user.")
    agent_id: str | None = Field(default=None, description="The agent.")
    max_tokens: int = Field(default=2000, ge=1, description="Token limit of the memories.")
    _user: UserMemory = PrivateAttr()
    _pending: dict[str, list[ChatMessage]] = PrivateAttr(default_factory=dict)
    _flushed: dict[str, int] = PrivateAttr(default_factory=dict)

    def model_post_init(self, context: Any, /) -> None:
        """Resolve the user."""
        super().model_post_init(context)
        self._user = resolve_user(self.memory, self.user_id, self.agent_id)

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return self.model_copy()  # the store is shared, never copied

    async def save(self, memory: Memory) -> None:
        """Store all messages of a memory that are not stored yet."""
        messages = await memory.aget_all()
        await asyncio.to_thread(self._store, messages, memory.session_id, flushed=False)

    async def _aget(self, messages: list[ChatMessage] | None = None, **block_kwargs: Any) -> str:
        session = str(block_kwargs.get(_SESSION) or "default")
        return await asyncio.to_thread(self._context, messages or [], session)

    async def _aput(self, messages: list[ChatMessage]) -> None:
        # Read before any await: another block may remove the key from the shared messages.
        session = str(messages[0].additional_kwargs.get(_SESSION) or "default") if messages else ""
        await asyncio.to_thread(self._store, messages, session)

    async def atruncate(self, content: str, tokens_to_truncate: int) -> str | None:
        """Return a shorter memory context, without its least relevant memories; ``None`` if none is left."""
        store = open_stores.store_of(self._user.memory)
        text = await asyncio.to_thread(shorten_context, store, self._user, content, tokens_to_truncate)
        return text or None

    def _context(self, messages: Sequence[ChatMessage], session: str) -> str:
        if session in self._pending:
            self._store([], session)
        questions = [text_of(message) for message in messages if message.role is MessageRole.USER]
        if not questions:
            return ""
        return memory_context(
            open_stores.store_of(self._user.memory),
            self._user,
            questions[-1],
            max_tokens=self.max_tokens,
            # Flushed messages left the prompt, so they may come back as memories.
            turn=("block", session, len(questions), self._flushed.get(session, 0)),
            shown={to_stored(message).text for message in messages},
        ).text

    def _store(self, messages: Sequence[ChatMessage], session: str, *, flushed: bool = True) -> None:
        """Store new messages; those of a failed write are retried by the next call.

        After messages that ``Memory`` ``flushed``, only later ones are matched.
        """
        store = open_stores.store_of(self._user.memory)
        with store.write_lock:
            messages = [*self._pending.pop(session, []), *map(_without_session, messages)]
            conversation = Conversation(store, self._user, session)
            try:
                stored = [stored_form(message) for message in conversation.thread_messages()]
                start = self._flushed.get(session, 0) if flushed else 0
                indexes = align([to_stored(message) for message in messages], stored, start)
                new = [message for message, index in zip(messages, indexes, strict=True) if index is None]
                conversation.append(new)
            except MemoryOSError as error:
                self._pending[session] = messages
                warnings.warn(
                    f"{len(messages)} messages are not stored yet: {type(error).__name__}: {error}",
                    stacklevel=2,
                )
                return
            if flushed and indexes:
                last = indexes[-1]
                self._flushed[session] = len(stored) + len(new) if last is None else last + 1


def _without_session(message: ChatMessage) -> ChatMessage:
    extras = {name: value for name, value in message.additional_kwargs.items() if name != _SESSION}
    return message.model_copy(update={"additional_kwargs": extras})
