"""Output. Stored text must not control the terminal or be read as markup."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from memoryos_integrations.reports import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

_PIPED_WIDTH = 100


def one_line(text: str, limit: int | None = None) -> str:
    """Return a clean text without line ends, cut to a number of characters."""
    line = " ".join(clean(text).split())
    return line if limit is None or len(line) <= limit else line[: limit - 1].rstrip() + "…"


def console(*, stderr: bool = False, plain: bool = False) -> Console:
    """Return a console that takes text as it is: no markup, no emoji codes, no colours when piped.

    Args:
        stderr: write there instead of to stdout.
        plain: no colours and no animation on a terminal either.
    """
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    fixed = None if stream.isatty() or "COLUMNS" in os.environ else _PIPED_WIDTH
    return Console(
        stderr=stderr,
        width=fixed,
        markup=False,
        emoji=False,
        highlight=False,
        no_color=True if plain else None,
        force_terminal=False if plain else None,
    )


def print_status(line: str) -> None:
    """Write one line to stderr, so that stdout holds results only."""
    console(stderr=True).print(one_line(line), soft_wrap=True)


@contextmanager
def status(text: str, *, quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """Show a status line on stderr while a command works, if that is a terminal.

    Args:
        text: what the command does.
        quiet: show nothing.

    Yields:
        A function that shows how far it has come.
    """
    err = console(stderr=True)
    if quiet or not can_animate(err):
        yield lambda _: None
        return
    with err.status(one_line(text)) as line:
        yield lambda progress: line.update(one_line(f"{text}: {progress}"))


def can_animate(out: Console) -> bool:
    """Return whether progress can be shown: a pipe with forced colours is not a terminal."""
    return out.is_interactive and out.file.isatty()


def write_json(value: object) -> None:
    """Write a value to stdout as JSON in ASCII, which cannot control a terminal."""
    sys.stdout.write(json.dumps(json_value(value), indent=2) + "\n")


def stdout_is_terminal() -> bool:
    """Return whether stdout is a terminal."""
    return sys.stdout.isatty()


def write_text(text: str) -> None:
    """Write a text to stdout unchanged; on a terminal without control characters, and with a line end."""
    sys.stdout.write(clean(text) + "\n" if stdout_is_terminal() else text)


def json_value(value: object) -> Any:
    """Return a value of this library as JSON values; times become ISO 8601."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: json_value(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(item) for item in value]
    return value.isoformat() if isinstance(value, datetime) else value


def print_count(as_json: bool, name: str, count: int, line: str) -> None:
    """Print how many things a command did: as JSON under a name, else a line about it."""
    if as_json:
        write_json({name: count})
    else:
        console().print(one_line(line), soft_wrap=True)
