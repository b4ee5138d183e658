"""Commands that call a chat model."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from memoryos_integrations.apps.model_options import (
    DEFAULT_MODEL,
    LlmModelOption,
    LlmOption,
    required_model,
)
from memoryos_integrations.apps.options import (
    DEFAULT_USER,
    AgentOption,
    EmbedderName,
    EmbedderOption,
    JsonOption,
    PathOption,
    UserOption,
    fail,
    open_store,
    report_errors,
)
from memoryos_integrations.apps.terminal import console, status, stdout_is_terminal, write_json
from memoryos_integrations.events import GivenUp, Learnt, Refined
from memoryos_integrations.reports import card, clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from memoryos_integrations.events import Event


def respond(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="What the user says.")],
    llm: LlmOption = None,
    llm_model: LlmModelOption = DEFAULT_MODEL,
    thread: Annotated[str, typer.Option("--thread", metavar="T", help="The conversation.")] = "default",
    style: Annotated[
        str | None, typer.Option("--style", metavar="TEXT", help="How to answer, as 'in one sentence'.")
    ] = None,
    relationship: Annotated[
        str | None, typer.Option("--relationship", metavar="TEXT", help="What the model is to the user.")
    ] = None,
    path: PathOption = None,
    user: UserOption = DEFAULT_USER,
    agent: AgentOption = "default",
    as_json: JsonOption = False,
    embedder: EmbedderOption = EmbedderName.DEFAULT,
) -> None:
    """Let a chat model answer from memory, and store the turn.

    The question is stored first: when the model fails, ask again.
    """
    with report_errors():
        model = required_model(llm, llm_model)
    with open_store(path, embedder, create=True, llm=model) as memory:
        mine = memory.user(user, agent)
        pieces = mine.respond_stream(query, thread_id=thread, style_hint=style, relationship=relationship)
        if as_json:
            write_json({"answer": "".join(pieces), "model": model.name})
        else:
            _write(pieces)


@dataclass(slots=True)
class WorkCounts:
    """Counts the work of a chat model from a store's events, which come from several threads."""

    pages_refined: int = 0
    topics: int = 0
    chains: int = 0
    pages_learnt: int = 0
    new_facts: int = 0
    refused: int = 0
    pages_given_up: int = 0

    def count(self, event: Event) -> None:
        """Count an event."""
        if isinstance(event, Refined):
            self.pages_refined += len(event.page_ids)
            self.topics += len(event.segment_ids)
            self.chains += event.chains
        elif isinstance(event, Learnt):
            self.pages_learnt += len(event.page_ids)
            self.new_facts += len(event.fact_ids)
            self.refused += event.refused
        elif isinstance(event, GivenUp):
            self.pages_given_up += len(event.page_ids)


@dataclass(frozen=True, slots=True)
class _Enriched:
    model: str
    work: WorkCounts
    calls: int
    failures: int
    tokens_in: int
    tokens_out: int
    failed: tuple[str, ...]
    """Errors of the jobs that will be retried."""


def enrich(
    llm: LlmOption = None,
    llm_model: LlmModelOption = DEFAULT_MODEL,
    path: PathOption = None,
    as_json: JsonOption = False,
    embedder: EmbedderOption = EmbedderName.DEFAULT,
) -> None:
    """Let a chat model refine pages that none has refined.

    Pages of all users are sorted into topics with summaries; facts and a persona are drawn from hot topics.
    What the model fails at stays unchanged and can be tried again.
    """
    with report_errors():
        model = required_model(llm, llm_model)
    work = WorkCounts()
    listeners: list[Callable[[str], None]] = []

    def on_event(event: Event) -> None:
        work.count(event)
        for listener in listeners:
            listener(f"{work.pages_refined} pages sorted, {work.pages_learnt} learnt from")

    with open_store(path, embedder, on_event=on_event) as memory:
        before = memory.stats()["llm"]
        with status(f"asking {model.name}", quiet=as_json) as show_progress:
            listeners.append(show_progress)
            report = memory.enrich(model)
        after = memory.stats()["llm"]
    done = _Enriched(
        model=model.name,
        work=work,
        calls=after["calls"] - before["calls"],
        failures=after["failures"] - before["failures"],
        tokens_in=after["tokens_in"] - before["tokens_in"],
        tokens_out=after["tokens_out"] - before["tokens_out"],
        failed=tuple(sorted(set(report.parked.values()))),
    )
    if as_json:
        write_json(done)
    else:
        _print_summary(done)
    if done.failed:
        fail(
            f"{len(report.parked)} jobs failed ({', '.join(done.failed)}); the rest is done, try again later"
        )


def _print_summary(done: _Enriched) -> None:
    work = done.work
    figures = {
        "pages sorted": f"{work.pages_refined} into {work.topics} topics and {work.chains} chains",
        "pages learnt from": work.pages_learnt,
        "new facts": work.new_facts,
        "statements refused": work.refused,
        "pages given up": work.pages_given_up,
        "calls": f"{done.calls}, {done.failures} of them failed",
        "tokens": f"{done.tokens_in:,} in, {done.tokens_out:,} out",
    }
    console().print(card(f"refined by {done.model}", figures))


def _write(pieces: Iterable[str]) -> None:
    """Write an answer as it comes; on a terminal without control characters."""
    shown = clean if stdout_is_terminal() else str
    for piece in pieces:
        sys.stdout.write(shown(piece))
        sys.stdout.flush()
    sys.stdout.write("\n")
