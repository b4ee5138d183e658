"""MemoryOSMiddleware: memory for agents; memories enter no state, stream or checkpoint."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, NotRequired, cast

from langchain.agents.middleware import AgentMiddleware, AgentState, ModelRequest, ModelResponse
from langchain.agents.middleware.types import PrivateStateAttr
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.runnables.config import ensure_config
from langchain_core.tools import BaseTool
from langgraph.runtime import Runtime

from langchain_memoryos.shared.memory_context import ContextCache, memory_context
from langchain_memoryos.shared.messages import insert_context, is_typed, last_typed_index, text_of, texts_of
from langchain_memoryos.shared.pending_writes import NewMessage, OnError, report_error, store_messages
from langchain_memoryos.shared.stored_messages import event_id_of, to_stored
from langchain_memoryos.shared.user_scope import (
    configured_thread_id,
    resolve_run_user,
    resolve_user,
    valid_thread_id,
)
from langchain_memoryos.toolkit import MemoryOSToolkit
from memoryos_integrations.errors import MemoryOSError
from memoryos_integrations.memory import MemoryOS
from memoryos_integrations.storage import ids
from memoryos_integrations.user_memory import UserMemory


class MemoryState(AgentState[Any]):
    """The agent's state, with the generated thread id of a run that has none."""

    memoryos_thread: NotRequired[Annotated[str, PrivateStateAttr]]


class MemoryOSMiddleware(AgentMiddleware[MemoryState, Any, Any]):
    """Adds memory to an agent made by ``create_agent``.

    The user's message is stored before the agent starts, so that neither a failing model nor a summary of
    the conversation loses it; the answer when the agent has ended. Memories are part of the request to the
    model only, in a message just before the user's last one.

    The conversation is the run's ``thread_id``; a run without one is a conversation of its own.

    Args:
        memory: a ``MemoryOS`` or a ``UserMemory``.
        user_id: the user; by default each run names it, as ``context={"user_id": …}``, an object with that
            attribute, or in ``config["configurable"]["user_id"]``.
        agent_id: the agent; ``"default"`` by default.
        max_tokens: limit of the memories in a request.
        tools: whether the model also gets the tools of ``MemoryOSToolkit``.
        name: name of this instance; several in one agent need different ones.
        on_error: when the store fails: ``"log"``, ``"raise"`` or a function. The turn is retried in any case.

    Raises:
        ValueError: there is no user; raised by the run, before any model is called.

    Example:
        >>> from langchain.agents import create_agent
        >>> from langchain_core.language_models import FakeListChatModel
        >>> model = FakeListChatModel(responses=["Hello Ada!"])
        >>> agent = create_agent(model, middleware=[MemoryOSMiddleware(memory=ada)])
        >>> agent.invoke({"messages": "I am Ada."})["messages"][-1].content
        'Hello Ada!'
        >>> [message.text for page in ada.pages() for message in page.messages]
        ['I am Ada.', 'Hello Ada!']
    """

    state_schema = MemoryState

    def __init__(
        self,
        memory: MemoryOS | UserMemory,
        user_id: str | None = None,
        *,
        agent_id: str | None = None,
        max_tokens: int = 2000,
        tools: bool = False,
        name: str = "MemoryOSMiddleware",
        on_error: OnError = "log",
    ) -> None:
        super().__init__()
        if user_id is not None or not isinstance(memory, MemoryOS):
            resolve_user(memory, user_id, agent_id)
        self._memory, self._user_id, self._agent_id = memory, user_id, agent_id
        self._max_tokens, self._name, self._on_error = max_tokens, name, on_error
        self._contexts = ContextCache()
        toolkit = MemoryOSToolkit(memory=memory, user_id=user_id, agent_id=agent_id)
        self.tools: Sequence[BaseTool] = toolkit.get_tools() if tools else []

    @property
    def name(self) -> str:
        """The name of this instance."""
        return self._name

    def before_agent(self, state: MemoryState, runtime: Runtime[Any]) -> dict[str, Any] | None:
        """Store the user's messages since the last answer."""
        user = self._user(runtime)
        given_id = _thread_id_of(state, runtime)
        thread_id = given_id or ids.new_id()
        messages = state["messages"]
        answers = [index for index, message in enumerate(messages) if isinstance(message, AIMessage)]
        for message in messages[answers[-1] + 1 if answers else 0 :]:
            if is_typed(message):
                store_messages(user, thread_id, [to_stored(message, thread_id)], self._on_error)
        return None if given_id else {"memoryos_thread": thread_id}

    async def abefore_agent(self, state: MemoryState, runtime: Runtime[Any]) -> dict[str, Any] | None:
        """Store the user's messages since the last answer."""
        return await asyncio.to_thread(self.before_agent, state, runtime)

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        """Call the model with memories in its request."""
        return handler(self._with_memory(request))

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any]:
        """Call the model with memories in its request."""
        return await handler(await asyncio.to_thread(self._with_memory, request))

    def after_agent(self, state: MemoryState, runtime: Runtime[Any]) -> None:
        """Store the answer."""
        user = self._user(runtime)
        thread_id = _thread_id_of(state, runtime) or ids.new_id()
        answer = _final_answer(state["messages"])
        if answer is not None:
            message = NewMessage("assistant", text_of(answer), event_id_of(answer, thread_id))
            store_messages(user, thread_id, [message], self._on_error)
        self._contexts.drop(user, thread_id)

    async def aafter_agent(self, state: MemoryState, runtime: Runtime[Any]) -> None:
        """Store the answer."""
        await asyncio.to_thread(self.after_agent, state, runtime)

    def _user(self, runtime: Runtime[Any]) -> UserMemory:
        return resolve_run_user(self._memory, self._user_id, self._agent_id, ensure_config(), runtime.context)

    def _with_memory(self, request: ModelRequest[Any]) -> ModelRequest[Any]:
        user = self._user(request.runtime)
        thread_id = _thread_id_of(request.state, request.runtime) or ""
        messages: list[BaseMessage] = list(request.messages)
        index = last_typed_index(messages)
        message_id = None if index is None else messages[index].id
        question = self._stored_question(user, thread_id) if index is None else text_of(messages[index])

        build = partial(
            memory_context,
            user,
            question,
            max_tokens=self._max_tokens,
            shown=texts_of(messages),
            on_error=self._on_error,
        )
        context = self._contexts.get_or_build(user, thread_id, (message_id, question), build, self._on_error)
        return request.override(messages=cast("list[Any]", insert_context(messages, context)))

    def _stored_question(self, user: UserMemory, thread_id: str) -> str:
        """Return the user's last message from the store, for when a summary has replaced it in the state."""
        try:
            pages = user.pages(thread_id=thread_id, limit=1) if thread_id else []
        except MemoryOSError as error:
            report_error(error, self._on_error, "The model answers without memories.")
            return ""
        texts = [message.text for page in pages for message in page.messages if message.role == "user"]
        return texts[-1] if texts else ""


def _thread_id_of(state: Mapping[str, Any], runtime: Runtime[Any]) -> str | None:
    """Return the thread id of a run, or the one generated for it."""
    given_id = getattr(getattr(runtime, "execution_info", None), "thread_id", None)
    if given_id is not None:
        return valid_thread_id(given_id)
    generated_id: str | None = state.get("memoryos_thread")
    return generated_id or configured_thread_id(ensure_config())


def _final_answer(messages: Sequence[BaseMessage]) -> BaseMessage | None:
    """Return the model's last text after the user's message; a tool's if the model wrote none."""
    index = last_typed_index(messages)
    later = messages[0 if index is None else index + 1 :]
    for kind in (AIMessage, ToolMessage):
        for message in reversed(later):
            if isinstance(message, kind) and text_of(message):
                return message
    return None
