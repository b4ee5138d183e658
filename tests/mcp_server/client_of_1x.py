"""What needs an environment of its own: clients that are made with mcp 1.x, as most of today's are.

Run it by hand; it builds an environment with nothing but such a client in a temporary folder, and from there
talks to the server of the environment that it was started in, on stdin and stdout and over HTTP::

    python tests/mcp_server/client_of_1x.py
    python tests/mcp_server/client_of_1x.py mcp==1.30.0 'mcp==1.12.4 pydantic==2.11.9'

With arguments, one environment for what each names.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).absolute()
ROOT = HERE.parents[2]
TOOLS = {
    "add_memory",
    "retrieve_memory",
    "get_user_profile",
    "remember",
    "forget",
    "list_memories",
    "explain_memory",
}


async def use(session) -> None:
    """Do what a client does, and see what the server of the reference gives, and errors as errors."""
    begun = await session.initialize()
    assert begun.serverInfo.name == "memoryos", begun
    assert {tool.name for tool in (await session.list_tools()).tools} == TOOLS

    async def call(tool, **arguments):
        result = await session.call_tool(tool, arguments)
        assert not result.isError, result.content
        return json.loads(result.content[0].text)

    added = await call("add_memory", user_input="I moved to Lisbon.", agent_response="Nice!")
    assert added["status"] == "success", added
    fact = await call("remember", statement="Ada is vegetarian.")
    found = await call("retrieve_memory", query="Where did I move to?", max_results=3)
    assert found["retrieved_pages"][0]["user_input"] == "I moved to Lisbon.", found
    assert found["total_user_knowledge_found"] == 1, found
    assert (await call("get_user_profile"))["user_knowledge_count"] == 1
    assert (await call("list_memories", limit=1))["next_offset"] == 1
    assert (await call("explain_memory", item_id=fact["id"]))["kind"] == "fact"
    assert (await call("forget", ids=[fact["id"], added["id"]]))["messages"] == 2
    for tool, arguments in (("forget", {"ids": []}), ("explain_memory", {"item_id": fact["id"]})):
        refused = await session.call_tool(tool, arguments)
        assert refused.isError, refused
    resources = {str(resource.uri) for resource in (await session.list_resources()).resources}
    assert resources == {"memory://profile", "memory://recent"}, resources
    for uri in resources:
        assert (await session.read_resource(uri)).contents[0].text == "Nothing is remembered yet."
    prompt = await session.get_prompt("with_memories", {"question": "Who am I?"})
    assert prompt.messages[0].content.text == "Who am I?"


async def use_both_ways(python: str) -> None:
    """Start the server as a client does, then as a user does who wants HTTP."""
    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client
    from mcp.client.streamable_http import streamablehttp_client

    assert version("mcp").startswith("1."), version("mcp")
    with tempfile.TemporaryDirectory() as folder:
        command = ["-m", "memoryos_integrations.apps.cli", "mcp", "--user", "ada", "--path", folder]
        command += ["--embedder", "hash"]
        server = StdioServerParameters(command=python, args=command, cwd=str(ROOT))
        async with stdio_client(server) as streams, ClientSession(*streams[:2]) as session:
            await use(session)
        serving = await asyncio.create_subprocess_exec(
            python, *command, "--http", "--port", "0", stderr=asyncio.subprocess.PIPE, cwd=ROOT
        )
        try:
            url = (await serving.stderr.readline()).decode().split()[-1]
            async with streamablehttp_client(url) as streams, ClientSession(*streams[:2]) as session:
                await use(session)
        finally:
            serving.terminate()
            await serving.wait()


def run_in_own_environment(pin: str) -> int:
    """Build an environment with a client in it and run this file there; returns its exit code."""
    uv = shutil.which("uv") or str(ROOT / ".uv" / "bin" / "uv")
    with tempfile.TemporaryDirectory() as folder:
        python = Path(folder) / "bin" / "python"
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, folder], check=True)
        subprocess.run([uv, "pip", "install", "--quiet", "--python", str(python), *pin.split()], check=True)
        environment = os.environ | {"SERVED_BY": sys.executable}
        return subprocess.run([python, str(HERE)], env=environment, check=False, timeout=300).returncode


if __name__ == "__main__":
    if served_by := os.environ.get("SERVED_BY"):
        asyncio.run(use_both_ways(served_by))
    else:
        failed = {pin: code for pin in sys.argv[1:] or ["mcp<2"] if (code := run_in_own_environment(pin))}
        sys.exit(f"failed: {failed}" if failed else 0)
