"""Building blocks of prompts, and cleaning of texts in replies."""

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
_CHARACTERS_A_TOKEN = 8  # an upper bound, to cut before counting
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
    """Items of a prompt under short labels, such as ``p1`` and ``p2`` for the letter p."""

    letter: str
    ids: Sequence[str]

    def label(self, item_id: str) -> str:
        """Return the label of an item."""
        return f"{self.letter}{self.ids.index(item_id) + 1}"

    def find(self, label: str | None) -> str | None:
        """Return the id for a cited label; ``None`` if there is no such item."""
        cited = re.fullmatch(rf"\W*{self.letter}(\d{{1,6}})\W*", label or "", re.IGNORECASE | re.ASCII)
        number = int(cited[1]) if cited else 0
        return self.ids[number - 1] if 0 < number <= len(self.ids) else None

    def find_all(self, labels: Iterable[str]) -> list[str]:
        """Return the cited ids, each once, in the order of the items."""
        cited = {self.find(label) for label in labels}
        return [item for item in self.ids if item in cited]


def page_lines(page: Page, heading: str, limit: int, count: TokenCounter) -> list[str]:
    """Render a page for a prompt: its heading, then one line per message.

    Long messages are shortened to about ``limit`` tokens in total.
    """
    lines, left = [f"{heading}, {minute(page.at)}"], limit
    for number, message in enumerate(page.messages):
        # later messages get what a short one leaves of its share
        line = _message_line(message, left // (len(page.messages) - number), count)
        left -= count(line)
        lines.append(line)
    return lines


def _message_line(message: Message, limit: int, count: TokenCounter) -> str:
    name = message.name or _SPEAKERS.get(message.role, "Someone")
    return f" {one_line(name).replace(':', ' ')}: {shortened(message.text, limit, count)}"


def shortened(text: str, limit: int, count: TokenCounter) -> str:
    """Return a text as one line, cut after about ``limit`` tokens."""
    limit = max(limit, 1)
    size = limit * _CHARACTERS_A_TOKEN
    kept = one_line(text[:size])
    whole = len(text) <= size
    while kept and (tokens := count(kept)) > limit:
        kept, whole = kept[: len(kept) * limit // (tokens + 1)], False
    return kept if whole else kept + " …"


def checked_statement(text: str, limit: int) -> str:
    """Return a model's statement ready for storage: one line of at most ``limit`` characters.

    Raises:
        LLMBadOutput: it is a refusal or an error message.
    """
    line = _one_visible_line(text, limit)
    if _DECLINED.match(line):
        raise LLMBadOutput("One of its texts is a refusal or an error message.")
    return line


def _one_visible_line(text: str, limit: int) -> str:
    visible = (" " if unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") else sign for sign in text)
    line = one_line("".join(visible))
    return line if len(line) <= limit else line[: limit - 1] + "…"


def keywords(words: Iterable[str], most: int) -> tuple[str, ...]:
    """Return a model's keywords ready for storage, each once."""
    chosen: dict[str, str] = {}
    for word in words:
        if line := _one_visible_line(word, _KEYWORD_CHARACTERS):
            chosen.setdefault(line.casefold(), line)
    return tuple(chosen.values())[:most]


def first_that_fit(pages: Sequence[Page], limit: int, cost: Callable[[Page], int]) -> list[Page]:
    """Return the first pages that cost at most ``limit`` tokens together, at least one."""
    taken: list[Page] = []
    left = limit
    for page in pages:
        left -= cost(page)
        if taken and left < 0:
            break
        taken.append(page)
    return taken
