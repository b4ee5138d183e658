"""The server over HTTP: whom it answers, whom it refuses, and when it refuses to start."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from typer.testing import CliRunner

from mcp_server.parts import SECONDS, Process, call, started
from memoryos_integrations import ConfigError
from memoryos_integrations.apps.cli import app
from memoryos_integrations.apps.mcp.http import TOKEN, checked_address

A_TOKEN = "a-token-of-24-characters"
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "t", "version": "1"},
    },
}
TAKEN = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@asynccontextmanager
async def serving(store: Path, *more: str, **environment: str) -> AsyncIterator[tuple[Process, str]]:
    """A server on a free port, and its address."""
    arguments = ("--user", "ada", "--path", str(store), "--http", "--port", "0", *more)
    async with started(*arguments, **environment) as server:
        yield server, await server.url()


async def status(url: str, **headers: str | bytes) -> int:
    """Return how a handshake with these headers is answered."""
    async with httpx2.AsyncClient() as client:
        return (await client.post(url, json=HELLO, headers=TAKEN | headers)).status_code


@pytest.mark.programs
async def test_clients_on_this_machine_can_use_it_together(store):
    async with serving(store) as (_, url), Client(url) as first, Client(url) as second:
        await call(first, "add_memory", user_input="I moved to Lisbon.", agent_response="Nice!")
        found = await call(second, "retrieve_memory", query="Where did I move to?")
        assert found["retrieved_pages"][0]["user_input"] == "I moved to Lisbon."
        assert "Lisbon" in str(await second.read_resource("memory://recent"))
        assert "Lisbon" in str(await second.get_prompt("with_memories", {"question": "Where?"}))


@pytest.mark.programs
async def test_foreign_hosts_origins_and_contents_are_refused(store):
    async with serving(store) as (server, url):
        port = url.split(":")[2].partition("/")[0]
        assert url.startswith("http://127.0.0.1:")
        assert await status(url) == 200
        for host in (f"localhost:{port}", "localhost", f"127.0.0.1:{port}", f"[::1]:{port}"):
            assert await status(url, Host=host) == 200
        for host in (
            "evil.example",
            f"evil.example:{port}",
            "127.0.0.1.evil.example",
            "",
            f"localhost.evil:{port}",
        ):
            assert await status(url, Host=host) == 421
        for origin in (
            "http://evil.example",
            "null",
            "http://localhost.evil.example",
            "https://127.0.0.1.evil:1",
        ):
            assert await status(url, Origin=origin) == 403
        assert await status(url, Origin=f"http://localhost:{port}") == 200
        assert await status(url, **{"Content-Type": "text/plain"}) == 400
        assert await status(url.replace("/mcp", "/other")) == 404
        async with httpx2.AsyncClient() as client:
            assert (await client.post(url, content=b" " * (2**22 + 1), headers=TAKEN)).status_code == 413
        server.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(server.process.wait(), SECONDS) == -signal.SIGTERM
        assert b"Traceback" not in await server.process.stderr.read()
    assert not list(store.glob("*-wal"))


@pytest.mark.programs
async def test_with_a_token_only_those_who_send_it_are_answered(store):
    names = ("--allow-host", "memory.example.com")
    async with serving(store, *names, **{TOKEN: A_TOKEN}) as (_, url):
        known = {"Authorization": f"Bearer {A_TOKEN}"}
        assert await status(url) == 401
        for wrong in (
            A_TOKEN,
            f"Basic {A_TOKEN}",
            f"Bearer {A_TOKEN}x",
            f"Bearer {A_TOKEN[:-1]}",
            "Bearer",
            "Bearer é".encode(),
        ):
            assert await status(url, Authorization=wrong) == 401
        assert await status(url.replace("/mcp", "/other")) == 401
        assert await status(url, **known) == 200
        assert await status(url, Authorization=f"bearer {A_TOKEN}") == 200
        assert await status(url, **known, Host="memory.example.com") == 200
        assert await status(url, **known, Host="memory.example.com:8765") == 200
        assert await status(url, **known, Origin="https://memory.example.com") == 200
        assert await status(url, **known, Host="evil.example") == 421
        assert await status(url, **known, Origin="https://evil.example") == 403
        async with (
            httpx2.AsyncClient(headers=known) as http,
            Client(streamable_http_client(url, http_client=http)) as client,
        ):
            added = await call(client, "add_memory", user_input="I keep bees.", agent_response="Oh")
    assert added["status"] == "success"


@pytest.mark.programs
async def test_a_stream_that_a_client_holds_open_does_not_keep_it_from_ending(store):
    async with serving(store) as (server, url), httpx2.AsyncClient(timeout=SECONDS) as http:
        begun = await http.post(url, json=HELLO, headers=TAKEN)
        session = {"mcp-session-id": begun.headers["mcp-session-id"]}
        async with http.stream("GET", url, headers=TAKEN | session) as stream:
            assert stream.status_code == 200
            server.process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(server.process.wait(), SECONDS) == -signal.SIGTERM


# --- when it does not start ---------------------------------------------------------------------------------


def told(*arguments: str) -> str:
    """Return the one line of a server that refuses to start."""
    ran = CliRunner().invoke(app, ["mcp", *arguments])
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert ran.stderr.startswith("error: ")
    assert ran.stderr.count("\n") == 1
    return ran.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "memory.example.com", ""])
def test_whoever_can_be_reached_from_elsewhere_needs_a_name_and_a_token(host, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert "--allow-host" in told("--http", "--host", host)
    assert TOKEN in told("--http", "--host", host, "--allow-host", "memory.example.com")
    assert TOKEN in told("--http", "--allow-host", "memory.example.com")
    monkeypatch.setenv(TOKEN, A_TOKEN)
    assert "--allow-host" in told("--http", "--host", host)
    assert list(tmp_path.iterdir()) == []
    checked = checked_address(host, 1, ["memory.example.com"], A_TOKEN)
    assert checked.token == A_TOKEN
    assert A_TOKEN not in repr(checked)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_on_this_machine_neither_is_needed(host):
    assert checked_address(host, 1, [], None).token is None


@pytest.mark.parametrize("token", ["short", "x" * 15, "é" * 20, "x" * 20 + "\n"])
def test_a_token_that_is_no_token_is_refused_without_being_shown(token):
    with pytest.raises(ConfigError, match=TOKEN) as caught:
        checked_address("127.0.0.1", 1, [], token)
    assert token not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["*", "", "http://a.example", "a.example/mcp", "a b", "a.example:*", "a.example:x"]
)
def test_a_name_that_is_no_host_is_refused(name):
    with pytest.raises(ConfigError, match="--allow-host"):
        checked_address("127.0.0.1", 1, [name], A_TOKEN)


@pytest.mark.parametrize("name", ["a.example:8443", "[2001:db8::1]", "[2001:db8::1]:80"])
def test_a_name_may_have_a_port_and_be_an_address(name):
    security = checked_address("0.0.0.0", 1, [name], A_TOKEN).security
    assert name in security.allowed_hosts
    assert f"https://{name}" in security.allowed_origins
    assert security.enable_dns_rebinding_protection


@pytest.mark.parametrize("option", [("--port", "1"), ("--host", "127.0.0.1"), ("--allow-host", "a.example")])
def test_options_of_http_without_http_are_refused(option):
    assert "--http" in told(*option)


@contextmanager
def occupied() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken.getsockname()[1]


@pytest.mark.programs
async def test_a_port_that_is_in_use_is_an_error_in_one_line(store):
    with occupied() as port:
        async with started("--path", str(store), "--http", "--port", str(port)) as server:
            code, rest, told = await server.ended()
    assert (code, rest) == (2, b"")
    assert told.startswith(f"error: cannot listen on 127.0.0.1, port {port}: ")
    assert told.count("\n") == 1
