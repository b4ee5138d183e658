"""Refinement of pages by a chat model: topics with summaries, and dialogue chains."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from programs.refining import by_word, shown

from memoryos_integrations import MemoryConfig
from memoryos_integrations.testing import ScriptedLLM

if TYPE_CHECKING:
    from conftest import OpenMemory

    from memoryos_integrations import UserMemory

CONFIG = MemoryConfig(short_term_capacity=1)


def talk(ada: UserMemory, *texts: tuple[str, str]) -> list[str]:
    """Add a page for each (text, thread), and one that pushes them out of short-term memory."""
    pages = [ada.add(text, thread_id=thread).id for text, thread in texts]
    ada.add("newest", thread_id="another")
    ada.memory.flush()
    return pages


@pytest.mark.requirement("PAGE-2")
def test_pages_that_continue_each_other_form_a_chain_with_a_summary(open_memory: OpenMemory) -> None:
    llm = ScriptedLLM({"refine": by_word("bees", "trains", chains=True)})
    ada = open_memory(llm=llm, config=CONFIG).user("ada")
    one, two, three = talk(ada, ("bees", "monday"), ("trains", "tuesday"), ("bees again", "monday"))

    monday, tuesday = ada.chains()
    assert (monday.thread_id, monday.page_ids, monday.summary) == (
        "monday",
        (one, three),
        "Told: bees bees again",
    )
    assert (tuesday.thread_id, tuesday.page_ids, tuesday.method) == ("tuesday", (two,), "ScriptedLLM")
    assert [page.chain_id for page in ada.pages()] == [monday.id, tuesday.id, monday.id, None]
    assert [page.id for page in ada.trace(monday.id)] == [one, three]


@pytest.mark.requirement("PAGE-2")
def test_a_chain_goes_on_in_a_later_batch_which_is_shown_its_summary(open_memory: OpenMemory) -> None:
    llm = ScriptedLLM({"refine": by_word("bees", "trains", chains=True)})
    ada = open_memory(llm=llm, config=CONFIG).user("ada")
    (one,) = talk(ada, ("bees", "monday"))
    (two,) = talk(ada, ("bees again", "monday"))
    talk(ada, ("trains", "wednesday"))

    assert "Told: bees" in shown(llm.prompts[1], "c")["c1"]
    assert "monday" not in llm.prompts[1].user
    first = next(chain for chain in ada.chains() if chain.thread_id == "monday")
    assert (first.page_ids, first.summary) == ((one, two), "Told: bees bees again")
    assert not any("bees" in text for text in shown(llm.prompts[2], "c").values())


@pytest.mark.requirement("PAGE-2")
def test_a_chain_lies_within_one_conversation_and_a_page_in_one_chain(open_memory: OpenMemory) -> None:
    def answer(prompt: Any) -> dict[str, Any]:
        chains = [
            {"continues": None, "pages": ["p1", "p2", "p3"], "summary": "One."},
            {"continues": None, "pages": ["p3", "p2"], "summary": "Two."},
        ]
        return by_word("bees", "trains")(prompt) | {"chains": chains}

    ada = open_memory(llm=ScriptedLLM({"refine": answer}), config=CONFIG).user("ada")
    one, two, three = talk(ada, ("bees", "monday"), ("trains", "tuesday"), ("bees again", "monday"))

    assert [(chain.page_ids, chain.summary) for chain in ada.chains()] == [
        ((one, three), "One."),
        ((two,), "Two."),
    ]


@pytest.mark.requirement("PAGE-2")
def test_without_a_model_there_are_no_chains(open_memory: OpenMemory) -> None:
    ada = open_memory(config=CONFIG).user("ada")
    talk(ada, ("bees", "monday"), ("bees again", "monday"))

    assert ada.chains() == []
    assert open_memory(Path(ada.memory.path)).user("nobody yet").chains() == []


@pytest.mark.requirement("MTM-1")
def test_a_topic_of_a_model_joins_the_segment_with_the_highest_score_as_a_page_does(
    open_memory: OpenMemory,
) -> None:
    def answer(prompt: Any) -> dict[str, Any]:
        return {
            "topics": [
                {"pages": [label], "summary": f"Of {text.split()[-1]}.", "keywords": text.split()[-1:]}
                for label, text in shown(prompt, "p").items()
            ]
        }

    ada = open_memory(llm=ScriptedLLM({"refine": answer}), config=CONFIG).user("ada")
    one, two, three = talk(ada, ("bees bees bees", "a"), ("trains trains", "a"), ("bees bees bees", "a"))

    placed = {frozenset(segment.page_ids): segment.summary for segment in ada.segments()}
    assert placed == {frozenset({one, three}): "Of bees. Of bees.", frozenset({two}): "Of trains."}


@pytest.mark.requirement("MTM-2")
def test_a_model_refreshes_summary_and_keywords_whenever_a_topic_goes_on(open_memory: OpenMemory) -> None:
    llm = ScriptedLLM({"refine": by_word("bees")})
    ada = open_memory(llm=llm, config=CONFIG).user("ada")
    (one,) = talk(ada, ("bees bees roof", "a"))
    (two,) = talk(ada, ("bees bees honey", "a"))

    segment = next(segment for segment in ada.segments() if one in segment.page_ids)
    assert (segment.page_ids, segment.summary) == ((one, two), "Told: bees bees roof bees bees honey")
    assert segment.keywords == ("bees", "roof", "honey")
    assert "1 January 2026" in llm.prompts[0].user
