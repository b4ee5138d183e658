"""What a question brings back, and what the caller can ask for."""

from __future__ import annotations

import copy
import pickle
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from memoryos_integrations import InvalidInputError, MemoryConfig, MemoryOS, UserMemory
from memoryos_integrations.events import Event, Recalled
from memoryos_integrations.testing import FrozenClock, HashEmbedder

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
TOPICS = (
    "bees honey hive",
    "trains platform ticket",
    "violin concert bow",
    "garden tomatoes soil",
    "boat harbour sail",
)


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def open_store(tmp_path: Path, clock: FrozenClock) -> Iterator[Callable[..., MemoryOS]]:
    opened: list[MemoryOS] = []

    def make(name: str = "store", **arguments: Any) -> MemoryOS:
        memory = MemoryOS(tmp_path / name, **({"embedder": HashEmbedder(), "clock": clock} | arguments))
        opened.append(memory)
        return memory

    yield make
    for memory in opened:
        memory.close()


@pytest.fixture
def ada(open_store: Callable[..., MemoryOS]) -> UserMemory:
    return open_store().user("ada")


def fill(user: UserMemory, turns: int, seed: int = 1) -> None:
    """Add turns on five topics, each turn with a number of its own."""
    rng = random.Random(seed)
    for number in range(turns):
        words = rng.choice(TOPICS).split()
        rng.shuffle(words)
        user.add(f"number{number} {' '.join(words)} {rng.random()}", f"about {words[0]} {rng.random()}")


def test_what_was_just_said_is_found_at_once(ada: UserMemory) -> None:
    fill(ada, 30)
    ada.add("My passport number is X99", "Noted.")

    assert ada.retrieve("passport number", k=1).items[0].text == "My passport number is X99"


def test_an_item_tells_all_that_is_known_of_its_message(ada: UserMemory, clock: FrozenClock) -> None:
    message = ada.add_message(
        "I sail on Sundays", role="user", name="Ada", thread_id="t1", metadata={"channel": "web", "n": [1, 2]}
    )

    item = ada.retrieve("sail", k=1).items[0]

    assert (item.id, item.kind, item.tier) == (message.id, "message", "short_term")
    assert (item.text, item.role, item.name, item.at) == ("I sail on Sundays", "user", "Ada", clock.now())
    assert (item.thread_id, item.page_id, item.segment_id) == ("t1", message.page_id, None)
    assert item.source_page_ids == (message.page_id,)
    assert item.metadata == {"channel": "web", "n": [1, 2]}
    assert item.tokens == 4


def test_the_parts_of_a_score_add_up_to_it(ada: UserMemory) -> None:
    fill(ada, 20)
    ada.add_message("I met Caroline in May 2023 at the harbour", role="user", name="Zoe")

    for item in ada.retrieve("What did Zoe do at the harbour in May 2023?", k=20).items:
        assert sum(item.parts.values()) == pytest.approx(item.score, abs=1e-5)


def test_items_come_best_first_and_no_more_than_asked_for(ada: UserMemory) -> None:
    fill(ada, 30)

    scores = [item.score for item in ada.retrieve("bees", k=7).items]

    assert len(scores) == 7
    assert scores == sorted(scores, reverse=True)


def test_a_thread_filter_keeps_to_the_thread(ada: UserMemory) -> None:
    for thread in ("red", "blue", "green"):
        ada.add(f"I like {thread} bees", "ok", thread_id=thread)

    found = ada.retrieve("bees", thread_id="blue").items

    assert {item.thread_id for item in found} == {"blue"}
    assert ada.retrieve("bees", thread_id="no such thread").items == ()


def test_a_metadata_filter_is_equality_on_what_the_caller_stored(ada: UserMemory) -> None:
    ada.add("bees one", "ok", metadata={"room": "a", "deep": {"x": 1}})
    ada.add("bees two", "ok", metadata={"room": "b"})
    ada.add("bees three", "ok")

    def texts(wanted: dict[str, Any]) -> set[str]:
        return {item.text for item in ada.retrieve("bees", metadata=wanted).items if item.role == "user"}

    assert texts({"room": "a"}) == {"bees one"}
    assert texts({"deep": {"x": 1}}) == {"bees one"}
    assert texts({"room": {"$ne": "a"}}) == set()
    assert texts({"room": None}) == set()
    assert texts({"scope_id": 1}) == set()


def test_times_and_sources_keep_to_what_was_said_then_and_by_whom(ada: UserMemory) -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    for day in range(6):
        at = start + timedelta(days=day)
        ada.add(f"bees on day {day}", f"bees, said the assistant on day {day}", at=at, thread_id=f"{day}")
    ada.add_message("bees from elsewhere", role="user", source="import", at=start)
    ada.add_message("bees counted: 7", role="tool", at=start + timedelta(days=9), thread_id="t")
    ada.memory.flush()

    def texts(**wanted: Any) -> set[str]:
        found = ada.retrieve("bees", k=50, **wanted).items
        assert found == tuple(item for item in found if item.source is not None)
        shown = ada.context("bees", max_tokens=2000, **wanted).items
        assert {item.text for item in shown} == {item.text for item in found}
        return {item.text for item in found}

    assert texts(sources=("import",)) == {"bees from elsewhere"}
    assert texts(sources={"tool"}) == {"bees counted: 7"}
    assert texts(sources=("user",), since=start + timedelta(days=5)) == {"bees on day 5"}
    assert texts(sources=("user", "import"), until=start + timedelta(days=1)) == {
        "bees on day 0",
        "bees from elsewhere",
    }
    assert len(texts(since=start + timedelta(days=2), until=start + timedelta(days=4))) == 4
    assert texts(since=start + timedelta(days=90)) == set()


def test_a_fact_passes_when_all_that_it_rests_on_passes_and_a_segment_too(
    ada: UserMemory, clock: FrozenClock
) -> None:
    fill(ada, 20)
    remembered = ada.remember("I am allergic to honey")
    ada.memory.flush()
    before, after = clock.now() - timedelta(days=1), clock.now() + timedelta(days=1)

    def kinds(**wanted: Any) -> set[str]:
        found = ada.retrieve("honey", k=100, kinds=("fact", "segment"), **wanted).items
        return {item.kind for item in found}

    assert kinds(since=before, until=after) == {"fact", "segment"}
    assert kinds(since=after) == set()
    assert kinds(sources=("user",)) == {"fact"}
    assert kinds(sources=("user", "assistant")) == {"fact", "segment"}
    fact = ada.retrieve("allergic", kinds=("fact",)).items[0]
    assert (fact.id, fact.source) == (remembered.id, "user")


def test_relevance_tells_what_was_talked_about_from_what_never_was(ada: UserMemory) -> None:
    fill(ada, 20)
    ada.remember("I play the violin")
    ada.memory.flush()

    near, far = ada.retrieve("violin concert bow").relevance, ada.retrieve("quantum chromodynamics").relevance

    assert near is not None
    assert far is not None
    assert near > 0.5 > far
    assert ada.retrieve("quantum chromodynamics", least_relevance=0.5).items == ()
    assert ada.retrieve("violin concert bow", least_relevance=0.5).items
    assert ada.retrieve("violin", kinds=("fact",)).relevance is not None


def test_below_the_least_relevance_a_context_still_shows_the_running_conversation(ada: UserMemory) -> None:
    fill(ada, 20)
    ada.add("Good evening", "Good evening, Ada", thread_id="now")

    context = ada.context("quantum chromodynamics", thread_id="now", least_relevance=0.9)

    assert [item.text for item in context.items] == ["Good evening", "Good evening, Ada"]
    assert ada.context("quantum chromodynamics", least_relevance=0.9).text == ""


def test_without_vectors_or_memories_there_is_no_relevance(open_store: Callable[..., MemoryOS]) -> None:
    ada = open_store(embedder="none").user("ada")
    ada.add("I keep bees", "Lovely")

    assert ada.retrieve("bees").relevance is None
    assert ada.retrieve("bees", least_relevance=0.9).items
    assert open_store("other").user("nobody").retrieve("bees").relevance is None


def test_a_user_who_was_forgotten_and_comes_back_is_found_again(ada: UserMemory) -> None:
    ada.add("I keep bees", "Lovely")
    assert ada.retrieve("bees").items

    ada.forget(everything=True)
    assert ada.retrieve("bees").items == ()
    assert ada.retrieve("bees", kinds=("fact",)).items == ()
    ada.add("I keep goats", "Lovely")

    assert ada.retrieve("goats", k=1).items[0].text == "I keep goats"


def test_an_item_can_be_copied_and_compared_before_its_tokens_are_counted(ada: UserMemory) -> None:
    ada.add("I keep bees", "Lovely")

    one, other = (ada.retrieve("bees", k=1).items[0] for _ in range(2))

    assert pickle.loads(pickle.dumps(one)) == copy.deepcopy(other) == one
    assert one.tokens == 3


@pytest.mark.parametrize(("tier", "expected"), [("short_term", 14), ("mid_term", 26), ("long_term", 0)])
def test_a_tier_filter_keeps_to_the_tier(ada: UserMemory, tier: str, expected: int) -> None:
    fill(ada, 20)
    ada.memory.flush()

    found = ada.retrieve("bees", k=100, tiers=(tier,)).items

    assert len(found) == expected
    assert {item.tier for item in found} <= {tier}


def test_segments_and_facts_are_found_when_they_are_asked_for(ada: UserMemory) -> None:
    fill(ada, 30)
    fact = ada.remember("I am allergic to honey")
    ada.memory.flush()

    found = ada.retrieve("allergic to honey", k=5, kinds=("fact", "segment", "message")).items

    assert found[0].id == fact.id
    assert (found[0].tier, found[0].role, found[0].page_id) == ("long_term", None, None)
    segments = ada.retrieve("honey hive", k=3, kinds=("segment",)).items
    assert segments[0].source_page_ids
    assert "hive" in segments[0].text
    assert ada.retrieve("honey", kinds=("fact",), tiers=("mid_term",)).items == ()


def test_an_unrelated_fact_does_not_push_out_the_message_that_answers(ada: UserMemory) -> None:
    ada.remember("The window was painted green")
    fill(ada, 20)
    ada.add("My passport number is X99", "Noted.")

    found = ada.retrieve("passport number", k=1, kinds=("message", "fact")).items

    assert found[0].text == "My passport number is X99"


def test_a_named_speaker_and_a_named_month_lift_what_they_name(open_store: Callable[..., MemoryOS]) -> None:
    ada = open_store(embedder="none").user("ada")
    for month in range(1, 13):
        for name in ("Jon", "Gina"):
            ada.add_message(
                "I went dancing again",
                role="user",
                name=name,
                thread_id=f"{month}",
                at=datetime(2023, month, 5, tzinfo=UTC),
            )

    best = ada.retrieve("When did Gina go dancing in August 2023?", k=1).items[0]

    assert (best.name, best.at.month) == ("Gina", 8)
    assert best.parts["speaker named"] > 0
    assert best.parts["date"] > 0


def test_relative_dates_count_from_the_time_that_the_caller_gives(
    ada: UserMemory, clock: FrozenClock
) -> None:
    for day in range(200):
        ada.add("I went dancing", "ok", at=clock.now() + timedelta(days=day, hours=9), thread_id=f"{day}")
    ada.memory.flush()

    now = clock.now() + timedelta(days=150)
    best = ada.retrieve("What did I do yesterday?", k=1, now=now).items[0]

    assert best.at.date() == (now - timedelta(days=1)).date()


def test_messages_of_one_session_lift_each_other_and_a_long_gap_ends_a_session(ada: UserMemory) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    ada.add_message("The violin broke", role="user", at=start)
    ada.add_message("What now", role="user", at=start + timedelta(hours=5))
    ada.add_message("What now", role="user", at=start + timedelta(hours=12))

    lifts = {item.at: item.parts["same conversation"] for item in ada.retrieve("violin", k=3).items}

    assert lifts[start] == lifts[start + timedelta(hours=5)] > lifts[start + timedelta(hours=12)]


@pytest.mark.parametrize("turns", [40, 700])
def test_chroma_and_the_exact_scan_bring_back_the_same(
    open_store: Callable[..., MemoryOS], tmp_path: Path, turns: int
) -> None:
    exact = open_store(config=MemoryConfig(search="exact"))
    fill(exact.user("ada"), turns)
    fill(exact.user("bob"), turns // 4, seed=2)
    exact.flush()
    questions = [f"number{number} {TOPICS[number % 5]}" for number in range(0, turns, max(1, turns // 20))]
    wanted = [{item.id for item in exact.user("ada").retrieve(q).items} for q in questions]
    exact.close()

    chroma = open_store(config=MemoryConfig(search="chroma"))
    overlaps = [
        len(want & {item.id for item in chroma.user("ada").retrieve(question).items}) / len(want)
        for question, want in zip(questions, wanted, strict=True)
    ]

    assert sum(overlaps) / len(overlaps) >= 0.95
    assert chroma.verify().ok


def test_above_the_full_scan_threshold_new_turns_are_still_found_at_once(
    open_store: Callable[..., MemoryOS],
) -> None:
    memory = open_store(config=MemoryConfig(full_scan_threshold=20))
    ada = memory.user("ada")
    fill(ada, 60)
    memory.flush()
    ada.add("My passport number is X99", "Noted.")

    assert ada.retrieve("passport number", k=1).items[0].text == "My passport number is X99"
    assert ada.retrieve("bees", k=3, thread_id="default").items
    assert {item.text for item in ada.retrieve("bees", k=3, tiers=("short_term",)).items}


def test_an_index_that_is_away_changes_no_answer(open_store: Callable[..., MemoryOS]) -> None:
    class Away:
        """A client whose server does not answer."""

        def __getattr__(self, name: str) -> object:
            raise ConnectionError("no server")

    memory = open_store(config=MemoryConfig(search="chroma"), chroma=Away())
    fill(memory.user("ada"), 30)
    report = memory.flush()

    assert "IndexUnavailableError" in report.parked.values()
    assert "number7" in memory.user("ada").retrieve("number7", k=1).items[0].text


def test_without_an_embedder_words_alone_find_what_was_said(open_store: Callable[..., MemoryOS]) -> None:
    memory = open_store(embedder="none")
    fill(memory.user("ada"), 30)
    memory.flush()

    found = memory.user("ada").retrieve("number7", k=1)

    assert "number7" in found.items[0].text
    assert not found.dense
    assert memory.embedder is None


def test_vectors_are_made_when_an_embedder_comes_later(open_store: Callable[..., MemoryOS]) -> None:
    first = open_store(embedder="none")
    fill(first.user("ada"), 30)
    first.flush()
    first.close()

    second = open_store()
    second.flush()

    assert second.stats()["vectors"] >= 60
    assert second.user("ada").retrieve("bees").dense
    assert second.verify().ok


def test_users_and_agents_never_see_each_other(open_store: Callable[..., MemoryOS]) -> None:
    memory = open_store()
    ids = [
        ("ann", "default"),
        ("ann", "other"),
        ("ann\u0301", "default"),
        ("../ann", "default"),
        ("用户", "x"),
        ("a_b", "c"),
        ("a", "b_c"),
        ("ann@example.com", "{'$ne': ''}"),
        (" ", "default"),
    ]
    for number, (user, agent) in enumerate(ids):
        memory.user(user, agent).add(f"my secret is canary{number}", "ok")
        memory.user(user, agent).remember(f"my fact is canary{number}")
    memory.flush()

    for number, (user, agent) in enumerate(ids):
        ann = memory.user(user, agent)
        seen = str([ann.retrieve("secret canary", k=100, kinds=("message", "fact", "segment")), ann.pages(),
                    ann.facts(), ann.segments(), ann.context("canary"), ann.persona()])  # fmt: skip
        assert f"canary{number}" in seen
        others = [f"canary{other}" for other in range(len(ids)) if other != number]
        assert not any(other in seen for other in others)


def test_what_is_recalled_is_told_to_the_event_handler_without_its_text(
    open_store: Callable[..., MemoryOS],
) -> None:
    events: list[Event] = []
    ada = open_store(on_event=events.append).user("ada")
    ada.add("canary bees", "canary honey")
    ada.retrieve("canary")

    assert any(isinstance(event, Recalled) and event.items == 2 and event.dense for event in events)
    assert "canary" not in str(events)


def test_an_unusable_argument_is_named(ada: UserMemory) -> None:
    for arguments, named in [
        ({"query": ""}, "query"),
        ({"query": "  "}, "query"),
        ({"query": None}, "query"),
        ({"query": "q", "k": 0}, "k"),
        ({"query": "q", "k": True}, "k"),
        ({"query": "q", "k": 10**9}, "k"),
        ({"query": "q", "kinds": ()}, "kinds"),
        ({"query": "q", "kinds": "message"}, "kinds"),
        ({"query": "q", "kinds": ("page",)}, "kinds"),
        ({"query": "q", "tiers": ("middle",)}, "tiers"),
        ({"query": "q", "thread_id": ""}, "thread_id"),
        ({"query": "q", "metadata": "x"}, "metadata"),
        ({"query": "q", "now": datetime(2026, 1, 1)}, "now"),
        ({"query": "q", "since": datetime(2026, 1, 1)}, "since"),
        ({"query": "q", "until": "2026-01-01"}, "until"),
        ({"query": "q", "since": MOMENT, "until": MOMENT}, "since"),
        ({"query": "q", "sources": "user"}, "sources"),
        ({"query": "q", "sources": ()}, "sources"),
        ({"query": "q", "sources": ("ada",)}, "sources"),
        ({"query": "q", "least_relevance": "high"}, "least_relevance"),
        ({"query": "q", "least_relevance": float("nan")}, "least_relevance"),
    ]:
        with pytest.raises(InvalidInputError, match=rf"^{named}\b"):
            ada.retrieve(**arguments)
        if named in ("since", "until", "sources", "least_relevance"):
            with pytest.raises(InvalidInputError, match=rf"^{named}\b"):
                ada.context(**arguments)


def test_no_question_is_too_strange_to_be_answered(ada: UserMemory) -> None:
    ada.add("I keep bees", "Lovely")
    for query in ["\x00bees\ud800", "<|endoftext|> bees", "{now} %s $where bees", "bees " * 20_000]:
        assert ada.retrieve(query, k=1).items[0].text == "I keep bees"
