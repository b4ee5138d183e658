"""Chat models of servers that speak the OpenAI API, by address."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from memoryos_integrations.errors import ConfigError, LLMUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memoryos_integrations.protocols import LLM, Prompt

T = TypeVar("T")

DEFAULT_MODEL = "gpt-4o-mini"


class OpenAICompatible:
    """An ``LLM`` behind an address; the client is created on the first call, since that takes two seconds.

    Args:
        name: the model's name there.
        base_url: up to ``/v1``; OpenAI's own by default.
        api_key: by default ``OPENAI_API_KEY`` of the environment, which is never sent to a server on this
            machine. It is kept in memory only.
    """

    def __init__(self, name: str, *, base_url: str | None, api_key: str | None = None) -> None:
        self.name, self.address = name, base_url or "api.openai.com"
        self._base_url, self._api_key = base_url, api_key

    def check(self) -> None:
        """Create the client now.

        Raises:
            ConfigError: there is no key, or the address is invalid.
        """
        _ = self._model

    def reply(self, prompt: Prompt[T]) -> T:
        """Return the answer; see ``LLM.reply``."""
        return self._ready().reply(prompt)

    def stream(self, prompt: Prompt[str]) -> Iterator[str]:
        """Yield the answer in pieces, or in one if the model cannot stream; see ``StreamingLLM.stream``."""
        model = self._ready()
        stream = getattr(model, "stream", None)
        if stream is None:
            yield model.reply(prompt)
        else:
            yield from stream(prompt)

    def __str__(self) -> str:
        return f"the model {self.name} at {self.address}"

    def _ready(self) -> LLM:
        try:
            return self._model
        except ConfigError as error:
            raise LLMUnavailable(str(error)) from None

    @cached_property
    def _model(self) -> LLM:
        from langchain_memoryos.llm import openai_compatible

        return openai_compatible(self.name, base_url=self._base_url, api_key=self._api_key)
