"""Evidence recall on LoCoMo: which of the turns that answer a question does a retrieval bring back?

    python benchmarks/locomo.py ../shared/data/locomo_dev.json

Every conversation is one user, every session a thread, every turn a message with its speaker's name. A
question's recall is the share of its evidence turns among the items returned; the mean over all questions of
categories 1-4 is printed, by number of items and by tokens of the rendered context.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memoryos_integrations import MemoryConfig, MemoryOS, UserMemory

if TYPE_CHECKING:
    from collections.abc import Iterator

CATEGORIES = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop"}
_EVIDENCE = re.compile(r"D(\d+):(\d+)")


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a conversation."""

    dia_id: str
    speaker: str
    text: str
    thread_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Question:
    """One question and the turns that answer it."""

    text: str
    category: int
    evidence: frozenset[str]


def turns_of(conversation: dict[str, Any]) -> Iterator[Turn]:
    """Yield the turns of all sessions in order, each a second after the one before."""
    number = 1
    while f"session_{number}_date_time" in conversation:
        began = datetime.strptime(conversation[f"session_{number}_date_time"], "%I:%M %p on %d %B, %Y")
        for position, turn in enumerate(conversation.get(f"session_{number}", ())):
            yield Turn(
                turn["dia_id"],
                turn["speaker"],
                turn["text"],
                f"session_{number}",
                datetime.fromtimestamp(began.replace(tzinfo=UTC).timestamp() + position, UTC),
            )
        number += 1


def questions_of(sample: dict[str, Any], known: set[str]) -> Iterator[Question]:
    """Yield the questions of categories 1-4 whose evidence is in the conversation."""
    for asked in sample["qa"]:
        named = {f"D{int(a)}:{int(b)}" for entry in asked["evidence"] for a, b in _EVIDENCE.findall(entry)}
        if asked["category"] in CATEGORIES and named & known:
            yield Question(asked["question"], asked["category"], frozenset(named & known))


def remember(user: UserMemory, turns: list[Turn]) -> None:
    """Add every turn as a message."""
    speakers = list(dict.fromkeys(turn.speaker for turn in turns))
    for turn in turns:
        user.add_message(
            turn.text,
            role="user" if turn.speaker == speakers[0] else "assistant",
            name=turn.speaker,
            thread_id=turn.thread_id,
            at=turn.at,
            metadata={"dia_id": turn.dia_id},
        )


def main() -> None:
    """Run and print."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("data", type=Path)
    parser.add_argument("--strategy", choices=("hybrid", "paper"), default="hybrid")
    parser.add_argument("--search", choices=("auto", "chroma", "exact"), default="auto")
    parser.add_argument("--embedder", default=None, help="none, multilingual; default: the embedded one")
    parser.add_argument("--conversations", type=int, default=None)
    chosen = parser.parse_args()
    config = MemoryConfig(strategy=chosen.strategy, search=chosen.search)
    sums: dict[tuple[str, int], list[float]] = defaultdict(list)
    seconds = defaultdict(float)
    with (
        tempfile.TemporaryDirectory() as folder,
        MemoryOS(folder, config=config, embedder=chosen.embedder) as memory,
    ):
        for number, sample in enumerate(json.loads(chosen.data.read_text())[: chosen.conversations]):
            user, turns = memory.user(f"conversation {number}"), list(turns_of(sample["conversation"]))
            started = time.perf_counter()
            remember(user, turns)
            added = time.perf_counter()
            memory.flush()
            seconds["add"] += added - started
            seconds["flush"] += time.perf_counter() - added
            started = time.perf_counter()
            for question in questions_of(sample, {turn.dia_id for turn in turns}):
                measure(user, question, sums)
            seconds["ask"] += time.perf_counter() - started
    report(sums, dict(seconds))


def measure(user: UserMemory, question: Question, sums: dict[tuple[str, int], list[float]]) -> None:
    """Ask once by items and three times by tokens."""
    items = user.retrieve(question.text, k=50).items
    ranked = [item.metadata["dia_id"] for item in items]
    for k in (5, 10, 20, 50):
        sums[f"recall@{k}", question.category].append(_share(question.evidence, ranked[:k]))
    for budget in (500, 1000, 2000):
        context = user.context(question.text, max_tokens=budget)
        shown = [item.metadata["dia_id"] for item in context.items]
        sums[f"context {budget} tokens", question.category].append(_share(question.evidence, shown))


def _share(evidence: frozenset[str], found: list[str]) -> float:
    return len(evidence & set(found)) / len(evidence)


def report(sums: dict[tuple[str, int], list[float]], seconds: dict[str, float]) -> None:
    """Print one row a measure, one column a category."""
    measures = list(dict.fromkeys(measure for measure, _ in sums))
    print(f"{'':24}" + "".join(f"{name:>14}" for name in CATEGORIES.values()) + f"{'all':>10}")
    for measure in measures:
        columns = {category: sums[measure, category] for category in CATEGORIES}
        values = [value for column in columns.values() for value in column]
        cells = "".join(f"{sum(column) / max(1, len(column)):14.3f}" for column in columns.values())
        print(f"{measure:24}{cells}{sum(values) / len(values):10.3f}")
    counts = "".join(f"{len(sums[measures[0], category]):14d}" for category in CATEGORIES)
    print(f"{'questions':24}{counts}{sum(len(sums[measures[0], c]) for c in CATEGORIES):10d}")
    print("seconds: " + ", ".join(f"{name} {value:.1f}" for name, value in seconds.items()))


if __name__ == "__main__":
    main()
