"""A chat model extracts persona and knowledge from hot segments, with evidence."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from memoryos_integrations import LLMUnavailable, MemoryConfig, MemoryOS, Prompt, UserMemory
from memoryos_integrations.testing import FrozenClock, ScriptedLLM
from memoryos_integrations.traits import DIMENSIONS, GROUPS


class Learner(ScriptedLLM):
    """A model that answers as the test sets it, citing the pages that contain a text."""

    def __init__(self) -> None:
        super().__init__({"learn": self._answer, "refine": LLMUnavailable("not asked here")})
        self.profile: dict[str, tuple[str, str, str]] = {}
        self.traits: dict[str, tuple[str, str]] = {}
        self.facts: dict[str, tuple[str, str]] = {}

    def _answer(self, prompt: Prompt[Any]) -> dict[str, Any]:
        pages = re.split(r"(?m)^(?=p\d+, )", prompt.user.partition("[pages]")[2])

        def cited(quote: str) -> dict[str, Any]:
            held = [page.partition(",")[0] for page in pages if quote in page]
            return {"quote": quote, "pages": held}

        items = {
            "profile": [
                {"about": about, "field": field, "value": value, **cited(quote)}
                for quote, (about, field, value) in self.profile.items()
            ],
            "traits": [
                {"dimension": name, "level": level, **cited(quote)}
                for quote, (name, level) in self.traits.items()
            ],
            "facts": [
                {"about": about, "statement": text, **cited(quote)}
                for quote, (about, text) in self.facts.items()
            ],
        }
        return {kind: [item for item in those if item["pages"]] for kind, those in items.items()}

    @property
    def calls_made(self) -> int:
        return sum(prompt.task == "learn" for prompt in self.prompts)


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def llm() -> Learner:
    return Learner()


@pytest.fixture
def open_with(tmp_path: Path, clock: FrozenClock, llm: Learner) -> Iterator[Callable[..., UserMemory]]:
    opened: list[MemoryOS] = []

    def open_(**config: Any) -> UserMemory:
        settings = MemoryConfig(**({"short_term_capacity": 1, "segment_threshold": 0.0} | config))
        opened.append(MemoryOS(tmp_path / "store", embedder="none", llm=llm, clock=clock, config=settings))
        return opened[-1].user("ada")

    yield open_
    for memory in opened:
        memory.close()


def tell(ada: UserMemory, clock: FrozenClock, *texts: str) -> None:
    for text in (*texts, "That is all."):
        clock.advance(3600)
        ada.add(text, "I see.")
    ada.memory.flush()


@pytest.mark.requirement("LPM-1")
def test_a_model_reads_hot_segments_in_batches_and_each_page_once(open_with, clock, llm) -> None:
    ada = open_with(promotion_heat=4, promotion_batch_pages=3)
    llm.facts = {"nine hives": ("user", "Ada has nine hives.")}
    tell(ada, clock, "I have nine hives.", "They hum.")
    assert (llm.calls_made, ada.facts()) == (0, [])  # two pages: heat 3

    tell(ada, clock, "They hum all day.", "Even at night.", "I sleep well.")

    assert llm.calls_made == 2  # six pages, three at once
    assert [fact.text for fact in ada.facts()] == ["Ada has nine hives."]
    assert [segment.page_count for segment in ada.segments()] == [0]
    ada.memory.flush()
    assert llm.calls_made == 2


@pytest.mark.requirement("LPM-3")
def test_a_profile_holds_name_gender_and_year_of_birth_with_their_evidence(open_with, clock, llm) -> None:
    ada = open_with(promotion_heat=1)
    llm.profile = {
        "Ada Lima": ("user", "name", "Ada Lima"),
        "as a woman": ("user", "gender", "woman"),
        "born in 1990": ("user", "birth_year", "1990"),
    }
    tell(ada, clock, "People say Ada Lima to me.", "As I was told as a woman born in 1990 in Faro.")
    assert ada.persona().profile["name"] == "Ada Lima"
    assert ada.persona().profile["gender"] == "woman"
    assert ada.persona().profile["birth_year"] == "1990"
    for fact in ada.facts():
        assert ada.trace(fact.id), fact
    version = ada.persona().version
    llm.profile = {"Ada Costa": ("user", "name", "Ada Costa")}
    tell(ada, clock, "They say Ada Costa now.")
    assert ada.persona().profile["name"] == "Ada Costa"
    assert ada.persona().profile["gender"] == "woman"
    assert ada.restore(version).profile["name"] == "Ada Lima"


@pytest.mark.requirement("LPM-4")
def test_traits_are_levels_of_known_dimensions_with_their_evidence(open_with, clock, llm) -> None:
    ada = open_with(promotion_heat=1)
    llm.traits = {
        "all in rows": ("order", "high"),
        "short answers": ("conciseness", "high"),
        "no music": ("interest in music", "low"),
        "by luck": ("luck", "high"),
    }
    tell(ada, clock, "I have all in rows, want short answers and no music, and live by luck.")
    traits = ada.persona().traits
    assert {name: trait.level for name, trait in traits.items()} == {
        "order": "high",
        "conciseness": "high",
        "interest in music": "low",
    }
    assert [trait.group for trait in traits.values()] == list(GROUPS)
    assert len(DIMENSIONS) == 90
    page = next(page for page in ada.pages() if "rows" in page.messages[0].text)
    assert {trait.source_page_ids for trait in traits.values()} == {(page.id,)}
    assert {trait.since for trait in traits.values()} == {page.at}


@pytest.mark.requirement("LPM-5")
def test_the_agent_has_a_profile_and_facts_of_its_own(open_with, clock, llm) -> None:
    ada = open_with(promotion_heat=1)
    llm.profile = {"be my coach": ("agent", "role", "coach"), "My name is Tom": ("user", "name", "Tom")}
    llm.facts = {"gave me three books": ("agent", "The agent recommended three books.")}
    tell(ada, clock, "Please be my coach. My name is Tom.", "You gave me three books.")
    persona = ada.persona()
    assert (persona.agent_profile, persona.profile) == ({"role": "coach"}, {"name": "Tom"})
    assert {fact.text for fact in ada.facts(about="agent")} == {
        "The agent's role is coach.",
        "The agent recommended three books.",
    }
    assert [fact.text for fact in ada.facts(about="user")] == ["The user's name is Tom."]
    assert ada.memory.user("bob").persona().agent_profile == {}


@pytest.mark.requirement("LPM-2")
def test_the_newest_facts_are_shown_and_the_older_ones_kept(open_with, clock, llm) -> None:
    ada = open_with(promotion_heat=1, knowledge_capacity=2)
    llm.facts = {f"thing {name}": ("user", f"The user has the thing {name}.") for name in "abcd"}
    tell(ada, clock, *(f"I have thing {name}." for name in "abcd"))
    shown = [fact.text[-2:-1] for fact in ada.persona().knowledge]
    assert shown == ["d", "c"]
    assert len(ada.facts()) == 4
    found = ada.retrieve("thing", kinds=("fact",)).items
    assert sorted(item.text[-2:-1] for item in found) == ["c", "d"]
