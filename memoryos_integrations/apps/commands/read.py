"""Commands that read. None changes a store or creates one."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from memoryos_integrations.apps.fact_sources import evidence, superseded
from memoryos_integrations.apps.options import (
    DEFAULT_USER,
    EXIT_NOTHING,
    AgentOption,
    EmbedderName,
    EmbedderOption,
    JsonOption,
    PathOption,
    ThreadOption,
    UserOption,
    exit_with_nothing,
    open_store,
)
from memoryos_integrations.apps.terminal import console, print_status, status, write_json, write_text
from memoryos_integrations.reports import card, rows

if TYPE_CHECKING:
    from rich.console import RenderableType

    from memoryos_integrations.types import Kind, Tier
    from memoryos_integrations.user_memory import UserMemory

_SEGMENTS_SHOWN = 20


class View(StrEnum):
    """The parts that ``show`` prints."""

    PAGES = "pages"
    SEGMENTS = "segments"
    FACTS = "facts"
    PERSONA = "persona"


def search(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="The question.")],
    k: Annotated[int, typer.Option("-k", metavar="N", help="How many memories.")] = 10,
    kind: Annotated[
        list[str] | None,
        typer.Option(
            "--kind",
            metavar="KIND",
            autocompletion=lambda: ["message", "segment", "fact"],
            help="message, segment or fact; may be given several times. [default: message]",
        ),
    ] = None,
    tier: Annotated[
        list[str] | None,
        typer.Option(
            "--tier",
            metavar="TIER",
            autocompletion=lambda: ["short_term", "mid_term", "long_term"],
            help="short_term, mid_term or long_term. [default: all]",
        ),
    ] = None,
    thread: ThreadOption = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show what each signal added to a score.")
    ] = False,
    path: PathOption = None,
    user: UserOption = DEFAULT_USER,
    agent: AgentOption = "default",
    as_json: JsonOption = False,
    embedder: EmbedderOption = EmbedderName.DEFAULT,
) -> None:
    """Find memories, best first. Exit code 1 if there are none."""
    with open_store(path, embedder) as memory:
        result = memory.user(user, agent).retrieve(
            query,
            k=k,
            kinds=cast("list[Kind]", kind or ["message"]),
            tiers=cast("list[Tier] | None", tier or None),
            thread_id=thread,
        )
        if as_json:
            write_json(result)
        elif result:
            columns = () if explain else ("score", "text/role name at kind tier thread_id")
            console().print(rows("Found", result, columns=columns, ids=True))
            if not result.dense:
                print_status("Found by words only: there is no embedder.")
        if not result:
            exit_with_nothing(memory, user, "Nothing was found")


def context(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="The question that a model will answer.")],
    max_tokens: Annotated[int, typer.Option("--max-tokens", metavar="N", help="Of the whole text.")] = 2000,
    thread: Annotated[
        str | None, typer.Option("--thread", metavar="T", help="The running conversation: it comes first.")
    ] = None,
    path: PathOption = None,
    user: UserOption = DEFAULT_USER,
    agent: AgentOption = "default",
    as_json: JsonOption = False,
    embedder: EmbedderOption = EmbedderName.DEFAULT,
) -> None:
    """Write the memories for a prompt to stdout.

    The number of tokens goes to stderr. Exit code 1 if there are none.
    """
    with open_store(path, embedder) as memory:
        built = memory.user(user, agent).context(query, max_tokens=max_tokens, thread_id=thread)
        if as_json:
            write_json(built)
        else:
            write_text(built.text)
            print_status(f"{built.tokens} of {max_tokens} tokens, {len(built.items)} memories")
        if not built.items:
            exit_with_nothing(memory, user, "Nothing was found")


def show(
    view: Annotated[View | None, typer.Argument(metavar="PART", help="By default all of them.")] = None,
    thread: Annotated[
        str | None, typer.Option("--thread", metavar="T", help="Only pages of this conversation.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", help="Newest pages shown.")] = 20,
    history: Annotated[
        bool, typer.Option("--history", help="Also superseded facts, and what replaced them.")
    ] = False,
    path: PathOption = None,
    user: UserOption = DEFAULT_USER,
    agent: AgentOption = "default",
    as_json: JsonOption = False,
    embedder: EmbedderOption = EmbedderName.DEFAULT,
) -> None:
    """Show pages, topics by heat, facts with sources, persona."""
    with open_store(path, embedder) as memory:
        mine = memory.user(user, agent)
        views = tuple(View) if view is None else (view,)
        if as_json:
            values = {str(one): _value(mine, one, thread, limit, history) for one in views}
            write_json(values if view is None else values[view])
            return
        out = console()
        for one in views:
            out.print(_rendered(mine, one, thread, limit, history))
        if user not in memory.users():
            exit_with_nothing(memory, user, "Nothing is stored")


def stats(
    path: PathOption = None,
    as_json: JsonOption = False,
    embedder: EmbedderOption = EmbedderName.DEFAULT,
) -> None:
    """Count what is stored, and what chat models cost."""
    with open_store(path, embedder) as memory:
        counts = memory.stats()
        if as_json:
            write_json(counts)
            return
        from memoryos_integrations.apps import render

        usage = counts.pop("llm")
        out = console()
        out.print(card(str(memory.path), counts))
        if usage["calls"]:
            out.print()
            out.print(render.usage(usage))


def users(
    path: PathOption = None,
    as_json: JsonOption = False,
    embedder: EmbedderOption = EmbedderName.DEFAULT,
) -> None:
    """List the users who have memories."""
    with open_store(path, embedder) as memory:
        ids = memory.users()
    if as_json:
        write_json(ids)
        return
    from memoryos_integrations.apps import render

    console().print(render.lines(ids), soft_wrap=True, end="" if not ids else "\n")


def verify(
    path: PathOption = None,
    as_json: JsonOption = False,
    embedder: EmbedderOption = EmbedderName.DEFAULT,
) -> None:
    """Check that the store is whole. Exit code 1 if something is wrong."""
    with open_store(path, embedder) as memory, status("checking", quiet=as_json):
        report = memory.verify()
    if as_json:
        write_json(report)
    else:
        from memoryos_integrations.apps import render

        out = console()
        out.print(card(f"{memory.path}: {'whole' if report.ok else 'something is wrong'}", report.counts))
        out.print(render.lines(report.problems))
    if not report.ok:
        raise typer.Exit(EXIT_NOTHING)


def _value(mine: UserMemory, view: View, thread: str | None, limit: int, history: bool) -> Any:
    if view is View.PAGES:
        return mine.pages(thread_id=thread, limit=limit)
    if view is View.SEGMENTS:
        return mine.segments()
    if view is View.PERSONA:
        return mine.persona()
    facts = mine.facts()
    return [*facts, *superseded(mine, facts)[0]] if history else facts


def _rendered(mine: UserMemory, view: View, thread: str | None, limit: int, history: bool) -> RenderableType:
    from rich.console import Group

    from memoryos_integrations.apps import render

    if view is View.PAGES:
        return rows("Pages", mine.pages(thread_id=thread, limit=limit), ids=True)
    if view is View.SEGMENTS:
        return render.segments(mine.segments(), most=_SEGMENTS_SHOWN, ids=True)
    if view is View.PERSONA:
        return mine.persona()
    facts = mine.facts()
    holding = render.facts(facts, evidence(mine, facts))
    return Group(holding, render.superseded(*superseded(mine, facts))) if history else holding
