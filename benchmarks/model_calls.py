"""What a chat model costs and what it changes: calls a turn, and evidence recall with and without it.

    python -m benchmarks.model_calls ../shared/data/locomo_dev.json

One conversation is replayed with the scripted model of the test kit: a topic for every five pages,
and what it knows by sight to learn. Its calls are counted twice: for the conversation in one go, and with a
rest after each session, in which what is left of a batch is asked about. The recall is that of ``panel.py``
over the first conversations, in a store without a model and in one with it. Between them stands what an
``add`` takes beside a slow model.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path
from statistics import fmean, median

from benchmarks import against, sets
from benchmarks.baselines import token_counter
from benchmarks.panel import RECALL, WITHIN, embedder_named, library_figures
from benchmarks.sets import Conversation, DataSet
from langchain_memoryos.llm import openai_compatible
from memoryos_integrations import LLM, MemoryConfig, MemoryOS
from memoryos_integrations.testing.scripted_replies import scripted_llm, scripted_server


def calls(talk: Conversation, config: MemoryConfig, *, rests: bool) -> tuple[int, dict[str, int], int]:
    """Return the pages of a conversation, the calls by task, and the tokens sent and received."""
    with (
        tempfile.TemporaryDirectory() as folder,
        MemoryOS(folder, config=config, llm=scripted_llm()) as memory,
    ):
        user = memory.user("ann")
        for _, session in groupby(talk.turns, key=lambda turn: turn.session):
            for turn in session:
                user.add_message(
                    turn.text, role=turn.role, name=turn.name, thread_id=turn.session, at=turn.at
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


def recall(content: DataSet, llm: LLM | None) -> dict[str, float]:
    """Return the mean share of evidence that each measure of ``panel.py`` brings back."""
    embedder, config = embedder_named("default"), MemoryConfig(token_counter=token_counter())
    found = [
        shares
        for conversation in content.conversations
        for _, shares in library_figures(content, conversation, embedder, config, llm)
    ]
    return {measure: fmean(shares[measure] for shares in found) for measure in (*RECALL, *WITHIN)}


def main() -> None:
    """Run and print."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("data", type=Path)
    parser.add_argument("--conversation", type=int, default=0, help="the one whose calls are counted")
    parser.add_argument("--users", type=int, default=5, help="conversations that recall is measured on")
    chosen = against.parse("model_calls", parser)
    content, figures = sets.read_file(chosen.data), {}
    forty = MemoryConfig(consolidation_batch_pages=40, promotion_batch_pages=40)
    for name, config in (("default", MemoryConfig()), ("batches of 40", forty)):
        for rests in (False, True):
            talk = content.conversations[chosen.conversation]
            pages, by_task, tokens = calls(talk, config, rests=rests)
            how = "a rest after each session" if rests else "in one go"
            tasks = ", ".join(f"{task} {number}" for task, number in by_task.items())
            figures[f"{name}, {how}: calls a turn"] = a_turn = sum(by_task.values()) / pages
            print(
                f"{name:14}{how:27}{pages} turns, {a_turn:.3f} calls a turn ({tasks}), "
                f"{tokens / pages:.0f} tokens a turn",
                flush=True,
            )
    slow, quick = adding(2.0)
    figures["add beside a server of 2 s, beside one at once"] = slow / quick
    print(
        f"add, median: {slow:.2f} ms with a server of 2 s a call, {quick:.2f} ms with one at once", flush=True
    )
    if chosen.users:
        [few] = sets.first([content], chosen.users)
        without, with_model = (recall(few, llm) for llm in (None, scripted_llm()))
        print(f"\n{'':24}{'rules only':>12}{'with a model':>14}")
        for measure, share in without.items():
            print(f"{measure:24}{share:12.4f}{with_model[measure]:14.4f}")
            figures[f"{measure}, with a model"] = with_model[measure]
    against.write(chosen.json, figures)


if __name__ == "__main__":
    main()
