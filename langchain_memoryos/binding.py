"""Whose memory an adapter works on: settled in one place, before any model is called."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, Field

from memoryos_integrations import checks
from memoryos_integrations.errors import InvalidInputError
from memoryos_integrations.memory import MemoryOS
from memoryos_integrations.storage import ids
from memoryos_integrations.tokens import default_counter
from memoryos_integrations.user_memory import UserMemory

if TYPE_CHECKING:
    from memoryos_integrations.protocols import TokenCounter

_THREAD_KEYS = ("thread_id", "conversation_id", "session_id")


class Bound(BaseModel):
    """The fields that say whose memory it is, for adapters that are pydantic models.

    The store is never copied, printed or serialised with the adapter: a deep copy shares it.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    memory: MemoryOS | UserMemory = Field(exclude=True, repr=False)
    """A store, then with ``user_id``; or the memory of one user."""
    user_id: str | None = None
    """Whose memory of the store."""
    agent_id: str | None = None
    """With which agent; ``"default"`` by default."""

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        shared = {} if memo is None else memo
        shared[id(self.memory)] = self.memory
        return super().__deepcopy__(shared)


def bound(
    memory: MemoryOS | UserMemory, user_id: str | None = None, agent_id: str | None = None
) -> UserMemory:
    """Return the memory of one user.

    Args:
        memory: a store, then with ``user_id``; or the memory of one user.
        user_id: whose memory of the store.
        agent_id: with which agent.

    Raises:
        InvalidInputError: there is no user id, or it is not the one that ``memory`` is bound to.
    """
    if isinstance(memory, UserMemory):
        for name, given, own in (
            ("user_id", user_id, memory.user_id),
            ("agent_id", agent_id, memory.agent_id),
        ):
            if given not in (None, own):
                raise InvalidInputError(f"{name}: memory is that of {own!r}, not of {given!r}: give one")
        return memory
    if not isinstance(memory, MemoryOS):
        raise InvalidInputError(f"memory must be a MemoryOS or a UserMemory, not {type(memory).__name__}")
    if user_id is None:
        raise InvalidInputError(
            "user_id is missing, so it is not known whose memory to use: pass user_id= to the adapter, or "
            "memory=memory.user('ann'); a run can also name it, as context={'user_id': 'ann'} of an agent or "
            "config={'configurable': {'user_id': 'ann'}}"
        )
    return memory.user(user_id, agent_id or "default")


def bound_to_run(
    memory: MemoryOS | UserMemory,
    user_id: str | None,
    agent_id: str | None,
    config: Mapping[str, Any] | None = None,
    context: object = None,
) -> UserMemory:
    """Return the memory of the user that a run is for.

    The adapter's own ``user_id`` goes first, then the one of the run's context, then the one of the
    configuration. There is no default: users must not share a memory by mistake.

    Args:
        memory: a store or the memory of one user.
        user_id: what the adapter was given.
        agent_id: what the adapter was given.
        config: the run's ``RunnableConfig``.
        context: the run's context, a mapping or an object with ``user_id``; that of the LangGraph run around
            this call by default.

    Raises:
        InvalidInputError: none of them says whose memory it is.
    """
    if user_id is None and isinstance(memory, MemoryOS):
        places = (_context_of_graph() if context is None else context, (config or {}).get("configurable"))
        user_id = next((found for place in places if (found := _field(place, "user_id")) is not None), None)
    return bound(memory, user_id, agent_id)


def thread_of(config: Mapping[str, Any] | None) -> str | None:
    """Return the conversation that a configuration names, if it names one."""
    configurable = (config or {}).get("configurable") or {}
    found = next((configurable[key] for key in _THREAD_KEYS if configurable.get(key) is not None), None)
    return None if found is None else thread_name(found)


def thread_name(value: object) -> str:
    """Return a framework's id of a conversation as one that the store takes: UUIDs and numbers are text."""
    name = str(value)
    usable = name and len(name) <= checks.MAX_ID_LENGTH and name.isprintable()
    return name if usable else ids.id_from("thread", name)


def counter_of(user: UserMemory) -> TokenCounter:
    """Return what the store counts tokens with."""
    return user.memory.config.token_counter or default_counter()


def _field(place: object, name: str) -> Any:
    return place.get(name) if isinstance(place, Mapping) else getattr(place, name, None)


def _context_of_graph() -> object:
    """Return the context of the LangGraph run that this call is part of; ``None`` outside of one."""
    runtimes = sys.modules.get("langgraph.runtime")
    if runtimes is None:  # no graph can be running
        return None
    try:
        return getattr(runtimes.get_runtime(), "context", None)
    except (RuntimeError, KeyError):  # no run at all, or one of a plain runnable
        return None
