"""A store of upstream MemoryOS comes over whole or not at all, and never over memories stored here."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from memoryos_integrations import MemoryConfig, MemoryOS
from memoryos_integrations.apps.cli import app
from memoryos_integrations.testing import FrozenClock, HashEmbedder

FAILED = "Error: Could not get response from LLM."
VECTOR = [0.1] * 8


def record(user: str, assistant: str, timestamp: str | None) -> dict[str, Any]:
    return {"user_input": user, "agent_response": assistant, "timestamp": timestamp}


def page(number: int, user: str, assistant: str, timestamp: str | None) -> dict[str, Any]:
    """Return a page as mid-term memory keeps it."""
    return record(user, assistant, timestamp) | {
        "page_id": f"page_{number:08x}",
        "preloaded": False,
        "analyzed": True,
        "pre_page": None,
        "next_page": None,
        "meta_info": "Tom and the assistant talk.",
        "page_embedding": VECTOR,
        "page_keywords": ["boat"],
    }


def session(number: int, pages: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {
        "id": f"session_{number}",
        "summary": "Boats.",
        "summary_keywords": ["boat"],
        "L_interaction": len(pages),
        "R_recency": 1.0,
        "N_visit": 3,
        "H_segment": 7.0,
        "timestamp": "2025-06-09 12:00:00",
        "last_visit_time": "2025-06-09 12:00:00",
        "access_count_lfu": 3,
    } | more


def knowledge(text: str, timestamp: str) -> dict[str, Any]:
    return {"knowledge": text, "timestamp": timestamp, "knowledge_embedding": VECTOR}


SHORT = [record("It rains.", "Take a coat.", "2025-06-10 08:00:00")]
MID = [
    page(1, "Hi! I'm Tom.", "Hello Tom!", "2025-06-08 09:30:00"),
    page(2, "My boat is called Halcyon.", "A good name.", "2025-06-09 10:00:00"),
]
PROFILE = "Tom is a data scientist who loves boats."


def write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, indent=2)
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """A folder as memoryos-pypi leaves it."""
    folder = tmp_path / "theirs"
    sessions = {"session_1": session(1, MID, details=MID)}
    write(folder / "users/tom/short_term.json", SHORT)
    write(folder / "users/tom/mid_term.json", {"sessions": sessions, "access_frequency": {"session_1": 3}})
    write(
        folder / "users/tom/long_term_user.json",
        {
            "user_profiles": {"tom": {"data": PROFILE, "last_updated": "2025-06-09 12:00:00"}},
            "knowledge_base": [
                knowledge("- Tom owns a boat.", "2025-06-09 12:00:00"),
                knowledge("Tom owns a boat.", "2025-06-10 12:00:00"),
                knowledge("- None", "2025-06-10 12:00:00"),
            ],
            "assistant_knowledge": [],
        },
    )
    write(
        folder / "assistants/helper/long_term_assistant.json",
        {
            "user_profiles": {},
            "knowledge_base": [],
            "assistant_knowledge": [
                knowledge("Assistant suggested the name Halcyon.", "2025-06-09 12:00:00")
            ],
        },
    )
    return folder


@pytest.fixture
def on_chroma(tmp_path: Path) -> Path:
    """A folder as memoryos-chromadb leaves it: one JSON beside the index."""
    folder = tmp_path / "theirs"
    kept = [{name: value for name, value in one.items() if name != "page_embedding"} for one in MID]
    write(
        folder / "chroma_storage/metadata_tom_helper.json",
        {
            "mid_term_sessions": {"session_1": session(1, kept, page_count=3, pages_backup=kept)},
            "access_frequency": {},
            "heap_state": [[-7.0, "session_1"]],
            "short_term_memory": SHORT,
            "user_profiles": {"tom": {"raw_text_profile": PROFILE}},
            "update_times": {"profile": "2025-06-09 12:00:00", "knowledge": "2025-06-09 12:00:00"},
        },
    )
    return folder


Run = Callable[..., Any]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Import; returns what the command wrote as JSON, or its line on stderr if it failed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEMORYOS_EMBEDDER", "hash")
    monkeypatch.setenv("MEMORYOS_PATH", "memory")

    def call(folder: Path, *options: str, user: str = "tom") -> Any:
        line = ["import-upstream", str(folder), "--user", user, "--zone", "UTC", "--json", *options]
        result = CliRunner().invoke(app, line)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return json.loads(result.stdout) if result.exit_code == 0 else result.stderr

    return call


@pytest.fixture
def ours(tmp_path: Path) -> Callable[[], Any]:
    """Return what a user of our store has: pages' texts, facts, traces."""

    def look(user: str = "tom", agent: str = "default") -> dict[str, Any]:
        if not (tmp_path / "memory/memory.db").exists():
            return {"pages": [], "facts": {}}
        with MemoryOS(tmp_path / "memory", embedder=HashEmbedder()) as memory:
            mine = memory.user(user, agent)
            return {
                "pages": [tuple(m.text for m in p.messages) for p in mine.pages()],
                "at": [p.at for p in mine.pages()],
                "sources": {m.source for p in mine.pages() for m in p.messages},
                "ids": [p.metadata.get("upstream") for p in mine.pages()],
                "facts": {fact.text: fact for fact in mine.facts()},
                "profile": dict(mine.persona().profile),
                "found": [item.text for item in mine.retrieve("boat Halcyon", k=1).items],
                "verified": memory.verify().problems,
            }

    return look


def test_a_store_comes_over_with_its_turns_in_order_its_times_and_its_knowledge(run, ours, theirs):
    report = run(theirs)

    assert (report["pages"], report["facts"], report["upstream"]) == (3, 3, "tom")
    assert report["left_out"] == {
        "entries of knowledge that say what another says": 1,
        "entries of knowledge that say nothing": 1,
    }
    mine = ours()
    assert mine["pages"] == [
        ("Hi! I'm Tom.", "Hello Tom!"),
        ("My boat is called Halcyon.", "A good name."),
        ("It rains.", "Take a coat."),
    ]
    assert mine["at"][0] == datetime(2025, 6, 8, 9, 30, tzinfo=UTC)
    assert mine["sources"] == {"import"}
    assert mine["ids"] == ["page_00000001", "page_00000002", None]
    assert mine["found"] == ["My boat is called Halcyon."]
    assert mine["verified"] == ()
    boat, name, profile = (
        mine["facts"][text] for text in ("Tom owns a boat.", "Assistant suggested the name Halcyon.", PROFILE)
    )
    assert (boat.about, boat.source, boat.method, boat.valid_from) == (
        "user",
        "import",
        "import",
        datetime(2025, 6, 9, 12, tzinfo=UTC),
    )
    assert name.about == "agent"
    assert profile.metadata == {"upstream": "profile"}
    assert mine["profile"] == {}  # nobody knows what each word of it rests on


def test_the_variant_on_chroma_comes_over_from_its_json_and_says_what_that_lacks(run, ours, on_chroma):
    report = run(on_chroma)
    assert (report["pages"], report["facts"]) == (3, 1)
    assert report["left_out"] == {"pages that upstream's file no longer holds": 1}
    mine = ours()
    assert mine["pages"][1] == ("My boat is called Halcyon.", "A good name.")
    assert mine["facts"][PROFILE].valid_from == datetime(2025, 6, 9, 12, tzinfo=UTC)


@pytest.mark.parametrize("store", ["theirs", "on_chroma"])
def test_a_second_import_stores_nothing_and_a_later_one_only_what_is_new(run, ours, request, store):
    folder = request.getfixturevalue(store)
    run(folder)
    before = ours()
    assert run(folder)["new_records"] == 0
    assert ours() == before


def test_a_turn_that_upstream_has_moved_to_mid_term_since_is_known_still(run, ours, theirs):
    run(theirs)
    moved = [*MID, page(3, "It rains.", "Take a coat.", "2025-06-10 08:00:00")]
    write(theirs / "users/tom/mid_term.json", {"sessions": {"s": session(1, moved, details=moved)}})
    write(
        theirs / "users/tom/short_term.json",
        [record("The sun shines.", "Put on a hat.", "2025-06-11 08:00:00")],
    )
    assert run(theirs)["new_records"] == 3  # a page and its two messages
    assert ours()["pages"][-1] == ("The sun shines.", "Put on a hat.")


def test_two_users_of_ours_may_have_the_same_store_of_upstream_s(run, ours, theirs):
    run(theirs)
    run(theirs, "--from-user", "tom", user="tomas")
    assert ours("tomas")["pages"] == ours("tom")["pages"]


def test_a_page_that_upstream_keeps_in_two_topics_comes_once_and_what_was_said_twice_comes_twice(
    run, ours, theirs
):
    twice = [record("Hi", "Hello", "2025-06-10 08:00:00")] * 2
    write(theirs / "users/tom/short_term.json", twice)
    sessions = {name: session(1, MID, details=MID) for name in ("a", "b")}
    write(theirs / "users/tom/mid_term.json", {"sessions": sessions})
    report = run(theirs)
    assert report["pages"] == 4
    assert report["left_out"]["pages that stood in two topics"] == 2
    assert ours()["pages"].count(("Hi", "Hello")) == 2
    assert run(theirs)["new_records"] == 0


def test_upstream_s_own_error_text_comes_over_neither_as_an_answer_nor_as_a_profile(run, ours, theirs):
    write(
        theirs / "users/tom/short_term.json",
        [record("Are you there?", FAILED, "2025-06-10 08:00:00"), record("", "", "2025-06-10 08:00:00")],
    )
    profiles = {"tom": {"data": FAILED, "last_updated": "2025-06-09 12:00:00"}}
    write(theirs / "users/tom/long_term_user.json", {"user_profiles": profiles})
    report = run(theirs)
    assert report["left_out"] == {
        "answers that are upstream's own error text": 1,
        "pages without text": 1,
        "entries of knowledge that say nothing": 1,
    }
    mine = ours()
    assert ("Are you there?",) in mine["pages"]
    assert not any(FAILED in text for texts in mine["pages"] for text in (*texts, *mine["facts"]))


def test_times_are_read_in_the_zone_that_is_named(run, ours, theirs):
    run(theirs, "--zone", "Asia/Tokyo")
    assert ours()["at"][0] == datetime(2025, 6, 8, 0, 30, tzinfo=UTC)
    assert "--zone" in run(theirs, "--zone", "Middle/Earth")


def test_a_turn_without_a_time_has_that_of_the_one_before_it(run, ours, theirs):
    report = [record("First.", "a", "2025-06-10 08:00:00"), record("Second.", "b", None)]
    write(theirs / "users/tom/short_term.json", report)
    run(theirs)
    assert ours()["at"][-1] == ours()["at"][-2] == datetime(2025, 6, 10, 8, tzinfo=UTC)


def test_what_is_imported_never_takes_the_place_of_what_the_user_said_here(
    run, tmp_path: Path, theirs: Path, clock: FrozenClock
):
    write(
        theirs / "users/tom/short_term.json", [record("I live in Lisbon.", "Lovely.", "2025-06-10 08:00:00")]
    )
    config = MemoryConfig(short_term_capacity=1, segment_threshold=0.0, promotion_heat=3)
    store = tmp_path / "memory"
    with MemoryOS(store, embedder=HashEmbedder(), clock=clock, config=config) as memory:
        tom = memory.user("tom")
        for text in ("I live in Porto.", "Yes.", "No.", "Perhaps."):
            tom.add(text, "I see.", at=datetime(2025, 1, 1, tzinfo=UTC))
        memory.flush()
        assert tom.persona().profile["home"] == "Porto"
    run(theirs)
    with MemoryOS(store, embedder=HashEmbedder(), clock=clock, config=config) as memory:
        tom = memory.user("tom")
        tom.add("That is all.", "I see.")
        memory.flush()
        assert tom.persona().profile["home"] == "Porto"


def test_which_of_several_users_is_meant_must_be_said(run, ours, theirs):
    write(theirs / "users/ann/short_term.json", [record("I am Ann.", "Hi!", "2025-06-10 08:00:00")])
    assert "--from-user" in run(theirs, user="somebody")
    assert ours("somebody")["pages"] == []
    report = run(theirs, "--from-user", "ann", user="somebody")
    assert report["upstream"] == "ann"
    assert ours("somebody")["pages"] == [("I am Ann.", "Hi!")]
    assert "bob" in run(theirs, "--from-user", "bob")


def test_knowledge_of_an_assistant_that_several_users_share_comes_over_only_on_demand(run, ours, theirs):
    write(theirs / "users/ann/short_term.json", [record("I am Ann.", "Hi!", "2025-06-10 08:00:00")])
    report = run(theirs, user="ann")
    assert any("--from-assistant" in reason for reason in report["left_out"])
    assert ours("ann")["facts"] == {}
    run(theirs, "--from-assistant", "helper", user="ann")
    assert set(ours("ann")["facts"]) == {"Assistant suggested the name Halcyon."}


@pytest.mark.parametrize(
    ("file", "content", "hint"),
    [
        ("short_term.json", '[{"user_input": "a"', "line 1"),
        ("short_term.json", {"a": 1}, "expected a list"),
        ("short_term.json", ["a"], "page 1"),
        ("short_term.json", [record("a", "b", "tomorrow")], "timestamp"),
        ("short_term.json", [record("a", "b", None)], "timestamp"),
        ("short_term.json", [record("a", 7, "2025-06-10 08:00:00")], "agent_response"),
        ("short_term.json", [record("a\x00", "b", "2025-06-10 08:00:00")], "user_input"),
        ("short_term.json", [record("x" * 1_000_001, "b", "2025-06-10 08:00:00")], "bytes"),
        ("short_term.json", "[" * 100_000, "not JSON"),
        ("mid_term.json", [], "expected an object"),
        ("mid_term.json", {"sessions": {"s": []}}, "session 's'"),
        ("mid_term.json", {"sessions": {"s": {"details": {}}}}, "details"),
        ("long_term_user.json", {"knowledge_base": [{"knowledge": "a"}]}, "entry 1"),
        ("long_term_user.json", {"user_profiles": {"tom": "text"}}, "user_profiles"),
        ("long_term_user.json", b"\xff\xfe\x00", "UTF-8"),
    ],
)
def test_a_file_with_a_fault_is_refused_with_its_place_and_nothing_is_stored(
    run, ours, theirs, file, content, hint
):
    path = theirs / "users/tom" / file
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        write(path, content)
    error = run(theirs)
    assert hint in error
    assert len(error.splitlines()) == 1
    assert ours() == {"pages": [], "facts": {}}


@pytest.mark.parametrize("empty", [[], ["users"], ["users", "users/tom"]])
def test_a_folder_without_a_store_is_refused(run, ours, tmp_path, empty):
    (tmp_path / "theirs").mkdir()
    for name in empty:
        (tmp_path / "theirs" / name).mkdir()
    assert "error" in run(tmp_path / "theirs")
    assert "not a folder" in run(tmp_path / "not there")
    assert ours() == {"pages": [], "facts": {}}


@pytest.mark.parametrize("link", ["users", "users/tom", "users/tom/short_term.json"])
def test_nothing_outside_the_folder_is_read(run, ours, theirs, tmp_path, link):
    target = tmp_path / "elsewhere"
    (theirs / link).rename(target)
    (theirs / link).symlink_to(target)
    assert "error" in run(theirs)
    assert ours() == {"pages": [], "facts": {}}


@pytest.mark.parametrize("name", ["../theirs/users/tom", "/etc", ".."])
def test_an_id_of_upstream_s_is_a_name_that_is_there_never_a_path(run, theirs, name):
    assert "has no user" in run(theirs, "--from-user", name)
    assert "has no assistant" in run(theirs, "--from-assistant", name)


def test_a_file_over_the_limit_is_refused(run, theirs, monkeypatch):
    monkeypatch.setattr("memoryos_integrations.apps.importing.upstream_files.MAX_FILE_BYTES", 20)
    assert "at most 20" in run(theirs)


def test_several_files_of_the_variant_on_chroma_need_a_choice_and_a_clear_one_is_made(run, ours, on_chroma):
    folder = on_chroma / "chroma_storage"
    content = json.loads((folder / "metadata_tom_helper.json").read_text())
    content["short_term_memory"] = [record("I am another Tom.", "Hi!", "2025-06-10 08:00:00")]
    write(folder / "metadata_tom_helper_helper.json", content)
    assert "--from-assistant" in run(on_chroma)
    run(on_chroma, "--from-user", "tom", "--from-assistant", "helper")
    assert ("It rains.", "Take a coat.") in ours()["pages"]
    run(on_chroma, "--from-user", "tom_helper", user="another")
    assert ("I am another Tom.", "Hi!") in ours("another")["pages"]


def test_what_was_done_is_told_on_a_terminal_too(tmp_path, monkeypatch, theirs):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEMORYOS_EMBEDDER", "none")
    line = ["import-upstream", str(theirs), "--user", "tom", "--agent", "helper"]
    result = CliRunner().invoke(app, line)
    assert result.exit_code == 0, result.output
    assert "read 3 turns and 3 facts of upstream's 'tom' for tom with helper" in result.stdout
    assert "left out: 1" in result.stdout
    assert "new: nothing" in CliRunner().invoke(app, line).stdout
