"""``memoryos demo``: remembers a conversation, asks about it, builds a prompt, and forgets."""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memoryos_integrations.apps.model_options import (
    DEFAULT_MODEL,
    LlmModelOption,
    LlmOption,
    model_from_options,
)
from memoryos_integrations.apps.options import (
    EmbedderName,
    EmbedderOption,
    JsonOption,
    open_store,
    report_errors,
)
from memoryos_integrations.apps.terminal import console, write_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from memoryos_integrations.apps.demo.run import Answer
    from memoryos_integrations.apps.models import OpenAICompatible


def demo(
    path: Annotated[
        Path | None, typer.Option("--path", metavar="DIR", help="Keep the store here. [default: thrown away]")
    ] = None,
    questions: Annotated[
        int, typer.Option("--questions", metavar="N", min=0, help="How many are shown.")
    ] = 5,
    plain: Annotated[bool, typer.Option("--plain", help="No colours, no animation.")] = False,
    llm: LlmOption = None,
    llm_model: LlmModelOption = DEFAULT_MODEL,
    as_json: JsonOption = False,
    embedder: EmbedderOption = EmbedderName.DEFAULT,
) -> None:
    """Watch a conversation being remembered.

    Then it is asked about, put into a prompt, and forgotten. Takes about ten seconds.

    With --llm, a chat model also sorts the turns and learns from them.
    """
    with report_errors():
        model = model_from_options(llm, llm_model)
    if as_json:
        with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
            out = console(plain=True)
            out.file = nowhere
            result = _run(out, path, questions, embedder, model)
        write_json(result)
    else:
        _run(console(plain=plain), path, questions, embedder, model)


def _run(
    out: Console, path: Path | None, questions: int, embedder: EmbedderName, model: OpenAICompatible | None
) -> dict[str, Any]:
    from memoryos_integrations.apps.demo import model as learning
    from memoryos_integrations.apps.demo import run
    from memoryos_integrations.apps.demo.view import DemoView
    from memoryos_integrations.tokens import default_counter

    started, connections, sample = time.perf_counter(), run.Connections(), run.load_sample()
    view = DemoView(out, sample)
    view.opening(None if model is None else str(model))
    clock = run.clock_from(sample.turns[-1].at)
    with _folder(path) as folder, open_store(folder, embedder, create=True, clock=clock, llm=model) as memory:
        mine = memory.user(sample.user_id)
        with view.remembering() as progress:
            milliseconds = run.remember(memory, sample, progress)
        view.latency(milliseconds)
        tiers = run.tiers_of(memory)
        segments = mine.segments()
        view.heat(segments)
        learnt = None if model is None else learning.learning_report(memory, mine, model.name)
        view.learnt(learnt)
        answers = run.ask(mine, sample.questions)
        shown = run.evenly_spaced(answers, questions)
        view.answers(shown, answers)
        view.heat_change(segments, mine.segments())
        example, whole = (shown or answers)[0], run.tokens_of_all(sample)
        view.context(example, whole, exact=default_counter().exact)
        erased = run.forget_one(memory, sample, answers, folder)
        view.erasure(erased)
        calls = int(memory.stats()["llm"]["calls"])
    connections.stop()
    seconds = time.perf_counter() - started
    view.closing(calls, connections.count, seconds, None if path is None else str(path))
    return {
        "turns": len(sample.turns),
        "seconds": round(seconds, 2),
        "milliseconds_per_turn": round(milliseconds, 2),
        "tiers": tiers,
        **_recalled(answers),
        "context": {
            "tokens": example.context.tokens,
            "max_tokens": run.CONTEXT_TOKENS,
            "conversation": whole,
        },
        "forgotten": None if erased is None else {"before": erased.bytes_before, "after": erased.bytes_after},
        "chat_model_calls": calls,
        "learnt": None if learnt is None else learnt.as_json(),
        "connections": connections.count,
    }


def _recalled(answers: Sequence[Answer]) -> dict[str, Any]:
    from memoryos_integrations.apps.demo import run

    among_items, in_context = run.mean_recall(answers)
    return {
        "questions": len(answers),
        f"recall_at_{run.K}": round(among_items, 3),
        f"recall_in_{run.CONTEXT_TOKENS}_tokens": round(in_context, 3),
    }


@contextmanager
def _folder(path: Path | None) -> Iterator[Path]:
    if path is not None:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="memoryos-demo-") as folder:
        yield Path(folder)
