"""MemoryOSMiddleware in real agents: memories in requests, stored turns, no loss and no leaks."""

import asyncio
import logging
import sqlite3
import threading
import uuid
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import (
    AgentMiddleware,
    HumanInTheLoopMiddleware,
    ModelRetryMiddleware,
    SummarizationMiddleware,
)
from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage, SystemMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph.message import REMOVE_ALL_MESSAGES
from langgraph.types import Command
from pydantic import BaseModel

from langchain_adapter.parts import ScriptedChat, broken, calling, stored_texts
from langchain_memoryos import MemoryOSMiddleware
from langchain_memoryos.shared.messages import is_typed, text_of
from langchain_memoryos.shared.pending_writes import pending_writes
from memoryos_integrations.events import Recalled

THREAD = {"configurable": {"thread_id": "t1"}}


@dataclass
class Ctx:
    user_id: str


class SummarizeAll(AgentMiddleware):
    def before_model(self, state: Any, runtime: Any) -> dict[str, Any]:
        summary = HumanMessage("A summary.", additional_kwargs={"lc_source": "summarization"})
        return {"messages": [RemoveMessage(id=REMOVE_ALL_MESSAGES), summary]}


@tool
def weather(city: str) -> str:
    """Say what the weather is."""
    return f"sunny in {city}"


def agent_of(memory, *answers, tools=(), also=(), options=None, **kwargs):
    model = ScriptedChat(answers=list(answers) or ["ok"])
    middleware = [MemoryOSMiddleware(memory=memory, **({"user_id": "ann"} | (options or {}))), *also]
    return model, create_agent(model, list(tools), middleware=middleware, **kwargs)


def ask(agent, text, config=None, **kwargs):
    return agent.invoke({"messages": [HumanMessage(content=text)]}, config, **kwargs)["messages"][-1].text


def notes(messages):
    """Return the places of the messages with memory."""
    return [place for place, message in enumerate(messages) if "```memory" in text_of(message)]


def test_a_second_conversation_gets_memories_of_the_first(memory):
    model, agent = agent_of(memory, "Nice!", "In Porto.")
    ask(agent, "My sister Jo lives in Porto.")
    assert ask(agent, "Where does my sister live?") == "In Porto."
    assert "Porto" in model.prompts[1]
    assert stored_texts(memory, "ann") == [
        "My sister Jo lives in Porto.",
        "Nice!",
        "Where does my sister live?",
        "In Porto.",
    ]


def test_memories_appear_once_just_before_the_users_last_message(memory):
    memory.user("ann").add("My sister Jo lives in Porto.", "Nice!")
    model, agent = agent_of(memory, calling("weather", city="Porto"), "Sunny.", tools=[weather])
    question = HumanMessage("Weather at my sister's?")
    agent.invoke({"messages": [HumanMessage("Hi!"), AIMessage("Hello!"), question]})
    for messages in model.requests:
        (place,) = notes(messages)
        typed = [i for i, message in enumerate(messages) if is_typed(message)]
        assert place == typed[-1] - 1
        assert messages[typed[-1]].content == "Weather at my sister's?"
        assert not any(isinstance(message, SystemMessage) for message in messages)


def test_the_prompt_up_to_the_last_message_stays_the_same_when_memory_changes(memory):
    model, agent = agent_of(memory, checkpointer=InMemorySaver(), system_prompt="Be kind.")
    for turn in range(5):
        memory.user("ann").add(f"Fact {turn} about bees.", thread_id="other")
        ask(agent, f"Question {turn} about bees?", THREAD)
    for before, after in zip(model.requests, model.requests[1:], strict=False):
        (place,) = notes(before)
        assert [text_of(message) for message in after[:place]] == [text_of(m) for m in before[:place]]


def test_anthropic_accepts_the_messages(memory):
    anthropic = pytest.importorskip("langchain_anthropic", exc_type=ImportError)
    memory.user("ann").add("My sister Jo lives in Porto.", "Nice!")
    model, agent = agent_of(memory, checkpointer=InMemorySaver(), system_prompt="Be kind.")
    ask(agent, "Hi!", THREAD)
    ask(agent, "Where does my sister live?", THREAD)
    claude = anthropic.ChatAnthropic(model_name="claude-sonnet-4-5", api_key="none", timeout=None, stop=None)
    payload = claude._get_request_payload(model.requests[1])
    assert payload["system"] == "Be kind."
    assert [message["role"] for message in payload["messages"]] == ["user", "assistant", "user"]


def test_neither_the_question_nor_messages_of_the_prompt_are_shown_as_memories(memory):
    model, agent = agent_of(memory, checkpointer=InMemorySaver())
    ask(agent, "I keep bees in Porto.", THREAD)
    ask(agent, "Where do I keep bees?", THREAD)
    assert model.prompts[0].count("Porto") == 1
    assert model.prompts[1].count("Porto") == 1
    assert model.prompts[1].count("Where do I keep bees?") == 1


def test_a_run_of_five_tool_calls_retrieves_once(open_memory):
    recalls = []
    store = open_memory(on_event=lambda event: recalls.append(event) if isinstance(event, Recalled) else None)
    store.user("ann").add("I live in Porto.")
    calls = [calling("weather", city=str(number)) for number in range(5)]
    model, agent = agent_of(store, *calls, "Sunny.", tools=[weather])
    ask(agent, "How is the weather where I live?")
    assert len(model.requests) == 6
    assert len(recalls) == 1
    assert all("Porto" in prompt for prompt in model.prompts)
    assert stored_texts(store, "ann")[1:] == ["How is the weather where I live?", "Sunny."]


def test_memory_is_there_after_a_human_has_approved_a_tool_and_everything_was_reopened(tmp_path, open_memory):
    human = HumanInTheLoopMiddleware(interrupt_on={"weather": True})
    with closing(sqlite3.connect(tmp_path / "checkpoints.db", check_same_thread=False)) as connection:
        first = open_memory(tmp_path / "store")
        first.user("ann").add("My sister Jo lives in Porto.")
        call = calling("weather", city="Porto")
        saver = SqliteSaver(connection)
        _, agent = agent_of(first, call, tools=[weather], also=[human], checkpointer=saver)
        state = agent.invoke({"messages": [HumanMessage("Weather at my sister Jo's?")]}, THREAD)
        assert "__interrupt__" in state
        first.close()
        second = open_memory(tmp_path / "store")
        model, agent = agent_of(second, "Sunny.", tools=[weather], also=[human], checkpointer=saver)
        agent.invoke(Command(resume={"decisions": [{"type": "approve"}]}), THREAD)
        assert model.prompts[0].count("Jo lives in Porto") == 1
        assert model.prompts[0].count("Weather at my sister Jo's?") == 1
        assert stored_texts(second, "ann", "t1") == ["Weather at my sister Jo's?", "Sunny."]


def test_a_summary_of_the_conversation_is_not_stored_as_a_message_of_the_user(memory):
    summarizer = ScriptedChat(answers=["They spoke of OSLO."])
    also = [SummarizationMiddleware(model=summarizer, trigger=("messages", 3), keep=("messages", 1))]
    model, agent = agent_of(memory, also=also, checkpointer=InMemorySaver())
    for text in ("I moved to Oslo.", "I keep bees.", "I like rain.", "Where did I move?"):
        ask(agent, text, THREAD)
    assert len(summarizer.requests) > 0
    assert [text for text in stored_texts(memory, "ann") if text != "ok"] == [
        "I moved to Oslo.",
        "I keep bees.",
        "I like rain.",
        "Where did I move?",
    ]
    assert "I moved to Oslo." in model.prompts[-1]  # the summary hides it, so memory brings it back


def test_when_a_summary_takes_the_place_of_the_question_the_stored_question_is_searched_with(memory):
    memory.user("ann").add("My sister Jo lives in Porto.")
    model, agent = agent_of(memory, "In Porto.", also=[SummarizeAll()])
    ask(agent, "Where does my sister live?")
    assert "Porto" in model.prompts[0]
    assert stored_texts(memory, "ann")[1:] == ["Where does my sister live?", "In Porto."]


def test_when_the_model_fails_the_users_message_is_stored_once_even_after_a_retry(memory):
    _, agent = agent_of(memory, RuntimeError("model down"), "Hello!", checkpointer=InMemorySaver())
    with pytest.raises(RuntimeError):
        ask(agent, "I am Ann.", THREAD)
    assert stored_texts(memory, "ann") == ["I am Ann."]
    agent.invoke(None, THREAD)
    assert stored_texts(memory, "ann") == ["I am Ann.", "Hello!"]


def test_a_retry_within_the_run_stores_one_turn(memory):
    also = [ModelRetryMiddleware(max_retries=2, initial_delay=0, jitter=False)]
    _, agent = agent_of(memory, RuntimeError("down"), "Hello!", also=also)
    assert ask(agent, "I am Ann.") == "Hello!"
    assert stored_texts(memory, "ann") == ["I am Ann.", "Hello!"]


@pytest.mark.parametrize("with_ids", [True, False])
def test_a_client_that_sends_the_whole_conversation_again_stores_each_turn_once(memory, with_ids):
    _, agent = agent_of(memory, "answer 0", "answer 1", "answer 2")
    conversation = []
    for turn in range(3):
        message_id = {"id": f"h{turn}"} if with_ids else {}
        conversation.append(HumanMessage(content=f"question {turn}", **message_id))
        conversation.append(agent.invoke({"messages": list(conversation)})["messages"][-1])
    assert stored_texts(memory, "ann") == [
        text for n in range(3) for text in (f"question {n}", f"answer {n}")
    ]


def test_a_checkpointed_conversation_is_one_thread_and_runs_without_a_thread_are_one_each(memory):
    _, agent = agent_of(memory, checkpointer=InMemorySaver())
    for text in ("one", "two"):
        ask(agent, text, THREAD)
    _, agent = agent_of(memory)
    for text in ("three", "four"):
        ask(agent, text)
    threads = [page.thread_id for page in memory.user("ann").pages()]
    assert threads[:2] == ["t1", "t1"]
    assert len(set(threads)) == 3
    assert all(len(page.messages) == 2 for page in memory.user("ann").pages())


def test_an_edited_message_that_is_sent_again_is_stored_in_addition_to_the_first(memory):
    _, agent = agent_of(memory, "one", "two", checkpointer=InMemorySaver())
    agent.invoke({"messages": [HumanMessage("I live in Porto.", id="h")]}, THREAD)
    before = next(state for state in agent.get_state_history(THREAD) if not state.values.get("messages"))
    agent.invoke({"messages": [HumanMessage("I live in Oslo.", id="h")]}, before.config)
    assert stored_texts(memory, "ann") == ["I live in Porto.", "one", "I live in Oslo.", "two"]


@pytest.mark.parametrize(
    "where",
    [
        {"context": Ctx("bob")},
        {"context": {"user_id": "bob"}},
        {"config": {"configurable": {"user_id": "bob"}}},
    ],
)
def test_the_user_comes_from_the_run_when_the_middleware_has_none(memory, where):
    _, agent = agent_of(memory, options={"user_id": None}, context_schema=Ctx)
    agent.invoke({"messages": [HumanMessage("I am Bob.")]}, **where)
    assert stored_texts(memory, "bob") == ["I am Bob.", "ok"]


def test_without_a_user_the_run_is_an_error_before_the_model_is_called(memory):
    model, agent = agent_of(memory, options={"user_id": None})
    with pytest.raises(ValueError, match=r"user_id is missing.*context="):
        ask(agent, "Who am I?")
    assert model.requests == []
    assert memory.users() == []


def test_a_user_id_that_is_no_text_is_an_error_that_says_so(memory):
    model, agent = agent_of(memory, options={"user_id": None})
    with pytest.raises(ValueError, match="user_id must be text, not int"):
        ask(agent, "Who am I?", context={"user_id": 42})
    assert model.requests == []


def test_the_middlewares_own_user_cannot_be_overridden_by_a_run(memory):
    _, agent = agent_of(memory)
    ask(agent, "I am Ann.", context={"user_id": "bob"})
    assert memory.users() == ["ann"]


async def test_two_hundred_conversations_of_twenty_users_at_once_neither_leak_nor_lose_a_turn(memory):
    def answer(messages):
        return f"answer to {text_of(messages[-1])}"

    model, agent = agent_of(memory, answer, options={"user_id": None}, checkpointer=InMemorySaver())
    users = [f"user-{letter}" for letter in "abcdefghijklmnopqrst"]
    for user in users:
        memory.user(user).add(f"old secret of {user}: none", thread_id="old")

    def turns(number):
        return [f"{turn} secret of {users[number % 20]}: {number}" for turn in ("first", "second")]

    async def talk(number):
        config = {"configurable": {"thread_id": f"thread-{number}"}}
        for text in turns(number):
            given = {"messages": [HumanMessage(text)]}
            await agent.ainvoke(given, config, context={"user_id": users[number % 20]})

    await asyncio.gather(*(talk(number) for number in range(200)))
    assert len(model.requests) == 400
    for messages in model.requests:
        question = text_of(messages[-1])
        owner = next(user for user in users if f"{user}:" in question)
        assert notes(messages)
        assert {user for m in messages for user in users if f"{user}:" in text_of(m)} == {owner}
    for number in range(200):
        stored = stored_texts(memory, users[number % 20], f"thread-{number}")
        assert stored == [text for turn in turns(number) for text in (turn, f"answer to {turn}")]
    assert [len(memory.user(user).pages()) for user in users] == [21] * 20


async def test_memory_work_never_runs_on_the_event_loops_thread(open_memory):
    threads = []
    store = open_memory(on_event=lambda event: threads.append(threading.current_thread()))
    store.user("ann").add("I live in Porto.")
    threads.clear()
    _, agent = agent_of(store)
    await agent.ainvoke({"messages": [HumanMessage("Where do I live?")]})
    assert threads
    assert threading.main_thread() not in threads


SECRET = "PORTO-4711"


@pytest.mark.parametrize("mode", ["values", "updates", "debug", "messages", "custom", "checkpoints", "tasks"])
def test_no_stream_contains_memories(memory, mode):
    memory.user("ann").add(f"My secret is {SECRET}.")
    model, agent = agent_of(memory, "I know.", checkpointer=InMemorySaver())
    chunks = list(agent.stream({"messages": [HumanMessage("What is my secret?")]}, THREAD, stream_mode=mode))
    assert SECRET in model.prompts[0]
    assert SECRET not in str(chunks)


async def test_no_event_but_the_models_input_contains_memories(memory):
    memory.user("ann").add(f"My secret is {SECRET}.")
    model, agent = agent_of(memory, "I know.")
    given = {"messages": [HumanMessage("What is my secret?")]}
    events = [event async for event in agent.astream_events(given, version="v2")]
    assert SECRET in model.prompts[0]
    assert {event["event"] for event in events if SECRET in str(event)} <= {
        "on_chat_model_start",
        "on_chat_model_end",
    }


def test_no_state_and_no_checkpoint_contains_memories(tmp_path, memory):
    memory.user("ann").add(f"My secret is {SECRET}.")
    path = tmp_path / "checkpoints.db"
    with closing(sqlite3.connect(path, check_same_thread=False)) as connection:
        model, agent = agent_of(memory, "I know.", checkpointer=SqliteSaver(connection))
        state = agent.invoke({"messages": [HumanMessage("What is my secret?")]}, THREAD)
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert SECRET in model.prompts[0]
    assert SECRET not in str(state)
    assert [text_of(message) for message in state["messages"]] == ["What is my secret?", "I know."]
    assert SECRET.encode() not in path.read_bytes()


def test_an_answer_streams_word_by_word(memory):
    _, agent = agent_of(memory, "one two three")
    given = {"messages": [HumanMessage("Count!")]}
    chunks = [part.text for part, _ in agent.stream(given, stream_mode="messages")]
    assert "".join(chunks) == "one two three"
    assert len([chunk for chunk in chunks if chunk]) == 3
    assert stored_texts(memory, "ann") == ["Count!", "one two three"]


def test_two_instances_in_one_agent_have_different_names(memory, open_memory, tmp_path):
    team = open_memory(tmp_path / "team")
    team.user("team").add("The office is in Porto.")
    memory.user("ann").add("I live in Oslo.")
    model = ScriptedChat(answers=["ok"])
    own = MemoryOSMiddleware(memory=memory, user_id="ann")
    shared = MemoryOSMiddleware(memory=team, user_id="team", name="team_memory")
    agent = create_agent(model, middleware=[own, shared])
    ask(agent, "Where do I live, and where is the office?")
    assert "Oslo" in model.prompts[0]
    assert "Porto" in model.prompts[0]
    for store, user in ((memory, "ann"), (team, "team")):
        assert stored_texts(store, user)[1:] == ["Where do I live, and where is the office?", "ok"]


def test_the_model_can_get_the_tools_and_they_use_the_runs_user(memory):
    remember = calling("remember", statement="Bob is allergic to nuts.")
    search = calling("search_memory", query="allergic")
    options = {"user_id": None, "tools": True}
    _, agent = agent_of(memory, remember, search, "Noted.", options=options)
    state = agent.invoke({"messages": [HumanMessage("No nuts!")]}, context={"user_id": "bob"})
    assert [fact.text for fact in memory.user("bob").facts()] == ["Bob is allergic to nuts."]
    assert any("allergic to nuts" in text_of(m) for m in state["messages"] if m.type == "tool")
    assert memory.users() == ["bob"]


async def test_the_tools_use_the_runs_user_in_async_runs_too(memory):
    remember = calling("remember", statement="Bob is allergic to nuts.")
    options = {"user_id": None, "tools": True}
    _, agent = agent_of(memory, remember, "Noted.", options=options)
    await agent.ainvoke({"messages": [HumanMessage("No nuts!")]}, context={"user_id": "bob"})
    assert [fact.text for fact in memory.user("bob").facts()] == ["Bob is allergic to nuts."]


def test_an_answer_of_structured_output_is_stored(memory):
    class City(BaseModel):
        """A city."""

        name: str

    _, agent = agent_of(memory, calling("City", name="Porto"), response_format=City)
    state = agent.invoke({"messages": [HumanMessage("Which city?")]})
    assert state["structured_response"] == City(name="Porto")
    assert "Porto" in stored_texts(memory, "ann")[1]


def test_images_and_unusual_characters_lose_no_turn(memory):
    _, agent = agent_of(memory)
    blocks = [
        {"type": "text", "text": "Look \ud83d\x00: "},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
    ]
    agent.invoke({"messages": [HumanMessage(content=blocks)]})
    assert stored_texts(memory, "ann") == ["Look \ufffd\ufffd: [image]", "ok"]


def test_a_failing_store_loses_neither_the_answer_nor_the_turn(memory, caplog):
    _, agent = agent_of(memory, "one", "two", checkpointer=InMemorySaver())
    with broken(memory), caplog.at_level(logging.ERROR, "langchain_memoryos"):
        assert ask(agent, "first", THREAD) == "one"
        assert "first" not in caplog.text
        assert "A turn was not stored" in caplog.text
        assert len(pending_writes(memory)) == 2
    assert ask(agent, "second", THREAD) == "two"
    assert stored_texts(memory, "ann") == ["first", "one", "second", "two"]


def test_a_failing_store_after_a_summary_does_not_lose_the_answer(memory):
    failures = []
    _, agent = agent_of(memory, "one", also=[SummarizeAll()], options={"on_error": failures.append})
    with broken(memory):
        assert ask(agent, "first") == "one"
    assert len(failures) >= 3  # at the question, at the recall, at the answer
    ask(agent, "second")
    assert stored_texts(memory, "ann") == ["first", "one", "second", "one"]


def test_thread_ids_of_any_kind_are_taken(memory):
    _, agent = agent_of(memory, checkpointer=InMemorySaver())
    for thread in (uuid.uuid4(), 7, "x" * 1000, "line\nbreak"):
        ask(agent, f"Hello {type(thread).__name__}", {"configurable": {"thread_id": thread}})
    assert len({page.thread_id for page in memory.user("ann").pages()}) == 4


def test_a_memory_erased_while_a_run_waits_for_a_human_is_not_shown_afterwards(memory):
    human = HumanInTheLoopMiddleware(interrupt_on={"weather": True})
    ann = memory.user("ann")
    secret = ann.add("My sister Jo lives in Porto.")
    ann.add("My sister Jo likes rain.")
    model, agent = agent_of(
        memory,
        calling("weather", city="Porto"),
        "Sunny.",
        tools=[weather],
        also=[human],
        checkpointer=InMemorySaver(),
    )
    agent.invoke({"messages": [HumanMessage("Weather at my sister Jo's?")]}, THREAD)
    ann.forget(ids=[secret.id])
    agent.invoke(Command(resume={"decisions": [{"type": "approve"}]}), THREAD)
    assert "lives in Porto" in model.prompts[0]
    assert "lives in Porto" not in model.prompts[1]
    assert "likes rain" in model.prompts[1]
