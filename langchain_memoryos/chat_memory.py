"""MemoryOSChatMemory: memory for chains, with the newest turns and memories of earlier ones."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from langchain_classic.memory.chat_memory import BaseChatMemory
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from pydantic import Field, model_validator

from langchain_memoryos.chat_message_history import MemoryOSChatMessageHistory
from langchain_memoryos.shared.chain_keys import select_input, select_output
from langchain_memoryos.shared.memory_context import memory_context
from langchain_memoryos.shared.messages import text_of
from langchain_memoryos.shared.pending_writes import NewMessage, OnError, report_error, store_messages
from langchain_memoryos.shared.user_scope import UserScoped, resolve_user, valid_thread_id
from memoryos_integrations.errors import InvalidInputError, MemoryOSError
from memoryos_integrations.tokens import counter_of
from memoryos_integrations.types import Message
from memoryos_integrations.user_memory import UserMemory

_TOKENS_PER_TURN = 32  # half of LoCoMo's average, so that the first read is usually enough


class MemoryOSChatMemory(BaseChatMemory, UserScoped):
    """Memory for ``ConversationChain``, ``LLMChain``, ``AgentExecutor`` and other chains.

    Each turn is one transaction, so threads may share an instance. Of several inputs or outputs, the one
    with a usual name such as ``question`` or ``answer`` is stored.

    Args:
        memory: a ``MemoryOS``, which needs ``user_id`` too, or a ``UserMemory``.
        user_id: the user.
        thread_id: the conversation.

    Raises:
        ValueError: there is no user, or an option is invalid.

    Example:
        >>> chat = MemoryOSChatMemory(memory=ada, thread_id="monday")
        >>> chat.save_context({"input": "I keep bees."}, {"response": "Lovely!"})
        >>> print(chat.load_memory_variables({"input": "What do I keep?"})["history"])
        Human: I keep bees.
        AI: Lovely!
    """

    thread_id: str = "default"
    """The conversation. Memories come from all conversations of the user."""
    max_tokens: int = Field(default=2000, ge=1)
    """Limit of what the prompt gets, in tokens."""
    recent_share: float = Field(default=0.5, ge=0, le=1)
    """Share of ``max_tokens`` for the newest turns, verbatim: 1 for a buffer without memories, 0 for memories
    only, as from a vector store."""
    memory_key: str = "history"
    """The variable of the prompt that is filled."""
    human_prefix: str = "Human"
    """Name of the user in the text."""
    ai_prefix: str = "AI"
    """Name of the assistant in the text."""
    on_error: OnError = Field(default="log", exclude=True, repr=False)
    """When the store fails: ``"log"``, ``"raise"`` or a function. The turn is retried in any case."""
    chat_memory: MemoryOSChatMessageHistory = Field(exclude=True, repr=False)
    """The conversation as a message history; derived from the fields above."""

    @model_validator(mode="before")
    @classmethod
    def _set_chat_memory(cls, fields: dict[str, Any]) -> dict[str, Any]:
        if "chat_memory" in fields or "memory" not in fields:
            return fields
        user = resolve_user(fields["memory"], fields.get("user_id"), fields.get("agent_id"))
        history = MemoryOSChatMessageHistory(user, thread_id=fields.get("thread_id", "default"))
        return fields | {"chat_memory": history}

    @property
    def memory_variables(self) -> list[str]:
        """The variable that is filled."""
        return [self.memory_key]

    @property
    def buffer(self) -> str | list[BaseMessage]:
        """The newest turns of the conversation, in the form that the prompt gets."""
        turns: str | list[BaseMessage] = self.load_memory_variables({})[self.memory_key]
        return turns

    def load_memory_variables(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Return the memories for the input, followed by the newest turns, under ``memory_key``.

        Raises:
            ValueError: which input is the user's message is not clear, or it is the variable to fill.
        """
        key, value = select_input(inputs, self.input_key, self.memory_variables)
        if key in (None, self.memory_key) and self.memory_key in inputs:
            raise InvalidInputError(
                f"memory_key: {self.memory_key!r} holds the user's message, which memories would replace: "
                "name another variable of the prompt, as with memory_key='history'"
            )
        user = resolve_user(self.memory, self.user_id, self.agent_id)
        try:
            recent, tokens = self._recent(user)
        except MemoryOSError as error:
            report_error(error, self.on_error, "The newest turns of the conversation are missing.")
            recent, tokens = [], 0
        context = ""
        if self.recent_share < 1:
            context = memory_context(
                user,
                text_of(value),
                max_tokens=self.max_tokens - tokens,
                shown={message.id for message in recent},
                on_error=self.on_error,
            )
        if not self.return_messages:
            return {self.memory_key: "\n".join(part for part in (context, self._as_text(recent)) if part)}
        messages: list[BaseMessage] = [SystemMessage(content=context)] if context else []
        types = {"user": HumanMessage, "assistant": AIMessage}
        messages += [types[message.role](content=message.text) for message in recent]
        return {self.memory_key: messages}

    def save_context(self, inputs: dict[str, Any], outputs: dict[str, Any]) -> None:
        """Store a turn.

        Raises:
            ValueError: which input is the user's message, or which output the answer, is not clear.
        """
        question = text_of(select_input(inputs, self.input_key, self.memory_variables)[1])
        answer = text_of(select_output(outputs, self.output_key))
        user = resolve_user(self.memory, self.user_id, self.agent_id)
        messages = (NewMessage("user", question), NewMessage("assistant", answer))
        store_messages(user, valid_thread_id(self.thread_id), messages, self.on_error)

    async def asave_context(self, inputs: dict[str, Any], outputs: dict[str, Any]) -> None:
        """Store a turn; see ``save_context``."""
        await asyncio.to_thread(self.save_context, inputs, outputs)

    def clear(self, scope: Literal["conversation", "user"] = "conversation") -> None:
        """Erase this conversation; with ``scope="user"`` everything of the user with this agent."""
        user = resolve_user(self.memory, self.user_id, self.agent_id)
        if scope == "user":
            user.forget(everything=True)
        elif scope == "conversation":
            user.forget(thread_id=valid_thread_id(self.thread_id))
        else:
            raise InvalidInputError(f"scope must be 'conversation' or 'user', not {scope!r}")

    async def aclear(self, scope: Literal["conversation", "user"] = "conversation") -> None:
        """Erase; see ``clear``."""
        await asyncio.to_thread(self.clear, scope)

    def _recent(self, user: UserMemory) -> tuple[list[Message], int]:
        """Return the newest whole turns within their share of tokens, oldest first, and their tokens."""
        budget = int(self.max_tokens * self.recent_share)
        if not budget:
            return [], 0
        count = counter_of(user.memory.config.token_counter)
        thread_id, limit = valid_thread_id(self.thread_id), max(8, budget // _TOKENS_PER_TURN)
        while True:
            pages = user.pages(thread_id=thread_id, limit=limit)
            total, recent = 0, list[Message]()
            for page in reversed(pages):
                messages = [message for message in page.messages if message.role != "tool"]
                tokens = count(self._as_text(messages)) + 1  # the line break
                if total + tokens > budget:
                    return recent, total
                total += tokens
                recent[:0] = messages
            if len(pages) < limit:
                return recent, total
            limit *= 4

    def _as_text(self, messages: list[Message]) -> str:
        prefixes = {"user": self.human_prefix, "assistant": self.ai_prefix}
        return "\n".join(f"{prefixes[message.role]}: {message.text}" for message in messages)
