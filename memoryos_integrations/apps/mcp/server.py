"""``memoryos mcp``: the memory of one user, for the clients of the Model Context Protocol."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from memoryos_integrations.apps.examples import examples_of
from memoryos_integrations.apps.mcp.clients import PLACES, Client, configuration
from memoryos_integrations.apps.mcp.settings import settings_from
from memoryos_integrations.apps.options import EmbedderName, EmbedderOption, fail, reported
from memoryos_integrations.apps.terminal import say, write_json
from memoryos_integrations.errors import MissingDependencyError
from memoryos_integrations.storage.location import store_folder

app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)

_HOST, _PORT = "127.0.0.1", 8765

UserOption = Annotated[
    str | None,
    typer.Option(
        "--user", envvar="MEMORYOS_USER", metavar="ID", help="Whose memory it is. [default: default]"
    ),
]
PathOption = Annotated[
    Path | None,
    typer.Option(
        "--path",
        metavar="DIR",
        help="The store's folder.  [env var: MEMORYOS_PATH; default: one of the account's own]",
    ),
]
AgentOption = Annotated[
    str | None, typer.Option("--agent", metavar="ID", help="With which agent. [default: default]")
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="A config.json of the reference server; options come before what it says.",
    ),
]
ReadOnlyOption = Annotated[bool, typer.Option("--read-only", help="Without the tools that change anything.")]


@app.callback()
def mcp(
    context: typer.Context,
    user: UserOption = None,
    path: PathOption = None,
    agent: AgentOption = None,
    config: ConfigOption = None,
    read_only: ReadOnlyOption = False,
    http: Annotated[bool, typer.Option("--http", help="Serve HTTP instead of stdin and stdout.")] = False,
    host: Annotated[
        str | None, typer.Option("--host", metavar="HOST", help=f"Listen there. [default: {_HOST}]")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", metavar="N", min=0, max=65535, help=f"0 for a free one. [default: {_PORT}]"),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-host",
            metavar="NAME",
            help="A name that clients call it by, besides those of this machine; several times for more.",
        ),
    ] = None,
    embedder: EmbedderOption = EmbedderName.DEFAULT,
) -> None:
    """Serve the memory of one user to MCP clients.

    MCP is the Model Context Protocol. A client starts this by itself: 'memoryos mcp config' prints what to
    tell it. With --http, a server that can be reached from other machines needs --allow-host, and a token in
    MEMORYOS_MCP_TOKEN.
    """
    if context.invoked_subcommand is not None:
        _refuse_given(context)
        return
    if not http and (host is not None or port is not None or allow_host):
        fail("--host, --port and --allow-host are for --http")
    with reported():
        _need_mcp()
        from memoryos_integrations.apps.mcp.http import TOKEN, address
        from memoryos_integrations.apps.mcp.serving import serve

        settings = settings_from(config, user=user, path=path, agent=agent, embedder=embedder)
        at = None
        if http:
            at = address(
                _HOST if host is None else host,
                _PORT if port is None else port,
                allow_host or [],
                os.environ.get(TOKEN) or None,
            )
        serve(settings, at, read_only=read_only)


@app.command("config", epilog=examples_of("mcp config"))
def config_(
    client: Annotated[Client, typer.Option("--client", help="Whose configuration.")],
    user: UserOption = None,
    path: PathOption = None,
    agent: AgentOption = None,
    config: ConfigOption = None,
    read_only: ReadOnlyOption = False,
    embedder: EmbedderOption = EmbedderName.DEFAULT,
) -> None:
    """Print the configuration of a client, as JSON. Where it belongs is said on stderr."""
    with reported():
        _need_mcp()
        settings = settings_from(config, user=user, path=path, agent=agent, embedder=embedder)
    arguments = ["mcp"]
    if config is not None:
        arguments += ["--config", str(config.absolute())]
    if config is None or user is not None:
        arguments += ["--user", settings.user_id]
    if path is not None or (config is None and os.environ.get("MEMORYOS_PATH")):
        arguments += ["--path", str(store_folder(settings.path))]
    if agent is not None:
        arguments += ["--agent", agent]
    if embedder is not EmbedderName.DEFAULT:
        arguments += ["--embedder", embedder.value]
    if read_only:
        arguments.append("--read-only")
    write_json(configuration(client, arguments))
    say(f"put this into {PLACES[client]}")


def _need_mcp() -> None:
    try:
        from mcp.server import MCPServer  # noqa: F401 - an mcp before 2 has none
    except ImportError as error:
        raise MissingDependencyError(
            "the MCP server needs the package mcp, 2.3 or later: pip install 'memoryos-integrations[mcp]'"
        ) from error


def _refuse_given(context: typer.Context) -> None:
    """Refuse options before a command that has its own: they would be dropped."""
    for name in context.params:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            fail(f"--{name.replace('_', '-')} stands before '{context.invoked_subcommand}': put it after it")
