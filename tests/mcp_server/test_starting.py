"""How the server is started: options, a file of the reference server, and the configurations of clients."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from typer.testing import CliRunner

from mcp_server.parts import call, started
from memoryos_integrations import ConfigError, InvalidInputError, MemoryConfig, MemoryOS
from memoryos_integrations.apps.cli import app
from memoryos_integrations.apps.mcp.settings import Settings, open_memory, settings_from
from memoryos_integrations.apps.options import EmbedderName
from memoryos_integrations.testing import HashEmbedder
from memoryos_integrations.testing.scripted_replies import scripted_server

KEY = "sk-zqcanary-0123456789"
UPSTREAM = {
    "user_id": "test_user_001",
    "openai_api_key": KEY,
    "openai_base_url": "https://llm.example/v1",
    "data_storage_path": "./memoryos_data",
    "assistant_id": "memoryos_assistant",
    "short_term_capacity": 10,
    "mid_term_capacity": 1000,
    "long_term_knowledge_capacity": 50,
    "retrieval_queue_capacity": 7,
    "mid_term_heat_threshold": 4.5,
    "mid_term_similarity_threshold": 0.7,
    "llm_model": "gpt-4o-mini",
    "embedding_model_name": "sentence-transformers/all-MiniLM-L6-v2",
}
WITHOUT_MCP = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "mcp":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
from memoryos_integrations.apps.cli import main
main()
"""


def write(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def read(file: Path, **options: Any) -> Settings:
    given = {"user": None, "path": None, "agent": None, "embedder": EmbedderName.DEFAULT}
    return settings_from(file, **(given | options))


# --- a file of the reference server -------------------------------------------------------------------------


def test_a_file_of_the_reference_server_says_whose_memory_it_is_and_how_it_behaves(tmp_path, capsys):
    settings = read(write(tmp_path / "config.json", UPSTREAM))
    assert settings == Settings(
        user_id="test_user_001",
        path=tmp_path / "memoryos_data",
        agent_id="memoryos_assistant",
        config=MemoryConfig(
            short_term_capacity=10,
            mid_term_capacity=1000,
            knowledge_capacity=50,
            top_pages=7,
            promotion_heat=4.5,
            segment_threshold=0.7,
        ),
        llm_model="gpt-4o-mini",
        openai_base_url="https://llm.example/v1",
        openai_api_key=KEY,
    )
    assert capsys.readouterr() == ("", "")
    assert KEY not in repr(settings)


def test_options_come_before_what_the_file_says(tmp_path):
    file = write(tmp_path / "config.json", UPSTREAM)
    settings = read(file, user="ada", path=Path("here"), agent="work")
    assert (settings.user_id, settings.path, settings.agent_id) == ("ada", Path("here"), "work")


def test_what_the_file_leaves_open_has_its_default(tmp_path):
    content = {
        "user_id": "ada",
        "data_storage_path": "/srv/memory",
        "openai_api_key": None,
        "openai_base_url": "",
    }
    assert read(write(tmp_path / "config.json", content)) == Settings(user_id="ada", path=Path("/srv/memory"))


def test_a_home_in_the_file_is_the_users_home(tmp_path):
    file = write(tmp_path / "config.json", {"user_id": "ada", "data_storage_path": "~/memory"})
    assert read(file).path == Path.home() / "memory"


def test_what_has_no_effect_is_said_and_its_value_is_not(tmp_path, capsys):
    extra = {
        "theme": KEY,
        "embedding_model_name": "BAAI/bge-m3",
        "embedding_model_kwargs": {"use_fp16": True},
    }
    read(write(tmp_path / "config.json", UPSTREAM | extra))
    told = capsys.readouterr().err
    assert "embedding_model_kwargs, theme" in told
    assert "BAAI/bge-m3 is not used" in told
    assert KEY not in told


def test_a_file_that_cannot_be_meant_is_refused_with_the_place(tmp_path):
    for content, told in [
        ("{", "this is not JSON"),
        ([1], "expected an object"),
        ({"data_storage_path": "a"}, "'user_id'.*--user"),
        ({"user_id": "", "data_storage_path": "a"}, "'user_id'"),
        ({"user_idd": "ada", "data_storage_path": "a"}, "'user_id'"),
        ({"user_id": "ada"}, "'data_storage_path'.*--path"),
        (UPSTREAM | {"user_id": 7}, "user_id must be text"),
        (UPSTREAM | {"openai_api_key": [KEY]}, "openai_api_key must be text"),
        (UPSTREAM | {"short_term_capacity": 0}, "short_term_capacity"),
        (UPSTREAM | {"short_term_capacity": "ten"}, "short_term_capacity"),
        (UPSTREAM | {"mid_term_similarity_threshold": -1}, "segment_threshold"),
    ]:
        with pytest.raises((ConfigError, InvalidInputError), match=told) as caught:
            read(write(tmp_path / "config.json", content))
        assert KEY not in str(caught.value)


def test_a_file_that_is_not_there_is_one_line_on_stderr(tmp_path):
    ran = CliRunner().invoke(app, ["mcp", "--config", str(tmp_path / "none.json")])
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert "cannot be read" in ran.stderr
    assert ran.stderr.count("\n") == 1


@pytest.mark.programs
async def test_a_server_started_with_the_file_keeps_its_key_to_itself(tmp_path):
    file = write(tmp_path / "config.json", UPSTREAM | {"theme": "dark"})
    async with started("--config", str(file)) as server:
        await server.begin()
        await server.tool("add_memory", user_input="I keep bees.", agent_response="Oh")
        profile = await server.tool("get_user_profile")
        code, _, told = await server.ended()
    assert (profile["user_id"], profile["assistant_id"]) == ("test_user_001", "memoryos_assistant")
    assert code == 0
    assert "theme" in told
    everything = b"".join(server.lines) + told.encode()
    for stored in (tmp_path / "memoryos_data").rglob("*"):
        everything += stored.read_bytes() if stored.is_file() else b""
    assert KEY.encode() not in everything
    with MemoryOS(tmp_path / "memoryos_data", embedder=HashEmbedder()) as memory:
        assert len(memory.user("test_user_001", "memoryos_assistant").pages()) == 1


@pytest.mark.parametrize("ids", [("--user", ""), ("--user", "a\nb"), ("--agent", "x" * 257)])
def test_a_user_or_agent_that_is_none_is_refused_before_anything_is_made(tmp_path, monkeypatch, ids):
    monkeypatch.chdir(tmp_path)
    ran = CliRunner().invoke(app, ["mcp", *ids])
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert ran.stderr.startswith(f"error: {ids[0].strip('-')}_id ")
    assert list(tmp_path.iterdir()) == []


# --- configurations of clients ------------------------------------------------------------------------------


def configuration(*arguments: str) -> Any:
    ran = CliRunner().invoke(app, ["mcp", "config", *arguments])
    assert ran.exit_code == 0, ran.stderr
    assert ran.stderr.startswith("put this into ")
    return json.loads(ran.stdout)


@pytest.mark.programs
async def test_the_printed_command_starts_a_server_that_answers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ("--user", "ada", "--path", "my store", "--embedder", "hash")
    server = configuration("--client", "cursor", *options)["mcpServers"]["memoryos"]
    other = configuration("--client", "vscode", *options)["servers"]["memoryos"]
    assert (server["command"], server["args"]) == (other["command"], other["args"])
    assert Path(server["command"]).is_absolute()
    assert str(tmp_path / "my store") in server["args"]
    monkeypatch.chdir("/")
    how = StdioServerParameters(command=server["command"], args=server["args"])
    async with Client(how) as connection:
        await call(connection, "add_memory", user_input="I moved to Lisbon.", agent_response="Nice!")
        found = await call(connection, "retrieve_memory", query="Where did I move to?")
    assert found["retrieved_pages"][0]["user_input"] == "I moved to Lisbon."
    with MemoryOS(tmp_path / "my store", embedder=HashEmbedder()) as memory:
        assert memory.users() == ["ada"]


def test_each_client_gets_the_shape_that_it_reads(tmp_path):
    shared = ("--user", "ada", "--path", str(tmp_path))
    assert configuration("--client", "cursor", *shared) == configuration(
        "--client", "claude-desktop", *shared
    )
    cline = configuration("--client", "cline", *shared)["mcpServers"]["memoryos"]
    assert (cline["disabled"], cline["autoApprove"]) == (False, [])
    assert configuration("--client", "vscode", *shared)["servers"]["memoryos"]["type"] == "stdio"


def test_the_page_shows_what_is_printed():
    page = (Path(__file__).parents[2] / "docs" / "mcp.md").read_text(encoding="utf-8")
    shown = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", page, re.DOTALL)]
    for client in ("claude-desktop", "cursor", "cline", "vscode"):
        printed = configuration("--client", client, "--user", "me", "--path", "/home/me/memory")
        server = next(iter(printed.values()))["memoryos"]
        server["command"] = "/home/me/.venv/bin/memoryos"
        assert printed in shown


def test_every_choice_is_in_the_printed_command(tmp_path):
    file = write(tmp_path / "config.json", UPSTREAM)
    whole = configuration("--client", "cursor", "--config", str(file), "--agent", "work", "--read-only")
    arguments = whole["mcpServers"]["memoryos"]["args"]
    assert arguments[arguments.index("mcp") :] == [
        "mcp",
        "--config",
        str(file),
        "--agent",
        "work",
        "--read-only",
    ]
    assert KEY not in json.dumps(whole)


def test_a_choice_that_would_be_dropped_is_refused():
    ran = CliRunner().invoke(app, ["mcp", "--user", "ada", "config", "--client", "cursor"])
    assert ran.exit_code == 2
    assert ran.stderr == "error: --user stands before 'config': put it after it\n"


def test_an_unknown_client_is_refused_with_those_there_are():
    ran = CliRunner().invoke(app, ["mcp", "config", "--client", "emacs"])
    assert ran.exit_code == 2
    assert "claude-desktop" in ran.stderr


# --- packages -----------------------------------------------------------------------------------------------


@pytest.mark.programs
@pytest.mark.parametrize("command", [("mcp",), ("mcp", "config", "--client", "cursor")])
def test_without_the_package_the_command_that_installs_it_is_named(tmp_path, command):
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT_MCP, *command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "pip install 'memoryos-integrations[mcp]'" in ran.stderr
    assert ran.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_the_model_that_the_file_names_refines_in_the_background(tmp_path):
    with scripted_server() as server:
        settings = Settings(
            path=tmp_path / "store",
            embedder=EmbedderName.NONE,
            config=MemoryConfig(short_term_capacity=1),
            llm_model="scripted",
            openai_base_url=server.url,
            openai_api_key=KEY,
        )
        with open_memory(settings) as memory:
            user = memory.user("me")
            for number in range(6):
                user.add(f"I keep bees in hive {number}.", "Noted.")
            memory.flush()
            assert {segment.method for segment in user.segments()} == {"scripted"}
            assert KEY not in repr(settings)


def test_without_a_key_and_a_server_there_is_no_model():
    assert Settings(llm_model="gpt-4o-mini").llm() is None
