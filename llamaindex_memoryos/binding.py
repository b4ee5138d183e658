"""Whose memory an adapter works on: settled once, before any model is called."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Protocol

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.llms.llm import LLM

from llamaindex_memoryos import stores
from llamaindex_memoryos.llm import from_embed_model, from_llamaindex
from memoryos_integrations import checks
from memoryos_integrations.errors import ConfigError, InvalidInputError
from memoryos_integrations.memory import MemoryOS
from memoryos_integrations.protocols import Embedder
from memoryos_integrations.user_memory import UserMemory

TOKEN_LIMIT = 30_000  # as LlamaIndex's Memory
_CONTEXT_SHARE = 0.75  # of a model's context window, as LlamaIndex's ChatMemoryBuffer


class OfUser(Protocol):
    """A memory that is bound to a user already, as ``MemoryOSMemory`` is."""

    @property
    def user(self) -> UserMemory:
        """That user's memory."""
        ...


Memory = MemoryOS | UserMemory | OfUser
"""What ``memory=`` may be."""


class Place(NamedTuple):
    """Where the memory of one user is, in words that can be serialised."""

    persist_directory: str
    user_id: str
    agent_id: str


def place_of(
    memory: Memory | None,
    persist_directory: str | Path | None,
    user_id: str | None,
    agent_id: str | None,
    embed_model: BaseEmbedding | Embedder | str | None = None,
    llm: LLM | None = None,
) -> tuple[Place, stores.Ticket | None]:
    """Return the place of a memory whose store is live from now on, and a ticket if a folder was opened.

    Raises:
        ConfigError: not exactly one of ``memory`` and ``persist_directory`` is given, or ``embed_model`` with
            the wrong one.
        InvalidInputError: an id is missing or unusable.
        StoreError: the folder cannot be opened.
    """
    if (memory is None) == (persist_directory is None):
        raise ConfigError("Give memory= or persist_directory=, and not both")
    if memory is not None:
        if embed_model is not None:
            raise ConfigError("embed_model is the store's: open it with MemoryOS(..., embedder=...)")
        user = bound(memory, user_id, agent_id)
        return Place(stores.hold(user.memory), user.user_id, user.agent_id), None
    user_id = checks.identifier("user_id", user_id)
    agent_id = checks.identifier("agent_id", "default" if agent_id is None else agent_id)
    embedder = from_embed_model(embed_model) if isinstance(embed_model, BaseEmbedding) else embed_model
    model = from_llamaindex(llm) if llm is not None else None
    folder, ticket = stores.open_folder(persist_directory or "", embedder, model)
    return Place(folder, user_id, agent_id), ticket


def thread_of(thread_id: str | None, session_id: str | None) -> str:
    """Return which conversation is meant.

    Raises:
        ConfigError: two different ones are.
        InvalidInputError: its id is unusable.
    """
    if None not in (thread_id, session_id) and thread_id != session_id:
        raise ConfigError("thread_id and session_id are two names of one thing: give one of them")
    given = thread_id if thread_id is not None else session_id
    return checks.identifier("thread_id", "default" if given is None else given)


def limit_of(token_limit: int | None, llm: LLM | None) -> int:
    """Return the most tokens of a prompt: as given, by the model's context window, or LlamaIndex's own.

    Raises:
        ConfigError: the model is none.
        InvalidInputError: the limit is unusable.
    """
    if llm is not None and not isinstance(llm, LLM):
        raise ConfigError(f"llm must be a chat model of LlamaIndex, not {type(llm).__name__}")
    if token_limit is not None:
        return checks.whole("token_limit", token_limit, least=1, most=10**9)
    return int(llm.metadata.context_window * _CONTEXT_SHARE) if llm is not None else TOKEN_LIMIT


def bound(memory: Memory, user_id: str | None = None, agent_id: str | None = None) -> UserMemory:
    """Return the memory of one user.

    Args:
        memory: a ``MemoryOS``, then with ``user_id``; a ``UserMemory`` or a ``MemoryOSMemory``.
        user_id: whose memory of the store.
        agent_id: with which agent; ``"default"`` by default.

    Raises:
        InvalidInputError: it is not said whose memory, or said twice and differently.
    """
    if isinstance(memory, MemoryOS):
        if user_id is None:
            raise InvalidInputError("user_id is missing: say whose memory it is, as with user_id='ann'")
        return memory.user(user_id, "default" if agent_id is None else agent_id)
    user = memory if isinstance(memory, UserMemory) else getattr(memory, "user", None)
    if not isinstance(user, UserMemory):
        kind = type(memory).__name__
        raise InvalidInputError(f"memory must be a MemoryOS, UserMemory or MemoryOSMemory, not {kind}")
    for given, own in ((user_id, user.user_id), (agent_id, user.agent_id)):
        if given not in (None, own):
            raise InvalidInputError(f"memory is already that of {own!r}, not of {given!r}: give one of both")
    return user
