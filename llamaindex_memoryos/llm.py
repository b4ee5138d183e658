"""Adapters from LlamaIndex's chat models and embedding models to ``LLM`` and ``Embedder``."""

from __future__ import annotations

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.llms.llm import LLM

from llamaindex_memoryos.shared.chat_model import LlamaIndexLLM
from llamaindex_memoryos.shared.embeddings import LlamaIndexEmbedder


def from_llamaindex(llm: LLM) -> LlamaIndexLLM:
    """Return a chat model of LlamaIndex as a streaming ``LLM``.

    Structured output is requested as JSON text, so any model will do. Time limits and retries are those of
    the model, as in ``OpenAI(timeout=60, max_retries=2)``.

    Raises:
        ConfigError: ``llm`` is no chat model of LlamaIndex.

    Example:
        >>> llm = from_llamaindex(MockLLM())
        >>> "Hello" in llm.reply(Prompt("respond", "Repeat.", "Hello", str))
        True
    """
    return LlamaIndexLLM(llm)


def from_embed_model(embed_model: BaseEmbedding) -> LlamaIndexEmbedder:
    """Return an embedding model of LlamaIndex as an ``Embedder``.

    The length of the vectors is measured by embedding a text on first use. A model with separate encodings
    for queries and passages is used with that of passages for both.

    Raises:
        ConfigError: ``embed_model`` is no ``BaseEmbedding``.

    Example:
        >>> from llama_index.core import MockEmbedding
        >>> [vector.shape for vector in from_embed_model(MockEmbedding(embed_dim=8)).embed(["Hello!"])]
        [(8,)]
    """
    return LlamaIndexEmbedder(embed_model)
