"""LlamaIndex's own Memory: a window of messages, and blocks that get what falls out of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import chromadb
import openai
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.llms import ChatMessage
from llama_index.core.memory import FactExtractionMemoryBlock, Memory, VectorMemoryBlock
from llama_index.core.vector_stores import MetadataFilter, MetadataFilters
from llama_index.embeddings.openai import OpenAIEmbedding
from llama_index.llms.openai_like import OpenAILike
from llama_index.vector_stores.chroma import ChromaVectorStore

from benchmarks.peers.conversation import Turn, told_in
from benchmarks.peers.local import LocalEmbeddings
from benchmarks.peers.model import KEY, NAME, Reply, words_of
from benchmarks.peers.systems import MOST, K, System

T = TypeVar("T")
_MESSAGE = re.compile(r"<message role='\w+'>(.*?)</message>", re.DOTALL)


class Window(System):
    """No blocks and the default window of 21 000 tokens; messages are kept in an SQLite file."""

    title = "LlamaIndex Memory, no blocks"
    requirements = ("llama-index-core",)
    errors = (openai.OpenAIError,)
    forgets = "reset()"
    serverless = True
    limits: ClassVar[dict[str, Any]] = {}

    def __init__(self, folder: Path, url: str) -> None:
        """Open it; a session stands for a user."""
        self.folder, self.url = folder, url
        self._loop = asyncio.new_event_loop()
        self._memories: dict[str, Memory] = {}

    @staticmethod
    def reply(body: dict[str, Any]) -> Reply:
        """Return each turn of the messages as one fact, or the facts that are to be condensed as they are."""
        *messages, question = words_of(body)
        turns = told_in("\n".join(messages) if messages else question)
        facts = "".join(f"<fact>{turn.user}</fact>" for turn in turns)
        return Reply(f"<facts>{facts}</facts>")

    def blocks(self) -> list[Any]:
        """Return the blocks of one user's memory."""
        return []

    def add(self, user: str, turn: Turn) -> None:
        """Tell it a turn."""
        said = ChatMessage(role="user", content=turn.user)
        answer = ChatMessage(role="assistant", content=turn.assistant)
        self._run(self._of(user).aput_messages([said, answer]))

    def find(self, user: str, words: str) -> str:
        """Return the messages that it would put before a model, blocks included."""
        messages = self._run(self._of(user).aget(input=words))
        return "\n".join(message.content or "" for message in messages)

    def forget(self, user: str) -> None:
        """Delete the session; what the blocks hold in memory goes with the object."""
        self._run(self._of(user).areset())
        del self._memories[user]

    def close(self) -> None:
        """Close it."""
        self._run(self._disposed())
        self._loop.close()

    async def _disposed(self) -> None:
        for memory in self._memories.values():
            if engine := getattr(memory.sql_store, "_async_engine", None):
                await engine.dispose()

    def _of(self, user: str) -> Memory:
        if user not in self._memories:
            uri = f"sqlite+aiosqlite:///{self.folder / 'messages.db'}"
            self._memories[user] = Memory.from_defaults(
                session_id=user, async_database_uri=uri, memory_blocks=self.blocks(), **self.limits
            )
        return self._memories[user]

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        # One loop for all: OpenAI's client belongs to the one that it was first used in.
        return self._loop.run_until_complete(work)


class WithBlocks(Window):
    """Facts and vectors, with the window, the flush and the block sizes of the example in its pages."""

    title = "LlamaIndex Memory"
    requirements = (
        "llama-index-core",
        "llama-index-llms-openai-like",
        "llama-index-embeddings-openai",
        "llama-index-vector-stores-chroma",
    )
    way_back = "the caller adds again, and has those turns twice"
    forgets = "reset() and delete_nodes() of the session's vectors"
    serverless = False
    limits: ClassVar[dict[str, Any]] = {
        "token_limit": 30_000,
        "chat_history_token_ratio": 0.02,
        "token_flush_size": 500,
    }

    def __init__(self, folder: Path, url: str) -> None:
        """Open it."""
        super().__init__(folder, url)
        collection = chromadb.PersistentClient(str(folder / "chroma")).get_or_create_collection("memory")
        self.vectors = ChromaVectorStore(chroma_collection=collection)

    def blocks(self) -> list[Any]:
        """Return a block of facts, and one of vectors that may return ten batches, not two as there."""
        llm = OpenAILike(model=NAME, api_base=self.url, api_key=KEY, is_chat_model=True)
        embedder = OpenAIEmbedding(api_base=self.url, api_key=KEY)
        return [
            FactExtractionMemoryBlock(name="facts", llm=llm, max_facts=50, priority=1),
            VectorMemoryBlock(
                name="vectors",
                vector_store=self.vectors,
                embed_model=embedder,
                priority=2,
                similarity_top_k=K,
            ),
        ]

    def forget(self, user: str) -> None:
        """Delete the session, and its vectors."""
        super().forget(user)
        of_user = MetadataFilters(filters=[MetadataFilter(key="session_id", value=user)])
        # Given the filters, delete_nodes raises with this version of chromadb.
        self.vectors.delete_nodes([node.node_id for node in self.vectors.get_nodes(None, of_user)])


class Vectors(System):
    """Its block of vectors alone, each message put for itself, with an embedder in the process."""

    title = "LlamaIndex's vector block"
    requirements = WithBlocks.requirements

    def __init__(self, folder: Path, _url: str) -> None:
        """Open it."""
        self._client = chromadb.PersistentClient(str(folder / "chroma"))
        self._loop = asyncio.new_event_loop()
        self._embedder = _Local()
        self._blocks: dict[str, VectorMemoryBlock] = {}

    @staticmethod
    def reply(body: dict[str, Any]) -> Reply:
        """No model is asked."""
        raise NotImplementedError

    def add(self, user: str, turn: Turn) -> None:
        """Put both messages."""
        for role, text in (("user", turn.user), ("assistant", turn.assistant)):
            message = ChatMessage(role=role, content=text)
            self._loop.run_until_complete(self._of(user).aput([message]))

    def find(self, user: str, words: str) -> str:
        """Return the messages that it finds."""
        return "\n".join(self.search(user, words)[:K])

    def search(self, user: str, words: str) -> list[str]:
        """Return the messages of the block's text."""
        asked = self._of(user).aget([ChatMessage(role="user", content=words)])
        return _MESSAGE.findall(self._loop.run_until_complete(asked))

    def close(self) -> None:
        """Close it."""
        self._loop.close()

    def _of(self, user: str) -> VectorMemoryBlock:
        if user not in self._blocks:
            collection = self._client.get_or_create_collection(f"memory-{len(self._blocks)}")
            self._blocks[user] = VectorMemoryBlock(
                vector_store=ChromaVectorStore(chroma_collection=collection),
                embed_model=self._embedder,
                similarity_top_k=MOST,
            )
        return self._blocks[user]


class _Local(BaseEmbedding):
    _embeddings: LocalEmbeddings = PrivateAttr(default_factory=LocalEmbeddings)

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._embeddings.embed_query(text)

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)
