"""Select the newest whole turns of a conversation that fit into a prompt."""

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

from llamaindex_memoryos.shared.conversation import Conversation
from llamaindex_memoryos.shared.messages import TOOL_ROLES, adapter_fields, calls_of, from_stored
from memoryos_integrations.types import Message

_DATA_TOKENS = 256  # an image or audio, as LlamaIndex's Memory assumes
_MESSAGE_TOKENS = 4  # role and separators of a message in OpenAI's chat format

Count = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class Entry:
    """A message of the conversation."""

    id: str
    message: ChatMessage
    tokens: int
    by_user: bool
    """Whether it begins a turn."""


@dataclass(frozen=True, slots=True)
class Window:
    """The end of a conversation, as much as a prompt may hold."""

    instructions: tuple[Entry, ...]
    """All system messages of the conversation."""
    entries: tuple[Entry, ...]
    """The other messages, oldest first; tool calls and results only in pairs."""
    complete: bool
    """Whether it holds the whole conversation."""

    def fit(self, budget: int) -> list[Entry]:
        """Return the newest whole turns within a token budget.

        The newest turn is always included; one over the budget is reduced to the user's message and the last
        messages. A tool call and its results stay together.
        """
        turns = _split_before(self.entries, lambda entry: entry.by_user)
        if self.complete and _tokens(self.entries) <= budget:
            return list(self.entries)
        if turns and not turns[0][0].by_user and len(turns) > 1:
            del turns[0]
        chosen = _shorten_turn(turns.pop(), budget) if turns else []
        while turns and _tokens(turns[-1]) + _tokens(chosen) <= budget:
            chosen = [*turns.pop(), *chosen]
        return chosen


def read_window(conversation: Conversation, budget: int, count: Count) -> Window:
    """Read a conversation backwards until the newest turn is complete and the budget is exceeded.

    System messages do not count towards the budget.
    """
    entries: list[Entry] = []
    instructions: list[Entry] = []
    total, has_turn, complete = 0, False, True
    for stored in conversation.newest_first():
        if total > budget and has_turn:
            complete = False
            break
        entry = _entry(stored, count)
        if adapter_fields(stored).get("system"):
            instructions.append(entry)
            continue
        entries.append(entry)
        total += entry.tokens
        has_turn = has_turn or entry.by_user
    if not complete:
        seen = {entry.id for entry in instructions}
        older = [stored for stored in conversation.system_messages() if stored.id not in seen]
        instructions += [_entry(stored, count) for stored in reversed(older)]
    return Window(tuple(reversed(instructions)), tuple(_paired_calls(entries[::-1])), complete)


def _entry(stored: Message, count: Count) -> Entry:
    message = from_stored(stored)
    return Entry(stored.id, message, tokens_of(message, count), by_user=stored.role == "user")


def tokens_of(message: ChatMessage, count: Count) -> int:
    """Estimate the tokens of a message: text, reasoning and calls are counted, data is a constant."""
    total = _MESSAGE_TOKENS + sum(count(call) for call in calls_of(message))
    for block in message.blocks:
        if isinstance(block, TextBlock):
            total += count(block.text)
        elif isinstance(block, ThinkingBlock):
            total += block.num_tokens or count(block.content or "")
        elif not isinstance(block, ToolCallBlock):
            total += _DATA_TOKENS
    return total


def _tokens(entries: Sequence[Entry]) -> int:
    return sum(entry.tokens for entry in entries)


def _split_before(entries: Sequence[Entry], begins: Callable[[Entry], bool]) -> list[list[Entry]]:
    """Split before each entry that begins a group."""
    groups: list[list[Entry]] = []
    for entry in entries:
        if not groups or begins(entry):
            groups.append([])
        groups[-1].append(entry)
    return groups


def _shorten_turn(turn: Sequence[Entry], budget: int) -> list[Entry]:
    """Return a turn without its middle."""
    head = [entry for entry in turn[:1] if entry.by_user]
    rest = _split_before(turn[len(head) :], lambda entry: entry.message.role not in TOOL_ROLES)
    chosen = rest.pop() if rest else []
    while rest and _tokens(head) + _tokens(rest[-1]) + _tokens(chosen) <= budget:
        chosen = [*rest.pop(), *chosen]
    return [*head, *chosen]


def _paired_calls(entries: Sequence[Entry]) -> Iterator[Entry]:
    """Yield entries without unpaired tool calls and results, which providers reject.

    A call at the end is kept: its result may follow.
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
