"""MemoryOSMemory as engines call it: put, get, set, reset, copies."""

import copy
import json
import os
import pickle
import threading

import pytest
from conftest import THOROUGH
from hypothesis import given, settings
from hypothesis import strategies as st
from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.memory import BaseMemory
from pydantic import ValidationError

from llamaindex_adapter.models import (
    OutOfReach,
    Talker,
    WordEmbedding,
    assistant,
    call,
    calling,
    result,
    texts,
    user,
)
from llamaindex_memoryos import MemoryOSMemory
from memoryos_integrations import InvalidInputError, MemoryConfig, MemoryOS
from memoryos_integrations.errors import ConfigError, EmbedderMismatchError, StoreClosedError, StoreError
from memoryos_integrations.events import Recalled
from memoryos_integrations.testing import HashEmbedder


@pytest.fixture
def chat(memory):
    return MemoryOSMemory.from_defaults(memory=memory, user_id="ann", thread_id="monday")


def other(chat, **fields):
    """A memory on the same store."""
    known = {"user_id": chat.user_id, "thread_id": chat.thread_id} | fields
    return MemoryOSMemory(persist_directory=chat.persist_directory, **known)


def stored_texts(chat):
    """All that the store holds of the user, thread by thread."""
    return [message.text for page in chat.user.pages() for message in page.messages]


def test_it_is_a_memory_of_llama_index(chat):
    assert issubclass(MemoryOSMemory, BaseMemory)
    assert MemoryOSMemory.class_name() == "MemoryOSMemory"


def test_a_new_conversation_is_empty_and_an_empty_question_searches_nothing(open_memory):
    events = []
    memory = open_memory(on_event=events.append)
    memory.user("ann").add("I keep bees.", thread_id="an older one")
    chat = MemoryOSMemory.from_defaults(memory=memory, user_id="ann")
    assert chat.get() == chat.get_all() == []
    assert chat.get(input="") == chat.get(input="   ", initial_token_count=5, and_more=True) == []
    assert Recalled not in map(type, events)


def test_messages_are_returned_in_order_and_not_repeated_as_memories(chat):
    chat.put(user("I keep bees."))
    chat.put_messages([assistant("Nice."), user("What do I keep?")])
    assert texts(chat.get()) == texts(chat.get_all()) == ["I keep bees.", "Nice.", "What do I keep?"]


def test_another_conversation_gets_memories_in_one_system_message_in_front(chat):
    chat.put_messages([user("I keep bees in Porto."), assistant("How many?")])
    tuesday = other(chat, thread_id="tuesday")
    tuesday.put(user("Where are my bees?"))
    front, question = tuesday.get()
    assert front.role is MessageRole.SYSTEM
    assert "I keep bees in Porto." in front.content
    assert question == user("Where are my bees?")
    assert tuesday.get_all() == [question]


def test_without_input_the_users_last_message_is_the_question(chat, memory):
    memory.user("ann").add("My sister lives in Porto.")
    memory.user("ann").add("I bought a red kettle.")
    chat = other(chat, thread_id="tuesday", max_tokens=50)
    chat.put_messages([user("Where does my sister live?"), calling(call("look")), result("nothing")])
    assert "Porto" in chat.get()[0].content
    assert "kettle" in chat.get(input=user("a red kettle"))[0].content


def test_returned_messages_are_copies(chat):
    message = user("I keep bees.")
    chat.put(message)
    message.blocks[0].text = "changed"
    chat.get()[0].blocks[0].text = "changed"
    chat.get_all()[0].blocks[0].text = "changed"
    history = [user("one"), assistant("two")]
    chat.set(history)
    assert len(history) == 2
    history[0].blocks[0].text = "changed"
    assert texts(chat.get_all()) == ["one", "two"]


def test_an_empty_memory_counts_as_one(chat):
    assert bool(chat) is True
    assert not hasattr(chat, "__len__")


@pytest.mark.parametrize("wrong", ["user_idd", "sesion_id", "memory_blocks"])
def test_unknown_arguments_are_rejected(memory, wrong):
    with pytest.raises(TypeError, match=wrong):
        MemoryOSMemory.from_defaults(memory=memory, user_id="ann", **{wrong: "x"})
    folder = str(memory.path)
    with pytest.raises(ValidationError, match=wrong):
        MemoryOSMemory(persist_directory=folder, user_id="ann", **{wrong: "x"})


def test_user_and_store_must_be_given(memory, tmp_path):
    with pytest.raises(InvalidInputError, match="user_id must be text"):
        MemoryOSMemory.from_defaults(persist_directory=tmp_path / "new")
    assert not (tmp_path / "new").exists()
    with pytest.raises(ValidationError, match="user_id must not be empty"):
        MemoryOSMemory(persist_directory=str(memory.path), user_id="")
    for folder in ("", 5):
        with pytest.raises(InvalidInputError, match="persist_directory must be the path of a folder"):
            MemoryOSMemory.from_defaults(persist_directory=folder, user_id="ann")
    with pytest.raises(ConfigError, match="memory= or persist_directory="):
        SimpleChatEngine.from_defaults(llm=Talker(), memory_cls=MemoryOSMemory)


def test_contradictory_arguments_are_rejected(memory, tmp_path):
    with pytest.raises(ConfigError, match="not both"):
        MemoryOSMemory.from_defaults(memory=memory, persist_directory=tmp_path, user_id="ann")
    with pytest.raises(ConfigError, match="not both"):
        MemoryOSMemory.from_defaults(user_id="ann")
    with pytest.raises(ConfigError, match="two names of one thing"):
        MemoryOSMemory.from_defaults(memory=memory, user_id="ann", thread_id="a", session_id="b")
    with pytest.raises(ConfigError, match="embed_model"):
        MemoryOSMemory.from_defaults(memory=memory, user_id="ann", embed_model="none")


def test_a_session_is_a_thread_and_a_bound_memory_needs_no_user_id(memory):
    made = MemoryOSMemory.from_defaults(memory=memory.user("ann", "tutor"), session_id="s1")
    assert (made.user_id, made.agent_id, made.thread_id) == ("ann", "tutor", "s1")


def test_the_limit_follows_the_models_window_when_there_is_none(memory):
    assert (
        MemoryOSMemory.from_defaults(memory=memory, user_id="a", llm=Talker(window=8000)).token_limit == 6000
    )
    assert MemoryOSMemory.from_defaults(memory=memory, user_id="a").token_limit == 30_000


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"token_limit": 0}, InvalidInputError),
        ({"token_limit": 1.5}, InvalidInputError),
        ({"max_tokens": -1}, InvalidInputError),
        ({"thread_id": ""}, InvalidInputError),
        ({"agent_id": ""}, InvalidInputError),
        ({"chat_history": ["Hello"]}, InvalidInputError),
        ({"chat_history": "Hello"}, InvalidInputError),
        ({"llm": "gpt-5"}, ConfigError),
        ({"embed_model": "local:bge"}, ConfigError),
    ],
    ids=str,
)
def test_an_invalid_argument_is_rejected_before_anything_is_opened(tmp_path, wrong, error):
    with pytest.raises(error, match=next(iter(wrong)).partition("_")[0]):
        MemoryOSMemory.from_defaults(persist_directory=tmp_path / "new", user_id="ann", **wrong)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("wrong", ["hello", None, 5, {"role": "user", "content": "x"}], ids=repr)
def test_an_object_that_is_no_message_is_rejected_and_nothing_is_stored(chat, wrong):
    chat.put(user("one"))
    for call_with in (
        lambda: chat.put(wrong),
        lambda: chat.put_messages([user("two"), wrong]),
        lambda: chat.put_messages(wrong),
        lambda: chat.set([user("two"), wrong]),
        lambda: chat.set(wrong),
    ):
        with pytest.raises(InvalidInputError, match="ChatMessage"):
            call_with()
    if isinstance(wrong, int | dict):
        with pytest.raises(InvalidInputError, match="input must be text or a ChatMessage"):
            chat.get(input=wrong)
    assert stored_texts(chat) == ["one"]


def test_without_a_given_history_the_stored_one_stays(chat, memory):
    chat.put(user("one"))
    again = MemoryOSMemory.from_defaults(memory=memory, user_id="ann", thread_id="monday", chat_history=[])
    assert texts(again.get_all()) == ["one"]
    MemoryOSMemory.from_defaults(memory=memory, user_id="ann", thread_id="monday", chat_history=[user("new")])
    assert texts(again.get_all()) == ["new"]


# -- reset and set -----------------------------------------------------------------------------------------


def test_reset_empties_the_conversation_for_every_memory_on_the_thread_and_long_term_memory_stays(chat):
    chat.put_messages([user("I keep bees in Porto."), assistant("Nice.")])
    chat.reset()
    assert other(chat).get_all() == []
    chat.put(user("Where are my bees?"))
    assert texts(other(chat).get_all()) == ["Where are my bees?"]
    assert "I keep bees in Porto." in chat.get()[0].content


def test_reset_survives_the_process(chat, memory, open_memory):
    chat.put(user("one"))
    chat.reset()
    chat.put(user("two"))
    chat.reset()
    memory.close()
    reopened = MemoryOSMemory.from_defaults(memory=open_memory(), user_id="ann", thread_id="monday")
    assert reopened.get_all() == []
    assert "one" in stored_texts(reopened)


def test_reset_of_an_empty_conversation_writes_nothing(chat):
    chat.reset()
    chat.reset()
    assert stored_texts(chat) == []


def test_set_with_the_whole_history_each_turn_stores_nothing_twice(chat):
    history = []
    for turn in range(5):
        chat.set(history)
        chat.put(user(f"question {turn}"))
        chat.put(assistant("ok"))
        history += [user(f"question {turn}"), assistant("ok")]
    chat.set(history)
    assert texts(chat.get_all()) == texts(history) == stored_texts(chat)


def test_set_stores_new_messages_and_the_conversation_is_exactly_the_given_one(chat):
    chat.set([user("a"), assistant("b")])
    chat.set([user("a"), assistant("b"), user("c")])
    assert texts(chat.get_all()) == ["a", "b", "c"]
    chat.set([user("a"), assistant("edited"), user("c")])
    assert texts(chat.get_all()) == ["a", "edited", "c"]
    chat.put(assistant("d"))
    assert texts(other(chat).get_all()) == ["a", "edited", "c", "d"]
    assert sorted(stored_texts(chat)) == ["a", "b", "c", "d", "edited"]


def test_set_with_nothing_is_reset(chat):
    chat.put(user("a"))
    chat.set([])
    assert chat.get_all() == []


def test_a_history_can_be_cut_to_its_last_turns(chat):
    for turn in range(6):
        chat.put_messages([user(f"q{turn}"), assistant("ok")])
        chat.set(chat.get_all()[-4:])
    assert texts(chat.get_all()) == ["q4", "ok", "q5", "ok"]
    assert stored_texts(chat) == [text for turn in range(6) for text in (f"q{turn}", "ok")]


WORDS = st.sampled_from(["yes", "no", "bees", "Porto"])
MESSAGES = st.lists(
    st.builds(ChatMessage, role=st.sampled_from(["user", "assistant"]), content=WORDS), max_size=6
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), MESSAGES),
        st.tuples(st.just("put"), MESSAGES),
        st.tuples(st.just("reset"), st.just([])),
    ),
    max_size=6,
)


@settings(max_examples=25 if THOROUGH else 8)
@given(steps=STEPS)
def test_after_any_put_set_and_reset_the_conversation_equals_a_list(steps, tmp_path_factory):
    with MemoryOS(tmp_path_factory.mktemp("store"), embedder=HashEmbedder()) as memory:
        chat = MemoryOSMemory.from_defaults(memory=memory, user_id="ann")
        expected = []
        for step, messages in steps:
            if step == "put":
                chat.put_messages(messages)
                expected += messages
            elif step == "set":
                before = len(stored_texts(chat))
                known = expected == messages[: len(expected)]
                chat.set(messages)
                if known and expected:
                    assert len(stored_texts(chat)) - before == len(messages) - len(expected)
                expected = list(messages)
                now = len(stored_texts(chat))
                chat.set(messages)
                assert not messages or len(stored_texts(chat)) == now
            else:
                chat.reset()
                expected = []
            assert chat.get_all() == expected


def test_memories_in_a_prompt_that_is_set_as_history_are_not_stored(chat):
    chat.put_messages([user("I keep bees in Porto."), assistant("Nice.")])
    tuesday = other(chat, thread_id="tuesday")
    tuesday.put(user("Where are my bees?"))
    prompt = tuesday.get()
    assert len(prompt) == 2
    tuesday.set(prompt)
    tuesday.put_messages(prompt[:1])
    assert texts(tuesday.get_all()) == ["Where are my bees?"]
    tuesday.set([ChatMessage(role="system", content=f"Be brief.\n\n{prompt[0].content}"), *prompt[1:]])
    assert texts(tuesday.get_all()) == ["Be brief.", "Where are my bees?"]


# -- limits ------------------------------------------------------------------------------------------------


def by_words(text: str) -> int:
    return len(text.split())


@pytest.fixture
def counted(open_memory):
    """A store that counts words as tokens."""
    return open_memory(config=MemoryConfig(token_counter=by_words))


def limited(memory, limit, **fields):
    return MemoryOSMemory.from_defaults(
        memory=memory, user_id="ann", token_limit=limit, max_tokens=0, **fields
    )


def test_the_oldest_turns_are_dropped_first_and_the_rest_begins_with_the_user(counted):
    chat = limited(counted, 26)
    for turn in range(5):
        chat.put_messages([user(f"question {turn}"), assistant(f"answer {turn}")])  # 12 tokens a turn
    assert texts(chat.get()) == ["question 3", "answer 3", "question 4", "answer 4"]
    assert texts(chat.get(initial_token_count=10)) == ["question 4", "answer 4"]
    assert len(chat.get_all()) == 10


def test_a_tools_call_stays_with_its_results_and_counts(counted):
    chat = limited(counted, 40)
    chat.put_messages([user("old question"), assistant("old answer")])
    chat.put_messages(
        [user("add"), calling(call("add", a="one two three four five six seven eight")), result("3")]
    )
    chat.put(assistant("It is 3."))
    shown = chat.get()
    assert [message.role.value for message in shown] == ["user", "assistant", "tool", "assistant"]
    assert limited(counted, 24).get()[1:] == [assistant("It is 3.")]


def test_a_turn_that_is_too_long_keeps_its_question_and_its_end(counted):
    chat = limited(counted, 30)
    chat.put(user("do all of it"))
    for step in range(6):
        chat.put_messages([calling(call("work", step)), result(f"done with {step}", step)])
    shown = chat.get()
    assert shown[0] == user("do all of it")
    assert texts(shown[1:]) == [None, "done with 5"]
    assert texts(limited(counted, 1).get()) == ["do all of it", None, "done with 5"]


def test_system_messages_of_the_conversation_stay_however_long_it_gets(counted):
    chat = limited(counted, 60)
    chat.set([ChatMessage(role="system", content="Be brief."), user("hello")])
    for turn in range(70):
        chat.put_messages([assistant(f"answer {turn}"), user(f"question {turn}")])
    shown = chat.get()
    assert shown[0] == ChatMessage(role="system", content="Be brief.")
    assert texts(shown[1:])[-2:] == ["answer 69", "question 69"]
    assert shown[1].role is MessageRole.USER
    chat.put(ChatMessage(role="system", content="Be polite."))
    assert chat.get()[0] == ChatMessage(role="system", content="Be brief.\n\nBe polite.")
    assert [message.role for message in chat.get()].count(MessageRole.SYSTEM) == 1


def test_results_without_a_call_and_calls_without_a_result_are_not_shown_to_the_model(chat):
    chat.put_messages(
        [result("lost"), user("one"), calling(call("gone")), user("two"), calling(call("next"))]
    )
    shown = [message for message in chat.get() if message.role is not MessageRole.SYSTEM]
    assert texts(shown) == ["one", "two", None]
    assert len(chat.get_all()) == 5


def test_the_limit_holds_for_history_and_memories_together(open_memory):
    memory = open_memory()
    for number in range(60):
        memory.user("ann").add(f"Bee number {number} lives in hive {number}.", "I will keep that in mind.")
    chat = MemoryOSMemory.from_defaults(memory=memory, user_id="ann", thread_id="new", token_limit=600)
    for turn in range(30):
        chat.put_messages([user(f"Where does bee number {turn} live, tell me?"), assistant("In a hive.")])
    chat.put(user("Where does bee number 7 live?"))
    shown = chat.get()
    tokens = sum(len(chat.tokenizer_fn(message.content)) + 4 for message in shown)
    assert 450 < tokens <= 600
    assert "hive 7" in shown[0].content
    assert len(shown) > 8


# -- once a turn -------------------------------------------------------------------------------------------


def test_memories_are_retrieved_once_per_turn_however_often_get_is_called(open_memory):
    events = []
    memory = open_memory(on_event=events.append)
    memory.user("ann").add("I keep bees.")
    chat = MemoryOSMemory.from_defaults(memory=memory, user_id="ann", thread_id="new")

    def recalls():
        return [type(event) for event in events].count(Recalled)

    chat.put(user("What do I keep?"))
    for number in range(3):
        assert "bees" in chat.get()[0].content
        assert "bees" in chat.get(input="What do I keep?")[0].content
        assert "bees" in other(chat).get(input=user("What do I keep?"))[0].content
        chat.put_messages([calling(call("work", number)), result("done", number)])
    assert recalls() == 1
    chat.put(user("What do I keep?"))
    chat.get()
    assert recalls() == 2


def test_an_erased_memory_is_not_shown_in_the_running_turn(chat):
    chat.user.add("I keep bees in Porto.", thread_id="an older one")
    chat.put(user("Where are my bees?"))
    assert "Porto" in chat.get()[0].content
    chat.user.forget(thread_id="an older one")
    assert texts(chat.get()) == ["Where are my bees?"]


def test_a_long_conversation_in_the_prompt_does_not_crowd_out_memories_of_others(chat):
    chat.user.add("My bees live in Porto.", thread_id="an older one")
    for turn in range(150):
        chat.put_messages([user(f"Bees {turn}, bees and my bees live."), assistant("Bees live.")])
    chat.put(user("Where do my bees live?"))
    front, *turns = chat.get()
    assert len(turns) == 301
    assert front.content.count("User:") == 1
    assert "My bees live in Porto." in front.content


def test_a_failing_retrieval_is_a_warning_and_the_turn_goes_on(tmp_path):
    with OutOfReach(tmp_path, embedder=HashEmbedder()) as memory:
        chat = MemoryOSMemory.from_defaults(memory=memory, user_id="ann")
        chat.put(user("hello"))
        with pytest.warns(UserWarning, match="The prompt has no memories: StoreError: The disk is gone"):
            assert texts(chat.get()) == ["hello"]


# -- copies ------------------------------------------------------------------------------------------------


def test_it_survives_json_pickle_deepcopy_and_model_copy(chat):
    chat.put(user("I keep bees."))
    for copied in (
        MemoryOSMemory.from_dict(json.loads(json.dumps(chat.to_dict()))),
        MemoryOSMemory.from_json(chat.to_json()),
        MemoryOSMemory.model_validate_json(chat.model_dump_json()),
        pickle.loads(pickle.dumps(chat)),
        copy.deepcopy(chat),
        chat.model_copy(deep=True),
    ):
        assert copied == chat
        assert texts(copied.get()) == ["I keep bees."]
    copied.put(user("And hens."))
    assert texts(chat.get_all()) == ["I keep bees.", "And hens."]


def test_a_deserialised_memory_without_its_folder_raises_a_clear_error(chat, tmp_path):
    data = chat.to_dict() | {"persist_directory": str(tmp_path / "elsewhere")}
    with pytest.raises(StoreError, match=r"no MemoryOS store in .*elsewhere"):
        MemoryOSMemory.from_dict(data)
    assert not (tmp_path / "elsewhere").exists()


def test_a_deserialised_memory_reopens_a_closed_store(tmp_path):
    first = MemoryOSMemory.from_defaults(persist_directory=tmp_path / "a", user_id="ann", embed_model="none")
    first.put(user("I keep bees."))
    data = first.to_json()
    first.close()
    with pytest.raises(StoreClosedError, match="This memory is closed"):
        first.get()
    second = MemoryOSMemory.from_json(data)
    assert texts(second.get_all()) == ["I keep bees."]
    second.close()


def test_a_store_reopened_without_its_embedder_searches_by_words_and_warns(tmp_path):
    first = MemoryOSMemory.from_defaults(
        persist_directory=tmp_path, user_id="ann", thread_id="a", embed_model=HashEmbedder()
    )
    first.put(user("I keep bees."))
    first.user.memory.flush()
    data = first.to_dict() | {"thread_id": "b"}
    first.close()
    with pytest.warns(UserWarning, match="words only"):
        second = MemoryOSMemory.from_dict(data)
    second.put(user("Where are the bees?"))
    assert "I keep bees." in second.get()[0].content
    second.close()


def test_memories_on_one_folder_share_one_store_and_the_last_to_close_closes_it(tmp_path):
    first, second = (
        MemoryOSMemory.from_defaults(persist_directory=tmp_path, user_id=name, embed_model="none")
        for name in ("ann", "bob")
    )
    assert first.user.memory is second.user.memory
    store = first.user.memory
    first.close()
    first.close()
    second.put(user("hello"))
    second.close()
    with pytest.raises(StoreClosedError):
        store.users()


def test_a_copy_that_is_closed_does_not_take_the_store_from_others(tmp_path):
    first, second = (
        MemoryOSMemory.from_defaults(persist_directory=tmp_path, user_id="ann", embed_model=HashEmbedder())
        for _ in range(2)
    )
    store = first.user.memory
    MemoryOSMemory.from_dict(first.to_dict()).close()
    pickle.loads(pickle.dumps(first)).close()
    copied = first.model_copy()
    first.close()
    copied.close()
    assert second.user.memory is store
    second.put(user("hello"))
    second.close()
    with pytest.raises(StoreClosedError):
        store.users()


def test_an_old_serialised_memory_is_still_read(memory, chat):
    chat.put(user("I keep bees."))
    kept = {
        "user_id": "ann",
        "agent_id": "default",
        "thread_id": "monday",
        "persist_directory": str(memory.path),
        "token_limit": 30000,
        "max_tokens": 2000,
        "class_name": "MemoryOSMemory",
    }
    assert chat.to_dict() == kept
    assert texts(MemoryOSMemory.from_dict(kept).get_all()) == ["I keep bees."]
    assert f"{MemoryOSMemory.__module__}.{MemoryOSMemory.__name__}" == (
        "llamaindex_memoryos.memory.MemoryOSMemory"
    )


def test_a_store_that_was_passed_in_is_never_closed(memory):
    made = MemoryOSMemory.from_defaults(memory=memory, user_id="ann")
    made.close()
    assert memory.users() == []


def test_a_store_passed_in_later_replaces_the_one_opened_by_the_adapter(tmp_path):
    opened = MemoryOSMemory.from_defaults(persist_directory=tmp_path, user_id="ann", embed_model="none")
    with MemoryOS(tmp_path, embedder="none") as memory:
        MemoryOSMemory.from_defaults(memory=memory, user_id="ann").put(user("hello"))
        assert opened.user.memory is memory
        assert texts(opened.get_all()) == ["hello"]


def test_another_embedder_on_an_open_folder_is_rejected(tmp_path):
    opened = MemoryOSMemory.from_defaults(persist_directory=tmp_path, user_id="ann", embed_model="none")
    with pytest.raises(EmbedderMismatchError, match="is open with the embedder 'none', not with 'hash-"):
        MemoryOSMemory.from_defaults(persist_directory=tmp_path, user_id="ann", embed_model=HashEmbedder())
    opened.close()
    opened = MemoryOSMemory.from_defaults(
        persist_directory=tmp_path, user_id="ann", embed_model=HashEmbedder()
    )
    with pytest.raises(EmbedderMismatchError, match="not with 'none'"):
        MemoryOSMemory.from_defaults(persist_directory=tmp_path, user_id="ann", embed_model="none")
    MemoryOSMemory.from_defaults(persist_directory=tmp_path, user_id="bob").close()
    opened.close()


def test_the_embedding_model_of_llama_index_makes_the_stores_vectors(tmp_path):
    chat = MemoryOSMemory.from_defaults(
        persist_directory=tmp_path, user_id="ann", thread_id="a", embed_model=WordEmbedding()
    )
    chat.put(user("I keep bees."))
    store = chat.user.memory
    store.flush()
    assert store.embedder.name.endswith("/words")
    assert chat.user.retrieve("bees").dense
    chat.close()
    with pytest.raises(EmbedderMismatchError, match="words"):
        MemoryOSMemory.from_defaults(persist_directory=tmp_path, user_id="ann", embed_model=HashEmbedder())


def test_a_failing_embedding_service_is_reported_and_loses_no_turn(tmp_path, caplog):
    model = WordEmbedding()
    chat = MemoryOSMemory.from_defaults(
        persist_directory=tmp_path, user_id="ann", thread_id="a", embed_model=model
    )
    chat.put(user("I keep bees in Porto."))
    model.failing = True
    tuesday = other(chat, thread_id="b")
    tuesday.put(user("Where are my bees?"))
    assert "I keep bees in Porto." in tuesday.get()[0].content
    assert "words only" in caplog.text
    assert "sk-secret" not in caplog.text
    assert len(stored_texts(chat)) == 2
    chat.close()


def test_a_model_given_with_an_open_store_sets_the_limit_and_is_never_called(memory):
    llm = Talker(window=8000)
    chat = MemoryOSMemory.from_defaults(memory=memory, user_id="ann", llm=llm)
    for number in range(30):
        chat.put_messages([user(f"I keep bees in hive {number}."), assistant("ok")])
    memory.flush()
    assert chat.token_limit == 6000
    assert llm.seen == []


def test_a_model_given_with_the_folder_refines_memories(tmp_path):
    llm = Talker()
    chat = MemoryOSMemory.from_defaults(
        persist_directory=tmp_path, user_id="ann", llm=llm, embed_model="none"
    )
    for number in range(30):
        chat.put_messages([user(f"I keep bees in hive {number}."), assistant("ok")])
    chat.user.memory.flush()
    assert llm.seen
    chat.close()


def test_put_waits_for_no_model(open_memory):
    asked, go_on = threading.Event(), threading.Event()

    class Slow(HashEmbedder):
        def embed(self, texts):
            asked.set()
            assert go_on.wait(timeout=300)
            return super().embed(texts)

    memory = open_memory(embedder=Slow())
    chat = MemoryOSMemory.from_defaults(memory=memory, user_id="ann")
    for number in range(9):
        chat.put_messages([user(f"question {number}"), assistant("ok")])
    assert len(chat.get_all()) == 18
    assert asked.wait(timeout=300)
    go_on.set()


# -- small print -------------------------------------------------------------------------------------------


def test_special_tokens_in_a_text_are_text_and_the_environment_is_unchanged(chat):
    before = dict(os.environ)
    chat.put(user("<|endoftext|> and {braces}"))
    assert texts(chat.get()) == ["<|endoftext|> and {braces}"]
    assert len(chat.tokenizer_fn("<|endoftext|>")) > 1
    assert dict(os.environ) == before


def test_a_failing_write_is_an_error(memory):
    chat = MemoryOSMemory.from_defaults(memory=memory, user_id="ann")
    memory.close()
    with pytest.raises(StoreClosedError):
        chat.put(user("hello"))
