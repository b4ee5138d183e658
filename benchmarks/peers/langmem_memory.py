"""langmem: a model makes memories of every turn, in the background or while the caller waits."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path
from typing import Any
from uuid import uuid4

import openai
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from langgraph.store.sqlite import SqliteStore
from langmem import ReflectionExecutor, create_memory_store_manager

from benchmarks.peers.conversation import Turn, last_told_in
from benchmarks.peers.local import LocalEmbeddings
from benchmarks.peers.model import DIMENSION, KEY, NAME, Reply, words_of
from benchmarks.peers.systems import MOST, K, System
from memoryos_integrations.testing import ToolCall


class InTurn(System):
    """Its store of memories, updated by ``invoke`` in every turn; LangGraph's SqliteStore keeps them."""

    title = "langmem, in the turn"
    requirements = ("langmem", "langgraph-checkpoint-sqlite")
    errors = (openai.OpenAIError,)
    forgets = "delete(key) of each memory of the user"

    def __init__(self, folder: Path, url: str) -> None:
        """Open it."""
        embed = OpenAIEmbeddings(base_url=url, api_key=KEY, check_embedding_ctx_length=False)
        self._opened = SqliteStore.from_conn_string(
            str(folder / "store.db"), index={"dims": DIMENSION, "embed": embed}
        )
        self.store = self._opened.__enter__()
        self.store.setup()
        self.memories = create_memory_store_manager(
            ChatOpenAI(base_url=url, api_key=KEY, model=NAME), store=self.store
        )

    @staticmethod
    def reply(body: dict[str, Any]) -> Reply:
        """Return the turn as one new memory."""
        return Reply(tool_calls=(ToolCall("Memory", {"content": last_told_in(words_of(body)[-1])}),))

    def add(self, user: str, turn: Turn) -> None:
        """Tell it a turn."""
        self.memories.invoke(_messages(turn), config=_of(user))

    def find(self, user: str, words: str) -> str:
        """Return the memories that it finds."""
        return "\n".join(str(item.value) for item in self._found(user, words, K))

    def forget(self, user: str) -> None:
        """Delete all that is known of a user."""
        for item in self._found(user, None, 1000):
            self.memories.delete(item.key, config=_of(user))

    def _found(self, user: str, words: str | None, most: int) -> list[Any]:
        return self.memories.search(query=words, limit=most, config=_of(user))

    def close(self) -> None:
        """Close it."""
        self._opened.__exit__(None, None, None)


class InBackground(InTurn):
    """The same work by ``ReflectionExecutor``, which its pages recommend: the caller does not wait."""

    title = "langmem"
    way_back = "the caller submits again"

    def __init__(self, folder: Path, url: str) -> None:
        """Open it."""
        super().__init__(folder, url)
        self.executor = ReflectionExecutor(self.memories, store=self.store)
        self._begun: list[tuple[Turn, Future[Any]]] = []
        self._failed: list[Turn] = []

    def add(self, user: str, turn: Turn) -> None:
        """Hand a turn over. Without a thread's id no turn takes the place of one that waits."""
        future = self.executor.submit(_messages(turn), config=_of(user), after_seconds=0, thread_id=None)
        self._begun.append((turn, future))

    def settle(self) -> None:
        """Wait for what was handed over."""
        for turn, future in self._begun:
            if future.exception() is not None:
                self._failed.append(turn)
        self._begun.clear()

    def recover(self, user: str, refused: list[Turn]) -> None:
        """Hand over again what failed."""
        again, self._failed = [*refused, *self._failed], []
        super().recover(user, again)

    def close(self) -> None:
        """Wait for what was handed over, and close."""
        self.executor.shutdown(wait=True)
        super().close()


class StoreSearch(System):
    """Each message as it is in the store that langmem searches, with an embedder in the process."""

    title = "langmem's store"
    requirements = InTurn.requirements

    def __init__(self, folder: Path, _url: str) -> None:
        """Open it."""
        self._opened = SqliteStore.from_conn_string(
            str(folder / "store.db"),
            index={"dims": DIMENSION, "embed": LocalEmbeddings(), "fields": ["content"]},
        )
        self.store = self._opened.__enter__()
        self.store.setup()

    @staticmethod
    def reply(body: dict[str, Any]) -> Reply:
        """No model is asked."""
        raise NotImplementedError

    def add(self, user: str, turn: Turn) -> None:
        """Put both messages."""
        for text in filter(None, (turn.user, turn.assistant)):
            self.store.put(("memories", user), str(uuid4()), {"content": text})

    def find(self, user: str, words: str) -> str:
        """Return the messages that it finds."""
        return "\n".join(self.search(user, words)[:K])

    def search(self, user: str, words: str) -> list[str]:
        """Return the messages that it finds."""
        found = self.store.search(("memories", user), query=words, limit=MOST)
        return [item.value["content"] for item in found]

    def close(self) -> None:
        """Close it."""
        self._opened.__exit__(None, None, None)


def _messages(turn: Turn) -> dict[str, Any]:
    user = {"role": "user", "content": turn.user}
    return {"messages": [user, {"role": "assistant", "content": turn.assistant}]}


def _of(user: str) -> dict[str, Any]:
    return {"configurable": {"langgraph_user_id": user}}
