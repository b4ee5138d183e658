"""Convert LlamaIndex's messages to what the store keeps of them, searchable text and the rest, and back."""

from __future__ import annotations

import dataclasses
import json
import re
import warnings
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ContentBlock,
    MessageRole,
    TextBlock,
    ToolCallBlock,
)

from llamaindex_memoryos.shared.json_values import to_json
from memoryos_integrations.checks import MAX_TEXT_BYTES, storable
from memoryos_integrations.errors import InvalidInputError
from memoryos_integrations.language.quoting import INTRODUCTION
from memoryos_integrations.types import Message, Role

METADATA_KEY = "llama_index"
"""The adapter's fields are stored under this key of a message's metadata."""
RESET = "[* * *]"
"""A new conversation begins in the thread."""
INSTRUCTIONS = "[]"
"""A system message."""
MEMORY_CALL = "[…]"
"""A call of a memory tool, or its result."""
NO_ANSWER = "[–]"
"""A query engine found nothing."""
EMPTY = "[ ]"
"""A message without text."""
MARKERS = frozenset({RESET, INSTRUCTIONS, MEMORY_CALL, NO_ANSWER, EMPTY})
"""Texts of messages that nobody wrote. They hold no words, so that they match no search and form no topic."""
MEMORY_TOOLS = frozenset({"search_memory", "remember", "forget", "get_profile"})
"""The tools of ``MemoryOSToolSpec``, whose calls and results are not stored as memories."""
SYSTEM_ROLES = frozenset({MessageRole.SYSTEM, MessageRole.DEVELOPER})
TOOL_ROLES = frozenset({MessageRole.TOOL, MessageRole.FUNCTION})
# A CodeActAgent calls code by text; the results come as messages of the user.
_CODE = re.compile(r"<execute>.*</execute>", re.DOTALL)
_CODE_RESULT = "Result of executing the code given:"
_MAX_DUMP_BYTES = 30_000  # the ledger accepts 64 kB of metadata; the ids of a history need the other half
_DATA_FIELDS = {"image": "image", "audio": "audio", "video": "video", "document": "data"}


@dataclasses.dataclass(frozen=True, slots=True)
class StoredMessage:
    """A chat message as the ledger keeps it; equal for equal content."""

    role: Role
    """``"tool"`` for a message that calls tools, so that a page ends with the answer, not with a call."""
    text: str
    """The searchable text."""
    fields: Mapping[str, Any]
    """The fields under ``METADATA_KEY``; empty for plain text by user or assistant."""


def check_messages(messages: Sequence[ChatMessage], name: str = "messages") -> list[ChatMessage]:
    """Return messages as a new list.

    Raises:
        InvalidInputError: an element is no ``ChatMessage``.
    """
    if not isinstance(messages, list | tuple):
        raise InvalidInputError(f"{name} must be a list of ChatMessage, not {type(messages).__name__}")
    for message in messages:
        if not isinstance(message, ChatMessage):
            raise InvalidInputError(f"{name} must hold ChatMessage objects, not {type(message).__name__}")
    return list(messages)


def to_stored(message: ChatMessage) -> StoredMessage:
    """Return a message as the ledger keeps it; the same for the message that ``from_stored`` returns.

    NUL and lone surrogates become U+FFFD. Data over 30 kB is replaced by a placeholder, and text over 1 MB
    is cut off: both with a warning.
    """
    role, words = _role_and_text(message)
    text = storable(words)
    if len(text.encode()) > MAX_TEXT_BYTES:
        warnings.warn(f"A message of {len(text.encode())} bytes was cut to 1 MB: split it.", stacklevel=2)
        cut = text.encode()[: MAX_TEXT_BYTES - 100].decode(errors="ignore")
        extras = {name: value for name, value in message.additional_kwargs.items() if name != "tool_calls"}
        blocks = [TextBlock(text=cut + "\n[cut here]")]
        return to_stored(message.model_copy(update={"blocks": blocks, "additional_kwargs": extras}))
    plain = message.role.value == role and not message.additional_kwargs
    if plain and len(message.blocks) == 1 and text == storable(text_of(message)):
        return StoredMessage(role, text, {})
    fields: dict[str, Any] = {"system": True} if message.role in SYSTEM_ROLES else {}
    dump = _dump(message, text)
    if _size(dump) <= _MAX_DUMP_BYTES:
        return StoredMessage(role, text, fields | {"message": dump})
    if any(_data_of(block) for block in message.blocks):
        warnings.warn("Data over 30 kB in a message is not stored; a placeholder is.", stacklevel=2)
        return to_stored(message.model_copy(update={"blocks": list(map(_placeholder, message.blocks))}))
    dump = _dump(message, None)
    if len(dump.encode()) <= MAX_TEXT_BYTES:
        return StoredMessage(role, dump, fields | {"in_text": True})
    warnings.warn("Of a message with over 1 MB beside its text, only the text is stored.", stacklevel=2)
    return to_stored(ChatMessage(role=message.role, content=text))


def adapter_fields(message: Message) -> Mapping[str, Any]:
    """Return the adapter's fields of a stored message; empty for messages of other adapters."""
    fields = message.metadata.get(METADATA_KEY)
    return fields if isinstance(fields, dict) else {}


def from_stored(message: Message) -> ChatMessage:
    """Return the chat message of a stored message, as a new object."""
    fields = adapter_fields(message)
    dump = message.text if fields.get("in_text") else fields.get("message")
    if dump is None:
        return ChatMessage(role=message.role, content=message.text)
    data = json.loads(dump)
    blocks = data.setdefault("blocks", [{"block_type": "text", "text": None}])
    for block in blocks:
        if block["block_type"] == "text" and block["text"] is None:
            block["text"] = message.text
    try:
        return ChatMessage.model_validate(data)
    except ValueError as error:  # a missing file, or a block of a newer version
        warnings.warn(
            f"Only the text of a stored message could be read: {type(error).__name__}", stacklevel=2
        )
        return ChatMessage(role=data["role"], content=message.text)


def text_of(message: ChatMessage) -> str:
    """Return the text blocks of a message, joined by line breaks."""
    return "\n".join(block.text for block in message.blocks if isinstance(block, TextBlock))


def _role_and_text(message: ChatMessage) -> tuple[Role, str]:
    """Return the stored role and the searchable text of a message."""
    text = text_of(message)
    if message.role in SYSTEM_ROLES:
        return "tool", INSTRUCTIONS
    kinds = ", ".join(block.block_type for block in message.blocks if not isinstance(block, TextBlock))
    text = text or (f"[{kinds}]" if kinds else EMPTY)
    if message.role is MessageRole.USER:
        return "tool" if text.startswith(_CODE_RESULT) else "user", text
    if message.role not in TOOL_ROLES and calls_of(message):
        parts = [text_of(message), *calls_of(message, leave_out=MEMORY_TOOLS)]
        return "tool", "\n".join(parts).strip() or MEMORY_CALL
    if text == "Empty Response":  # written by query engines that found nothing
        return "tool", NO_ANSWER
    if message.role not in TOOL_ROLES:
        return ("tool", text) if _CODE.search(text) else ("assistant", _final_answer(text))
    return "tool", MEMORY_CALL if text.startswith(INTRODUCTION) else text


def _final_answer(text: str) -> str:
    """Return the answer at the end of a ReAct agent's reasoning; another text as it is."""
    thoughts, _, answer = text.rpartition("\nAnswer:")
    return answer.strip() or text if thoughts.startswith("Thought:") else text


def calls_of(message: ChatMessage, *, leave_out: Collection[str] = ()) -> list[str]:
    """Return the tool calls of a message as text, from its blocks or OpenAI's older ``tool_calls``."""
    blocks = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    if blocks:
        calls = (block for block in blocks if block.tool_name not in leave_out)
        return [f"{block.tool_name} {json.dumps(to_json(block.tool_kwargs))}" for block in calls]
    older = message.additional_kwargs.get("tool_calls") or []
    return [json.dumps(to_json(call)) for call in (older if isinstance(older, list | tuple) else [older])]


def _dump(message: ChatMessage, text: str | None) -> str:
    """Return a message as JSON, without the text block that is stored as the message's text."""
    fields = (to_json(block.model_dump(warnings=False)).items() for block in message.blocks)
    # Some versions of LlamaIndex reject the empty address that they write themselves.
    blocks = [{name: value for name, value in items if value is not None} for items in fields]
    same = next((block for block in blocks if block["block_type"] == "text" and block["text"] == text), None)
    if same is not None:
        same["text"] = None
    # LlamaIndex turns "images" into blocks, and would do so again.
    extras = {name: value for name, value in message.additional_kwargs.items() if name != "images"}
    data = {"role": message.role.value, "additional_kwargs": to_json(extras), "blocks": blocks}
    return json.dumps(data, ensure_ascii=False)


def _size(dump: str) -> int:
    return len(json.dumps(dump, ensure_ascii=False).encode())


def _data_of(block: ContentBlock) -> object:
    return getattr(block, _DATA_FIELDS.get(block.block_type, ""), None)


def _placeholder(block: ContentBlock) -> ContentBlock:
    return TextBlock(text=f"[{block.block_type}: too large to be stored]") if _data_of(block) else block
