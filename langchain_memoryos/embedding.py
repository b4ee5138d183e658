"""LangChain's embeddings as the core's ``Embedder``."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

from langchain_memoryos.messages import clean
from memoryos_integrations.errors import ConfigError, EmbedderError, EmbedderUnavailableError
from memoryos_integrations.model.provider_errors import attempt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.embeddings import Embeddings

    from memoryos_integrations.protocols import Vector

_LONGEST = 8_000  # characters; OpenAI's models take 8 191 tokens
_NOTHING = "-"  # in the place of a blank text, which OpenAI's API refuses


class LangChainEmbedder:
    """An ``Embedder`` on LangChain's ``Embeddings``; made by ``from_embeddings``.

    Args:
        embeddings: any ``Embeddings``. It cuts many texts into requests itself.
        name: identifies the model in the store.
        dimension: length of the vectors.

    Raises:
        ConfigError: the embeddings do not say which model they use, and no name is given.
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
        """Length of every vector; found out by embedding a word if it was not given.

        Raises:
            EmbedderUnavailableError: the embeddings failed.
        """
        with self._lock:
            if self._dimension is None:
                self._dimension = len(self._vectors(["dimension"])[0])
            return self._dimension

    def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Return one float32 vector per text, in the order of the texts.

        A text of more than 8 000 characters is embedded by its beginning.

        Raises:
            EmbedderUnavailableError: the embeddings failed.
            EmbedderError: they returned something else than one vector of ``dimension`` per text.
        """
        if not texts:
            return []
        vectors = self._vectors([_readable(text) for text in texts])
        expected = self.dimension
        if len(vectors) != len(texts) or any(vector.shape != (expected,) for vector in vectors):
            found = ", ".join(sorted({str(vector.size) for vector in vectors}))
            raise EmbedderError(
                f"The embeddings {self._name!r} gave {len(vectors)} vectors of {found} numbers for "
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


def _readable(text: str) -> str:
    shown = clean(text[:_LONGEST])
    return shown if shown.strip() else _NOTHING


def _name_of(embeddings: Embeddings) -> str:
    for attribute in ("model", "model_name", "model_id", "deployment_name"):
        if isinstance(model := getattr(embeddings, attribute, None), str) and model:
            chosen = getattr(embeddings, "dimensions", None)
            return f"{model}@{chosen}" if isinstance(chosen, int) else model
    raise ConfigError(
        f"{type(embeddings).__name__} does not say which model it uses: give it a name, as in "
        "from_embeddings(embeddings, name='my-model')"
    )
