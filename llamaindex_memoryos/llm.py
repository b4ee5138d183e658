"""LlamaIndex's chat models and embedding models, for the core: ``LLM`` and ``Embedder``."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.llms import llm as llama_index

from llamaindex_memoryos.replies import raw_pieces, raw_reply
from memoryos_integrations.errors import ConfigError, EmbedderUnavailableError
from memoryos_integrations.model.provider_errors import attempt, failure_of
from memoryos_integrations.model.replies import RawReply, answer_of, instruction_of, pieces_of
from memoryos_integrations.protocols import Embedder, Prompt, StreamingLLM
from memoryos_integrations.runtime.httpx_import import import_httpx

if TYPE_CHECKING:
    from memoryos_integrations.protocols import Vector

T = TypeVar("T")
_PROBE = "How long is a vector?"
_NAMELESS = "unknown"  # what LlamaIndex calls a model that does not say its name


def from_llamaindex(llm: llama_index.LLM) -> StreamingLLM:
    """Return a chat model of LlamaIndex as the core uses it.

    Objects are asked for as JSON text, so any model will do. How long a call may take is the model's affair:
    give it a timeout, as in ``OpenAI(timeout=60, max_retries=2)``.

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
        import_httpx()
        self._llm = llm

    @property
    def name(self) -> str:
        """The model's name, or its class where it says none."""
        name = self._llm.metadata.model_name
        return self._llm.class_name() if name in ("", _NAMELESS) else name

    def reply(self, prompt: Prompt[T]) -> T:
        """Return the answer; see ``LLM.reply``."""
        asked = self._messages(prompt)
        response = attempt(lambda: self._llm.chat(asked), partial(failure_of, task=prompt.task))
        return answer_of(raw_reply(response), prompt)

    def stream(self, prompt: Prompt[str]) -> Iterator[str]:
        """Yield the answer in pieces; see ``StreamingLLM.stream``."""
        return pieces_of(self._pieces(prompt), prompt)

    def _pieces(self, prompt: Prompt[str]) -> Generator[RawReply, None, None]:
        yield from raw_pieces(self._llm.stream_chat(self._messages(prompt)))

    def _messages(self, prompt: Prompt[T]) -> list[ChatMessage]:
        return [
            ChatMessage(role=self._llm.metadata.system_role, content=instruction_of(prompt)),
            ChatMessage(role=MessageRole.USER, content=prompt.user),
        ]


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
        made = attempt(lambda: self._model.get_text_embedding_batch(asked), self._failure)
        return [np.asarray(vector, dtype=np.float32) for vector in made]

    def _failure(self, error: Exception) -> EmbedderUnavailableError:
        return EmbedderUnavailableError(
            f"The embedding model {self.name!r} failed with {type(error).__name__}."
        )
