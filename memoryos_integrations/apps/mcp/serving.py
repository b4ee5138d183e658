"""One run of the MCP server, with a store that is closed however the run ends."""

from __future__ import annotations

import contextlib
import logging
import signal
import sys
import traceback
from typing import TYPE_CHECKING, Any

from memoryos_integrations.apps.mcp.build import build
from memoryos_integrations.apps.mcp.http import serve_http
from memoryos_integrations.apps.mcp.settings import open_memory
from memoryos_integrations.apps.terminal import print_status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from types import FrameType, TracebackType

    from mcp.server import MCPServer

    from memoryos_integrations.apps.mcp.http import Address
    from memoryos_integrations.apps.mcp.settings import Settings
    from memoryos_integrations.memory import MemoryOS

_log = logging.getLogger(__name__)


def serve(settings: Settings, at: Address | None, *, read_only: bool) -> None:
    """Serve the memory of one user until the client disconnects or a signal arrives.

    Args:
        settings: whose memory, and where.
        at: where to listen; ``None`` for stdin and stdout.
        read_only: leave out the tools that change something.

    Raises:
        MemoryOSError: the store cannot be opened, or the address is not available.
    """
    _log_to_stderr()
    with contextlib.redirect_stdout(sys.stderr):
        memory = open_memory(settings)
    with _closing(memory):
        user = memory.user(settings.user_id, settings.agent_id)
        label = f"memory of user {settings.user_id!r} in {memory.path}"
        if at is not None:
            serve_http(build(user, read_only=read_only), at, label)
            return
        print_status(
            f"{label}: serving on stdin and stdout, for MCP clients; see 'memoryos mcp config --help'"
        )
        try:
            build(user, read_only=read_only, lifespan=_prints_on_stderr).run("stdio")
        except* (BrokenPipeError, ConnectionResetError):
            _log.info("the client disconnected")


@contextlib.asynccontextmanager
async def _prints_on_stderr(_server: MCPServer[Any]) -> AsyncIterator[None]:
    """Send what packages print to stderr: mcp redirects the file descriptor, not Python's buffer."""
    with contextlib.redirect_stdout(sys.stderr):
        yield


@contextlib.contextmanager
def _closing(memory: MemoryOS) -> Iterator[None]:
    """Close the store at the end, or when a signal ends the process.

    Stopping the event loop would hang: it waits for the thread that reads stdin.
    """

    def end(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)  # a second one ends it at once
        memory.close()
        signal.raise_signal(number)

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number in before:
            signal.signal(number, signal.SIG_IGN)  # clients send one soon after closing stdin
        memory.close()
        for number, handler in before.items():
            signal.signal(number, handler)


def _log_to_stderr() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(ClassNamesOnly("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])


class ClassNamesOnly(logging.Formatter):
    """Formats an error by its traceback and class, without its message, which may quote a memory."""

    def formatException(  # noqa: N802 - logging's name
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        """Return an error and its causes, the first cause first."""
        lines: list[str] = []
        error = ei[1]
        while error is not None:
            lines.insert(0, "".join(traceback.format_tb(error.__traceback__)) + type(error).__name__)
            error = error.__cause__ or error.__context__
        return "\n".join(lines)
