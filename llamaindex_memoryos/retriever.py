"""MemoryOSRetriever: a user's memories as nodes, for query engines, fusion, tools and chat engines."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.callbacks import CallbackManager
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from llama_index.core.vector_stores.types import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
)

from llamaindex_memoryos.binding import Memory, bound
from llamaindex_memoryos.messages import KEY
from llamaindex_memoryos.recall import found
from memoryos_integrations.errors import InvalidInputError
from memoryos_integrations.types import Kind, MemoryItem, Source, Tier


class MemoryOSRetriever(BaseRetriever):
    """Finds what a user said, was told, or what is known of them.

    Each node's text is the memory, verbatim; where it comes from stands in its metadata, which no prompt
    shows. ``node_id`` is the memory's id, for ``UserMemory.trace`` and ``forget``.

    Args:
        memory: a ``MemoryOS``, then with ``user_id``; a ``UserMemory`` or a ``MemoryOSMemory``.
        user_id: whose memory.
        agent_id: with which agent; ``"default"`` by default.
        similarity_top_k: how many nodes.
        kinds: of ``"message"``, ``"segment"``, ``"fact"``.
        tiers: of ``"short_term"``, ``"mid_term"``, ``"long_term"``; all by default.
        thread_id: only from this conversation.
        filters: only what was stored with these values: a mapping, or filters of LlamaIndex that ask for
            equality.
        since: only from this time on.
        until: only from before this time.
        sources: only from these, of ``"user"``, ``"assistant"``, ``"tool"``, ``"import"``.
        least_relevance: no nodes where ``Retrieved.relevance`` is below this number.
        callback_manager: as of any retriever.

    Raises:
        InvalidInputError: it is not said whose memory, or the filters ask for more than equality.

    Example:
        >>> nodes = MemoryOSRetriever(memory, user_id="ann", similarity_top_k=3).retrieve("What do I keep?")
    """

    def __init__(
        self,
        memory: Memory,
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
        self._user = bound(memory, user_id, agent_id)
        self._asked: dict[str, Any] = {
            "k": similarity_top_k,
            "kinds": kinds,
            "tiers": tiers,
            "thread_id": thread_id,
            "metadata": equalities(filters),
            "since": since,
            "until": until,
            "sources": sources,
            "least_relevance": least_relevance,
        }
        super().__init__(callback_manager=callback_manager)

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        if not query_bundle.query_str.strip():
            return []
        return nodes_of(found(self._user, query_bundle.query_str, **self._asked))

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)


def nodes_of(items: Iterable[MemoryItem]) -> list[NodeWithScore]:
    """Return memories as nodes, in their order."""
    return [NodeWithScore(node=_node_of(item), score=item.score) for item in items]


def equalities(filters: MetadataFilters | Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return what metadata has to be equal to.

    Raises:
        InvalidInputError: the filters ask for something else than equality of all.
    """
    if filters is None:
        return None
    if isinstance(filters, Mapping):
        return dict(filters)
    wanted: dict[str, Any] = {}
    for one in filters.filters:
        if not isinstance(one, MetadataFilter) or one.operator is not FilterOperator.EQ or one.key in wanted:
            raise InvalidInputError("filters: memories can be filtered by equality of different fields only")
        wanted[one.key] = one.value
    if filters.condition is not FilterCondition.AND and len(wanted) > 1:
        raise InvalidInputError("filters: memories can be filtered by all of several fields only, not by any")
    return wanted


def _node_of(item: MemoryItem) -> TextNode:
    where = {
        "tier": item.tier,
        "kind": item.kind,
        "role": item.role,
        "name": item.name,
        "at": item.at.isoformat(),
        "thread_id": item.thread_id,
        "source_page_ids": list(item.source_page_ids),
    }
    metadata = {name: value for name, value in item.metadata.items() if name != KEY} | where
    hidden = list(metadata)
    return TextNode(
        id_=item.id,
        text=item.text,
        metadata=metadata,
        excluded_llm_metadata_keys=hidden,
        excluded_embed_metadata_keys=hidden,
    )
