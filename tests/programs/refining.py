"""Models that sort pages into topics by a word in them, and a program that is killed while it writes."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memoryos_integrations import MemoryConfig, MemoryOS, Prompt
from memoryos_integrations.testing import HashEmbedder, ScriptedLLM

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

_LABEL = re.compile(r"^([psc]\d+)\b")
START = datetime(2026, 1, 1, tzinfo=UTC)


def shown(prompt: Prompt[Any], letter: str) -> dict[str, str]:
    """Return what a prompt shows under the labels of a letter, each with its lines."""
    found: dict[str, str] = {}
    label = ""
    for line in prompt.user.splitlines():
        if line and not line.startswith(" "):
            at_margin = _LABEL.match(line)
            label = at_margin[1] if at_margin else ""
        if label.startswith(letter):
            found[label] = found.get(label, "") + line + "\n"
    return found


def by_word(*words: str, chains: bool = False) -> Callable[[Prompt[Any]], dict[str, Any]]:
    """Return an answer: a topic for each word, of the pages that have it, going on with what has it.

    What it says of a topic and of a chain is the first line of each of its pages, after what was said before.
    """

    def answer(prompt: Prompt[Any]) -> dict[str, Any]:
        pages = shown(prompt, "p")
        topics = []
        for word in words:
            mine = [label for label, text in pages.items() if word in text]
            segment = next((s for s, text in shown(prompt, "s").items() if word in text), None)
            if mine:
                said = [_said_before(prompt, "s", segment), *(_first_line(pages[label]) for label in mine)]
                topics.append(
                    {"segment": segment, "pages": mine, "summary": " ".join(said), "keywords": [word]}
                )
        return {"topics": topics, "chains": _chains(prompt, pages) if chains else []}

    return answer


def _chains(prompt: Prompt[Any], pages: dict[str, str]) -> list[dict[str, Any]]:
    threads: dict[str, list[str]] = defaultdict(list)
    for label, text in pages.items():
        threads[re.findall(r"of (t\d+)", text)[0]].append(label)
    found = []
    for thread, mine in threads.items():
        before = next((c for c, text in shown(prompt, "c").items() if f"of {thread}" in text), None)
        said = [_said_before(prompt, "c", before), *(_first_line(pages[label]) for label in mine)]
        found.append({"continues": before, "pages": mine, "summary": " ".join(said)})
    return found


def _said_before(prompt: Prompt[Any], letter: str, label: str | None) -> str:
    told = re.findall(r"summary: (.*)", shown(prompt, letter).get(label or "", ""))
    return told[0] if told else "Told:"


def _first_line(page: str) -> str:
    return page.splitlines()[1].partition(": ")[2]


def refine_until_told(channel: Connection, folder: Path, pages: int) -> None:
    """Fill a store, let a model sort it, and keep still between its reply and what is written of it."""
    replied = False

    def answer(prompt: Prompt[Any]) -> dict[str, Any]:
        nonlocal replied
        replied = True
        return by_word("bees", "trains", chains=True)(prompt)

    def clock() -> datetime:
        if replied:  # the call is being written down
            channel.send("replied")
            channel.recv()
        return START

    llm = ScriptedLLM({"refine": answer})
    with MemoryOS(
        folder,
        embedder=HashEmbedder(64),
        llm=llm,
        clock=clock,
        config=MemoryConfig(short_term_capacity=1, promotion_heat=1e9),
    ) as memory:
        ada = memory.user("ada")
        for number in range(pages):
            word = ("bees", "trains")[number % 2]
            ada.add(f"{word} {word} {number}", f"{word}, I see.", event_id=str(number))
        memory.flush()
    channel.send("closed")
