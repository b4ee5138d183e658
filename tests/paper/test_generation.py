"""The generation module: an answer from the query and what the three tiers recalled."""

from __future__ import annotations

import pytest
from conftest import OpenMemory

from memoryos_integrations import MemoryConfig
from memoryos_integrations.testing import ScriptedLLM


@pytest.mark.requirement("GEN-1")
def test_the_model_is_given_what_every_tier_remembers_and_then_the_question(
    open_memory: OpenMemory,
) -> None:
    llm = ScriptedLLM({"respond": "Your aunt."})
    ada = open_memory(llm=llm, config=MemoryConfig(short_term_capacity=1)).user("ada")
    ada.add("The viola belongs to my aunt Mathilda.", "How lovely.", thread_id="music")
    for number in range(3):
        ada.add(f"Filler {number}.", "Yes.", thread_id="other")
    ada.add("We were at the harbour.", "Windy!", thread_id="now")
    ada.remember("Ada plays the viola.")
    ada.memory.flush()
    assert {page.tier for page in ada.pages()} == {"short_term", "mid_term"}

    ada.respond("Who plays the viola of aunt Mathilda?", thread_id="now")

    (prompt,) = [prompt for prompt in llm.prompts if prompt.task == "respond"]
    memories, _, question = prompt.user.rpartition("The user says now:\n")
    assert question == "Who plays the viola of aunt Mathilda?"
    for text in (
        "We were at the harbour.",
        "The viola belongs to my aunt Mathilda.",
        "Ada plays the viola.",
    ):
        assert text in memories
    assert "1 January 2026" in prompt.system
