"""MemoryOSChatEngine: a chat with long-term memory, and documents if there are any."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.callbacks import CallbackManager, trace_method
from llama_index.core.chat_engine.types import (
    AgentChatResponse,
    BaseChatEngine,
    StreamingAgentChatResponse,
)
from llama_index.core.llms.llm import LLM
from llama_index.core.schema import NodeWithScore
from llama_index.core.types import Thread

from llamaindex_memoryos.memory import MemoryOSMemory
from llamaindex_memoryos.turn import Turn, kept, turn_of
from memoryos_integrations.errors import ConfigError, InvalidInputError


class MemoryOSChatEngine(BaseChatEngine):
    """A chat engine whose model is shown the newest turns and what is recalled of all that came before.

    Everything that is no turn stands in one system message in front. What users type is never taken for a
    template. Without documents, or with none that fit, it simply answers. The user's message is stored before
    the model is asked; memories and documents that were shown are the response's ``source_nodes``.

    Args:
        llm: answers.
        memory: the conversation and what is remembered.
        retriever: finds documents for each message.
        system_prompt: what the system message begins with.
        callback_manager: as of any chat engine.

    Raises:
        ConfigError: the model, the memory or the retriever is none.
    """

    def __init__(
        self,
        *,
        llm: LLM,
        memory: MemoryOSMemory,
        retriever: BaseRetriever | None = None,
        system_prompt: str | None = None,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        if not isinstance(llm, LLM):
            raise ConfigError(f"llm must be a chat model of LlamaIndex, not {type(llm).__name__}")
        if not isinstance(memory, MemoryOSMemory):
            raise ConfigError(
                f"memory must be a MemoryOSMemory, not {type(memory).__name__}: make one with "
                "MemoryOSMemory.from_defaults(...)"
            )
        if retriever is not None and not isinstance(retriever, BaseRetriever):
            raise ConfigError(
                f"retriever must be a BaseRetriever, not {type(retriever).__name__}: an index gives one by "
                "as_retriever()"
            )
        self._llm, self._memory, self._retriever = llm, memory, retriever
        self._system_prompt = system_prompt or ""
        self.callback_manager = callback_manager or CallbackManager([])

    @classmethod
    def from_defaults(
        cls,
        *,
        llm: LLM,
        memory: MemoryOSMemory,
        retriever: BaseRetriever | None = None,
        system_prompt: str | None = None,
    ) -> MemoryOSChatEngine:
        """Make a chat engine; see the class for the arguments.

        Example:
            >>> engine = MemoryOSChatEngine.from_defaults(llm=llm, memory=chat)
            >>> answer = engine.chat("What do I keep?")
        """
        return cls(llm=llm, memory=memory, retriever=retriever, system_prompt=system_prompt)

    @property
    def chat_history(self) -> list[ChatMessage]:
        """The whole conversation."""
        return self._memory.get_all()

    def reset(self) -> None:
        """Begin a new conversation; what was said before can still be recalled."""
        self._memory.reset()

    @trace_method("chat")
    def chat(self, message: str, chat_history: list[ChatMessage] | None = None) -> AgentChatResponse:
        """Answer a message.

        Args:
            message: what the user says.
            chat_history: the conversation so far, if it is not what the memory holds already.
        """
        self._receive(message, chat_history)
        turn = self._turn(message, self._retriever.retrieve(message) if self._retriever else [])
        answer = self._llm.chat(turn.messages).message
        self._memory.put(answer)
        return turn.response(answer)

    @trace_method("chat")
    async def achat(self, message: str, chat_history: list[ChatMessage] | None = None) -> AgentChatResponse:
        """Answer a message; see ``chat``."""
        await asyncio.to_thread(self._receive, message, chat_history)
        documents = await self._retriever.aretrieve(message) if self._retriever else []
        turn = await asyncio.to_thread(self._turn, message, documents)
        answer = (await self._llm.achat(turn.messages)).message
        await self._memory.aput(answer)
        return turn.response(answer)

    @trace_method("chat")
    def stream_chat(
        self, message: str, chat_history: list[ChatMessage] | None = None
    ) -> StreamingAgentChatResponse:
        """Answer a message piece by piece; see ``chat``. The answer is stored even if nobody reads it."""
        self._receive(message, chat_history)
        turn = self._turn(message, self._retriever.retrieve(message) if self._retriever else [])
        response = StreamingAgentChatResponse(
            chat_stream=self._llm.stream_chat(turn.messages), sources=turn.sources, source_nodes=turn.nodes
        )
        thread = Thread(target=response.write_response_to_history, args=(self._memory,))
        response.write_response_to_history_thread = thread
        thread.start()
        return response

    @trace_method("chat")
    async def astream_chat(
        self, message: str, chat_history: list[ChatMessage] | None = None
    ) -> StreamingAgentChatResponse:
        """Answer a message piece by piece; see ``chat``.

        What was said until then is stored if the loop ends, or a client goes away, before the stream does.
        """
        await asyncio.to_thread(self._receive, message, chat_history)
        documents = await self._retriever.aretrieve(message) if self._retriever else []
        turn = await asyncio.to_thread(self._turn, message, documents)
        response = StreamingAgentChatResponse(
            achat_stream=kept(await self._llm.astream_chat(turn.messages), self._memory),
            sources=turn.sources,
            source_nodes=turn.nodes,
        )
        response.awrite_response_to_history_task = asyncio.create_task(
            response.awrite_response_to_history(self._memory)
        )
        return response

    def _receive(self, message: str, chat_history: list[ChatMessage] | None) -> None:
        """Store the message before anything can fail."""
        if not isinstance(message, str):
            raise InvalidInputError(f"message must be text, not {type(message).__name__}")
        if chat_history is not None:
            self._memory.set(chat_history)
        self._memory.put(ChatMessage(content=message, role=MessageRole.USER))

    def _turn(self, message: str, documents: Sequence[NodeWithScore]) -> Turn:
        return turn_of(self._memory, self._llm, self._system_prompt, message, documents)
