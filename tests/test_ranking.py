"""The ranking: its weights by the demo conversation, and that scores are sound whatever was said."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memoryos_integrations import MemoryOS, UserMemory
from memoryos_integrations.apps.demo.run import load_sample
from memoryos_integrations.testing import FrozenClock, HashEmbedder
from memoryos_integrations.types import ROLES, Role

SAMPLE = load_sample()
START = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def mara(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UserMemory]:
    """The demo conversation with the default embedder, each message with the id of its turn."""
    clock = FrozenClock(SAMPLE.turns[-1].at)
    with MemoryOS(tmp_path_factory.mktemp("demo"), clock=clock) as memory:
        user = memory.user("mara")
        for turn in SAMPLE.turns:
            for role, name, text in (
                ("user", SAMPLE.user_name, turn.user),
                ("assistant", SAMPLE.agent_name, turn.assistant),
            ):
                user.add_message(
                    text,
                    role=role,
                    name=name,
                    at=turn.at,
                    thread_id=turn.thread_id,
                    metadata={"turn": turn.id},
                )
        memory.flush()
        yield user


def recall(turns: list[str], evidence: frozenset[str]) -> float:
    return len(evidence & set(turns)) / len(evidence)


def test_the_weights_find_the_evidence_of_the_demo(mara: UserMemory) -> None:
    recalls, worth = [], []
    for question in SAMPLE.questions:
        turns = [item.metadata["turn"] for item in mara.retrieve(question.text, k=100).items]
        recalls.append(recall(turns[:10], question.evidence))
        worth += [1 / (turns.index(turn) + 1) for turn in question.evidence if turn in turns]

    assert float(np.mean(recalls)) >= 0.735
    # 0.474 without the words nearby, 0.429 without the meaning nearby, 0.441 without the sessions, 0.462
    # without the user's own words: a change of the recipe sets this number anew.
    assert float(np.mean(worth)) == pytest.approx(0.453, abs=0.008)


def test_a_context_of_1000_tokens_holds_the_evidence_of_the_demo(mara: UserMemory) -> None:
    recalls = []
    for question in SAMPLE.questions:
        items = mara.context(question.text, max_tokens=1000).items
        recalls.append(recall([item.metadata["turn"] for item in items], question.evidence))

    assert float(np.mean(recalls)) >= 0.92


def test_what_stands_next_to_the_words_of_a_question_is_lifted(user: UserMemory) -> None:
    user.add("Shall we talk about the xylophone?", "It broke at noon.", at=START, thread_id="a")
    for number in range(6):
        at = START + timedelta(days=number + 1)
        user.add(f"Remark {number}", f"Reply {number} broke.", at=at, thread_id=f"b{number}")

    parts = {item.text: item.parts for item in user.retrieve("xylophone", k=20).items}

    assert parts["It broke at noon."]["words nearby"] > 0.1
    assert parts["It broke at noon."]["words"] == 0


def test_a_named_day_beats_the_days_around_it(user: UserMemory) -> None:
    for number in range(20):
        at = START + timedelta(days=number, hours=12)
        user.add_message("We walked the dog", role="user", at=at, thread_id=f"{number}")

    found = user.retrieve("What did we do on 15 January 2026?", k=3).items

    assert [item.at.day for item in found][:2] == [15, 16]
    assert found[0].score - found[1].score > 0.1
    assert found[0].parts["date"] == pytest.approx(0.5)


def test_of_equal_messages_the_newer_comes_first(user: UserMemory) -> None:
    for number in range(8):
        user.add_message(
            "The boat is blue", role="user", at=START + timedelta(days=number), thread_id=f"{number}"
        )

    found = user.retrieve("boat blue", k=8).items

    assert [item.at for item in found] == sorted((item.at for item in found), reverse=True)


def test_a_message_without_a_vector_counts_as_the_least_similar_one(tmp_path: Path) -> None:
    with MemoryOS(tmp_path, embedder="none", clock=FrozenClock()) as memory:
        memory.user("ann").add_message("The harbour is old", role="user")
        memory.flush()
    with MemoryOS(tmp_path, embedder=HashEmbedder(), clock=FrozenClock()) as memory:
        ann = memory.user("ann")
        ann.add_message("My boat is blue", role="user", thread_id="b")
        ann.add_message("My horse is brown", role="user", thread_id="c")
        memory.flush()
        meaning = {item.text: item.parts["meaning"] for item in ann.retrieve("boat blue", k=3).items}

    assert meaning["My boat is blue"] > meaning["The harbour is old"]


def test_users_words_are_lifted_by_a_question_about_oneself_the_assistants_by_one_about_what_it_said(
    user: UserMemory,
) -> None:
    user.add("The bulbs go into sand", "The bulbs go into sand")

    def parts(query: str) -> dict[str | None, set[str]]:
        return {item.role: set(item.parts) for item in user.retrieve(query).items}

    def gains(query: str) -> tuple[float, float]:
        mine, yours = sorted(user.retrieve(query).items, key=lambda item: str(item.role), reverse=True)
        return mine.parts.get("your own words", 0.0), yours.parts.get("assistant's words", 0.0)

    assert gains("Where did I put my bulbs?") == (pytest.approx(0.3), 0)
    assert gains("What did you tell me about bulbs?") == (0, pytest.approx(0.1))
    assert gains("Where do bulbs go?") == (0, 0)
    assert "your own words" in parts("What do you recommend for my bulbs?")["user"]


@pytest.fixture
def user(tmp_path: Path) -> Iterator[UserMemory]:
    with MemoryOS(tmp_path, embedder=HashEmbedder(), clock=FrozenClock()) as memory:
        yield memory.user("ann")


TEXTS = st.text(st.sampled_from("ab ?.我们猫\n\x0bé"), min_size=1, max_size=30).filter(str.strip)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    said=st.lists(st.tuples(TEXTS, st.sampled_from(ROLES)), max_size=8),
    other=st.lists(TEXTS, max_size=4),
    query=TEXTS,
    days=st.integers(0, 3),
)
def test_scores_are_finite_add_up_and_do_not_depend_on_other_users(
    said: list[tuple[str, Role]], other: list[str], query: str, days: int
) -> None:
    with TemporaryDirectory() as folder, MemoryOS(folder, embedder=HashEmbedder(32)) as memory:
        ann = memory.user("ann")
        for number, (text, role) in enumerate(said):
            at = START + timedelta(days=days * number)
            ann.add_message(text, role=role, at=at, name="Zoe" if number % 3 else None)
        if said:
            ann.remember("I like " + said[0][0].strip())
        memory.flush()

        def found() -> list[tuple[str, float]]:
            items = ann.retrieve(query, k=20, kinds=("message", "fact", "segment")).items
            for item in items:
                assert math.isfinite(item.score)
                assert sum(item.parts.values()) == pytest.approx(item.score, abs=1e-4)
            return [(item.id, item.score) for item in items]

        before = found()
        assert len(before) >= len(said)
        for text in other:
            memory.user("bob").add(text, text)
        memory.flush()
        assert found() == before
        relevance = ann.retrieve(query).relevance
        assert (relevance is None) == (not said)
        assert relevance is None or math.isfinite(relevance)
