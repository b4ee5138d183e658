"""Convert LangChain's messages to what the store keeps of them, and back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from langchain_core.messages import AIMessage, BaseMessage, ChatMessage, HumanMessage, ToolMessage

from langchain_memoryos.shared.messages import SOURCE, is_typed, text_of, without_chunk_type
from langchain_memoryos.shared.pending_writes import NewMessage
from memoryos_integrations.checks import storable
from memoryos_integrations.storage import ids
from memoryos_integrations.types import Message

_TYPE = "langchain"  # the metadata field with the type of a message that is not plain text


def split_turns(messages: Sequence[BaseMessage]) -> Iterator[list[BaseMessage]]:
    """Yield messages by turns, each begun by a message that the user typed."""
    turn: list[BaseMessage] = []
    for message in map(without_chunk_type, messages):
        if turn and is_typed(message):
            yield turn
            turn = []
        turn.append(message)
    if turn:
        yield turn


def event_id_of(message: BaseMessage, thread_id: str) -> str:
    """Return the event id of a message: equal for the same message, another one for an edited message."""
    if not message.id:
        return ids.new_id()
    return ids.id_from("langchain", thread_id, message.id, message.type, text_of(message))


def to_stored(message: BaseMessage, thread_id: str) -> NewMessage:
    """Return a message as the store takes it."""
    event_id, text, name = event_id_of(message, thread_id), text_of(message), _name_of(message)
    if isinstance(message, AIMessage) and message.tool_calls:
        # An assistant's message would close the page before the answer has come.
        calls = [{key: call[key] for key in ("name", "args", "id")} for call in message.tool_calls]
        dump = storable(json.dumps({"text": text, "tool_calls": calls}, ensure_ascii=False, default=str))
        return NewMessage("tool", dump, event_id, name, {_TYPE: "tool_calls"})
    if isinstance(message, ToolMessage):
        metadata = {_TYPE: "tool", "tool_call_id": storable(message.tool_call_id)}
        return NewMessage("tool", text or "(nothing)", event_id, name, metadata)
    if is_typed(message):
        return NewMessage("user", text, event_id, name)
    if isinstance(message, AIMessage):
        return NewMessage("assistant", text, event_id, name)
    role = message.role if isinstance(message, ChatMessage) else message.type
    return NewMessage("tool", text, event_id, name or role, {_TYPE: "other"})


def from_stored(message: Message) -> BaseMessage:
    """Return a stored message as LangChain's. Its type comes from the store's fields, never from its text."""
    stored_type = message.metadata.get(_TYPE)
    if message.role == "user":
        return HumanMessage(content=message.text, id=message.id, name=message.name)
    if message.role == "assistant":
        return AIMessage(content=message.text, id=message.id, name=message.name)
    if stored_type == "tool_calls":
        dump = json.loads(message.text)
        return AIMessage(content=dump["text"], tool_calls=dump["tool_calls"], id=message.id)
    if stored_type == "tool":
        call_id = message.metadata["tool_call_id"]
        return ToolMessage(content=message.text, tool_call_id=call_id, id=message.id, name=message.name)
    source = {SOURCE: message.name or "tool"}
    return HumanMessage(content=message.text, id=message.id, additional_kwargs=source)


def _name_of(message: BaseMessage) -> str | None:
    """Return the name of a message, ``None`` if the store cannot keep it."""
    name = storable(message.name or "")[:256]
    return name if name and name.isprintable() else None
