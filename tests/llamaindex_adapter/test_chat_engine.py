"""MemoryOSChatEngine: one system message, nothing formatted, the question stored first, sources."""

import asyncio

import pytest
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.llms.types import ChatResponse, MessageRole
from llama_index.core.chat_engine.types import BaseChatEngine
from llama_index.core.schema import NodeWithScore, TextNode

from llamaindex_adapter.models import Talker, assistant, texts
from llamaindex_memoryos import MemoryOSChatEngine, MemoryOSMemory
from memoryos_integrations import InvalidInputError
from memoryos_integrations.errors import ConfigError
from memoryos_integrations.events import Recalled
from memoryos_integrations.language.quoting import INTRODUCTION

MODES = ("chat", "achat", "stream_chat", "astream_chat")


class Shelf(BaseRetriever):
    """A retriever of documents that are always the same."""

    def __init__(self, *documents):
        super().__init__()
        self._nodes = [NodeWithScore(node=TextNode(id_=text, text=text), score=0.5) for text in documents]

    def _retrieve(self, query_bundle):
        return list(self._nodes)


async def respond(engine, mode, message):
    """Return the response object and its whole text."""
    response = getattr(engine, mode)(message)
    if mode in ("achat", "astream_chat"):
        response = await response
    if mode == "stream_chat":
        return response, "".join(response.response_gen)
    if mode == "astream_chat":
        return response, "".join([word async for word in response.async_response_gen()])
    return response, response.response


@pytest.fixture
def chat(memory):
    memory.user("ann").add("I keep bees in Porto.", "How nice!", thread_id="an older one")
    return MemoryOSMemory.from_defaults(memory=memory, user_id="ann", thread_id="monday")


def engine_of(llm, chat, **more):
    return MemoryOSChatEngine.from_defaults(llm=llm, memory=chat, **more)


def test_it_is_a_chat_engine_of_llama_index():
    assert issubclass(MemoryOSChatEngine, BaseChatEngine)


@pytest.mark.parametrize("mode", MODES)
async def test_everything_but_the_turns_is_in_one_system_message(chat, mode):
    llm = Talker()
    engine = engine_of(llm, chat, system_prompt="Be brief.", retriever=Shelf("Bees fly by day."))
    await respond(engine, mode, "Hello")
    await respond(engine, mode, "Where are my bees?")
    assert [message.role.value for message in llm.last] == ["system", "user", "assistant", "user"]
    front = llm.last[0].content
    places = [front.index(text) for text in ("Be brief.", "Bees fly by day.", INTRODUCTION, "in Porto")]
    assert places == sorted(places)


@pytest.mark.parametrize("mode", MODES)
async def test_without_matching_documents_the_model_answers_alone(chat, mode):
    llm = Talker("Hello, Ann.")
    _, text = await respond(engine_of(llm, chat, retriever=Shelf()), mode, "Hello")
    assert text == "Hello, Ann."
    assert "Empty Response" not in str(chat.get_all())
    assert len(llm.seen) == 1


@pytest.mark.parametrize("mode", MODES)
async def test_braces_stay_as_typed_in_this_turn_and_in_later_ones(chat, mode):
    chat.user.add("My template is {context_str} and {query_str}.", thread_id="an older one")
    llm = Talker("Use {context_str}.")
    engine = engine_of(llm, chat, system_prompt="Say {msg}.", retriever=Shelf("A {document}."))
    await respond(engine, mode, "What does {context_str} in my template mean?")
    await respond(engine, mode, "And {query_str}?")
    assert texts(llm.last[1:]) == [
        "What does {context_str} in my template mean?",
        "Use {context_str}.",
        "And {query_str}?",
    ]
    for text in ("Say {msg}.", "A {document}.", "My template is {context_str} and {query_str}."):
        assert text in llm.system


@pytest.mark.parametrize("mode", MODES)
async def test_memories_and_documents_of_the_prompt_are_the_sources(chat, mode):
    llm = Talker()
    engine = engine_of(llm, chat, retriever=Shelf("Bees fly by day."))
    response, _ = await respond(engine, mode, "Where are my bees?")
    found = {node.text for node in response.source_nodes}
    assert {"I keep bees in Porto.", "Bees fly by day."} <= found
    assert {source.tool_name for source in response.sources} == {"memory", "retriever"}
    traced = [chat.user.trace(node.node_id) for node in response.source_nodes if "tier" in node.metadata]
    assert all(traced)


@pytest.mark.parametrize("mode", MODES)
async def test_one_retrieval_serves_the_prompt_and_the_sources(open_memory, mode):
    events = []
    memory = open_memory(on_event=events.append)
    memory.user("ann").add("I keep bees in Porto.", thread_id="an older one")
    chat = MemoryOSMemory.from_defaults(memory=memory, user_id="ann")
    response, _ = await respond(engine_of(Talker(), chat), mode, "Where are my bees?")
    assert [node.text for node in response.source_nodes] == ["I keep bees in Porto."]
    assert [type(event) for event in events].count(Recalled) == 1


def test_the_users_message_is_stored_before_a_stream_starts(chat):
    stored_by_then = []

    def look(_):
        stored_by_then.extend(texts(chat.get_all()))
        return "Fine."

    response = engine_of(Talker(look), chat).stream_chat("Hello")
    assert stored_by_then == ["Hello"]
    assert "".join(response.response_gen) == "Fine."


def test_the_answer_of_a_stream_that_nobody_reads_is_stored(chat):
    response = engine_of(Talker("A long answer."), chat).stream_chat("Hello")
    response.write_response_to_history_thread.join(timeout=300)
    assert texts(chat.get_all()) == ["Hello", "A long answer."]


class Unfinished(Talker):
    """Streams the words of an answer and never comes to an end, or fails."""

    failure: bool = False

    async def astream_chat(self, messages, **kwargs):
        async def stream():
            for word in ("One", " two", " three"):
                yield ChatResponse(message=assistant(word), delta=word)
            if self.failure:
                raise ConnectionError("down")
            await asyncio.Event().wait()

        return stream()

    def stream_chat(self, messages, **kwargs):
        def stream():
            yield ChatResponse(message=assistant("One"), delta="One")
            raise ConnectionError("down")

        return stream()


def test_the_answer_so_far_is_stored_when_the_event_loop_ends(chat):
    engine = engine_of(Unfinished(), chat)

    async def read_three_words():
        stream = await engine.astream_chat("Hello")
        words = []
        async for word in stream.async_response_gen():
            words.append(word)
            if len(words) == 3:
                return words
        return words

    assert asyncio.run(read_three_words()) == ["One", " two", " three"]
    assert texts(chat.get_all()) == ["Hello", "One two three"]
    (page,) = chat.user.pages(thread_id="monday")
    assert len(page.messages) == 2


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("mode", ["stream_chat", "astream_chat"])
async def test_a_model_that_fails_within_its_answer_fails_for_the_reader_and_the_question_is_kept(chat, mode):
    with pytest.raises(ConnectionError):
        await respond(engine_of(Unfinished(failure=True), chat), mode, "Hello")
    assert texts(chat.get_all()) == ["Hello"]
    assert engine_of(Talker(), chat).chat("Again").response == "Fine."


def test_streams_that_are_read_late_and_out_of_order_lose_no_message_and_no_page(chat):
    engine = engine_of(Talker("One.", "Two."), chat)
    first, second = engine.stream_chat("First?"), engine.stream_chat("Second?")
    for response in (second, first):
        list(response.response_gen)
    assert sorted(texts(chat.get_all())) == ["First?", "One.", "Second?", "Two."]
    assert sum(len(page.messages) for page in chat.user.pages(thread_id="monday")) == 4


def test_an_empty_stream_is_an_empty_answer_and_no_turn_is_lost(chat):
    engine = engine_of(Talker(""), chat)
    assert "".join(engine.stream_chat("Hello").response_gen) == ""
    assert texts(chat.get_all()) == ["Hello", ""]
    assert engine.chat("Again").response == "Fine."


def test_two_event_loops_in_a_row_and_a_running_one_may_use_one_engine(chat):
    engine = engine_of(Talker(), chat)
    asyncio.run(engine.achat("One"))
    asyncio.run(engine.achat("Two"))

    async def as_in_a_notebook():
        engine.chat("Three")
        return "".join(engine.stream_chat("Four").response_gen)

    assert asyncio.run(as_in_a_notebook()) == "Fine."
    assert texts(chat.get_all())[::2] == ["One", "Two", "Three", "Four"]


def test_reset_starts_a_new_conversation_with_memories_of_the_old_one(chat):
    llm = Talker()
    engine = engine_of(llm, chat)
    engine.chat("My hens are red.")
    engine.reset()
    assert engine.chat_history == []
    engine.chat("What colour are my hens?")
    assert llm.counts == [1, 1]
    assert "My hens are red." in llm.system


def test_a_given_history_replaces_the_conversation(chat):
    llm = Talker()
    engine = engine_of(llm, chat)
    engine.chat("One")
    engine.chat("Two", chat_history=[])
    assert texts(engine.chat_history) == ["Two", "Fine."]


def test_the_documents_count_against_the_limit(memory):
    chat = MemoryOSMemory.from_defaults(memory=memory, user_id="ann", token_limit=300)
    llm = Talker()
    engine = engine_of(llm, chat, retriever=Shelf("bee " * 200))
    for turn in range(8):
        engine.chat(f"Question number {turn} about all the many bees?")
    assert sum(len(chat.tokenizer_fn(m.content)) for m in llm.last) < 330
    assert llm.last[-1].content.startswith("Question number 7")


def test_a_model_memory_or_message_of_another_type_is_rejected(chat, memory):
    with pytest.raises(ConfigError, match="llm must be"):
        engine_of("gpt", chat)
    with pytest.raises(ConfigError, match=r"MemoryOSMemory\.from_defaults"):
        engine_of(Talker(), memory)
    with pytest.raises(ConfigError, match="retriever must be"):
        engine_of(Talker(), chat, retriever="documents")
    with pytest.raises(TypeError, match="memroy"):
        engine_of(Talker(), chat, memroy=1)
    with pytest.raises(InvalidInputError, match="message must be text"):
        engine_of(Talker(), chat).chat(None)
    assert chat.get_all() == []


def test_an_earlier_turn_is_never_in_a_role_that_it_did_not_have(chat):
    llm = Talker()
    engine_of(llm, chat).chat("Where are my bees?")
    assert [m.role for m in llm.last] == [MessageRole.SYSTEM, MessageRole.USER]
