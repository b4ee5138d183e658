"""``memoryos import-upstream``: imports a store of upstream MemoryOS."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memoryos_integrations.apps.options import (
    DEFAULT_USER,
    AgentOption,
    EmbedderName,
    EmbedderOption,
    JsonOption,
    PathOption,
    UserOption,
    open_store,
    report_errors,
)
from memoryos_integrations.apps.terminal import console, one_line, print_status, status, write_json
from memoryos_integrations.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo


@dataclass(frozen=True, slots=True)
class _Imported:
    user: str
    agent: str
    upstream: str
    pages: int
    facts: int
    new_records: int
    left_out: Mapping[str, int]
    parked: int
    waiting: int


def import_upstream(
    folder: Annotated[Path, typer.Argument(metavar="PATH", help="What upstream has as data_storage_path.")],
    from_user: Annotated[
        str | None, typer.Option("--from-user", metavar="ID", help="Upstream's id. [default: as --user]")
    ] = None,
    from_assistant: Annotated[
        str | None,
        typer.Option("--from-assistant", metavar="ID", help="Upstream's id. [default: as --agent]"),
    ] = None,
    zone: Annotated[
        str | None,
        typer.Option("--zone", metavar="NAME", help="Of its times. [default: this machine's]"),
    ] = None,
    thread: Annotated[str, typer.Option("--thread", metavar="T", help="The conversation.")] = "default",
    path: PathOption = None,
    user: UserOption = DEFAULT_USER,
    agent: AgentOption = "default",
    as_json: JsonOption = False,
    embedder: EmbedderOption = EmbedderName.DEFAULT,
) -> None:
    """Import a store of MemoryOS (BAI-LAB), all or nothing.

    What was imported before is not stored twice.

    Its turns keep their times, its knowledge becomes facts, its profile an imported fact; pages are
    sorted into topics again. An imported fact never supersedes what the user said here.
    """
    from memoryos_integrations.apps.importing.upstream_files import Selection, read
    from memoryos_integrations.apps.importing.upstream_records import records

    with report_errors():
        theirs = read(folder, Selection(from_user, from_assistant, user, agent), _zone(zone))
    with (
        open_store(path, embedder, create=True) as memory,
        status("importing", quiet=as_json) as show_progress,
    ):
        mine = memory.user(user, agent)
        new = mine._load(records(theirs, mine, thread, mine._store.times.now()))
        show_progress(f"{new} records stored, embedding them")
        report = memory.flush()
    imported = _Imported(
        user=user,
        agent=agent,
        upstream=theirs.store_of,
        pages=len(theirs.pages),
        facts=len(theirs.facts),
        new_records=new,
        left_out=theirs.left_out,
        parked=len(report.parked),
        waiting=report.waiting,
    )
    if as_json:
        write_json(imported)
    else:
        _print_summary(imported)


def _zone(name: str | None) -> tzinfo | None:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInputError(f"--zone: {name!r} is not a time zone such as Asia/Shanghai or UTC") from None


def _print_summary(imported: _Imported) -> None:
    out = console()
    of = f"{imported.pages} turns and {imported.facts} facts of upstream's {imported.upstream!r}"
    out.print(one_line(f"read {of} for {imported.user} with {imported.agent}"), soft_wrap=True)
    out.print(f"new: {imported.new_records} records" if imported.new_records else "new: nothing")
    for reason, count in imported.left_out.items():
        out.print(f"left out: {count} {reason}")
    if imported.parked or imported.waiting:
        print_status(
            f"Not embedded yet: {imported.parked} jobs failed, {imported.waiting} wait for another process."
        )
