"""What a chat model costs and what it changes: calls a turn, and evidence recall with and without it.

    python benchmarks/model_calls.py ../shared/data/locomo_dev.json

One conversation of LoCoMo is replayed with the scripted model of the test kit: a topic for every five pages,
and what it knows by sight to learn. Its calls are counted twice: for the conversation in one go, and with a
rest after each session, in which what is left of a batch is asked about. The recall is that of ``locomo.py``
over the first conversations, in a store without a model and in one with it. Between them stands what an
``add`` takes beside a slow model.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path
from statistics import fmean, median
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import locomo
from langchain_memoryos.llm import openai_compatible
from memoryos_integrations import LLM, MemoryConfig, MemoryOS
from memoryos_integrations.testing.scripted_replies import scripted_llm, scripted_server


def calls(sample: dict[str, Any], config: MemoryConfig, *, rests: bool) -> tuple[int, dict[str, int], int]:
    """Return the turns of a conversation, the calls by task, and the tokens sent and received."""
    turns = list(locomo.turns_of(sample["conversation"]))
    with (
        tempfile.TemporaryDirectory() as folder,
        MemoryOS(folder, config=config, llm=scripted_llm()) as memory,
    ):
        user = memory.user("ann")
        speakers = list(dict.fromkeys(turn.speaker for turn in turns))
        for _, session in groupby(turns, key=lambda turn: turn.thread_id):
            for turn in session:
                role = "user" if turn.speaker == speakers[0] else "assistant"
                user.add_message(
                    turn.text, role=role, name=turn.speaker, thread_id=turn.thread_id, at=turn.at
                )
            if rests:
                memory.flush()
        parked = memory.flush().parked
        if parked:
            raise SystemExit(f"Jobs failed: {parked}")
        bill = memory.stats()["llm"]
        by_task = {task: line["calls"] for task, line in bill["by_task"].items()}
        return len(user.pages()), by_task, bill["tokens_in"] + bill["tokens_out"]


def adding(seconds: float, turns: int = 300) -> tuple[float, float]:
    """Return the median time of ``add`` in ms with a server that takes so long a call, and with one at once.

    Both stores are open at the same time and take turns, so that what the machine does meets both.
    """
    batches = MemoryConfig(consolidation_batch_pages=5, promotion_batch_pages=5)  # to keep the model asked
    times: list[list[float]] = [[], []]
    with ExitStack() as opened:
        folder = opened.enter_context(tempfile.TemporaryDirectory())
        users = []
        for place, delay in enumerate((seconds, 0.0)):
            server = opened.enter_context(scripted_server())
            server.delay = delay
            llm = openai_compatible("scripted", base_url=server.url)
            memory = MemoryOS(f"{folder}/{place}", config=batches, llm=llm)
            users.append(opened.enter_context(memory).user("ann"))
        for number in range(turns):
            both = list(zip(users, times, strict=True))
            for user, spent in both if number % 2 else reversed(both):  # the first of two adds costs more
                began = time.perf_counter()
                user.add(f"Turn {number} is about the garden and its bees.", "I see.")
                spent.append((time.perf_counter() - began) * 1000)
            time.sleep(0.02)  # a conversation has pauses, in which the workers come to their work
    return median(times[0]), median(times[1])


def recall(samples: list[dict[str, Any]], llm: LLM | None) -> dict[str, float]:
    """Return the mean share of evidence that each measure of ``locomo.py`` brings back."""
    sums: dict[tuple[str, int], list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder, MemoryOS(folder, llm=llm) as memory:
        for number, sample in enumerate(samples):
            user, turns = memory.user(f"conversation {number}"), list(locomo.turns_of(sample["conversation"]))
            locomo.remember(user, turns)
            memory.flush()
            for question in locomo.questions_of(sample, {turn.dia_id for turn in turns}):
                locomo.measure(user, question, sums)
    shares: dict[str, list[float]] = defaultdict(list)
    for (measure, _), values in sums.items():
        shares[measure] += values
    return {measure: fmean(values) for measure, values in shares.items()}


def main() -> None:
    """Run and print."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("data", type=Path)
    parser.add_argument("--conversation", type=int, default=0, help="the one whose calls are counted")
    parser.add_argument("--conversations", type=int, default=5, help="those that recall is measured on")
    chosen = parser.parse_args()
    samples = json.loads(chosen.data.read_text(encoding="utf-8"))
    forty = MemoryConfig(consolidation_batch_pages=40, promotion_batch_pages=40)
    for name, config in (("default", MemoryConfig()), ("batches of 40", forty)):
        for rests in (False, True):
            turns, by_task, tokens = calls(samples[chosen.conversation], config, rests=rests)
            how = "a rest after each session" if rests else "in one go"
            told = ", ".join(f"{task} {number}" for task, number in by_task.items())
            print(
                f"{name:14}{how:27}{turns} turns, {sum(by_task.values()) / turns:.3f} calls a turn ({told}), "
                f"{tokens / turns:.0f} tokens a turn",
                flush=True,
            )
    slow, quick = adding(2.0)
    print(
        f"add, median: {slow:.2f} ms with a server of 2 s a call, {quick:.2f} ms with one at once", flush=True
    )
    if chosen.conversations:
        without, with_model = (recall(samples[: chosen.conversations], llm) for llm in (None, scripted_llm()))
        print(f"\n{'':24}{'rules only':>12}{'with a model':>14}")
        for measure, share in without.items():
            print(f"{measure:24}{share:12.4f}{with_model[measure]:14.4f}")


if __name__ == "__main__":
    main()
