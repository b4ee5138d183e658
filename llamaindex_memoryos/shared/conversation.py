"""One conversation as LlamaIndex sees it: its current messages, out of all messages of the thread.

The ledger only grows. ``set`` and ``reset`` change which of its messages form the conversation: the metadata
of a message may list the ids of the messages before it; without a list, it follows all earlier ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from llama_index.core.base.llms.types import ChatMessage

from llamaindex_memoryos.events import MemoryResetEvent, MemoryWriteEvent, dispatcher
from llamaindex_memoryos.shared.alignment import align, stored_form
from llamaindex_memoryos.shared.messages import (
    METADATA_KEY,
    RESET,
    StoredMessage,
    adapter_fields,
    to_stored,
)
from llamaindex_memoryos.shared.open_stores import OpenStore
from memoryos_integrations.types import Message
from memoryos_integrations.user_memory import UserMemory

_FIRST_PAGES, _GROWTH = 64, 4
_MAX_IDS = 700  # of 40 bytes each: half of the metadata limit of a message


class Conversation:
    """The conversation of one thread."""

    def __init__(self, store: OpenStore, user: UserMemory, thread_id: str) -> None:
        self.store, self.user, self.thread_id = store, user, thread_id
        self._key = (user.user_id, user.agent_id, thread_id)

    def messages(self) -> list[Message]:
        """Return the current messages, oldest first."""
        return self._current(self.thread_messages(), complete=True)[0]

    def thread_messages(self) -> list[Message]:
        """Return all messages ever stored in the thread, oldest first."""
        return [message for page in self.user.pages(thread_id=self.thread_id) for message in page.messages]

    def newest_first(self) -> Iterator[Message]:
        """Yield the current messages backwards; of a long conversation only what is consumed is read."""
        limit, oldest = _FIRST_PAGES, None
        while True:
            pages = self.user.pages(thread_id=self.thread_id, limit=limit)
            newest = [message for page in pages for message in page.messages]
            current, complete = self._current(newest, complete=len(pages) < limit)
            indexes = {message.id: index for index, message in enumerate(current)}
            # Messages stored since the last read are left out.
            for message in reversed(current[: len(current) if oldest is None else indexes.get(oldest, 0)]):
                yield message
                oldest = message.id
            if complete:
                return
            limit *= _GROWTH

    def system_messages(self) -> list[Message]:
        """Return the system messages of the conversation, cached in this process."""
        cached = self.store.instructions.get(self._key)
        if cached is None:
            cached = [message for message in self.messages() if adapter_fields(message).get("system")]
            self.store.instructions[self._key] = cached
        return cached

    def append(self, messages: Iterable[ChatMessage]) -> None:
        """Append messages; no message of another thread comes between them.

        Raises:
            StoreError: the ledger could not be written; the messages before the failure are stored.
        """
        forms = [to_stored(message) for message in messages]
        with self.store.write_lock:
            self._append(forms)

    def set(self, messages: Sequence[ChatMessage]) -> None:
        """Replace the current messages.

        A message that the thread already holds, by content and order, is not stored again; one that is left
        out stays in long-term memory. Another process sees a shorter or reordered conversation once its next
        message is stored.
        """
        forms = [to_stored(message) for message in messages]
        if not forms:
            self.reset()
            return
        with self.store.write_lock:
            stored = self.thread_messages()
            current = [stored_form(message) for message in self._current(stored, complete=True)[0]]
            if forms[: len(current)] == current and (current or not stored):
                self._append(forms[len(current) :])
            else:
                self._rearrange(forms, stored)

    def reset(self) -> None:
        """Start an empty conversation, for all processes. Nothing is erased."""
        with self.store.write_lock:
            if self.messages():
                self.store.histories[self._key] = []
                self._append_one(StoredMessage("tool", RESET, {"hidden": True}))
            self.store.instructions.pop(self._key, None)
        dispatcher.event(MemoryResetEvent())

    def _append(self, forms: Sequence[StoredMessage]) -> None:
        for form in forms:
            self._append_one(form)
        if forms:
            dispatcher.event(MemoryWriteEvent(messages=len(forms)))

    def _rearrange(self, forms: Sequence[StoredMessage], stored: Sequence[Message]) -> None:
        """Form the conversation of stored and new messages in any order."""
        ids: list[str] = []
        in_order = False  # whether the order of storage is the wanted one already
        new = 0
        indexes = align(forms, [stored_form(message) for message in stored])
        for form, index in zip(forms, indexes, strict=True):
            if index is not None:
                ids.append(stored[index].id)
            else:
                if not in_order:
                    self.store.histories[self._key] = list(ids)
                ids.append(self._append_one(form))
                new += 1
            in_order = index is None
        if not in_order:
            self.store.histories[self._key] = ids
        self.store.instructions.pop(self._key, None)
        if new:
            dispatcher.event(MemoryWriteEvent(messages=new))

    def _append_one(self, form: StoredMessage) -> str:
        fields: dict[str, Any] = dict(form.fields)
        history = self.store.histories.get(self._key)
        if history is not None:
            fields["history"] = history[-_MAX_IDS:]
        message = self.user.add_message(
            form.text,
            role=form.role,
            thread_id=self.thread_id,
            metadata={METADATA_KEY: fields} if fields else None,
        )
        self.store.histories.pop(self._key, None)
        if fields.get("system"):
            self.store.instructions.pop(self._key, None)
        return message.id

    def _current(self, stored: Sequence[Message], *, complete: bool) -> tuple[list[Message], bool]:
        """Return the current messages among the newest stored ones, and whether these are all.

        ``complete`` tells that ``stored`` holds all messages of the thread.
        """
        history: Sequence[str] | None = self.store.histories.get(self._key)
        later: Sequence[Message] = ()
        if history is None:
            indexes = (i for i in reversed(range(len(stored))) if "history" in adapter_fields(stored[i]))
            start = next(indexes, None)
            if start is None:
                return list(stored), complete
            history, later = adapter_fields(stored[start])["history"], stored[start:]
        by_id = {message.id: message for message in stored}
        earlier: list[Message] = []
        for message_id in reversed(history):
            if message_id in by_id:
                earlier.append(by_id[message_id])
            elif not complete:
                break
            # Otherwise it was forgotten.
        all_read = complete or not history or history[0] in by_id
        visible = (message for message in later if not adapter_fields(message).get("hidden"))
        return [*reversed(earlier), *visible], all_read
