"""Fixtures of the adapters' tests: a scripted chat model, and a store that fails on demand."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import PrivateAttr

from langchain_memoryos.shared.messages import text_of
from memoryos_integrations import MemoryOS

Answer = str | AIMessage | Exception | Callable[[list[BaseMessage]], "str | AIMessage"]


class ScriptedChat(BaseChatModel):
    """A chat model that answers from a list, then always with its last entry; it records the requests."""

    answers: list[Any]
    _requests: list[list[BaseMessage]] = PrivateAttr(default_factory=list)

    @property
    def requests(self) -> list[list[BaseMessage]]:
        """The messages of every call, oldest first."""
        return self._requests

    @property
    def prompts(self) -> list[str]:
        """The text of every call, oldest first."""
        return ["\n".join(text_of(message) for message in messages) for messages in self._requests]

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> ScriptedChat:  # type: ignore[override]
        return self

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _answer(self, messages: list[BaseMessage]) -> AIMessage:
        self._requests.append(list(messages))
        answer: Answer = self.answers[min(len(self._requests), len(self.answers)) - 1]
        if callable(answer) and not isinstance(answer, AIMessage):
            answer = answer(messages)
        if isinstance(answer, Exception):
            raise answer
        return AIMessage(content=answer) if isinstance(answer, str) else answer.model_copy()

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self._answer(messages))])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        answer = self._answer(messages)
        for word in re.findall(r"\s*\S+", str(answer.content)):
            chunk = ChatGenerationChunk(message=AIMessageChunk(content=word, id="streamed"))
            if run_manager:
                run_manager.on_llm_new_token(word, chunk=chunk)
            yield chunk
        if answer.tool_calls:
            calls = [
                {
                    "name": call["name"],
                    "args": json.dumps(call["args"]),
                    "id": call["id"],
                    "index": i,
                }
                for i, call in enumerate(answer.tool_calls)
            ]
            yield ChatGenerationChunk(
                message=AIMessageChunk(content="", tool_call_chunks=calls, id="streamed")
            )

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in self._stream(messages):
            if run_manager:
                await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
            yield chunk


def calling(tool: str, **args: Any) -> AIMessage:
    """Return a model's message that calls a tool."""
    return AIMessage(content="", tool_calls=[{"name": tool, "args": args, "id": f"call-{tool}"}])


def stored_texts(memory: MemoryOS, user_id: str, thread_id: str | None = None) -> list[str]:
    """Return what is stored of a user, oldest first."""
    pages = memory.user(user_id).pages(thread_id=thread_id)
    return [message.text for page in pages for message in page.messages]


@contextlib.contextmanager
def broken(memory: MemoryOS, table: str = "messages") -> Iterator[None]:
    """Take a table away from a store, so that it can neither read nor write what belongs there."""

    def rename(old: str, new: str) -> None:
        with contextlib.closing(sqlite3.connect(memory.path / "memory.db", timeout=30)) as ledger:
            ledger.execute("PRAGMA legacy_alter_table=ON")  # what points at it goes on pointing at its name
            ledger.execute(f"ALTER TABLE {old} RENAME TO {new}")

    rename(table, "taken_away")
    try:
        yield
    finally:
        rename("taken_away", table)
