"""One conversation as LlamaIndex sees it: the messages that are in it now, out of all that were ever said.

The ledger only grows. What ``set`` and ``reset`` change is which of its messages the conversation shows: a
message may say, in its metadata, which earlier ones it follows; without that, it follows all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from llama_index.core.base.llms.types import ChatMessage

from llamaindex_memoryos.events import MemoryResetEvent, MemoryWriteEvent, dispatcher
from llamaindex_memoryos.matching import align, form_of
from llamaindex_memoryos.messages import KEY, RESET, Stored, fields_of, stored
from llamaindex_memoryos.stores import Store
from memoryos_integrations.types import Message
from memoryos_integrations.user_memory import UserMemory

_FIRST_PAGES, _MORE = 64, 4
_MOST_IDS = 700  # of 40 bytes each: half of the metadata that a message may have


class History:
    """The messages of one thread.

    Args:
        store: the live store.
        user: whose conversation.
        thread_id: which conversation.
    """

    def __init__(self, store: Store, user: UserMemory, thread_id: str) -> None:
        self.store, self.user, self.thread_id = store, user, thread_id
        self._key = (user.user_id, user.agent_id, thread_id)

    def all(self) -> list[Message]:
        """Return the conversation, oldest first."""
        return self._shown(self.said(), whole=True)[0]

    def said(self) -> list[Message]:
        """Return everything that was ever said in the thread, oldest first."""
        return [message for page in self.user.pages(thread_id=self.thread_id) for message in page.messages]

    def newest_first(self) -> Iterator[Message]:
        """Yield the conversation backwards, reading no more of a long one than is asked for."""
        limit, oldest = _FIRST_PAGES, None
        while True:
            pages = self.user.pages(thread_id=self.thread_id, limit=limit)
            said = [message for page in pages for message in page.messages]
            shown, complete = self._shown(said, whole=len(pages) < limit)
            places = {message.id: place for place, message in enumerate(shown)}
            # What was said since the last look is left to the next call.
            for message in reversed(shown[: len(shown) if oldest is None else places.get(oldest, 0)]):
                yield message
                oldest = message.id
            if complete:
                return
            limit *= _MORE

    def instructions(self) -> list[Message]:
        """Return the system messages of the conversation, read once in this process."""
        known = self.store.instructions.get(self._key)
        if known is None:
            known = [message for message in self.all() if fields_of(message).get("system")]
            self.store.instructions[self._key] = known
        return known

    def append(self, messages: Iterable[ChatMessage]) -> None:
        """Store messages at the end of the conversation; no other thread's message comes between them.

        Raises:
            StoreError: the ledger could not be written; what came before the failure is stored.
        """
        forms = [stored(message) for message in messages]
        with self.store.writing:
            self._append(forms)

    def set(self, messages: Sequence[ChatMessage]) -> None:
        """Make these messages the conversation.

        What the thread holds already, by content and order, is not stored again; what is left out stays in
        long-term memory. Other processes see a shorter or reordered conversation with its next message.
        """
        wanted = [stored(message) for message in messages]
        if not wanted:
            self.reset()
            return
        with self.store.writing:
            said = self.said()
            current = [form_of(message) for message in self._shown(said, whole=True)[0]]
            if wanted[: len(current)] == current and (current or not said):
                self._append(wanted[len(current) :])
            else:
                self._compose(wanted, said)

    def reset(self) -> None:
        """Begin anew, for every process. Nothing is erased."""
        with self.store.writing:
            if self.all():
                self.store.histories[self._key] = []
                self._store_next(Stored("tool", RESET, {"hidden": True}))
            self.store.instructions.pop(self._key, None)
        dispatcher.event(MemoryResetEvent())

    def _append(self, forms: Sequence[Stored]) -> None:
        for form in forms:
            self._store_next(form)
        if forms:
            dispatcher.event(MemoryWriteEvent(messages=len(forms)))

    def _compose(self, wanted: Sequence[Stored], said: Sequence[Message]) -> None:
        """Make a conversation of messages that are there and new ones, in any order."""
        ids: list[str] = []
        follows = False  # whether the messages as they are stored give this order already
        new = 0
        for form, place in zip(wanted, align(wanted, [form_of(message) for message in said]), strict=True):
            if place is not None:
                ids.append(said[place].id)
            else:
                if not follows:
                    self.store.histories[self._key] = list(ids)
                ids.append(self._store_next(form))
                new += 1
            follows = place is None
        if not follows:
            self.store.histories[self._key] = ids
        self.store.instructions.pop(self._key, None)
        if new:
            dispatcher.event(MemoryWriteEvent(messages=new))

    def _store_next(self, form: Stored) -> str:
        fields: dict[str, Any] = dict(form.fields)
        follows = self.store.histories.get(self._key)
        if follows is not None:
            fields["history"] = follows[-_MOST_IDS:]
        message = self.user.add_message(
            form.text, role=form.role, thread_id=self.thread_id, metadata={KEY: fields} if fields else None
        )
        self.store.histories.pop(self._key, None)
        if fields.get("system"):
            self.store.instructions.pop(self._key, None)
        return message.id

    def _shown(self, said: Sequence[Message], *, whole: bool) -> tuple[list[Message], bool]:
        """Return the end of the conversation that these messages tell, and whether that is all of it.

        Args:
            said: what was said in the thread, oldest first; its end, if not ``whole``.
            whole: whether nothing was said before.
        """
        follows: Sequence[str] | None = self.store.histories.get(self._key)
        tail: Sequence[Message] = ()
        if follows is None:
            starts = (place for place in reversed(range(len(said))) if "history" in fields_of(said[place]))
            start = next(starts, None)
            if start is None:
                return list(said), whole
            follows, tail = fields_of(said[start])["history"], said[start:]
        at_hand = {message.id: message for message in said}
        before: list[Message] = []
        for item in reversed(follows):
            if item in at_hand:
                before.append(at_hand[item])
            elif not whole:
                break
            # Otherwise it was forgotten.
        complete = whole or not follows or follows[0] in at_hand
        return [*reversed(before), *(one for one in tail if not fields_of(one).get("hidden"))], complete
