"""The write path: what goes in is stored whole, once, in order, or refused with nothing stored."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memoryos_integrations import InvalidInputError, MemoryConfig, MemoryOS, UserMemory
from memoryos_integrations.events import Event, TurnAdded
from memoryos_integrations.testing import FrozenClock, HashEmbedder

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def memory(tmp_path):
    with MemoryOS(tmp_path / "store", embedder=HashEmbedder(), clock=FrozenClock(START)) as opened:
        yield opened


@pytest.fixture
def ada(memory: MemoryOS) -> UserMemory:
    return memory.user("ada", agent_id="helper")


def test_a_turn_reads_back_as_it_was_given(ada: UserMemory) -> None:
    at = datetime(2025, 6, 1, 12, 0, 0, 123456, tzinfo=timezone(timedelta(hours=2)))

    page = ada.add("Hi, I am Tom.", "Hello Tom!", thread_id="t/1", at=at, metadata={"lang": "en", "n": 1.5})

    assert ada.pages() == [page]
    assert (page.thread_id, page.tier, page.segment_id) == ("t/1", "short_term", None)
    assert page.at == datetime(2025, 6, 1, 10, 0, 0, 123456, tzinfo=UTC)
    assert page.at.tzinfo == UTC
    assert [(m.role, m.text, m.source) for m in page.messages] == [
        ("user", "Hi, I am Tom.", "user"),
        ("assistant", "Hello Tom!", "assistant"),
    ]
    assert page.metadata == {"lang": "en", "n": 1.5}


def test_one_event_is_stored_once_however_often_it_is_sent(ada: UserMemory) -> None:
    first = ada.add("Hi", "Hello", event_id="e1")
    message = ada.add_message("Hi again", role="user", event_id="e2")

    assert ada.add("something else", "entirely", event_id="e1") == first
    assert ada.add_message("something else", role="user", event_id="e2") == message
    assert len(ada.pages()) == 2


def test_a_question_that_was_stored_alone_gets_its_answer_by_its_event_whatever_came_between(
    tmp_path,
) -> None:
    events: list[Event] = []
    config = MemoryConfig(short_term_capacity=1)
    with MemoryOS(tmp_path, embedder=HashEmbedder(), config=config, on_event=events.append) as memory:
        ada = memory.user("ada")
        asked = ada.add("How many hives are there?", event_id="e1")
        for number in range(3):
            ada.add(f"Hens {number}?", "Two.")
        memory.flush()
        whole = ada.add("How many hives are there?", "Four hives.", event_id="e1")
        memory.flush()

        assert whole.id == asked.id
        assert ada.add("something else", "entirely", event_id="e1") == ada.pages()[0] == whole
        assert whole.tier == "mid_term"
        assert [message.text for message in whole.messages] == ["How many hives are there?", "Four hives."]
        assert len(ada.pages()) == 4
        assert {item.text for item in ada.retrieve("hives", k=2).items} == {m.text for m in whole.messages}
        assert memory.verify().ok
    ids = [event.message_ids for event in events if isinstance(event, TurnAdded)]
    assert [ids[0], ids[-1]] == [(message.id,) for message in whole.messages]


def test_the_same_event_id_of_another_user_or_agent_is_another_event(memory: MemoryOS) -> None:
    pages = [
        memory.user(user, agent_id=agent).add(f"{user} {agent}", event_id="e")
        for user, agent in [("ann", "x"), ("bob", "x"), ("ann", "y"), ("an", "nx")]
    ]

    assert len({page.id for page in pages}) == 4


def test_without_an_event_id_the_same_words_are_two_turns(ada: UserMemory) -> None:
    ada.add("Hi", "Hello")
    ada.add("Hi", "Hello")

    assert len(ada.pages()) == 2


def test_a_users_message_opens_a_page_and_the_next_answer_closes_it(ada: UserMemory) -> None:
    question = ada.add_message("What is the weather?", role="user", name="Ada")
    tool = ada.add_message('{"sun": true}', role="tool", source="tool")
    answer = ada.add_message("Sunny.", role="assistant")
    more = ada.add_message("And warm.", role="assistant")

    assert question.page_id == tool.page_id == answer.page_id != more.page_id
    assert [len(page.messages) for page in ada.pages()] == [3, 1]


def test_a_question_without_an_answer_is_kept_beside_the_next_one(ada: UserMemory) -> None:
    ada.add_message("Hello?", role="user")
    ada.add_message("Anybody?", role="user")
    ada.add_message("Here I am.", role="assistant")

    assert [[m.text for m in page.messages] for page in ada.pages()] == [
        ["Hello?"],
        ["Anybody?", "Here I am."],
    ]


def test_an_answer_joins_the_open_page_of_its_own_thread_only(ada: UserMemory) -> None:
    red = ada.add_message("red question", role="user", thread_id="red")
    blue = ada.add_message("blue question", role="user", thread_id="blue")

    answer = ada.add_message("red answer", role="assistant", thread_id="red")

    assert answer.page_id == red.page_id != blue.page_id


def test_a_whole_turn_leaves_no_page_open(ada: UserMemory) -> None:
    turn = ada.add("question", "")

    assert ada.add_message("late answer", role="assistant").page_id != turn.id


def test_a_page_that_gets_its_answer_late_is_found_by_it_in_any_tier(
    memory: MemoryOS, ada: UserMemory
) -> None:
    question = ada.add_message("What is the capital?", role="user", thread_id="slow")
    for number in range(12):
        ada.add(f"filler {number}", "ok")
    memory.flush()

    answer = ada.add_message("Lisbon is", role="assistant", thread_id="slow")
    memory.flush()

    assert answer.page_id == question.page_id
    item = ada.retrieve("Lisbon", k=1).items[0]
    assert (item.id, item.tier) == (answer.id, "mid_term")
    assert memory.verify().ok


def test_pages_can_be_asked_by_thread_and_by_number(ada: UserMemory) -> None:
    for number in range(6):
        ada.add(f"turn {number}", "ok", thread_id="even" if number % 2 == 0 else "odd")

    assert [page.messages[0].text for page in ada.pages(thread_id="odd")] == ["turn 1", "turn 3", "turn 5"]
    assert [page.messages[0].text for page in ada.pages(limit=2)] == ["turn 4", "turn 5"]


def test_remembering_the_same_statement_twice_is_one_fact(ada: UserMemory) -> None:
    fact = ada.remember("I am vegetarian", about="user", metadata={"via": "form"})

    assert ada.remember("I am vegetarian", about="user") == fact
    assert ada.facts() == [fact]
    assert ada.facts(about="agent") == []
    assert (fact.method, fact.source, fact.valid_to) == ("remembered", "user", None)


def test_a_statement_about_the_agent_is_another_fact_than_the_same_about_the_user(ada: UserMemory) -> None:
    of_user, of_agent = ada.remember("likes tea"), ada.remember("likes tea", about="agent")

    assert (ada.facts(about="user"), ada.facts(about="agent")) == ([of_user], [of_agent])
    assert ada.remember("likes tea", about="agent") == of_agent


def test_a_fact_holds_from_the_time_that_it_is_given(ada: UserMemory) -> None:
    ada.remember("I live in Porto", at=START + timedelta(days=10))

    assert ada.facts(at=START + timedelta(days=9)) == []
    assert len(ada.facts(at=START + timedelta(days=10))) == 1


def test_every_item_can_be_traced_to_its_pages(memory: MemoryOS, ada: UserMemory) -> None:
    pages = [ada.add(f"bees number {number}", "buzz") for number in range(10)]
    fact = ada.remember("I keep bees")
    memory.flush()
    segment = ada.segments()[0]

    assert [page.id for page in ada.trace(pages[0].messages[1].id)] == [pages[0].id]
    assert [page.id for page in ada.trace(pages[0].id)] == [pages[0].id]
    assert [page.id for page in ada.trace(segment.id)] == list(segment.page_ids)
    assert ada.trace(fact.id) == []


def test_nothing_of_another_user_can_be_traced(memory: MemoryOS, ada: UserMemory) -> None:
    pages = [ada.add(f"bees number {number}", "buzz") for number in range(10)]
    fact = ada.remember("I keep bees")
    memory.flush()
    bob = memory.user("bob")
    bob.add("hello")

    for item in (pages[0].id, pages[0].messages[0].id, ada.segments()[0].id, fact.id):
        with pytest.raises(InvalidInputError, match="no item"):
            bob.trace(item)


def test_the_event_handler_is_told_of_each_turn_once(tmp_path) -> None:
    events: list[Event] = []
    with MemoryOS(tmp_path, embedder=HashEmbedder(), on_event=events.append) as memory:
        page = memory.user("ada").add("Hi", "Hello", event_id="e")
        memory.user("ada").add("Hi", "Hello", event_id="e")

    added = [event for event in events if isinstance(event, TurnAdded)]
    assert [(event.page_id, len(event.message_ids)) for event in added] == [(page.id, 2)]


LONG = "x" * 1_000_000
BAD = [
    ("add", {"user": "", "assistant": ""}, "user and assistant"),
    ("add", {"user": None, "assistant": "x"}, "user"),
    ("add", {"user": "x", "assistant": 7}, "assistant"),
    ("add", {"user": LONG + "x", "assistant": ""}, "user"),
    ("add", {"user": "é" * 500_001, "assistant": ""}, "user"),
    ("add", {"user": "a\x00b", "assistant": ""}, "user"),
    ("add", {"user": "a\ud800b", "assistant": ""}, "user"),
    ("add", {"user": "x", "thread_id": ""}, "thread_id"),
    ("add", {"user": "x", "thread_id": "a\nb"}, "thread_id"),
    ("add", {"user": "x", "thread_id": 5}, "thread_id"),
    ("add", {"user": "x", "at": datetime(2026, 1, 1)}, "at"),
    ("add", {"user": "x", "at": "yesterday"}, "at"),
    ("add", {"user": "x", "event_id": ""}, "event_id"),
    ("add", {"user": "x", "event_id": "e" * 257}, "event_id"),
    ("add", {"user": "x", "metadata": [1]}, "metadata"),
    ("add", {"user": "x", "metadata": {1: 2}}, "metadata"),
    ("add", {"user": "x", "metadata": {"a": object()}}, "metadata"),
    ("add", {"user": "x", "metadata": {"a": float("nan")}}, "metadata"),
    ("add", {"user": "x", "metadata": {"a": "\ud800"}}, "metadata"),
    ("add", {"user": "x", "metadata": {"a": "y" * 70_000}}, "metadata"),
    ("add_message", {"text": "", "role": "user"}, "text"),
    ("add_message", {"text": "x", "role": "system"}, "role"),
    ("add_message", {"text": "x", "role": None}, "role"),
    ("add_message", {"text": "x", "role": "user", "name": "a\x1bb"}, "name"),
    ("add_message", {"text": "x", "role": "user", "source": "web"}, "source"),
    ("remember", {"text": ""}, "text"),
    ("remember", {"text": "x", "about": "world"}, "about"),
    ("remember", {"text": "x", "at": datetime(2026, 1, 1)}, "at"),
]


def test_a_bad_argument_is_named_and_nothing_is_stored(ada: UserMemory) -> None:
    for verb, arguments, named in BAD:
        with pytest.raises(InvalidInputError, match=rf"^{named}\b"):
            getattr(ada, verb)(**arguments)
        assert ada.pages() == []
        assert ada.facts() == []
        assert ada.memory.users() == []


def test_an_unknown_argument_is_named(ada: UserMemory) -> None:
    for verb in ["add", "add_message", "remember", "retrieve", "context", "forget"]:
        with pytest.raises(TypeError, match="colour"):
            getattr(ada, verb)("x", colour="red")


def test_an_unusable_id_is_refused(memory: MemoryOS) -> None:
    for user_id in ["", None, 7, b"ann", "a\x00", "a\nb", "\x7f", "\ud800", "x" * 257]:
        with pytest.raises(InvalidInputError, match=r"^user_id"):
            memory.user(user_id)
        with pytest.raises(InvalidInputError, match=r"^agent_id"):
            memory.user("ann", agent_id=user_id)


def test_the_largest_text_that_is_allowed_is_stored_whole(ada: UserMemory) -> None:
    ada.add(LONG, "ok")

    assert ada.pages()[0].messages[0].text == LONG


IDS = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=40)
TEXTS = st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), min_size=1, max_size=200
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(user_id=IDS, thread_id=IDS, text=TEXTS, name=st.none() | IDS)
def test_any_text_and_any_id_go_in_and_come_out_unchanged(
    memory: MemoryOS, user_id: str, thread_id: str, text: str, name: str | None
) -> None:
    user = memory.user(user_id)

    message = user.add_message(text, role="user", thread_id=thread_id, name=name)

    stored = user.pages(thread_id=thread_id)[-1].messages[-1]
    assert stored == message
    assert (stored.text, stored.thread_id, stored.name) == (text, thread_id, name)
    assert user_id in memory.users()


@pytest.mark.parametrize("content", ["", '{"kind": "memoryos", "version": 1}\n'])
def test_loading_a_file_without_memories_makes_no_user(
    memory: MemoryOS, tmp_path: Path, content: str
) -> None:
    (tmp_path / "empty.jsonl").write_text(content)
    with nullcontext() if content else pytest.raises(InvalidInputError, match="empty"):
        assert memory.user("ghost").load(tmp_path / "empty.jsonl") == 0
    assert memory.users() == []
