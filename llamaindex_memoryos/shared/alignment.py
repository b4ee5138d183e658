"""Match LlamaIndex's messages, which have no ids, to stored ones, by content and order."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from llamaindex_memoryos.shared.messages import StoredMessage, adapter_fields, from_stored, to_stored
from memoryos_integrations.types import Message

_OWN_FIELDS = {"history", "hidden"}  # of the conversation, not of a message's content


def stored_form(message: Message) -> StoredMessage:
    """Return a stored message as ``to_stored`` gives it, whichever adapter stored it."""
    fields = {name: value for name, value in adapter_fields(message).items() if name not in _OWN_FIELDS}
    return StoredMessage(message.role, message.text, fields) if fields else to_stored(from_stored(message))


def align(
    messages: Sequence[StoredMessage], stored: Sequence[StoredMessage], start: int = 0
) -> list[int | None]:
    """Return for each message the index of the equal one in ``stored``; ``None`` for a new message.

    Indexes increase. The common prefix is matched first, then the longest common run of the rest, then what
    is before and after that run. Only indexes from ``start`` on are used.
    """
    keys, stored_keys = [_key(form) for form in messages], [_key(form) for form in stored[start:]]
    pairs = enumerate(zip(keys, stored_keys, strict=False))
    prefix = next((index for index, (key, other) in pairs if key != other), min(len(keys), len(stored_keys)))
    indexes: list[int | None] = [*range(start, start + prefix), *[None] * (len(keys) - prefix)]
    # Most histories only grow, so that little is left for this quadratic search.
    matcher = SequenceMatcher(None, keys[prefix:], stored_keys[prefix:], autojunk=False)
    for run in matcher.get_matching_blocks():
        first, index = prefix + run.a, start + prefix + run.b
        indexes[first : first + run.size] = range(index, index + run.size)
    return indexes


def _key(form: StoredMessage) -> tuple[str, ...]:
    return (form.role, form.text, str(form.fields.get("message")))
