"""Which of the turns that answer a question came back, and how much of each is shown.

Message level    recall@k of a question: found gold ids / its gold ids, among the k best messages.
Session level    the sessions are ranked by their best message; recall@k: sessions of gold turns among the k
                 best / sessions of gold turns. Public figures are mostly these, and higher.
Within N tokens  the same share of gold ids among the items of ``context(question, max_tokens=N)``. A message
that
                 is shown as an excerpt counts, strictly, where at least 60 % of its words are shown, or the
                 part that answers where the set says which; leniently, always.
Facts            the share of gold ids that a statement or fact in the context was drawn from.

A set's figure is the mean over its questions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from benchmarks.sets import DataSet, Question, Turn

SHOWN = 0.6
"""Share of a message's words that an excerpt must show."""
_WORDS_OF_ANOTHER = 0.2


def recall(gold: Collection[str], found: Iterable[str]) -> float:
    """Return the share of gold ids that were found."""
    return len(set(gold) & set(found)) / len(set(gold))


def sessions(
    content: DataSet, turns: Sequence[Turn], question: Question, ranked: Iterable[str]
) -> list[float]:
    """Return the recall of sessions among the best 5 and the best 10.

    Args:
        content: the set.
        turns: of the conversation.
        question: whose gold turns are looked for.
        ranked: the session of each message, best message first.
    """
    gold = {turn.session for turn in turns if content.gold_id(turn) in question.gold}
    best = list(dict.fromkeys(ranked))
    return [recall(gold, best[:k]) for k in (5, 10)]


def share_shown(text: str, shown: str) -> float:
    """Return the share of a message's words that a context shows.

    Whole, it stands there word by word. Otherwise its excerpt is the block of lines that shares most words
    with it and has few of others: the speaker's name and marks of what was left out.

    Args:
        text: the message.
        shown: ``Context.text``.

    Example:
        >>> share_shown("one two three four", " Ann: one two … four")
        0.75
    """
    words = text.split()
    if f" {' '.join(words)} " in f" {' '.join(shown.split())} ":
        return 1.0
    wanted, best = Counter(words), 0
    for block in blocks(shown):
        held = Counter(block.split())
        common = (held & wanted).total()
        if held.total() - common <= 3 + _WORDS_OF_ANOTHER * held.total():
            best = max(best, common)
    return best / max(1, len(words))


def blocks(shown: str) -> list[str]:
    """Return the messages of a context: each begins a line by one blank, its further lines begin by three."""
    found: list[str] = []
    for line in shown.splitlines():
        if line.startswith("   ") and found:
            found[-1] += f"\n{line}"
        elif line.startswith(" "):
            found.append(line)
    return found


def strictly_shown(question: Question, items: Iterable[Any], shown: str) -> set[str]:
    """Return the gold ids that are shown well enough to answer from."""
    if question.part is not None:
        part = " ".join(question.part.split())
        return set(question.gold) if part in " ".join(shown.split()) else set()
    gold = [item for item in items if item.metadata["gold"] in question.gold]
    return {item.metadata["gold"] for item in gold if share_shown(item.text, shown) >= SHOWN}


def drawn_from(items: Iterable[Any], pages: Mapping[str, Any]) -> set[str]:
    """Return the gold ids of the messages that the facts and statements among items were drawn from.

    That is the message that holds its words; where none does, as with a model's facts, all messages of its
    pages.

    Args:
        items: of a context.
        pages: the user's pages by id.
    """
    found = set()
    for item in items:
        sources = [
            message for page in item.source_page_ids if page in pages for message in pages[page].messages
        ]
        holding = [message for message in sources if item.text in message.text]
        found |= {message.metadata["gold"] for message in holding or sources}
    return found
