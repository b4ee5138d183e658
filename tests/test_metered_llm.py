"""Calls to a chat model: retried once after an unusable reply, recorded with their token usage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel

from memoryos_integrations import LLMBadOutput, LLMRefused, LLMUnavailable, MemoryConfig, MemoryOS, Prompt
from memoryos_integrations.errors import ConfigError, LLMBudgetSpent
from memoryos_integrations.model.costs import usage_totals
from memoryos_integrations.model.metered_llm import MeteredLLM
from memoryos_integrations.model.usage import report
from memoryos_integrations.storage.ledger import Ledger
from memoryos_integrations.testing import ScriptedLLM

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import OpenMemory

DAY = 86_400_000_000
QUESTION = Prompt("refine", "Sort.", "one two three", str)


class Words(BaseModel):
    words: list[str]


class Metered:
    """A model that reports its usage and acts as scripted on each call."""

    name = "metered-1"

    def __init__(self, *does: object) -> None:
        self.does, self.prompts = list(does), []

    def reply(self, prompt):
        self.prompts.append(prompt)
        report(100, 10)
        done = self.does.pop(0)
        if isinstance(done, Exception):
            raise done
        return done

    def stream(self, prompt) -> Iterator[str]:
        yield from self.does
        report(40, 4)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path / "store")
    yield ledger
    ledger.close()


def asking(ledger: Ledger, llm: object, now: int = 0, **config: object) -> MeteredLLM:
    return MeteredLLM(
        llm,  # type: ignore[arg-type]
        ledger,
        config=MemoryConfig(**config),  # type: ignore[arg-type]
        count_tokens=lambda text: len(text.split()),
        now=lambda: now,
    )


def spent(ledger: Ledger) -> dict:
    with ledger.read() as tx:
        return usage_totals(tx)


def test_an_unusable_reply_is_retried_once_with_the_reason(ledger):
    llm = Metered("bad", "good")

    def accept(text: str) -> str:
        if text == "bad":
            raise LLMBadOutput("It names no topic.")
        return text.upper()

    assert asking(ledger, llm).ask(1, QUESTION, accept) == "GOOD"
    assert "It names no topic." in llm.prompts[1].system
    assert llm.prompts[1].user == QUESTION.user


def test_a_second_unusable_reply_raises(ledger):
    llm = Metered(LLMBadOutput("cut"), LLMBadOutput("cut"), "never asked for")
    with pytest.raises(LLMBadOutput):
        asking(ledger, llm).ask(1, QUESTION, str)
    assert len(llm.prompts) == 2


@pytest.mark.parametrize("error", [LLMRefused("no"), LLMUnavailable("down")])
def test_a_model_that_declines_or_is_down_is_not_asked_twice(ledger, error):
    llm = Metered(error, "never asked for")
    with pytest.raises(type(error)):
        asking(ledger, llm).ask(1, QUESTION, str)
    assert len(llm.prompts) == 1


def test_an_error_of_the_client_is_raised_as_unavailable(ledger):
    with pytest.raises(LLMUnavailable, match=r"metered-1.*ConnectionError"):
        asking(ledger, Metered(ConnectionError("sk-secret"))).reply(1, QUESTION)


def test_a_reply_of_another_type_is_bad_output(ledger):
    with pytest.raises(LLMBadOutput, match="Words"):
        asking(ledger, Metered("text")).reply(1, Prompt("refine", "s", "u", Words))


def test_calls_are_recorded_with_the_usage_that_the_model_reports(ledger):
    door = asking(ledger, Metered(LLMBadOutput("cut"), "good", ConnectionError()))
    door.ask(1, QUESTION, str)
    with pytest.raises(LLMUnavailable):
        door.reply(1, Prompt("learn", "s", "u", str))

    totals = spent(ledger)

    assert (totals["calls"], totals["tokens_in"], totals["tokens_out"], totals["failures"]) == (3, 300, 30, 2)
    assert totals["by_task"]["refine"] == {"calls": 2, "tokens_in": 200, "tokens_out": 20, "failures": 1}


def test_the_tokens_of_a_model_that_reports_none_are_counted(ledger):
    asking(ledger, ScriptedLLM({"refine": "four words of answer"})).reply(1, QUESTION)
    assert spent(ledger)["by_task"]["refine"] == {
        "calls": 1,
        "tokens_in": 4,
        "tokens_out": 4,
        "failures": 0,
    }


def test_a_stream_is_recorded_when_it_ends(ledger):
    door = asking(ledger, Metered("Hel", "lo"))
    pieces = []
    for piece in door.stream(1, Prompt("respond", "s", "u", str)):
        report(5000, 5000)  # a call of the caller's own, in between
        pieces.append(piece)
    assert pieces == ["Hel", "lo"]
    assert spent(ledger)["by_task"]["respond"] == {
        "calls": 1,
        "tokens_in": 40,
        "tokens_out": 4,
        "failures": 0,
    }


def test_a_stream_that_is_closed_early_is_recorded_up_to_there(ledger):
    stream = asking(ledger, Metered("one two", "three")).stream(1, Prompt("respond", "a b", "c", str))
    assert next(stream) == "one two"
    stream.close()
    assert spent(ledger)["by_task"]["respond"] == {
        "calls": 1,
        "tokens_in": 3,
        "tokens_out": 2,
        "failures": 1,
    }


def test_over_the_daily_budget_no_call_is_made_until_the_next_day(ledger):
    llm = Metered("good", "good", "good")
    asking(ledger, llm, daily_tokens=110).ask(1, QUESTION, str)
    with pytest.raises(LLMBudgetSpent, match="daily_tokens=110"):
        asking(ledger, llm, daily_tokens=110).ask(1, QUESTION, str)
    assert len(llm.prompts) == 1

    assert asking(ledger, llm, now=DAY, daily_tokens=110).ask(1, QUESTION, str) == "good"


def test_a_store_refuses_an_object_without_reply_and_says_what_to_pass(open_memory: OpenMemory):
    with pytest.raises(ConfigError, match="from_langchain"):
        open_memory(llm=object())
    with pytest.raises(ConfigError, match="enrich"):
        open_memory().enrich()


def test_the_usage_of_a_forgotten_user_stays_in_the_totals(memory: MemoryOS, open_memory):
    ada = memory.user("ada")
    ada.add("Hi", "Hello")
    with memory._store.ledger.read() as tx:
        number = ada._scope.number(tx)
    asking(memory._store.ledger, Metered("good")).reply(number, QUESTION)
    assert memory.stats()["llm"]["by_user"] == {
        "ada": {"calls": 1, "tokens_in": 100, "tokens_out": 10, "failures": 0}
    }

    ada.forget(everything=True)

    assert memory.stats()["llm"]["calls"] == 1
    assert memory.stats()["llm"]["by_user"] == {}
