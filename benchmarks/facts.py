"""Facts of a chat model in contexts: do they cost evidence? Recall on LoCoMo with them and without.

    python benchmarks/facts.py ../shared/data/locomo_dev.json

The model is a scripted one that makes a fact of the longest sentence of every longer turn, so that as many
facts as can be compete with the turns. The evidence of a fact is its page.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import fmean
from typing import Any

import locomo

from memoryos_integrations import MemoryOS, Prompt
from memoryos_integrations.errors import LLMUnavailable
from memoryos_integrations.testing import ScriptedLLM

BUDGETS = (500, 1000, 2000)
_LINE = re.compile(r" (user|agent) \((.*?)\): (.{60,})")


def facts_of(prompt: Prompt[Any]) -> dict[str, list[dict[str, Any]]]:
    """Answer the question of learning with a fact for every longer turn."""
    facts, page = [], ""
    for line in prompt.user.partition("[pages]")[2].splitlines():
        page = line.partition(",")[0] if re.match(r"p\d+, ", line) else page
        if said := _LINE.fullmatch(line):
            longest = max(re.split(r"(?<=[.!?]) ", said[3]), key=len)[:140]
            quote = " ".join(longest.split()[:6])
            told = f"{said[2]} told on that day: {longest}"
            facts.append({"about": said[1], "statement": told, "pages": [page], "quote": quote})
    return {"profile": [], "traits": [], "facts": facts}


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--conversations", type=int, default=5)
    chosen = parser.parse_args()
    samples = json.loads(chosen.data.read_text())[: chosen.conversations]
    learner = ScriptedLLM({"learn": facts_of, "refine": LLMUnavailable("It is not asked for that here.")})
    for name, llm in (("without facts", None), ("with facts", learner)):
        shares: dict[int, list[float]] = defaultdict(list)
        facts: dict[int, list[int]] = defaultdict(list)
        with tempfile.TemporaryDirectory() as folder, MemoryOS(folder, llm=llm) as memory:
            for number, sample in enumerate(samples):
                measure(memory, f"conversation {number}", sample, shares, facts)
        cells = (
            f"{budget} tokens {fmean(shares[budget]):.3f} ({fmean(facts[budget]):.2f} facts)"
            for budget in BUDGETS
        )
        print(f"{name:14}", *cells, sep="  ")


def measure(
    memory: MemoryOS,
    user_id: str,
    sample: dict[str, Any],
    shares: dict[int, list[float]],
    facts: dict[int, list[int]],
) -> None:
    """Remember a conversation and ask its questions."""
    user, turns = memory.user(user_id), list(locomo.turns_of(sample["conversation"]))
    locomo.remember(user, turns)
    memory.flush()
    said = {page.id: [message.metadata["dia_id"] for message in page.messages] for page in user.pages()}
    for question in locomo.questions_of(sample, {turn.dia_id for turn in turns}):
        for budget in BUDGETS:
            items = user.context(question.text, max_tokens=budget).items
            drawn = [item for item in items if item.kind == "fact"]
            shown = {item.metadata["dia_id"] for item in items if item.kind == "message"}
            shown |= {turn for item in drawn for page in item.source_page_ids for turn in said[page]}
            shares[budget].append(len(question.evidence & shown) / len(question.evidence))
            facts[budget].append(len(drawn))


if __name__ == "__main__":
    main()
