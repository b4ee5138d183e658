"""What prompts are made of, and what of a reply may be stored."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from memoryos_integrations.errors import LLMBadOutput
from memoryos_integrations.language.dates import minute
from memoryos_integrations.language.quoting import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from memoryos_integrations.protocols import TokenCounter
    from memoryos_integrations.types import Message, Page

_SPEAKERS = {"user": "User", "assistant": "Assistant", "tool": "Tool"}
_CHARACTERS_A_TOKEN = 8  # more than texts have: what cannot fit anyway is not even counted
_KEYWORD_CHARACTERS = 60
_DECLINED = re.compile(
    r"(i['’]?m |i am )?(very |so |terribly )?sorry\b|i apologi[sz]e|as an ai\b|error\s*[:(\d]|traceback\b"
    r"|i (can ?not|can['’]t|could not|couldn['’]t|won['’]t|will not|am (not able|unable))\b"
    r"|i['’]m (not able|unable)\b"
    r"|desculpe|lo siento|désolée?\b|je suis désolée?\b|es tut mir leid|(很|非常)?抱歉|对不起|我(无法|不能)"
    r"|申し訳|죄송",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Labelled:
    """Items of a prompt under short labels: ``p1``, ``p2`` and so on for the letter p."""

    letter: str
    ids: Sequence[str]

    def label(self, item_id: str) -> str:
        """Return the label of an item."""
        return f"{self.letter}{self.ids.index(item_id) + 1}"

    def find(self, label: str | None) -> str | None:
        """Return the id that a model cites by its label, ``None`` if there is no such item."""
        cited = re.fullmatch(rf"\W*{self.letter}(\d{{1,6}})\W*", label or "", re.IGNORECASE | re.ASCII)
        number = int(cited[1]) if cited else 0
        return self.ids[number - 1] if 0 < number <= len(self.ids) else None

    def find_all(self, labels: Iterable[str]) -> list[str]:
        """Return the ids that are cited, each once, in the order of the items."""
        cited = {self.find(label) for label in labels}
        return [item for item in self.ids if item in cited]


def page_lines(page: Page, heading: str, limit: int, count: TokenCounter) -> list[str]:
    """Return a page as it is shown to a model that reads it: its heading, then a line for each message.

    Long messages are shortened, so that the lines have about ``limit`` tokens at most.
    """
    lines, left = [f"{heading}, {minute(page.at)}"], limit
    for number, message in enumerate(page.messages):
        # What a short message leaves of its share is for those after it.
        line = _message_line(message, left // (len(page.messages) - number), count)
        left -= count(line)
        lines.append(line)
    return lines


def _message_line(message: Message, limit: int, count: TokenCounter) -> str:
    name = message.name or _SPEAKERS.get(message.role, "Someone")
    return f" {one_line(name).replace(':', ' ')}: {shortened(message.text, limit, count)}"


def shortened(text: str, limit: int, count: TokenCounter) -> str:
    """Return a text on one line, cut where it has more than about ``limit`` tokens."""
    limit = max(limit, 1)
    most = limit * _CHARACTERS_A_TOKEN
    kept = one_line(text[:most])
    whole = len(text) <= most
    while kept and (tokens := count(kept)) > limit:
        kept, whole = kept[: len(kept) * limit // (tokens + 1)], False
    return kept if whole else kept + " …"


def told(text: str, most: int) -> str:
    """Return what a model said, as it may be stored: one line of at most ``most`` characters.

    Raises:
        LLMBadOutput: it is no statement but a refusal or a message of an error.
    """
    line = _plain(text, most)
    if _DECLINED.match(line):
        raise LLMBadOutput("A text in it is an excuse or an error, not what was asked for.")
    return line


def _plain(text: str, most: int) -> str:
    visible = (" " if unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") else sign for sign in text)
    line = one_line("".join(visible))
    return line if len(line) <= most else line[: most - 1] + "…"


def keywords(words: Iterable[str], most: int) -> tuple[str, ...]:
    """Return keywords that a model chose, as they may be stored, each once."""
    chosen: dict[str, str] = {}
    for word in words:
        if line := _plain(word, _KEYWORD_CHARACTERS):
            chosen.setdefault(line.casefold(), line)
    return tuple(chosen.values())[:most]


def first_that_fit(pages: Sequence[Page], limit: int, cost: Callable[[Page], int]) -> list[Page]:
    """Return as many of the first pages as may cost ``limit`` tokens together, one at least."""
    taken: list[Page] = []
    left = limit
    for page in pages:
        left -= cost(page)
        if taken and left < 0:
            break
        taken.append(page)
    return taken
