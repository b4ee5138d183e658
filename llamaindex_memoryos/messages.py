"""A chat message as the ledger keeps it, and back: words for recall, all the rest beside them."""

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

from llamaindex_memoryos.plain import plain, storable
from memoryos_integrations.checks import MAX_TEXT_BYTES
from memoryos_integrations.errors import InvalidInputError
from memoryos_integrations.language.quoting import INTRODUCTION
from memoryos_integrations.types import Message, Role

KEY = "llama_index"
"""What the adapter keeps of a message stands under this key of its metadata."""
RESET = "[* * *]"
"""A new conversation begins in the thread."""
INSTRUCTIONS = "[]"
"""A system message."""
RECALLED = "[…]"
"""What was asked of memory, or told by it."""
NO_ANSWER = "[–]"
"""An engine found nothing to answer with."""
EMPTY = "[ ]"
"""No text at all."""
NOTES = frozenset({RESET, INSTRUCTIONS, RECALLED, NO_ANSWER, EMPTY})
"""Texts for what nobody said. Without words, so that no search finds them and no topic comes of them."""
MEMORY_TOOLS = frozenset({"search_memory", "remember", "forget", "get_profile"})
"""The tools of ``MemoryOSToolSpec``: what is asked of them, or told by them, is no new memory."""
SYSTEM_ROLES = frozenset({MessageRole.SYSTEM, MessageRole.DEVELOPER})
TOOL_ROLES = frozenset({MessageRole.TOOL, MessageRole.FUNCTION})
# A CodeActAgent's calls are text, and their results are said in the user's name.
_CODE = re.compile(r"<execute>.*</execute>", re.DOTALL)
_CODE_RAN = "Result of executing the code given:"
_ROOM = 30_000  # bytes; the ledger takes 64 kB of metadata, and a history's ids need the other half
_DATA_FIELDS = {"image": "image", "audio": "audio", "video": "video", "document": "data"}


@dataclasses.dataclass(frozen=True, slots=True)
class Stored:
    """A chat message in the ledger's terms. Two messages that say the same are equal."""

    role: Role
    """Calls of tools count as the tools' part, so that a page ends with the answer, not with a call."""
    text: str
    """What is searched and recalled."""
    fields: Mapping[str, Any]
    """What stands under ``KEY``: empty for plain text by user or assistant."""


def checked(messages: Sequence[ChatMessage], name: str = "messages") -> list[ChatMessage]:
    """Return messages as a list of their own.

    Raises:
        InvalidInputError: one of them is no message.
    """
    if not isinstance(messages, list | tuple):
        raise InvalidInputError(f"{name} must be a list of ChatMessage, not {type(messages).__name__}")
    for message in messages:
        if not isinstance(message, ChatMessage):
            raise InvalidInputError(f"{name} must hold ChatMessage objects, not {type(message).__name__}")
    return list(messages)


def stored(message: ChatMessage) -> Stored:
    """Return what the ledger keeps of a message; the same again for what ``restored`` makes of that.

    NUL and lone surrogates, which no store holds and no provider takes, become U+FFFD. Data over 30 kB leaves
    a note in its place, and text over 1 MB is cut: both with a warning.
    """
    role, words = _spoken(message)
    text = storable(words)
    if len(text.encode()) > MAX_TEXT_BYTES:
        warnings.warn(f"A message of {len(text.encode())} bytes was cut to 1 MB: split it.", stacklevel=2)
        cut = text.encode()[: MAX_TEXT_BYTES - 100].decode(errors="ignore")
        kept = {name: value for name, value in message.additional_kwargs.items() if name != "tool_calls"}
        blocks = [TextBlock(text=cut + "\n[cut here]")]
        return stored(message.model_copy(update={"blocks": blocks, "additional_kwargs": kept}))
    plain = message.role.value == role and not message.additional_kwargs
    if plain and len(message.blocks) == 1 and text == storable(text_of(message)):
        return Stored(role, text, {})
    fields: dict[str, Any] = {"system": True} if message.role in SYSTEM_ROLES else {}
    dump = _dump(message, text)
    if _size(dump) <= _ROOM:
        return Stored(role, text, fields | {"message": dump})
    if any(_data_of(block) for block in message.blocks):
        warnings.warn("Data over 30 kB in a message is not stored: a note stands in its place.", stacklevel=2)
        return stored(message.model_copy(update={"blocks": [_noted(block) for block in message.blocks]}))
    dump = _dump(message, None)
    if len(dump.encode()) <= MAX_TEXT_BYTES:
        return Stored(role, dump, fields | {"in_text": True})
    warnings.warn("What goes with a message's text is over 1 MB and is not stored.", stacklevel=2)
    return stored(ChatMessage(role=message.role, content=text))


def fields_of(message: Message) -> Mapping[str, Any]:
    """Return what the adapter wrote beside a message; empty for messages of other front ends."""
    fields = message.metadata.get(KEY)
    return fields if isinstance(fields, dict) else {}


def restored(message: Message) -> ChatMessage:
    """Return the chat message that was stored, as a new object."""
    fields = fields_of(message)
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
    except ValueError as error:  # a file that is gone, or a block of a newer version
        warnings.warn(
            f"Only the text of a stored message could be read: {type(error).__name__}", stacklevel=2
        )
        return ChatMessage(role=data["role"], content=message.text)


def text_of(message: ChatMessage) -> str:
    """Return the words of a message, without anything else in it."""
    return "\n".join(block.text for block in message.blocks if isinstance(block, TextBlock))


def _spoken(message: ChatMessage) -> tuple[Role, str]:
    """Return who speaks and what is searched."""
    words = text_of(message)
    if message.role in SYSTEM_ROLES:
        return "tool", INSTRUCTIONS
    kinds = ", ".join(block.block_type for block in message.blocks if not isinstance(block, TextBlock))
    words = words or (f"[{kinds}]" if kinds else EMPTY)
    if message.role is MessageRole.USER:
        return "tool" if words.startswith(_CODE_RAN) else "user", words
    if message.role not in TOOL_ROLES and calls_of(message):
        said = "\n".join([text_of(message), *calls_of(message, leave_out=MEMORY_TOOLS)]).strip()
        return "tool", said or RECALLED
    if words == "Empty Response":  # what engines write when they found nothing: no one's words
        return "tool", NO_ANSWER
    if message.role not in TOOL_ROLES:
        return ("tool", words) if _CODE.search(words) else ("assistant", _answer_in(words))
    return "tool", RECALLED if words.startswith(INTRODUCTION) else words


def _answer_in(words: str) -> str:
    """Return the answer at the end of a ReAct agent's reasoning, or the words as they are."""
    thoughts, _, answer = words.rpartition("\nAnswer:")
    return answer.strip() or words if thoughts.startswith("Thought:") else words


def calls_of(message: ChatMessage, *, leave_out: Collection[str] = ()) -> list[str]:
    """Return the calls of tools that a message asks for, in blocks or the older way of OpenAI's, as text."""
    blocks = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    if blocks:
        asked = (block for block in blocks if block.tool_name not in leave_out)
        return [f"{block.tool_name} {json.dumps(plain(block.tool_kwargs))}" for block in asked]
    older = message.additional_kwargs.get("tool_calls") or []
    return [json.dumps(plain(call)) for call in (older if isinstance(older, list | tuple) else [older])]


def _dump(message: ChatMessage, text: str | None) -> str:
    """Return a message as JSON, without the text block whose text the ledger has already."""
    fields = (plain(block.model_dump(warnings=False)).items() for block in message.blocks)
    # Some versions of LlamaIndex do not take back the empty address that they gave out.
    blocks = [{name: value for name, value in items if value is not None} for items in fields]
    same = next((block for block in blocks if block["block_type"] == "text" and block["text"] == text), None)
    if same is not None:
        same["text"] = None
    # LlamaIndex has made blocks of "images" already and would make them again.
    others = {name: value for name, value in message.additional_kwargs.items() if name != "images"}
    whole = {"role": message.role.value, "additional_kwargs": plain(others), "blocks": blocks}
    return json.dumps(whole, ensure_ascii=False)


def _size(dump: str) -> int:
    return len(json.dumps(dump, ensure_ascii=False).encode())


def _data_of(block: ContentBlock) -> object:
    return getattr(block, _DATA_FIELDS.get(block.block_type, ""), None)


def _noted(block: ContentBlock) -> ContentBlock:
    return TextBlock(text=f"[{block.block_type}: too large to be stored]") if _data_of(block) else block
