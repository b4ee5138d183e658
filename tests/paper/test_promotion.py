"""Promotion by rules: users' statements about themselves in hot segments become facts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from memoryos_integrations import MemoryConfig, MemoryOS, UserMemory
from memoryos_integrations.testing import FrozenClock, HashEmbedder

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(START)


@pytest.fixture
def memory(tmp_path: Path, clock: FrozenClock) -> Iterator[MemoryOS]:
    config = MemoryConfig(short_term_capacity=1, segment_threshold=0.0, promotion_heat=3)
    with MemoryOS(tmp_path / "store", embedder=HashEmbedder(), clock=clock, config=config) as opened:
        yield opened


@pytest.fixture
def ada(memory: MemoryOS) -> UserMemory:
    return memory.user("ada")


def tell(ada: UserMemory, clock: FrozenClock, *texts: str, fillers: int = 3) -> None:
    """Add texts an hour apart, then fillers that push them out of short-term memory and make them hot."""
    for text in (*texts, *(f"Filler number {number} about the weather." for number in range(fillers))):
        clock.advance(3600)
        ada.add(text, "I see.")
    ada.memory.flush()


@pytest.mark.requirement("LPM-1")
def test_a_hot_segment_yields_facts_and_a_cold_one_none(
    memory: MemoryOS, ada: UserMemory, clock: FrozenClock
) -> None:
    tell(ada, clock, "My name is Tom.", fillers=1)
    assert ada.facts() == []  # one page: heat 2

    tell(ada, clock)

    fact = ada.facts()[0]
    assert (fact.about, fact.method, fact.source) == ("user", "extractive", "user")
    assert "Tom" in fact.text
    assert [page.messages[0].text for page in ada.trace(fact.id)] == ["My name is Tom."]
    assert fact.source_page_ids == (ada.trace(fact.id)[0].id,)


@pytest.mark.requirement("LPM-1")
def test_a_page_is_promoted_once_and_the_page_count_is_reset(
    memory: MemoryOS, ada: UserMemory, clock: FrozenClock
) -> None:
    tell(ada, clock, "My name is Tom.", "I work as a data scientist.")
    segment, facts = ada.segments()[0], ada.facts()
    assert len(segment.page_ids) == 4
    assert segment.page_count == 0
    assert segment.heat < 3

    tell(ada, clock)

    assert ada.facts() == facts


@pytest.mark.requirement("LPM-1")
def test_every_hot_segment_is_promoted_not_only_the_hottest(tmp_path: Path, clock: FrozenClock) -> None:
    config = MemoryConfig(short_term_capacity=1, segment_threshold=0.3, promotion_heat=3)
    with MemoryOS(tmp_path / "s", embedder=HashEmbedder(), clock=clock, config=config) as memory:
        ada = memory.user("ada")
        for _ in range(9):
            ada.add("violin concert violin concert violin", "violin concert")
        for _ in range(3):
            ada.add("harbour boat harbour boat. My name is Tom.", "harbour boat")
        ada.add("something else entirely", "yes")
        memory.flush()

        assert len(ada.segments()) == 2
        assert {segment.page_count for segment in ada.segments()} == {0}
        assert any("Tom" in fact.text for fact in ada.facts())


@pytest.mark.requirement("LPM-1")
def test_visits_alone_can_make_a_segment_hot_enough(tmp_path: Path, clock: FrozenClock) -> None:
    config = MemoryConfig(short_term_capacity=1, promotion_heat=8)
    with MemoryOS(tmp_path / "s", embedder=HashEmbedder(), clock=clock, config=config) as memory:
        ada = memory.user("ada")
        tell(ada, clock, "My name is Tom and I am at the harbour.", fillers=1)
        assert ada.facts() == []
        for _ in range(7):
            ada.retrieve("harbour", k=1)

        memory.flush()

        assert len(ada.facts()) == 1


@pytest.mark.parametrize(
    ("role", "source"), [("assistant", None), ("tool", None), ("user", "tool"), ("user", "assistant")]
)
def test_what_others_say_never_becomes_a_fact_about_the_user(
    memory: MemoryOS, ada: UserMemory, clock: FrozenClock, role: str, source: str | None
) -> None:
    ada.add_message("My name is Mallory.", role=role, source=source)  # type: ignore[arg-type]
    tell(ada, clock)

    assert ada.facts() == []
    assert ada.persona().version == 0


@pytest.mark.requirement("LPM-3")
def test_the_profile_follows_from_the_facts_and_every_change_is_a_version(
    memory: MemoryOS, ada: UserMemory, clock: FrozenClock
) -> None:
    tell(ada, clock, "My name is Tom.")
    assert ada.persona().profile["name"] == "Tom"
    first = ada.persona().version

    tell(ada, clock, "I live in Lisbon.")

    persona = ada.persona()
    assert (persona.version, persona.profile["name"], persona.profile["home"]) == (first + 1, "Tom", "Lisbon")
    assert "home" not in ada.persona(version=first).profile
    assert "Tom" in ada.context("who am I?").text.split("[profile]")[1].split("[")[0]


@pytest.mark.requirement("LPM-3")
@pytest.mark.parametrize(
    ("text", "name", "work", "workplace"),
    [
        (
            "Hi! I'm Tom, I work as a data scientist in San Francisco.",
            "Tom",
            "data scientist",
            "San Francisco",
        ),
        (
            "Oi! Eu sou o Tom, trabalho como cientista de dados em San Francisco.",
            "Tom",
            "cientista de dados",
            "San Francisco",
        ),
        ("你好！我叫汤姆，我在旧金山做数据科学家。", "汤姆", "数据科学家", "旧金山"),
    ],
)
def test_an_introduction_in_three_languages_fills_the_profile(
    memory: MemoryOS, ada: UserMemory, clock: FrozenClock, text: str, name: str, work: str, workplace: str
) -> None:
    tell(ada, clock, text)

    assert ada.persona().profile == {"name": name, "work": work, "workplace": workplace}
    assert {fact.method for fact in ada.facts()} == {"extractive"}


@pytest.mark.requirement("LPM-3")
def test_a_newer_value_replaces_an_older_one_which_is_kept(
    memory: MemoryOS, ada: UserMemory, clock: FrozenClock
) -> None:
    tell(ada, clock, "I live in Lisbon.")
    between = clock.now()
    tell(ada, clock, "I live in Porto.")

    assert [fact.text for fact in ada.facts() if "Lisbon" in fact.text] == []
    assert any("Lisbon" in fact.text for fact in ada.facts(at=between))
    old = next(fact for fact in ada.facts(at=between) if "Lisbon" in fact.text)
    new = next(fact for fact in ada.facts() if "Porto" in fact.text)
    assert (old.superseded_by, old.valid_to) == (new.id, new.valid_from)
    assert ada.persona().profile["home"] == "Porto"


def test_an_older_statement_added_later_does_not_replace_a_newer_one(
    memory: MemoryOS, ada: UserMemory, clock: FrozenClock
) -> None:
    tell(ada, clock, "I live in Porto.")
    ada.add("I live in Lisbon.", "ok", at=START - timedelta(days=400))
    tell(ada, clock)

    assert ada.persona().profile["home"] == "Porto"
    assert any("Lisbon" in fact.text for fact in ada.facts(at=START - timedelta(days=300)))


def test_an_imported_statement_never_supersedes_what_the_user_said_here(
    memory: MemoryOS, ada: UserMemory, clock: FrozenClock
) -> None:
    tell(ada, clock, "I live in Porto.")
    ada.add_message("I live in Lisbon.", role="user", source="import")
    tell(ada, clock)

    assert ada.persona().profile["home"] == "Porto"


def test_a_repeated_statement_is_one_fact_with_both_sources(
    memory: MemoryOS, ada: UserMemory, clock: FrozenClock
) -> None:
    tell(ada, clock, "I live in Porto.")
    tell(ada, clock, "You know, I live in Porto.")

    homes = [fact for fact in ada.facts() if "Porto" in fact.text]
    assert len(homes) == 1
    assert len(ada.trace(homes[0].id)) == 2


def test_forgetting_a_message_removes_its_fact_and_field_from_every_version(
    memory: MemoryOS, ada: UserMemory, clock: FrozenClock
) -> None:
    tell(ada, clock, "My name is Tom.", "I live in Xanadu.")
    fact = next(fact for fact in ada.facts() if "Xanadu" in fact.text)
    versions = ada.persona().version

    receipt = ada.forget(ids=[ada.trace(fact.id)[0].id])

    assert fact.id in receipt.fact_ids
    assert ada.persona().profile.get("name") == "Tom"
    assert not any("Xanadu" in str(ada.persona(version=version)) for version in range(1, versions + 1))
    assert not any(b"Xanadu" in file.read_bytes() for file in memory.path.rglob("*") if file.is_file())


def test_forgetting_the_successor_of_a_fact_reopens_the_fact(
    memory: MemoryOS, ada: UserMemory, clock: FrozenClock
) -> None:
    tell(ada, clock, "I live in Lisbon.")
    tell(ada, clock, "I live in Porto.")
    new = next(fact for fact in ada.facts() if "Porto" in fact.text)

    ada.forget(ids=[new.id])

    assert any("Lisbon" in fact.text for fact in ada.facts())
    assert ada.persona().profile["home"] == "Lisbon"


def test_an_export_carries_facts_with_their_sources_and_the_profile(
    memory: MemoryOS, ada: UserMemory, clock: FrozenClock, tmp_path: Path
) -> None:
    tell(ada, clock, "I live in Porto.")
    ada.export(tmp_path / "ada.jsonl")

    with MemoryOS(tmp_path / "other", embedder=HashEmbedder(), clock=clock) as other:
        eve = other.user("eve")
        eve.load(tmp_path / "ada.jsonl")
        other.flush()

        assert eve.persona().profile == ada.persona().profile
        assert eve.facts() == ada.facts()
        assert eve.trace(eve.facts()[0].id)


def test_a_context_leaves_the_room_of_extractive_facts_to_the_messages_they_repeat(
    memory: MemoryOS, ada: UserMemory, clock: FrozenClock
) -> None:
    tell(ada, clock, "I live in Porto.")
    fact = ada.remember("Ada is allergic to nuts.")

    kinds = {item.kind: item.id for item in ada.context("Where do I live, what am I allergic to?").items}

    assert len(ada.facts()) == 2
    assert kinds["fact"] == fact.id
    assert {item.id for item in ada.retrieve("Porto", kinds=("fact",)).items} > {fact.id}


def test_what_a_user_had_remembered_is_not_crowded_out_of_a_context_by_newer_extractive_facts(
    tmp_path: Path, clock: FrozenClock
) -> None:
    config = MemoryConfig(short_term_capacity=1, promotion_heat=0.5, knowledge_capacity=3)
    with MemoryOS(tmp_path / "full", embedder=HashEmbedder(), config=config, clock=clock) as memory:
        ada = memory.user("ada")
        ada.remember("Ada is allergic to nuts.")
        for name in ("rain", "jazz", "chess", "honey", "trains"):
            ada.add(f"I like {name} a lot.", "Noted.")
        while sum(memory.flush().ran.values()):
            pass

        assert len([fact for fact in ada.facts() if fact.method == "extractive"]) > 3
        assert "allergic to nuts" in ada.context("What is Ada allergic to?", max_tokens=300).text
