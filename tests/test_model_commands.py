"""The commands that ask a chat model, against the scripted server of the test kit."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from memoryos_integrations import MemoryOS
from memoryos_integrations.apps.cli import app
from memoryos_integrations.apps.demo import model as demo_model
from memoryos_integrations.apps.demo import run as demo_run
from memoryos_integrations.apps.demo.view import DemoView
from memoryos_integrations.testing import Failure, HashEmbedder, OpenAIServer
from memoryos_integrations.testing.scripted_replies import scripted_llm, scripted_server

KEY = "sk-secret-4711"
TROUBLE = 2
Run = Callable[..., Any]


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with scripted_server() as running:
        yield running


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEMORYOS_EMBEDDER", "hash")
    monkeypatch.setenv("MEMORYOS_PATH", "memory")
    monkeypatch.setenv("COLUMNS", "200")  # no cell is wrapped
    return tmp_path / "memory"


@pytest.fixture
def run(store: Path) -> Run:
    def call(*arguments: str) -> Any:
        result = CliRunner().invoke(app, arguments)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


def say(store: Path, *texts: str, fillers: int) -> None:
    """Let Ann say something, and enough besides to push it out of short-term memory."""
    with MemoryOS(store, embedder=HashEmbedder()) as memory:
        for text in (*texts, *(f"The kitchen needs {number} more shelves." for number in range(fillers))):
            memory.user("ann").add(text, "Noted.")
        memory.flush()


def say_the_first_half(store: Path) -> None:
    name, keys = "My name is Ann and I live in Leeds.", "Our solicitor is aiming to complete on 27 June."
    say(store, name, keys, fillers=10)


def say_the_second_half(store: Path) -> None:
    keys = "It slid; the new completion date is Friday 18 July."
    say(store, keys, "For your files, the address is 9 Weavers' Row, Skipton.", fillers=8)


def test_respond_answers_from_what_is_remembered_and_stores_the_turn(run: Run, server: OpenAIServer):
    run("add", "I keep four hives on the roof.", "--answer", "Lovely.", "--user", "ann")
    asked = run("respond", "How many hives do I keep?", "--user", "ann", "--llm", server.url)
    assert (asked.exit_code, asked.stdout) == (0, "I keep four hives on the roof.\n")
    shown = json.loads(run("show", "pages", "--user", "ann", "--json").stdout)
    assert [m["text"] for m in shown[-1]["messages"]] == [
        "How many hives do I keep?",
        "I keep four hives on the roof.",
    ]


def test_respond_passes_on_style_relationship_model_and_the_environment_s_key(
    run: Run, server: OpenAIServer, store: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    options = ("--style", "in rhymes", "--relationship", "coach", "--llm-model", "tiny")
    answered = run("respond", "Hi?", "--llm", server.url, *options, "--json")
    assert json.loads(answered.stdout) == {"answer": "I do not know.", "model": "tiny"}
    request = server.chats[-1]
    assert "in rhymes" in request.texts[0]
    assert "coach" in request.texts[0]
    assert request.body["model"] == "tiny"
    assert not any(KEY.encode() in file.read_bytes() for file in store.rglob("*") if file.is_file())


def test_the_server_may_come_from_the_environment(run: Run, server: OpenAIServer, monkeypatch):
    monkeypatch.setenv("MEMORYOS_LLM", server.url)
    monkeypatch.setenv("MEMORYOS_LLM_MODEL", "tiny")
    assert run("respond", "Hi?").exit_code == 0
    assert server.chats[-1].body["model"] == "tiny"


def test_a_model_that_fails_ends_respond_in_one_line_and_the_question_is_kept(run: Run, server: OpenAIServer):
    server.default = Failure(400, message=f"Bad key {KEY}")
    failed = run("respond", "Hi?", "--llm", server.url)
    assert failed.exit_code == TROUBLE
    assert failed.stdout == ""
    assert len(failed.stderr.splitlines()) == 1
    assert KEY not in failed.stderr
    server.default = "Hello!"
    assert run("respond", "Hi?", "--llm", server.url).stdout == "Hello!\n"
    assert len(json.loads(run("show", "pages", "--json").stdout)) == 1


def test_an_answer_cannot_steer_a_terminal(run: Run, server: OpenAIServer, monkeypatch):
    monkeypatch.setattr("memoryos_integrations.apps.commands.ask.stdout_is_terminal", lambda: True)
    server.default = "\x1b[31mred\x07"
    assert run("respond", "Hi?", "--llm", server.url).stdout == "�[31mred�\n"


@pytest.mark.parametrize("command", [["respond", "Hi?"], ["enrich"]])
@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ([], "--llm URL"),
        (["--llm", "localhost:8000"], "address"),
        (["--llm", "https://example.org/v1"], "key"),
    ],
)
def test_without_a_usable_model_the_commands_say_what_is_missing(run: Run, command, options, hint):
    ended = run(*command, *options)
    assert ended.exit_code == TROUBLE
    assert hint in ended.stderr
    assert not Path("memory").exists()


def test_enrich_lets_a_model_refine_everything_and_tells_what_it_did_and_cost(
    run: Run, store: Path, server: OpenAIServer
):
    say_the_first_half(store)

    done = json.loads(run("enrich", "--llm", server.url, "--json").stdout)
    assert done["work"] == {
        "pages_refined": 5,
        "topics": 1,
        "chains": 1,
        "pages_learnt": 5,  # the topic that the model made is hot: it teaches in the same go
        "new_facts": 1,
        "refused": 0,
        "pages_given_up": 0,
    }
    assert done["calls"] == len(server.chats) > 0
    assert done["tokens_in"] > done["tokens_out"] > 0
    assert done["failed"] == []

    again = run("enrich", "--llm", server.url)
    assert again.exit_code == 0
    assert "0, 0 of them failed" in again.stdout


def test_enrich_ends_with_an_error_when_the_model_fails_and_can_be_run_again(
    run: Run, store: Path, server: OpenAIServer
):
    say_the_first_half(store)
    by_task, server.by_task = server.by_task, {}
    server.default = Failure(400)
    failed = run("enrich", "--llm", server.url)
    assert failed.exit_code == TROUBLE
    assert "LLMUnavailable" in failed.stderr

    server.by_task = by_task
    assert run("enrich", "--llm", server.url).exit_code == 0


def test_show_shows_the_persona_facts_with_what_they_rest_on_and_what_they_replaced(
    run: Run, store: Path, server: OpenAIServer
):
    for say_more in (say_the_first_half, say_the_second_half):
        say_more(store)
        run("enrich", "--llm", server.url)

    facts = run("show", "facts", "--user", "ann", "--history").stdout

    holding, _, gone = " ".join(facts.split()).partition("Facts that hold no more")
    assert "Mara gets the keys of the house on 18 July 2025." in holding
    assert "user: It slid; the new completion date is Friday 18 July." in holding
    assert "Mara gets the keys of the house on 27 June 2025." in gone
    assert "now: Mara gets the keys of the house on 18 July 2025." in gone
    assert "lives in Leeds" in gone
    persona = run("show", "persona", "--user", "ann").stdout
    assert "Skipton" in persona
    assert "Ann" in persona

    listed = json.loads(run("show", "facts", "--user", "ann", "--history", "--json").stdout)
    assert any(fact["superseded_by"] for fact in listed)
    assert not any(
        fact["superseded_by"] for fact in json.loads(run("show", "facts", "--user", "ann", "--json").stdout)
    )


def test_stats_shows_the_bill_once_a_model_was_asked(run: Run, server: OpenAIServer):
    run("add", "I live in Leeds.", "--user", "ann")
    assert "Calls of chat models" not in run("stats").stdout
    run("respond", "Where do I live?", "--user", "ann", "--llm", server.url)
    shown = " ".join(run("stats").stdout.split())
    assert "Calls of chat models" in shown
    assert "task respond 1 0" in shown
    assert "user ann 1 0" in shown
    assert json.loads(run("stats", "--json").stdout)["llm"]["by_task"]["respond"]["calls"] == 1


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the demo with a model returns, and where its store is."""
    folder = tmp_path_factory.mktemp("demo") / "store"
    with scripted_server() as server:
        options = ["--llm", server.url, "--embedder", "hash", "--path", str(folder), "--json"]
        ended = CliRunner().invoke(app, ["demo", *options])
    assert ended.exit_code == 0, ended.output
    return json.loads(ended.stdout) | {"folder": folder}


def test_the_demo_with_a_model_has_persona_evidence_what_was_superseded_and_the_bill(demo: dict[str, Any]):
    learnt = demo["learnt"]
    assert learnt["profile"]["name"] == "Mara"
    assert learnt["traits"]["interest in music"] == "high"
    facts = {fact["text"]: fact["rests_on"] for fact in learnt["facts"]}
    assert facts
    assert all(rests_on for rests_on in facts.values())
    assert {
        "text": "Mara gets the keys of the house on 27 June 2025.",
        "now": "Mara gets the keys of the house on 18 July 2025.",
    } in learnt["superseded"]
    assert set(learnt["bill"]) == {"refine", "learn"}
    assert demo["chat_model_calls"] <= 0.2 * demo["turns"]


def test_the_demo_shows_all_of_that(demo: dict[str, Any]):
    sample, out = demo_run.load_sample(), Console(file=io.StringIO(), width=200)
    view = DemoView(out, sample)
    with MemoryOS(demo["folder"], embedder=HashEmbedder()) as memory:
        view.opening("the model tiny at http://127.0.0.1")
        view.learnt(demo_model.learning_report(memory, memory.user(sample.user_id), "gpt-4o-mini"))
    shown = " ".join(out.file.getvalue().split())
    for part in (
        "Everything runs here but the model tiny at http://127.0.0.1.",
        "Persona version",
        "interest in music: high",
        "27 March 2025, Mara: The clinic did skin tests on Tuesday: I'm allergic to cashews and pistachios.",
        "Facts that hold no more",
        "now: Mara gets the keys of the house on 18 July 2025.",
        "Calls of chat models",
        "task learn",
    ):
        assert part in shown, part


def test_the_demo_ends_with_an_error_when_the_model_fails(monkeypatch: pytest.MonkeyPatch):
    with OpenAIServer(default=Failure(400)) as server:
        ended = CliRunner().invoke(app, ["demo", "--llm", server.url, "--embedder", "none", "--plain"])
    assert ended.exit_code == TROUBLE
    assert "--llm" in ended.stderr


def test_the_scripted_model_s_replies_are_valid(tmp_path: Path):
    sample, llm = demo_run.load_sample(), scripted_llm()
    sample = replace(sample, sessions=sample.sessions[:5])
    clock = demo_run.clock_from(sample.turns[-1].at)
    with MemoryOS(tmp_path / "store", embedder=HashEmbedder(), llm=llm, clock=clock) as memory:
        demo_run.remember(memory, sample, lambda *_: None)
        bill = memory.stats()["llm"]
        assert (bill["failures"], bill["calls"]) == (0, len(llm.prompts))
        mine = memory.user(sample.user_id)
        assert {"name", "partner"} <= set(mine.persona().profile)
        assert "allergic" in mine.respond("What am I allergic to?")


@pytest.mark.programs
def test_the_scripted_server_runs_by_itself_and_says_where_it_is():
    command = [sys.executable, "-m", "memoryos_integrations.testing.scripted_replies"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        process.terminate()
        assert process.wait(300) == 0
