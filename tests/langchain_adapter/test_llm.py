"""LangChain's chat models and embeddings over HTTP as ``LLM`` and ``Embedder``."""

import traceback

import numpy as np
import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel

from langchain_adapter.parts import ScriptedChat, calling, stored_texts
from langchain_memoryos import MemoryOSMiddleware
from langchain_memoryos.llm import from_embeddings, from_langchain
from memoryos_integrations import MemoryOS, Prompt
from memoryos_integrations.errors import (
    ConfigError,
    EmbedderError,
    EmbedderUnavailableError,
    LLMBadOutput,
    LLMRefused,
    LLMUnavailable,
)
from memoryos_integrations.protocols import LLM, Embedder
from memoryos_integrations.testing import Failure, OpenAIServer, Reply, ToolCall, check_embedder, check_llm

KEY = "sk-secret-4711"


class City(BaseModel):
    name: str
    people: int = 0


STRUCTURED = Prompt("city", "Name the city {as JSON}.", "Porto has {braces} and 230000 people.", City)
FREE = Prompt("greet", "Be kind.", "Hi!", str)


@pytest.fixture
def server():
    with OpenAIServer() as running:
        yield running


def chat(server, **options):
    return ChatOpenAI(base_url=server.url, api_key=KEY, model="scripted", **({"max_retries": 0} | options))


@pytest.mark.parametrize("options", [{}, {"streaming": True}])
def test_a_chat_model_over_http_keeps_the_contract_of_an_llm(server, options):
    def make(answers):
        (answer,) = answers.values()
        server.default = answer if isinstance(answer, str) else Reply(json=answer)
        return from_langchain(chat(server, **options))

    check_llm(make)
    assert isinstance(from_langchain(chat(server)), LLM)
    assert from_langchain(chat(server)).name == "scripted"


def test_instruction_and_user_text_are_sent_unchanged(server):
    server.script(Reply(json={"name": "Porto"}))
    from_langchain(chat(server)).reply(STRUCTURED)
    (request,) = server.chats
    assert request.texts == [STRUCTURED.system, STRUCTURED.user]
    assert request.body["response_format"]["json_schema"]["name"] == "City"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Reply("I do not know."), LLMBadOutput),
        (Reply('{"cities": [{"name": "Porto"}, {"na'), LLMBadOutput),
        (Reply("null"), LLMBadOutput),
        (Reply(refusal=f"Not with {KEY}."), LLMRefused),
        (Failure(400, code="content_filter"), LLMRefused),
        (Failure(400, code="context_length_exceeded"), LLMBadOutput),
        (Failure(401, message=f"Incorrect API key provided: {KEY}."), LLMUnavailable),
        (Failure(403), LLMUnavailable),
        (Failure(503), LLMUnavailable),
    ],
)
def test_every_failure_that_is_no_fault_of_the_kit_has_its_error_without_the_providers_text(
    server, answer, error
):
    server.default = answer
    with pytest.raises(error) as raised:
        from_langchain(chat(server)).reply(STRUCTURED)
    shown = "".join(traceback.format_exception(raised.value))
    assert KEY not in shown
    assert STRUCTURED.user not in shown
    assert "'city'" in str(raised.value)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Reply("Hello th", finish_reason="length"), LLMBadOutput),
        (Reply(""), LLMBadOutput),
        (Reply("<think>nothing more</think>"), LLMBadOutput),
        (Reply(refusal="No."), LLMRefused),
        (Failure(503), LLMUnavailable),
    ],
)
def test_free_text_fails_as_clearly(server, answer, error):
    server.default = answer
    with pytest.raises(error):
        from_langchain(chat(server)).reply(FREE)


def test_free_text_is_returned_without_the_models_reasoning(server):
    server.default = "<think>Be kind?</think>\n\nHello!\n"
    assert from_langchain(chat(server)).reply(FREE) == "Hello!"


def test_a_model_that_does_not_answer_in_time_is_unavailable(server):
    server.default = Failure.HANG
    with pytest.raises(LLMUnavailable, match="Timeout"):
        from_langchain(chat(server, timeout=0.2)).reply(FREE)


def test_a_server_that_is_not_there_is_unavailable():
    with OpenAIServer() as gone:
        model = chat(gone)
    with pytest.raises(LLMUnavailable, match="Connection"):
        from_langchain(model).reply(FREE)


def test_a_server_without_structured_output_gets_the_schema_as_instruction_from_then_on(server):
    server.script(Failure(400, message="response_format is not supported"))
    server.default = '{"name": "Porto"}'
    llm = from_langchain(chat(server))
    assert [llm.reply(STRUCTURED).name for _ in range(2)] == ["Porto", "Porto"]
    assert ["response_format" in request.body for request in server.chats] == [True, False, False]
    assert '"people"' in server.chats[1].texts[0]


def test_a_model_with_structured_output_by_tool_call_and_one_without_any_work_too():
    by_tool = ScriptedChat(answers=[calling("City", name="Porto")])
    assert from_langchain(by_tool).reply(STRUCTURED).name == "Porto"
    plain = FakeListChatModel(responses=['{"name": "Porto"}'])
    assert from_langchain(plain).reply(STRUCTURED).name == "Porto"
    assert from_langchain(plain).name == "FakeListChatModel"


@pytest.mark.parametrize("reason", ["max_tokens", "MAX_TOKENS"])
def test_other_providers_finish_reasons_for_a_cut_reply_are_recognised(reason):
    cut = AIMessage("Hello th", response_metadata={"stop_reason": reason})
    with pytest.raises(LLMBadOutput, match="max_tokens"):
        from_langchain(ScriptedChat(answers=[cut])).reply(FREE)


def test_other_providers_finish_reasons_for_a_refusal_are_recognised():
    for message in (
        AIMessage("No.", response_metadata={"stop_reason": "refusal"}),
        AIMessage("", response_metadata={"finish_reason": "SAFETY"}),
        AIMessage([{"type": "refusal", "refusal": "No."}]),
    ):
        with pytest.raises(LLMRefused):
            from_langchain(ScriptedChat(answers=[message])).reply(FREE)


def test_a_value_that_is_no_chat_model_or_no_schema_is_rejected():
    with pytest.raises(ConfigError, match="model must be a chat model"):
        from_langchain("gpt-5")
    with pytest.raises(ConfigError, match="schema"):
        from_langchain(ScriptedChat(answers=["1"])).reply(Prompt("t", "s", "u", int))


def test_its_calls_within_an_agent_stream_nothing_to_the_user(memory, server):
    server.default = "INTERNAL words"
    llm = from_langchain(chat(server, streaming=True))

    class Asking(AgentMiddleware):
        def before_model(self, state, runtime):
            llm.reply(FREE)

    agent = create_agent(
        ScriptedChat(answers=["the answer"]),
        middleware=[MemoryOSMiddleware(memory=memory, user_id="ann"), Asking()],
    )
    given_ = {"messages": [HumanMessage("Hi!")]}
    streamed = [part.text for part, _ in agent.stream(given_, stream_mode="messages")]
    assert "".join(streamed) == "the answer"
    assert server.chats


def test_an_agent_with_a_model_over_http_sends_memories_and_streams_the_answer(memory, server):
    memory.user("ann").add("My sister Jo lives in Porto.")
    server.script(Reply(tool_calls=(ToolCall("search_memory", {"query": "sister"}),)), "In Porto, I think.")
    agent = create_agent(
        chat(server, streaming=True),
        middleware=[MemoryOSMiddleware(memory=memory, user_id="ann", tools=True)],
        system_prompt="Help.",
    )
    agent.invoke({"messages": [HumanMessage("Where does my sister live?")]})
    first = server.chats[0].body["messages"]
    assert [message["role"] for message in first] == ["system", "user", "user"]
    assert "Porto" in server.chats[0].texts[1]
    assert KEY not in str([request.body for request in server.chats])
    assert stored_texts(memory, "ann")[1:] == ["Where does my sister live?", "In Porto, I think."]


def embeddings(server, **options):
    fixed = {"base_url": server.url, "api_key": KEY, "model": "text-embedding-3-small", "max_retries": 0}
    return OpenAIEmbeddings(**(fixed | {"check_embedding_ctx_length": False} | options))


def test_embeddings_over_http_keep_the_contract_of_an_embedder(server):
    check_embedder(lambda: from_embeddings(embeddings(server)))
    assert isinstance(from_embeddings(embeddings(server)), Embedder)


def test_an_embedder_is_named_by_its_model_and_measures_its_dimension_once(server):
    embedder = from_embeddings(embeddings(server))
    assert embedder.name == "text-embedding-3-small"
    assert server.requests == []
    assert [embedder.dimension for _ in range(3)] == [64] * 3
    assert len(server.requests) == 1
    known = from_embeddings(embeddings(server), name="mine", dimension=64)
    assert (known.name, known.dimension) == ("mine", 64)
    assert len(server.requests) == 1
    assert from_embeddings(embeddings(server, dimensions=64)).name == "text-embedding-3-small@64"


def test_embeddings_without_a_model_name_need_a_name():
    fake = DeterministicFakeEmbedding(size=8)
    with pytest.raises(ConfigError, match="name='my-model'"):
        from_embeddings(fake)
    embedder = from_embeddings(fake, name="fake")
    assert (embedder.name, embedder.dimension) == ("fake", 8)
    assert embedder.embed(["a"])[0].dtype == np.float32
    with pytest.raises(ConfigError, match="embeddings must be"):
        from_embeddings(object())


def test_failing_embeddings_are_unavailable_and_the_error_does_not_contain_the_key(server):
    server.embedding_failure = Failure(401, message=f"Incorrect API key provided: {KEY}.")
    with pytest.raises(EmbedderUnavailableError) as raised:
        from_embeddings(embeddings(server)).embed(["Hello!"])
    assert KEY not in "".join(traceback.format_exception(raised.value))


def test_vectors_of_another_length_or_number_are_an_error():
    class Odd(Embeddings):
        def embed_documents(self, texts):
            return [[1.0] * (3 + place) for place, _ in enumerate(texts)]

        def embed_query(self, text):
            return [1.0] * 3

    embedder = from_embeddings(Odd(), name="odd")
    with pytest.raises(EmbedderError, match="2 vectors of 3, 4 numbers for 2 texts; one of 3"):
        embedder.embed(["a", "b"])


def test_a_store_embeds_with_it_and_searches_by_words_while_it_is_down(server, tmp_path):
    embedder = from_embeddings(embeddings(server), dimension=64)
    with MemoryOS(tmp_path / "store", embedder=embedder) as store:
        ann = store.user("ann")
        ann.add("My sister Jo lives in Porto.")
        store.flush()
        assert ann.retrieve("Where does Jo live?").dense
        server.embedding_failure = Failure(503)
        found = ann.retrieve("Where does my sister live?")
        assert not found.dense
        assert "Porto" in found.items[0].text
