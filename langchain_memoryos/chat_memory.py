"""A chain's memory: the newest turns of its conversation, and what is recalled of all others."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from langchain_classic.memory.chat_memory import BaseChatMemory
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from pydantic import Field, model_validator

from langchain_memoryos.binding import Bound, bound, counter_of, thread_name
from langchain_memoryos.chat_history import MemoryOSChatMessageHistory
from langchain_memoryos.messages import text_of
from langchain_memoryos.recalling import recalled
from langchain_memoryos.recording import OnError, Said, record, report
from langchain_memoryos.variables import answer_in, question_in
from memoryos_integrations.errors import InvalidInputError, MemoryOSError
from memoryos_integrations.types import Message
from memoryos_integrations.user_memory import UserMemory

_TOKENS_A_TURN = 32  # half of what LoCoMo's have: what is read at first is enough more often than not


class MemoryOSChatMemory(BaseChatMemory, Bound):
    """Memory for ``ConversationChain``, ``LLMChain``, ``AgentExecutor`` and every other chain.

    Each turn is one transaction, so threads may share it. Where a chain has several inputs or outputs, the
    one that is the user's or the answer's by its name is stored.

    Args:
        memory: a ``MemoryOS``, then with ``user_id``; or a ``UserMemory``.
        user_id: whose memory.
        thread_id: the conversation.

    Raises:
        ValueError: it is not said whose memory it is.

    Example:
        >>> chat = MemoryOSChatMemory(memory=ada, thread_id="monday")
        >>> chat.save_context({"input": "I keep bees."}, {"response": "Lovely!"})
        >>> print(chat.load_memory_variables({"input": "What do I keep?"})["history"])
        Human: I keep bees.
        AI: Lovely!
    """

    thread_id: str = "default"
    """The conversation; any other one of this user is recalled from, too."""
    max_tokens: int = Field(default=2000, ge=1)
    """What the chain gets at most."""
    recent_share: float = Field(default=0.5, ge=0, le=1)
    """How much of ``max_tokens`` the conversation's newest turns may take, verbatim. With 1 nothing is
    recalled, as in a buffer; with 0 everything is, as from a vector store."""
    memory_key: str = "history"
    """The variable of the prompt."""
    human_prefix: str = "Human"
    """Who the user is in the text."""
    ai_prefix: str = "AI"
    """Who the assistant is in the text."""
    on_error: OnError = Field(default="log", exclude=True, repr=False)
    """When the store fails: ``"log"``, ``"raise"`` or a function. The turn is tried again in any case."""
    chat_memory: MemoryOSChatMessageHistory = Field(exclude=True, repr=False)
    """The conversation itself; made from the fields above."""

    @model_validator(mode="before")
    @classmethod
    def _open_conversation(cls, given: dict[str, Any]) -> dict[str, Any]:
        if "chat_memory" in given or "memory" not in given:
            return given
        user = bound(given["memory"], given.get("user_id"), given.get("agent_id"))
        return given | {
            "chat_memory": MemoryOSChatMessageHistory(user, thread_id=given.get("thread_id", "default"))
        }

    @property
    def memory_variables(self) -> list[str]:
        """The one variable that it gives."""
        return [self.memory_key]

    @property
    def buffer(self) -> str | list[BaseMessage]:
        """The newest turns of the conversation, as the prompt would get them."""
        found: str | list[BaseMessage] = self.load_memory_variables({})[self.memory_key]
        return found

    def load_memory_variables(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Return what the prompt gets: what is recalled for the input, then the newest turns.

        Raises:
            ValueError: there are several inputs, and none of them is the user's by its name; or the user's is
                the variable that the memory fills.
        """
        key, said = question_in(inputs, self.input_key, self.memory_variables)
        if key in (None, self.memory_key) and self.memory_key in inputs:
            raise InvalidInputError(
                f"memory_key: {self.memory_key!r} is what the user said, and would be replaced by memories: "
                "give the memory another variable of the prompt, as with memory_key='history'"
            )
        question = text_of(said)
        user = bound(self.memory, self.user_id, self.agent_id)
        try:
            recent, spent = self._recent(user)
        except MemoryOSError as error:
            report(error, self.on_error, "The conversation's newest turns were not read.")
            recent, spent = [], 0
        known = ""
        if self.recent_share < 1:
            left = self.max_tokens - spent
            shown = {message.id for message in recent}
            known = recalled(user, question, max_tokens=left, shown=shown, on_error=self.on_error)
        if not self.return_messages:
            return {self.memory_key: "\n".join(part for part in (known, self._rendered(recent)) if part)}
        found: list[BaseMessage] = [SystemMessage(content=known)] if known else []
        types = {"user": HumanMessage, "assistant": AIMessage}
        found += [types[one.role](content=one.text) for one in recent]
        return {self.memory_key: found}

    async def aload_memory_variables(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Return what the prompt gets; see ``load_memory_variables``."""
        return await asyncio.to_thread(self.load_memory_variables, inputs)

    def save_context(self, inputs: dict[str, Any], outputs: dict[str, Any]) -> None:
        """Store a turn.

        Raises:
            ValueError: there are several inputs or outputs, and none of them is the one to store by its name.
        """
        question = text_of(question_in(inputs, self.input_key, self.memory_variables)[1])
        answer = text_of(answer_in(outputs, self.output_key))
        user = bound(self.memory, self.user_id, self.agent_id)
        said = (Said("user", question), Said("assistant", answer))
        record(user, thread_name(self.thread_id), said, self.on_error)

    async def asave_context(self, inputs: dict[str, Any], outputs: dict[str, Any]) -> None:
        """Store a turn; see ``save_context``."""
        await asyncio.to_thread(self.save_context, inputs, outputs)

    def clear(self, scope: Literal["conversation", "user"] = "conversation") -> None:
        """Forget this conversation for good; with ``scope="user"`` everything of the user with this agent."""
        user = bound(self.memory, self.user_id, self.agent_id)
        if scope == "user":
            user.forget(everything=True)
        elif scope == "conversation":
            user.forget(thread_id=thread_name(self.thread_id))
        else:
            raise InvalidInputError(f"scope must be 'conversation' or 'user', not {scope!r}")

    async def aclear(self, scope: Literal["conversation", "user"] = "conversation") -> None:
        """Forget; see ``clear``."""
        await asyncio.to_thread(self.clear, scope)

    def _recent(self, user: UserMemory) -> tuple[list[Message], int]:
        """Return the newest turns that fit into their share, whole ones, oldest first, and their tokens."""
        left = int(self.max_tokens * self.recent_share)
        if not left:
            return [], 0
        count = counter_of(user)
        thread, limit = thread_name(self.thread_id), max(8, left // _TOKENS_A_TURN)
        while True:
            pages = user.pages(thread_id=thread, limit=limit)
            spent, found = 0, list[Message]()
            for page in reversed(pages):
                said = [message for message in page.messages if message.role != "tool"]
                cost = count(self._rendered(said)) + 1  # the line's end
                if spent + cost > left:
                    return found, spent
                spent += cost
                found[:0] = said
            if len(pages) < limit:
                return found, spent
            limit *= 4

    def _rendered(self, messages: list[Message]) -> str:
        prefixes = {"user": self.human_prefix, "assistant": self.ai_prefix}
        return "\n".join(f"{prefixes[message.role]}: {message.text}" for message in messages)
