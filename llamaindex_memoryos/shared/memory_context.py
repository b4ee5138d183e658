"""The memories that a model is shown, as one text, built once per turn."""

from __future__ import annotations

import time
import warnings
from collections.abc import Collection, Hashable, Iterable
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, TextBlock

from llamaindex_memoryos.events import MemoryRecallEvent, dispatcher
from llamaindex_memoryos.shared.messages import MARKERS, SYSTEM_ROLES, text_of
from llamaindex_memoryos.shared.open_stores import OpenStore
from memoryos_integrations.checks import MAX_K, search_text, storable
from memoryos_integrations.errors import MemoryOSError
from memoryos_integrations.language.quoting import INTRODUCTION
from memoryos_integrations.retrieval.context import build
from memoryos_integrations.tokens import counter_of
from memoryos_integrations.types import Context, MemoryItem
from memoryos_integrations.user_memory import UserMemory

_EMPTY = Context("", 0, (), ())
_CACHED_TURNS = 256


def memory_context(
    store: OpenStore,
    user: UserMemory,
    question: str,
    *,
    max_tokens: int,
    turn: tuple[Hashable, ...],
    shown: Collection[str] = (),
) -> Context:
    """Return the memories for a question, cached for the turn.

    A failing store is a warning, not an error: the turn goes on without memories, and the next call retries.
    ``turn`` is the turn's cache key; ``shown`` are ids or texts of messages that the prompt holds already.
    """
    question = search_text(question)
    if max_tokens < 1 or not question.strip():
        return _EMPTY
    key = (question, max_tokens, user.erasures, user.user_id, user.agent_id, *turn)
    if (cached := store.contexts.get(key)) is not None:
        return cached
    started = time.perf_counter()
    try:
        context = user.context(question, max_tokens=max_tokens, shown=MARKERS.union(shown))
    except MemoryOSError as error:
        warnings.warn(f"The prompt has no memories: {type(error).__name__}: {error}", stacklevel=2)
        return _EMPTY
    store.contexts[key] = context
    while len(store.contexts) > _CACHED_TURNS:
        store.contexts.popitem(last=False)
    seconds = time.perf_counter() - started
    dispatcher.event(MemoryRecallEvent(items=len(context.items), tokens=context.tokens, seconds=seconds))
    return context


def search(user: UserMemory, query: str, *, k: int, **options: Any) -> list[MemoryItem]:
    """Return the ``k`` best memories as ``UserMemory.retrieve`` does, without the adapter's markers."""
    limit = k
    while True:
        items = user.retrieve(storable(query), k=limit, **options).items
        memories = [item for item in items if item.text not in MARKERS]
        if len(memories) >= k or len(items) < limit or limit == MAX_K:
            return memories[:k]
        limit = min(2 * limit, MAX_K)


def without_memory_context(messages: Iterable[ChatMessage]) -> list[ChatMessage]:
    """Return messages without the memories in them, so that those are not stored again."""
    cleaned = []
    for message in messages:
        text = text_of(message)
        if message.role not in SYSTEM_ROLES or INTRODUCTION not in text:
            cleaned.append(message)
        elif rest := text.partition(INTRODUCTION)[0].rstrip():
            cleaned.append(message.model_copy(update={"blocks": [TextBlock(text=rest)]}))
    return cleaned


def shorten_context(store: OpenStore, user: UserMemory, text: str, tokens: int) -> str:
    """Return a memory context shorter by a number of tokens, without its least relevant memories.

    A text that is not in the cache loses its last lines.
    """
    for (question, *_), context in list(store.contexts.items()):
        if context.text == text:
            return _rebuild(context, user, context.tokens - tokens, str(question)).text
    count, lines = counter_of(user.memory.config.token_counter), text.splitlines(keepends=True)
    limit = count(text) - tokens
    while lines and count("".join(lines)) > limit:
        lines.pop()
    return "".join(lines)


def _rebuild(context: Context, user: UserMemory, max_tokens: int, question: str) -> Context:
    """Return a context within another token limit."""
    if max_tokens < 1:
        return _EMPTY
    ranked = [*sorted(context.items, key=lambda item: -item.score), *context.left_out]
    return build(
        recent=(),
        persona=user.persona(),
        facts=[item for item in ranked if item.kind == "fact"],
        messages=[item for item in ranked if item.kind == "message"],
        order={item.id: rank for rank, item in enumerate((*context.items, *context.left_out))},
        max_tokens=max_tokens,
        count=counter_of(user.memory.config.token_counter),
        query=question,
    )
