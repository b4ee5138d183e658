"""mem0: a model makes facts of a turn while the caller waits; ``infer=False`` keeps texts as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openai
from mem0 import Memory
from mem0.exceptions import MemoryError as Mem0Error

from benchmarks.peers.conversation import Turn, last_told_in
from benchmarks.peers.local import LocalEmbeddings
from benchmarks.peers.model import DIMENSION, KEY, NAME, Reply, words_of
from benchmarks.peers.systems import MOST, K, System


class Mem0(System):
    """As its quick start has it: OpenAI for facts and vectors; its default store, Qdrant, in a folder."""

    title = "mem0"
    requirements = ("mem0ai",)
    errors = (Mem0Error, openai.OpenAIError)
    forgets = "delete_all(user_id=...)"
    resets = "reset()"
    infers = True

    def __init__(self, folder: Path, url: str) -> None:
        """Open it."""
        qdrant = {"path": str(folder / "qdrant"), "on_disk": True, "embedding_model_dims": DIMENSION}
        self.memory = Memory.from_config(
            self.models(url)
            | {
                "vector_store": {"provider": "qdrant", "config": qdrant},
                "history_db_path": str(folder / "history.db"),
            }
        )

    def models(self, url: str) -> dict[str, Any]:
        """Return the part of the configuration that names the chat model and the embedder."""
        openai_at = {"api_key": KEY, "openai_base_url": url}
        embedder = {"model": "text-embedding-3-small", "embedding_dims": DIMENSION}
        return {
            "llm": {"provider": "openai", "config": openai_at | {"model": NAME}},
            "embedder": {"provider": "openai", "config": openai_at | embedder},
        }

    @staticmethod
    def reply(body: dict[str, Any]) -> Reply:
        """Return the turn as the one fact that it holds."""
        new = words_of(body)[-1].partition("## New Messages")[2]
        return Reply(json={"memory": [{"id": "0", "text": last_told_in(new)}]})

    def add(self, user: str, turn: Turn) -> None:
        """Tell it a turn."""
        messages = [{"role": "user", "content": turn.user}, {"role": "assistant", "content": turn.assistant}]
        self.memory.add(messages, user_id=user, infer=self.infers)

    def find(self, user: str, words: str) -> str:
        """Return the memories that it finds."""
        found = self.memory.search(words, filters={"user_id": user}, top_k=K)
        return "\n".join(entry["memory"] for entry in found["results"])

    def search(self, user: str, words: str) -> list[str]:
        """Return the memories that it finds."""
        found = self.memory.search(words, filters={"user_id": user}, top_k=MOST)
        return [entry["memory"] for entry in found["results"]]

    def forget(self, user: str) -> None:
        """Delete all that is known of a user."""
        self.memory.delete_all(user_id=user)

    def reset(self) -> None:
        """Delete everything."""
        self.memory.reset()

    def close(self) -> None:
        """Close it and let go of Qdrant's folder."""
        self.memory.close()
        self.memory.vector_store.client.close()


class Raw(Mem0):
    """Texts as they are, with an embedder in the process: no key and no server."""

    title = "mem0, `infer=False`, an embedder of one's own"
    infers = False
    serverless = True

    def models(self, url: str) -> dict[str, Any]:
        """Name a model that needs no key and is never asked, and an embedder that is at hand."""
        embedder = {"model": LocalEmbeddings(), "embedding_dims": DIMENSION}
        return {
            "llm": {"provider": "lmstudio", "config": {"lmstudio_base_url": url}},
            "embedder": {"provider": "langchain", "config": embedder},
        }
