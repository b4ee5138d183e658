"""MemoryOSRunnable and with_memory: memory for any runnable."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing
from typing import Any, Self, cast

from langchain_core.runnables import Runnable, RunnableConfig, RunnableSerializable
from langchain_core.runnables.base import RunnableLike, coerce_to_runnable
from langchain_core.runnables.utils import ConfigurableFieldSpec, get_unique_config_specs
from pydantic import Field, model_validator

from langchain_memoryos.shared.chain_keys import prompt_variables, select_memory_key
from langchain_memoryos.shared.pending_writes import OnError
from langchain_memoryos.shared.turn import Turn
from langchain_memoryos.shared.user_scope import (
    UserScoped,
    configured_thread_id,
    resolve_run_user,
    resolve_user,
    valid_thread_id,
)
from memoryos_integrations.memory import MemoryOS
from memoryos_integrations.user_memory import UserMemory


class MemoryOSRunnable(RunnableSerializable[Any, Any], UserScoped):
    """A runnable with memory, as ``with_memory`` returns it.

    A run retrieves memories for the input, stores the user's message, calls the runnable, and stores the
    answer when it has ended. If the runnable fails or the process ends, the message is stored; if the
    consumer closes the stream early, the answer so far as well.

    For a text or messages, the runnable gets messages, with the memories in one just before the user's last.
    For a mapping, it gets one more variable.
    """

    runnable: Runnable[Any, Any] = Field(exclude=True, repr=False)
    """The runnable that is called."""
    thread_id: str | None = None
    """The conversation; by default ``thread_id`` of the configuration, else ``"default"``."""
    max_tokens: int = Field(default=2000, ge=1)
    """Limit of the memories in the input."""
    input_key: str | None = None
    """Key of the user's message in a mapping; found by its name by default."""
    output_key: str | None = None
    """Key of the answer in a mapping; found by its name by default."""
    memory_key: str | None = None
    """Key of the memories in a mapping; by default the prompt's usual one, or the one that is not filled."""
    on_error: OnError = Field(default="log", exclude=True, repr=False)
    """When the store fails: ``"log"``, ``"raise"`` or a function. The turn is retried in any case."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.user_id is not None or isinstance(self.memory, UserMemory):
            resolve_user(self.memory, self.user_id, self.agent_id)
        if self.memory_key is not None:
            select_memory_key(self.memory_key, prompt_variables(self.runnable))
        return self

    @property
    def config_specs(self) -> list[ConfigurableFieldSpec]:
        """Options of a run: user, conversation, and those of the runnable."""
        own = [
            ConfigurableFieldSpec(id=name, annotation=str | None, default=default, is_shared=True)
            for name, default in (("user_id", self.user_id), ("thread_id", self.thread_id))
        ]
        return get_unique_config_specs([*own, *self.runnable.config_specs])

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002
        """Run with memory.

        Raises:
            ValueError: there is no user; the runnable was not called.
        """
        return self._call_with_config(_with_config(self._invoke), input, config, **kwargs)

    async def ainvoke(
        self,
        input: Any,  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Any:
        """Run with memory; see ``invoke``."""
        return await self._acall_with_config(_with_config(self._ainvoke), input, config, **kwargs)

    def stream(
        self,
        input: Any,  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Iterator[Any]:
        """Run with memory; yields the runnable's chunks as they arrive."""
        return self._transform_stream_with_config(iter([input]), _with_config(self._stream), config, **kwargs)

    async def astream(
        self,
        input: Any,  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[Any]:
        """Run with memory; yields the runnable's chunks as they arrive."""

        async def inputs() -> AsyncIterator[Any]:
            yield input

        chunks = self._atransform_stream_with_config(inputs(), _with_config(self._astream), config, **kwargs)
        async with aclosing(cast("AsyncGenerator[Any, None]", chunks)):
            async for chunk in chunks:
                yield chunk

    def _invoke(self, given: Any, config: RunnableConfig, **kwargs: Any) -> Any:
        turn, filled = self._start_turn(given, config)
        try:
            turn.answer = self.runnable.invoke(filled, config, **kwargs)
        finally:
            turn.store(self.output_key)
        return turn.answer

    async def _ainvoke(self, given: Any, config: RunnableConfig, **kwargs: Any) -> Any:
        turn, filled = await asyncio.to_thread(self._start_turn, given, config)
        try:
            turn.answer = await self.runnable.ainvoke(filled, config, **kwargs)
        finally:
            await asyncio.to_thread(turn.store, self.output_key)
        return turn.answer

    def _stream(self, inputs: Iterator[Any], config: RunnableConfig, **kwargs: Any) -> Iterator[Any]:
        turn, filled = self._start_turn(next(inputs), config)
        try:
            for chunk in self.runnable.stream(filled, config, **kwargs):
                turn.add_chunk(chunk)
                yield chunk
        except Exception:
            turn.answer = None
            raise
        finally:
            turn.store(self.output_key)

    async def _astream(
        self, inputs: AsyncIterator[Any], config: RunnableConfig, **kwargs: Any
    ) -> AsyncIterator[Any]:
        turn, filled = await asyncio.to_thread(self._start_turn, await anext(inputs), config)
        try:
            async for chunk in self.runnable.astream(filled, config, **kwargs):
                turn.add_chunk(chunk)
                yield chunk
        except Exception:
            turn.answer = None
            raise
        finally:
            await asyncio.to_thread(turn.store, self.output_key)

    def _start_turn(self, given: Any, config: RunnableConfig) -> tuple[Turn, Any]:
        """Store the user's message; return the turn and the runnable's input."""
        user = resolve_run_user(self.memory, self.user_id, self.agent_id, config)
        thread_id = valid_thread_id(self.thread_id or configured_thread_id(config) or "default")
        turn = Turn(user, thread_id, self.max_tokens, self.on_error)
        filled = turn.with_memories(
            given,
            input_key=self.input_key,
            memory_key=self.memory_key,
            variables=prompt_variables(self.runnable),
        )
        turn.store(None)
        return turn, filled


def with_memory(
    runnable: RunnableLike[Any, Any],
    memory: MemoryOS | UserMemory,
    user_id: str | None = None,
    **options: Any,
) -> MemoryOSRunnable:
    """Return a runnable with memory.

    Args:
        runnable: a chain, a chat model or a function.
        memory: a ``MemoryOS`` or a ``UserMemory``.
        user_id: the user; by default each run names it, in ``config["configurable"]["user_id"]``.
        options: the other fields of ``MemoryOSRunnable``.

    Example:
        >>> from langchain_core.language_models import FakeListChatModel
        >>> chain = with_memory(FakeListChatModel(responses=["Hello Ada!"]), memory=ada)
        >>> chain.invoke("I am Ada.").content
        'Hello Ada!'
        >>> [message.text for page in ada.pages() for message in page.messages]
        ['I am Ada.', 'Hello Ada!']
    """
    whole: Runnable[Any, Any] = coerce_to_runnable(runnable)
    return MemoryOSRunnable(runnable=whole, memory=memory, user_id=user_id, **options)


def _with_config(function: Callable[..., Any]) -> Any:
    """Return the function. LangChain passes it a configuration, which its type hints do not know."""
    return function
