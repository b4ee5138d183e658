"""One run with memory: what the runnable gets, and the turn that is stored of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from langchain_core.messages import BaseMessage, SystemMessage

from langchain_memoryos.messages import holds_messages, last_typed, messages_of, placed, text_of, texts_of
from langchain_memoryos.recalling import recalled
from langchain_memoryos.recording import OnError, Said, record
from langchain_memoryos.variables import answer_in, memory_variable, question_in
from memoryos_integrations.storage import ids

if TYPE_CHECKING:
    from memoryos_integrations.user_memory import UserMemory


@dataclass(slots=True)
class Exchange:
    """What is asked, and what has been answered so far."""

    user: UserMemory
    thread_id: str
    max_tokens: int
    """Of what is recalled."""
    on_error: OnError
    question: str = ""
    answered: Any = None
    event_id: str = field(default_factory=ids.new_id)

    def filled(
        self,
        given: Any,
        *,
        input_key: str | None,
        memory_key: str | None,
        variables: Mapping[str, bool] | None,
    ) -> Any:
        """Return the input with what is recalled in it.

        Args:
            given: a text, messages, or a mapping.
            input_key: what the user said, in a mapping; found by its name by default.
            memory_key: the variable for what is recalled, in a mapping; the free one by default.
            variables: those of the prompt; see ``variables.variables_of``.
        """
        if not isinstance(given, Mapping):
            return self._with_note(given)
        key, said = question_in(given, input_key, () if memory_key is None else (memory_key,))
        if holds_messages(said):
            return {**given, key: self._with_note(said)}
        name = memory_variable(memory_key, variables, given)
        self.question = text_of(said)
        known = self._recalled(self.thread_id)
        if variables and variables.get(name):
            return {**given, name: [SystemMessage(content=known)] if known else []}
        return {**given, name: known}

    def take(self, chunk: Any) -> None:
        """Add what was streamed."""
        try:
            self.answered = chunk if self.answered is None else self.answered + chunk
        except TypeError:  # chunks that do not add up: the last one is the whole
            self.answered = chunk

    def store(self, output_key: str | None) -> None:
        """Store the turn as far as there is one; a second time, the answer to the question stored before."""
        answer = self.answered
        if isinstance(answer, Mapping) and not {"role", "content"} <= set(answer):
            answer = answer_in(answer, output_key)
        said = (Said("user", self.question, self.event_id), Said("assistant", text_of(answer)))
        record(self.user, self.thread_id, said, self.on_error)

    def _with_note(self, given: Any) -> list[BaseMessage]:
        """Return the input as messages, with what is recalled just before the user's last."""
        messages = messages_of(given)
        place = last_typed(messages)
        if place is None:
            return messages
        self.question = text_of(messages[place])
        if any(message.type in ("human", "ai") for message in messages[:place]):
            return placed(messages, self._recalled(None, texts_of(messages)))
        # Who sends one message only leaves the conversation to us.
        return placed(messages, self._recalled(self.thread_id))

    def _recalled(self, thread_id: str | None, shown: Collection[str] = ()) -> str:
        return recalled(
            self.user,
            self.question,
            max_tokens=self.max_tokens,
            thread_id=thread_id,
            shown=shown,
            on_error=self.on_error,
        )
