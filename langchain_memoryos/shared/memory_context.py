"""The memories that a model is shown, as one text."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable

from langchain_memoryos.shared.pending_writes import OnError, report_error, write_pending
from memoryos_integrations.checks import search_text
from memoryos_integrations.errors import MemoryOSError
from memoryos_integrations.user_memory import UserMemory

_MAX_RUNS = 1_024  # concurrent runs, about 8 kB each
_FAILED = "The model answers without memories."


def memory_context(
    user: UserMemory,
    question: str,
    *,
    max_tokens: int,
    thread_id: str | None = None,
    shown: Collection[str] = (),
    on_error: OnError = "log",
) -> str:
    """Return the memories for a question as one quoted text; empty if there are none.

    A failing store does not keep the model from answering: the error goes to ``on_error``.
    With a ``thread_id``, the newest turns of that conversation come first. ``shown`` are ids or texts of
    messages that the prompt holds already.
    """
    write_pending(user, on_error)
    question = search_text(question)
    if max_tokens < 1 or not question.strip():
        return ""
    try:
        return user.context(question, max_tokens=max_tokens, thread_id=thread_id, shown=shown).text
    except MemoryOSError as error:
        report_error(error, on_error, _FAILED)
        return ""


class ContextCache:
    """The memory contexts of active runs: a run of many model calls searches once.

    An erasure invalidates them, so a run that waits for a human never shows what was forgotten meanwhile.
    """

    def __init__(self) -> None:
        self._contexts: OrderedDict[Hashable, tuple[Hashable, str]] = OrderedDict()
        self._lock = threading.Lock()

    def get_or_build(
        self,
        user: UserMemory,
        thread_id: str,
        question: Hashable,
        build: Callable[[], str],
        on_error: OnError,
    ) -> str:
        """Return the context for a thread's question, built on first use."""
        try:
            key = (question, user.erasures)
        except MemoryOSError as error:
            report_error(error, on_error, _FAILED)
            return ""
        run = _run_key(user, thread_id)
        with self._lock:
            cached_key, text = self._contexts.get(run, (None, ""))
        if cached_key == key:
            return text
        text = build()
        with self._lock:
            self._contexts[run] = (key, text)
            if len(self._contexts) > _MAX_RUNS:
                self._contexts.popitem(last=False)
        return text

    def drop(self, user: UserMemory, thread_id: str) -> None:
        """Remove the context of a run that has ended."""
        with self._lock:
            self._contexts.pop(_run_key(user, thread_id), None)


def _run_key(user: UserMemory, thread_id: str) -> Hashable:
    return (user.user_id, user.agent_id, thread_id)
