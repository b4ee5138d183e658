"""The sources of facts, and the facts that others superseded, as the commands show them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from memoryos_integrations.language.dates import day

if TYPE_CHECKING:
    from collections.abc import Iterable

    from memoryos_integrations.types import Fact
    from memoryos_integrations.user_memory import UserMemory

_PAGES_SHOWN = 2
_SENTENCE = re.compile(r"\S.*?(?:[.!?。！？]+(?=\s|$)|$)", re.DOTALL)
_WORD = re.compile(r"\d+|\w{3,}")


def evidence(mine: UserMemory, facts: Iterable[Fact]) -> dict[str, list[str]]:
    """Return the evidence of each fact by its id, one line per source page."""
    return {fact.id: _evidence_lines(mine, fact) for fact in facts if fact.source_page_ids}


def _evidence_lines(mine: UserMemory, fact: Fact) -> list[str]:
    pages = mine.trace(fact.id)
    role = "user" if fact.about == "user" else "assistant"
    lines = []
    for page in pages[:_PAGES_SHOWN]:
        message = next((one for one in page.messages if one.role == role), page.messages[0])
        lines.append(
            f"{day(message.at)}, {message.name or message.role}: {_best_sentence(message.text, fact.text)}"
        )
    more = len(pages) - _PAGES_SHOWN
    return [*lines, f"and {more} more"] if more > 0 else lines


def superseded(mine: UserMemory, facts: Iterable[Fact]) -> tuple[list[Fact], dict[str, Fact]]:
    """Return the superseded facts, newest first, and all versions of all facts by id."""
    by_id = {fact.id: fact for holding in facts for fact in mine.history(holding.id)}
    closed = [fact for fact in by_id.values() if fact.valid_to is not None and fact.superseded_by is not None]
    return sorted(closed, key=lambda fact: fact.valid_from, reverse=True), by_id


def _best_sentence(text: str, statement: str) -> str:
    """Return the sentence that shares most words with a statement; a number counts twice."""
    wanted = _words(statement)
    sentences: list[str] = _SENTENCE.findall(text) or [text]
    return max(sentences, key=lambda one: sum(1 + word.isdigit() for word in wanted & _words(one)))


def _words(text: str) -> set[str]:
    return {word.casefold() for word in _WORD.findall(text)}
