"""This library's embedder for systems that take LangChain's embeddings."""

from __future__ import annotations

from langchain_core.embeddings import Embeddings

from memoryos_integrations.embedders import default_embedder


class LocalEmbeddings(Embeddings):
    """all-MiniLM-L6-v2 in this process."""

    def __init__(self) -> None:
        self._embedder = default_embedder()

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return a vector of each text."""
        return [vector.tolist() for vector in self._embedder.embed(texts)]

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of a question."""
        return self.embed_documents([text])[0]
