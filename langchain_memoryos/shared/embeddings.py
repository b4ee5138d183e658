"""Adapt LangChain's embeddings to the ``Embedder`` protocol."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

from memoryos_integrations.checks import storable
from memoryos_integrations.errors import ConfigError, EmbedderError, EmbedderUnavailableError
from memoryos_integrations.model.provider_errors import attempt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.embeddings import Embeddings

    from memoryos_integrations.protocols import Vector

_MAX_CHARACTERS = 8_000  # OpenAI's models accept 8 191 tokens
_BLANK = "-"  # replaces a blank text, which OpenAI's API rejects


class LangChainEmbedder:
    """An ``Embedder`` over LangChain's ``Embeddings``, as ``from_embeddings`` returns it.

    Args:
        embeddings: any ``Embeddings``, which batches long lists itself.
        name: identifies the model in the store; the model's own name by default.
        dimension: length of the vectors; measured by default.

    Raises:
        ConfigError: ``embeddings`` is of another type, or has no model name and none is given.
    """

    def __init__(
        self, embeddings: Embeddings, *, name: str | None = None, dimension: int | None = None
    ) -> None:
        if not hasattr(embeddings, "embed_documents"):
            raise ConfigError(f"embeddings must be LangChain's Embeddings, not {type(embeddings).__name__}")
        self._embeddings = embeddings
        self._name = name or _name_of(embeddings)
        self._dimension = dimension
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """The name given, or the model's."""
        return self._name

    @property
    def dimension(self) -> int:
        """Length of every vector; if not given, measured by embedding a word on first use.

        Raises:
            EmbedderUnavailableError: the embeddings failed.
        """
        with self._lock:
            if self._dimension is None:
                self._dimension = len(self._vectors(["dimension"])[0])
            return self._dimension

    def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Return float32 vectors, one of shape ``(dimension,)`` per text, in order.

        Of a text over 8 000 characters only the beginning is embedded.

        Raises:
            EmbedderUnavailableError: the embeddings failed.
            EmbedderError: they returned another number or size of vectors.
        """
        if not texts:
            return []
        vectors = self._vectors([_embeddable(text) for text in texts])
        expected = self.dimension
        if len(vectors) != len(texts) or any(vector.shape != (expected,) for vector in vectors):
            found = ", ".join(sorted({str(vector.size) for vector in vectors}))
            raise EmbedderError(
                f"The embeddings {self._name!r} returned {len(vectors)} vectors of {found} numbers for "
                f"{len(texts)} texts; one of {expected} numbers for each was expected."
            )
        return vectors

    def _vectors(self, texts: list[str]) -> list[Vector]:
        def vectors() -> list[Vector]:
            return [np.asarray(one, dtype=np.float32) for one in self._embeddings.embed_documents(texts)]

        return attempt(vectors, self._failure)

    def _failure(self, error: Exception) -> EmbedderUnavailableError:
        return EmbedderUnavailableError(
            f"The embeddings {self._name!r} failed ({type(error).__name__}): check key, quota and address."
        )


def _embeddable(text: str) -> str:
    text = storable(text[:_MAX_CHARACTERS])
    return text if text.strip() else _BLANK


def _name_of(embeddings: Embeddings) -> str:
    for attribute in ("model", "model_name", "model_id", "deployment_name"):
        if isinstance(model := getattr(embeddings, attribute, None), str) and model:
            chosen = getattr(embeddings, "dimensions", None)
            return f"{model}@{chosen}" if isinstance(chosen, int) else model
    raise ConfigError(
        f"{type(embeddings).__name__} does not say which model it uses: give it a name, as in "
        "from_embeddings(embeddings, name='my-model')"
    )
