"""The command line: what each command does, says, writes as JSON and ends with."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from programs.terminal import on_a_terminal
from typer.testing import CliRunner

from memoryos_integrations import InvalidInputError, MemoryOS
from memoryos_integrations.apps.cli import app
from memoryos_integrations.apps.demo import run as demo_run
from memoryos_integrations.apps.importing import chat_files
from memoryos_integrations.reports import clean
from memoryos_integrations.testing import HashEmbedder

HOSTILE = "[red]hot[/red] \x1b]0;evil\x07 \x9b31m \u202elived\u202c :smile: 你好"
NOTHING, TROUBLE = 1, 2


class Outcome:
    """How a command ended."""

    def __init__(self, code: int, stdout: str, stderr: str) -> None:
        self.code, self.stdout, self.stderr = code, stdout, stderr

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


Run = Callable[..., Outcome]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where the commands keep their store; they run in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEMORYOS_EMBEDDER", "hash")
    for name in ("MEMORYOS_USER", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MEMORYOS_PATH", "memory")
    return tmp_path / "memory"


@pytest.fixture
def run(store: Path) -> Run:
    def call(*arguments: str | Path) -> Outcome:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Outcome(result.exit_code, result.stdout, result.stderr)

    return call


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that knows where Ann lives and what she plays. Not to be changed: copy it."""
    folder = tmp_path_factory.mktemp("told") / "memory"
    told = ("--user", "ann", "--at", "2026-05-01T10:00:00Z", "--path", str(folder), "--embedder", "hash")
    moved = ("add", "I moved to Lisbon in May.", "--answer", "How is it?", "--thread", "monday", *told)
    assert CliRunner().invoke(app, moved).exit_code == 0
    assert CliRunner().invoke(app, ("add", "I play the viola.", "--thread", "friday", *told)).exit_code == 0
    return folder


@pytest.fixture
def told(run: Run, filled: Path, store: Path) -> Run:
    """Return a runner whose store is a copy of that one."""
    shutil.copytree(filled, store)
    return run


def write(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def texts_of(run: Run, user: str = "default") -> list[str]:
    pages = run("show", "pages", "--user", user, "--limit", "1000", "--json").json
    return [message["text"] for page in pages for message in page["messages"]]


def one_error(outcome: Outcome) -> str:
    """Return the error of a command that failed as it should: one line on stderr, nothing on stdout."""
    assert outcome.code == TROUBLE
    assert outcome.stdout == ""
    assert outcome.stderr.startswith("error: ")
    assert outcome.stderr.count("\n") == 1
    return outcome.stderr


# --- add, search, context -----------------------------------------------------------------------------------


def test_what_was_added_is_found_with_its_speaker_time_and_thread(told: Run) -> None:
    found = told("search", "Where did I move to?", "--user", "ann", "-k", "1")
    assert found.code == 0
    assert "I moved to Lisbon in May." in found.stdout
    assert "user, 2026-05-01 10:00" in found.stdout
    assert "monday" in found.stdout
    assert "viola" not in found.stdout


def test_explain_shows_what_made_a_score_and_only_then(told: Run) -> None:
    assert "words: 0." in told("search", "viola", "--user", "ann", "--explain").stdout
    assert "words: " not in told("search", "viola", "--user", "ann").stdout


def test_search_can_be_narrowed_to_a_thread(told: Run) -> None:
    found = told("search", "viola", "--user", "ann", "--thread", "monday", "--json").json
    assert {item["thread_id"] for item in found["items"]} == {"monday"}


def test_search_can_be_narrowed_to_kinds_and_tiers(told: Run) -> None:
    with MemoryOS("memory", embedder=HashEmbedder()) as memory:
        memory.user("ann").remember("Ann plays the viola.")
    facts = told("search", "viola", "--user", "ann", "--kind", "fact", "--json").json["items"]
    assert [item["text"] for item in facts] == ["Ann plays the viola."]
    both = told("search", "viola", "--user", "ann", "--kind", "fact", "--kind", "message", "--json").json[
        "items"
    ]
    assert {item["kind"] for item in both} == {"fact", "message"}
    assert told("search", "viola", "--user", "ann", "--tier", "mid_term").code == NOTHING


def test_one_user_never_sees_what_another_one_said(told: Run) -> None:
    told("add", "I live in a lighthouse.", "--user", "bob")
    assert "lighthouse" not in told("search", "Where do I live?", "--user", "ann").stdout
    assert "Lisbon" not in told("search", "Where do I live?", "--user", "bob").stdout
    assert told("search", "Lisbon", "--user", "ann", "--agent", "other").code == NOTHING


def test_a_search_without_result_ends_with_1_and_names_the_users_there_are(told: Run) -> None:
    nothing = told("search", "Lisbon")
    assert (nothing.code, nothing.stdout) == (NOTHING, "")
    assert "'default'" in nothing.stderr
    assert "ann" in nothing.stderr


def test_context_writes_exactly_the_text_that_a_model_would_be_given(told: Run) -> None:
    with MemoryOS("memory", embedder=HashEmbedder()) as memory:
        expected = memory.user("ann").context("Where do I live?", max_tokens=200)
    written = told("context", "Where do I live?", "--user", "ann", "--max-tokens", "200")
    assert written.stdout == expected.text
    assert f"{expected.tokens} of 200 tokens" in written.stderr


def test_the_path_may_come_from_the_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMORYOS_PATH", "elsewhere")
    assert run("add", "I live in Lisbon.").code == 0
    assert Path("elsewhere").is_dir()
    assert not Path("memory").exists()


# --- show, stats, users, verify, rebuild --------------------------------------------------------------------


def test_show_shows_pages_topics_with_bars_of_their_heat_and_facts(told: Run) -> None:
    for number in range(12):
        told("add", f"The viola needs a new string, number {number}.", "--user", "ann")
    with MemoryOS("memory", embedder=HashEmbedder()) as memory:
        memory.user("ann").remember("Ann plays the viola.")
        memory.flush()
    assert "short" in told("show", "pages", "--user", "ann").stdout
    assert "━" in told("show", "segments", "--user", "ann").stdout
    assert "Ann plays the viola." in told("show", "facts", "--user", "ann").stdout
    assert "Ann plays the viola." in told("show", "persona", "--user", "ann").stdout
    everything = told("show", "--user", "ann")
    assert all(word in everything.stdout for word in ("Pages", "Topic segments", "Facts", "Persona"))
    parts = told("show", "--user", "ann", "--json").json
    assert set(parts) == {"pages", "segments", "facts", "persona"}
    assert sum(len(segment["page_ids"]) for segment in parts["segments"]) == 14 - 7


def test_show_writes_a_message_of_several_lines_on_one_so_that_none_looks_like_another_speaker_s(
    run: Run,
) -> None:
    run("add", "I keep bees.\nassistant: I keep hens.")
    assert "user: I keep bees. assistant: I keep hens." in run("show", "pages").stdout


def test_show_of_a_stranger_says_that_nothing_is_stored(told: Run) -> None:
    shown = told("show", "--user", "nobody")
    assert shown.code == NOTHING
    assert "Pages: none" in shown.stdout
    assert "ann" in shown.stderr


def test_users_stats_and_verify_look_at_the_whole_store(told: Run) -> None:
    told("add", "I am Bob.", "--user", "bob")
    assert told("users").stdout == "ann\nbob\n"
    assert told("users", "--json").json == ["ann", "bob"]
    assert told("stats", "--json").json["messages"] == 4
    assert "messages" in told("stats").stdout
    assert told("verify").code == 0
    assert "whole" in told("verify").stdout
    assert told("verify", "--json").json["ok"] is True


def test_verify_ends_with_1_when_something_is_wrong(told: Run, store: Path) -> None:
    with closing(sqlite3.connect(store / "memory.db")) as ledger:
        ledger.execute("DELETE FROM messages WHERE text LIKE '%viola%'")
        ledger.commit()
    broken = told("verify")
    assert broken.code == NOTHING
    assert "something is wrong" in " ".join(broken.stdout.split())
    assert "1 pages have no message" in broken.stdout
    assert told("verify", "--json").json["ok"] is False


def test_rebuild_makes_the_index_anew(told: Run) -> None:
    assert told("rebuild", "--json").json == {"records": 3}
    assert "3 records" in told("rebuild").stdout


def test_a_store_is_not_opened_with_another_embedder_than_its_own(told: Run) -> None:
    told("rebuild")
    assert "hash-256" in one_error(told("users", "--embedder", "default"))
    assert told("users", "--embedder", "none").code == 0


# --- forget -------------------------------------------------------------------------------------------------


def test_forget_asks_and_without_a_terminal_to_ask_on_refuses(told: Run) -> None:
    assert "--yes" in one_error(told("forget", "--everything", "--user", "ann"))
    assert len(texts_of(told, "ann")) == 3


def test_forget_wants_to_be_told_exactly_one_thing(told: Run) -> None:
    for selectors in ([], ["--everything", "--thread", "monday"], ["--id", "x", "--everything"]):
        assert "exactly one" in one_error(told("forget", *selectors, "--yes", "--user", "ann"))
    assert len(texts_of(told, "ann")) == 3


def test_a_thread_is_forgotten_with_its_bytes(told: Run, store: Path) -> None:
    forgotten = told("forget", "--thread", "monday", "--yes", "--user", "ann")
    assert forgotten.code == 0
    assert "2 messages" in forgotten.stdout
    assert texts_of(told, "ann") == ["I play the viola."]
    assert all(b"Lisbon" not in file.read_bytes() for file in store.rglob("*") if file.is_file())


def test_an_item_is_forgotten_by_its_id_and_a_wrong_id_is_named(told: Run) -> None:
    found = told("search", "viola", "--user", "ann", "-k", "1", "--json").json["items"][0]
    both = told("forget", "--id", found["id"], "--id", "nowhere", "--yes", "--user", "ann", "--json")
    assert both.code == 0
    assert both.json["message_ids"] == [found["id"]]
    assert "nowhere" in both.stderr
    assert told("forget", "--id", found["id"], "--yes", "--user", "ann").code == NOTHING


def test_everything_is_only_what_this_user_said_to_this_agent(told: Run) -> None:
    told("add", "I am Bob.", "--user", "bob")
    assert told("forget", "--everything", "--yes", "--user", "ann").code == 0
    assert texts_of(told, "ann") == []
    assert texts_of(told, "bob") == ["I am Bob."]


@pytest.mark.programs
def test_on_a_terminal_forget_erases_only_after_a_yes(told: Run, store: Path) -> None:
    command = ("forget", "--thread", "monday", "--user", "ann")
    code, screen = on_a_terminal(*command, NO_COLOR="1", answer="n\n")
    assert code == NOTHING
    assert "Erase 1 pages of thread 'monday' of user 'ann'" in screen
    assert len(texts_of(told, "ann")) == 3
    code, screen = on_a_terminal(*command, answer="y\n")
    assert code == 0
    assert texts_of(told, "ann") == ["I play the viola."]


# --- export and load ----------------------------------------------------------------------------------------


def test_what_was_exported_can_be_loaded_once(told: Run) -> None:
    assert told("export", "ann.jsonl", "--user", "ann").code == 0
    other = ("--path", "other", "--user", "ann")
    records = len(Path("ann.jsonl").read_text(encoding="utf-8").splitlines()) - 1
    assert told("load", "ann.jsonl", *other, "--json").json == {"new_records": records}
    assert records >= 2 + 3, "pages and messages"
    assert told("load", "ann.jsonl", *other, "--json").json == {"new_records": 0}
    assert told("search", "Lisbon", *other).code == 0


def test_a_file_that_is_no_export_is_refused(told: Run) -> None:
    Path("poem.txt").write_text("Roses are red\n")
    assert "line 1" in one_error(told("load", "poem.txt", "--user", "ann"))
    assert "missing.jsonl" in one_error(told("load", "missing.jsonl", "--user", "ann"))


# --- chat-import --------------------------------------------------------------------------------------------

CHAT = [
    {"role": "system", "content": "You are helpful."},
    {"role": "user", "content": "I adopted a dog.", "name": "Ann", "at": "2026-01-02T10:00:00Z"},
    {"role": "assistant", "content": [{"type": "text", "text": "What is he called?"}, {"type": "image_url"}]},
    {"role": "user", "text": "Biscuit!", "timestamp": "2026-01-03T10:00:00+01:00", "thread_id": "other"},
    {"role": "assistant", "content": None},
]


def test_a_list_of_messages_is_imported(run: Run) -> None:
    imported = run("chat-import", write(Path("dogs.json"), CHAT), "--json")
    assert imported.code == 0
    assert imported.json == {
        "users": ["default"],
        "stored": 3,
        "known": 0,
        "left_out": {
            "instructions to the model": 1,
            "parts that are not text": 1,
            "messages without text": 1,
        },
        "parked": 0,
        "waiting": 0,
    }
    pages = run("show", "pages", "--json").json
    assert [[message["text"] for message in page["messages"]] for page in pages] == [
        ["I adopted a dog.", "What is he called?"],
        ["Biscuit!"],
    ]
    assert [page["thread_id"] for page in pages] == ["dogs", "other"]
    assert [message["at"] for page in pages for message in page["messages"]] == [
        "2026-01-02T10:00:00+00:00",
        "2026-01-02T10:00:00+00:00",  # without a time of its own: that of the message before
        "2026-01-03T09:00:00+00:00",
    ]
    assert {message["source"] for page in pages for message in page["messages"]} == {"import"}
    assert pages[0]["messages"][0]["name"] == "Ann"


def test_everything_imported_is_embedded_when_the_command_ends(run: Run) -> None:
    run("chat-import", write(Path("dogs.json"), CHAT))
    counts = run("stats", "--json").json
    assert counts["vectors"] == counts["messages"] == 3
    assert counts["jobs"] == {}


def test_importing_twice_stores_nothing_twice_and_a_longer_file_only_its_end(run: Run) -> None:
    chat = write(Path("dogs.json"), CHAT)
    run("chat-import", chat)
    again = run("chat-import", chat)
    assert "stored 0 messages" in again.stdout
    assert "stored before: 3" in again.stdout
    write(chat, [*CHAT, {"role": "user", "content": "He is a pug."}])
    assert run("chat-import", chat, "--json").json["stored"] == 1
    assert texts_of(run) == ["I adopted a dog.", "What is he called?", "Biscuit!", "He is a pug."]


def test_what_is_said_twice_in_a_file_is_stored_twice(run: Run) -> None:
    chat = write(Path("echo.json"), [{"role": "user", "content": "Hello?"}] * 2)
    assert run("chat-import", chat, "--json").json["stored"] == 2
    assert run("chat-import", chat, "--json").json["stored"] == 0


def test_files_that_begin_alike_are_conversations_of_their_own(run: Run) -> None:
    hello = [{"role": "user", "content": "Hello!"}]
    assert run("chat-import", write(Path("one.json"), hello), "--json").json["stored"] == 1
    assert run("chat-import", write(Path("two.json"), hello), "--json").json["stored"] == 1


def test_a_thread_can_be_given_to_messages_that_name_none(run: Run) -> None:
    run("chat-import", write(Path("dogs.json"), CHAT), "--thread", "pets")
    assert [page["thread_id"] for page in run("show", "pages", "--json").json] == ["pets", "other"]


def test_sharegpt_objects_become_threads(run: Run) -> None:
    said = [{"from": "human", "value": "I sail."}, {"from": "gpt", "value": "Where?"}]
    shared = [{"id": "a1", "conversations": said}, {"conversations": said}]
    assert run("chat-import", write(Path("shared.json"), shared), "--json").json["stored"] == 4
    assert [page["thread_id"] for page in run("show", "pages", "--json").json] == ["a1", "shared-2"]
    assert run("chat-import", write(Path("single.json"), {"messages": CHAT}), "--json").json["stored"] == 3


def locomo(*firsts: str) -> list[dict[str, Any]]:
    """Return samples in LoCoMo's format; the second session comes first in the file."""
    return [
        {
            "sample_id": f"conv-{number}",
            "qa": [],
            "conversation": {
                "speaker_a": "Ivo",
                "speaker_b": "Nell",
                "session_10_date_time": "9:05 am on 3 March, 2024",
                "session_10": [{"speaker": "Nell", "dia_id": "D10:1", "text": "The kiln is fixed."}],
                "session_2_date_time": "1:56 pm on 8 May, 2023",
                "session_2": [
                    {"speaker": "Ivo", "dia_id": "D2:1", "text": first},
                    {
                        "speaker": "Nell",
                        "dia_id": "D2:2",
                        "text": "Glazed or plain?",
                        "blip_caption": "a bowl",
                    },
                ],
                "session_11_date_time": "9:05 am on 4 March, 2024",
            },
        }
        for number, first in enumerate(firsts)
    ]


def test_a_sample_of_locomo_keeps_its_sessions_speakers_times_and_turn_ids(run: Run) -> None:
    imported = run(
        "chat-import", write(Path("locomo.json"), locomo("I threw a bowl.")[0]), "--user", "u", "--json"
    )
    assert imported.json["users"] == ["u"]
    said = [m for page in run("show", "pages", "--user", "u", "--json").json for m in page["messages"]]
    assert [(m["thread_id"], m["name"], m["role"], m["at"], m["metadata"]["dia_id"]) for m in said] == [
        ("session_2", "Ivo", "user", "2023-05-08T13:56:00+00:00", "D2:1"),
        ("session_2", "Nell", "assistant", "2023-05-08T13:56:01+00:00", "D2:2"),
        ("session_10", "Nell", "assistant", "2024-03-03T09:05:00+00:00", "D10:1"),
    ]


def test_several_samples_of_locomo_are_several_users_or_one_that_is_chosen(run: Run) -> None:
    file = write(Path("locomo.json"), locomo("I threw a bowl.", "I threw a vase."))
    assert run("chat-import", file, "--user", "u", "--json").json["users"] == ["u-0", "u-1"]
    assert texts_of(run, "u-1")[0] == "I threw a vase."
    assert run("chat-import", file, "--user", "u", "--json").json["stored"] == 0
    assert run("chat-import", file, "--user", "one", "--sample", "1", "--json").json["users"] == ["one"]
    assert texts_of(run, "one")[0] == "I threw a vase."
    assert "from 0 to 1" in one_error(run("chat-import", file, "--sample", "2"))


GOOD = {"role": "user", "content": "Fine."}


def test_a_file_with_a_fault_is_refused_with_its_place_and_nothing_of_it_is_stored(
    run: Run, store: Path
) -> None:
    for content, hint in (
        ([GOOD, {"role": "pope", "content": "x"}], "message 2: role must be one of user"),
        ([GOOD, {"content": "x"}], "message 2: role"),
        ([GOOD, {"role": ["user"], "content": "x"}], "message 2: role"),
        ([GOOD, {"role": "user"}], "message 2: there is no 'content'"),
        ([GOOD, {"role": "user", "content": 7}], "message 2: content must be text"),
        ([GOOD, {"role": "user", "content": "a\x00b"}], "message 2: text contains a NUL"),
        ([GOOD, {"role": "user", "content": "\ud800"}], "message 2: text contains a lone surrogate"),
        ([GOOD, {"role": "user", "content": "x", "name": 3}], "message 2: name must be text"),
        ([GOOD, {"role": "user", "content": "x", "thread_id": ""}], "message 2: thread_id must not be empty"),
        ([GOOD, {"role": "user", "content": "x", "at": "yesterday"}], "message 2: at: 'yesterday'"),
        ([GOOD, {"role": "user", "content": "x", "at": "2026-01-01T10:00:00"}], "has no zone"),
        ([GOOD, {"role": "user", "content": "x", "at": "0001-01-01T00:00:00+14:00"}], "message 2: at"),
        ([GOOD, {"role": "user", "content": "x", "timestamp": 5}], "message 2: timestamp must be"),
        ([GOOD, "hello"], "message 2: expected an object"),
        ([], "there is no message"),
        ([{"role": "system", "content": "x"}], "there is no message"),
        ({"hello": 1}, "expected a list of messages"),
        (7, "expected a list of messages"),
        ({"messages": [GOOD, {}]}, "conversation 1: message 2: role"),
        ([{"conversations": [GOOD]}, {"conversations": 4}], "conversation 2"),
        ([{"conversation": {}}], "sample 0: there is no message"),
        ([{"conversation": {"session_1": []}}], "sample 0: session_1_date_time"),
        ([{"conversation": {"session_1": 3, "session_1_date_time": "1:56 pm on 8 May, 2023"}}], "session_1"),
        (
            [{"conversation": {"session_1": [{}], "session_1_date_time": "1:56 pm on 8 May, 2023"}}],
            "sample 0, session_1, turn 1",
        ),
        ([*locomo("I threw a bowl."), 3], "sample 1"),
    ):
        assert hint in one_error(run("chat-import", write(Path("bad.json"), content)))
    assert not store.exists()


def test_a_file_that_is_not_json_is_refused_with_its_place(run: Run) -> None:
    for content, hint in (
        (b'[{"role": "user",\n "content" "x"}]', "line 2, column 12"),
        (b"", "line 1, column 1"),
        (b'["caf\xe9"]', "not UTF-8: byte 5"),
        (b"[" * 100_000, "not JSON"),
    ):
        Path("bad.json").write_bytes(content)
        assert hint in one_error(run("chat-import", "bad.json"))


def test_a_file_that_is_not_there_is_named(run: Run) -> None:
    assert "missing.json cannot be read" in one_error(run("chat-import", "missing.json"))
    Path("folder").mkdir()
    assert "folder cannot be read" in one_error(run("chat-import", "folder"))


def test_samples_can_only_be_chosen_from_a_file_that_has_them(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="samples"):
        chat_files.read(write(tmp_path / "chat.json", CHAT), sample=0)


# --- hostile text -------------------------------------------------------------------------------------------


def assert_harmless(screen: str) -> None:
    assert not set(screen) & set("\x1b\x07\x9b\u202e\u202c")


def test_stored_text_is_shown_literally_and_cannot_steer_a_terminal(run: Run) -> None:
    assert (
        run("add", HOSTILE, "--answer", HOSTILE, "--thread", "[b]t[/b]\u202e", "--user", "[u]\u202e").code
        == 0
    )
    who = ("--user", "[u]\u202e")
    for command in (["search", "hot"], ["show", "pages"], ["show"], ["search", "hot", "--explain"]):
        shown = run(*command, *who)
        assert "[red]hot[/red]" in shown.stdout
        assert ":smile: 你好" in shown.stdout
        assert "[b]t[/b]" in shown.stdout
        assert_harmless(shown.stdout)
    assert "[u]" in run("users").stdout
    assert_harmless(run("users").stdout)
    assert_harmless(run("search", "hot").stderr)
    found = run("search", "hot", *who, "--json")
    assert found.stdout.isascii()
    assert found.json["items"][0]["text"] == HOSTILE
    assert HOSTILE in run("context", "hot", *who).stdout, "a pipe gets the text as it is"


@pytest.mark.programs
def test_context_on_a_terminal_is_made_harmless(run: Run) -> None:
    run("add", HOSTILE)
    code, screen = on_a_terminal("context", "hot", NO_COLOR="1")
    assert code == 0
    assert "[red]hot[/red]" in screen
    assert_harmless(screen)


def test_errors_cannot_steer_a_terminal_either(run: Run) -> None:
    assert_harmless(one_error(run("search", "x", "--path", "no\x1b[31m\nwhere")))
    assert_harmless(one_error(run("chat-import", "no\x1b]0;x\x07.json")))


@pytest.mark.parametrize("kept", ["tab\tand\nline", "naïve 你好 👩🏽‍🔬", "[bold]"])
def test_clean_keeps_ordinary_text(kept: str) -> None:
    assert clean(kept) == kept


# --- errors, exit codes, output -----------------------------------------------------------------------------


def test_a_look_at_a_missing_store_is_an_error_and_makes_none(run: Run, store: Path) -> None:
    looks = "search x|context x|show|stats|users|verify|rebuild|export x.jsonl|forget --everything --yes"
    for command in looks.split("|"):
        assert f"There is no store in {store}" in one_error(run(*command.split()))
    assert list(store.parent.iterdir()) == []


def test_what_cannot_be_done_is_said_in_one_line(told: Run) -> None:
    for command, hint in (
        (["add", ""], "no text"),
        (["add", "x", "--at", "soon"], "ISO 8601"),
        (["add", "x", "--at", "2026-05-01T10:00"], "has no zone"),
        (["add", "x", "--user", ""], "user_id"),
        (["search", " ", "--user", "ann"], "query"),
        (["search", "x", "-k", "0", "--user", "ann"], "k must be"),
        (["search", "x", "--kind", "dream", "--user", "ann"], "kinds must be one of"),
        (["search", "x", "--tier", "attic", "--user", "ann"], "tiers must be one of"),
        (["context", "x", "--max-tokens", "0", "--user", "ann"], "max_tokens"),
        (["show", "pages", "--limit", "0", "--user", "ann"], "limit"),
        (["export", "no/such/folder/x.jsonl", "--user", "ann"], "cannot be written"),
    ):
        assert hint in one_error(told(*command))


def test_a_path_that_is_a_file_is_an_error(run: Run) -> None:
    Path("file").write_text("")
    assert "file" in one_error(run("add", "x", "--path", "file"))
    assert "file" in one_error(run("users", "--path", "file"))


def test_unknown_commands_and_options_are_usage_errors(run: Run) -> None:
    for command in (["dream"], ["users", "--colour"], ["show", "dreams"], ["search"]):
        outcome = run(*command)
        assert (outcome.code, outcome.stdout) == (TROUBLE, "")
        assert "Usage:" in outcome.stderr


def test_with_json_stdout_holds_json_and_nothing_else(told: Run) -> None:
    users = "add I-sing|search viola|context viola|show|show segments|show facts|show persona|export x.jsonl"
    commands = [f"{command} --user ann" for command in users.split("|")]
    commands += ["search viola --user nobody", "stats", "users", "verify", "rebuild"]
    for command in (*commands, "forget --thread none --yes --user ann"):
        outcome = told(*command.split(), "--json")
        assert outcome.code in (0, NOTHING), command
        assert outcome.json is not None, command


def test_the_version_and_every_command_are_shown(run: Run) -> None:
    assert run("--version").stdout.startswith("memoryos 0.")
    shown = run("--help").stdout
    commands = (
        "demo add chat-import import-upstream search context respond enrich show stats users verify rebuild "
        "forget export load"
    )
    assert all(command in shown for command in commands.split())
    assert "Exit codes" in shown


# --- demo ---------------------------------------------------------------------------------------------------


def test_the_demo_can_be_shown_plainly_and_its_store_kept(run: Run) -> None:
    shown = run("demo", "--path", "kept", "--plain", "--questions", "3")
    assert shown.code == 0
    assert "3 of 40 questions" in shown.stdout
    assert "181 of 181" in shown.stdout
    assert "\x1b" not in shown.stdout
    assert run("users", "--path", "kept").stdout == "mara\n"
    assert run("stats", "--path", "kept", "--json").json["messages"] == 2 * 181 - 2, "one turn was forgotten"


def test_bytes_are_counted_in_all_files_and_in_part_copies_too(tmp_path: Path) -> None:
    text = "The spare key is under the third flower pot, counted from the door."
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "whole").write_text(f"..{text}..")
    (tmp_path / "part").write_text(text[:30])
    (tmp_path / "other").write_text("nothing of it")
    assert demo_run.bytes_in_files(tmp_path, [text]) == (90, 3)


def test_connections_to_a_network_are_counted() -> None:
    import socket

    connections = demo_run.Connections()
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
        counted = connections.count
        connections.stop()
        socket.create_connection(server.getsockname()).close()
    assert counted >= 1
    assert connections.count == counted


# --- the real thing -----------------------------------------------------------------------------------------

COMMAND = [sys.executable, "-W", "error", "-m", "memoryos_integrations.apps.cli"]


@pytest.mark.programs
def test_the_demo_measures_what_it_claims_and_leaves_nothing_behind(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MEMORYOS_")}
    ended = subprocess.run(
        [*COMMAND, "demo", "--json"],
        capture_output=True,
        text=True,
        env={**environment, "TMPDIR": str(tmp_path)},
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    figures = json.loads(ended.stdout)
    assert figures["turns"] == 181
    assert figures["tiers"]["short_pages"] + figures["tiers"]["mid_pages"] == 181
    assert figures["tiers"]["segments"] > 0
    assert 0.4 < figures["recall_at_10"] < 1
    assert 0.8 < figures["recall_in_2000_tokens"] <= 1
    context = figures["context"]
    assert 0 < context["tokens"] <= context["max_tokens"] < context["conversation"]
    assert figures["forgotten"]["before"] > 0
    assert figures["forgotten"]["after"] == 0
    assert figures["connections"] == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.programs
def test_help_loads_nothing_heavy() -> None:
    heavy = ("numpy", "sqlalchemy", "chromadb", "onnxruntime", "tokenizers", "tiktoken", "langchain_core")
    code = (
        "import sys\nfrom memoryos_integrations.apps.cli import main\n"
        "sys.argv = ['memoryos', '--help']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.endswith("[]\n")
    assert "chat-import" in ended.stdout
