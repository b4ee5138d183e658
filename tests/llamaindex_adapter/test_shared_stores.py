"""One store shared by users, threads, processes and adapters; events."""

import asyncio
import threading

import pytest
from langchain.agents import create_agent
from langchain_classic.chains import ConversationChain
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from pydantic import Field

from langchain_memoryos import (
    MemoryOSChatMemory,
    MemoryOSChatMessageHistory,
    MemoryOSMiddleware,
    with_memory,
)
from llamaindex_adapter.models import Talker, assistant, call, calling, result, texts, user
from llamaindex_memoryos import MemoryOSChatEngine, MemoryOSMemory, MemoryOSRetriever, MemoryOSToolSpec
from llamaindex_memoryos.events import tell_dispatcher


async def by_engine(llm, chat, question):
    await MemoryOSChatEngine.from_defaults(llm=llm, memory=chat).achat(question)


async def by_agent(llm, chat, question):
    await FunctionAgent(tools=MemoryOSToolSpec(chat).to_tool_list(), llm=llm).run(question, memory=chat)


@pytest.mark.parametrize("ask", [by_engine, by_agent])
async def test_two_users_with_two_threads_each_in_eight_tasks_never_see_each_other(memory, ask):
    secrets = {name: [f"{name} {word}" for word in ("likes", "owns")] for name in ("ann", "bob")}
    together = asyncio.Barrier(8)  # each turn of each task begins when all have come to it
    llms = []

    async def talk(name, thread):
        chat = MemoryOSMemory.from_defaults(memory=memory, user_id=name, thread_id=thread)
        llm = Talker(*[f"I heard {name} in {thread}."] * 3)
        llms.append((name, thread, llm))
        for secret in secrets[name]:
            await together.wait()
            await ask(llm, chat, f"Note in {thread}: {secret} tulips and bees.")
        await together.wait()
        await ask(llm, chat, "What do you know of tulips and bees?")

    await asyncio.gather(
        *(talk(name, thread) for name in secrets for thread in ("one", "two") for _ in range(2))
    )
    assert len(llms) == 8
    for name, thread, llm in llms:
        other_user = {"ann": "bob", "bob": "ann"}[name]
        other_thread = {"one": "two", "two": "one"}[thread]
        assert f"{name} likes tulips" in str(llm.last)
        for shown in llm.seen:
            assert not any(other_user in str(message.content) for message in shown)
            turns = [message for message in shown if message.role.value != "system"]
            assert not any(f"in {other_thread}" in str(message.content) for message in turns)
    for name in secrets:
        for thread in ("one", "two"):
            chat = MemoryOSMemory.from_defaults(memory=memory, user_id=name, thread_id=thread)
            assert len(chat.get_all()) == 12
        found = MemoryOSRetriever(memory, name, similarity_top_k=50).retrieve("tulips and bees")
        assert all(name in node.text or "you know" in node.text for node in found)


def test_threads_of_the_process_may_all_write_and_none_breaks_anothers_messages_apart(memory):
    chat = MemoryOSMemory.from_defaults(memory=memory, user_id="ann")
    start = threading.Barrier(4, timeout=300)

    def write(number):
        start.wait()
        for step in range(5):
            name = f"tool{number}_{step}"
            chat.put_messages(
                [user(name), calling(call(name, number)), result(name, number), assistant(name)]
            )

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    messages = chat.get_all()
    assert len(messages) == 80
    for first in range(0, 80, 4):
        contents = [message.content or message.blocks[0].tool_name for message in messages[first : first + 4]]
        assert len(set(contents)) == 1


def test_a_conversation_started_in_the_core_continues_in_llama_index_and_back(memory):
    ann = memory.user("ann")
    ann.add("I keep bees in Porto.", "How nice!", thread_id="monday")
    ann.add_message("weather: sunny", role="tool", thread_id="monday")
    ann.add_message("And hens.", role="user", thread_id="monday")
    llm = Talker()
    chat = MemoryOSMemory.from_defaults(memory=ann, thread_id="monday")
    MemoryOSChatEngine.from_defaults(llm=llm, memory=chat).chat("What do I keep?")
    turns = [message.content for message in llm.last if message.role.value != "system"]
    assert turns == ["I keep bees in Porto.", "How nice!", "And hens.", "What do I keep?"]
    chat.set(chat.get_all())
    assert len(chat.get_all()) == 6
    found = [message.text for page in ann.pages(thread_id="monday") for message in page.messages]
    assert found == [*turns[:2], "weather: sunny", *turns[2:], "Fine."]


def begun_by_a_runnable(memory):
    chain = with_memory(
        FakeListChatModel(responses=["How many?", "Seven hives."]),
        memory=memory,
        user_id="ann",
        thread_id="monday",
    )
    chain.invoke("I keep bees in Porto.")
    chain.invoke("Count them.")


def begun_by_a_chain(memory):
    kept = MemoryOSChatMemory(memory=memory, user_id="ann", thread_id="monday")
    chain = ConversationChain(llm=FakeListChatModel(responses=["How many?", "Seven hives."]), memory=kept)
    chain.predict(input="I keep bees in Porto.")
    chain.predict(input="Count them.")


def begun_by_an_agent(memory):
    agent = create_agent(
        FakeListChatModel(responses=["How many?", "Seven hives."]),
        middleware=[MemoryOSMiddleware(memory=memory, user_id="ann")],
        checkpointer=InMemorySaver(),
    )
    for text in ("I keep bees in Porto.", "Count them."):
        agent.invoke({"messages": text}, {"configurable": {"thread_id": "monday"}})


def begun_by_a_history_with_tools(memory):
    history = MemoryOSChatMessageHistory(memory=memory, user_id="ann", thread_id="monday")
    tool_call = {"name": "hives", "args": {"city": "Porto"}, "id": "call_1"}
    history.add_messages([HumanMessage("I keep bees in Porto."), AIMessage("How many?")])
    history.add_messages([HumanMessage("Count them."), AIMessage("", tool_calls=[tool_call])])
    history.add_messages([ToolMessage("7 hives", tool_call_id="call_1"), AIMessage("Seven hives.")])


@pytest.mark.parametrize(
    "begin", [begun_by_a_runnable, begun_by_a_chain, begun_by_an_agent, begun_by_a_history_with_tools]
)
def test_a_conversation_started_in_langchain_continues_in_llama_index_with_all_its_turns(memory, begin):
    begin(memory)
    llm = Talker()
    same = MemoryOSMemory.from_defaults(memory=memory, user_id="ann", thread_id="monday")
    MemoryOSChatEngine.from_defaults(llm=llm, memory=same).chat("How many hives?")
    turns = ["I keep bees in Porto.", "How many?", "Count them.", "Seven hives.", "How many hives?"]
    assert [message.content for message in llm.last if message.role.value != "system"] == turns
    other = MemoryOSMemory.from_defaults(memory=memory, user_id="ann", thread_id="tuesday")
    MemoryOSChatEngine.from_defaults(llm=llm, memory=other).chat("What do you know of my hives in Porto?")
    for turn in turns:
        assert turn in llm.system
    history = MemoryOSChatMessageHistory(memory=memory, user_id="ann", thread_id="monday")
    assert [message.content for message in history.messages][-2:] == ["How many hives?", "Fine."]


class Listener(BaseEventHandler):
    """Keeps the events of the adapter."""

    events: list = Field(default_factory=list)

    @classmethod
    def class_name(cls):
        return "Listener"

    def handle(self, event, **kwargs):
        if event.class_name().startswith("Memory"):
            self.events.append(event)


@pytest.fixture
def listener():
    made = Listener()
    root = get_dispatcher()
    root.add_event_handler(made)
    yield made
    root.event_handlers.remove(made)


def test_the_memorys_events_hold_counts_and_durations(memory, listener):
    memory.user("ann").add("I keep bees in Porto.")
    chat = MemoryOSMemory.from_defaults(memory=memory, user_id="ann", thread_id="secret-thread")
    chat.put_messages([user("Where are my bees?"), assistant("ok")])
    chat.get()
    chat.get()
    chat.reset()
    names = [event.class_name() for event in listener.events]
    assert names == ["MemoryWriteEvent", "MemoryRecallEvent", "MemoryResetEvent"]
    write, retrieval, _ = listener.events
    assert write.messages == 2
    assert retrieval.items == 1
    assert retrieval.tokens > 10
    assert retrieval.seconds > 0
    dumps = " ".join(event.model_dump_json() for event in listener.events)
    for word in ("bees", "Porto", "ann", "secret-thread"):
        assert word not in dumps


def test_events_of_the_core_come_from_stores_that_the_adapter_opened_or_that_send_them(
    tmp_path, open_memory, listener
):
    chat = MemoryOSMemory.from_defaults(persist_directory=tmp_path / "a", user_id="ann", embed_model="none")
    chat.put(user("I keep bees."))
    chat.close()
    open_memory(on_event=tell_dispatcher).user("ann").add("I keep hens.")
    names = [event.name for event in listener.events if event.class_name() == "MemoryStoreEvent"]
    assert names.count("TurnAdded") == 2


def test_every_way_to_put_and_get_has_an_async_form_that_does_not_block_the_loop(memory):
    chat = MemoryOSMemory.from_defaults(memory=memory, user_id="ann")

    async def use():
        await chat.aput(user("one"))
        await chat.aput_messages([assistant("two")])
        assert texts(await chat.aget())[-2:] == texts(await chat.aget_all()) == ["one", "two"]
        await chat.aset([user("three")])
        assert texts(await chat.aget(input="three", initial_token_count=1))[-1] == "three"
        await chat.areset()
        return await chat.aget_all()

    assert asyncio.run(use()) == []
    assert asyncio.run(use()) == []
