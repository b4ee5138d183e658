"""Resolve which user's memory an adapter works on, before any model is called."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.llms.llm import LLM

from llamaindex_memoryos.shared import open_stores
from llamaindex_memoryos.shared.chat_model import LlamaIndexLLM
from llamaindex_memoryos.shared.embeddings import LlamaIndexEmbedder
from memoryos_integrations import checks
from memoryos_integrations.errors import ConfigError, InvalidInputError
from memoryos_integrations.memory import MemoryOS
from memoryos_integrations.protocols import Embedder
from memoryos_integrations.user_memory import UserMemory

TOKEN_LIMIT = 30_000  # the default of LlamaIndex's Memory
_CONTEXT_SHARE = 0.75  # of a model's context window, as in LlamaIndex's ChatMemoryBuffer


class HasUser(Protocol):
    """A memory bound to a user, as ``MemoryOSMemory`` is."""

    @property
    def user(self) -> UserMemory:
        """That user's memory."""
        ...


AnyMemory = MemoryOS | UserMemory | HasUser
"""What ``memory=`` accepts."""


def locate_store(
    memory: AnyMemory | None,
    persist_directory: str | Path | None,
    user_id: str | None,
    agent_id: str | None,
    embed_model: BaseEmbedding | Embedder | str | None = None,
    llm: LLM | None = None,
) -> tuple[dict[str, Any], open_stores.Lease | None]:
    """Open or find the store of a memory.

    Returns:
        The fields ``persist_directory``, ``user_id`` and ``agent_id``, and a lease if this opened a folder.

    Raises:
        ConfigError: not exactly one of ``memory`` and ``persist_directory`` is given, or ``embed_model``
            together with ``memory``.
        InvalidInputError: an id is missing or invalid.
        StoreError: the folder cannot be opened.
    """
    if (memory is None) == (persist_directory is None):
        raise ConfigError("Give memory= or persist_directory=, and not both")
    if memory is not None:
        if embed_model is not None:
            raise ConfigError("embed_model is the store's: open it with MemoryOS(..., embedder=...)")
        user = resolve_user(memory, user_id, agent_id)
        return _fields(open_stores.register(user.memory), user.user_id, user.agent_id), None
    user_id = checks.identifier("user_id", user_id)
    agent_id = checks.identifier("agent_id", "default" if agent_id is None else agent_id)
    embedder = LlamaIndexEmbedder(embed_model) if isinstance(embed_model, BaseEmbedding) else embed_model
    model = LlamaIndexLLM(llm) if llm is not None else None
    folder, lease = open_stores.open_folder(persist_directory or "", embedder, model)
    return _fields(folder, user_id, agent_id), lease


def _fields(folder: str, user_id: str, agent_id: str) -> dict[str, Any]:
    return {"persist_directory": folder, "user_id": user_id, "agent_id": agent_id}


def resolve_thread_id(thread_id: str | None, session_id: str | None) -> str:
    """Return the thread id, under either of its names; ``"default"`` if none is given.

    Raises:
        ConfigError: the two differ.
        InvalidInputError: the id is invalid.
    """
    if None not in (thread_id, session_id) and thread_id != session_id:
        raise ConfigError("thread_id and session_id are two names of one thing: give one of them")
    given = thread_id if thread_id is not None else session_id
    return checks.identifier("thread_id", "default" if given is None else given)


def resolve_token_limit(token_limit: int | None, llm: LLM | None) -> int:
    """Return the token limit of a prompt: as given, else by the model's context window, else LlamaIndex's.

    Raises:
        ConfigError: ``llm`` is no chat model of LlamaIndex.
        InvalidInputError: the limit is invalid.
    """
    if llm is not None and not isinstance(llm, LLM):
        raise ConfigError(f"llm must be a chat model of LlamaIndex, not {type(llm).__name__}")
    if token_limit is not None:
        return checks.whole("token_limit", token_limit, least=1, most=10**9)
    return int(llm.metadata.context_window * _CONTEXT_SHARE) if llm is not None else TOKEN_LIMIT


def resolve_user(memory: AnyMemory, user_id: str | None = None, agent_id: str | None = None) -> UserMemory:
    """Return the memory of one user; a ``MemoryOS`` needs ``user_id``.

    Raises:
        InvalidInputError: there is no user id, or ``memory`` belongs to another user or agent.
    """
    if isinstance(memory, MemoryOS):
        if user_id is None:
            raise InvalidInputError("user_id is missing: name the user, as with user_id='ann'")
        return memory.user(user_id, "default" if agent_id is None else agent_id)
    user = memory if isinstance(memory, UserMemory) else getattr(memory, "user", None)
    if not isinstance(user, UserMemory):
        kind = type(memory).__name__
        raise InvalidInputError(f"memory must be a MemoryOS, UserMemory or MemoryOSMemory, not {kind}")
    for given, own in ((user_id, user.user_id), (agent_id, user.agent_id)):
        if given not in (None, own):
            raise InvalidInputError(f"memory is already that of {own!r}, not of {given!r}: give one of both")
    return user
