"""Memories as documents."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever, LangSmithRetrieverParams
from pydantic import Field, model_validator

from langchain_memoryos.binding import Bound, bound
from langchain_memoryos.recording import retry
from memoryos_integrations.types import Kind, Source, Tier

if TYPE_CHECKING:
    from typing import Self

    from memoryos_integrations.types import MemoryItem


_ASKED = (
    "k",
    "kinds",
    "tiers",
    "thread_id",
    "filter",
    "since",
    "until",
    "sources",
    "least_relevance",
)


class MemoryOSRetriever(BaseRetriever, Bound):
    """Retrieves what is remembered of one user; each field but the user can be given to one call, too.

    A document's ``page_content`` is the memory's text, verbatim; its ``metadata`` are ``id``, ``tier``,
    ``kind``, ``score``, ``user_id``, ``role``, ``name``, ``thread_id``, ``at`` (ISO 8601),
    ``heat`` of its segment, ``segment_id``, ``source_page_ids``, ``parts`` of the score, and ``metadata``,
    the caller's own.

    Args:
        memory: a ``MemoryOS``, then with ``user_id``; or a ``UserMemory``.
        user_id: whose memory.

    Raises:
        ValueError: it is not said whose memory it is.

    Example:
        >>> _ = ada.add("My cat is called Figaro.", "A fine name!")
        >>> retriever = MemoryOSRetriever(memory=ada)
        >>> [document.page_content for document in retriever.invoke("What is my cat called?", k=1)]
        ['My cat is called Figaro.']
    """

    k: int = Field(default=10, ge=1)
    """Number of documents."""
    kinds: tuple[Kind, ...] = ("message",)
    """Of ``"message"``, ``"segment"``, ``"fact"``."""
    tiers: tuple[Tier, ...] | None = None
    """Of ``"short_term"``, ``"mid_term"``, ``"long_term"``; all by default."""
    thread_id: str | None = None
    """Only from this conversation."""
    filter: Mapping[str, Any] | None = None
    """Only what was stored with these values in its metadata."""

    since: datetime | None = None
    """Only from this time on."""
    until: datetime | None = None
    """Only from before this time."""
    sources: tuple[Source, ...] | None = None
    """Only from these, of ``"user"``, ``"assistant"``, ``"tool"``, ``"import"``."""
    least_relevance: float | None = None
    """Nothing where ``Retrieved.relevance`` is below this number."""

    @model_validator(mode="after")
    def _check_user(self) -> Self:
        bound(self.memory, self.user_id, self.agent_id)
        return self

    def _get_relevant_documents(self, query: str, **given: Any) -> list[Document]:
        user = bound(self.memory, self.user_id, self.agent_id)
        retry(user)
        asked = {name: getattr(self, name) for name in _ASKED} | given
        asked["metadata"] = asked.pop("filter")
        found = user.retrieve(query, **asked).items
        heat: dict[str, float] = {}
        if any(item.segment_id is not None for item in found):
            heat = {segment.id: segment.heat for segment in user.segments()}
        return [_document(item, user.user_id, heat.get(item.segment_id or "")) for item in found]

    async def _aget_relevant_documents(self, query: str, **given: Any) -> list[Document]:
        return await asyncio.to_thread(self._get_relevant_documents, query, **given)

    def _get_ls_params(self, **_given: Any) -> LangSmithRetrieverParams:
        embedder = bound(self.memory, self.user_id, self.agent_id).memory.embedder
        return LangSmithRetrieverParams(
            ls_retriever_name="memoryos",
            ls_vector_store_provider="chroma",
            ls_embedding_model=embedder.name if embedder is not None else "none",
        )


def _document(item: MemoryItem, user_id: str, heat: float | None) -> Document:
    return Document(
        id=item.id,
        page_content=item.text,
        metadata={
            "id": item.id,
            "tier": item.tier,
            "kind": item.kind,
            "score": item.score,
            "user_id": user_id,
            "role": item.role,
            "name": item.name,
            "thread_id": item.thread_id,
            "at": item.at.isoformat(),
            "heat": heat,
            "segment_id": item.segment_id,
            "source_page_ids": list(item.source_page_ids),
            "parts": dict(item.parts),
            "metadata": dict(item.metadata),
        },
    )
