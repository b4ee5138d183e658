"""Speed and memory of the embedders that come with the library, over texts of the length of chat turns.

    python -m benchmarks.embedder [--texts 320]

Each figure comes from a new process, so that load time and memory are those of a first use. The disk is
warm unless this is the first run. Prints one row per embedder.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import against

WORDS = """
I we you they my your the a and but so then because when after before with without about really just went came
saw met lost found bought cooked painted called visited started finished planned moved booked garden kitchen
river museum concert birthday weekend holiday doctor teacher sister brother friend dog train ticket recipe
guitar marathon interview promotion apartment mountain photo book film market
"""


def turns(count: int) -> list[str]:
    """Return made-up turns of 5 to 60 words, 25 on average: the lengths of LoCoMo's."""
    rng, words = random.Random(1), WORDS.split()
    lengths = [min(60, max(5, round(rng.lognormvariate(3.1, 0.5)))) for _ in range(count)]
    return ["Ann: " + " ".join(rng.choices(words, k=length)) + "." for length in lengths]


def memory_mb() -> float:
    """Return the resident memory of this process in MB; not a number where the system does not tell."""
    status = Path("/proc/self/status")
    if not status.exists():
        return float("nan")
    return next(int(line.split()[1]) / 1024 for line in status.read_text().splitlines() if "VmRSS" in line)


def measure(name: str, count: int) -> dict[str, float]:
    """Return the figures of one process."""
    import numpy as np  # noqa: F401 - its memory and time are not the embedder's

    before = memory_mb()
    start = time.perf_counter()
    from memoryos_integrations.embedders import resolve

    embedder = resolve(None if name == "default" else name)
    constructed = time.perf_counter()
    embedder.embed(["hello"])
    loaded = time.perf_counter()
    texts = turns(count)
    for text in texts[:50]:
        embedder.embed([text])
    singles = time.perf_counter()
    for first in range(0, count, 32):
        embedder.embed(texts[first : first + 32])
    batches = time.perf_counter()
    embedder.embed(texts)
    end = time.perf_counter()
    return {
        "construct_ms": (constructed - start) * 1e3,
        "first_embed_ms": (loaded - constructed) * 1e3,
        "one_text_ms": (singles - loaded) / 50 * 1e3,
        "texts_per_s_by_32": count / (batches - singles),
        "texts_per_s_all": count / (end - batches),
        "rss_mb": memory_mb() - before,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--texts", type=int, default=320)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments, found = against.parse("embedder", parser), {}
    if arguments.one:
        print(json.dumps(measure(arguments.one, arguments.texts)))
        return
    print(f"{os.cpu_count()} CPUs, {arguments.texts} texts")
    for embedder in ("default", "multilingual"):
        module = [sys.executable, "-P", "-m", "benchmarks.embedder"]
        command = [*module, "--one", embedder, "--texts", str(arguments.texts)]
        # Where this file is, the other modules are.
        paths = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=paths)
        figures = json.loads(done.stdout)
        print(f"{embedder}: " + ", ".join(f"{name} {value:.1f}" for name, value in figures.items()))
        found |= {f"{embedder}: {name}": value for name, value in figures.items()}
    against.write(arguments.json, found)


if __name__ == "__main__":
    main()
