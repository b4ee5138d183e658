"""What facts rest on, and which of them hold no more, for those who look."""

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
    """Return what was said that each fact rests on, a line for each page, by the fact's id."""
    return {fact.id: _said(mine, fact) for fact in facts if fact.source_page_ids}


def _said(mine: UserMemory, fact: Fact) -> list[str]:
    pages = mine.trace(fact.id)
    role = "user" if fact.about == "user" else "assistant"
    lines = []
    for page in pages[:_PAGES_SHOWN]:
        told = next((message for message in page.messages if message.role == role), page.messages[0])
        lines.append(f"{day(told.at)}, {told.name or told.role}: {_telling(told.text, fact.text)}")
    more = len(pages) - _PAGES_SHOWN
    return [*lines, f"and {more} more"] if more > 0 else lines


def superseded(mine: UserMemory, facts: Iterable[Fact]) -> tuple[list[Fact], dict[str, Fact]]:
    """Return the facts that others took the place of, newest first, and all of their histories by id."""
    known = {fact.id: fact for holding in facts for fact in mine.history(holding.id)}
    gone = [fact for fact in known.values() if fact.valid_to is not None and fact.superseded_by is not None]
    return sorted(gone, key=lambda fact: fact.valid_from, reverse=True), known


def _telling(text: str, statement: str) -> str:
    """Return the sentence of a text that has most words in common with a statement; a number counts twice."""
    wanted = _words(statement)
    sentences: list[str] = _SENTENCE.findall(text) or [text]
    return max(sentences, key=lambda said: sum(1 + word.isdigit() for word in wanted & _words(said)))


def _words(text: str) -> set[str]:
    return {word.casefold() for word in _WORD.findall(text)}
