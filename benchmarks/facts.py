"""Facts of a chat model in contexts: do they cost evidence? Recall within budgets with them and without.

    python -m benchmarks.facts ../shared/data/locomo_dev.json

The model is a scripted one that makes a fact of the longest sentence of every longer turn, so that as many
facts as can be compete with the turns. A fact counts for the turns of its pages.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks import against, sets
from benchmarks.baselines import token_counter
from benchmarks.panel import BUDGETS, embedder_named, library_figures
from memoryos_integrations import MemoryConfig, Prompt
from memoryos_integrations.errors import LLMUnavailable
from memoryos_integrations.testing import ScriptedLLM

_LINE = re.compile(r" (user|agent) \((.*?)\): (.{60,})")


def facts_of(prompt: Prompt[Any]) -> dict[str, list[dict[str, Any]]]:
    """Answer the question of learning with a fact for every longer turn."""
    facts, page = [], ""
    for line in prompt.user.partition("[pages]")[2].splitlines():
        page = line.partition(",")[0] if re.match(r"p\d+, ", line) else page
        if match := _LINE.fullmatch(line):
            longest = max(re.split(r"(?<=[.!?]) ", match[3]), key=len)[:140]
            quote = " ".join(longest.split()[:6])
            statement = f"{match[2]} told on that day: {longest}"
            facts.append({"about": match[1], "statement": statement, "pages": [page], "quote": quote})
    return {"profile": [], "traits": [], "facts": facts}


def main() -> None:
    """Run and print."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("data", type=Path)
    parser.add_argument("--users", type=int, help="conversations of the set; all by default")
    chosen = against.parse("facts", parser)
    [content] = sets.first([sets.read_file(chosen.data)], chosen.users)
    embedder, config, figures = embedder_named("default"), MemoryConfig(token_counter=token_counter()), {}
    learner = ScriptedLLM({"learn": facts_of, "refine": LLMUnavailable("It is not asked for that here.")})
    for name, llm in (("without facts", None), ("with facts", learner)):
        found = [
            shares
            for conversation in content.conversations
            for _, shares in library_figures(content, conversation, embedder, config, llm)
        ]
        cells = []
        for budget in BUDGETS:
            share = fmean(shares[f"facts {budget}"] for shares in found)
            shown = fmean(shares[f"facts shown {budget}"] for shares in found)
            figures[f"{name}, {budget} tokens"] = share
            cells.append(f"{budget} tokens {share:.3f} ({shown:.2f} facts)")
        print(f"{name:14}", *cells, sep="  ")
    against.write(chosen.json, figures)


if __name__ == "__main__":
    main()
