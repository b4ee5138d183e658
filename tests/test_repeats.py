"""A question that is asked again and again does not answer itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from memoryos_integrations import MemoryOS, UserMemory
from memoryos_integrations.testing import FrozenClock, HashEmbedder

START = datetime(2026, 1, 5, tzinfo=UTC)
QUESTION = "Where did I leave the spare key of the boat?"
STATEMENT = "The spare key of the boat hangs in the hall"
FACT = "I hid the second key for the dinghy under the third flowerpot."


@pytest.fixture
def ann(tmp_path: Path) -> Iterator[UserMemory]:
    with MemoryOS(tmp_path, embedder=HashEmbedder(), clock=FrozenClock()) as memory:
        yield memory.user("ann")


def ask_daily(ann: UserMemory, question: str, replies: list[str], days: int = 12) -> None:
    for number in range(days):
        at = START + timedelta(days=number + 1)
        reply = replies[number % len(replies)]
        ann.add(question, reply, at=at, thread_id=f"day {number}")
    ann.memory.flush()


def texts(ann: UserMemory, query: str, k: int = 10) -> list[str]:
    return [item.text for item in ann.retrieve(query, k=k).items]


@pytest.mark.parametrize("asked", [QUESTION, QUESTION.upper(), "where did i leave the spare key of our boat"])
def test_what_was_said_once_is_found_although_the_question_was_asked_on_twelve_days(
    ann: UserMemory, asked: str
) -> None:
    ann.add(FACT, "Noted.", at=START, thread_id="x")
    ask_daily(ann, asked, ["I could not find that.", "Sorry, I do not know."])

    assert texts(ann, QUESTION)[0] == FACT


def test_each_different_reply_stands_in_a_third_place_and_the_repeats_come_last(ann: UserMemory) -> None:
    for number in range(8):
        at = START + timedelta(hours=number)
        ann.add_message(
            f"Remark {number} about the boat" + " in rain" * number,
            role="user",
            at=at,
            thread_id=f"r{number}",
        )
    ask_daily(ann, QUESTION, ["I could not find that.", "Sorry, I do not know."], days=4)

    found = texts(ann, QUESTION, k=100)

    assert {found[2], found[5]} == {"I could not find that.", "Sorry, I do not know."}
    assert all(text.startswith("Remark") for text in found[:2] + found[3:5] + found[6:10])
    assert set(found[10:]) == {QUESTION, "I could not find that.", "Sorry, I do not know."}
    scores = [item.score for item in ann.retrieve(QUESTION, k=100).items]
    assert scores == sorted(scores, reverse=True)


def test_a_memory_of_nothing_but_repeats_still_answers(ann: UserMemory) -> None:
    ask_daily(ann, QUESTION, ["In the blue tin."], days=3)

    assert texts(ann, QUESTION)[0] == "In the blue tin."
    assert len(texts(ann, QUESTION)) == 6


@pytest.mark.parametrize(
    ("said", "role", "query"),
    [
        (
            "The spare key of the boat hangs in the hall",
            "user",
            "The spare key of the boat hangs in the hall",
        ),
        (QUESTION, "assistant", QUESTION),
        ("Where is my blue key?", "user", "Where is my green key?"),
    ],
)
def test_statements_other_speakers_and_short_questions_that_differ_are_no_repeats(
    ann: UserMemory, said: str, role: str, query: str
) -> None:
    ann.add_message(said, role=role, at=START, thread_id="a")  # type: ignore[arg-type]
    ann.add_message("It rained all day", role="user", at=START + timedelta(days=1), thread_id="b")
    ann.memory.flush()

    assert texts(ann, query)[0] == said
    assert "asked before" not in ann.retrieve(query).items[0].parts


def test_a_short_question_in_the_same_words_is_a_repeat(ann: UserMemory) -> None:
    ann.add("The key hangs in the hall", "Good.", at=START, thread_id="a")
    ask_daily(ann, "Where is my key?", ["I do not know."], days=5)

    assert texts(ann, "where is my  KEY?")[0] == "The key hangs in the hall"
