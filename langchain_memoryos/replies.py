"""What a chat model of LangChain sent back, translated for the core."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import replace

from langchain_core.messages import AIMessage, BaseMessage

from langchain_memoryos.messages import text_of
from memoryos_integrations.model.provider_errors import stop_of, tokens_of
from memoryos_integrations.model.replies import RawReply


def raw_reply(message: BaseMessage) -> RawReply:
    """Return what the core reads of a message, or of a chunk of one."""
    told = message.response_metadata
    usage = message.usage_metadata if isinstance(message, AIMessage) else None
    return RawReply(
        text=text_of(message),
        finish_reason=stop_of(told),
        refusal=bool(message.additional_kwargs.get("refusal")) or _declines(message.content),
        tool_arguments=_arguments(message),
        tokens=tokens_of(usage, told),
    )


def raw_pieces(chunks: Iterable[BaseMessage]) -> Generator[RawReply, None, None]:
    """Yield the chunks of a stream so; their tokens add up."""
    sent = received = 0
    for chunk in chunks:
        piece = raw_reply(chunk)
        if piece.tokens is not None:
            sent, received = sent + piece.tokens[0], received + piece.tokens[1]
            piece = replace(piece, tokens=(sent, received))
        yield piece


def _declines(content: str | list[str | dict[str, object]]) -> bool:
    blocks = content if isinstance(content, list) else []
    return any(isinstance(block, dict) and block.get("type") == "refusal" for block in blocks)


def _arguments(message: BaseMessage) -> tuple[dict[str, object] | str, ...]:
    """Return the arguments of all calls; as text where LangChain could not read them."""
    if not isinstance(message, AIMessage):
        return ()
    unread = (call["args"] or "" for call in message.invalid_tool_calls)
    return (*(call["args"] for call in message.tool_calls), *unread)
