"""What a model is shown of the past: rendered by the core, without what the model sees anyway."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from langchain_memoryos.recording import report, retry
from memoryos_integrations.errors import MemoryOSError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable

    from langchain_memoryos.recording import OnError
    from memoryos_integrations.user_memory import UserMemory

_END = 4_000  # characters of either end of a question that are searched with
_RUNS = 1_024  # under way at once, each with about 8 kB


def recalled(
    user: UserMemory,
    question: str,
    *,
    max_tokens: int,
    thread_id: str | None = None,
    shown: Collection[str] = (),
    on_error: OnError = "log",
) -> str:
    """Return the memories for a question as one fenced text; empty if there are none.

    A store that fails does not keep the model from answering: the failure is reported by ``on_error``.

    Args:
        user: whose memory.
        question: the last words of the user.
        max_tokens: of the whole text.
        thread_id: the running conversation, whose newest turns then come first.
        shown: ids or texts of messages that the model sees anyway.
        on_error: see ``recording.OnError``.
    """
    retry(user, on_error)
    question = question if len(question) <= 2 * _END else f"{question[:_END]} {question[-_END:]}"
    if max_tokens < 1 or not question.strip():
        return ""
    try:
        return user.context(question, max_tokens=max_tokens, thread_id=thread_id, shown=shown).text
    except MemoryOSError as error:
        report(error, on_error, "Nothing was recalled.")
        return ""


class RunCache:
    """What was recalled for the runs under way, so that a run of many model calls recalls once.

    What is forgotten while a run waits for a human does not come back with it.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, tuple[Hashable, str]] = OrderedDict()
        self._lock = threading.Lock()

    def recalled(
        self, user: UserMemory, thread: str, asked: Hashable, recall: Callable[[], str], on_error: OnError
    ) -> str:
        """Return what was recalled for this conversation and question, or recall it."""
        try:
            key = (asked, user.erasures)
        except MemoryOSError as error:
            report(error, on_error, "Nothing was recalled.")
            return ""
        run = _key(user, thread)
        with self._lock:
            known, text = self._kept.get(run, (None, ""))
        if known == key:
            return text
        text = recall()
        with self._lock:
            self._kept[run] = (key, text)
            if len(self._kept) > _RUNS:
                self._kept.popitem(last=False)
        return text

    def drop(self, user: UserMemory, thread: str) -> None:
        """Forget a run that has ended."""
        with self._lock:
            self._kept.pop(_key(user, thread), None)


def _key(user: UserMemory, thread: str) -> Hashable:
    return (user.user_id, user.agent_id, thread)
