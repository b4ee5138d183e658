"""as_vector_index: a tier of a user's memory as a ``VectorStoreIndex``."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, NoReturn

from llama_index.core import MockEmbedding, VectorStoreIndex
from llama_index.core.callbacks import CallbackManager
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import BaseNode
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    VectorStoreQuery,
    VectorStoreQueryResult,
)
from pydantic import PrivateAttr

from llamaindex_memoryos.shared.memory_context import search
from llamaindex_memoryos.shared.nodes import metadata_filter, nodes_of
from llamaindex_memoryos.shared.user_scope import AnyMemory, resolve_user
from memoryos_integrations.errors import InvalidInputError
from memoryos_integrations.types import Tier
from memoryos_integrations.user_memory import UserMemory


def as_vector_index(
    memory: AnyMemory, tier: Tier, user_id: str | None = None, *, agent_id: str | None = None
) -> VectorStoreIndex:
    """Return one tier of a user's memory as a read-only index.

    Queries are those of ``UserMemory.retrieve``: with ``MemoryConfig(search="chroma")`` from the tier's
    Chroma collection, else by a scan of the same vectors up to 20 000 items. The nodes' texts come from the
    ledger. Neither an embedding model nor ``Settings`` is used.

    Args:
        memory: a ``MemoryOS``, which needs ``user_id`` too, a ``UserMemory`` or a ``MemoryOSMemory``.
        tier: ``"short_term"``, ``"mid_term"``, or ``"long_term"`` for facts.
        user_id: the user.
        agent_id: the agent; ``"default"`` by default.

    Raises:
        InvalidInputError: there is no user, or ``memory`` belongs to another one.

    Example:
        >>> index = as_vector_index(memory, "mid_term", user_id="ann")
        >>> nodes = index.as_retriever(similarity_top_k=5).retrieve("Where do I live?")
    """
    store = _TierStore(resolve_user(memory, user_id, agent_id), tier)
    # Unused, but without them LlamaIndex would take those of Settings.
    return VectorStoreIndex.from_vector_store(
        store,
        embed_model=MockEmbedding(embed_dim=1),
        transformations=[SentenceSplitter()],
        callback_manager=CallbackManager(),
    )


class _TierStore(BasePydanticVectorStore):
    """A read-only vector store that is queried by text."""

    _user: UserMemory = PrivateAttr()
    _tier: Tier = PrivateAttr()

    def __init__(self, user: UserMemory, tier: Tier) -> None:
        super().__init__(stores_text=True, is_embedding_query=False)
        self._user, self._tier = user, tier

    @classmethod
    def class_name(cls) -> str:
        """Return LlamaIndex's name of the class."""
        return "MemoryOSTierStore"

    @property
    def client(self) -> UserMemory:
        """The user's memory."""
        return self._user

    def query(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:  # noqa: ARG002
        """Return the memories of the tier for a query text."""
        if not (query.query_str or "").strip():
            raise InvalidInputError("A tier of memory is queried by text: give the query a query_str")
        items = search(
            self._user,
            query.query_str or "",
            k=query.similarity_top_k,
            kinds=("fact",) if self._tier == "long_term" else ("message",),
            tiers=(self._tier,),
            metadata=metadata_filter(query.filters),
        )
        nodes = nodes_of(items)
        return VectorStoreQueryResult(
            nodes=[node.node for node in nodes],
            similarities=[node.score or 0.0 for node in nodes],
            ids=[node.node_id for node in nodes],
        )

    async def aquery(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        """Return the memories of the tier for a query text."""
        return await asyncio.to_thread(self.query, query, **kwargs)

    def add(self, nodes: Sequence[BaseNode], **kwargs: Any) -> NoReturn:  # noqa: ARG002
        """Raise: tiers are written by the core only."""
        raise InvalidInputError("A tier of memory cannot be written: use UserMemory.add or remember")

    def delete(self, ref_doc_id: str, **delete_kwargs: Any) -> NoReturn:  # noqa: ARG002
        """Raise: an erasure concerns every tier."""
        raise InvalidInputError("A tier of memory cannot be erased from: use UserMemory.forget")
