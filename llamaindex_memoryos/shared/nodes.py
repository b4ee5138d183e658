"""Convert memories to nodes, and LlamaIndex's metadata filters to the core's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.core.vector_stores.types import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
)

from llamaindex_memoryos.shared.messages import METADATA_KEY
from memoryos_integrations.errors import InvalidInputError
from memoryos_integrations.types import MemoryItem


def nodes_of(items: Iterable[MemoryItem]) -> list[NodeWithScore]:
    """Return memories as nodes, in their order."""
    return [NodeWithScore(node=_to_node(item), score=item.score) for item in items]


def metadata_filter(filters: MetadataFilters | Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the values that metadata must equal.

    Raises:
        InvalidInputError: the filters are not equalities that all must hold.
    """
    if filters is None:
        return None
    if isinstance(filters, Mapping):
        return dict(filters)
    values: dict[str, Any] = {}
    for one in filters.filters:
        if not isinstance(one, MetadataFilter) or one.operator is not FilterOperator.EQ or one.key in values:
            raise InvalidInputError("filters: memories can be filtered by equality of different fields only")
        values[one.key] = one.value
    if filters.condition is not FilterCondition.AND and len(values) > 1:
        raise InvalidInputError("filters: memories can be filtered by all of several fields only, not by any")
    return values


def _to_node(item: MemoryItem) -> TextNode:
    names = ("tier", "kind", "role", "name", "thread_id")
    source = {name: getattr(item, name) for name in names}
    source |= {"at": item.at.isoformat(), "source_page_ids": list(item.source_page_ids)}
    metadata = {name: value for name, value in item.metadata.items() if name != METADATA_KEY} | source
    hidden = list(metadata)
    return TextNode(
        id_=item.id,
        text=item.text,
        metadata=metadata,
        excluded_llm_metadata_keys=hidden,
        excluded_embed_metadata_keys=hidden,
    )
