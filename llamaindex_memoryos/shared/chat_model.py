"""Adapt LlamaIndex's chat models to the ``LLM`` protocol."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole
from llama_index.core.llms.llm import LLM

from memoryos_integrations.errors import ConfigError
from memoryos_integrations.model.provider_errors import at, attempt, failure_of, stop_of, tokens_of
from memoryos_integrations.model.replies import RawReply, answer_of, instruction_of, pieces_of
from memoryos_integrations.runtime.httpx_import import import_httpx

if TYPE_CHECKING:
    from collections.abc import Generator

    from memoryos_integrations.protocols import Prompt

T = TypeVar("T")
_NO_NAME = "unknown"  # LlamaIndex's name for a model without one


class LlamaIndexLLM:
    """A streaming ``LLM`` over a LlamaIndex chat model, as ``from_llamaindex`` returns it.

    Args:
        llm: any chat model of LlamaIndex.

    Raises:
        ConfigError: ``llm`` is no chat model of LlamaIndex.
    """

    def __init__(self, llm: LLM) -> None:
        if not isinstance(llm, LLM):
            raise ConfigError(f"llm must be a chat model of LlamaIndex, not {type(llm).__name__}")
        import_httpx()
        self._llm = llm

    @property
    def name(self) -> str:
        """The model's name, else the name of its class."""
        name = self._llm.metadata.model_name
        return self._llm.class_name() if name in ("", _NO_NAME) else name

    def reply(self, prompt: Prompt[T]) -> T:
        """Return the answer; see ``LLM.reply``."""
        messages = self._messages(prompt)
        response = attempt(lambda: self._llm.chat(messages), partial(failure_of, task=prompt.task))
        return answer_of(_raw_reply(response, response.message.content), prompt)

    def stream(self, prompt: Prompt[str]) -> Iterator[str]:
        """Yield the answer in pieces; see ``StreamingLLM.stream``."""
        return pieces_of(self._pieces(prompt), prompt)

    def _pieces(self, prompt: Prompt[str]) -> Generator[RawReply, None, None]:
        for response in self._llm.stream_chat(self._messages(prompt)):
            yield _raw_reply(response, response.delta)

    def _messages(self, prompt: Prompt[T]) -> list[ChatMessage]:
        return [
            ChatMessage(role=self._llm.metadata.system_role, content=instruction_of(prompt)),
            ChatMessage(role=MessageRole.USER, content=prompt.user),
        ]


def _raw_reply(response: ChatResponse, text: str | None) -> RawReply:
    metadata = response.message.additional_kwargs
    refusal = at(response.raw, ("choices", 0, "message", "refusal")) or metadata.get("refusal")
    return RawReply(
        text=text or "",
        finish_reason=stop_of(response.raw, metadata),
        refusal=bool(refusal or at(response.raw, ("choices", 0, "delta", "refusal"))),
        tokens=tokens_of(response.raw, response.additional_kwargs, metadata),
    )
