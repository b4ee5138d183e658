"""Evidence recall on every kind of conversation, beside what plain vectors and plain words bring back.

    python -m benchmarks.panel                                  the project's own sets
    python -m benchmarks.panel ../shared/data/panel             and all sets of a folder
    python -m benchmarks.panel path/to/locomo10.json --users 2  and two conversations of LoCoMo's own file
    python -m benchmarks.panel ... --against COMMIT             the library of a commit beside today's

Each conversation is a user of a store of its own, each session a thread, each turn a message; the question is
asked a day after the last turn. Beside the library stand the vectors of its embedder (dense), BM25, and both
by reciprocal rank fusion, over the same messages and within the same budgets. ``benchmarks/metrics.py`` says
how a found message counts, ``benchmarks/sets.py`` in which form sets are read.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks import against, metrics, sets
from benchmarks.baselines import Baselines, CachingEmbedder, token_counter, within
from benchmarks.sets import Conversation, DataSet, Question
from memoryos_integrations import LLM, Embedder, MemoryConfig, MemoryOS, UserMemory
from memoryos_integrations.testing import FrozenClock

OURS = "library"
TOP, BUDGETS = (5, 10, 20), (500, 1000, 2000)
MOST = 100
"""Messages that are ranked: enough for ten sessions."""
RECALL = tuple(f"recall@{k}" for k in TOP)
WITHIN, LENIENT, FACTS = (tuple(f"{word} {n}" for n in BUDGETS) for word in ("within", "lenient", "facts"))
SESSIONS = ("session@5", "session@10")
MEASURES = (*RECALL, *WITHIN, *LENIENT, *FACTS, *SESSIONS)
MAIN = ("recall@10", "within 1000")

Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Score:
    """What one system made of one question."""

    system: str
    kind: str
    figures: Figures


def main() -> None:
    """Measure and print."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("data", type=Path, nargs="*", help="files of sets, or folders of them")
    parser.add_argument("--users", type=int, help="conversations of each set; all by default")
    parser.add_argument(
        "--embedder", default="default", help="default, none, or another that the library knows"
    )
    parser.add_argument("--strategy", choices=("hybrid", "paper"), default="hybrid")
    parser.add_argument("--search", choices=("auto", "chroma", "exact"), default="auto")
    parser.add_argument("--plot", type=Path, help="draw recall@10 and within 1000 into this file")
    chosen = against.parse("panel", parser)
    config = MemoryConfig(strategy=chosen.strategy, search=chosen.search, token_counter=token_counter())
    embedder = embedder_named(chosen.embedder)
    print(metrics.__doc__)
    found = {}
    for content in sets.first(sets.read(chosen.data), chosen.users):
        began = time.perf_counter()
        found[content] = list(scores_of(content, embedder, config))
        print(table(content, found[content], time.perf_counter() - began), flush=True)
    print(summary(found))
    against.write(chosen.json, **as_json(found))
    if chosen.plot:
        plot(found, chosen.plot)


def embedder_named(name: str) -> CachingEmbedder | None:
    """Return the embedder that a store takes by this name; ``None`` for the name "none"."""
    with (
        tempfile.TemporaryDirectory() as folder,
        MemoryOS(folder, embedder=None if name == "default" else name) as memory,
    ):
        return CachingEmbedder(memory.embedder) if memory.embedder else None


# --- one set


def scores_of(content: DataSet, embedder: Embedder | None, config: MemoryConfig) -> Iterator[Score]:
    """Yield what each system makes of each question of a set; the configuration has a token counter."""
    for conversation in content.conversations:
        baselines = Baselines(conversation.turns, embedder)
        for question, figures in library_figures(content, conversation, embedder, config):
            yield Score(OURS, question.kind, figures)
            for system, ranked in baselines.rankings(question.text).items():
                figures = baseline_figures(content, conversation, question, ranked, config)
                yield Score(system, question.kind, figures)


def library_figures(
    content: DataSet,
    conversation: Conversation,
    embedder: Embedder | None,
    config: MemoryConfig,
    llm: LLM | None = None,
) -> Iterator[tuple[Question, Figures]]:
    """Remember a conversation, and yield each of its questions with the library's figures."""
    with (
        tempfile.TemporaryDirectory() as folder,
        opened(folder, conversation, embedder, config, llm) as memory,
    ):
        user = memory.user(conversation.id)
        remember(user, content, conversation)
        memory.flush()
        pages = {page.id: page for page in user.pages()}
        for question in conversation.questions:
            yield question, asked(user, content, conversation, question, pages)


def opened(
    folder: str,
    conversation: Conversation,
    embedder: Embedder | None,
    config: MemoryConfig,
    llm: LLM | None = None,
) -> MemoryOS:
    """Return a store on the day of the questions."""
    clock = FrozenClock(conversation.asked_at)
    return MemoryOS(folder, config=config, embedder=embedder or "none", llm=llm, clock=clock)


def remember(user: UserMemory, content: DataSet, conversation: Conversation) -> None:
    """Add every turn as a message."""
    for turn in conversation.turns:
        user.add_message(
            turn.text,
            role=turn.role,
            name=turn.name,
            thread_id=turn.session,
            at=turn.at,
            metadata={"gold": content.gold_id(turn)},
        )


def asked(
    user: UserMemory, content: DataSet, conversation: Conversation, question: Question, pages: dict[str, Any]
) -> Figures:
    """Return what the library finds, asked once by items and three times by tokens."""
    items = user.retrieve(question.text, k=MOST).items
    gold, figures = question.gold, {}
    for k in TOP:
        figures[f"recall@{k}"] = metrics.recall(gold, [item.metadata["gold"] for item in items[:k]])
    ranked = [item.thread_id or "" for item in items]
    figures |= zip(SESSIONS, metrics.sessions(content, conversation.turns, question, ranked), strict=True)
    for budget in BUDGETS:
        context = user.context(question.text, max_tokens=budget)
        messages = [item for item in context.items if item.kind == "message"]
        facts = [item for item in context.items if item.kind != "message"]
        strict = metrics.strictly_shown(question, messages, context.text)
        figures[f"within {budget}"] = metrics.recall(gold, strict)
        figures[f"lenient {budget}"] = metrics.recall(gold, [item.metadata["gold"] for item in messages])
        figures[f"facts {budget}"] = metrics.recall(gold, strict | metrics.drawn_from(facts, pages))
        figures[f"facts shown {budget}"] = len(facts)
    return figures


def baseline_figures(
    content: DataSet,
    conversation: Conversation,
    question: Question,
    ranked: Sequence[int],
    config: MemoryConfig,
) -> Figures:
    """Return the same figures of a ranking; it shows whole messages and no facts."""
    turns, figures = conversation.turns, {}
    gold = [content.gold_id(turn) for turn in turns]
    for k in TOP:
        figures[f"recall@{k}"] = metrics.recall(question.gold, [gold[place] for place in ranked[:k]])
    by_session = [turns[place].session for place in ranked[:MOST]]
    figures |= zip(SESSIONS, metrics.sessions(content, turns, question, by_session), strict=True)
    assert config.token_counter is not None
    for budget, *names in zip(BUDGETS, WITHIN, LENIENT, FACTS, strict=True):
        shown = within(budget, turns, ranked, config.token_counter)
        share = metrics.recall(question.gold, [gold[place] for place in shown])
        figures |= dict.fromkeys(names, share)
    return figures


# --- what is printed


def mean(scores: Iterable[Score], system: str, measure: str, kind: str | None = None) -> float:
    """Return the mean of a measure over the questions, of all kinds or of one."""
    return fmean(
        score.figures[measure] for score in scores if score.system == system and kind in (None, score.kind)
    )


def systems_of(scores: Iterable[Score]) -> list[str]:
    """Return the systems in the order in which they were measured, the library first."""
    return list(dict.fromkeys(score.system for score in scores))


def table(content: DataSet, scores: Sequence[Score], seconds: float) -> str:
    """Return the figures of a set, and those of each kind of question."""
    systems, ours = systems_of(scores), [score for score in scores if score.system == OURS]
    turns = sum(len(conversation.turns) for conversation in content.conversations)
    counts = f"{len(content.conversations)} conversations, {turns} turns, {len(ours)} questions"
    lines = [f"{content.name} ({content.language}): {counts}, {seconds:.0f} s"]
    groups = (("recall@", TOP), ("within", BUDGETS), ("lenient", BUDGETS), ("with facts", BUDGETS))
    groups = (*groups, ("sessions@", (5, 10)))
    lines.append(" " * 9 + "".join(f"{name:>{6 * len(columns)}}" for name, columns in groups))
    lines.append(" " * 9 + "".join(f"{column:6}" for _, columns in groups for column in columns))
    lines += [
        f"{system:9}" + "".join(f"{mean(scores, system, measure):6.3f}" for measure in MEASURES)
        for system in systems
    ]
    lines.append(f"{'by kind':30}" + "".join(f"{system + ' @10 · 1000':>19}" for system in systems))
    for kind in dict.fromkeys(score.kind for score in ours):
        count = sum(score.kind == kind for score in ours)
        cells = (" · ".join(f"{mean(scores, system, m, kind):.3f}" for m in MAIN) for system in systems)
        lines.append(f"  {kind:22}{count:6}" + "".join(f"{cell:>19}" for cell in cells))
    return "\n".join([*lines, ""])


def macro(found: dict[DataSet, list[Score]], language: str | None = None) -> dict[str, Figures]:
    """Return each system's means over sets, every set counting the same; probes are left out."""
    chosen = [scores for content, scores in found.items() if not content.probe]
    if language:
        chosen = [found[content] for content in found if not content.probe and content.language == language]
    systems = systems_of(chosen[0])
    return {
        system: {measure: fmean(mean(scores, system, measure) for scores in chosen) for measure in MEASURES}
        for system in systems
    }


def distance(scores: Sequence[Score]) -> float:
    """Return the library's recall@10 less that of the best other system."""
    others = (mean(scores, system, "recall@10") for system in systems_of(scores) if system != OURS)
    return mean(scores, OURS, "recall@10") - max(others)


def summary(found: dict[DataSet, list[Score]]) -> str:
    """Return the means over sets, and the set on which the library is furthest behind."""
    lines = [f"{'mean of sets':30}" + "".join(f"{measure:>13}" for measure in (*RECALL, *WITHIN))]
    for name, language in (("all", None), ("English", "en")):
        for system, figures in macro(found, language).items():
            cells = "".join(f"{figures[measure]:13.3f}" for measure in (*RECALL, *WITHIN))
            lines.append(f"{name + ', ' + system:30}{cells}")
    worst = min(
        (content for content in found if not content.probe), key=lambda content: distance(found[content])
    )
    lines.append(
        f"worst distance of recall@10 to the best other: {distance(found[worst]):+.3f}, {worst.name}"
    )
    return "\n".join(lines)


def as_json(found: dict[DataSet, list[Score]]) -> dict[str, Any]:
    """Return all figures by set and system, and under "figures" those to compare with another commit's."""
    ours = {
        f"{content.name}: {measure}": mean(scores, OURS, measure)
        for content, scores in found.items()
        for measure in (*RECALL, *WITHIN, *SESSIONS)
    }
    ours |= {f"mean of sets: {measure}": macro(found)[OURS][measure] for measure in (*RECALL, *WITHIN)}
    ours["worst distance"] = min(distance(scores) for content, scores in found.items() if not content.probe)
    by_set = {
        content.name: {
            system: {measure: mean(scores, system, measure) for measure in MEASURES}
            for system in systems_of(scores)
        }
        for content, scores in found.items()
    }
    return {"figures": ours, "sets": by_set, "means": macro(found), "english_means": macro(found, "en")}


def plot(found: dict[DataSet, list[Score]], file: Path) -> None:
    """Draw recall@10 and within 1000 of every set, a bar a system."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 6), layout="constrained")
    for axes, measure in zip(figure.subplots(2, 1, sharex=True), MAIN, strict=True):
        systems = systems_of(next(iter(found.values())))
        for number, system in enumerate(systems):
            heights = [mean(scores, system, measure) for scores in found.values()]
            places = [place + 0.2 * number for place in range(len(found))]
            axes.bar(places, heights, width=0.18, label=system)
        axes.set(ylabel=measure, ylim=(0, 1))
        axes.set_xticks([place + 0.3 for place in range(len(found))], [content.name for content in found])
        axes.spines[["top", "right"]].set_visible(False)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=len(systems))
    figure.savefig(file)


if __name__ == "__main__":
    main()
