"""LlamaIndex's OpenAI clients, in the rows of `make matrix` that have them.

``llama-index-llms-openai`` wants another openai than the lock has, so this file is not part of the suite.
"""

from pathlib import Path

import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.embeddings.openai import OpenAIEmbedding
from llama_index.llms.openai import OpenAI
from llama_index.llms.openai_like import OpenAILike

from llamaindex_adapter.test_llm import ASKED, FREE, Topics
from llamaindex_memoryos import MemoryOSChatEngine, MemoryOSMemory, MemoryOSToolSpec
from llamaindex_memoryos.llm import from_embed_model, from_llamaindex
from memoryos_integrations import LLMBadOutput, LLMRefused, LLMUnavailable
from memoryos_integrations.model.usage import metered
from memoryos_integrations.testing import Failure, OpenAIServer, Reply, ToolCall, check_llm

pytestmark = [
    pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecatedSince20:inspect"),
    pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecatedSince211:inspect"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # the OpenAI clients are left to the collector
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def server():
    with OpenAIServer(default="Fine.") as made:
        yield made


@pytest.fixture
def chat(memory):
    memory.user("ann").add("I keep bees in Porto.", thread_id="an older one")
    return MemoryOSMemory.from_defaults(memory=memory, user_id="ann", thread_id="monday")


def model(server):
    return OpenAI(model="gpt-4o-mini", api_base=server.url, api_key="sk-secret", max_retries=0, timeout=10)


async def test_the_chat_engine_talks_to_openai_in_all_four_ways(server, chat):
    engine = MemoryOSChatEngine.from_defaults(llm=model(server), memory=chat, system_prompt="Be kind.")
    assert str(engine.chat("Where are my bees?")) == "Fine."
    assert str(await engine.achat("And now?")) == "Fine."
    assert "".join(engine.stream_chat("And then?").response_gen) == "Fine."
    stream = await engine.astream_chat("And last?")
    assert "".join([word async for word in stream.async_response_gen()]) == "Fine."
    roles = [message["role"] for message in server.chats[-1].body["messages"]]
    assert roles == ["system", *["user", "assistant"] * 3, "user"]
    assert "I keep bees in Porto." in server.chats[0].texts[0]


async def test_an_agent_calls_a_tool_and_the_next_turn_shows_call_and_result_as_openai_wants_them(
    server, chat
):
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    server.script(Reply(tool_calls=(ToolCall("add", {"a": 1, "b": 2}),)), "It is 3.", "You are welcome.")
    agent = FunctionAgent(tools=[add], llm=model(server))
    assert str(await agent.run("What is 1 + 2?", memory=chat)) == "It is 3."
    assert str(await agent.run("Thanks", memory=chat)) == "You are welcome."
    sent = [message for message in server.chats[-1].body["messages"] if message["role"] != "system"]
    assert [message["role"] for message in sent] == ["user", "assistant", "tool", "assistant", "user"]
    assert sent[1]["tool_calls"][0]["id"] == sent[2]["tool_call_id"]
    assert sent[2]["content"] == "3"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Failure(429, code="rate_limit_exceeded"), LLMUnavailable),
        (Failure(503), LLMUnavailable),
        (Failure(401, message="Incorrect key sk-secret"), LLMUnavailable),
        (Failure.DROP, LLMUnavailable),
        (Failure(400, code="content_filter"), LLMRefused),
        (Reply(refusal="I will not."), LLMRefused),
        (Reply(text='{"topics": []', finish_reason="length"), LLMBadOutput),
        ("no topics here", LLMBadOutput),
    ],
    ids=str,
)
def test_what_goes_wrong_at_openai_has_the_right_name_and_shows_no_key(server, answer, error):
    server.script(answer)
    with pytest.raises(error) as caught:
        from_llamaindex(model(server)).reply(ASKED)
    assert "sk-secret" not in str(caught.getrepr(style="native"))


def test_openai_answers_the_core(server):
    server.script(Reply(json={"topics": ["bees"], "count": 1}), "Hello.")
    llm = from_llamaindex(model(server))
    assert llm.reply(ASKED) == Topics(topics=["bees"], count=1)
    assert llm.reply(FREE) == "Hello."


def test_openais_client_keeps_the_contract_of_a_chat_model_and_reports_its_tokens(server):
    def make(answers):
        (answer,) = answers.values()
        server.default = answer if isinstance(answer, str) else Reply(json=answer)
        return from_llamaindex(model(server))

    check_llm(make)
    server.default = Reply(text="Hello.", usage=(120, 8))
    with metered() as usage:
        assert make({"free text": "Hello."}).name == "gpt-4o-mini"
        make({"free text": "Hello."}).reply(FREE)
    assert usage.calls == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Reply(text="Hello, you", finish_reason="length"), LLMBadOutput),
        (Reply(text="Hello, you", breaks_after=3), LLMUnavailable),
        (Reply(finish_reason="content_filter"), LLMRefused),
        (Failure(503), LLMUnavailable),
        (Failure.HTML, LLMUnavailable),
        (Failure.GARBLED, LLMUnavailable),
    ],
    ids=str,
)
def test_what_goes_wrong_in_a_stream_of_openai_has_the_right_name(server, answer, error):
    server.script(answer)
    with pytest.raises(error):
        list(from_llamaindex(model(server)).stream(FREE))


def test_a_store_runs_on_openais_embeddings(server, tmp_path):
    embeddings = OpenAIEmbedding(api_base=server.url, api_key="sk-secret", max_retries=0)
    assert from_embed_model(embeddings).dimension == server.dimension
    made = MemoryOSMemory.from_defaults(persist_directory=tmp_path, user_id="ann", embed_model=embeddings)
    made.user.add("I keep bees.")
    assert made.user.retrieve("bees").dense
    made.close()


PAGE = (Path(__file__).parents[2] / "docs" / "llamaindex.md").read_text(encoding="utf-8")
SHOWN = [block.partition("```")[0] for block in PAGE.split("```py\n")[1:]]


@pytest.mark.parametrize("code", SHOWN, ids=lambda code: "like" if "OpenAILike" in code else "openai")
def test_what_the_page_shows_of_openai_and_of_servers_like_it_runs(
    server, code, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("OPENAI_API_BASE", server.url)
    names = {}
    exec(code.replace("http://127.0.0.1:11434/v1", server.url), names)
    assert capsys.readouterr().out == "Fine.\n"
    assert server.chats[-1].texts[-1] == "I keep bees in Porto."
    names["memory"].close()


async def test_an_agent_runs_on_a_server_that_is_like_openai(server, chat):
    llm = OpenAILike(
        model="qwen3",
        api_base=server.url,
        api_key="none",
        is_chat_model=True,
        is_function_calling_model=True,
    )
    server.script(Reply(tool_calls=(ToolCall("search_memory", {"query": "bees"}),)), "In Porto.")
    agent = FunctionAgent(tools=MemoryOSToolSpec(chat).to_tool_list(), llm=llm)
    assert str(await agent.run("Where are my bees?", memory=chat)) == "In Porto."
    assert "I keep bees in Porto." in server.chats[-1].body["messages"][-1]["content"]
