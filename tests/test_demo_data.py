"""The conversation that ships for ``memoryos demo``: its shape, its dates and its questions."""

from __future__ import annotations

import json
import re
from calendar import day_name, month_name
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from itertools import pairwise
from typing import Any

import pytest

KINDS = {"single": 14, "multi": 6, "temporal": 6, "update": 4}
MONTHS = list(month_name)[1:]
WEEKDAYS = list(day_name)
DATED = re.compile(rf"({'|'.join(WEEKDAYS)}) (\d{{1,2}}) ({'|'.join(MONTHS)})")
CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def demo() -> dict[str, Any]:
    text = files("memoryos_integrations.apps.demo").joinpath("conversation.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


@pytest.fixture(scope="module")
def turns(demo: dict[str, Any]) -> list[dict[str, str]]:
    return [turn for session in demo["sessions"] for turn in session["turns"]]


@pytest.fixture(scope="module")
def by_id(turns: list[dict[str, str]]) -> dict[str, dict[str, str]]:
    return {turn["id"]: turn for turn in turns}


def time_of(turn: dict[str, str]) -> datetime:
    return datetime.strptime(turn["at"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.!?])\s+", text)


def word_runs(text: str, length: int) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[i : i + length]) for i in range(len(words) - length + 1)}


def test_the_file_names_its_people_and_has_no_unknown_fields(demo: dict[str, Any]) -> None:
    assert set(demo) == {"user", "agent", "sessions", "questions"}
    assert demo["user"] == {"id": "mara", "name": "Mara"}
    assert demo["agent"] == {"name": "Otto"}
    assert all(set(session) == {"thread_id", "turns"} for session in demo["sessions"])
    assert all(set(q) == {"question", "answer", "evidence", "kind"} for q in demo["questions"])


def test_it_is_long_enough_to_fill_every_tier(demo: dict[str, Any], turns: list[dict[str, str]]) -> None:
    assert len(turns) >= 150
    assert len(demo["sessions"]) >= 8
    assert all(session["turns"] for session in demo["sessions"])
    assert time_of(turns[-1]) - time_of(turns[0]) > timedelta(days=180)


def test_every_turn_has_an_id_a_time_and_both_sides(turns: list[dict[str, str]]) -> None:
    for turn in turns:
        assert set(turn) == {"id", "at", "user", "assistant"}
        assert all(isinstance(value, str) and value.strip() == value != "" for value in turn.values())


def test_turn_and_thread_ids_are_unique_and_agree(demo: dict[str, Any], by_id: dict[str, Any]) -> None:
    threads = [session["thread_id"] for session in demo["sessions"]]
    assert len(set(threads)) == len(threads)
    assert len(by_id) == sum(len(session["turns"]) for session in demo["sessions"])
    for session in demo["sessions"]:
        expected = [f"{session['thread_id']}-{n:03d}" for n in range(1, len(session["turns"]) + 1)]
        assert [turn["id"] for turn in session["turns"]] == expected


def test_time_always_moves_on_by_minutes_within_a_session_and_days_between(demo: dict[str, Any]) -> None:
    last_end: datetime | None = None
    for session in demo["sessions"]:
        times = [time_of(turn) for turn in session["turns"]]
        steps = [later - earlier for earlier, later in pairwise(times)]
        assert all(timedelta(0) < step < timedelta(hours=1) for step in steps)
        assert last_end is None or times[0] - last_end > timedelta(days=5)
        last_end = times[-1]


def test_a_weekday_that_is_named_with_a_date_is_the_right_one(turns: list[dict[str, str]]) -> None:
    named = [match for turn in turns for match in DATED.finditer(turn["user"] + "\n" + turn["assistant"])]
    assert named
    for weekday, day, month in (match.groups() for match in named):
        assert WEEKDAYS[date(2025, MONTHS.index(month) + 1, int(day)).weekday()] == weekday


def test_no_sentence_is_said_twice(turns: list[dict[str, str]]) -> None:
    said = Counter(
        s.lower() for turn in turns for s in sentences(turn["user"]) + sentences(turn["assistant"])
    )
    assert [sentence for sentence, times in said.items() if times > 1] == []


def test_the_user_tells_and_the_assistant_is_brief(turns: list[dict[str, str]]) -> None:
    lengths = [len(turn["user"].split()) for turn in turns]
    assert 12 <= sum(lengths) / len(lengths) <= 35
    assert max(len(sentences(turn["assistant"])) for turn in turns) <= 2


def test_other_languages_and_scripts_appear(turns: list[dict[str, str]]) -> None:
    assert sum(1 for turn in turns if CHINESE.search(turn["user"])) >= 2
    assert sum(1 for turn in turns if re.search(r"\b(não|numa|muito|um)\b", turn["user"])) >= 3


def test_there_are_enough_questions_of_every_kind(demo: dict[str, Any]) -> None:
    counts = Counter(question["kind"] for question in demo["questions"])
    assert set(counts) == set(KINDS)
    assert all(counts[kind] >= least for kind, least in KINDS.items())


def test_every_question_is_asked_once_by_the_user_about_themselves_or_theirs(demo: dict[str, Any]) -> None:
    asked = [question["question"] for question in demo["questions"]]
    assert len(set(asked)) == len(asked)
    assert all(text.endswith("?") for text in asked)
    assert all(question["answer"].endswith(".") for question in demo["questions"])


def test_every_question_has_evidence_that_exists(demo: dict[str, Any], by_id: dict[str, Any]) -> None:
    for question in demo["questions"]:
        evidence = question["evidence"]
        assert evidence
        assert len(set(evidence)) == len(evidence)
        assert set(evidence) <= set(by_id), question["question"]


def test_the_kind_of_a_question_fits_its_evidence(demo: dict[str, Any], by_id: dict[str, Any]) -> None:
    for question in demo["questions"]:
        times = [time_of(by_id[turn_id]) for turn_id in question["evidence"]]
        if question["kind"] == "single":
            assert len(times) == 1
        if question["kind"] == "multi":
            assert 2 <= len(times) <= 3
        if question["kind"] == "update":
            assert len(times) >= 2
            assert times[0] == max(times), "the turn that holds now is listed first"


def test_no_question_repeats_four_words_running_from_its_evidence(
    demo: dict[str, Any], by_id: dict[str, Any]
) -> None:
    for question in demo["questions"]:
        asked = word_runs(question["question"], 4)
        for turn_id in question["evidence"]:
            turn = by_id[turn_id]
            assert not asked & (word_runs(turn["user"], 4) | word_runs(turn["assistant"], 4))
