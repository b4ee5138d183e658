"""MemoryOSMemory: memory for chat engines and agents, which may be copied and serialised."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.llms.llm import LLM
from llama_index.core.memory import BaseMemory
from pydantic import ConfigDict, Field, PrivateAttr, model_validator

from llamaindex_memoryos.shared import open_stores, user_scope
from llamaindex_memoryos.shared.conversation import Conversation
from llamaindex_memoryos.shared.memory_context import without_memory_context
from llamaindex_memoryos.shared.messages import check_messages, from_stored
from llamaindex_memoryos.shared.prompt import PromptParts, build_prompt
from llamaindex_memoryos.shared.react_agents import keep_system_message
from llamaindex_memoryos.shared.user_scope import AnyMemory
from memoryos_integrations import checks
from memoryos_integrations.errors import StoreClosedError
from memoryos_integrations.protocols import Embedder
from memoryos_integrations.tokens import counter_of
from memoryos_integrations.user_memory import UserMemory

_MAX_TOKENS = 1_000_000  # as in UserMemory.context


class MemoryOSMemory(BaseMemory):
    """The history of one conversation and the long-term memory of one user, for ``memory=``.

    ``get`` returns the newest turns of the conversation, after one system message with memories of all
    earlier ones. The fields hold no open store: a copy or a deserialised memory finds it by its folder.

    Create one with ``from_defaults``; the constructor takes the serialised fields.

    Raises:
        ValidationError: a field is unknown or invalid.
        StoreError: there is no store in ``persist_directory``.

    Example:
        >>> chat = MemoryOSMemory.from_defaults(memory=memory, user_id="ann", thread_id="monday")
        >>> chat.put(ChatMessage(content="I keep bees.", role="user"))
        >>> [message.content for message in chat.get()]
        ['I keep bees.']
    """

    model_config = ConfigDict(extra="forbid")

    user_id: str = Field(description="The user.")
    agent_id: str = Field(default="default", description="The agent.")
    thread_id: str = Field(default="default", description="The conversation.")
    persist_directory: str = Field(description="Folder of the store.")
    token_limit: int = Field(default=user_scope.TOKEN_LIMIT, ge=1, description="Token limit of get().")
    max_tokens: int = Field(default=2000, ge=0, le=_MAX_TOKENS, description="Token limit of the memories.")
    _closed: bool = PrivateAttr(default=False)
    _lease: open_stores.Lease | None = PrivateAttr(default=None)

    @model_validator(mode="before")
    @classmethod
    def _without_class_name(cls, data: Any) -> Any:
        return {k: v for k, v in data.items() if k != "class_name"} if isinstance(data, dict) else data

    @model_validator(mode="after")
    def _find_store(self) -> MemoryOSMemory:
        open_stores.get_or_open(self.persist_directory).memory.user(self.user_id, self.agent_id)
        checks.identifier("thread_id", self.thread_id)
        return self

    @classmethod
    def class_name(cls) -> str:
        """Return LlamaIndex's name of the class."""
        return "MemoryOSMemory"

    @classmethod
    def from_defaults(  # type: ignore[override]  # an unknown keyword argument is an error
        cls,
        *,
        memory: AnyMemory | None = None,
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
        """Create a memory on a store.

        Args:
            memory: a ``MemoryOS``, which needs ``user_id`` too, or a ``UserMemory``. The caller closes it.
            persist_directory: alternatively a folder; opened here, closed by ``close`` or with the process.
            user_id: the user.
            agent_id: the agent; ``"default"`` by default.
            thread_id: the conversation; ``"default"`` by default.
            session_id: LlamaIndex's name for ``thread_id``.
            token_limit: limit of ``get``; by default 3/4 of the context window of ``llm``, or 30 000.
            max_tokens: limit of the memories, which get at most half of ``token_limit``.
            chat_history: replaces the conversation; ``None`` or an empty list changes nothing.
            llm: the chat model, for the default of ``token_limit``. It also refines the memories of a store
                that is opened here; a store of your own has its own model, ``MemoryOS(llm=...)``.
            embed_model: with ``persist_directory``: an embedding model of LlamaIndex, an ``Embedder``,
                ``"multilingual"``, or ``"none"`` for words only; by default the embedded one.

        Raises:
            ConfigError: the arguments contradict each other.
            InvalidInputError: an id is missing or invalid.
            StoreError: the store cannot be opened.
        """
        thread = user_scope.resolve_thread_id(thread_id, session_id)
        limit = user_scope.resolve_token_limit(token_limit, llm)
        context_limit = checks.whole("max_tokens", max_tokens, least=0, most=_MAX_TOKENS)
        history = check_messages(chat_history or [], "chat_history")
        fields, lease = user_scope.locate_store(
            memory, persist_directory, user_id, agent_id, embed_model, llm
        )
        chat = cls(**fields, thread_id=thread, token_limit=limit, max_tokens=context_limit)
        chat._lease = lease
        if history:
            chat.set(history)
        return chat

    @property
    def user(self) -> UserMemory:
        """The user's memory: search, persona, forget, export."""
        return self._store().memory.user(self.user_id, self.agent_id)

    def get(
        self,
        input: str | ChatMessage | None = None,  # noqa: A002 - LlamaIndex's name
        initial_token_count: int = 0,
        **kwargs: Any,  # noqa: ARG002 - part of the interface
    ) -> list[ChatMessage]:
        """Return the prompt: one system message unless it would be empty, then the newest turns.

        Args:
            input: the question; by default the user's last message.
            initial_token_count: tokens that the caller puts in front.
            kwargs: unused.

        Raises:
            InvalidInputError: the question is neither text nor a message.
        """
        return keep_system_message(self.parts(input, initial_token_count).messages())

    def parts(self, question: str | ChatMessage | None = None, tokens_in_front: int = 0) -> PromptParts:
        """Return the parts of the prompt that ``get`` returns.

        Memories are retrieved once per message of the user, however often this is called.
        """
        limit = max(self.token_limit - tokens_in_front, 1)
        return build_prompt(self._conversation(), question, limit=limit, max_tokens=self.max_tokens)

    def get_all(self) -> list[ChatMessage]:
        """Return all messages of the conversation."""
        return [from_stored(message) for message in self._conversation().messages()]

    def put(self, message: ChatMessage) -> None:
        """Append a message; when this returns, it is on disk and retrievable.

        Raises:
            StoreError: the message could not be written.
        """
        self.put_messages([message])

    def put_messages(self, messages: list[ChatMessage]) -> None:
        """Append messages; see ``put``."""
        self._conversation().append(without_memory_context(check_messages(messages)))

    def set(self, messages: list[ChatMessage]) -> None:
        """Replace the conversation. Nothing is stored twice, and nothing is forgotten."""
        self._conversation().set(without_memory_context(check_messages(messages)))

    def reset(self) -> None:
        """Start a new conversation in the thread. Long-term memory keeps the old one."""
        self._conversation().reset()

    def tokenizer_fn(self, text: str) -> Sequence[int]:
        """Return as many numbers as the text has tokens; chat engines count their prefix with it."""
        return range(counter_of(self.user.memory.config.token_counter)(text))

    def close(self) -> None:
        """Release the store; one that ``from_defaults`` opened is closed with its last memory."""
        if not self._closed:
            self._closed = True
            open_stores.release(self.persist_directory, self._lease)

    def _store(self) -> open_stores.OpenStore:
        if self._closed:
            raise StoreClosedError("This memory is closed: create a new one with from_defaults(...).")
        return open_stores.get(self.persist_directory)

    def _conversation(self) -> Conversation:
        store = self._store()
        return Conversation(store, store.memory.user(self.user_id, self.agent_id), self.thread_id)
