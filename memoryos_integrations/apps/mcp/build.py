"""Builds the MCP server: tools, resources and prompt for one user's memory."""

from __future__ import annotations

import functools
import inspect
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec, TypeVar

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ToolError
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, ToolAnnotations
from pydantic import Field

from memoryos_integrations.apps.mcp import texts
from memoryos_integrations.apps.mcp.tools import MemoryTools
from memoryos_integrations.errors import MemoryOSError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from memoryos_integrations.user_memory import UserMemory

P = ParamSpec("P")
T = TypeVar("T")


def build(
    user: UserMemory,
    *,
    read_only: bool = False,
    lifespan: Callable[[MCPServer[Any]], AbstractAsyncContextManager[Any]] | None = None,
) -> MCPServer[Any]:
    """Return the server on one memory, which must stay open while it serves.

    Args:
        user: whose memory.
        read_only: leave out the tools that change something.
        lifespan: context manager around serving.
    """
    server = MCPServer(
        "memoryos",
        title="MemoryOS",
        instructions=texts.READING if read_only else f"{texts.READING} {texts.WRITING}",
        version=version("memoryos-integrations"),
        log_level="WARNING",
        lifespan=lifespan,
    )
    tools = MemoryTools(user)
    reads = _traits(read_only=True, idempotent=True)
    for tool, traits in (
        (tools.add_memory, _traits()),
        (tools.retrieve_memory, reads),
        (tools.get_user_profile, reads),
        (tools.remember, _traits(idempotent=True)),
        (tools.forget, _traits(destructive=True, idempotent=True)),
        (tools.list_memories, reads),
        (tools.explain_memory, reads),
    ):
        if traits.read_only_hint or not read_only:
            _add(server, tool, traits)
    _add_texts(server, user)
    return server


def _add(server: MCPServer[Any], tool: Callable[..., Any], traits: ToolAnnotations) -> None:
    server.add_tool(_translate_errors(tool, ToolError), description=inspect.getdoc(tool), annotations=traits)


def _traits(
    *, read_only: bool = False, destructive: bool = False, idempotent: bool = False
) -> ToolAnnotations:
    return ToolAnnotations(
        read_only_hint=read_only,
        destructive_hint=destructive,
        idempotent_hint=idempotent,
        open_world_hint=False,
    )


def _add_texts(server: MCPServer[Any], user: UserMemory) -> None:
    @server.resource("memory://profile", title="Profile of the user", mime_type="text/plain")
    def profile() -> str:
        """Profile, traits and facts of the user, quoted."""
        return _translate_errors(texts.profile_resource, ResourceError)(user)

    @server.resource("memory://recent", title="Newest turns", mime_type="text/plain")
    def recent() -> str:
        """The newest turns of all conversations, quoted."""
        return _translate_errors(texts.recent_resource, ResourceError)(user)

    @server.prompt(title="Ask with memories")
    def with_memories(question: Annotated[str, Field(description="What is to be answered.")]) -> str:
        """Ask a question, with what is remembered about it."""
        return _translate_errors(texts.prompt, _refused)(user, question)


def _translate_errors(verb: Callable[P, T], error_type: Callable[[str], Exception]) -> Callable[P, T]:
    """Return a function that raises this library's errors as errors of the protocol."""

    @functools.wraps(verb)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return verb(*args, **kwargs)
        except MemoryOSError as error:
            raise error_type(str(error)) from error

    return wrapped


def _refused(message: str) -> MCPError:
    return MCPError(code=INVALID_PARAMS, message=message)
