"""Commands that change a store."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memoryos_integrations.apps.options import (
    DEFAULT_USER,
    EXIT_NOTHING,
    AgentOption,
    EmbedderName,
    EmbedderOption,
    JsonOption,
    PathOption,
    UserOption,
    fail,
    open_store,
    parse_time,
    report_errors,
)
from memoryos_integrations.apps.terminal import (
    can_animate,
    console,
    one_line,
    print_count,
    print_status,
    status,
    write_json,
)
from memoryos_integrations.events import Embedded, TurnAdded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from memoryos_integrations.apps.importing.conversation import Conversation
    from memoryos_integrations.events import Event
    from memoryos_integrations.memory import MemoryOS
    from memoryos_integrations.types import FlushReport
    from memoryos_integrations.user_memory import UserMemory

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The file.")]


def add(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What the user said.")],
    answer: Annotated[str, typer.Option("--answer", metavar="TEXT", help="What was answered.")] = "",
    thread: Annotated[str, typer.Option("--thread", metavar="T", help="The conversation.")] = "default",
    at: Annotated[
        str | None, typer.Option("--at", metavar="ISO", help="When, with its zone. [default: now]")
    ] = None,
    path: PathOption = None,
    user: UserOption = DEFAULT_USER,
    agent: AgentOption = "default",
    as_json: JsonOption = False,
    embedder: EmbedderOption = EmbedderName.DEFAULT,
) -> None:
    """Store one turn. It is on disk and can be found when this returns."""
    with report_errors():
        when = parse_time("--at", at)
    with open_store(path, embedder, create=True) as memory:
        page = memory.user(user, agent).add(text, answer, thread_id=thread, at=when)
    if as_json:
        write_json(page)
    else:
        console().print(f"stored {page.id}", soft_wrap=True)


@dataclass(slots=True)
class _Tally:
    """Counts a store's events; the worker's come from its own thread."""

    stored: int = 0
    embedded: int = 0
    on_embedded: Callable[[int], None] | None = None

    def count(self, event: Event) -> None:
        if isinstance(event, TurnAdded):
            self.stored += len(event.message_ids)
        elif isinstance(event, Embedded):
            self.embedded += event.messages
            if self.on_embedded is not None:
                self.on_embedded(self.embedded)


@dataclass(frozen=True, slots=True)
class _Imported:
    users: tuple[str, ...]
    stored: int
    known: int
    left_out: Mapping[str, int]
    parked: int
    waiting: int


def chat_import(
    file: FileArgument,
    thread: Annotated[
        str | None,
        typer.Option("--thread", metavar="T", help="Of messages that name none. [default: the file's name]"),
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option("--sample", metavar="N", help="Which sample of a LoCoMo file, from 0. [default: all]"),
    ] = None,
    path: PathOption = None,
    user: UserOption = DEFAULT_USER,
    agent: AgentOption = "default",
    as_json: JsonOption = False,
    embedder: EmbedderOption = EmbedderName.DEFAULT,
) -> None:
    """Store a file of conversations.

    Messages stored before are skipped.

    A JSON list of messages (role, content or text; optional name, at or timestamp, thread_id), ShareGPT's
    format, or LoCoMo's: its sessions become threads, and several samples several users: ID-0, ID-1, ...
    The file is checked first: if anything in it is wrong, nothing is stored.
    """
    from memoryos_integrations.apps.importing.chat_files import read

    with report_errors():
        conversations = read(file, thread_id=thread, sample=sample)
    tally = _Tally()
    with open_store(path, embedder, create=True, on_event=tally.count) as memory:
        report = _store(memory, conversations, tally, user, agent, quiet=as_json)
    messages = sum(len(conversation.messages) for conversation in conversations)
    imported = _Imported(
        users=tuple(user + conversation.user_suffix for conversation in conversations),
        stored=tally.stored,
        known=messages - tally.stored,
        left_out=sum((conversation.left_out for conversation in conversations), Counter[str]()),
        parked=len(report.parked),
        waiting=report.waiting,
    )
    if as_json:
        write_json(imported)
    else:
        _print_summary(imported)


def _store(
    memory: MemoryOS, conversations: list[Conversation], tally: _Tally, user: str, agent: str, *, quiet: bool
) -> FlushReport:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    err = console(stderr=True)
    columns = (TextColumn("{task.description:<9}"), BarColumn(), MofNCompleteColumn())
    total = sum(len(conversation.messages) for conversation in conversations)
    with Progress(*columns, console=err, disable=quiet or not can_animate(err)) as progress:
        storing = progress.add_task("storing", total=total)
        for conversation in conversations:
            mine = memory.user(user + conversation.user_suffix, agent)
            for message in conversation.messages:
                mine.add_message(
                    message.text,
                    role=message.role,
                    name=message.name,
                    thread_id=message.thread_id,
                    at=message.at,
                    event_id=message.event_id,
                    source="import",
                    metadata=message.metadata,
                )
                progress.advance(storing)
        embedding = progress.add_task("embedding", total=tally.stored, completed=tally.embedded)
        tally.on_embedded = lambda done: progress.update(embedding, completed=done)
        return memory.flush()


def _print_summary(imported: _Imported) -> None:
    out = console()
    out.print(one_line(f"stored {imported.stored} messages for {', '.join(imported.users)}"), soft_wrap=True)
    if imported.known:
        out.print(f"stored before: {imported.known}")
    for reason, count in imported.left_out.items():
        out.print(f"left out: {count} {reason}")
    if imported.parked or imported.waiting:
        print_status(
            f"Not embedded yet: {imported.parked} jobs failed, {imported.waiting} wait for another process."
        )


def forget(
    ids: Annotated[
        list[str] | None,
        typer.Option(
            "--id", metavar="ID", help="Of a message, page, segment or fact; several times for more."
        ),
    ] = None,
    thread: Annotated[str | None, typer.Option("--thread", metavar="T", help="A whole conversation.")] = None,
    everything: Annotated[
        bool, typer.Option("--everything", help="All that is stored of this user with this agent.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    path: PathOption = None,
    user: UserOption = DEFAULT_USER,
    agent: AgentOption = "default",
    as_json: JsonOption = False,
    embedder: EmbedderOption = EmbedderName.DEFAULT,
) -> None:
    """Erase for good, from every file of the store. Exit code 1 if there was nothing to erase."""
    if bool(ids) + (thread is not None) + everything != 1:
        fail("say what to forget: exactly one of --id, --thread and --everything")
    with open_store(path, embedder) as memory:
        mine = memory.user(user, agent)
        if not yes:
            _confirm(mine, ids, thread)
        receipt = mine.forget(ids=ids or None, thread_id=thread, everything=everything)
    if as_json:
        write_json(receipt)
    else:
        console().print(
            f"forgotten: {len(receipt.message_ids)} messages, {len(receipt.page_ids)} pages, "
            f"{len(receipt.fact_ids)} facts; {len(receipt.segment_ids)} segments gone or blanked",
            soft_wrap=True,
        )
    if receipt.missing_ids:
        print_status(f"not there: {', '.join(receipt.missing_ids)}")
    if not (receipt.message_ids or receipt.fact_ids):
        raise typer.Exit(EXIT_NOTHING)


def _confirm(mine: UserMemory, ids: list[str] | None, thread: str | None) -> None:
    if not sys.stdin.isatty():
        fail("there is no terminal to ask on: give --yes to forget without a question")
    if ids:
        what = f"{len(ids)} items"
    else:
        count = len(mine.pages(thread_id=thread))
        what = f"{count} pages of thread {thread!r}" if thread is not None else f"everything ({count} pages)"
    question = one_line(f"Erase {what} of user {mine.user_id!r} with agent {mine.agent_id!r} for good?")
    if not typer.confirm(question, err=True):
        print_status("nothing was erased")
        raise typer.Exit(EXIT_NOTHING)


def export(
    file: FileArgument,
    path: PathOption = None,
    user: UserOption = DEFAULT_USER,
    agent: AgentOption = "default",
    as_json: JsonOption = False,
    embedder: EmbedderOption = EmbedderName.DEFAULT,
) -> None:
    """Write all memories of a user to a file.

    JSON Lines; only you can read it.
    """
    with open_store(path, embedder) as memory:
        records = memory.user(user, agent).export(file)
    print_count(as_json, "records", records, f"wrote {records} records to {file}")


def load(
    file: FileArgument,
    path: PathOption = None,
    user: UserOption = DEFAULT_USER,
    agent: AgentOption = "default",
    as_json: JsonOption = False,
    embedder: EmbedderOption = EmbedderName.DEFAULT,
) -> None:
    """Store what 'export' wrote, all or nothing."""
    if not file.is_file():
        fail(f"{file} is not a file")
    with open_store(path, embedder, create=True) as memory, status("loading", quiet=as_json) as show_progress:
        records = memory.user(user, agent).load(file)
        show_progress(f"{records} records stored, embedding them")
        memory.flush()
    print_count(as_json, "new_records", records, f"stored {records} new records")
