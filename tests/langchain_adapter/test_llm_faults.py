"""Faults of a model over HTTP, with every method of structured output: an answer or the right error."""

import inspect
import traceback
from collections import Counter

import pytest
from langchain_openai import ChatOpenAI
from openai import ContentFilterFinishReasonError
from pydantic import BaseModel

from langchain_adapter.parts import ScriptedChat
from langchain_memoryos.llm import from_langchain, openai_compatible
from memoryos_integrations import LLMBadOutput, LLMRefused, LLMUnavailable, Prompt
from memoryos_integrations.errors import ConfigError, MissingDependencyError
from memoryos_integrations.model.usage import metered
from memoryos_integrations.protocols import StreamingLLM
from memoryos_integrations.testing import Failure, OpenAIServer, Reply
from memoryos_integrations.testing.openai_faults import FAULTS

KEY = "sk-secret-4711"
METHODS = [None, "json_schema", "function_calling", "json_mode", "instruction"]


class City(BaseModel):
    name: str
    people: int = 0


CITY = Prompt("city", "Name the city {as JSON}.", "Porto has {braces} and 230000 people.", City)
FREE = Prompt("greet", "Be kind.", "Hi!", str)
PORTO = City(name="Porto", people=7)

WHAT_COMES_OF_IT = {
    "malformed": PORTO,
    "fenced": PORTO,
    "think": PORTO,
    "truncated": LLMBadOutput,
    "cut": LLMBadOutput,
    "empty": LLMBadOutput,
    "wrong_type": LLMBadOutput,
    "refusal": LLMRefused,
    "apology": LLMRefused,
    "content_filter": LLMRefused,
    "429": LLMUnavailable,
    "quota": LLMUnavailable,
    "401": LLMUnavailable,
    "500": LLMUnavailable,
    "drop": LLMUnavailable,
    "html": LLMUnavailable,
    "garbled": LLMUnavailable,
    "timeout": LLMUnavailable,
}
FILTERS_SAY_USAGE = "completion" in inspect.signature(ContentFilterFinishReasonError).parameters
"""Whether openai's error holds the answer that was filtered; before 3.0 it did not."""
SAYS_NO_USAGE = {"429", "quota", "401", "500", "drop", "html", "garbled", "timeout"}


@pytest.fixture
def server():
    with OpenAIServer(by_task={"City": Reply(json=PORTO.model_dump(), usage=(120, 8))}) as running:
        yield running


def chat(server, **options):
    fixed = {"max_retries": 0, "timeout": 300}
    return ChatOpenAI(base_url=server.url, api_key=KEY, model="scripted", **(fixed | options))


def test_the_table_has_a_line_for_every_fault_of_the_kit():
    assert set(WHAT_COMES_OF_IT) == set(FAULTS)


def cases():
    """Every fault with the ways to ask: of those without an answer, one way of each kind, as none is read."""
    ways = [*((method, False) for method in METHODS), ("function_calling", True), ("instruction", True)]
    few = [(None, False), ("instruction", False), ("function_calling", True)]
    return [(fault, *way) for fault in FAULTS for way in (few if fault in SAYS_NO_USAGE else ways)]


@pytest.mark.parametrize(("fault", "method", "streaming"), cases())
def test_every_fault_has_its_outcome_with_every_method_of_structured_output(server, fault, method, streaming):
    server.faults = {1: fault}
    timeout = 0.3 if fault == "timeout" else 300
    llm = from_langchain(chat(server, timeout=timeout, streaming=streaming), method=method)
    expected = WHAT_COMES_OF_IT[fault]
    with metered() as usage:
        if isinstance(expected, City):
            assert llm.reply(CITY) == expected
        else:
            with pytest.raises(expected, match="'city'") as caught:
                llm.reply(CITY)
            assert_silent(caught.value)
    unsaid = fault in SAYS_NO_USAGE or (
        fault == "content_filter" and not FILTERS_SAY_USAGE and not usage.calls
    )
    assert (usage.calls, usage.tokens_in) == ((0, 0) if unsaid else (1, 120))
    assert llm.reply(CITY) == PORTO
    assert len(server.chats) == 2


def assert_silent(error):
    """Nothing of the provider's words, not even in what the error came from."""
    assert error.__cause__ is None
    assert error.__context__ is None
    shown = "".join(traceback.format_exception(error))
    assert KEY not in shown
    assert CITY.user not in shown
    assert "Scripted failure" not in shown


@pytest.mark.parametrize(
    "fault", sorted(set(FAULTS) - {"malformed", "fenced", "think", "wrong_type", "apology"})
)
def test_every_fault_has_its_outcome_in_a_stream_too(server, fault):
    server.default, server.faults = "Hello, you!", {1: fault}
    llm = from_langchain(chat(server, timeout=0.3 if fault == "timeout" else 300))
    if fault == "cut":  # nobody can tell
        assert "".join(llm.stream(FREE)) == "Hello"
    else:
        # Of a stream LangChain drops the refusal: it is empty.
        expected = LLMBadOutput if fault == "refusal" else WHAT_COMES_OF_IT[fault]
        with pytest.raises(expected, match="'greet'") as caught:
            list(llm.stream(FREE))
        assert_silent(caught.value)
    assert "".join(llm.stream(FREE)) == "Hello, you!"


def test_a_stream_yields_pieces_without_reasoning_and_reports_its_tokens(server):
    server.default = Reply("<think>hm, hm, hm</think>\n\nHello, you there!", usage=(120, 9))
    llm = from_langchain(chat(server, stream_usage=True))
    assert isinstance(llm, StreamingLLM)
    with metered() as usage:
        pieces = list(llm.stream(FREE))
    assert "".join(pieces) == "Hello, you there!" == llm.reply(FREE)
    assert len(pieces) > 2
    assert (usage.calls, usage.tokens_in, usage.tokens_out) == (1, 120, 9)


def test_a_broken_stream_yields_its_beginning_and_is_unavailable(server):
    server.default = Reply("Hello, you there!", breaks_after=3)
    got = []
    with pytest.raises(LLMUnavailable) as caught:
        got.extend(from_langchain(chat(server)).stream(FREE))
    assert "".join(got) == "Hello, y"
    assert_silent(caught.value)


def test_only_free_text_is_streamed(server):
    with pytest.raises(ConfigError, match="schema must be str"):
        from_langchain(chat(server)).stream(CITY)


def test_tokens_are_added_up_over_the_chunks_of_a_stream():
    # As Anthropic tells them: what was sent at the beginning, what came back at the end.
    from langchain_core.messages import AIMessageChunk
    from langchain_core.outputs import ChatGenerationChunk

    class InParts(ScriptedChat):
        def _stream(self, messages, stop=None, run_manager=None, **kwargs):
            for text, sent, received in (("Hel", 120, 1), ("lo", 0, 7)):
                usage = {"input_tokens": sent, "output_tokens": received, "total_tokens": sent + received}
                yield ChatGenerationChunk(message=AIMessageChunk(text, usage_metadata=usage, id="one"))

    with metered() as usage:
        assert "".join(from_langchain(InParts(answers=[])).stream(FREE)) == "Hello"
    assert (usage.calls, usage.tokens_in, usage.tokens_out) == (1, 120, 8)


def test_a_model_that_states_no_usage_reports_none(server):
    server.by_task = {"City": Reply(json=PORTO.model_dump(), usage=None)}
    with metered() as usage:
        from_langchain(chat(server)).reply(CITY)
    assert usage.calls == 0


def test_an_unknown_method_is_rejected(server):
    with pytest.raises(ConfigError, match="json_mode, instruction, not 'magic'"):
        from_langchain(chat(server), method="magic")


# -- OpenAI-compatible endpoints ---------------------------------------------------------------------------


def test_a_local_server_needs_no_key_and_is_not_sent_the_environments(server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    llm = openai_compatible("qwen3:8b", base_url=server.url)
    assert llm.name == "qwen3:8b"
    assert llm.reply(CITY) == PORTO
    (request,) = server.chats
    assert request.headers["authorization"] == "Bearer none"
    assert request.body["model"] == "qwen3:8b"
    assert not {"temperature", "max_tokens", "max_completion_tokens"} & set(request.body)


def test_a_given_key_is_sent_and_never_shown(server):
    llm = openai_compatible("any", base_url=server.url, api_key=KEY, max_retries=0)
    server.script(Failure(401, message=f"Incorrect API key provided: {KEY}."))
    with pytest.raises(LLMUnavailable, match="check its key") as caught:
        llm.reply(CITY)
    assert server.chats[0].headers["authorization"] == f"Bearer {KEY}"
    assert_silent(caught.value)
    assert KEY not in repr(llm) + str(vars(llm))


def test_the_default_address_is_openais_and_needs_a_key_of_the_environment_or_an_argument(monkeypatch):
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        openai_compatible("gpt-5-mini")
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        openai_compatible("deepseek-chat", base_url="https://api.deepseek.com/v1")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert openai_compatible("gpt-5-mini").name == "gpt-5-mini"


def test_the_address_of_the_environment_counts(server, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    assert openai_compatible("any").reply(CITY) == PORTO


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "192.168.1.7", "ollama", "gpu.local"])
def test_hosts_of_ones_own_network_need_no_key(host):
    assert openai_compatible("any", base_url=f"http://{host}:11434/v1").name == "any"


def test_a_call_ends_after_the_timeout_and_the_retries(server):
    server.default, server.by_task = Failure.HANG, {}
    llm = openai_compatible("any", base_url=server.url, timeout=0.2, max_retries=1)
    with pytest.raises(LLMUnavailable, match="timeout"):
        llm.reply(FREE)
    assert len(server.chats) == 2


def test_more_options_reach_the_client_and_bad_ones_are_named_without_their_values(server):
    server.default = "Hello!"
    openai_compatible("any", base_url=server.url, temperature=0.5).reply(FREE)
    assert server.chats[-1].body["temperature"] == 0.5
    with pytest.raises(ConfigError, match="max_retries") as caught:
        openai_compatible("any", base_url=server.url, api_key=KEY, max_retries=KEY)
    assert_silent(caught.value)
    for seconds in (0, -1, float("inf"), None, "60"):
        with pytest.raises(ConfigError, match="timeout"):
            openai_compatible("any", base_url=server.url, timeout=seconds)
    for address in ("127.0.0.1:11434/v1", "file:///etc/passwd", ""):
        with pytest.raises(ConfigError, match="base_url"):
            openai_compatible("any", base_url=address)


def test_without_langchain_openai_the_error_names_the_command(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "langchain_openai", None)
    with pytest.raises(MissingDependencyError, match="pip install langchain-openai"):
        openai_compatible("any", base_url="http://127.0.0.1:1/v1")


def test_a_server_without_json_schema_gets_the_schema_as_instruction_even_where_its_client_warns(server):
    words = "'response_format' of type 'json_schema' is not supported with this model"
    server.script(Failure(400, message=words))
    llm = from_langchain(chat(server))
    assert [llm.reply(CITY), llm.reply(CITY)] == [PORTO, PORTO]
    assert Counter("response_format" in request.body for request in server.chats) == {True: 1, False: 2}
