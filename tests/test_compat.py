"""Programs written for upstream's class run with one line changed, over a wire, without its defects."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from memoryos_integrations.compat import Memoryos
from memoryos_integrations.errors import (
    ConfigError,
    InvalidInputError,
    LLMBadOutput,
    LLMRefused,
    LLMUnavailable,
    MemoryOSError,
)
from memoryos_integrations.testing import Failure, HashEmbedder, OpenAIServer, Reply

KEY = "sk-secret-4711"

PROGRAM = """
from memoryos import Memoryos

memo = Memoryos(
    user_id="demo_user",
    openai_api_key=KEY,
    openai_base_url=URL,
    data_storage_path="./simple_demo_data",
    llm_model="gpt-4o-mini",
    assistant_id="demo_assistant",
    short_term_capacity=7,
    mid_term_heat_threshold=5,
    retrieval_queue_capacity=7,
    long_term_knowledge_capacity=100,
)
memo.add_memory(user_input=SAID, agent_response=ANSWERED)
response = memo.get_response(query=QUERY)
print(f"Assistant: {response}")
"""
"""A program in the manner of upstream's quick start."""

TEXTS = {
    "english": (
        "Hi! I'm Tom, I work as a data scientist in San Francisco.",
        "Hello Tom! Nice to meet you.",
        "What do you remember about my job?",
        "You are a data scientist in San Francisco.",
    ),
    "portuguese": (
        "Oi! Eu sou o Tom, trabalho como cientista de dados em San Francisco.",
        "Olá, Tom! Prazer em conhecê-lo.",
        "O que você lembra sobre meu trabalho?",
        "Você é cientista de dados em San Francisco.",
    ),
}


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer(default="Yes.") as running:
        yield running


@pytest.fixture
def make(server: OpenAIServer, tmp_path: Path) -> Iterator[Any]:
    """Make instances, of the test's server and folder by default, that the test's end closes."""
    made: list[Memoryos] = []
    embedder = HashEmbedder()

    def make_(user_id: str = "tom", **arguments: Any) -> Memoryos:
        ours = {
            "openai_api_key": KEY,
            "openai_base_url": server.url,
            "data_storage_path": str(tmp_path / "store"),
            "embedding_model_kwargs": {"embedder": embedder},
        }
        made.append(Memoryos(user_id, **(ours | arguments)))
        return made[-1]

    yield make_
    for memo in made:
        memo.close()


@pytest.fixture
def memo(make: Any) -> Memoryos:
    return make()


def stored_turns(memo: Memoryos) -> list[tuple[str, ...]]:
    return [tuple(message.text for message in page.messages) for page in memo.user.pages()]


@pytest.mark.parametrize("language", TEXTS)
def test_the_quick_start_runs_with_its_import_line_changed(server, tmp_path, monkeypatch, language):
    monkeypatch.chdir(tmp_path)
    first, answered, query, answer = TEXTS[language]
    server.default = answer
    names = {"KEY": KEY, "URL": server.url, "SAID": first, "ANSWERED": answered, "QUERY": query}
    program = PROGRAM.replace("from memoryos import", "from memoryos_integrations.compat import")

    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(program, names)

    assert printed.getvalue() == f"Assistant: {answer}\n"
    instruction, asked = server.chats[-1].texts
    assert first in asked
    assert asked.endswith(query)
    assert "friend" in instruction
    assert server.chats[-1].body["model"] == "gpt-4o-mini"
    assert server.chats[-1].headers["authorization"] == f"Bearer {KEY}"
    memo = names["memo"]
    assert stored_turns(memo) == [(first, answered), (query, answer)]
    assert memo.get_memory_stats() == {
        "user_id": "demo_user",
        "short_term_count": 2,
        "mid_term_sessions_count": 0,
        "has_user_profile": False,
        "assistant_knowledge_count": 0,
    }
    memo.close()


def test_adding_a_turn_asks_no_model_and_is_found_at_once(memo: Memoryos, server: OpenAIServer):
    for number in range(12):
        assert memo.add_memory(f"Note {number}: the tide turns at {number}.", "Noted.") is None
    found = memo.retriever.retrieve_context("When does the tide turn, note 11?", "tom")
    assert found["retrieved_pages"][0]["user_input"] == "Note 11: the tide turns at 11."
    assert server.chats == []


@pytest.mark.parametrize(
    ("timestamp", "zone", "in_utc"),
    [
        ("2025-03-08 09:30:00", "UTC", "2025-03-08T09:30:00+00:00"),
        ("2025-03-08 09:30:00", "Asia/Tokyo", "2025-03-08T00:30:00+00:00"),
        ("2025-03-08T09:30:00Z", "Asia/Tokyo", "2025-03-08T09:30:00+00:00"),
        ("2025-03-08T09:30:00+02:00", "UTC", "2025-03-08T07:30:00+00:00"),
    ],
)
def test_a_time_without_a_zone_is_this_machine_s_and_comes_back_as_it_went_in(
    make: Any, monkeypatch: pytest.MonkeyPatch, timestamp: str, zone: str, in_utc: str
):
    time = pytest.importorskip("time")
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        memo = make()
        memo.add_memory("The boiler was serviced.", "Good.", timestamp=timestamp)
        (page,) = memo.user.pages()
        assert page.at.isoformat() == in_utc
        (found,) = memo.retriever.retrieve_context("boiler", "tom")["retrieved_pages"]
        if len(timestamp) == 19:
            assert found["timestamp"] == timestamp
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    "timestamp", ["yesterday", "08.03.2025", "2025-13-01 00:00:00", 1741426200, "0001-01-01 00:00:00+14:00"]
)
def test_a_time_that_is_none_is_refused_by_name_and_nothing_is_stored(memo: Memoryos, timestamp: object):
    with pytest.raises(InvalidInputError, match="timestamp"):
        memo.add_memory("Hi", "Hello", timestamp=timestamp)  # type: ignore[arg-type]
    assert stored_turns(memo) == []


def test_meta_data_is_kept_with_the_turn_and_must_be_json(memo: Memoryos):
    memo.add_memory("Hi", "Hello", meta_data={"channel": "phone"})
    assert memo.user.pages()[0].metadata == {"channel": "phone"}
    with pytest.raises(InvalidInputError, match="meta_data"):
        memo.add_memory("Hi", "Hello", meta_data={"at": object()})


def test_one_side_of_a_turn_is_kept_and_none_is_an_error(memo: Memoryos):
    memo.add_memory("A note to myself.", "")
    memo.add_memory("", "A reminder.")
    assert stored_turns(memo) == [("A note to myself.",), ("A reminder.",)]
    with pytest.raises(InvalidInputError):
        memo.add_memory("", "")


def test_relationship_style_and_what_is_known_of_the_conversation_reach_the_model(memo, server):
    memo.get_response(
        "Hi?",
        relationship_with_user="coach",
        style_hint="in rhymes",
        user_conversation_meta_data={"city": "Rio"},
    )
    instruction, asked = server.chats[-1].texts
    assert "coach" in instruction
    assert "in rhymes" in instruction
    assert '{"city": "Rio"}' in asked
    assert "Rio" not in instruction
    assert memo.user.pages()[0].metadata == {}


def test_no_temperature_and_no_limit_of_tokens_is_sent_which_reasoning_models_refuse(memo, server):
    memo.get_response("Hi?")
    assert not {"temperature", "max_tokens", "max_completion_tokens"} & set(server.chats[-1].body)


def test_the_thoughts_of_a_reasoning_model_are_no_part_of_its_answer(memo, server):
    server.default = "<think>He wants a greeting.</think>\nHello!"
    assert memo.get_response("Hi?") == "Hello!"
    assert stored_turns(memo) == [("Hi?", "Hello!")]


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (Failure(401, message=f"Incorrect API key: {KEY}"), LLMUnavailable),
        (Failure(400), LLMUnavailable),
        (Reply(refusal="I cannot help with that."), LLMRefused),
        (Reply("", finish_reason="content_filter"), LLMRefused),
        (Reply("Half an ans", finish_reason="length"), LLMBadOutput),
        (Reply(""), LLMBadOutput),
    ],
)
def test_a_failure_is_raised_never_stored_and_the_question_is_kept(memo, server, caplog, failure, error):
    server.default = failure
    caplog.set_level(logging.DEBUG)
    with pytest.raises(error) as raised:
        memo.get_response("What do you remember?")
    assert stored_turns(memo) == [("What do you remember?",)]
    assert memo.get_user_profile_summary() == "None"
    assert KEY not in f"{raised.value!r}{raised.getrepr(style='long')}{caplog.text}"

    server.default = "Much."
    assert memo.get_response("What do you remember?") == "Much."
    assert stored_turns(memo) == [("What do you remember?", "Much.")]


def test_the_key_stands_in_no_repr_no_error_and_no_file(memo: Memoryos, server: OpenAIServer, tmp_path: Path):
    memo.add_memory("Hi", "Hello")
    memo.get_response("Hi?")
    memo.user.memory.flush()
    shown = [repr(memo), repr(vars(memo)), repr(memo.user.memory.llm), repr(memo.retriever)]
    assert not any(KEY in text for text in shown)
    with pytest.raises(ConfigError) as raised:
        Memoryos("tom", openai_api_key=[KEY], data_storage_path=tmp_path)  # type: ignore[arg-type]
    assert KEY not in str(raised.value)
    memo.close()
    assert not any(KEY.encode() in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())


def test_a_server_that_wants_no_key_is_asked_without_one(make: Any, server: OpenAIServer):
    memo = make(openai_api_key=None)
    assert memo.get_response("Hi?") == "Yes."


def test_what_users_say_of_themselves_becomes_their_profile_by_force_or_by_heat(make: Any):
    memo = make(short_term_capacity=1)
    assert memo.get_user_profile_summary() == "None"
    memo.add_memory("My name is Tom.", "Hello Tom!")
    memo.add_memory("I live in Lisbon.", "Lovely.")
    memo.add_memory("It rains.", "Take a coat.")

    memo.force_mid_term_analysis()

    assert memo.get_user_profile_summary().splitlines() == ["name: Tom", "home: Lisbon"]
    assert memo.get_memory_stats()["has_user_profile"]
    memo.force_mid_term_analysis()  # nothing new: nothing changes
    assert memo.user.persona().version == 1


def test_force_promotes_every_topic_however_cold_not_only_the_hottest(make: Any):
    memo = make(short_term_capacity=1, mid_term_similarity_threshold=100.0, mid_term_heat_threshold=1000.0)
    memo.add_memory("My name is Tom.", "Hello Tom!")
    memo.add_memory("I live in Lisbon.", "Lovely.")
    memo.add_memory("It rains.", "Take a coat.")
    memo.force_mid_term_analysis()
    assert memo.get_memory_stats()["mid_term_sessions_count"] == 2
    assert memo.get_user_profile_summary().splitlines() == ["name: Tom", "home: Lisbon"]


def test_knowledge_of_the_assistant_is_a_list_of_statements_with_their_times_oldest_first(make: Any):
    memo = make(long_term_knowledge_capacity=2)
    for number in range(3):
        memo.user.remember(f"The assistant can play chess opening {number}.", about="agent")
    summary = memo.get_assistant_knowledge_summary()
    assert [entry["knowledge"][-2:] for entry in summary] == ["1.", "2."]
    assert all(set(entry) == {"knowledge", "timestamp"} for entry in summary)
    assert memo.get_memory_stats()["assistant_knowledge_count"] == 2
    found = memo.retriever.retrieve_context("Which chess opening?", "tom")
    assert len(found["retrieved_assistant_knowledge"]) == 2
    assert found["retrieved_user_knowledge"] == []


def test_what_one_user_said_to_an_assistant_no_other_user_of_it_is_shown(make: Any, server: OpenAIServer):
    alice, bob = make("alice"), make("bob")
    alice.add_memory("My diagnosis is lupus.", "I am sorry.")
    alice.user.remember("The assistant talked of a diagnosis of lupus.", about="agent")
    bob.get_response("What do you know of a diagnosis?")
    assert "lupus" not in server.chats[-1].texts[1]
    assert bob.get_assistant_knowledge_summary() == []
    assert bob.retriever.retrieve_context("diagnosis", "bob")["retrieved_pages"][0]["user_input"].startswith(
        "What"
    )
    with pytest.raises(InvalidInputError, match="user_id"):
        bob.retriever.retrieve_context("diagnosis", "alice")


@pytest.mark.parametrize("user", ["../../escaped", "alice@example.com", "张三", "a/b", "CON"])
def test_a_user_s_id_is_never_part_of_a_path(make: Any, tmp_path: Path, user: str):
    make(user).add_memory("Hi", "Hello")
    assert {path.name for path in tmp_path.iterdir()} == {"store"}
    assert not any("escaped" in path.name or path.name == "CON" for path in tmp_path.rglob("*"))


def test_a_question_is_answered_from_at_most_so_many_turns_beside_short_term_memory(
    make: Any, server: OpenAIServer
):
    memo = make(retrieval_queue_capacity=2, short_term_capacity=1)
    for number in range(12):
        memo.add_memory(f"The lighthouse number {number} is far away.", "I see.")
    memo.add_memory("It rains and rains. " * 80, "Take a coat.")  # fills the place of the newest turns
    memo.user.memory.flush()
    memo.get_response("What of the lighthouse?")
    recalled = server.chats[-1].texts[1].rpartition("\n[")[2]  # below the newest turns
    assert 1 <= recalled.count("The lighthouse number") <= 2
    assert len(memo.retriever.retrieve_context("lighthouse", "tom")["retrieved_pages"]) == 2


def test_a_retrieval_has_the_shape_of_upstream_s(make: Any):
    memo = make(short_term_capacity=1)
    memo.add_memory("My boat is called Halcyon.", "A good name.", timestamp="2025-03-08 09:30:00")
    memo.add_memory("It rains.", "Take a coat.", timestamp="2025-03-08 10:30:00")
    memo.user.remember("Tom owns a boat.")
    memo.user.memory.flush()
    found = memo.retriever.retrieve_context(user_query="boat Halcyon", user_id="tom", top_k_knowledge=5)
    assert set(found) == {
        "retrieved_pages",
        "retrieved_user_knowledge",
        "retrieved_assistant_knowledge",
        "retrieved_at",
    }
    best = found["retrieved_pages"][0]
    assert {name: best[name] for name in ("user_input", "agent_response", "timestamp")} == {
        "user_input": "My boat is called Halcyon.",
        "agent_response": "A good name.",
        "timestamp": "2025-03-08 09:30:00",
    }
    assert "Halcyon" in best["meta_info"]
    assert found["retrieved_user_knowledge"][0]["knowledge"] == "Tom owns a boat."
    json.dumps(found)


def test_instances_on_one_folder_share_a_store_until_the_last_is_closed(make: Any):
    tom, ann = make("tom"), make("ann")
    assert tom.user.memory is ann.user.memory
    tom.close()
    ann.add_memory("Hi", "Hello")
    ann.close()
    ann.close()
    with pytest.raises(MemoryOSError, match="closed"):
        ann.add_memory("Hi", "Hello")
    assert stored_turns(make("ann")) == [("Hi", "Hello")]


def test_an_instance_that_takes_the_place_of_another_does_the_upkeep(
    make: Any, tmp_path: Path, server: OpenAIServer
):
    def new(capacity: int) -> Memoryos:
        return Memoryos(
            "tom",
            KEY,
            tmp_path / "store",
            server.url,
            short_term_capacity=capacity,
            embedding_model_kwargs={"embedder": "none"},
        )

    memo = new(9)
    memo = new(1)  # as when a cell of a notebook runs again
    memo.add_memory("My name is Tom.", "Hello Tom!")
    memo.add_memory("It rains.", "Take a coat.")
    memo.force_mid_term_analysis()
    assert memo.get_user_profile_summary() == "name: Tom"
    memo.close()


def test_threads_may_share_an_instance(memo: Memoryos):
    threads = [
        threading.Thread(target=lambda n=n: [memo.add_memory(f"{n}-{i}", "ok") for i in range(12)])
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({page[0] for page in stored_turns(memo)}) == 96


def test_an_unusable_setting_is_named(make: Any):
    for arguments, named in [
        ({"short_term_capacity": 0}, "short_term_capacity"),
        ({"mid_term_capacity": "many"}, "mid_term_capacity"),
        ({"long_term_knowledge_capacity": -1}, "knowledge_capacity"),
        ({"retrieval_queue_capacity": 0}, "retrieval_queue_capacity"),
        ({"mid_term_heat_threshold": -1}, "promotion_heat"),
        ({"mid_term_similarity_threshold": None}, "segment_threshold"),
        ({"data_storage_path": ""}, "data_storage_path"),
        ({"user_id": ""}, "user_id"),
        ({"assistant_id": "a\nb"}, "assistant_id"),
        ({"llm_model": ""}, "llm_model"),
        ({"openai_base_url": 5}, "openai_base_url"),
        ({"embedding_model_name": "BAAI/bge-m3", "embedding_model_kwargs": None}, "from_embeddings"),
        ({"embedding_model_kwargs": {"embedder": object()}}, "embedder"),
    ]:
        with pytest.raises((ConfigError, InvalidInputError), match=named):
            make(**arguments)


def test_another_embedding_model_comes_as_an_object_whatever_its_name(make: Any):
    memo = make(embedding_model_name="BAAI/bge-m3", embedding_model_kwargs={"embedder": HashEmbedder(32)})
    assert memo.user.memory.embedder.dimension == 32


def test_options_of_another_library_s_model_are_said_to_have_no_effect(make: Any, caplog):
    make(embedding_model_kwargs={"embedder": "none", "use_fp16": True})
    assert "use_fp16" in caplog.text


def test_a_folder_that_holds_upstream_s_own_store_says_how_to_bring_it_over(
    make: Any, tmp_path: Path, caplog
):
    (tmp_path / "store" / "users").mkdir(parents=True)
    make().close()
    assert "import-upstream" in caplog.text
    caplog.clear()
    make()
    assert caplog.text == ""


def test_a_model_that_fails_at_the_analysis_is_told_of_in_the_log(make: Any, server: OpenAIServer, caplog):
    server.default = Failure(400)
    memo = make(short_term_capacity=1)
    for text in ("My name is Tom.", "I live in Lisbon.", "It rains."):
        memo.add_memory(text, "I see.")
    memo.force_mid_term_analysis()
    assert memo.get_user_profile_summary().startswith("name: Tom")  # by rules
    if server.chats:  # a model was asked
        assert "LLMUnavailable" in caplog.text
