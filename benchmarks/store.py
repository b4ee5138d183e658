"""What the store costs, each figure beside what it is measured against, in one run.

    python -m benchmarks.store                          everything, about six minutes
    python -m benchmarks.store --quick                  smaller, about a minute
    python -m benchmarks.store --only add,retrieve      some of: add, retrieve, others, import, threads, kill
    python -m benchmarks.store --against COMMIT         the library of a commit beside today's

add       one turn, against the same rows written by sqlite3 in one equally durable transaction
retrieve  10 000 messages of one user, against one query of a Chroma collection with the same vectors
others    the same with 100 000 messages of other users in the store and in the collection
import    ``import memoryos_integrations`` in a fresh interpreter, against other imports
threads   turns a second from eight threads, against one
kill      writers killed at random moments, and while Chroma saves: what was acknowledged, lost, doubled

Times on a shared machine wander; look at the ratios. The embedder is ``HashEmbedder(384)``, so that neither
side pays for a model.
"""

from __future__ import annotations

import argparse
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import fmean, median, quantiles
from typing import Any, TypeVar

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from programs.conversations import Conversation
from programs.kills import kill_rounds, kills_during_saves
from programs.ledgers import RawLedger, insert_others

from benchmarks import against
from memoryos_integrations import MemoryOS
from memoryos_integrations.testing import HashEmbedder

DIMENSION = 384
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: a figure, what it is compared with, and their ratio."""

    what: str
    ours: float
    unit: str
    against: str = ""
    other: float | None = None

    def __str__(self) -> str:
        cells = f"{self.what:44}{_number(self.ours):>11} {self.unit:8}"
        if self.other is None:
            return cells + self.against
        ratio = f"{self.ours / self.other:9.2f}" if self.other else ""
        return cells + f"{self.against:36}{_number(self.other):>11}{ratio}"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured."""

    turns: int
    messages: int
    others: int
    questions: int
    thread_turns: int
    kills: int


FULL = Sizes(turns=20_000, messages=10_000, others=100_000, questions=200, thread_turns=500, kills=30)
QUICK = Sizes(turns=2_000, messages=2_000, others=10_000, questions=60, thread_turns=60, kills=6)


def opened(folder: Path) -> MemoryOS:
    return MemoryOS(folder, embedder=HashEmbedder(DIMENSION))


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


# --- add


@dataclass(slots=True)
class Costs:
    """What each of many calls took: milliseconds, and kilobytes that its thread wrote."""

    ms: list[float] = field(default_factory=list)
    kb: list[float] = field(default_factory=list)

    def of(self, work: Callable[[], T]) -> T:
        """Do the work and note its costs."""
        before, started = _bytes_written(), time.perf_counter()
        result = work()
        self.ms.append(1e3 * (time.perf_counter() - started))
        self.kb.append((_bytes_written() - before) / 1e3)
        return result


def _bytes_written() -> int:
    """Return the bytes that this thread has handed to the system, 0 where it does not count them."""
    counts = Path("/proc/thread-self/io")
    return int(counts.read_text().split("wchar:")[1].split()[0]) if counts.exists() else 0


def adding(folder: Path, sizes: Sizes) -> Iterator[Row]:
    talk, ours, raw = Conversation(seed=1), Costs(), Costs()
    with opened(folder / "store") as memory:
        user = memory.user("ada")
        user.add("The first turn.", "It makes the scope.")
        with closing(RawLedger(folder / "store" / "memory.db", folder / "raw.db")) as other:
            for _ in range(sizes.turns):
                page = ours.of(partial(user.add, *talk.turn()))
                raw.of(other.transaction_of(page))
    part = min(1_000, sizes.turns // 4)
    early, late = slice(100, 100 + part), slice(-part, None)
    same, more = "the same rows by sqlite3", f"after {sizes.turns} turns, "
    for what, which in (("p50", 49), ("p99", 98)):
        ours_ms, raw_ms = (quantiles(costs.ms, n=100)[which] for costs in (ours, raw))
        yield Row(f"add, {what}", ours_ms, "ms", same, raw_ms)
    yield Row(f"{more}add, p50", median(ours.ms[late]), "ms", "after 100 turns", median(ours.ms[early]))
    yield Row(f"{more}sqlite3, p50", median(raw.ms[late]), "ms", "after 100 turns", median(raw.ms[early]))
    if any(ours.kb):
        yield Row("written in an add, mean", fmean(ours.kb), "kB", same, fmean(raw.kb))
        yield Row(f"{more}written", fmean(ours.kb[late]), "kB", "after 100 turns", fmean(ours.kb[early]))


# --- retrieve


def retrieving(folder: Path, sizes: Sizes) -> Iterator[Row]:
    talk = _filled(folder / "store", sizes)
    yield from _compared(folder, talk, sizes, f"{sizes.messages} messages")


def retrieving_among_others(folder: Path, sizes: Sizes) -> Iterator[Row]:
    talk = _filled(folder / "store", sizes)
    took = insert_others(folder / "store", sizes.others, DIMENSION)
    yield Row(f"inserting {sizes.others} messages of others", took, "s", "by SQL")
    yield from _compared(folder, talk, sizes, f"the same among {sizes.others}")


def _filled(store: Path, sizes: Sizes) -> Conversation:
    talk = Conversation(seed=2)
    with opened(store) as memory:
        for said, answered in (talk.turn() for _ in range(sizes.messages // 2)):
            memory.user("ada").add(said, answered, thread_id=talk.thread, at=talk.at)
        memory.flush()
    return talk


def _compared(folder: Path, talk: Conversation, sizes: Sizes, what: str) -> Iterator[Row]:
    embedder, (first, *questions) = HashEmbedder(DIMENSION), talk.questions(sizes.questions + 1)

    def ask_chroma(collection: Any, question: str) -> None:
        collection.query(query_embeddings=embedder.embed([question]), n_results=10, where={"scope": 1})

    filling = seconds(partial(_fill_chroma, folder))
    with opened(folder / "small") as memory:  # what is loaded on first use is no part of a first question
        memory.user("ada").add("Hello.")
        memory.user("ada").retrieve("Hello?")
    began = time.perf_counter()
    collection = _chroma(folder).get_collection("messages", embedding_function=None)
    ask_chroma(collection, first)
    chroma_first, began = time.perf_counter() - began, time.perf_counter()
    with opened(folder / "store") as memory:
        user = memory.user("ada")
        user.retrieve(first)
        ours_first = time.perf_counter() - began
        ours, chroma = [], []
        for question in questions:
            ours.append(1e3 * seconds(partial(user.retrieve, question)))
            chroma.append(1e3 * seconds(partial(ask_chroma, collection, question)))
    for name, which in (("p50", 9), ("p95", 18)):
        ours_ms, chroma_ms = (quantiles(times, n=20)[which] for times in (ours, chroma))
        yield Row(f"retrieve, {what}, {name}", ours_ms, "ms", "Chroma, query with a scope filter", chroma_ms)
    yield Row("open and first retrieve", 1e3 * ours_first, "ms", "Chroma, open and query", 1e3 * chroma_first)
    yield Row("filling that Chroma collection", filling, "s")


def _chroma(folder: Path) -> Any:
    import chromadb
    from chromadb.config import Settings

    return chromadb.PersistentClient(str(folder / "other"), Settings(anonymized_telemetry=False))


def _fill_chroma(folder: Path) -> None:
    client, cosine = _chroma(folder), {"hnsw": {"space": "cosine"}}
    collection = client.create_collection("messages", embedding_function=None, configuration=cosine)
    with closing(sqlite3.connect(folder / "store" / "memory.db")) as database:
        found = database.execute("SELECT item_id, vector, scope_id FROM vectors WHERE kind = 'message'")
        while rows := found.fetchmany(5_000):
            collection.add(
                ids=[item for item, _, _ in rows],
                embeddings=[memoryview(vector).cast("f").tolist() for _, vector, _ in rows],
                metadatas=[{"scope": scope} for _, _, scope in rows],
            )
    client.close()  # so that the next one opens it anew


# --- import, threads, kill

_IMPORT = """
import time, sys
started = time.perf_counter()
import {0}
print(1e3 * (time.perf_counter() - started), len(sys.modules))
"""


def importing(_folder: Path, _sizes: Sizes) -> Iterator[Row]:
    ours = _import_cost("memoryos_integrations")
    for other in ("memoryos_integrations.memory", "chromadb"):
        theirs = _import_cost(other)
        yield Row("import memoryos_integrations", ours[0], "ms", f"import {other}", theirs[0])
        yield Row("  modules in the interpreter", ours[1], "", "", theirs[1])


def _import_cost(module: str) -> list[float]:
    command = [sys.executable, "-c", _IMPORT.format(module)]
    runs = [subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(5)]
    return [median(float(run.stdout.split()[part]) for run in runs) for part in (0, 1)]


def talking_at_once(folder: Path, sizes: Sizes) -> Iterator[Row]:
    total = 8 * sizes.thread_turns
    speeds = []
    for threads in (8, 1):
        with opened(folder / str(threads)) as memory, ThreadPoolExecutor(threads) as pool:
            talk = partial(_talk, memory, total // threads)
            speeds.append(total / seconds(lambda: list(pool.map(talk, range(threads)))))  # noqa: B023
            stored = Counter(page.messages[0].text for page in memory.user("ada").pages())
        lost, doubled = total - len(stored), sum(times - 1 for times in stored.values())
        yield Row(f"{threads} threads, {total} turns: lost, doubled", lost, "turns", "doubled", doubled)
    yield Row("turns a second, 8 threads", speeds[0], "", "1 thread", speeds[1])


def _talk(memory: MemoryOS, turns: int, thread: int) -> None:
    for number in range(turns):
        memory.user("ada").add(f"Thread {thread}, turn {number}.", "Noted.")


def killing(folder: Path, sizes: Sizes) -> Iterator[Row]:
    report = kill_rounds(folder / "store", sizes.kills, seed=1)
    yield Row("kills at random moments", report.rounds, "", f"{len(report.acknowledged)} turns acknowledged")
    for what in ("lost", "doubled", "not_found", "problems"):
        yield Row(f"  {what.replace('_', ' ')}", len(getattr(report, what)), "")
    hit, wrong = kills_during_saves(folder, max(2, sizes.kills // 3))
    yield Row("kills while Chroma saved its vectors", hit, "")
    yield Row("  stores that lost something", wrong, "")


PARTS: dict[str, Callable[[Path, Sizes], Iterator[Row]]] = {
    "add": adding,
    "retrieve": retrieving,
    "others": retrieving_among_others,
    "import": importing,
    "threads": talking_at_once,
    "kill": killing,
}


def _number(value: float) -> str:
    return f"{value:.0f}" if value == int(value) or value >= 1000 else f"{value:.3g}"


def main() -> None:
    """Run the chosen parts and print their rows as they come."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default=",".join(PARTS), help="parts, separated by commas")
    parser.add_argument("--quick", action="store_true", help="smaller sizes")
    chosen = against.parse("store", parser)
    figures: dict[str, float] = {}
    parts = chosen.only.split(",")
    if unknown := set(parts) - set(PARTS):
        parser.error(f"unknown parts: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    print(f"{'':44}{'ours':>11} {'':8}{'against':36}{'theirs':>11}{'ratio':>9}")
    for part in parts:
        with tempfile.TemporaryDirectory() as folder:
            for row in PARTS[part](Path(folder), QUICK if chosen.quick else FULL):
                print(row, flush=True)
                figures[f"{row.what.strip()} ({row.unit}) {row.against}".strip()] = row.ours
    against.write(chosen.json, figures)


if __name__ == "__main__":
    main()
