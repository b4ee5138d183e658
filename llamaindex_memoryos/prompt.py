"""What a prompt is made of: the conversation's instructions, what is recalled, the newest turns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from llama_index.core.base.llms.types import ChatMessage, MessageRole

from llamaindex_memoryos.history import History
from llamaindex_memoryos.messages import text_of
from llamaindex_memoryos.recall import counter_of, recall
from llamaindex_memoryos.window import window
from memoryos_integrations.errors import InvalidInputError
from memoryos_integrations.types import Context


class Parts(NamedTuple):
    """The parts of a prompt, within one limit of tokens."""

    instructions: list[ChatMessage]
    """System messages of the conversation."""
    recalled: Context
    """Memories that answer the user's last words."""
    history: list[ChatMessage]
    """The newest turns."""

    def messages(self) -> list[ChatMessage]:
        """Return the turns, behind one system message if there is anything to say in it."""
        if not self.recalled.text and len(self.instructions) < 2:
            return [*self.instructions, *self.history]
        role = self.instructions[0].role if self.instructions else MessageRole.SYSTEM
        return [in_front(role, self.texts()), *self.history]

    def texts(self) -> list[str]:
        """Return what belongs into the system message."""
        return [*map(text_of, self.instructions), self.recalled.text]


def in_front(role: MessageRole, texts: Iterable[str]) -> ChatMessage:
    """Return the one system message."""
    return ChatMessage(role=role, content="\n\n".join(filter(None, texts)))


def gathered(history: History, question: str | ChatMessage | None, *, limit: int, max_tokens: int) -> Parts:
    """Return the parts of a prompt.

    What stands in the newest turns is not recalled beside them; what had to be left out of them may be.

    Args:
        history: the conversation.
        question: what is to be answered; the user's last message by default.
        limit: most tokens of all.
        max_tokens: most tokens that are recalled, within half of the limit.

    Raises:
        InvalidInputError: the question is neither text nor a message.
    """
    asked = text_of(question) if isinstance(question, ChatMessage) else question
    if not isinstance(asked, str | None):
        raise InvalidInputError(f"input must be text or a ChatMessage, not {type(asked).__name__}")
    user = history.user
    read = window(history, limit, counter_of(user))
    room = limit - sum(entry.tokens for entry in read.instructions)
    most = min(max_tokens, limit // 2)
    last = next((entry for entry in reversed(read.entries) if entry.by_user), None)
    if asked is None:
        asked = text_of(last.message) if last else ""
    recalled = recall(
        history.store,
        user,
        asked,
        max_tokens=most,
        turn=(history.thread_id, last.id if last else None),
        shown={shown for entry in read.fit(room - most) for shown in (entry.id, text_of(entry.message))},
    )
    turns = [entry.message for entry in read.fit(room - recalled.tokens)]
    return Parts([entry.message for entry in read.instructions], recalled, turns)
