"""The command ``memoryos``."""

from __future__ import annotations

import io
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated

import typer

from memoryos_integrations.apps.commands import ask, maintain, read, write
from memoryos_integrations.apps.demo.command import demo
from memoryos_integrations.apps.examples import examples_of
from memoryos_integrations.apps.importing.upstream import import_upstream
from memoryos_integrations.apps.mcp import server

if TYPE_CHECKING:
    from collections.abc import Callable

app = typer.Typer(
    name="memoryos",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"memoryos {version('memoryos-integrations')}")
        raise typer.Exit


@app.callback()
def memoryos(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Long-term memory for language models, on this machine: no key, no server, no network.

    Only 'respond', 'enrich' and 'demo --llm' send anything anywhere: to the chat model given by --llm.

    Exit codes: 0 done; 1 nothing was found, or 'verify' found a problem; 2 an error, in one line on stderr.
    """


_COMMANDS: dict[str, Callable[..., None]] = {
    "demo": demo,
    "add": write.add,
    "chat-import": write.chat_import,
    "import-upstream": import_upstream,
    "search": read.search,
    "context": read.context,
    "respond": ask.respond,
    "enrich": ask.enrich,
    "show": read.show,
    "stats": read.stats,
    "users": read.users,
    "verify": read.verify,
    "rebuild": maintain.rebuild,
    "export": write.export,
    "forget": write.forget,
    "load": write.load,
    "reindex": maintain.reindex,
}

for _name, _command in _COMMANDS.items():
    app.command(_name, epilog=examples_of(_name))(_command)
app.add_typer(server.app, name="mcp", epilog=examples_of("mcp"))


def main() -> None:
    """Run the command line: what ``memoryos`` and ``python -m memoryos_integrations.apps.cli`` start."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # An encoding with few characters must not end a command with a traceback.
            stream.reconfigure(errors="replace")
    app()


if __name__ == "__main__":
    main()
