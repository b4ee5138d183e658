"""What one turn of a LangChain chain costs with our memory, beside the same chain with LangChain's buffer.

    python -m benchmarks.langchain_turn [--stored 1000] [--turns 200] [--against COMMIT]

Both chains are a ConversationChain on a model that answers at once, so what is timed is the memory and the
chain itself; they take turns, so that both find the machine alike. Each begins with ``--stored`` turns; ours
has them in ten conversations, embedded and in their tiers. A real model takes long enough for the background
worker to embed the last turn, so the worker is waited for between two turns. The row "back to back" shows
what it costs when there is no such pause.

Wall time is what a user feels and depends on what else the machine does; CPU time is that of the calling
thread alone.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.language_models import FakeListChatModel

from benchmarks import against

WORDS = """
I we you they my your the a and but so then because when after before with without about really just went came
saw met lost found bought cooked painted called visited started finished planned moved booked garden kitchen
river museum concert birthday weekend holiday doctor teacher sister brother friend dog train ticket recipe
"""
ANSWER = "That sounds lovely, tell me more about it when you have the time."


def sentences(count: int) -> list[str]:
    """Return made-up turns of 5 to 60 words, 25 on average: the lengths of LoCoMo's."""
    rng, words = random.Random(1), WORDS.split()
    lengths = [min(60, max(5, round(rng.lognormvariate(3.1, 0.5)))) for _ in range(count)]
    return [" ".join(rng.choices(words, k=length)) + "." for length in lengths]


def with_buffer(stored: int) -> Any:
    """Return a chain whose buffer holds so many turns."""
    from langchain_classic.chains import ConversationChain
    from langchain_classic.memory import ConversationBufferMemory

    memory = ConversationBufferMemory()
    for text in sentences(stored):
        memory.save_context({"input": text}, {"response": ANSWER})
    return ConversationChain(llm=FakeListChatModel(responses=[ANSWER]), memory=memory)


def with_ours(store: Any, stored: int) -> Any:
    """Return a chain on a store that holds so many turns."""
    from langchain_classic.chains import ConversationChain

    from langchain_memoryos import MemoryOSChatMemory

    ann = store.user("ann")
    for place, text in enumerate(sentences(stored)):
        ann.add(text, ANSWER, thread_id=f"conversation {place * 10 // stored}")
    store.flush()
    chat = MemoryOSChatMemory(memory=ann, thread_id="conversation 9")
    return ConversationChain(llm=FakeListChatModel(responses=[ANSWER]), memory=chat)


def timed(
    chains: Sequence[Any], turns: int, between: Callable[[], object] = lambda: None
) -> list[list[tuple[float, float]]]:
    """Return wall and CPU milliseconds of each turn of each chain, in turn, without the first ten."""
    taken: list[list[tuple[float, float]]] = [[] for _ in chains]
    for text in sentences(turns + 10):
        for chain, times in zip(chains, taken, strict=True):
            wall, cpu = time.perf_counter(), time.thread_time()
            chain.invoke(text)
            times.append(((time.perf_counter() - wall) * 1e3, (time.thread_time() - cpu) * 1e3))
        between()
    return [times[10:] for times in taken]


def show(name: str, taken: list[tuple[float, float]]) -> dict[str, float]:
    """Print a row, and return its figures."""
    walls, cpus = zip(*taken, strict=True)
    p50, p95 = statistics.median(walls), statistics.quantiles(walls, n=20)[-1]
    print(f"{name:34} p50 {p50:6.1f} ms   p95 {p95:6.1f} ms   CPU p50 {statistics.median(cpus):6.1f} ms")
    return {f"{name}: p50": p50, f"{name}: p95": p95, f"{name}: CPU p50": statistics.median(cpus)}


def main() -> None:
    """Measure both and print the difference."""
    import langchain_classic.chains  # noqa: F401 - it puts its own filters in front of ours

    from memoryos_integrations import MemoryOS

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stored", type=int, default=1000)
    parser.add_argument("--turns", type=int, default=200)
    arguments = against.parse("langchain_turn", parser)
    turns = arguments.turns
    warnings.simplefilter("ignore", DeprecationWarning)  # LangChain's chains are deprecated, and say so
    print(f"{arguments.stored} turns stored, {turns} turns timed")
    with tempfile.TemporaryDirectory() as folder, MemoryOS(folder) as store:
        chain = with_ours(store, arguments.stored)
        buffer, ours = timed([with_buffer(arguments.stored), chain], turns, between=store.flush)
        figures = show("ConversationBufferMemory", buffer)
        figures |= show("MemoryOSChatMemory", ours)
        pairs = [
            (mine[0] - theirs[0], mine[1] - theirs[1]) for mine, theirs in zip(ours, buffer, strict=True)
        ]
        figures |= show("the difference, turn by turn", pairs)
        figures |= show("MemoryOSChatMemory, back to back", timed([chain], turns)[0])
    against.write(arguments.json, figures)


if __name__ == "__main__":
    main()
