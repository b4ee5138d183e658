"""The contract of chat models: it holds for the fake, and it finds what breaks it."""

import pytest
from pydantic import BaseModel

from memoryos_integrations import LLMBadOutput, LLMRefused, LLMUnavailable, Prompt
from memoryos_integrations.model.usage import report
from memoryos_integrations.protocols import LLM
from memoryos_integrations.testing import ScriptedLLM, check_llm


class City(BaseModel):
    name: str


CITY = Prompt("city", "Name it.", "Porto", City)


class Broken(ScriptedLLM):
    """Keeps the contract but for what a test takes away."""

    name = "scripted"

    def stream(self, prompt):
        yield from self.reply(prompt)


class Shouting(Broken):
    def reply(self, prompt):
        answer = super().reply(prompt)
        return answer.upper() if isinstance(answer, str) else answer


class Stuttering(Broken):
    def stream(self, prompt):
        for piece in super().stream(prompt):
            yield from (piece, piece)


class Believing(Broken):
    def reply(self, prompt):
        try:
            return super().reply(prompt)
        except LLMBadOutput:
            return prompt.schema.model_construct()


class Hopeful(Broken):
    """Takes a refusal for an outage, so that it is asked again for ever."""

    def reply(self, prompt):
        try:
            return super().reply(prompt)
        except LLMRefused:
            raise LLMUnavailable("later") from None


class Paid(Broken):
    def reply(self, prompt):
        report(-1, 1)
        return super().reply(prompt)


def test_the_scripted_model_keeps_the_contract_with_a_stream_or_without():
    check_llm(ScriptedLLM)
    check_llm(Broken)
    assert isinstance(ScriptedLLM({}), LLM)


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (Shouting, "'HELLO.', not 'Hello.'"),
        (Stuttering, "was streamed as"),
        (Believing, "not LLMBadOutput"),
        (Hopeful, "an apology raised LLMUnavailable"),
        (Paid, "which no call costs"),
    ],
)
def test_what_breaks_the_contract_is_found_and_named(broken, says):
    with pytest.raises(AssertionError, match=says):
        check_llm(broken)


def test_a_scripted_text_is_read_as_that_of_a_real_model_where_an_object_is_asked_for():
    llm = ScriptedLLM({"city": ['```json\n{"name": "Porto"}\n```', "I'm sorry, I can't.", "Porto."]})
    assert llm.reply(CITY) == City(name="Porto")
    with pytest.raises(LLMRefused):
        llm.reply(CITY)
    with pytest.raises(LLMBadOutput):
        llm.reply(CITY)
