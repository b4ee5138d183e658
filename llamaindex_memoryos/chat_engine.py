"""MemoryOSChatEngine: chat with long-term memory, and with documents if there is a retriever."""

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
from llamaindex_memoryos.shared.chat_turn import ChatTurn, prepare_turn, quote_documents, stored_on_cancel
from memoryos_integrations.errors import ConfigError, InvalidInputError


class MemoryOSChatEngine(BaseChatEngine):
    """A chat engine with the newest turns and the memories of earlier ones in the prompt.

    System prompt, documents and memories form one system message at the front. User messages are never taken
    for templates. Without documents the model answers alone. The user's message is stored before the model
    is called; memories and documents of the prompt are the response's ``source_nodes``.

    Args:
        llm: the model that answers.
        memory: the conversation and its memory.
        retriever: retrieves documents for each message.
        system_prompt: the beginning of the system message.
        callback_manager: as in other chat engines.

    Raises:
        ConfigError: the model, the memory or the retriever is of another type.
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
                f"retriever must be a BaseRetriever, not {type(retriever).__name__}: use that of an index, "
                "index.as_retriever()"
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
        """Create a chat engine; see the class for the arguments.

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
        """Start a new conversation. Long-term memory keeps the old one."""
        self._memory.reset()

    @trace_method("chat")
    def chat(self, message: str, chat_history: list[ChatMessage] | None = None) -> AgentChatResponse:
        """Answer a message.

        Args:
            message: the user's message.
            chat_history: replaces the conversation so far.
        """
        turn = self._start_turn(message, chat_history)
        answer = self._llm.chat(turn.messages).message
        self._memory.put(answer)
        return turn.response(answer)

    @trace_method("chat")
    async def achat(self, message: str, chat_history: list[ChatMessage] | None = None) -> AgentChatResponse:
        """Answer a message; see ``chat``."""
        turn = await self._astart_turn(message, chat_history)
        answer = (await self._llm.achat(turn.messages)).message
        await self._memory.aput(answer)
        return turn.response(answer)

    @trace_method("chat")
    def stream_chat(
        self, message: str, chat_history: list[ChatMessage] | None = None
    ) -> StreamingAgentChatResponse:
        """Stream the answer; see ``chat``. It is stored even if nobody reads the stream."""
        turn = self._start_turn(message, chat_history)
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
        """Stream the answer; see ``chat``.

        If the loop ends or the client disconnects first, the answer so far is stored.
        """
        turn = await self._astart_turn(message, chat_history)
        response = StreamingAgentChatResponse(
            achat_stream=stored_on_cancel(await self._llm.astream_chat(turn.messages), self._memory),
            sources=turn.sources,
            source_nodes=turn.nodes,
        )
        response.awrite_response_to_history_task = asyncio.create_task(
            response.awrite_response_to_history(self._memory)
        )
        return response

    def _start_turn(self, message: str, chat_history: list[ChatMessage] | None) -> ChatTurn:
        self._receive(message, chat_history)
        return self._turn(message, self._retriever.retrieve(message) if self._retriever else [])

    async def _astart_turn(self, message: str, chat_history: list[ChatMessage] | None) -> ChatTurn:
        await asyncio.to_thread(self._receive, message, chat_history)
        documents = await self._retriever.aretrieve(message) if self._retriever else []
        return await asyncio.to_thread(self._turn, message, documents)

    def _receive(self, message: str, chat_history: list[ChatMessage] | None) -> None:
        """Store the message, before anything can fail."""
        if not isinstance(message, str):
            raise InvalidInputError(f"message must be text, not {type(message).__name__}")
        if chat_history is not None:
            self._memory.set(chat_history)
        self._memory.put(ChatMessage(content=message, role=MessageRole.USER))

    def _turn(self, message: str, documents: Sequence[NodeWithScore]) -> ChatTurn:
        texts = [self._system_prompt, quote_documents(documents)]
        tokens = len(self._memory.tokenizer_fn("\n\n".join(texts)))
        parts = self._memory.parts(tokens_in_front=tokens)
        return prepare_turn(parts, self._llm, texts, message, documents)
