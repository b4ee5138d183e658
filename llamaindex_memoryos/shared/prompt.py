"""Assemble a prompt: the conversation's system messages, memories, and its newest turns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from llama_index.core.base.llms.types import ChatMessage, MessageRole

from llamaindex_memoryos.shared.conversation import Conversation
from llamaindex_memoryos.shared.memory_context import memory_context
from llamaindex_memoryos.shared.messages import text_of
from llamaindex_memoryos.shared.token_window import read_window
from memoryos_integrations.errors import InvalidInputError
from memoryos_integrations.tokens import counter_of
from memoryos_integrations.types import Context


class PromptParts(NamedTuple):
    """The parts of a prompt, together within one token limit."""

    instructions: list[ChatMessage]
    """System messages of the conversation."""
    context: Context
    """Memories for the user's last message."""
    history: list[ChatMessage]
    """The newest turns."""

    def messages(self) -> list[ChatMessage]:
        """Return the turns, after one system message with the rest if there is any."""
        if not self.context.text and len(self.instructions) < 2:
            return [*self.instructions, *self.history]
        role = self.instructions[0].role if self.instructions else MessageRole.SYSTEM
        return [system_message(role, self.system_texts()), *self.history]

    def system_texts(self) -> list[str]:
        """Return the texts of the system message."""
        return [*map(text_of, self.instructions), self.context.text]


def system_message(role: MessageRole, texts: Iterable[str]) -> ChatMessage:
    """Return one system message with the non-empty texts."""
    return ChatMessage(role=role, content="\n\n".join(filter(None, texts)))


def build_prompt(
    conversation: Conversation, question: str | ChatMessage | None, *, limit: int, max_tokens: int
) -> PromptParts:
    """Return the parts of a prompt.

    Messages of the newest turns are not repeated as memories; those that do not fit may be.

    Args:
        conversation: the conversation.
        question: the message to answer; the user's last one by default.
        limit: tokens of the prompt.
        max_tokens: tokens of the memories, which also get at most half of ``limit``.

    Raises:
        InvalidInputError: the question is neither text nor a message.
    """
    query = text_of(question) if isinstance(question, ChatMessage) else question
    if not isinstance(query, str | None):
        raise InvalidInputError(f"input must be text or a ChatMessage, not {type(query).__name__}")
    user = conversation.user
    window = read_window(conversation, limit, counter_of(user.memory.config.token_counter))
    budget = limit - sum(entry.tokens for entry in window.instructions)
    context_limit = min(max_tokens, limit // 2)
    last = next((entry for entry in reversed(window.entries) if entry.by_user), None)
    if query is None:
        query = text_of(last.message) if last else ""
    context = memory_context(
        conversation.store,
        user,
        query,
        max_tokens=context_limit,
        turn=(conversation.thread_id, last.id if last else None),
        shown={
            shown
            for entry in window.fit(budget - context_limit)
            for shown in (entry.id, text_of(entry.message))
        },
    )
    turns = [entry.message for entry in window.fit(budget - context.tokens)]
    return PromptParts([entry.message for entry in window.instructions], context, turns)
