"""The conversation that ships for ``memoryos demo``: its shape, its dates and its questions."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from itertools import pairwise
from typing import Any

import pytest

KINDS = {"single": 14, "multi": 6, "temporal": 6, "update": 4}


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


def word_runs(text: str, length: int) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[i : i + length]) for i in range(len(words) - length + 1)}


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


def test_there_are_enough_questions_of_every_kind(demo: dict[str, Any]) -> None:
    counts = Counter(question["kind"] for question in demo["questions"])
    assert set(counts) == set(KINDS)
    assert all(counts[kind] >= least for kind, least in KINDS.items())


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
