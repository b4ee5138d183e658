"""The server as a client starts it: a process that speaks on stdin and stdout and ends when it should."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from mcp import Client

from mcp_server.parts import SECONDS, Process, call, on_stdio, refused, started
from memoryos_integrations import MemoryOS
from memoryos_integrations.apps.mcp.serving import ClassNamesOnly
from memoryos_integrations.testing import HashEmbedder

SECRET = "zqcanary"
NOISY = """
import os
from memoryos_integrations.testing.hash_embedder import HashEmbedder

class Noisy(HashEmbedder):
    def embed(self, texts):
        print("a package says hello")
        os.write(1, b"and so does its C code\\n")
        return super().embed(texts)

import memoryos_integrations.testing.hash_embedder as embedders
embedders.HashEmbedder = Noisy
"""

IMPATIENT = """
import os, signal, sys
from memoryos_integrations.memory import MemoryOS

close = MemoryOS.close

def interrupted(memory):
    sys.stderr.write("terminated while closing\\n")
    os.kill(os.getpid(), signal.SIGTERM)
    close(memory)

MemoryOS.close = interrupted
"""


def customised(folder: Path, code: str) -> dict[str, str]:
    """Return the environment of a server that runs some code before all else."""
    (folder / "sitecustomize.py").write_text(code, encoding="utf-8")
    return {"PYTHONPATH": os.pathsep.join([str(folder), str(Path(__file__).parents[2])])}


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


def opened(store: Path) -> MemoryOS:
    return MemoryOS(store, embedder=HashEmbedder())


@pytest.mark.programs
async def test_a_client_that_starts_it_can_use_every_tool(store):
    async with Client(on_stdio(store)) as client:
        await call(client, "add_memory", user_input="I moved to Lisbon.", agent_response="Nice!")
        fact = await call(client, "remember", statement="Ada is vegetarian.")
        found = await call(client, "retrieve_memory", query="Where did I move to?")
        assert found["retrieved_pages"][0]["user_input"] == "I moved to Lisbon."
        assert (await call(client, "get_user_profile"))["user_id"] == "ada"
        assert len((await call(client, "list_memories"))["memories"]) == 2
        assert (await call(client, "explain_memory", item_id=fact["id"]))["kind"] == "fact"
        assert (await call(client, "forget", ids=[fact["id"]]))["facts"] == 1
        assert "no item" in await refused(client, "explain_memory", item_id=fact["id"])
        assert "Lisbon" in str(await client.read_resource("memory://recent"))
        assert "Lisbon" in str(await client.get_prompt("with_memories", {"question": "Where?"}))
    with opened(store) as memory:
        assert memory.users() == ["ada"]


@pytest.mark.programs
@pytest.mark.parametrize("version", ["2024-11-05", "2025-11-25"])
async def test_every_line_of_stdout_is_a_message_of_the_protocol_even_after_lines_that_are_none(
    store, version
):
    async with started("--user", "ada", "--path", str(store)) as server:
        assert (await server.begin(version))["protocolVersion"] == version
        for line in (b"nonsense", b"\xff\xfe", b'{"jsonrpc": "2.0"', b"[]", b'{"jsonrpc":"2.0","id":9}', b""):
            await server.write(line)
        await server.write(b'{"jsonrpc":"2.0","id":"s","method":"ping","params":{"x":"\\ud800"}}')
        await server.tool("add_memory", user_input=f"{SECRET}\n\u2028 你好", agent_response="```")
        for _ in range(3):
            await server.tool("retrieve_memory", query=SECRET)
        assert (await server.ask("tools/call", name="forget", arguments={"ids": []}))["isError"]
        assert (await server.ask("nothing/such"))["code"] == -32601
        code, rest, told = await server.ended()
    assert (code, rest) == (0, b"")
    assert all(line.endswith(b"\n") and json.loads(line)["jsonrpc"] == "2.0" for line in server.lines)
    assert "serving on stdin and stdout" in told
    assert SECRET not in told


@pytest.mark.programs
async def test_what_packages_print_goes_to_stderr(store, tmp_path):
    async with started("--user", "ada", "--path", str(store), **customised(tmp_path, NOISY)) as server:
        await server.begin()
        await server.tool("add_memory", user_input="I keep bees.", agent_response="Oh")
        await server.tool("retrieve_memory", query="What do I keep?")
        code, rest, told = await server.ended()
    assert (code, rest) == (0, b"")
    assert "a package says hello" in told
    assert "and so does its C code" in told


async def indexed(server: Process, store: Path) -> None:
    """Add a turn and wait until the index is in use, so that it has to be closed."""
    await server.begin()
    await server.tool("add_memory", user_input="I keep bees.", agent_response="Oh")
    async with asyncio.timeout(SECONDS):
        while not list(store.glob("*.open")):
            await server.tool("list_memories")


def is_closed(store: Path) -> bool:
    """Whether neither an index nor a ledger is left as if it were in use."""
    return not [*store.glob("*.open"), *store.glob("*-wal")]


@pytest.mark.programs
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_closes_the_store_and_ends_it(store, number):
    async with started("--user", "ada", "--path", str(store)) as server:
        await indexed(server, store)
        server.process.send_signal(number)
        assert await asyncio.wait_for(server.process.wait(), SECONDS) == -number
        assert b"Traceback" not in await server.process.stderr.read()
    assert is_closed(store)
    with opened(store) as memory:
        assert memory.user("ada").pages()[0].messages[0].text == "I keep bees."


@pytest.mark.programs
async def test_a_signal_while_it_is_closing_does_not_cut_that_short(store, tmp_path):
    async with started("--user", "ada", "--path", str(store), **customised(tmp_path, IMPATIENT)) as server:
        await indexed(server, store)
        code, rest, told = await server.ended()
    assert (code, rest) == (0, b"")
    assert "terminated while closing" in told
    assert is_closed(store)


@pytest.mark.programs
async def test_a_client_that_goes_away_in_the_middle_leaves_no_traceback(store):
    async with started("--user", "ada", "--path", str(store)) as server:
        await server.begin()
        server.process.stdout._transport.close()
        await server.write({"jsonrpc": "2.0", "id": 5, "method": "tools/list"})
        server.process.stdin.close()
        told = await asyncio.wait_for(server.process.stderr.read(), SECONDS)
        assert await asyncio.wait_for(server.process.wait(), SECONDS) == 0
    assert b"Traceback" not in told
    assert b"Exception" not in told


@pytest.mark.programs
async def test_two_servers_and_an_app_share_one_store(store):
    async with Client(on_stdio(store)) as first, Client(on_stdio(store)) as second:
        with opened(store) as memory:
            app = memory.user("ada")
            await call(first, "add_memory", user_input="I keep bees.", agent_response="Oh")
            await call(second, "remember", statement="Ada is vegetarian.")
            app.add("I play the viola.", "Nice!", thread_id="app")
            for client in (first, second):
                found = await call(client, "retrieve_memory", query="bees viola vegetarian")
                assert {page["user_input"] for page in found["retrieved_pages"]} == {
                    "I keep bees.",
                    "I play the viola.",
                }
                assert found["total_user_knowledge_found"] == 1
            bees = next(page for page in found["retrieved_pages"] if "bees" in page["user_input"])
            assert (await call(second, "forget", ids=[bees["id"]]))["messages"] == 2
            assert "bees" not in str(await call(first, "list_memories"))
            assert [page.messages[0].text for page in app.pages()] == ["I play the viola."]


@pytest.mark.programs
async def test_a_store_that_breaks_under_the_server_is_told_without_what_was_said(store):
    async with started("--user", "ada", "--path", str(store), "--embedder", "none") as server:
        await server.begin()
        await server.tool("remember", statement="Ada is vegetarian.")
        with closing(sqlite3.connect(store / "memory.db")) as ledger:
            ledger.execute("ALTER TABLE facts RENAME TO facts_of_old")
        result = await server.ask("tools/call", name="remember", arguments={"statement": f"I am {SECRET}."})
        code, rest, told = await server.ended()
    assert result["isError"]
    assert SECRET not in str(result)
    assert "Traceback" not in str(result)
    assert (code, rest) == (0, b"")
    assert SECRET not in told


def test_the_log_of_an_error_that_nobody_foresaw_says_where_and_what_but_quotes_nothing():
    def recall(text):
        try:
            return int(text)
        except ValueError as error:
            raise RuntimeError(f"cannot count {text}") from error

    try:
        recall(SECRET)
    except RuntimeError:
        record = logging.LogRecord("a", logging.ERROR, "b", 1, "it failed", None, sys.exc_info())
    logged = ClassNamesOnly("%(levelname)s %(message)s").format(record)
    assert logged.startswith("ERROR it failed\n")
    assert logged.index("ValueError") < logged.index("RuntimeError")
    assert "in recall" in logged
    assert SECRET not in logged
