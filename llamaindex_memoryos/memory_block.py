"""MemoryOSMemoryBlock: long-term memory for those who use LlamaIndex's own ``Memory``."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Sequence
from typing import Any, Self

from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.memory import BaseMemoryBlock, Memory
from pydantic import ConfigDict, Field, PrivateAttr, SkipValidation

from llamaindex_memoryos import binding, stores
from llamaindex_memoryos.history import History
from llamaindex_memoryos.matching import align, form_of
from llamaindex_memoryos.messages import stored, text_of
from llamaindex_memoryos.recall import recall, shortened
from memoryos_integrations.errors import MemoryOSError
from memoryos_integrations.user_memory import UserMemory

_SESSION = "session_id"  # where Memory writes whose messages it hands over


class MemoryOSMemoryBlock(BaseMemoryBlock[str]):
    """Recalls a user's memories for each question, and keeps what ``Memory`` lets go of.

    ``Memory`` hands messages over only when its queue is full, by default at 21 000 tokens: call ``save`` at
    the end of shorter conversations. The session's id is the thread.

    Args:
        memory: a ``MemoryOS``, then with ``user_id``; a ``UserMemory`` or a ``MemoryOSMemory``.
        user_id: whose memory.
        agent_id: with which agent; ``"default"`` by default.
        max_tokens: most tokens that are recalled.

    Raises:
        InvalidInputError: it is not said whose memory.

    Example:
        >>> block = MemoryOSMemoryBlock(memory=memory, user_id="ann")
        >>> short_term = Memory.from_defaults(session_id="monday", memory_blocks=[block])
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    name: str = Field(default="long_term_memory", description="The tag around what is recalled.")
    memory: SkipValidation[Any] = Field(exclude=True, repr=False, description="The store.")
    user_id: str | None = Field(default=None, description="Whose memory.")
    agent_id: str | None = Field(default=None, description="With which agent.")
    max_tokens: int = Field(default=2000, ge=1, description="Most tokens that are recalled.")
    _user: UserMemory = PrivateAttr()
    _waiting: dict[str, list[ChatMessage]] = PrivateAttr(default_factory=dict)
    _handed_over: dict[str, int] = PrivateAttr(default_factory=dict)

    def model_post_init(self, context: Any, /) -> None:
        """Settle whose memory it is."""
        super().model_post_init(context)
        self._user = binding.bound(self.memory, self.user_id, self.agent_id)

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return self.model_copy()  # the store is shared, never copied

    async def save(self, memory: Memory) -> None:
        """Store the whole conversation of a memory; what is stored already is passed over."""
        messages = await memory.aget_all()
        await asyncio.to_thread(self._keep, messages, memory.session_id, handed_over=False)

    async def _aget(self, messages: list[ChatMessage] | None = None, **block_kwargs: Any) -> str:
        session = str(block_kwargs.get(_SESSION) or "default")
        return await asyncio.to_thread(self._recalled, messages or [], session)

    async def _aput(self, messages: list[ChatMessage]) -> None:
        # Read before anything is awaited: another block may take the mark off the shared messages.
        session = str(messages[0].additional_kwargs.get(_SESSION) or "default") if messages else ""
        await asyncio.to_thread(self._keep, messages, session)

    async def atruncate(self, content: str, tokens_to_truncate: int) -> str | None:
        """Return what was recalled without the least of it; ``None`` if nothing is left."""
        store = stores.of(self._user.memory)
        return await asyncio.to_thread(shortened, store, self._user, content, tokens_to_truncate) or None

    def _recalled(self, messages: Sequence[ChatMessage], session: str) -> str:
        if session in self._waiting:
            self._keep([], session)
        asked = [text_of(message) for message in messages if message.role is MessageRole.USER]
        if not asked:
            return ""
        return recall(
            stores.of(self._user.memory),
            self._user,
            asked[-1],
            max_tokens=self.max_tokens,
            # What Memory let go of meanwhile is no longer shown, so it may be recalled.
            turn=("block", session, len(asked), self._handed_over.get(session, 0)),
            shown={stored(message).text for message in messages},
        ).text

    def _keep(self, messages: Sequence[ChatMessage], session: str, *, handed_over: bool = True) -> None:
        """Store what is not stored yet; what cannot be stored now waits for the next call.

        Args:
            messages: in order.
            session: whose.
            handed_over: whether ``Memory`` lets go of them, so that the next ones come after them.
        """
        store = stores.of(self._user.memory)
        with store.writing:
            all_of_them = [*self._waiting.pop(session, []), *map(_unmarked, messages)]
            history = History(store, self._user, session)
            try:
                there = [form_of(message) for message in history.said()]
                start = self._handed_over.get(session, 0) if handed_over else 0
                places = align([stored(message) for message in all_of_them], there, start)
                new = [message for message, place in zip(all_of_them, places, strict=True) if place is None]
                history.append(new)
            except MemoryOSError as error:
                self._waiting[session] = all_of_them
                warnings.warn(
                    f"{len(all_of_them)} messages wait to be stored: {type(error).__name__}: {error}",
                    stacklevel=2,
                )
                return
            if handed_over and places:
                end = places[-1]
                self._handed_over[session] = len(there) + len(new) if end is None else end + 1


def _unmarked(message: ChatMessage) -> ChatMessage:
    others = {name: value for name, value in message.additional_kwargs.items() if name != _SESSION}
    return message.model_copy(update={"additional_kwargs": others})
