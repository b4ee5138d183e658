"""Output: stored text is data, so nothing in it may steer the terminal or be read as markup."""

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


def say(line: str) -> None:
    """Write one line about what was done to stderr, so that stdout holds nothing but what was asked for."""
    console(stderr=True).print(one_line(line), soft_wrap=True)


@contextmanager
def working(on: str, *, quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """Show on stderr that a command is at work, if that is a terminal; yield what says how far it has come.

    Args:
        on: what it does.
        quiet: show nothing there either.
    """
    err = console(stderr=True)
    if quiet or not animated(err):
        yield lambda _: None
        return
    with err.status(one_line(on)) as status:
        yield lambda so_far: status.update(one_line(f"{on}: {so_far}"))


def animated(out: Console) -> bool:
    """Return whether what moves can be shown: colours forced upon a pipe do not make it a terminal."""
    return out.is_interactive and out.file.isatty()


def write_json(value: object) -> None:
    """Write a value to stdout as JSON in ASCII, which no terminal can be steered by."""
    sys.stdout.write(json.dumps(plain(value), indent=2) + "\n")


def on_terminal() -> bool:
    """Return whether stdout is a terminal, which what is written could steer."""
    return sys.stdout.isatty()


def write_exactly(text: str) -> None:
    """Write a text to stdout unchanged; only on a terminal it is made safe to show and ends its line."""
    sys.stdout.write(clean(text) + "\n" if on_terminal() else text)


def plain(value: object) -> Any:
    """Return a value of this library as what JSON knows; times become ISO 8601."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value.isoformat() if isinstance(value, datetime) else value
