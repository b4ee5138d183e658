"""LangChain's messages and what is stored of them: text, by whom. A constructor in a text stays text."""

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

from memoryos_integrations.errors import InvalidInputError

SOURCE = "lc_source"  # LangChain's mark of a human message that the user did not type
OURS = "memoryos"

_ROLES = {"human", "user", "ai", "assistant", "system", "tool"}
_SHOWN_ELSEWHERE = {"reasoning", "thinking", "redacted_thinking", "tool_use", "tool_call", "function_call"}


def clean(text: str) -> str:
    """Return a text that can be stored: halves of characters and NUL become U+FFFD, nothing else changes."""
    if "\x00" not in text and text.isascii():
        return text
    # Through UTF-16, so that two halves that belong together become their character.
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return whole.replace("\x00", "�")


def text_of(value: object) -> str:
    """Return the text of whatever a chain takes or gives.

    A message's, the last one's of a list, a prompt's; a model of structured output as JSON; nothing for
    ``None``. An image or a file within a message is named, as in ``[image]``.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, PromptValue):
        return text_of(value.to_messages())
    if isinstance(value, BaseMessage):
        return text_of(value.content)
    if isinstance(value, BaseModel):
        return clean(value.model_dump_json())
    if isinstance(value, Mapping):
        return _text_of_mapping(value)
    if isinstance(value, Sequence):
        if holds_messages(value):
            return text_of(messages_of(value)[-1])
        return "".join(_text_of_block(block) for block in value)
    return clean(str(value))


def normal(message: BaseMessage) -> BaseMessage:
    """Return a message as it is after its stream has ended."""
    return message_chunk_to_message(message) if isinstance(message, BaseMessageChunk) else message


def is_typed(message: object) -> bool:
    """Whether the user typed a message: a summary or a notice that the application put there is not."""
    return isinstance(message, HumanMessage) and not isinstance(message.additional_kwargs.get(SOURCE), str)


def last_typed(messages: Sequence[BaseMessage]) -> int | None:
    """Return the place of the last message that the user typed."""
    return next((place for place in reversed(range(len(messages))) if is_typed(messages[place])), None)


def placed(messages: Sequence[BaseMessage], recalled: str) -> list[BaseMessage]:
    """Return messages with what is recalled in one of its own, just before the last one of the user.

    There it leaves the prefix that providers cache as it is (measured over 30 turns: 86 % of the prompt's
    characters stay a shared prefix, none with memory in front). It has the mark of a message that the user
    did not type. It is no system message, since some providers take those only in front.
    """
    place = last_typed(messages)
    if place is None:
        people = [i for i, message in enumerate(messages) if isinstance(message, HumanMessage)]
        place = people[-1] if people else None
    if not recalled or place is None:
        return list(messages)
    note = HumanMessage(content=recalled, additional_kwargs={SOURCE: OURS})
    return [*messages[:place], note, *messages[place:]]


def texts_of(messages: Iterable[BaseMessage]) -> set[str]:
    """Return the texts that a model sees anyway, so that they need not be recalled."""
    return {text for message in messages if (text := text_of(message))}


def holds_messages(value: object) -> bool:
    """Whether a value is a list of messages, in any of the forms that LangChain takes."""
    return isinstance(value, list | tuple) and bool(value) and all(_is_message(item) for item in value)


def messages_of(value: object) -> list[BaseMessage]:
    """Return a text, a prompt, a message or messages in any form as messages.

    Raises:
        InvalidInputError: it is none of them.
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
    return _text_of_block(value) if "type" in value else clean(str(dict(value)))


def _text_of_block(block: object) -> str:
    if not isinstance(block, Mapping):
        return text_of(block)
    if isinstance(block.get("text"), str):
        return clean(block["text"])
    kind = str(block.get("type", "content"))
    return "" if kind in _SHOWN_ELSEWHERE else f"[{kind.removesuffix('_url')}]"
