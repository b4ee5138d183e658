"""MemoryOSMemory: a memory for LlamaIndex's chat engines and agents that survives every way of copying it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.llms.llm import LLM
from llama_index.core.memory import BaseMemory
from pydantic import ConfigDict, Field, PrivateAttr, model_validator

from llamaindex_memoryos import stores
from llamaindex_memoryos.binding import TOKEN_LIMIT, Memory, limit_of, place_of, thread_of
from llamaindex_memoryos.history import History
from llamaindex_memoryos.messages import checked, restored
from llamaindex_memoryos.prompt import Parts, gathered
from llamaindex_memoryos.react import protected
from llamaindex_memoryos.recall import counter_of, without_recalled
from memoryos_integrations import checks
from memoryos_integrations.errors import StoreClosedError
from memoryos_integrations.protocols import Embedder
from memoryos_integrations.user_memory import UserMemory

_MOST = 1_000_000  # tokens; as UserMemory.context


class MemoryOSMemory(BaseMemory):
    """Short-term history of one conversation and long-term memory of one user, for ``memory=``.

    ``get`` returns the newest turns of the thread, and in front of them, in one system message, what is
    recalled of everything else this user ever said. Nothing live is in its fields: a copy, or one that was
    serialised, finds the store by its folder.

    Make one with ``from_defaults``; the class itself takes the fields as they are serialised.

    Raises:
        ValidationError: a field is unknown or unusable.
        StoreError: there is no store in ``persist_directory``.

    Example:
        >>> chat = MemoryOSMemory.from_defaults(memory=memory, user_id="ann", thread_id="monday")
        >>> chat.put(ChatMessage(content="I keep bees.", role="user"))
        >>> [message.content for message in chat.get()]
        ['I keep bees.']
    """

    model_config = ConfigDict(extra="forbid")

    user_id: str = Field(description="Whose memory.")
    agent_id: str = Field(default="default", description="With which agent.")
    thread_id: str = Field(default="default", description="Which conversation.")
    persist_directory: str = Field(description="Folder of the store.")
    token_limit: int = Field(default=TOKEN_LIMIT, ge=1, description="Most tokens that get() returns.")
    max_tokens: int = Field(default=2000, ge=0, le=_MOST, description="Most tokens that are recalled.")
    _closed: bool = PrivateAttr(default=False)
    _ticket: stores.Ticket | None = PrivateAttr(default=None)

    @model_validator(mode="before")
    @classmethod
    def _forget_class_name(cls, data: Any) -> Any:
        return {k: v for k, v in data.items() if k != "class_name"} if isinstance(data, dict) else data

    @model_validator(mode="after")
    def _find_store(self) -> MemoryOSMemory:
        stores.attach(self.persist_directory).memory.user(self.user_id, self.agent_id)
        checks.identifier("thread_id", self.thread_id)
        return self

    @classmethod
    def class_name(cls) -> str:
        """Return the name under which LlamaIndex serialises it."""
        return "MemoryOSMemory"

    @classmethod
    def from_defaults(  # type: ignore[override]  # an unknown keyword argument is an error
        cls,
        *,
        memory: Memory | None = None,
        persist_directory: str | Path | None = None,
        user_id: str | None = None,
        agent_id: str | None = None,
        thread_id: str | None = None,
        session_id: str | None = None,
        token_limit: int | None = None,
        max_tokens: int = 2000,
        chat_history: Sequence[ChatMessage] | None = None,
        llm: LLM | None = None,
        embed_model: BaseEmbedding | Embedder | str | None = None,
    ) -> MemoryOSMemory:
        """Make a memory on a store.

        Args:
            memory: a ``MemoryOS``, then with ``user_id``; or a ``UserMemory``. Whoever opened it closes it.
            persist_directory: instead of it, a folder; opened here, closed by ``close`` or with the process.
            user_id: whose memory.
            agent_id: with which agent; ``"default"`` by default.
            thread_id: which conversation; ``"default"`` by default.
            session_id: LlamaIndex's word for the same.
            token_limit: most tokens that ``get`` returns; by default three quarters of the context window of
                ``llm``, or 30 000.
            max_tokens: most tokens that are recalled, within half of the limit.
            chat_history: messages that the conversation consists of; none or an empty list changes nothing.
            llm: the chat model whose context window the limit is taken from. It refines the memories of a
                store that is opened here; one of yours has its own, ``MemoryOS(llm=...)``.
            embed_model: with ``persist_directory``: an embedding model of LlamaIndex, an ``Embedder``,
                ``"multilingual"``, or ``"none"`` for words only; by default the embedded one.

        Raises:
            ConfigError: the arguments do not fit together.
            InvalidInputError: an id is missing or unusable.
            StoreError: the store cannot be opened.
        """
        thread, limit = thread_of(thread_id, session_id), limit_of(token_limit, llm)
        most = checks.whole("max_tokens", max_tokens, least=0, most=_MOST)
        history = checked(chat_history or [], "chat_history")
        place, ticket = place_of(memory, persist_directory, user_id, agent_id, embed_model, llm)
        made = cls(**place._asdict(), thread_id=thread, token_limit=limit, max_tokens=most)
        made._ticket = ticket
        if history:
            made.set(history)
        return made

    @property
    def user(self) -> UserMemory:
        """The long-term memory behind it: search, persona, forget, export."""
        return self._store().memory.user(self.user_id, self.agent_id)

    def get(
        self,
        input: str | ChatMessage | None = None,  # noqa: A002 - the name that engines pass it by
        initial_token_count: int = 0,
        **kwargs: Any,  # noqa: ARG002 - what engines may pass one day
    ) -> list[ChatMessage]:
        """Return the prompt's messages: one system message if there is anything to say in it, then the turns.

        Args:
            input: the question, if it is not the last message of the user.
            initial_token_count: tokens that the caller puts in front.
            kwargs: not used.

        Raises:
            InvalidInputError: the question is neither text nor a message.
        """
        return protected(self.parts(input, initial_token_count).messages())

    def parts(self, question: str | ChatMessage | None = None, tokens_in_front: int = 0) -> Parts:
        """Return what ``get`` returns, before it is put together.

        There is one look into long-term memory for each message of the user, however often this is called.
        """
        limit = max(self.token_limit - tokens_in_front, 1)
        return gathered(self._history(), question, limit=limit, max_tokens=self.max_tokens)

    def get_all(self) -> list[ChatMessage]:
        """Return the whole conversation as it was put in."""
        return [restored(message) for message in self._history().all()]

    def put(self, message: ChatMessage) -> None:
        """Add a message to the conversation and to long-term memory; on disk when this returns.

        Raises:
            StoreError: it could not be written.
        """
        self.put_messages([message])

    def put_messages(self, messages: list[ChatMessage]) -> None:
        """Add messages as ``put`` does, in one go."""
        self._history().append(without_recalled(checked(messages)))

    def set(self, messages: list[ChatMessage]) -> None:
        """Make these messages the conversation. Nothing is stored twice, nothing is forgotten."""
        self._history().set(without_recalled(checked(messages)))

    def reset(self) -> None:
        """Begin a new conversation in the thread. Long-term memory keeps what was said."""
        self._history().reset()

    def tokenizer_fn(self, text: str) -> Sequence[int]:
        """Return as many numbers as the text has tokens: chat engines count their prefix by it."""
        return range(counter_of(self.user)(text))

    def close(self) -> None:
        """Let go of the store: closed with the last memory on it, if ``from_defaults`` opened it."""
        if not self._closed:
            self._closed = True
            stores.release(self.persist_directory, self._ticket)

    def _store(self) -> stores.Store:
        if self._closed:
            raise StoreClosedError(
                "This memory is closed. Make a new one with MemoryOSMemory.from_defaults(...)."
            )
        return stores.live(self.persist_directory)

    def _history(self) -> History:
        store = self._store()
        return History(store, store.memory.user(self.user_id, self.agent_id), self.thread_id)
