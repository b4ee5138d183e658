"""``memoryos mcp``: serves the memory of one user over the Model Context Protocol."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from memoryos_integrations.apps.examples import examples_of
from memoryos_integrations.apps.mcp.clients import PLACES, Client, configuration
from memoryos_integrations.apps.mcp.settings import settings_from
from memoryos_integrations.apps.options import EmbedderName, EmbedderOption, PathOption, fail, report_errors
from memoryos_integrations.apps.terminal import print_status, write_json
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
AgentOption = Annotated[
    str | None, typer.Option("--agent", metavar="ID", help="With which agent. [default: default]")
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="A config.json of the reference server; options take precedence.",
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
            help="A host name that clients use, besides this machine's; several times for more.",
        ),
    ] = None,
    embedder: EmbedderOption = EmbedderName.DEFAULT,
) -> None:
    """Serve the memory of one user to MCP clients.

    MCP is the Model Context Protocol. A client starts this by itself: 'memoryos mcp config' prints its
    configuration. With --http, a server that can be reached from other machines needs --allow-host, and a
    token in MEMORYOS_MCP_TOKEN.
    """
    if context.invoked_subcommand is not None:
        _refuse_options_before_subcommand(context)
        return
    if not http and (host is not None or port is not None or allow_host):
        fail("--host, --port and --allow-host are for --http")
    with report_errors():
        _require_mcp()
        from memoryos_integrations.apps.mcp.http import TOKEN, checked_address
        from memoryos_integrations.apps.mcp.serving import serve

        settings = settings_from(config, user=user, path=path, agent=agent, embedder=embedder)
        address = None
        if http:
            address = checked_address(
                _HOST if host is None else host,
                _PORT if port is None else port,
                allow_host or [],
                os.environ.get(TOKEN) or None,
            )
        serve(settings, address, read_only=read_only)


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
    """Print the configuration of a client, as JSON. stderr says where it belongs."""
    with report_errors():
        _require_mcp()
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
    print_status(f"put this into {PLACES[client]}")


def _require_mcp() -> None:
    try:
        from mcp.server import MCPServer  # noqa: F401 - an mcp before 2 has none
    except ImportError as error:
        raise MissingDependencyError(
            "the MCP server needs the package mcp, 2.3 or later: pip install 'memoryos-integrations[mcp]'"
        ) from error


def _refuse_options_before_subcommand(context: typer.Context) -> None:
    """Refuse options before a subcommand, which would be ignored."""
    for name in context.params:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            fail(f"--{name.replace('_', '-')} stands before '{context.invoked_subcommand}': put it after it")
