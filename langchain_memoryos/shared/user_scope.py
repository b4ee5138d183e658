"""Resolve which user's memory an adapter works on, before any model is called."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from memoryos_integrations import checks
from memoryos_integrations.errors import InvalidInputError
from memoryos_integrations.memory import MemoryOS
from memoryos_integrations.storage import ids
from memoryos_integrations.user_memory import UserMemory

_THREAD_KEYS = ("thread_id", "conversation_id", "session_id")


class UserScoped(BaseModel):
    """Base of the adapters that are pydantic models: the store and whose memory of it is used.

    The store is neither copied, printed nor serialised with the adapter; a deep copy shares it.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    memory: MemoryOS | UserMemory = Field(exclude=True, repr=False)
    """A ``MemoryOS``, which needs ``user_id`` too, or a ``UserMemory``."""
    user_id: str | None = None
    """The user, if ``memory`` is a ``MemoryOS``."""
    agent_id: str | None = None
    """The agent; ``"default"`` by default."""

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        copied = {} if memo is None else memo
        copied[id(self.memory)] = self.memory
        return super().__deepcopy__(copied)


def resolve_user(
    memory: MemoryOS | UserMemory, user_id: str | None = None, agent_id: str | None = None
) -> UserMemory:
    """Return the memory of one user; a ``MemoryOS`` needs ``user_id``.

    Raises:
        InvalidInputError: there is no user id, or ``memory`` belongs to another user or agent.
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
            "user_id is missing: pass user_id= to the adapter or memory=memory.user('ann'), or name it in "
            "the run's context={'user_id': 'ann'} or its config={'configurable': {'user_id': 'ann'}}"
        )
    return memory.user(user_id, agent_id or "default")


def resolve_run_user(
    memory: MemoryOS | UserMemory,
    user_id: str | None,
    agent_id: str | None,
    config: Mapping[str, Any] | None = None,
    context: object = None,
) -> UserMemory:
    """Return the memory of the user that a run is for.

    The adapter's ``user_id`` takes precedence over the run's context, the context over the configuration.
    There is no default user: two users never share a memory by mistake.

    Without a ``context``, that of the LangGraph run around this call is used.

    Raises:
        InvalidInputError: none of them names a user.
    """
    if user_id is None and isinstance(memory, MemoryOS):
        sources = (_graph_context() if context is None else context, (config or {}).get("configurable"))
        user_id = next((found for one in sources if (found := _field(one, "user_id")) is not None), None)
    return resolve_user(memory, user_id, agent_id)


def configured_thread_id(config: Mapping[str, Any] | None) -> str | None:
    """Return the thread id of a configuration, under any of its usual names; ``None`` if it has none."""
    configurable = (config or {}).get("configurable") or {}
    found = next((configurable[key] for key in _THREAD_KEYS if configurable.get(key) is not None), None)
    return None if found is None else valid_thread_id(found)


def valid_thread_id(value: object) -> str:
    """Return a framework's thread id as text that the store accepts; an unusable one is hashed."""
    name = str(value)
    usable = name and len(name) <= checks.MAX_ID_LENGTH and name.isprintable()
    return name if usable else ids.id_from("thread", name)


def _field(source: object, name: str) -> Any:
    return source.get(name) if isinstance(source, Mapping) else getattr(source, name, None)


def _graph_context() -> object:
    """Return the context of the LangGraph run around this call; ``None`` outside of a run."""
    runtimes = sys.modules.get("langgraph.runtime")
    if runtimes is None:  # no graph can be running
        return None
    try:
        return getattr(runtimes.get_runtime(), "context", None)
    except (RuntimeError, KeyError):  # no run, or one of a plain runnable
        return None
