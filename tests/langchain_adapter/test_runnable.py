"""with_memory around chains, models and functions, streamed or not."""

import asyncio
import contextlib
import copy
import gc
import logging
import signal
import subprocess
import sys
import threading
import warnings

import pytest
from langchain_core.load import dumps
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables import RunnableLambda
from langchain_core.tracers.context import collect_runs
from pydantic import BaseModel

from langchain_adapter.parts import ScriptedChat, broken, stored_texts
from langchain_memoryos import MemoryOSRunnable, with_memory

PROMPT = ChatPromptTemplate([("system", "Help. {memory}"), ("human", "{input}")])


@pytest.fixture(autouse=True)
def no_warnings():
    """Langchain-core puts filters of its own before pytest's; here a warning is an error all the same."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def test_a_chain_remembers_from_call_to_call_and_between_conversations(memory):
    model = ScriptedChat(answers=["Nice!", "In Porto."])
    chain = with_memory(PROMPT | model | StrOutputParser(), memory=memory, user_id="ann")
    chain.invoke({"input": "My sister Jo lives in Porto."})
    other = {"configurable": {"thread_id": "other"}}
    assert chain.invoke({"input": "Where does my sister live?"}, other) == "In Porto."
    assert model.prompts[0] == "Help. \nMy sister Jo lives in Porto."
    assert "Jo lives in Porto" in model.prompts[1]
    assert [page.thread_id for page in memory.user("ann").pages()] == ["default", "other"]


def test_a_chat_model_gets_a_text_as_messages_with_memories_before_it(memory):
    memory.user("ann").add("My sister Jo lives in Porto.")
    model = ScriptedChat(answers=["In Porto."])
    answer = with_memory(model, memory=memory, user_id="ann").invoke("Where does Jo live?")
    assert answer.content == "In Porto."
    note, question = model.requests[0]
    assert "Porto" in note.text
    assert question.content == "Where does Jo live?"
    assert stored_texts(memory, "ann")[1:] == ["Where does Jo live?", "In Porto."]


@pytest.mark.parametrize(
    "given",
    [
        [("human", "Hi!"), ("ai", "Hello!"), ("human", "Where does Jo live?")],
        [HumanMessage("Hi!"), AIMessage("Hello!"), HumanMessage("Where does Jo live?")],
        [{"role": "user", "content": "Hi!"}, {"role": "user", "content": "Where does Jo live?"}],
        ChatPromptTemplate([("human", "Hi!"), ("human", "Where does Jo live?")]).invoke({}),
        HumanMessage("Where does Jo live?"),
    ],
    ids=["tuples", "messages", "dicts", "prompt", "message"],
)
def test_messages_in_any_form_get_memories_before_the_users_last_and_only_that_one_is_stored(memory, given):
    memory.user("ann").add("My sister Jo lives in Porto.")
    model = ScriptedChat(answers=["In Porto."])
    with_memory(model, memory=memory, user_id="ann").invoke(given)
    assert "Porto" in model.requests[0][-2].text
    assert model.requests[0][-1].text == "Where does Jo live?"
    assert stored_texts(memory, "ann")[1:] == ["Where does Jo live?", "In Porto."]


def test_messages_of_the_input_are_not_repeated_as_memories(memory):
    chain = with_memory(model := ScriptedChat(answers=["Nice!", "Porto."]), memory=memory, user_id="ann")
    first = HumanMessage("My sister Jo lives in Porto.")
    answer = chain.invoke([first])
    chain.invoke([first, answer, HumanMessage("Where does Jo live?")])
    assert model.prompts[1].count("Jo lives in Porto") == 1


def test_messages_within_a_mapping_get_memories_too(memory):
    memory.user("ann").add("My sister Jo lives in Porto.")
    seen = {}

    def graph(state):
        seen.update(state)
        return {"messages": [*state["messages"], AIMessage("In Porto.")]}

    with_memory(graph, memory=memory, user_id="ann").invoke(
        {"messages": [SystemMessage("Help."), HumanMessage("Where does Jo live?")], "more": 1}
    )
    assert [message.type for message in seen["messages"]] == ["system", "human", "human"]
    assert seen["more"] == 1
    assert stored_texts(memory, "ann")[1:] == ["Where does Jo live?", "In Porto."]


@pytest.mark.parametrize("name", ["memory", "history", "context", "anything"])
def test_memories_go_into_the_prompts_free_variable(memory, name):
    memory.user("ann").add("I live in Porto.")
    model = ScriptedChat(answers=["ok"])
    prompt = ChatPromptTemplate([("system", "{" + name + "}"), ("human", "{question}")])
    with_memory(prompt | model, memory=memory, user_id="ann").invoke({"question": "Where do I live?"})
    assert "Porto" in model.requests[0][0].text


def test_a_placeholder_gets_a_message_and_none_without_memories(memory):
    prompt = ChatPromptTemplate([MessagesPlaceholder("history"), ("human", "{input}")])
    model = ScriptedChat(answers=["ok"])
    chain = with_memory(prompt | model, memory=memory, user_id="ann")
    chain.invoke({"input": "I live in Porto."})
    chain.invoke({"input": "Where do I live?"})
    assert [len(messages) for messages in model.requests] == [1, 2]
    assert "Porto" in model.requests[1][0].text


def test_a_prompt_without_a_place_for_memory_is_an_error_that_says_what_to_add(memory):
    prompt = ChatPromptTemplate([("human", "{input}")])
    model = ScriptedChat(answers=["ok"])
    with pytest.raises(ValueError, match=r"add \('system', '\{memory\}'\)"):
        with_memory(prompt | model, memory=memory, user_id="ann").invoke({"input": "Hi!"})
    with pytest.raises(ValueError, match=r"add \('system', '\{past\}'\)"):
        with_memory(prompt | model, memory=memory, user_id="ann", memory_key="past")
    assert model.requests == []


def test_streams_pass_through_chunk_by_chunk_and_the_whole_is_stored(memory):
    chain = with_memory(PROMPT | ScriptedChat(answers=["one two three"]), memory=memory, user_id="ann")
    chunks = [chunk.content for chunk in chain.stream({"input": "Count!"})]
    assert [chunk for chunk in chunks if chunk] == ["one", " two", " three"]
    assert stored_texts(memory, "ann") == ["Count!", "one two three"]


async def test_async_streams_do_the_same(memory):
    chain = with_memory(PROMPT | ScriptedChat(answers=["one two three"]), memory=memory, user_id="ann")
    chunks = [chunk.content async for chunk in chain.astream({"input": "Count!"})]
    assert [chunk for chunk in chunks if chunk] == ["one", " two", " three"]
    assert stored_texts(memory, "ann") == ["Count!", "one two three"]


@pytest.mark.parametrize("closed", [True, False])
def test_a_stream_that_is_closed_early_stores_the_answer_so_far(memory, closed):
    chain = with_memory(ScriptedChat(answers=["one two three"]), memory=memory, user_id="ann")
    stream = chain.stream("Count!")
    assert next(stream).content == "one"
    assert next(stream).content == " two"
    if closed:
        stream.close()
    del stream
    gc.collect()
    assert stored_texts(memory, "ann") == ["Count!", "one two"]


async def test_an_async_stream_that_is_closed_early_stores_the_answer_so_far(memory):
    chain = with_memory(ScriptedChat(answers=["one two three"]), memory=memory, user_id="ann")
    async with contextlib.aclosing(chain.astream("Count!")) as stream:
        assert (await anext(stream)).content == "one"
    assert stored_texts(memory, "ann") == ["Count!", "one"]


@pytest.mark.parametrize("run", ["invoke", "stream"])
def test_when_the_runnable_fails_the_users_message_is_stored(memory, run):
    def half(messages):
        yield "half an"
        raise RuntimeError("model down")

    chain = with_memory(half, memory=memory, user_id="ann")
    with pytest.raises(RuntimeError):
        list(getattr(chain, run)("I am Ann."))
    assert stored_texts(memory, "ann") == ["I am Ann."]


async def test_when_an_async_runnable_fails_or_is_cancelled_the_users_message_is_stored(memory):
    started = asyncio.Event()

    async def hang(messages):
        started.set()
        await asyncio.Event().wait()

    async def fail(messages):
        raise RuntimeError("model down")

    with pytest.raises(RuntimeError):
        await with_memory(fail, memory=memory, user_id="ann").ainvoke("first")
    task = asyncio.create_task(with_memory(hang, memory=memory, user_id="ann").ainvoke("second"))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert stored_texts(memory, "ann") == ["first", "second"]


KILLED = """
import os, signal, sys
from langchain_memoryos import with_memory
from memoryos_integrations import MemoryOS
from memoryos_integrations.testing import HashEmbedder

memory = MemoryOS(sys.argv[1], embedder=HashEmbedder())
chain = with_memory(lambda messages: os.kill(os.getpid(), signal.SIGKILL), memory=memory, user_id="ann")
chain.invoke("I am Ann.")
"""


@pytest.mark.programs
def test_the_users_message_survives_a_kill_while_the_runnable_runs(tmp_path, open_memory):
    ran = subprocess.run([sys.executable, "-c", KILLED, tmp_path / "store"], timeout=300)
    assert ran.returncode == -signal.SIGKILL
    memory = open_memory(tmp_path / "store")
    assert stored_texts(memory, "ann") == ["I am Ann."]
    with_memory(lambda messages: "Hello!", memory=memory, user_id="ann").invoke("Still Ann.")
    assert [[m.text for m in page.messages] for page in memory.user("ann").pages()] == [
        ["I am Ann."],
        ["Still Ann.", "Hello!"],
    ]


def test_the_question_is_stored_while_the_runnable_runs_and_the_answer_joins_its_page(memory):
    seen = []

    def answer(messages):
        seen.append(stored_texts(memory, "ann"))
        memory.user("ann").add_message("meanwhile", role="user")
        return "one"

    with_memory(answer, memory=memory, user_id="ann").invoke("first")
    assert seen == [["first"]]
    pages = [[message.text for message in page.messages] for page in memory.user("ann").pages()]
    assert pages == [["first", "one"], ["meanwhile"]]


def test_a_store_that_comes_back_while_the_runnable_runs_holds_the_turn_once(memory, caplog):
    with contextlib.ExitStack() as failing:
        failing.enter_context(broken(memory))

        def answer(messages):
            failing.close()
            return "one"

        with_memory(answer, memory=memory, user_id="ann").invoke("first")
    assert stored_texts(memory, "ann") == ["first", "one"]
    assert len(memory.user("ann").pages()) == 1


def test_an_answer_of_two_megabytes_is_stored_whole_and_the_question_once(memory):
    answer = "honey " * 350_000
    with_memory(lambda messages: answer, memory=memory, user_id="ann").invoke("Tell me of honey.")
    question, *pieces = stored_texts(memory, "ann")
    assert question == "Tell me of honey."
    assert "".join(pieces) == answer


def test_user_and_conversation_come_from_the_configuration(memory):
    chain = with_memory(ScriptedChat(answers=["ok"]), memory=memory)
    for user, thread in (("ann", "t1"), ("bob", "t2")):
        chain.invoke(f"I am {user}.", {"configurable": {"user_id": user, "thread_id": thread}})
    assert stored_texts(memory, "ann", "t1") == ["I am ann.", "ok"]
    assert stored_texts(memory, "bob", "t2") == ["I am bob.", "ok"]
    assert {spec.id for spec in chain.config_specs} >= {"user_id", "thread_id"}


def test_without_a_user_nothing_is_run(memory):
    model = ScriptedChat(answers=["ok"])
    chain = with_memory(model, memory=memory)
    with pytest.raises(ValueError, match="user_id is missing"):
        chain.invoke("Who am I?")
    with pytest.raises(ValueError, match="user_id is missing"):
        next(chain.stream("Who am I?"))
    assert model.requests == []


def test_a_batch_in_one_conversation_stores_whole_turns(memory):
    chain = with_memory(lambda messages: f"re {messages[-1].text}", memory=memory, user_id="ann")
    chain.batch([f"question {number}" for number in range(20)])
    pages = memory.user("ann").pages()
    assert sorted(page.messages[0].text for page in pages) == sorted(f"question {n}" for n in range(20))
    assert all(page.messages[1].text == f"re {page.messages[0].text}" for page in pages)


async def test_async_batches_keep_users_apart_and_leave_the_event_loop_free(open_memory):
    threads = []
    store = open_memory(on_event=lambda event: threads.append(threading.current_thread()))
    chain = with_memory(lambda messages: f"re {messages[-1].text}", memory=store)
    configs = [{"configurable": {"user_id": f"user{number}"}} for number in range(20)]
    await chain.abatch([f"question {number}" for number in range(20)], configs)
    for number in range(20):
        assert stored_texts(store, f"user{number}") == [f"question {number}", f"re question {number}"]
    assert threading.main_thread() not in threads


def test_a_run_is_traced_as_one_parent_with_the_chain_inside(memory):
    chain = with_memory(PROMPT | ScriptedChat(answers=["ok"]), memory=memory, user_id="ann")
    with collect_runs() as runs:
        chain.invoke({"input": "Hi!"})
    (root,) = runs.traced_runs
    assert root.name == "MemoryOSRunnable"
    assert [child.name for child in root.child_runs] == ["RunnableSequence"]


def test_it_composes_with_other_runnables(memory):
    chain = RunnableLambda(lambda text: {"input": text}) | with_memory(
        PROMPT | ScriptedChat(answers=["one two"]), memory=memory, user_id="ann"
    )
    whole = chain | StrOutputParser()
    assert whole.invoke("Hi!") == "one two"
    assert [chunk for chunk in whole.stream("Hi!") if chunk] == ["one", " two"]


@pytest.mark.parametrize(
    ("answer", "stored"),
    [
        ({"answer": "A", "context": []}, "A"),
        (None, None),
        (7, "7"),
        ([{"type": "text", "text": "block"}], "block"),
    ],
)
def test_answers_of_any_shape_are_stored_as_text(memory, answer, stored):
    assert with_memory(lambda messages: answer, memory=memory, user_id="ann").invoke("Q") == answer
    assert stored_texts(memory, "ann") == ["Q", *([stored] if stored else [])]


def test_a_model_of_structured_output_is_stored_as_json(memory):
    class City(BaseModel):
        name: str

    chain = with_memory(lambda messages: City(name="Porto"), memory=memory, user_id="ann")
    assert chain.invoke("Which city?") == City(name="Porto")
    assert stored_texts(memory, "ann")[1] == '{"name":"Porto"}'


@pytest.mark.parametrize("given", [7, None, object()])
def test_an_unsupported_input_is_an_error_that_names_the_supported_ones(memory, given):
    with pytest.raises(ValueError, match="a text, messages or a mapping"):
        with_memory(lambda messages: "ok", memory=memory, user_id="ann").invoke(given)


def test_a_failing_store_loses_neither_the_answer_nor_the_turn(memory, caplog):
    chain = with_memory(ScriptedChat(answers=["one", "two"]), memory=memory, user_id="ann")
    with broken(memory), caplog.at_level(logging.ERROR, "langchain_memoryos"):
        assert chain.invoke("first").content == "one"
        assert "A turn was not stored" in caplog.text
    assert chain.invoke("second").content == "two"
    assert stored_texts(memory, "ann") == ["first", "one", "second", "two"]


def test_copies_share_the_store_and_nothing_shows_it(memory):
    chain = with_memory(RunnableLambda(lambda messages: "ok"), memory=memory, user_id="ann")
    twin = copy.deepcopy(chain)
    assert isinstance(twin, MemoryOSRunnable)
    assert twin.memory is memory
    assert twin.invoke("Hi!") == "ok"
    assert str(memory.path) not in repr(chain) + dumps(chain) + str(chain.model_dump())
