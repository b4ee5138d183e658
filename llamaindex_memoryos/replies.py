"""What a chat model of LlamaIndex sent back, translated for the core."""

from __future__ import annotations

from collections.abc import Generator, Iterable

from llama_index.core.base.llms.types import ChatResponse

from memoryos_integrations.model.provider_errors import at, stop_of, tokens_of
from memoryos_integrations.model.replies import RawReply


def raw_reply(response: ChatResponse) -> RawReply:
    """Return what the core reads of a response."""
    return _translated(response, response.message.content or "")


def raw_pieces(responses: Iterable[ChatResponse]) -> Generator[RawReply, None, None]:
    """Yield the responses of a stream so, each with what it adds."""
    for response in responses:
        yield _translated(response, response.delta or "")


def _translated(response: ChatResponse, text: str) -> RawReply:
    told = response.message.additional_kwargs
    said = at(response.raw, ("choices", 0, "message", "refusal")) or told.get("refusal")
    return RawReply(
        text=text,
        finish_reason=stop_of(response.raw, told),
        refusal=bool(said or at(response.raw, ("choices", 0, "delta", "refusal"))),
        tokens=tokens_of(response.raw, response.additional_kwargs, told),
    )
