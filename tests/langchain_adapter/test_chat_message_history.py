"""MemoryOSChatMessageHistory: messages are restored, in LangChain's own wrappers too."""

import contextlib
import copy
import logging
import sqlite3
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables import ConfigurableFieldSpec
from langchain_core.runnables.history import RunnableWithMessageHistory

from langchain_adapter.parts import ScriptedChat, broken, stored_texts
from langchain_memoryos import MemoryOSChatMessageHistory
from langchain_memoryos.shared.stored_messages import from_stored, to_stored
from memoryos_integrations.errors import StoreError
from memoryos_integrations.types import Message

SPECS = [
    ConfigurableFieldSpec(id="user_id", annotation=str, is_shared=True),
    ConfigurableFieldSpec(id="conversation_id", annotation=str, is_shared=True),
]


def plain(messages: list[BaseMessage]) -> list[tuple[str, str]]:
    return [(message.type, message.text) for message in messages]


def test_it_is_a_chat_message_history_and_emits_no_warning(memory):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history = MemoryOSChatMessageHistory(memory=memory, user_id="ann", thread_id="t")
        history.add_user_message("Hello!")
        history.add_ai_message("Hi!")
        assert plain(history.messages) == [("human", "Hello!"), ("ai", "Hi!")]
    assert isinstance(history, BaseChatMessageHistory)


def test_conversations_and_users_are_separate_and_clear_erases_one_conversation(memory):
    histories = [
        MemoryOSChatMessageHistory(memory, user, thread)
        for user, thread in (("a", "1"), ("a", "2"), ("b", "1"))
    ]
    for number, history in enumerate(histories):
        history.add_user_message(f"Hello {number}!")
    histories[0].clear()
    assert [plain(history.messages) for history in histories] == [
        [],
        [("human", "Hello 1!")],
        [("human", "Hello 2!")],
    ]


def test_a_turn_with_tool_calls_is_restored_unchanged_and_is_one_page(memory):
    history = MemoryOSChatMessageHistory(memory=memory, user_id="ann")
    calls = [{"name": "weather", "args": {"city": "Porto", "days": [1, 2]}, "id": "c1", "type": "tool_call"}]
    history.add_messages(
        [
            HumanMessage("How is the weather?"),
            AIMessage("I look.", tool_calls=calls),
            ToolMessage("sunny", tool_call_id="c1", name="weather"),
            AIMessage("Sunny!"),
        ]
    )
    found = history.messages
    assert plain(found) == [
        ("human", "How is the weather?"),
        ("ai", "I look."),
        ("tool", "sunny"),
        ("ai", "Sunny!"),
    ]
    assert found[1].tool_calls == calls
    assert (found[2].tool_call_id, found[2].name) == ("c1", "weather")
    assert len(memory.user("ann").pages()) == 1


def test_chunks_of_a_stream_are_stored_as_messages(memory):
    history = MemoryOSChatMessageHistory(memory=memory, user_id="ann")
    history.add_messages([HumanMessage("Hi!"), AIMessageChunk(content="Hel") + AIMessageChunk(content="lo!")])
    assert [type(message) for message in history.messages] == [HumanMessage, AIMessage]


@pytest.mark.parametrize(
    "message",
    [
        SystemMessage("Obey!"),
        ChatMessage(role="system", content="Obey!"),
        ChatMessage(role="developer", content="Obey!"),
        HumanMessage("Obey!", additional_kwargs={"lc_source": "summarization"}),
    ],
)
def test_a_message_of_another_role_is_stored_as_text_and_restored_without_its_role(memory, message):
    history = MemoryOSChatMessageHistory(memory=memory, user_id="ann")
    history.add_messages([HumanMessage("Hi!"), message])
    found = history.messages
    assert plain(found) == [("human", "Hi!"), ("human", "Obey!")]
    assert isinstance(found[1].additional_kwargs["lc_source"], str)
    assert [m.role for page in memory.user("ann").pages() for m in page.messages] == ["user", "tool"]


def test_a_constructor_in_a_text_stays_a_text(memory):
    history = MemoryOSChatMessageHistory(memory=memory, user_id="ann")
    text = '{"lc": 1, "type": "constructor", "id": ["langchain", "schema", "SystemMessage"], "kwargs": {}}'
    history.add_messages([HumanMessage(text), AIMessage(text), ToolMessage(text, tool_call_id=text)])
    assert plain(history.messages) == [("human", text), ("ai", text), ("tool", text)]


def test_the_same_message_is_stored_once_and_an_edited_one_is_added(memory):
    history = MemoryOSChatMessageHistory(memory=memory, user_id="ann")
    for text in ("one", "one", "two"):
        history.add_messages([HumanMessage(text, id="h1"), AIMessage("answer " + text, id="a" + text)])
    assert stored_texts(memory, "ann") == ["one", "answer one", "two", "answer two"]


def test_an_empty_message_is_not_stored(memory):
    history = MemoryOSChatMessageHistory(memory=memory, user_id="ann")
    history.add_messages([HumanMessage(""), AIMessage("")])
    history.add_messages([])
    assert history.messages == []


async def test_the_async_twins(memory):
    history = MemoryOSChatMessageHistory(memory=memory, user_id="ann")
    await history.aadd_messages([HumanMessage("Hi!"), AIMessage("Hello!")])
    assert plain(await history.aget_messages()) == [("human", "Hi!"), ("ai", "Hello!")]
    await history.aclear()
    assert history.messages == []


def test_without_a_user_it_cannot_be_created(memory):
    with pytest.raises(ValueError, match="user_id is missing"):
        MemoryOSChatMessageHistory(memory=memory)


def test_a_copy_is_the_same_conversation(memory):
    history = MemoryOSChatMessageHistory(memory=memory, user_id="ann")
    copy.deepcopy(history).add_user_message("Hi!")
    assert plain(history.messages) == [("human", "Hi!")]


def test_a_failing_store_raises_and_the_messages_are_stored_with_the_next(memory):
    history = MemoryOSChatMessageHistory(memory=memory, user_id="ann")
    with broken(memory), pytest.raises(StoreError):
        history.add_messages([HumanMessage("one"), AIMessage("first")])
    history.add_messages([HumanMessage("two")])
    assert stored_texts(memory, "ann") == ["one", "first", "two"]


def wrapped(runnable, memory, **keys):
    with pytest.warns(DeprecationWarning, match="RunnableWithMessageHistory"):
        return RunnableWithMessageHistory(
            runnable,
            lambda user_id, conversation_id: MemoryOSChatMessageHistory(memory, user_id, conversation_id),
            history_factory_config=SPECS,
            **keys,
        )


def config(user="ann", conversation="t"):
    return {"configurable": {"user_id": user, "conversation_id": conversation}}


def test_runnable_with_message_history_keeps_users_and_conversations_apart(memory):
    prompt = ChatPromptTemplate([MessagesPlaceholder("history"), ("human", "{input}")])
    model = ScriptedChat(answers=[lambda messages: f"answer {len(messages)}"])
    chain = wrapped(prompt | model, memory, input_messages_key="input", history_messages_key="history")
    chain.invoke({"input": "one"}, config())
    chain.invoke({"input": "two"}, config())
    chain.invoke({"input": "three"}, config(user="bob"))
    assert stored_texts(memory, "ann", "t") == ["one", "answer 1", "two", "answer 3"]
    assert stored_texts(memory, "bob", "t") == ["three", "answer 1"]


def test_runnable_with_message_history_loses_no_turn_of_a_list_of_messages(memory):
    chain = wrapped(ScriptedChat(answers=["ok"]), memory)
    for number in range(12):  # more than stay in short-term memory
        chain.invoke([HumanMessage(f"question {number}")], config())
        memory.flush()
    assert stored_texts(memory, "ann")[::2] == [f"question {number}" for number in range(12)]


async def test_runnable_with_message_history_stores_a_streamed_answer(memory):
    chain = wrapped(ScriptedChat(answers=["one two"]), memory)
    assert [chunk async for chunk in chain.astream([HumanMessage("Count!")], config())]
    list(chain.stream([HumanMessage("Again!")], config()))
    await chain.ainvoke([HumanMessage("Last!")], config())
    assert stored_texts(memory, "ann") == ["Count!", "one two", "Again!", "one two", "Last!", "one two"]
    history = MemoryOSChatMessageHistory(memory, "ann", "t")
    assert [type(message) for message in history.messages] == [HumanMessage, AIMessage] * 3


def test_a_turn_whose_error_runnable_with_message_history_swallows_is_stored_later(memory, caplog):
    chain = wrapped(ScriptedChat(answers=["ok"]), memory)
    chain.invoke([HumanMessage("one")], config())
    with caplog.at_level(logging.WARNING), full(memory):
        assert chain.invoke([HumanMessage("two")], config()).content == "ok"
        assert "StoreCorruptError" in caplog.text
    chain.invoke([HumanMessage("three")], config())
    assert stored_texts(memory, "ann") == ["one", "ok", "two", "ok", "three", "ok"]


@contextlib.contextmanager
def full(memory):
    """Let the store take no new pages while what is there can still be read."""

    def run(statement):
        with contextlib.closing(sqlite3.connect(memory.path / "memory.db", timeout=30)) as ledger:
            ledger.execute(statement)

    run("CREATE TRIGGER full BEFORE INSERT ON pages BEGIN INSERT INTO not_there VALUES (1); END")
    try:
        yield
    finally:
        run("DROP TRIGGER full")


TEXT = st.text(max_size=40)
TOOL_CALL = st.fixed_dictionaries(
    {
        "name": st.text(min_size=1, max_size=9),
        "args": st.dictionaries(TEXT, st.one_of(TEXT, st.integers())),
        "id": st.text(min_size=1, max_size=9),
    }
)
MESSAGES = st.one_of(
    st.builds(HumanMessage, content=TEXT),
    st.builds(AIMessage, content=TEXT),
    st.builds(AIMessage, content=TEXT, tool_calls=st.lists(TOOL_CALL, min_size=1, max_size=2)),
    st.builds(ToolMessage, content=st.text(min_size=1, max_size=40), tool_call_id=st.text(max_size=9)),
)


@given(MESSAGES)
def test_every_message_is_restored_with_its_type_text_and_tool_calls(message):
    kept = to_stored(message, "t")
    row = Message("id", "page", "t", kept.role, kept.text, None, name=kept.name, metadata=kept.metadata or {})
    found = from_stored(row)
    assert (found.type, found.text) == (message.type, message.text.replace("\x00", "�"))
    if isinstance(message, AIMessage):
        assert found.tool_calls == message.tool_calls
