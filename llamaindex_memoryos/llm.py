"""LlamaIndex's chat models and embedding models, for the core: ``LLM`` and ``Embedder``."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar, cast

import numpy as np
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.llms import llm as llama_index
from pydantic import BaseModel

from llamaindex_memoryos.replies import asked_for, blamed, cut_off, fitted, refused, without_thoughts
from memoryos_integrations.errors import ConfigError, EmbedderUnavailableError, LLMBadOutput, LLMRefused
from memoryos_integrations.protocols import LLM, Embedder, Prompt

if TYPE_CHECKING:
    from memoryos_integrations.protocols import Vector

T = TypeVar("T")
_PROBE = "How long is a vector?"


def from_llamaindex(llm: llama_index.LLM) -> LLM:
    """Return a chat model of LlamaIndex as the core uses it.

    Structured answers are asked for as JSON text, so any model will do. What it replies may stand in a code
    fence or behind ``<think>`` tags; a reply that was cut off or does not fit is refused, never repaired.

    Raises:
        ConfigError: it is no chat model of LlamaIndex.

    Example:
        >>> llm = from_llamaindex(MockLLM())
        >>> "Hello" in llm.reply(Prompt("respond", "Repeat.", "Hello", str))
        True
    """
    if not isinstance(llm, llama_index.LLM):
        raise ConfigError(f"llm must be a chat model of LlamaIndex, not {type(llm).__name__}")
    return _ChatModel(llm)


def from_embed_model(embed_model: BaseEmbedding) -> Embedder:
    """Return an embedding model of LlamaIndex as the core uses it.

    One text is embedded on the way to learn the length of the vectors, when that is first asked for. A model
    that treats questions and passages differently is used with its passage side for both.

    Raises:
        ConfigError: it is no embedding model of LlamaIndex.
    """
    if not isinstance(embed_model, BaseEmbedding):
        raise ConfigError(f"embed_model must be a BaseEmbedding, not {type(embed_model).__name__}")
    return _EmbeddingModel(embed_model)


class _ChatModel:
    """See ``from_llamaindex``."""

    def __init__(self, llm: llama_index.LLM) -> None:
        self._llm = llm

    def reply(self, prompt: Prompt[T]) -> T:
        """Return the answer; see ``LLM.reply``."""
        schema: type = prompt.schema
        structured = issubclass(schema, BaseModel)
        system = prompt.system + asked_for(schema) if structured else prompt.system
        messages = [
            ChatMessage(role=self._llm.metadata.system_role, content=system),
            ChatMessage(role=MessageRole.USER, content=prompt.user),
        ]
        try:
            response = self._llm.chat(messages)
        except Exception as error:  # noqa: BLE001 - raised, but not chained: a provider's words may hold a key
            raise blamed(error) from None
        if refused(response):
            raise LLMRefused(f"The model declined the task {prompt.task!r}.")
        text = without_thoughts(response.message.content or "")
        if not structured:
            if not text:
                raise LLMBadOutput(f"The model said nothing to the task {prompt.task!r}.")
            return cast("T", text)
        if cut_off(response):
            raise LLMBadOutput(f"The reply to {prompt.task!r} was cut off: let the model write more tokens.")
        return cast("T", fitted(text, schema, prompt.task))


class _EmbeddingModel:
    """See ``from_embed_model``."""

    def __init__(self, embed_model: BaseEmbedding) -> None:
        self._model = embed_model
        self._dimension: int | None = None
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """Class and model: what tells one embedding model of LlamaIndex from another."""
        return f"{self._model.class_name()}/{self._model.model_name}"

    @property
    def dimension(self) -> int:
        """Length of every vector, learnt from the first one."""
        with self._lock:
            if self._dimension is None:
                self._dimension = len(self._embed([_PROBE])[0])
            return self._dimension

    def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Return one float32 vector per text; see ``Embedder.embed``."""
        return self._embed(texts) if texts else []

    def _embed(self, texts: Sequence[str]) -> list[Vector]:
        # Services refuse empty texts and halves of characters.
        asked = [text.encode("utf-8", "replace").decode() or " " for text in texts]
        try:
            made = self._model.get_text_embedding_batch(asked)
        except Exception as error:  # noqa: BLE001 - raised, but not chained: a provider's words may hold a key
            kind = type(error).__name__
            raise EmbedderUnavailableError(f"The embedding model {self.name!r} failed with {kind}.") from None
        return [np.asarray(vector, dtype=np.float32) for vector in made]
