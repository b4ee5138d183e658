"""What is recalled for a prompt: rendered by the core, once a turn, without what the model sees anyway."""

from __future__ import annotations

import time
import warnings
from collections.abc import Collection, Hashable, Iterable
from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import ChatMessage, TextBlock

from llamaindex_memoryos.events import MemoryRecallEvent, dispatcher
from llamaindex_memoryos.messages import NOTES, SYSTEM_ROLES, text_of
from llamaindex_memoryos.plain import storable
from memoryos_integrations.checks import MAX_K
from memoryos_integrations.context import INTRODUCTION, build
from memoryos_integrations.errors import MemoryOSError
from memoryos_integrations.tokens import default_counter
from memoryos_integrations.types import Context

if TYPE_CHECKING:
    from llamaindex_memoryos.stores import Store
    from memoryos_integrations.protocols import TokenCounter
    from memoryos_integrations.types import MemoryItem
    from memoryos_integrations.user_memory import UserMemory

_NOTHING = Context("", 0, (), ())
_KEPT_TURNS = 256
_QUESTION = -3  # its place in the key of a recall
_END = 4_000  # characters of either end of a question that are searched with


def recall(
    store: Store,
    user: UserMemory,
    question: str,
    *,
    max_tokens: int,
    turn: tuple[Hashable, ...],
    shown: Collection[str] = (),
) -> Context:
    """Return the memories for a question; the second time in a turn, the same ones without looking.

    A failure is a warning, not an error: the turn goes on without memories, and the next call tries again.

    Args:
        store: the live store.
        user: whose memory.
        question: the user's words.
        max_tokens: of the whole text.
        turn: what stays the same during a turn and differs between turns.
        shown: ids, or texts, of messages that the model sees anyway.
    """
    question = storable(question)
    question = question if len(question) <= 2 * _END else f"{question[:_END]} {question[-_END:]}"
    if max_tokens < 1 or not question.strip():
        return _NOTHING
    key = (user.user_id, user.agent_id, *turn, question, max_tokens, user.erasures)
    if (known := store.recalls.get(key)) is not None:
        return known
    started = time.perf_counter()
    try:
        context = user.context(question, max_tokens=max_tokens, shown=NOTES.union(shown))
    except MemoryOSError as error:
        warnings.warn(f"Nothing was recalled: {type(error).__name__}: {error}", stacklevel=2)
        return _NOTHING
    store.recalls[key] = context
    while len(store.recalls) > _KEPT_TURNS:
        store.recalls.popitem(last=False)
    taken = time.perf_counter() - started
    dispatcher.event(MemoryRecallEvent(items=len(context.items), tokens=context.tokens, seconds=taken))
    return context


def found(user: UserMemory, query: str, *, k: int, **asked: Any) -> list[MemoryItem]:
    """Return what ``UserMemory.retrieve`` finds, but for the adapter's own notes, which nobody said."""
    most = k
    while True:
        items = user.retrieve(storable(query), k=most, **asked).items
        said = [item for item in items if item.text not in NOTES]
        if len(said) >= k or len(items) < most or most == MAX_K:
            return said[:k]
        most = min(2 * most, MAX_K)


def without_recalled(messages: Iterable[ChatMessage]) -> list[ChatMessage]:
    """Return messages without what was recalled for them, so that no memory is stored as a new one."""
    kept = []
    for message in messages:
        text = text_of(message)
        if message.role not in SYSTEM_ROLES or INTRODUCTION not in text:
            kept.append(message)
        elif left := text.partition(INTRODUCTION)[0].rstrip():
            kept.append(message.model_copy(update={"blocks": [TextBlock(text=left)]}))
    return kept


def counter_of(user: UserMemory) -> TokenCounter:
    """Return what the store counts tokens with."""
    return user.memory.config.token_counter or default_counter()


def shortened(store: Store, user: UserMemory, text: str, tokens: int) -> str:
    """Return a recalled text that is shorter by a number of tokens: the least of it is left out.

    A text that was not recalled here loses its last lines.
    """
    recalls = list(store.recalls.items())
    question, context = next(
        ((key[_QUESTION], known) for key, known in recalls if known.text == text), ("", None)
    )
    if context is not None:
        return _rebuilt(context, user, context.tokens - tokens, str(question)).text
    count, lines = counter_of(user), text.splitlines(keepends=True)
    most = count(text) - tokens
    while lines and count("".join(lines)) > most:
        lines.pop()
    return "".join(lines)


def _rebuilt(context: Context, user: UserMemory, max_tokens: int, question: str) -> Context:
    """Return a context within another number of tokens."""
    if max_tokens < 1:
        return _NOTHING
    ranked = [*sorted(context.items, key=lambda item: -item.score), *context.left_out]
    return build(
        recent=(),
        persona=user.persona(),
        facts=[item for item in ranked if item.kind == "fact"],
        messages=[item for item in ranked if item.kind == "message"],
        order={item.id: place for place, item in enumerate((*context.items, *context.left_out))},
        max_tokens=max_tokens,
        count=counter_of(user),
        query=question,
    )
