"""MemoryOSMemory in every chat engine of LlamaIndex and in MemoryOSChatEngine, called in all four ways."""

import io
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from llama_index.core import VectorStoreIndex
from llama_index.core.chat_engine import (
    CondensePlusContextChatEngine,
    CondenseQuestionChatEngine,
    ContextChatEngine,
    SimpleChatEngine,
)
from llama_index.core.chat_engine.types import BaseChatEngine
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.schema import TextNode

from llamaindex_adapter.models import OutOfReach, Talker, WordEmbedding, assistant, texts, user
from llamaindex_memoryos import MemoryOSChatEngine, MemoryOSMemory, MemoryOSRetriever
from memoryos_integrations.events import Recalled

Engine = Callable[[Talker, MemoryOSMemory], BaseChatEngine]


def documents():
    nodes = [TextNode(text="Bees fly at twelve degrees and warmer."), TextNode(text="Hens lay at dawn.")]
    return VectorStoreIndex(nodes, embed_model=WordEmbedding()).as_retriever(similarity_top_k=1)


def simple(llm, memory):
    return SimpleChatEngine.from_defaults(llm=llm, memory=memory, system_prompt="Be brief.")


def context(llm, memory):
    return ContextChatEngine.from_defaults(retriever=documents(), llm=llm, memory=memory)


def condense_plus_context(llm, memory):
    return CondensePlusContextChatEngine.from_defaults(retriever=documents(), llm=llm, memory=memory)


def condense_question(llm, memory):
    asked = RetrieverQueryEngine.from_args(documents(), llm=llm)
    return CondenseQuestionChatEngine.from_defaults(query_engine=asked, llm=llm, memory=memory)


def ours(llm, memory):
    return MemoryOSChatEngine.from_defaults(llm=llm, memory=memory, retriever=documents())


ENGINES: dict[str, Engine] = {
    made.__name__: made for made in (simple, context, condense_plus_context, condense_question, ours)
}
MODES = ("chat", "achat", "stream_chat", "astream_chat")


async def ask(engine: BaseChatEngine, mode: str, question: str, **more: Any) -> str:
    if mode == "chat":
        return str(engine.chat(question, **more))
    if mode == "achat":
        return str(await engine.achat(question, **more))
    if mode == "stream_chat":
        return "".join(engine.stream_chat(question, **more).response_gen)
    stream = await engine.astream_chat(question, **more)
    return "".join([word async for word in stream.async_response_gen()])


@pytest.fixture
def events():
    return []


@pytest.fixture
def chat(open_memory, events):
    memory = open_memory(on_event=events.append)
    memory.user("ann").add("I keep bees in Porto.", "How nice!", thread_id="an older one")
    return MemoryOSMemory.from_defaults(memory=memory, user_id="ann", thread_id="monday")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("engine", ENGINES)
async def test_every_engine_in_every_mode_stores_the_turns_and_retrieves_memories_once_for_each(
    chat, events, engine, mode
):
    llm = Talker()
    made = ENGINES[engine](llm, chat)
    questions = ["Where are my bees?", "And my hens?", "Where are my bees?"]  # the same words, another turn
    for turn, question in enumerate(questions, 1):
        assert await ask(made, mode, question) == "Fine."
        assert [type(event) for event in events].count(Recalled) == turn
        assert "I keep bees in Porto." in "\n".join(str(m.content) for seen in llm.seen for m in seen)
    assert texts(chat.get_all()) == [text for question in questions for text in (question, "Fine.")]
    assert made.chat_history == chat.get_all()
    pages = chat.user.pages(thread_id="monday")
    assert [[message.text for message in page.messages] for page in pages] == [
        [question, "Fine."] for question in questions
    ]
    made.reset()
    assert made.chat_history == []
    assert len(chat.user.pages()) >= 3


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("engine", ["simple", "context", "ours"])
async def test_a_server_that_passes_the_whole_history_each_time_stores_nothing_twice(chat, engine, mode):
    made = ENGINES[engine](Talker(), chat)
    history = []
    for turn in range(3):
        await ask(made, mode, f"Question {turn}?", chat_history=list(history))
        history += [user(f"Question {turn}?"), assistant("Fine.")]
    assert chat.get_all() == history
    pages = chat.user.pages(thread_id="monday")
    assert sum(len(page.messages) for page in pages) == 6


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("engine", ENGINES)
async def test_a_failing_retrieval_is_a_warning_and_every_engines_turn_is_stored(tmp_path, engine, mode):
    with OutOfReach(tmp_path, embedder="none") as memory:
        chat = MemoryOSMemory.from_defaults(memory=memory, user_id="ann")
        made = ENGINES[engine](Talker(), chat)
        with warnings.catch_warnings(record=True, action="always") as caught:
            assert await ask(made, mode, "Where are my bees?") == "Fine."
        assert "The prompt has no memories: StoreError: The disk is gone." in {
            str(one.message) for one in caught
        }
        assert texts(chat.get_all()) == ["Where are my bees?", "Fine."]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("repl", ["chat_repl", "streaming_chat_repl"])
def test_the_chat_repl_starts_a_new_conversation_with_memories_of_the_last_one(
    chat, engine, repl, monkeypatch, capsys
):
    llm = Talker()
    made = ENGINES[engine](llm, chat)
    chat.put_messages([user("My hens are red."), assistant("Nice.")])
    monkeypatch.setattr("sys.stdin", io.StringIO("What colour are my hens?\nexit\n"))
    getattr(made, repl)()
    assert "Assistant: Fine." in capsys.readouterr().out
    assert texts(chat.get_all()) == ["What colour are my hens?", "Fine."]
    assert "My hens are red." in "\n".join(str(m.content) for seen in llm.seen for m in seen)


async def test_an_engine_that_finds_no_documents_leaves_no_memory(memory):
    chat = MemoryOSMemory.from_defaults(memory=memory, user_id="ann")
    nothing = MemoryOSRetriever(memory, user_id="ann")
    first = ContextChatEngine.from_defaults(retriever=nothing, llm=Talker(), memory=chat)
    assert str(first.chat("Where are my bees?")) == "Empty Response"
    assert str(first.chat("Where are my bees?")) == "Fine."
    found = nothing.retrieve("Empty response: no answer")
    assert [node.text for node in found if "mpty" in node.text] == []
    other = MemoryOSMemory.from_defaults(memory=memory, user_id="ann", thread_id="new")
    other.put(user("Did you give an empty response?"))
    assert "Empty Response" not in str(other.get())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("engine", ["simple", "ours"])
async def test_a_model_that_fails_leaves_the_question_in_place_and_the_next_turn_works(chat, engine, mode):
    made = ENGINES[engine](Talker(ConnectionError("down")), chat)
    with pytest.raises(ConnectionError):
        await ask(made, mode, "First?")
    assert await ask(made, mode, "Second?") == "Fine."
    assert texts(chat.get_all()) == ["First?", "Second?", "Fine."]
    assert len(chat.user.pages(thread_id="monday")) == 2
