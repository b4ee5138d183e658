"""Adapt LlamaIndex's embedding models to the ``Embedder`` protocol."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from llama_index.core.base.embeddings.base import BaseEmbedding

from memoryos_integrations.errors import ConfigError, EmbedderUnavailableError
from memoryos_integrations.model.provider_errors import attempt

if TYPE_CHECKING:
    from memoryos_integrations.protocols import Vector


class LlamaIndexEmbedder:
    """An ``Embedder`` over a LlamaIndex embedding model, as ``from_embed_model`` returns it.

    Args:
        embed_model: any ``BaseEmbedding``.

    Raises:
        ConfigError: ``embed_model`` is no ``BaseEmbedding``.
    """

    def __init__(self, embed_model: BaseEmbedding) -> None:
        if not isinstance(embed_model, BaseEmbedding):
            raise ConfigError(f"embed_model must be a BaseEmbedding, not {type(embed_model).__name__}")
        self._model = embed_model
        self._dimension: int | None = None
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """Class and model name, which identify the model in the store."""
        return f"{self._model.class_name()}/{self._model.model_name}"

    @property
    def dimension(self) -> int:
        """Length of every vector, measured by embedding a text on first use."""
        with self._lock:
            if self._dimension is None:
                self._dimension = len(self._embed(["How long is a vector?"])[0])
            return self._dimension

    def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Return one float32 vector per text; see ``Embedder.embed``."""
        return self._embed(texts) if texts else []

    def _embed(self, texts: Sequence[str]) -> list[Vector]:
        # Services reject empty texts and lone surrogates.
        inputs = [text.encode("utf-8", "replace").decode() or " " for text in texts]
        vectors = attempt(lambda: self._model.get_text_embedding_batch(inputs), self._failure)
        return [np.asarray(vector, dtype=np.float32) for vector in vectors]

    def _failure(self, error: Exception) -> EmbedderUnavailableError:
        return EmbedderUnavailableError(
            f"The embedding model {self.name!r} failed with {type(error).__name__}."
        )
