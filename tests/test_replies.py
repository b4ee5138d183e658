"""Reading any reply of a model: an answer that fits, or an error that quotes nothing."""

import json
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from memoryos_integrations import LLMBadOutput, LLMRefused, LLMUnavailable, Prompt
from memoryos_integrations.errors import ConfigError, LLMError, StoreError
from memoryos_integrations.model.provider_errors import attempt, failure_of, stop_of, tokens_of
from memoryos_integrations.model.replies import LONGEST, RawReply, answer_of, instruction_of, pieces_of
from memoryos_integrations.model.reply_json import LONGEST_REPAIRED, Thoughts, without_thoughts
from memoryos_integrations.model.usage import metered

SECRET = "sk-secret-4711"
PORTO = '{"name": "Porto"}'


class City(BaseModel):
    name: str
    people: int = 0
    rivers: list[str] = Field(default_factory=list)


class Facts(BaseModel):
    """All of its fields may be missing."""

    facts: list[str] = Field(default_factory=list)


class Anything(BaseModel):
    """Takes every object."""

    model_config = ConfigDict(extra="allow")


CITY = Prompt("city", "Name the city {as JSON}.", "Porto has {braces}.", City)
FREE = Prompt("greet", "Be kind.", "Hi!", str)


def read(text, schema=City, **fields):
    return answer_of(RawReply(text, **fields), Prompt("city", "Name it.", "Porto", schema))


def free_text(text, **fields):
    return answer_of(RawReply(text, **fields), FREE)


def shown(error):
    """What a traceback shows, and a log that follows the chain."""
    assert error.__cause__ is None
    assert error.__context__ is None
    return "".join(traceback.format_exception(error))


@pytest.mark.parametrize(
    "text",
    [
        PORTO,
        f"\ufeff {PORTO}\n",
        f"```json\n{PORTO}\n```",
        f"Sure, here it is:\n```\n{PORTO}\n```\nAnything else?",
        f"As {{asked}} in [1]:\n~~~\n{PORTO}\n~~~",
        f'<think>{{"name": "Lisbon"}}? No.</think>{PORTO}',
        f"<THINKING>\nhm {{\n</THINKING>{PORTO}",
        f'Let me think. {{"name": 7}}\n</think>\n\n{PORTO}',
        f'Perhaps {{"name": "Lis ...\n</think>\n\n{PORTO}',
        f"{PORTO}<think>Was that right?",
        f"The city is {PORTO} {{I hope}}.",
        f'{{"thought": "hm"}} {PORTO}',
        f"{PORTO} I say it again: {PORTO}",
        f'{{"type": "object", "properties": {{"name": {{"type": "string"}}}}}}\n{PORTO}',
        '{"name": "Porto", "country": "Portugal"}',
    ],
)
def test_an_object_is_found_bare_fenced_after_thoughts_and_among_prose(text):
    assert read(text) == City(name="Porto")


@pytest.mark.parametrize(
    ("text", "city"),
    [
        ('{"name": "Porto",}', City(name="Porto")),
        ("{'name': 'Porto', 'rivers': ['Douro',],}", City(name="Porto", rivers=["Douro"])),
        ("{'name': 'Vila d'Este'}", City(name="Vila d'Este")),
        ("""{'name': 'the "old" d\\'Este\\ntown', }""", City(name='the "old" d\'Este\ntown')),
        ('{name: "Porto", people: 7}', City(name="Porto", people=7)),
        ("{name: Porto}", City(name="Porto")),
        ('{"name": "Porto" "people": 7}', City(name="Porto", people=7)),
        ('{"name": "the "old" town"}', City(name='the "old" town')),
        ('{"name": "Porto", "rivers": ["Douro"}', City(name="Porto", rivers=["Douro"])),
        ('{"name": "Porto", // by the sea\n "people": 7}', City(name="Porto", people=7)),
        ('{"name": "Porto\nVelho"}', City(name="Porto\nVelho")),
        ("{“name”: “Porto”}", City(name="Porto")),
        ("```json\n{'name': 'Porto'}\n```", City(name="Porto")),
        ("<think>{'name': 'Lisbon'}</think>It is {'name': 'Porto'}, I think.", City(name="Porto")),
    ],
)
def test_an_object_that_is_whole_but_malformed_is_put_right(text, city):
    assert read(text) == city
    assert read(text, finish_reason="stop") == city
    with pytest.raises(LLMBadOutput, match="max_tokens"):
        read(text, finish_reason="length")


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "Porto"',
        '{"name": "Porto", "rivers": ["Douro"]',
        '{"name": "Porto, not Lis}',
        '{"name": "the "old}',
        '{"name": "the "old} town", "people"',
        "{'name': 'Porto'",
        "{'name': 'Vila d'Este}",
        '{"name": }',
        '{"name": "Porto", "people":}',
        '{"name": "Porto", "rivers": ["Douro", ...]}',
        '{"cities": [{"name": "Porto"}, {"na',
        '{"a": {"name": "Porto"}',
        '[{"name": "Porto"}]',
        '[{"name": "Porto"}, {"na',
        '[0, {"name": "Porto"}',
        f'{PORTO} {{"name": "Lisbon"}}',
        f'{PORTO} and {{"na',
        "{'name': 'Porto'} or {'name': 'Lisbon'}",
        "{'name': 'Porto'}}",
        "{}",
        "null",
        "7",
        "bees, mostly",
        "[" * 100_000,
        '{"name":' * 50_000,
        '{"name":' * 50_000 + "1" + "}" * 50_000,
        "{'name': " + "[" * 5_000 + "]" * 5_000 + "}",
        "{'name': '" + "a" * LONGEST_REPAIRED + "'}",
    ],
    ids=lambda text: text[:40],
)
@pytest.mark.parametrize("reason", ["stop", None])
def test_what_is_cut_left_out_or_not_one_object_is_no_answer(text, reason):
    with pytest.raises(LLMBadOutput):
        read(text, finish_reason=reason)


@pytest.mark.parametrize(
    "text",
    [
        f'{{"name": ["{SECRET}"], "{SECRET}": 1}}',
        f'{{"name": "Porto", "people": "{SECRET}"}}',
        f'{{"name": "{SECRET}',
        f"{SECRET} is a city",
        f"I'm sorry, {SECRET} is none.",
    ],
)
def test_an_error_names_the_task_and_our_own_fields_and_nothing_that_the_model_wrote(text):
    with pytest.raises(LLMError, match="'city'") as caught:
        read(text)
    assert SECRET not in shown(caught.value)


def test_an_error_of_a_strict_schema_does_not_quote_the_field_that_the_model_made_up():
    class Strict(BaseModel):
        model_config = ConfigDict(extra="forbid")
        name: str

    with pytest.raises(LLMBadOutput, match="Strict") as caught:
        read(f'{{"name": "Porto", "{SECRET}": 1}}', Strict)
    assert SECRET not in shown(caught.value)


def test_what_does_not_fit_is_named_by_its_fields():
    with pytest.raises(LLMBadOutput, match="does not fit City: name, people"):
        read('{"name": 1, "people": "many"}')


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"answer": []}',
        '{"title": "Facts", "type": "object", "properties": {"facts": {"type": "array"}}}',
    ],
)
def test_that_nothing_was_found_is_an_empty_list_and_not_a_missing_one(text):
    assert read('{"facts": []}', Facts) == Facts()
    with pytest.raises(LLMBadOutput):
        read(text, Facts)


@pytest.mark.parametrize(
    "text", ["", " \n", "<think>nothing more</think>", "<think>not ended", "hm</think> "]
)
@pytest.mark.parametrize("prompt", [CITY, FREE])
def test_a_reply_that_says_nothing_is_bad_output(text, prompt):
    with pytest.raises(LLMBadOutput, match="empty"):
        answer_of(RawReply(text), prompt)


@pytest.mark.parametrize("prompt", [CITY, FREE])
def test_a_reply_that_does_not_end_is_bad_output(prompt):
    with pytest.raises(LLMBadOutput, match="1,000,000"):
        answer_of(RawReply("a" * (LONGEST + 1)), prompt)


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I’m sorry, I cannot.",
        "Sorry! No.",
        "I can't assist with this request.",
        "I cannot name people.",
        "I am unable to do that.",
        "I won’t do that.",
        "Unfortunately, I cannot share it.",
        "I apologize, but no.",
        "As an AI, I do not know people.",
        "Desculpe, não posso ajudar com isso.",
        "Não posso ajudar.",
        "很抱歉，我无法回答。",
        "对不起，我不能这样做。",
        "我无法提供这些信息。",
        "<think>May I?</think>\n\nI'm sorry, but I can't.",
    ],
)
def test_an_apology_where_an_object_was_asked_for_is_a_refusal_and_else_a_text(text):
    with pytest.raises(LLMRefused):
        read(text)
    assert free_text(text) == without_thoughts(text)
    assert read(f"{text} {PORTO}").name == "Porto"


@pytest.mark.parametrize("text", ["Sorrento is a city.", "I can tell you.", "The city is sorry.", "我不知道"])
def test_other_prose_is_none(text):
    with pytest.raises(LLMBadOutput):
        read(text)


@pytest.mark.parametrize("prompt", [CITY, FREE])
@pytest.mark.parametrize(
    ("source", "error"),
    [
        ({"finish_reason": "length"}, LLMBadOutput),
        ({"finish_reason": "max_tokens"}, LLMBadOutput),
        ({"finish_reason": "content_filter"}, LLMRefused),
        ({"finish_reason": "safety"}, LLMRefused),
        ({"refusal": True}, LLMRefused),
        ({"finish_reason": "insufficient_system_resource"}, LLMUnavailable),
    ],
)
def test_what_the_provider_says_of_the_reply_counts_more_than_how_it_reads(prompt, source, error):
    with pytest.raises(error) as caught:
        answer_of(RawReply(PORTO, **source), prompt)
    with pytest.raises(error):
        answer_of(RawReply(tool_arguments=({"name": "Porto"},), **source), prompt)
    shown(caught.value)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (({"name": "Porto"},), None),
        ((PORTO,), None),
        (("{'name': 'Porto',}",), None),
        (({"name": "Porto"}, {"name": "Porto"}), None),
        (({"name": "Porto"}, {"name": "Lisbon"}), LLMBadOutput),
        (('{"name": "Por',), LLMBadOutput),
        (({"name": 7},), LLMBadOutput),
        (({},), LLMBadOutput),
        (("",), LLMBadOutput),
    ],
)
def test_the_arguments_of_a_function_are_read_as_text_is_and_before_it(arguments, error):
    raw = RawReply('{"name": "Faro"}', tool_arguments=arguments)
    if error is None:
        assert answer_of(raw, CITY) == City(name="Porto")
    else:
        with pytest.raises(error):
            answer_of(raw, CITY)


def test_free_text_is_what_the_model_said_without_thoughts_and_fit_to_be_stored():
    assert free_text("<think>Be kind?</think>\n\nHello, {name}!\n") == "Hello, {name}!"
    assert free_text("half \ud83d a character, \x00") == "half \ufffd a character, \ufffd"
    assert free_text('{"name": 1}') == '{"name": 1}'


def test_an_instruction_for_an_object_ends_with_its_schema_and_one_for_text_is_left_as_it_is():
    assert instruction_of(FREE) == "Be kind."
    instruction = instruction_of(CITY)
    assert instruction.startswith("Name the city {as JSON}.\n\n")
    assert json.loads(instruction.splitlines()[-1])["title"] == "City"


def test_a_schema_that_is_none_is_refused():
    with pytest.raises(ConfigError, match="schema"):
        answer_of(RawReply("1"), Prompt("t", "s", "u", int))
    with pytest.raises(ConfigError, match="schema"):
        pieces_of(streamed("1"), CITY)


# -- laws --------------------------------------------------------------------------------------------------

ODD = st.sampled_from(["</think>", "<think>", "```", '{"', "'", '"', "}", "]", "{a: 1}", "...", "\\", "//"])
TEXTS = st.lists(st.text(max_size=5) | ODD, max_size=6).map("".join)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(TEXTS, VALUES, max_size=4)
LAYOUTS = st.sampled_from([{}, {"indent": 1}, {"separators": (",", ":")}, {"ensure_ascii": False}])
ANY_TEXT = st.lists(st.text(st.characters(), max_size=8) | ODD | st.just("{'a': 'b'}"), max_size=8).map(
    "".join
)


@given(st.data(), OBJECTS | st.lists(VALUES, max_size=3), LAYOUTS, st.sampled_from(["", " \n", "```json\n"]))
def test_no_proper_prefix_of_a_reply_yields_an_object(data, value, layout, before):
    text = json.dumps(value, **layout)
    cut = data.draw(st.integers(0, len(text) - 1))
    for arguments in ({"text": before + text[:cut]}, {"tool_arguments": (text[:cut],)}):
        with pytest.raises(LLMBadOutput):
            answer_of(RawReply(**arguments), Prompt("t", "s", "u", Anything))


@given(OBJECTS, LAYOUTS, st.text(st.characters(exclude_characters="{}[]<`"), max_size=40))
def test_a_whole_object_is_read_whatever_prose_stands_around_it(value, layout, prose):
    text = json.dumps(value, **layout)
    for reply in (text, f"{prose}\n{text}\n{prose}", f"<think>{prose}</think>```json\n{text}\n```"):
        assert read(reply, Anything).model_extra == value


@given(ANY_TEXT, st.sampled_from([City, Facts, Anything, str]), st.sampled_from([None, "stop", "length"]))
def test_any_text_is_an_answer_or_an_error_of_ours(text, schema, reason):
    try:
        answer = read(text, schema, finish_reason=reason)
    except LLMError as error:
        shown(error)
    else:
        assert isinstance(answer, schema)


@given(st.lists(st.text(st.characters(), max_size=5) | st.sampled_from(["<think>", "</thinking>", "<THINK"])))
def test_thoughts_go_the_same_way_in_whatever_pieces_a_text_comes(pieces):
    thoughts = Thoughts()
    kept = [thoughts.feed(piece) for piece in pieces] + [thoughts.end()]
    whole = without_thoughts("".join(pieces))
    assert not thoughts.stray or "".join(kept).endswith(whole)
    assert thoughts.stray or "".join(kept) == whole
    assert not any(tag in whole.lower() for tag in ("<think>", "<thinking>", "</think>", "</thinking>"))


@given(st.text())
def test_a_text_without_thoughts_loses_the_space_around_it_only(text):
    if "think" not in text.lower():
        assert without_thoughts(text) == text.strip()


# -- streams -----------------------------------------------------------------------------------------------


def streamed(*pieces):
    for piece in pieces:
        if isinstance(piece, Exception):
            raise piece
        yield RawReply(piece) if isinstance(piece, str) else piece


def test_a_stream_is_yielded_as_it_comes_and_its_thoughts_never():
    text = pieces_of(streamed("<thi", "nk>hm", "</th", "ink>\n\nHel", "lo", " ", "you <t", "b>", "\n"), FREE)
    assert list(text) == ["Hel", "lo", " you", " <tb>"]


@pytest.mark.parametrize(
    ("pieces", "given", "error"),
    [
        (["Hello ", "you", ConnectionError(SECRET)], "Hello you", LLMUnavailable),
        ([TimeoutError(SECRET)], "", LLMUnavailable),
        (["Hello", RawReply(finish_reason="length")], "Hello", LLMBadOutput),
        ([RawReply("Hello", finish_reason="length"), RawReply(tokens=(1, 2))], "Hello", LLMBadOutput),
        (["Hel", RawReply(finish_reason="content_filter")], "Hel", LLMRefused),
        ([RawReply(refusal=True)], "", LLMRefused),
        (["<think>", "hm", "</think>"], "", LLMBadOutput),
        ([""], "", LLMBadOutput),
        ([], "", LLMUnavailable),
        (["Perhaps so. ", "</think>", "Hello"], "Perhaps so.", LLMBadOutput),
        (["a" * 400_000] * 3, "a" * 800_000, LLMBadOutput),
    ],
)
def test_a_stream_that_fails_gives_what_came_before_and_then_its_error(pieces, given, error):
    got = []
    with pytest.raises(error) as caught:
        got.extend(pieces_of(streamed(*pieces), FREE))
    assert "".join(got) == given
    assert SECRET not in shown(caught.value)


def test_a_stream_that_nobody_reads_to_its_end_is_closed():
    source = streamed("Hello", "you")
    text = pieces_of(source, FREE)
    assert next(text) == "Hello"
    text.close()
    assert list(source) == []


def test_a_thought_whose_beginning_is_swallowed_is_no_trouble_as_long_as_nothing_of_it_was_said():
    assert "".join(pieces_of(streamed("\n", "</think>", "Hello", " you"), FREE)) == "Hello you"


# -- what a call costs -------------------------------------------------------------------------------------


@pytest.mark.parametrize("raw", [RawReply(PORTO, tokens=(120, 8)), RawReply("", tokens=(120, 8))])
def test_what_a_call_cost_is_told_once_whatever_its_answer_is_worth(raw):
    with metered() as usage:
        for _ in range(2):
            try:
                answer_of(raw, CITY)
            except LLMBadOutput:
                continue
    assert (usage.calls, usage.tokens_in, usage.tokens_out) == (2, 240, 16)


def test_what_a_stream_cost_is_told_at_its_end_and_what_nobody_states_is_not():
    pieces = [RawReply("Hello", tokens=(120, 1)), RawReply(tokens=(120, 2), finish_reason="length")]
    with metered() as usage, pytest.raises(LLMBadOutput):
        list(pieces_of(streamed(*pieces), FREE))
    assert (usage.calls, usage.tokens_in, usage.tokens_out) == (1, 120, 2)
    with metered() as usage:
        list(pieces_of(streamed("Hello"), FREE))
        free_text("Hello")
    assert usage.calls == 0


def test_what_a_failed_call_cost_is_told_where_the_error_holds_the_completion():
    class LengthFinishReasonError(Exception):
        def __init__(self):
            self.completion = {"usage": {"prompt_tokens": 120, "completion_tokens": 8}}

    with metered() as usage, pytest.raises(LLMBadOutput, match="max_tokens"):
        attempt(raising(LengthFinishReasonError()), lambda error: failure_of(error, "city"))
    assert (usage.calls, usage.tokens_in, usage.tokens_out) == (1, 120, 8)


@pytest.mark.parametrize(
    ("source", "tokens"),
    [
        ({"usage": {"prompt_tokens": 3, "completion_tokens": 4}}, (3, 4)),
        ({"token_usage": {"prompt_tokens": 3, "completion_tokens": 4}}, (3, 4)),
        ({"usage": {"input_tokens": 3, "output_tokens": 4}}, (3, 4)),
        ({"usage_metadata": {"prompt_token_count": 3, "candidates_token_count": 4}}, (3, 4)),
        ({"prompt_eval_count": 3, "eval_count": 4}, (3, 4)),
        ({"usage": {"prompt_tokens": 3}}, None),
        ({"usage": {"prompt_tokens": "3", "completion_tokens": True}}, None),
        ({"usage": None}, None),
        (None, None),
    ],
)
def test_tokens_are_known_by_the_names_that_providers_have_for_them(source, tokens):
    assert tokens_of(source) == tokens
    assert tokens_of({}, source) == tokens


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ({"choices": [{"finish_reason": "length"}]}, "length"),
        ({"finish_reason": "SAFETY"}, "safety"),
        ({"candidates": [{"finish_reason": "MAX_TOKENS"}]}, "max_tokens"),
        ({"stop_reason": "end_turn"}, "end_turn"),
        ({"stopReason": "guardrail_intervened"}, "guardrail_intervened"),
        ({"done_reason": "length"}, "length"),
        ({"incomplete_details": {"reason": "max_output_tokens"}}, "max_output_tokens"),
        ({"choices": [], "finish_reason": None}, None),
        (None, None),
    ],
)
def test_why_a_model_stopped_is_known_by_the_names_that_providers_have_for_it(source, reason):
    assert stop_of(None, source) == reason


# -- failures of calls -------------------------------------------------------------------------------------


class StatusError(Exception):
    """As HTTP clients raise it."""

    def __init__(self, status=None, code=None):
        super().__init__(f"status {status} for key {SECRET}")
        self.status_code, self.code = status, code


class ContextOverflowError(Exception):
    pass


def raising(error):
    def call():
        raise error

    return call


def wrapped(error):
    """Return an error as libraries wrap it."""
    try:
        raise ValueError(f"call failed: {SECRET}") from error
    except ValueError as outer:
        return outer


@pytest.mark.parametrize(
    ("error", "expected", "says"),
    [
        (ConnectionError(SECRET), LLMUnavailable, "check that it runs"),
        (TimeoutError(SECRET), LLMUnavailable, "timeout"),
        (StatusError(429), LLMUnavailable, "too many requests"),
        (StatusError(429, "insufficient_quota"), LLMUnavailable, "quota"),
        (StatusError(500), LLMUnavailable, "status 500"),
        (StatusError(503), LLMUnavailable, "check that it runs"),
        (StatusError(401), LLMUnavailable, "key"),
        (StatusError(404), LLMUnavailable, "name and address"),
        (StatusError(422), LLMUnavailable, "options"),
        (wrapped(StatusError(502)), LLMUnavailable, "ValueError, HTTP status 502"),
        (json.JSONDecodeError(SECRET, f"<html>{SECRET}", 0), LLMUnavailable, "no chat model's API"),
        (StatusError(400, "content_filter"), LLMRefused, "declined"),
        (wrapped(StatusError(400, "content_filter")), LLMRefused, "declined"),
        (StatusError(400, "context_length_exceeded"), LLMBadOutput, "longer than the model takes"),
        (ContextOverflowError(SECRET), LLMBadOutput, "longer than the model takes"),
    ],
)
def test_the_failure_of_a_call_says_what_to_do_and_nothing_that_the_provider_said(error, expected, says):
    with pytest.raises(expected, match=says) as caught:
        attempt(raising(error), lambda raised: failure_of(raised, "city"))
    assert type(error).__name__ in str(caught.value)
    assert "'city'" in str(caught.value)
    assert SECRET not in shown(caught.value)


def test_errors_of_ours_and_interruptions_pass_unchanged():
    for error in (StoreError("full"), KeyboardInterrupt()):
        with pytest.raises(type(error)) as caught:
            attempt(raising(error), lambda raised: failure_of(raised, "city"))
        assert caught.value is error
