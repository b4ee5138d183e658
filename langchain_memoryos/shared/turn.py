"""One run of a runnable with memory: its input with memories, and the turn to store."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import BaseMessage, SystemMessage

from langchain_memoryos.shared.chain_keys import select_input, select_memory_key, select_output
from langchain_memoryos.shared.memory_context import memory_context
from langchain_memoryos.shared.messages import (
    as_messages,
    insert_context,
    is_message_list,
    last_typed_index,
    text_of,
    texts_of,
)
from langchain_memoryos.shared.pending_writes import NewMessage, OnError, store_messages
from memoryos_integrations.storage import ids
from memoryos_integrations.user_memory import UserMemory


@dataclass(slots=True)
class Turn:
    """The user's message, and the answer as far as it has come."""

    user: UserMemory
    thread_id: str
    max_tokens: int
    """Limit of the memories in the input."""
    on_error: OnError
    question: str = ""
    answer: Any = None
    event_id: str = field(default_factory=ids.new_id)

    def with_memories(
        self,
        given: Any,
        *,
        input_key: str | None,
        memory_key: str | None,
        variables: Mapping[str, bool] | None,
    ) -> Any:
        """Return the input with the memories for its question.

        Args:
            given: a text, messages, or a mapping.
            input_key: key of the user's message in a mapping; found by its name by default.
            memory_key: key of the memories in a mapping; by default the variable that is not filled.
            variables: those of the prompt; see ``chain_keys.prompt_variables``.
        """
        if not isinstance(given, Mapping):
            return self._messages_with_memories(given)
        key, value = select_input(given, input_key, () if memory_key is None else (memory_key,))
        if is_message_list(value):
            return {**given, key: self._messages_with_memories(value)}
        name = select_memory_key(memory_key, variables, given)
        self.question = text_of(value)
        context = self._context(self.thread_id)
        if variables and variables.get(name):
            return {**given, name: [SystemMessage(content=context)] if context else []}
        return {**given, name: context}

    def add_chunk(self, chunk: Any) -> None:
        """Append a streamed chunk to the answer."""
        try:
            self.answer = chunk if self.answer is None else self.answer + chunk
        except TypeError:  # chunks that cannot be added: the last one is the whole answer
            self.answer = chunk

    def store(self, output_key: str | None) -> None:
        """Store the question, and the answer if there is one; again, the answer to the stored question."""
        answer = self.answer
        if isinstance(answer, Mapping) and not {"role", "content"} <= set(answer):
            answer = select_output(answer, output_key)
        messages = (
            NewMessage("user", self.question, self.event_id),
            NewMessage("assistant", text_of(answer)),
        )
        store_messages(self.user, self.thread_id, messages, self.on_error)

    def _messages_with_memories(self, given: Any) -> list[BaseMessage]:
        messages = as_messages(given)
        index = last_typed_index(messages)
        if index is None:
            return messages
        self.question = text_of(messages[index])
        if any(message.type in ("human", "ai") for message in messages[:index]):
            return insert_context(messages, self._context(None, texts_of(messages)))
        # An input of one message leaves the conversation to the memory.
        return insert_context(messages, self._context(self.thread_id))

    def _context(self, thread_id: str | None, shown: Collection[str] = ()) -> str:
        return memory_context(
            self.user,
            self.question,
            max_tokens=self.max_tokens,
            thread_id=thread_id,
            shown=shown,
            on_error=self.on_error,
        )
