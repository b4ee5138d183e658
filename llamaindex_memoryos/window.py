"""The part of a conversation that fits into a prompt: whole turns, newest first, begun by the user."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from llama_index.core.base.llms.types import (
    ChatMessage,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)

from llamaindex_memoryos.history import History
from llamaindex_memoryos.messages import TOOL_ROLES, calls_of, fields_of, restored
from memoryos_integrations.types import Message

_NOT_TEXT_TOKENS = 256  # an image, a sound: what LlamaIndex's own Memory assumes
_FRAME_TOKENS = 4  # role and separators of one message in OpenAI's chat format

Count = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class Entry:
    """A message of the conversation."""

    id: str
    message: ChatMessage
    tokens: int
    by_user: bool
    """Whether a turn begins here."""


@dataclass(frozen=True, slots=True)
class Window:
    """The end of a conversation, read as far as a prompt may need it."""

    instructions: tuple[Entry, ...]
    """Its system messages, wherever they stand."""
    entries: tuple[Entry, ...]
    """The others, oldest first; of tools' calls and results those that belong together."""
    complete: bool
    """Whether it begins where the conversation does."""

    def fit(self, budget: int) -> list[Entry]:
        """Return the newest whole turns within a number of tokens.

        The newest turn is there in any case: if it is too long by itself, the user's message and what was
        said last. A call of a tool and its results stay together.
        """
        turns = _groups(self.entries, lambda entry: entry.by_user)
        if self.complete and _cost(self.entries) <= budget:
            return list(self.entries)
        if turns and not turns[0][0].by_user and len(turns) > 1:
            del turns[0]
        chosen = _shortened(turns.pop(), budget) if turns else []
        while turns and _cost(turns[-1]) + _cost(chosen) <= budget:
            chosen = [*turns.pop(), *chosen]
        return chosen


def window(history: History, budget: int, count: Count) -> Window:
    """Read a conversation from its end until it is over a number of tokens, and to the newest turn's start.

    Args:
        history: the conversation.
        budget: tokens of everything but the system messages.
        count: counts tokens.
    """
    entries: list[Entry] = []
    instructions: list[Entry] = []
    total, begun, complete = 0, False, True
    for stored in history.newest_first():
        if total > budget and begun:
            complete = False
            break
        entry = _entry(stored, count)
        if fields_of(stored).get("system"):
            instructions.append(entry)
            continue
        entries.append(entry)
        total += entry.tokens
        begun = begun or entry.by_user
    if not complete:
        seen = {entry.id for entry in instructions}
        older = [stored for stored in history.instructions() if stored.id not in seen]
        instructions += [_entry(stored, count) for stored in reversed(older)]
    return Window(tuple(reversed(instructions)), tuple(_answered(entries[::-1])), complete)


def _entry(stored: Message, count: Count) -> Entry:
    message = restored(stored)
    return Entry(stored.id, message, tokens_of(message, count), by_user=stored.role == "user")


def tokens_of(message: ChatMessage, count: Count) -> int:
    """Return about what a message costs: text, thoughts and calls are counted, data is assumed."""
    total = _FRAME_TOKENS + sum(count(call) for call in calls_of(message))
    for block in message.blocks:
        if isinstance(block, TextBlock):
            total += count(block.text)
        elif isinstance(block, ThinkingBlock):
            total += block.num_tokens or count(block.content or "")
        elif not isinstance(block, ToolCallBlock):
            total += _NOT_TEXT_TOKENS
    return total


def _cost(entries: Sequence[Entry]) -> int:
    return sum(entry.tokens for entry in entries)


def _groups(entries: Sequence[Entry], begins: Callable[[Entry], bool]) -> list[list[Entry]]:
    """Cut before each entry that begins a group."""
    groups: list[list[Entry]] = []
    for entry in entries:
        if not groups or begins(entry):
            groups.append([])
        groups[-1].append(entry)
    return groups


def _shortened(turn: Sequence[Entry], budget: int) -> list[Entry]:
    """Leave out the middle of a turn that is too long."""
    head = [entry for entry in turn[:1] if entry.by_user]
    rest = _groups(turn[len(head) :], lambda entry: entry.message.role not in TOOL_ROLES)
    chosen = rest.pop() if rest else []
    while rest and _cost(head) + _cost(rest[-1]) + _cost(chosen) <= budget:
        chosen = [*rest.pop(), *chosen]
    return [*head, *chosen]


def _answered(entries: Sequence[Entry]) -> Iterator[Entry]:
    """Yield what a provider accepts: no tool's result without its call, no call without a result.

    A call at the very end may still be answered.
    """
    pending = False
    for entry, following in pairwise((*entries, None)):
        if entry is None:
            return
        if entry.message.role in TOOL_ROLES:
            if pending:
                yield entry
            continue
        pending = bool(calls_of(entry.message))
        if not pending or following is None or following.message.role in TOOL_ROLES:
            yield entry
