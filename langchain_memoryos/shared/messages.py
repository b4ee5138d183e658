"""The text of LangChain's messages and values, and where memories stand among messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from langchain_core.messages import (
    BaseMessage,
    BaseMessageChunk,
    HumanMessage,
    convert_to_messages,
    message_chunk_to_message,
)
from langchain_core.prompt_values import PromptValue
from pydantic import BaseModel

from memoryos_integrations.checks import storable
from memoryos_integrations.errors import InvalidInputError

SOURCE = "lc_source"  # how LangChain marks a human message that the user did not type

_ROLES = {"human", "user", "ai", "assistant", "system", "tool"}
_OMITTED_BLOCKS = {"reasoning", "thinking", "redacted_thinking", "tool_use", "tool_call", "function_call"}


def text_of(value: object) -> str:
    """Return the text of a value that a chain takes or returns.

    That of a message, a prompt, or the last one of a list of messages; structured output as JSON; ``""`` for
    ``None``. Images and files within a message are named, as in ``[image]``.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, PromptValue):
        return text_of(value.to_messages())
    if isinstance(value, BaseMessage):
        return text_of(value.content)
    if isinstance(value, BaseModel):
        return storable(value.model_dump_json())
    if isinstance(value, Mapping):
        return _text_of_mapping(value)
    if isinstance(value, Sequence):
        if is_message_list(value):
            return text_of(as_messages(value)[-1])
        return "".join(_text_of_block(block) for block in value)
    return storable(str(value))


def without_chunk_type(message: BaseMessage) -> BaseMessage:
    """Return a message; a chunk as the message it belongs to."""
    return message_chunk_to_message(message) if isinstance(message, BaseMessageChunk) else message


def is_typed(message: object) -> bool:
    """Whether the user typed a message; summaries and notices of the application are human messages too."""
    return isinstance(message, HumanMessage) and not isinstance(message.additional_kwargs.get(SOURCE), str)


def last_typed_index(messages: Sequence[BaseMessage]) -> int | None:
    """Return the index of the last message that the user typed; ``None`` if there is none."""
    return next((index for index in reversed(range(len(messages))) if is_typed(messages[index])), None)


def insert_context(messages: Sequence[BaseMessage], context: str) -> list[BaseMessage]:
    """Return messages with the memory context as a human message just before the user's last one.

    This keeps the prefix that providers cache: over 30 turns 86 % of the prompt's characters stay a shared
    prefix, none with memory in front. The message is marked as not typed by the user. It is no system
    message, because some providers accept those at the front only.
    """
    index = last_typed_index(messages)
    if index is None:
        human = [i for i, message in enumerate(messages) if isinstance(message, HumanMessage)]
        index = human[-1] if human else None
    if not context or index is None:
        return list(messages)
    note = HumanMessage(content=context, additional_kwargs={SOURCE: "memoryos"})
    return [*messages[:index], note, *messages[index:]]


def texts_of(messages: Iterable[BaseMessage]) -> set[str]:
    """Return the texts of messages, which need not be shown again as memories."""
    return {text for message in messages if (text := text_of(message))}


def is_message_list(value: object) -> bool:
    """Whether a value is a list of messages in any form that LangChain accepts."""
    return isinstance(value, list | tuple) and bool(value) and all(_is_message(item) for item in value)


def as_messages(value: object) -> list[BaseMessage]:
    """Convert a text, a prompt, a message or messages in any form to a list of messages.

    Raises:
        InvalidInputError: the value is none of them.
    """
    if isinstance(value, PromptValue):
        return value.to_messages()
    if isinstance(value, str | BaseMessage):
        return convert_to_messages([value])
    if isinstance(value, list | tuple):
        return convert_to_messages(value)
    raise InvalidInputError(f"input must be a text, messages or a mapping, not {type(value).__name__}")


def _is_message(item: object) -> bool:
    if isinstance(item, tuple):
        return len(item) == 2 and item[0] in _ROLES
    return isinstance(item, BaseMessage) or (isinstance(item, Mapping) and "role" in item)


def _text_of_mapping(value: Mapping[Any, Any]) -> str:
    if "content" in value:
        return text_of(value["content"])
    return _text_of_block(value) if "type" in value else storable(str(dict(value)))


def _text_of_block(block: object) -> str:
    if not isinstance(block, Mapping):
        return text_of(block)
    if isinstance(block.get("text"), str):
        return storable(block["text"])
    kind = str(block.get("type", "content"))
    return "" if kind in _OMITTED_BLOCKS else f"[{kind.removesuffix('_url')}]"
