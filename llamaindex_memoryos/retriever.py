"""MemoryOSRetriever: memories as nodes, for query engines, fusion, tools and chat engines."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.callbacks import CallbackManager
from llama_index.core.schema import NodeWithScore, QueryBundle
from llama_index.core.vector_stores.types import MetadataFilters

from llamaindex_memoryos.shared.memory_context import search
from llamaindex_memoryos.shared.nodes import metadata_filter, nodes_of
from llamaindex_memoryos.shared.user_scope import AnyMemory, resolve_user
from memoryos_integrations.types import Kind, Source, Tier


class MemoryOSRetriever(BaseRetriever):
    """Retrieves the memories of one user.

    A node's text is the memory, verbatim. Its source is in the metadata, which prompts leave out. ``node_id``
    is the memory's id, for ``UserMemory.trace`` and ``forget``.

    Args:
        memory: a ``MemoryOS``, which needs ``user_id`` too, a ``UserMemory`` or a ``MemoryOSMemory``.
        user_id: the user.
        agent_id: the agent; ``"default"`` by default.
        similarity_top_k: maximum number of nodes.
        kinds: of ``"message"``, ``"segment"``, ``"fact"``.
        tiers: of ``"short_term"``, ``"mid_term"``, ``"long_term"``; all by default.
        thread_id: restricts the search to one conversation.
        filters: restricts the search to memories with these metadata values: a mapping, or equality filters
            of LlamaIndex.
        since: only from this time on.
        until: only from before this time.
        sources: only from these, of ``"user"``, ``"assistant"``, ``"tool"``, ``"import"``.
        least_relevance: no nodes where ``Retrieved.relevance`` is below this number.
        callback_manager: as in other retrievers.

    Raises:
        InvalidInputError: there is no user, or a filter is not an equality.

    Example:
        >>> nodes = MemoryOSRetriever(memory, user_id="ann", similarity_top_k=3).retrieve("What do I keep?")
    """

    def __init__(
        self,
        memory: AnyMemory,
        user_id: str | None = None,
        *,
        agent_id: str | None = None,
        similarity_top_k: int = 10,
        kinds: Sequence[Kind] = ("message",),
        tiers: Sequence[Tier] | None = None,
        thread_id: str | None = None,
        filters: MetadataFilters | Mapping[str, Any] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        sources: Collection[Source] | None = None,
        least_relevance: float | None = None,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        self._user = resolve_user(memory, user_id, agent_id)
        self._options: dict[str, Any] = {
            "k": similarity_top_k,
            "kinds": kinds,
            "tiers": tiers,
            "thread_id": thread_id,
            "metadata": metadata_filter(filters),
            "since": since,
            "until": until,
            "sources": sources,
            "least_relevance": least_relevance,
        }
        super().__init__(callback_manager=callback_manager)

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        if not query_bundle.query_str.strip():
            return []
        return nodes_of(search(self._user, query_bundle.query_str, **self._options))

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)
