"""MemoryOSRetriever: memories as documents."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever, LangSmithRetrieverParams
from pydantic import Field, model_validator

from langchain_memoryos.shared.pending_writes import write_pending
from langchain_memoryos.shared.user_scope import UserScoped, resolve_user
from memoryos_integrations.types import Kind, MemoryItem, Source, Tier

_OPTIONS = ("k", "kinds", "tiers", "thread_id", "filter", "since", "until", "sources", "least_relevance")


class MemoryOSRetriever(BaseRetriever, UserScoped):
    """Retrieves the memories of one user. Options other than the user may be overridden per call.

    A document's ``page_content`` is the memory's text, verbatim. Its ``metadata`` holds ``id``, ``tier``,
    ``kind``, ``score``, ``user_id``, ``role``, ``name``, ``thread_id``, ``at`` (ISO 8601), ``heat`` of its
    segment, ``segment_id``, ``source_page_ids``, ``parts`` of the score, and ``metadata`` of the caller.

    Args:
        memory: a ``MemoryOS``, which needs ``user_id`` too, or a ``UserMemory``.
        user_id: the user.

    Raises:
        ValueError: there is no user, or an option is invalid.

    Example:
        >>> _ = ada.add("My cat is called Figaro.", "A fine name!")
        >>> retriever = MemoryOSRetriever(memory=ada)
        >>> [document.page_content for document in retriever.invoke("What is my cat called?", k=1)]
        ['My cat is called Figaro.']
    """

    k: int = Field(default=10, ge=1)
    """Maximum number of documents."""
    kinds: tuple[Kind, ...] = ("message",)
    """Of ``"message"``, ``"segment"``, ``"fact"``."""
    tiers: tuple[Tier, ...] | None = None
    """Of ``"short_term"``, ``"mid_term"``, ``"long_term"``; all by default."""
    thread_id: str | None = None
    """Restricts the search to one conversation."""
    filter: Mapping[str, Any] | None = None
    """Restricts the search to memories stored with these metadata values."""
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
        resolve_user(self.memory, self.user_id, self.agent_id)
        return self

    def _get_relevant_documents(self, query: str, **given: Any) -> list[Document]:
        user = resolve_user(self.memory, self.user_id, self.agent_id)
        write_pending(user)
        options = {name: getattr(self, name) for name in _OPTIONS} | given
        options["metadata"] = options.pop("filter")
        items = user.retrieve(query, **options).items
        heat: dict[str, float] = {}
        if any(item.segment_id is not None for item in items):
            heat = {segment.id: segment.heat for segment in user.segments()}
        return [_document(item, user.user_id, heat.get(item.segment_id or "")) for item in items]

    async def _aget_relevant_documents(self, query: str, **given: Any) -> list[Document]:
        return await asyncio.to_thread(self._get_relevant_documents, query, **given)

    def _get_ls_params(self, **_given: Any) -> LangSmithRetrieverParams:
        embedder = resolve_user(self.memory, self.user_id, self.agent_id).memory.embedder
        return LangSmithRetrieverParams(
            ls_retriever_name="memoryos",
            ls_vector_store_provider="chroma",
            ls_embedding_model=embedder.name if embedder is not None else "none",
        )


def _document(item: MemoryItem, user_id: str, heat: float | None) -> Document:
    names = ("id", "tier", "kind", "score", "role", "name", "thread_id", "segment_id")
    metadata = {name: getattr(item, name) for name in names} | {
        "user_id": user_id,
        "at": item.at.isoformat(),
        "heat": heat,
        "source_page_ids": list(item.source_page_ids),
        "parts": dict(item.parts),
        "metadata": dict(item.metadata),
    }
    return Document(id=item.id, page_content=item.text, metadata=metadata)
