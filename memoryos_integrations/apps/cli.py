"""The command ``memoryos``: a store looked at, filled and emptied from a terminal."""

from __future__ import annotations

import io
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from memoryos_integrations.apps import asking, mcp_server, reading, writing
from memoryos_integrations.apps.demo import demo
from memoryos_integrations.apps.upstream import import_upstream

app = typer.Typer(
    name="memoryos",
    no_args_is_help=True,
    add_completion=False,
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

    Only 'respond', 'enrich' and 'demo --llm' send anything anywhere: to the chat model that they are given.

    Exit codes: 0 done; 1 nothing was found, or 'verify' found a problem; 2 an error, in one line on stderr.
    """


app.command("demo")(demo)
app.command("add")(writing.add)
app.command("chat-import")(writing.chat_import)
app.command("import-upstream")(import_upstream)
app.command("search")(reading.search)
app.command("context")(reading.context)
app.command("respond")(asking.respond)
app.command("enrich")(asking.enrich)
app.command("show")(reading.show)
app.command("stats")(reading.stats)
app.command("users")(reading.users)
app.command("verify")(reading.verify)
app.command("rebuild")(writing.rebuild)
app.command("forget")(writing.forget)
app.command("export")(writing.export)
app.command("load")(writing.load)
app.add_typer(mcp_server.app, name="mcp")


def main() -> None:
    """Run the command line: what ``memoryos`` and ``python -m memoryos_integrations.apps.cli`` start."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that knows few characters must not end a command with a traceback.
            stream.reconfigure(errors="replace")
    app()


if __name__ == "__main__":
    main()
