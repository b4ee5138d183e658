"""Memory for agents: recalled for every turn, stored of every turn, in no state, stream or checkpoint."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, NotRequired, cast

from langchain.agents.middleware import AgentMiddleware, AgentState, ModelRequest, ModelResponse
from langchain.agents.middleware.types import PrivateStateAttr
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.runnables.config import ensure_config
from langchain_core.tools import BaseTool
from langgraph.runtime import Runtime

from langchain_memoryos.binding import bound, bound_to_run, thread_name, thread_of
from langchain_memoryos.chat_history import event_of, stored
from langchain_memoryos.messages import is_typed, last_typed, placed, text_of, texts_of
from langchain_memoryos.recalling import RunCache, recalled
from langchain_memoryos.recording import OnError, Said, record, report
from langchain_memoryos.tools import MemoryOSToolkit
from memoryos_integrations.errors import MemoryOSError
from memoryos_integrations.memory import MemoryOS
from memoryos_integrations.storage import ids
from memoryos_integrations.user_memory import UserMemory


class MemoryState(AgentState[Any]):
    """The agent's state, with the name that a run without a thread gets."""

    memoryos_thread: NotRequired[Annotated[str, PrivateStateAttr]]


class MemoryOSMiddleware(AgentMiddleware[MemoryState, Any, Any]):
    """Gives an agent made by ``create_agent`` a memory.

    What the user says is stored before the agent starts, so neither a failing model nor a summary of the
    conversation loses it; the answer when the agent has ended. What is recalled stands in the request to the
    model only, in a message just before the user's last.

    The conversation is the run's ``thread_id``; without one each run is a conversation of its own.

    Args:
        memory: a ``MemoryOS`` or a ``UserMemory``.
        user_id: whose memory; ``None``: each run says it, as ``context={"user_id": …}``, an object with that
            attribute, or in ``config["configurable"]["user_id"]``.
        agent_id: with which agent; ``"default"`` by default.
        max_tokens: of what is recalled.
        tools: whether the model also gets the tools of ``MemoryOSToolkit``.
        name: of this instance; several in one agent need different ones.
        on_error: when the store fails: ``"log"``, ``"raise"`` or a function. The turn is tried again anyway.

    Raises:
        ValueError: it is not said whose memory it is; raised by the run, before any model is called.

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
            bound(memory, user_id, agent_id)
        self._memory, self._user_id, self._agent_id = memory, user_id, agent_id
        self._max_tokens, self._name, self._on_error = max_tokens, name, on_error
        self._runs = RunCache()
        toolkit = MemoryOSToolkit(memory=memory, user_id=user_id, agent_id=agent_id)
        self.tools: Sequence[BaseTool] = toolkit.get_tools() if tools else []

    @property
    def name(self) -> str:
        """The name of this instance."""
        return self._name

    def before_agent(self, state: MemoryState, runtime: Runtime[Any]) -> dict[str, Any] | None:
        """Store what the user has said since the last answer."""
        user = self._user(runtime)
        named = _thread_of(state, runtime)
        thread = named or ids.new_id()
        messages = state["messages"]
        answered = [place for place, message in enumerate(messages) if isinstance(message, AIMessage)]
        for message in messages[answered[-1] + 1 if answered else 0 :]:
            if is_typed(message):
                record(user, thread, [stored(message, thread)], self._on_error)
        return None if named else {"memoryos_thread": thread}

    async def abefore_agent(self, state: MemoryState, runtime: Runtime[Any]) -> dict[str, Any] | None:
        """Store what the user has said since the last answer."""
        return await asyncio.to_thread(self.before_agent, state, runtime)

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        """Show the model what is recalled."""
        return handler(self._with_memory(request))

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any]:
        """Show the model what is recalled."""
        return await handler(await asyncio.to_thread(self._with_memory, request))

    def after_agent(self, state: MemoryState, runtime: Runtime[Any]) -> None:
        """Store the answer."""
        user = self._user(runtime)
        thread = _thread_of(state, runtime) or ids.new_id()
        answer = _answer_in(state["messages"])
        if answer is not None:
            said = Said("assistant", text_of(answer), event_of(answer, thread))
            record(user, thread, [said], self._on_error)
        self._runs.drop(user, thread)

    async def aafter_agent(self, state: MemoryState, runtime: Runtime[Any]) -> None:
        """Store the answer."""
        await asyncio.to_thread(self.after_agent, state, runtime)

    def _user(self, runtime: Runtime[Any]) -> UserMemory:
        return bound_to_run(self._memory, self._user_id, self._agent_id, ensure_config(), runtime.context)

    def _with_memory(self, request: ModelRequest[Any]) -> ModelRequest[Any]:
        user = self._user(request.runtime)
        thread = _thread_of(request.state, request.runtime) or ""
        messages: list[BaseMessage] = list(request.messages)
        place = last_typed(messages)
        asked = None if place is None else messages[place].id
        question = text_of(messages[place]) if place is not None else self._stored_question(user, thread)

        def recall() -> str:
            shown = texts_of(messages)
            return recalled(user, question, max_tokens=self._max_tokens, shown=shown, on_error=self._on_error)

        known = self._runs.recalled(user, thread, (asked, question), recall, self._on_error)
        return request.override(messages=cast("list[Any]", placed(messages, known)))

    def _stored_question(self, user: UserMemory, thread: str) -> str:
        """Return what the user said last, when a summary has taken its place in the state."""
        try:
            pages = user.pages(thread_id=thread, limit=1) if thread else []
        except MemoryOSError as error:
            report(error, self._on_error, "Nothing was recalled.")
            return ""
        said = [message.text for page in pages for message in page.messages if message.role == "user"]
        return said[-1] if said else ""


def _thread_of(state: Mapping[str, Any], runtime: Runtime[Any]) -> str | None:
    """Return the conversation of a run, or the name that it got because it has none."""
    named = getattr(getattr(runtime, "execution_info", None), "thread_id", None)
    if named is not None:
        return thread_name(named)
    marked: str | None = state.get("memoryos_thread")
    return marked or thread_of(ensure_config())


def _answer_in(messages: Sequence[BaseMessage]) -> BaseMessage | None:
    """Return the last words of the model since the user's; those of a tool if it had none of its own."""
    place = last_typed(messages)
    since = messages[0 if place is None else place + 1 :]
    for kind in (AIMessage, ToolMessage):
        for message in reversed(since):
            if isinstance(message, kind) and text_of(message):
                return message
    return None
