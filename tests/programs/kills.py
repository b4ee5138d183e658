"""Writers that are killed, and the inspection of what they leave behind."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memoryos_integrations import MemoryConfig, MemoryOS
from memoryos_integrations.testing import HashEmbedder
from programs.processes import EndedError, Started, answer_of, started

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

SAVED_AFTER = 520
"""Turns of two messages each after which a tier's collection has passed Chroma's 1 000 records and saves."""
DIMENSION = 64
ALL_AT_ONCE = MemoryConfig(inline_embed_limit=100_000)
"""A question embeds every message that the worker has not come to: else those beyond the newest 64 compete by
their words alone, and the one with the word that is asked for need not be the first."""
_FLUSH_EVERY = 16
_OLDER_ASKED = 40


@dataclass(slots=True)
class KillReport:
    """What some rounds of killing and reopening came to."""

    rounds: int = 0
    acknowledged: set[int] = field(default_factory=set)
    lost: set[int] = field(default_factory=set)
    doubled: set[int] = field(default_factory=set)
    not_found: set[int] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def take(self, seen: dict[str, Any]) -> None:
        """Add what one inspection found."""
        self.rounds += 1
        self.lost |= self.acknowledged - set(seen["stored"])
        self.doubled |= {number for number, times in Counter(seen["stored"]).items() if times > 1}
        self.doubled |= {number for number, times in Counter(seen["stored_after_retry"]).items() if times > 1}
        self.not_found |= set(seen["not_found"])
        self.problems += seen["problems"]


def token(number: int) -> str:
    """Return the word that stands in turn ``number`` and nowhere else."""
    return f"token{number:06d}x"


def text_of(number: int) -> str:
    """Return the user's side of turn ``number``.

    It is what a turn is asked for by, too: between other words, those of another turn may be the nearer ones,
    because 64 places of a hash embedder hold more than 64 words.
    """
    return f"My word is {token(number)}."


def add_turn(memory: MemoryOS, number: int) -> None:
    """Store turn ``number`` of the one user."""
    memory.user("ada").add(text_of(number), "Noted.", event_id=f"event-{number}")


def write_turns(channel: Connection, folder: Path, first: int) -> None:
    """Add turns without end, saying each number once it is stored, with flushes in between."""
    memory = MemoryOS(folder, embedder=HashEmbedder(DIMENSION))
    channel.send("open")
    for number in itertools.count(first):
        add_turn(memory, number)
        channel.send(number)
        if number % _FLUSH_EVERY == _FLUSH_EVERY - 1:
            memory.flush()
            channel.send("flushed")


def write_and_flush(channel: Connection, folder: Path, first: int, turns: int) -> None:
    """Add turns, say that they are stored, then index them in one flush."""
    memory = MemoryOS(folder, embedder=HashEmbedder(DIMENSION))
    for number in range(first, first + turns):
        add_turn(memory, number)
    channel.send("stored")
    memory.flush()
    channel.send("flushed")
    memory.close()
    channel.send("closed")


def inspect(channel: Connection, folder: Path, asked: list[int], retried: list[int]) -> None:
    """Open what is there, ask for turns, retry some, flush and verify; say what was seen."""
    with MemoryOS(folder, embedder=HashEmbedder(DIMENSION), config=ALL_AT_ONCE) as memory:
        ada = memory.user("ada")
        not_found = []
        for number in asked:
            found = ada.retrieve(text_of(number), k=1).items
            if not found or token(number) not in found[0].text:
                not_found.append(number)
        stored = _numbers(memory)
        for number in retried:
            add_turn(memory, number)
        after = _numbers(memory)
        flushed = memory.flush()
        report = memory.verify()
        parked = [f"{job} is parked: {why}" for job, why in flushed.parked.items()]
        waiting = [f"{flushed.waiting} jobs wait for another owner"] if flushed.waiting else []
    channel.send(
        {
            "stored": stored,
            "stored_after_retry": after,
            "not_found": not_found,
            "problems": [*report.problems, *parked, *waiting],
            "set_aside": [entry.name for entry in folder.iterdir() if ".broken-" in entry.name],
        }
    )


def kill_rounds(folder: Path, rounds: int, seed: int) -> KillReport:
    """Let a writer be killed at random moments, and after each look at what it left; one folder for all.

    Every third round the writer is killed while it opens the store or soon after.
    """
    chance, report, first = random.Random(seed), KillReport(), 0
    for number in range(rounds):
        with started(write_turns, folder, first) as writer:
            new = _until_killed(writer, chance, early=number % 3 == 0)
        report.acknowledged |= set(new)
        in_flight = max(new, default=first - 1) + 1
        older = sorted(report.acknowledged - set(new))
        asked = new + chance.sample(older, min(_OLDER_ASKED, len(older)))
        try:
            report.take(answer_of(inspect, folder, asked, [*asked, in_flight]))
        except EndedError as error:
            report.problems.append(f"round {number}: {error}")
        report.acknowledged.add(in_flight)
        first = in_flight + 1
    return report


def kills_during_saves(folder: Path, rounds: int) -> tuple[int, int]:
    """Return the number of kills during a save of Chroma's, and of stores that lost something by one."""
    hit = wrong = 0
    for number in range(rounds):
        store = folder / f"save {number}"
        hit += kill_during_a_save(store)
        seen = answer_of(inspect, store, list(range(0, SAVED_AFTER, 9)), [])
        complete = sorted(seen["stored"]) == list(range(SAVED_AFTER))
        wrong += not complete or bool(seen["not_found"] or seen["problems"])
    return hit, wrong


def kill_during_a_save(folder: Path) -> bool:
    """Kill a writer while Chroma saves the vectors of a new store; returns whether it was in time."""
    with started(write_and_flush, folder, 0, SAVED_AFTER) as writer:
        assert writer.hear() == "stored"
        while not _saving(folder) and not writer.channel.poll(0.0002):
            pass
        return "flushed" not in writer.kill()


def _until_killed(writer: Started, chance: random.Random, *, early: bool) -> list[int]:
    heard: list[Any] = []
    if not early:
        while "flushed" not in heard:
            heard.append(writer.hear())
    writer.process.join(chance.uniform(0, 0.1 if early else 0.4))
    heard += writer.kill()
    return [said for said in heard if isinstance(said, int)]


def _numbers(memory: MemoryOS) -> list[int]:
    """Return the number of every stored turn, as often as it is stored."""
    pages = memory.user("ada").pages()
    return [int(page.messages[0].text.split("token")[1].split("x")[0]) for page in pages]


def _saving(folder: Path) -> bool:
    """Whether Chroma has begun to write vectors; before its first save a file has room for 100 of them."""
    for file in (folder / "chroma").glob("*/data_level0.bin"):
        try:
            if file.stat().st_size > 100 * 2 * 4 * DIMENSION:
                return True
        except FileNotFoundError:
            continue  # Chroma has just replaced it
    return False
