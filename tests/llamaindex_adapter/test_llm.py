"""LlamaIndex's models as ``LLM`` and ``Embedder``: answers, refusals, outages, and what errors hide."""

import asyncio
import json
import traceback
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, LLMMetadata
from llama_index.core.embeddings import MockEmbedding
from pydantic import BaseModel, Field

from llamaindex_adapter.models import Talker, WordEmbedding
from llamaindex_memoryos import MemoryOSMemory
from llamaindex_memoryos.llm import from_embed_model, from_llamaindex
from memoryos_integrations import LLM, Embedder, LLMBadOutput, LLMRefused, LLMUnavailable, MemoryOS, Prompt
from memoryos_integrations.errors import ConfigError, EmbedderUnavailableError, LLMError
from memoryos_integrations.model.usage import metered
from memoryos_integrations.protocols import StreamingLLM
from memoryos_integrations.testing import check_embedder, check_llm

SECRET = "sk-secret-1234"


class Topics(BaseModel):
    topics: list[str]
    count: int


ASKED = Prompt("topics", "Find {topics}.", "bees and {hens}", Topics)
FREE = Prompt("respond", "Be kind.", "Hi", str)


def reply_to(prompt, answer):
    return from_llamaindex(Talker(answer)).reply(prompt)


def stopped(text, **raw):
    return ChatResponse(message=ChatMessage(role="assistant", content=text), raw=raw)


def as_text(answer):
    return answer if isinstance(answer, str) else json.dumps(answer)


def test_it_keeps_the_contract_of_a_chat_model():
    check_llm(lambda answers: from_llamaindex(Talker(*map(as_text, answers.values()))))
    assert isinstance(from_llamaindex(Talker()), LLM)


def test_instruction_user_text_and_schema_are_sent_unchanged():
    llm = Talker('{"topics": [], "count": 0}')
    from_llamaindex(llm).reply(ASKED)
    system, question = llm.last
    assert system.content.startswith("Find {topics}.")
    assert '"topics"' in system.content
    assert question.content == "bees and {hens}"


GOOD = '{"topics": ["bees"], "count": 1}'
BEES = Topics(topics=["bees"], count=1)
USAGE = {"prompt_tokens": 120, "completion_tokens": 8}


def as_openai(text, reason="stop", refusal=None):
    """A response as LlamaIndex's OpenAI client gives it."""
    choice = {"finish_reason": reason, "message": {"content": text, "refusal": refusal}}
    return stopped(text, choices=[choice], usage=USAGE)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (as_openai(GOOD), BEES),
        (as_openai("{'topics': ['bees',], count: 1}"), BEES),
        (as_openai(f"```json\n{GOOD}\n```"), BEES),
        (as_openai(f"<think>Perhaps {{}}?</think>{GOOD}"), BEES),
        (as_openai(GOOD[:20], "length"), LLMBadOutput),
        (as_openai(GOOD, "length"), LLMBadOutput),
        (as_openai(GOOD[:20]), LLMBadOutput),
        (as_openai(""), LLMBadOutput),
        (as_openai(None), LLMBadOutput),
        (as_openai('{"topics": "bees", "count": 1}'), LLMBadOutput),
        (as_openai(f'{{"topics": ["{SECRET}"], "count": "{SECRET}", "{SECRET}": 1}}'), LLMBadOutput),
        (as_openai(None, refusal="I will not."), LLMRefused),
        (as_openai("I'm sorry, but I can't help with that."), LLMRefused),
        (as_openai("", "content_filter"), LLMRefused),
    ],
)
def test_every_kind_of_reply_has_its_outcome_and_reports_its_tokens(answer, expected):
    with metered() as usage:
        if isinstance(expected, Topics):
            assert reply_to(ASKED, answer) == expected
        else:
            with pytest.raises(expected, match="'topics'") as caught:
                reply_to(ASKED, answer)
            assert SECRET not in shown(caught.value)
    assert (usage.calls, usage.tokens_in, usage.tokens_out) == (1, 120, 8)


@pytest.mark.parametrize(
    "raw",
    [
        {"choices": [{"finish_reason": "length"}]},
        {"stop_reason": "max_tokens"},
        {"candidates": [{"finish_reason": "MAX_TOKENS"}]},
        {"done_reason": "length"},
    ],
)
def test_a_reply_that_ran_out_of_tokens_is_no_answer_even_if_it_reads_like_one(raw):
    for prompt in (ASKED, FREE):
        with pytest.raises(LLMBadOutput, match="cut off"):
            reply_to(prompt, stopped('{"topics": [], "count": 0}', **raw))


@pytest.mark.parametrize(
    ("raw", "extras"),
    [
        ({"usage": {"input_tokens": 120, "output_tokens": 8}}, {}),
        ({"usage_metadata": {"prompt_token_count": 120, "candidates_token_count": 8}}, {}),
        ({"prompt_eval_count": 120, "eval_count": 8}, {}),
        (None, USAGE),
    ],
)
def test_tokens_are_read_by_the_names_of_each_provider(raw, extras):
    message = ChatMessage(role="assistant", content="Hello.")
    with metered() as usage:
        reply_to(FREE, ChatResponse(message=message, raw=raw, additional_kwargs=extras))
    assert (usage.calls, usage.tokens_in, usage.tokens_out) == (1, 120, 8)


def test_a_model_has_its_own_name_or_that_of_its_class():
    assert from_llamaindex(Talker()).name == Talker.class_name()

    class Named(Talker):
        @property
        def metadata(self):
            return LLMMetadata(model_name="qwen3:8b")

    assert from_llamaindex(Named()).name == "qwen3:8b"


class Streaming(Talker):
    """Streams responses as they are, and raises what is an error among them."""

    parts: list[Any] = Field(default_factory=list)

    def stream_chat(self, messages, **kwargs):
        def parts():
            for part in self.parts:
                if isinstance(part, Exception):
                    raise part
                delta, raw = part if isinstance(part, tuple) else (part, None)
                yield ChatResponse(message=ChatMessage(role="assistant", content=""), delta=delta, raw=raw)

        return parts()


def stream_of(*parts):
    return from_llamaindex(Streaming(parts=list(parts))).stream(FREE)


def test_a_stream_yields_pieces_without_reasoning_and_reports_its_tokens():
    end = {"choices": [{"finish_reason": "stop"}], "usage": USAGE}
    with metered() as usage:
        pieces = list(stream_of("<thi", "nk>hm</th", "ink>\n\nHel", "lo, ", "you!\n", (None, end)))
    assert pieces == ["Hel", "lo,", " you!"]
    assert (usage.calls, usage.tokens_in, usage.tokens_out) == (1, 120, 8)
    assert isinstance(from_llamaindex(Talker()), StreamingLLM)


@pytest.mark.parametrize(
    ("end", "error"),
    [
        (ConnectionError(SECRET), LLMUnavailable),
        (("", {"choices": [{"finish_reason": "length"}]}), LLMBadOutput),
        (("", {"choices": [{"finish_reason": "content_filter"}]}), LLMRefused),
        (("", {"choices": [{"delta": {"refusal": "No."}}]}), LLMRefused),
    ],
)
def test_a_failing_stream_yields_its_beginning_and_then_raises(end, error):
    got = []
    with pytest.raises(error) as caught:
        got.extend(stream_of("Hello, ", "you", end))
    assert "".join(got) == "Hello, you"
    assert SECRET not in shown(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        stopped("", choices=[{"finish_reason": "stop", "message": {"refusal": f"No: {SECRET}"}}]),
        stopped("", choices=[{"finish_reason": "content_filter"}]),
        stopped("", stop_reason="refusal"),
        stopped("", candidates=[{"finish_reason": "SAFETY"}]),
        "I'm sorry, but I can't help with that.",
        "I cannot assist with this request.",
    ],
    ids=str,
)
def test_a_model_that_declines_has_refused(answer):
    with pytest.raises(LLMRefused) as caught:
        reply_to(ASKED, answer)
    assert SECRET not in shown(caught.value)


def test_a_free_text_is_the_models_text_and_an_empty_one_is_an_error():
    assert reply_to(FREE, "<think>hm</think>\nHello, {name}!") == "Hello, {name}!"
    assert reply_to(FREE, "I'm sorry to hear that.") == "I'm sorry to hear that."
    with pytest.raises(LLMBadOutput):
        reply_to(FREE, "<think>hm")


class StatusError(Exception):
    """As HTTP clients raise it."""

    def __init__(self, status, code=None):
        super().__init__(f"status {status} for key {SECRET}")
        self.status_code, self.code = status, code


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ConnectionError(f"refused {SECRET}"), "check that it runs"),
        (TimeoutError(SECRET), "timeout"),
        (StatusError(429), "too many requests"),
        (StatusError(503), "status 503"),
        (StatusError(401), "check its key"),
        (json.JSONDecodeError(SECRET, "<html>", 0), "no chat model's API"),
    ],
    ids=str,
)
def test_a_model_that_does_not_answer_is_unavailable_and_the_error_names_classes_only(error, says):
    llm = from_llamaindex(Talker(error, error))
    for call in (llm.reply, lambda prompt: list(llm.stream(prompt))):
        with pytest.raises(LLMUnavailable, match=says) as caught:
            call(FREE)
        assert type(error).__name__ in str(caught.value)
        assert SECRET not in shown(caught.value)


def test_a_filter_in_front_of_the_model_is_a_refusal():
    with pytest.raises(LLMRefused):
        reply_to(FREE, StatusError(400, "content_filter"))


def shown(error):
    """What a traceback shows, and a log that follows the chain."""
    assert isinstance(error, LLMError | EmbedderUnavailableError)
    assert error.__cause__ is None
    assert error.__context__ is None
    return "".join(traceback.format_exception(error))


def test_it_works_in_a_thread_while_a_loop_runs():
    async def answer():
        return await asyncio.to_thread(from_llamaindex(Talker("Hello.")).reply, FREE)

    assert asyncio.run(answer()) == "Hello."


# -- embedding models --------------------------------------------------------------------------------------


def test_it_keeps_the_contract_of_an_embedder():
    check_embedder(lambda: from_embed_model(WordEmbedding()))
    made = from_embed_model(WordEmbedding())
    assert isinstance(made, Embedder)
    assert (made.name, made.dimension) == ("base_component/words", 64)


def test_a_failing_embedding_model_is_unavailable_and_its_error_text_is_not_shown():
    with pytest.raises(EmbedderUnavailableError, match="ConnectionError") as caught:
        from_embed_model(WordEmbedding(failing=True)).embed(["bees"])
    assert "sk-secret" not in shown(caught.value)


def test_a_store_runs_on_an_embedding_model_of_llama_index(tmp_path):
    chat = MemoryOSMemory.from_defaults(
        persist_directory=tmp_path, user_id="ann", thread_id="a", embed_model=WordEmbedding()
    )
    chat.put(ChatMessage(content="I keep bees.", role="user"))
    chat.user.memory.flush()
    assert chat.user.memory.stats()["vectors"] == 1
    assert chat.user.retrieve("bees").dense
    chat.close()
    with MemoryOS(tmp_path, embedder=from_embed_model(WordEmbedding())) as memory:
        assert memory.user("ann").retrieve("bees").dense


def test_an_object_that_is_no_model_of_llama_index_is_rejected():
    with pytest.raises(ConfigError, match="chat model of LlamaIndex"):
        from_llamaindex(MockEmbedding(embed_dim=3))
    with pytest.raises(ConfigError, match="BaseEmbedding"):
        from_embed_model(Talker())
