"""With a real model at the other end: every reply is a surprise, and none of them breaks anything.

SmolLM2-135M is far too small to judge anything by. JSON is held to its schema by a grammar, so the form of a
reply is right and its content is arbitrary.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from langchain_memoryos.llm import openai_compatible
from memoryos_integrations import LLMBadOutput, MemoryConfig, MemoryOS, Prompt, UserMemory
from memoryos_integrations.testing import HashEmbedder

ADDRESS = os.environ.get("MEMORYOS_REAL_MODEL")
pytestmark = pytest.mark.skipif(ADDRESS is None, reason="no model is served: make test-real-model")

CONFIG = MemoryConfig(
    short_term_capacity=1,
    segment_threshold=0.2,
    promotion_heat=1,
    consolidation_batch_pages=3,
    promotion_batch_pages=3,
    prompt_tokens=300,
    response_tokens=150,
)
TURNS = (
    ("My name is Tom and I live in Lisbon.", "Hello Tom!"),
    ("I keep bees on the roof.", "How many hives?"),
    ("Bye for now.", "See you."),
)


@pytest.fixture
def ada(tmp_path: Path) -> Iterator[UserMemory]:
    llm = openai_compatible("smollm2", base_url=ADDRESS, timeout=600, max_retries=0)
    with MemoryOS(tmp_path / "store", llm=llm, config=CONFIG, embedder=HashEmbedder()) as memory:
        yield memory.user("ada")


def test_a_free_question_is_answered_in_words(ada: UserMemory) -> None:
    llm = ada.memory.llm
    assert llm is not None
    try:
        answer = llm.reply(Prompt("greet", "You are kind.", "Say hello.", str))
    except LLMBadOutput:
        return  # it talked until its limit: that is no answer
    assert answer.strip()


def test_a_conversation_is_refined_and_learnt_from_or_left_as_rules_made_it(ada: UserMemory) -> None:
    for user, assistant in TURNS:
        ada.add(user, assistant)
    for _ in range(2):
        parked = ada.memory.flush().parked
        if not parked:
            break

    assert [page.messages[0].text for page in ada.pages()] == [user for user, _ in TURNS]
    placed = [page for segment in ada.segments() for page in segment.page_ids]
    assert sorted(placed) == sorted(page.id for page in ada.pages() if page.tier == "mid_term")
    assert {segment.method for segment in ada.segments()} <= {"extractive", "smollm2"}
    assert ada.persona().profile["name"] == "Tom"
    for fact in ada.facts():
        assert ada.trace(fact.id), fact
    spent = ada.memory.stats()["llm"]
    assert spent["calls"] >= 2
    assert spent["tokens_in"] > spent["calls"] * 100
    assert ada.memory.verify().ok or parked


def test_an_answer_from_memory_is_stored_as_a_turn_and_a_failure_is_not(ada: UserMemory) -> None:
    ada.add(*TURNS[1])
    try:
        answer = ada.respond("What do I keep on the roof?")
    except LLMBadOutput:
        assert [len(page.messages) for page in ada.pages()] == [2, 1]
        return
    assert [message.text for message in ada.pages()[-1].messages] == ["What do I keep on the roof?", answer]
