"""Configurations with which MCP clients start this server."""

from __future__ import annotations

import sys
import sysconfig
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAME = "memoryos"


class Client(StrEnum):
    """Supported clients."""

    CLAUDE_DESKTOP = "claude-desktop"
    CURSOR = "cursor"
    CLINE = "cline"
    VSCODE = "vscode"


PLACES = {
    Client.CLAUDE_DESKTOP: "claude_desktop_config.json (Settings, Developer, Edit Config)",
    Client.CURSOR: "~/.cursor/mcp.json, or .cursor/mcp.json of a project",
    Client.CLINE: "cline_mcp_settings.json (MCP Servers, Configure)",
    Client.VSCODE: ".vscode/mcp.json of a project, or 'MCP: Open User Configuration'",
}
"""Where each client keeps its configuration."""


def configuration(client: Client, arguments: Sequence[str]) -> dict[str, Any]:
    """Return the content for a client's configuration file.

    Args:
        client: which client.
        arguments: of ``memoryos``.
    """
    command, *before = _command()
    server: dict[str, Any] = {"command": command, "args": [*before, *arguments]}
    if client is Client.VSCODE:
        return {"servers": {_NAME: {"type": "stdio", **server}}}
    if client is Client.CLINE:
        server |= {"disabled": False, "autoApprove": []}
    return {"mcpServers": {_NAME: server}}


def _command() -> list[str]:
    """Return the command with its absolute path: desktop clients do not have a shell's PATH."""
    for name in ("memoryos", "memoryos.exe"):
        script = Path(sysconfig.get_path("scripts")) / name
        if script.is_file():
            return [str(script)]
    return [sys.executable, "-m", "memoryos_integrations.apps.cli"]
