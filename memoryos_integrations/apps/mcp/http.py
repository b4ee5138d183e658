"""The MCP server over HTTP: address, allowed hosts and token.

It listens on this machine only, unless a token and the names it may be called by are given. A request with
another ``Host`` is answered with 421, one from a page of another ``Origin`` with 403, one without the token
with 401.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import uvicorn
from mcp.server.transport_security import TransportSecuritySettings
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

from memoryos_integrations.apps.terminal import print_status
from memoryos_integrations.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp.server import MCPServer
    from starlette.types import ASGIApp, Receive, Scope, Send

TOKEN = "MEMORYOS_MCP_TOKEN"  # noqa: S105 - the variable's name
"""The environment variable that holds the token: a command line can be read by every user of a machine."""

_MIN_TOKEN_LENGTH = 16
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_NAME = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?")
_SHUTDOWN_SECONDS = 3


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens, the names it answers to, and the token it wants."""

    host: str
    port: int
    names: tuple[str, ...]
    token: str | None = field(repr=False)

    @property
    def security(self) -> TransportSecuritySettings:
        """Which values of ``Host`` and ``Origin`` are answered."""
        hosts = [*self.names, *(f"{name}:*" for name in self.names if ":" not in name.rpartition("]")[2])]
        origins = [f"{scheme}://{host}" for scheme in ("http", "https") for host in hosts]
        return TransportSecuritySettings(allowed_hosts=hosts, allowed_origins=origins)


def checked_address(host: str, port: int, allowed: Sequence[str], token: str | None) -> Address:
    """Return a checked address.

    Args:
        host: interface to listen on.
        port: 0 for any that is free.
        allowed: names besides those of this machine that clients may call it by.
        token: what clients have to send; ``None`` for no token.

    Raises:
        ConfigError: the host is not local and the token or the names are missing; or one of them is invalid.
    """
    for name in allowed:
        if not _NAME.fullmatch(name):
            raise ConfigError(f"--allow-host: {name!r} is not a host name such as memory.example.com")
    if token is not None and (
        len(token) < _MIN_TOKEN_LENGTH or not token.isascii() or not token.isprintable()
    ):
        raise ConfigError(f"{TOKEN} must have at least {_MIN_TOKEN_LENGTH} characters of ASCII")
    if not _is_loopback(host) and not allowed:
        raise ConfigError(
            f"--host {host} can be reached from other machines: give each name that clients call it by with "
            f"--allow-host, and a token in the environment variable {TOKEN}"
        )
    if token is None and (allowed or not _is_loopback(host)):
        raise ConfigError(
            f"a server that answers to {', '.join(allowed)} needs a token: put one into the environment "
            f"variable {TOKEN}, and have clients send it as 'Authorization: Bearer ...'"
        )
    return Address(host, port, (*_LOOPBACK, *allowed), token)


def serve_http(server: MCPServer[Any], at: Address, label: str) -> None:
    """Serve until a signal ends it.

    Args:
        server: what is served.
        at: address, allowed hosts and token.
        label: shown on stderr.

    Raises:
        ConfigError: the address cannot be listened on.
    """
    app: ASGIApp = server.streamable_http_app(host=at.host, transport_security=at.security)
    if at.token is not None:
        app = TokenGuard(app, at.token)
    with _listening(at) as listener:
        host = f"[{at.host}]" if ":" in at.host else at.host
        print_status(f"{label}: serving on http://{host}:{listener.getsockname()[1]}/mcp")
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            log_level="warning",
            ws="none",
            timeout_graceful_shutdown=_SHUTDOWN_SECONDS,  # a client may keep a stream open
        )
        uvicorn.Server(config).run(sockets=[listener])


class TokenGuard:
    """Answers requests that carry the token, and refuses others with 401.

    Args:
        app: the server.
        token: sent as ``Authorization: Bearer``.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app, self._token = app, token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "http" and not self._is_authorised(Headers(scope=scope)):
            refusal = PlainTextResponse(
                "A valid token is needed", status_code=401, headers={"WWW-Authenticate": "Bearer"}
            )
            await refusal(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _is_authorised(self, headers: Headers) -> bool:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(
            given.strip().encode("latin-1"), self._token
        )


def _listening(at: Address) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in at.host else socket.AF_INET
        return socket.create_server((at.host, at.port), family=family)
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {at.host}, port {at.port}: {error.strerror or error}: "
            "choose others with --host and --port"
        ) from error


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
