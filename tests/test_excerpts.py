"""Excerpts of long messages: what a question is about, verbatim, marked, and within the budget."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from memoryos_integrations import MemoryOS, UserMemory
from memoryos_integrations.language.quoting import EXCERPT_MARK
from memoryos_integrations.retrieval.excerpts import GAP, estimated, excerpt
from memoryos_integrations.testing import FrozenClock, HashEmbedder
from memoryos_integrations.tokens import default_counter

START = datetime(2026, 1, 5, tzinfo=UTC)
STEPS = (
    "Choose soil that drains well and mix in a third of coarse sand before planting.",
    "Water seldom but deeply, in the early morning, and never on the leaves.",
    "Feed with potash when the buds show and stop four weeks before harvest.",
    "Cover the bed with straw in November so that frost does not lift the bulbs.",
)
PLAN = "Here is a plan for the garden.\n" + "\n".join(
    [f"{number}. {STEPS[number % 4]}" for number in range(1, 40)]
    + ["40. Against the slugs set out saucers of cheap stout, sunk to the rim.", "41. Good luck."]
)
QUESTION = "What did you tell me to put out against slugs?"


@pytest.fixture
def ann(tmp_path: Path) -> Iterator[UserMemory]:
    with MemoryOS(tmp_path, embedder=HashEmbedder(), clock=FrozenClock()) as memory:
        user = memory.user("ann")
        user.add("How do I look after the new garden?", PLAN, at=START)
        for number in range(5):
            at = START + timedelta(days=number + 1)
            user.add(f"I painted shed {number} blue today.", "Lovely.", at=at, thread_id=f"{number}")
        memory.flush()
        yield user


def test_a_detail_late_in_a_long_answer_reaches_a_context_of_500_tokens(ann: UserMemory) -> None:
    context = ann.context(QUESTION, max_tokens=500)

    assert "saucers of cheap stout" in context.text
    assert f"Assistant{EXCERPT_MARK}: " in context.text
    assert PLAN in [item.text for item in context.items]


@pytest.mark.parametrize("max_tokens", [1, 50, 120, 500, 3000])
def test_excerpts_stay_within_the_budget_by_the_real_counter(ann: UserMemory, max_tokens: int) -> None:
    context = ann.context(QUESTION, max_tokens=max_tokens)

    assert context.tokens <= max_tokens
    assert context.tokens == (default_counter()(context.text) if context.text else 0)


def test_a_short_message_is_shown_whole_and_without_a_mark(ann: UserMemory) -> None:
    text = ann.context("shed", max_tokens=500).text

    assert " User: I painted shed 3 blue today.\n" in text


def test_an_excerpt_begins_as_the_message_does_unless_the_question_is_about_what_the_assistant_said() -> None:
    assert excerpt(PLAN, "slugs").startswith("Here is a plan for the garden.")
    assert not excerpt(PLAN, "slugs", beginning=False).startswith("Here")
    assert "stout" in excerpt(PLAN, "slugs")
    assert excerpt(PLAN, "slugs", beginning=False).startswith("… ")


def test_without_a_word_of_the_question_the_beginning_is_shown() -> None:
    shown = excerpt(PLAN, "zebra")

    assert PLAN.startswith(shown.removesuffix(" …"))
    assert 60 < estimated(shown) <= 101


def graphemes(text: str) -> set[int]:
    return {match.start() for match in regex.finditer(r"\X", text)} | {len(text)}


PIECES = st.sampled_from(
    [
        "word ", "e\u0301", "👩\u200d👩\u200d👧 ", "🇵🇹🇧🇷", "猫在这里。", "क्षि", "한국",
        "ก\u0e33", ". ", "\n", " \u0301", "x" * 40, "👍🏽", "\r\n",
    ]
)  # fmt: skip
WORDS = st.sampled_from(["word", "猫", "x", ""])


@given(
    st.lists(PIECES, min_size=1, max_size=400), st.sampled_from(["word", "猫", "x", ""]), st.integers(1, 60)
)
def test_an_excerpt_is_made_of_whole_graphemes_of_the_text(pieces: list[str], query: str, size: int) -> None:
    text = "".join(pieces)
    whole = graphemes(text)
    place = 0
    shown = excerpt(text, query, size=size)
    if shown == text:
        return
    for part in shown.removeprefix(GAP.lstrip()).removesuffix(GAP.rstrip()).split(GAP):
        start = text.index(part, place)
        place = start + len(part)
        assert {start, place} <= whole


def test_a_very_long_line_without_blanks_is_cut_too() -> None:
    shown = excerpt("猫" * 5000 + "狗" + "猫" * 5000, "狗", size=100)

    assert "狗" in shown
    assert estimated(shown) < 300
