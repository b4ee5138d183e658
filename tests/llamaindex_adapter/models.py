"""Scripted chat models that record their requests, and an embedding model of words."""

import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from typing import Any

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    LLMMetadata,
    MessageRole,
    TextBlock,
    ToolCallBlock,
)
from llama_index.core.llms.callbacks import llm_chat_callback
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.storage.chat_store.base_db import AsyncDBChatStore, MessageStatus
from llama_index.core.tools import BaseTool
from pydantic import Field, PrivateAttr

from memoryos_integrations import MemoryOS, UserMemory
from memoryos_integrations.errors import StoreError
from memoryos_integrations.testing import HashEmbedder

Answer = str | ToolCallBlock | Exception | ChatResponse | Callable[[list[ChatMessage]], str]


class Talker(FunctionCallingLLM):
    """Answers in the order of its script, then "Fine."; streams word by word.

    Attributes:
        seen: the messages of every call, oldest first, copied as they were.
    """

    seen: list[list[ChatMessage]] = Field(default_factory=list)
    window: int = 100_000
    _script: deque[Answer] = PrivateAttr(default_factory=deque)
    _lock: Any = PrivateAttr(default_factory=threading.Lock)

    def __init__(self, *answers: Answer, **fields: Any) -> None:
        super().__init__(**fields)
        self._script.extend(answers)

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(is_chat_model=True, is_function_calling_model=True, context_window=self.window)

    @property
    def counts(self) -> list[int]:
        """How many messages each call showed, system messages aside."""
        return [len([m for m in messages if m.role is not MessageRole.SYSTEM]) for messages in self.seen]

    @property
    def last(self) -> list[ChatMessage]:
        return self.seen[-1]

    @property
    def system(self) -> str:
        """All that stood in system messages of the last call."""
        return "\n".join(str(m.content) for m in self.last if m.role is MessageRole.SYSTEM)

    def _next(self, messages: Sequence[ChatMessage]) -> ChatResponse:
        with self._lock:
            self.seen.append([message.model_copy(deep=True) for message in messages])
            answer = self._script.popleft() if self._script else "Fine."
        if callable(answer):
            answer = answer(list(messages))
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, ChatResponse):
            return answer
        block = TextBlock(text=answer) if isinstance(answer, str) else answer
        return ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT, blocks=[block]))

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return self._next(messages)

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return self._next(messages)

    @llm_chat_callback()
    def stream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> Generator[ChatResponse, None, None]:
        answer = self._next(messages)
        return (part for part in _parts(answer))

    @llm_chat_callback()
    async def astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> AsyncGenerator[ChatResponse, None]:
        answer = self._next(messages)

        async def stream() -> AsyncGenerator[ChatResponse, None]:
            for part in _parts(answer):
                yield part

        return stream()

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return CompletionResponse(text=str(self._next([ChatMessage(content=prompt)]).message.content))

    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return self.complete(prompt)

    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        return (part for part in [self.complete(prompt)])

    async def astream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        raise NotImplementedError

    def _prepare_chat_with_tools(
        self,
        tools: Sequence[BaseTool],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        tool_required: bool = False,
        **kwargs: Any,
    ) -> dict[str, Any]:
        return {"messages": list(chat_history or [])}

    def get_tool_calls_from_response(
        self, response: ChatResponse, error_on_no_tool_call: bool = True, **kwargs: Any
    ) -> list[ToolSelection]:
        return [
            ToolSelection(
                tool_id=block.tool_call_id or "", tool_name=block.tool_name, tool_kwargs=block.tool_kwargs
            )
            for block in response.message.blocks
            if isinstance(block, ToolCallBlock)
        ]


class WordEmbedding(BaseEmbedding):
    """Vectors from the words alone."""

    model_name: str = "words"
    failing: bool = False

    def _get_text_embedding(self, text: str) -> list[float]:
        if self.failing:
            raise ConnectionError("refused: key sk-secret")
        return HashEmbedder(64).embed([text])[0].tolist()

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)


class Queue(AsyncDBChatStore):
    """A store for LlamaIndex's Memory that needs no closing: its own leaves a connection open."""

    active: list[ChatMessage] = Field(default_factory=list)
    archived: list[ChatMessage] = Field(default_factory=list)

    async def get_messages(self, key, status=MessageStatus.ACTIVE, limit=None, offset=None):
        kept = self.active if status is MessageStatus.ACTIVE else [*self.archived, *self.active]
        return [message.model_copy(deep=True) for message in kept]

    async def count_messages(self, key, status=MessageStatus.ACTIVE):
        return len(await self.get_messages(key, status))

    async def add_message(self, key, message, status=MessageStatus.ACTIVE):
        await self.add_messages(key, [message])

    async def add_messages(self, key, messages, status=MessageStatus.ACTIVE):
        self.active += [message.model_copy(deep=True) for message in messages]

    async def set_messages(self, key, messages, status=MessageStatus.ACTIVE):
        self.active = list(messages)

    async def archive_oldest_messages(self, key, n):
        oldest, self.active = self.active[:n], self.active[n:]
        self.archived += oldest
        return [message.model_copy(deep=True) for message in oldest]

    async def delete_message(self, key, idx):
        raise NotImplementedError

    async def delete_messages(self, key, status=None):
        raise NotImplementedError

    async def delete_oldest_messages(self, key, n):
        raise NotImplementedError

    async def get_keys(self):
        raise NotImplementedError


class OutOfReach(MemoryOS):
    """A store that takes what is said and whose searches fail."""

    def user(self, user_id: str, agent_id: str = "default") -> UserMemory:
        found = super().user(user_id, agent_id)

        def context(*_: Any, **__: Any) -> Any:
            raise StoreError("The disk is gone.")

        found.context = context
        return found


def call(name: str, number: int = 1, **arguments: Any) -> ToolCallBlock:
    """A tool's call as a model asks for it."""
    return ToolCallBlock(tool_call_id=f"call_{number}", tool_name=name, tool_kwargs=arguments)


def user(text: str) -> ChatMessage:
    return ChatMessage(role="user", content=text)


def assistant(text: str) -> ChatMessage:
    return ChatMessage(role="assistant", content=text)


def result(text: str, number: int = 1) -> ChatMessage:
    return ChatMessage(role="tool", content=text, additional_kwargs={"tool_call_id": f"call_{number}"})


def calling(block: ToolCallBlock) -> ChatMessage:
    return ChatMessage(role="assistant", blocks=[block])


def texts(messages: Sequence[ChatMessage]) -> list[str | None]:
    return [message.content for message in messages]


def _parts(answer: ChatResponse) -> Generator[ChatResponse, None, None]:
    words = (answer.message.content or "").split(" ") if answer.message.content else []
    if not words:
        yield answer
    for place in range(len(words)):
        delta = words[place] if place == 0 else f" {words[place]}"
        message = ChatMessage(role=MessageRole.ASSISTANT, content=" ".join(words[: place + 1]))
        yield ChatResponse(message=message, delta=delta)
