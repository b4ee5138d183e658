"""Recall, run, save: memory around any runnable."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing
from typing import Any, Self, cast

from langchain_core.runnables import Runnable, RunnableConfig, RunnableSerializable
from langchain_core.runnables.base import RunnableLike, coerce_to_runnable
from langchain_core.runnables.utils import ConfigurableFieldSpec, get_unique_config_specs
from pydantic import Field, model_validator

from langchain_memoryos.binding import Bound, bound, bound_to_run, thread_name, thread_of
from langchain_memoryos.exchange import Exchange
from langchain_memoryos.recording import OnError
from langchain_memoryos.variables import memory_variable, variables_of
from memoryos_integrations.memory import MemoryOS
from memoryos_integrations.user_memory import UserMemory


class MemoryOSRunnable(RunnableSerializable[Any, Any], Bound):
    """A runnable with memory; made by ``with_memory``.

    A run recalls what the input asks for, stores what the user said, runs the runnable, and stores the answer
    when it has ended. When the runnable fails, or the process ends, what the user said is there; when the
    consumer stops the stream early, that and what was streamed until then.

    The input may be a text or messages: then the runnable gets messages, what is recalled in one just before
    the user's last. Or it is a mapping: then it gets one more variable.
    """

    runnable: Runnable[Any, Any] = Field(exclude=True, repr=False)
    """What is run."""
    thread_id: str | None = None
    """The conversation; by default the configuration's ``thread_id``, else ``"default"``."""
    max_tokens: int = Field(default=2000, ge=1)
    """Of what is recalled."""
    input_key: str | None = None
    """What the user said, in a mapping; found by its name by default."""
    output_key: str | None = None
    """The answer, in a mapping; found by its name by default."""
    memory_key: str | None = None
    """The variable for what is recalled; by default the prompt's usual one, or the one that is not filled."""
    on_error: OnError = Field(default="log", exclude=True, repr=False)
    """When the store fails: ``"log"``, ``"raise"`` or a function. The turn is tried again in any case."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.user_id is not None or isinstance(self.memory, UserMemory):
            bound(self.memory, self.user_id, self.agent_id)
        if self.memory_key is not None:
            memory_variable(self.memory_key, variables_of(self.runnable))
        return self

    @property
    def config_specs(self) -> list[ConfigurableFieldSpec]:
        """What a run can be configured with: user and conversation, and what the runnable takes."""
        own = [
            ConfigurableFieldSpec(id=name, annotation=str | None, default=default, is_shared=True)
            for name, default in (("user_id", self.user_id), ("thread_id", self.thread_id))
        ]
        return get_unique_config_specs([*own, *self.runnable.config_specs])

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002
        """Run with memory.

        Raises:
            ValueError: it is not said whose memory it is; nothing was run.
        """
        return self._call_with_config(_taking_config(self._invoke), input, config, **kwargs)

    async def ainvoke(
        self,
        input: Any,  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Any:
        """Run with memory; see ``invoke``."""
        return await self._acall_with_config(_taking_config(self._ainvoke), input, config, **kwargs)

    def stream(
        self,
        input: Any,  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Iterator[Any]:
        """Run with memory; yields what the runnable yields, as it comes."""
        return self._transform_stream_with_config(
            iter([input]), _taking_config(self._stream), config, **kwargs
        )

    async def astream(
        self,
        input: Any,  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[Any]:
        """Run with memory; yields what the runnable yields, as it comes."""

        async def inputs() -> AsyncIterator[Any]:
            yield input

        chunks = self._atransform_stream_with_config(
            inputs(), _taking_config(self._astream), config, **kwargs
        )
        async with aclosing(cast("AsyncGenerator[Any, None]", chunks)):
            async for chunk in chunks:
                yield chunk

    def _invoke(self, given: Any, config: RunnableConfig, **kwargs: Any) -> Any:
        exchange, filled = self._begun(given, config)
        try:
            exchange.answered = self.runnable.invoke(filled, config, **kwargs)
        finally:
            exchange.store(self.output_key)
        return exchange.answered

    async def _ainvoke(self, given: Any, config: RunnableConfig, **kwargs: Any) -> Any:
        exchange, filled = await asyncio.to_thread(self._begun, given, config)
        try:
            exchange.answered = await self.runnable.ainvoke(filled, config, **kwargs)
        finally:
            await asyncio.to_thread(exchange.store, self.output_key)
        return exchange.answered

    def _stream(self, inputs: Iterator[Any], config: RunnableConfig, **kwargs: Any) -> Iterator[Any]:
        exchange, filled = self._begun(next(inputs), config)
        try:
            for chunk in self.runnable.stream(filled, config, **kwargs):
                exchange.take(chunk)
                yield chunk
        except Exception:
            exchange.answered = None
            raise
        finally:
            exchange.store(self.output_key)

    async def _astream(
        self, inputs: AsyncIterator[Any], config: RunnableConfig, **kwargs: Any
    ) -> AsyncIterator[Any]:
        exchange, filled = await asyncio.to_thread(self._begun, await anext(inputs), config)
        try:
            async for chunk in self.runnable.astream(filled, config, **kwargs):
                exchange.take(chunk)
                yield chunk
        except Exception:
            exchange.answered = None
            raise
        finally:
            await asyncio.to_thread(exchange.store, self.output_key)

    def _begun(self, given: Any, config: RunnableConfig) -> tuple[Exchange, Any]:
        """Return the exchange and what the runnable gets."""
        user = bound_to_run(self.memory, self.user_id, self.agent_id, config)
        thread = thread_name(self.thread_id or thread_of(config) or "default")
        exchange = Exchange(user, thread, self.max_tokens, self.on_error)
        filled = exchange.filled(
            given,
            input_key=self.input_key,
            memory_key=self.memory_key,
            variables=variables_of(self.runnable),
        )
        exchange.store(None)
        return exchange, filled


def with_memory(
    runnable: RunnableLike[Any, Any],
    memory: MemoryOS | UserMemory,
    user_id: str | None = None,
    **options: Any,
) -> MemoryOSRunnable:
    """Give a runnable memory.

    Args:
        runnable: a chain, a chat model, a function.
        memory: a ``MemoryOS``, then with ``user_id``; or a ``UserMemory``.
        user_id: whose memory; by default each run names it, in ``config["configurable"]["user_id"]``.
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


def _taking_config(function: Callable[..., Any]) -> Any:
    """Return a function as it is. LangChain gives a configuration to what asks for it; its types do not."""
    return function
