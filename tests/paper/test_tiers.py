"""The paper's tiers, driven through the public API."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from conftest import OpenMemory

from memoryos_integrations import MemoryConfig, MemoryOS, UserMemory
from memoryos_integrations.testing import FrozenClock, HashEmbedder

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def memory(open_memory: OpenMemory) -> MemoryOS:
    return open_memory(config=MemoryConfig(short_term_capacity=3, mid_term_capacity=3))


def talk(ada: UserMemory, clock: FrozenClock, *topics: str) -> list[str]:
    """Add a page on each topic, a minute apart; returns their ids."""
    pages = []
    for number, topic in enumerate(topics):
        clock.advance(60)
        pages.append(ada.add(f"{topic} {topic} question {topic}", f"{topic} answer {topic} {number}").id)
    return pages


@pytest.mark.requirement("PAGE-1")
def test_a_page_holds_both_sides_with_their_time(ada: UserMemory, clock: FrozenClock) -> None:
    page = ada.add("Where is my key?", "Under the mat.")

    assert [(m.role, m.text, m.at) for m in page.messages] == [
        ("user", "Where is my key?", START),
        ("assistant", "Under the mat.", START),
    ]
    assert ada.pages() == [page]


@pytest.mark.requirement("PAGE-1")
@pytest.mark.parametrize(("user", "assistant"), [("only a note", ""), ("", "only a greeting")])
def test_one_side_alone_is_a_page_too(ada: UserMemory, user: str, assistant: str) -> None:
    ada.add(user, assistant)

    assert [m.text for m in ada.pages()[0].messages] == [user or assistant]


@pytest.mark.requirement("STM-1")
def test_the_oldest_pages_over_the_capacity_move_to_mid_term_memory(
    memory: MemoryOS, ada: UserMemory, clock: FrozenClock
) -> None:
    pages = talk(ada, clock, *["bees"] * 5)

    memory.flush()

    assert [(p.id, p.tier) for p in ada.pages()] == [
        *((page, "mid_term") for page in pages[:2]),
        *((page, "short_term") for page in pages[2:]),
    ]


@pytest.mark.requirement("STM-2")
def test_a_page_is_placed_in_a_segment_in_the_moment_it_leaves_short_term_memory(
    memory: MemoryOS, ada: UserMemory, clock: FrozenClock
) -> None:
    talk(ada, clock, *["bees", "trains"] * 5)

    memory.flush()

    moved = [page for page in ada.pages() if page.tier == "mid_term"]
    placed = {page for segment in ada.segments() for page in segment.page_ids}
    assert {page.id for page in moved} == placed


@pytest.mark.requirement("STM-2")
def test_when_the_embedder_is_down_pages_stay_in_short_term_memory_and_move_later(
    tmp_path: Path, clock: FrozenClock
) -> None:
    embedder = Moody()
    config = MemoryConfig(short_term_capacity=1)
    with MemoryOS(tmp_path / "s", embedder=embedder, clock=clock, config=config) as memory:
        ada = memory.user("ada")
        embedder.down = True
        talk(ada, clock, "bees", "bees", "bees")
        report = memory.flush()
        assert set(report.parked.values()) == {"EmbedderUnavailableError"}
        assert {page.tier for page in ada.pages()} == {"short_term"}
        assert len(ada.retrieve("bees").items) == 6

        embedder.down = False
        clock.advance(timedelta(hours=1))
        assert not memory.flush().parked

        assert [page.tier for page in ada.pages()] == ["mid_term", "mid_term", "short_term"]


class Moody(HashEmbedder):
    """An embedder with a switch that makes it fail."""

    down = False

    def embed(self, texts):  # type: ignore[no-untyped-def]
        if self.down:
            raise ConnectionError("the service is down")
        return super().embed(texts)


@pytest.mark.requirement("MTM-1")
def test_a_page_joins_the_most_similar_segment_or_starts_a_new_one(
    memory: MemoryOS, ada: UserMemory, clock: FrozenClock
) -> None:
    pages = talk(ada, clock, "bees", "trains", "bees", "trains", "xylophones", "yachts", "zebras")

    memory.flush()

    assert sorted(sorted(segment.page_ids) for segment in ada.segments()) == sorted(
        [sorted([pages[0], pages[2]]), sorted([pages[1], pages[3]])]
    )


@pytest.mark.requirement("MTM-1")
@pytest.mark.parametrize(("threshold", "segments"), [(0.0, 1), (2.0, 2)])
def test_the_threshold_decides_which_pages_share_a_segment(
    open_memory: OpenMemory, clock: FrozenClock, threshold: float, segments: int
) -> None:
    config = MemoryConfig(short_term_capacity=1, segment_threshold=threshold)
    memory = open_memory(config=config)
    ada = memory.user("ada")
    talk(ada, clock, "bees", "trains", "zebras")

    memory.flush()

    assert len(ada.segments()) == segments


@pytest.mark.requirement("MTM-2")
def test_summary_and_keywords_take_in_the_pages_that_join_later(
    open_memory: OpenMemory, clock: FrozenClock
) -> None:
    config = MemoryConfig(short_term_capacity=1, segment_threshold=0.0)
    memory = open_memory(config=config)
    ada = memory.user("ada")
    talk(ada, clock, "bees", "zebras")
    memory.flush()
    before = ada.segments()[0]
    talk(ada, clock, *["honey"] * 6, "zebras")
    memory.flush()
    after = ada.segments()[0]

    assert (before.id, before.keywords[0]) == (after.id, "bees")
    assert after.keywords[0] == "honey"
    assert "honey" in after.summary
    assert "01 Jan 2026" in after.summary


@pytest.mark.requirement("MTM-2")
def test_a_segments_vector_is_the_mean_of_its_pages_and_is_what_chroma_holds(
    tmp_path: Path, clock: FrozenClock
) -> None:
    import chromadb

    embedder = HashEmbedder(32)
    client = chromadb.PersistentClient(str(tmp_path / "client"))
    config = MemoryConfig(short_term_capacity=1, segment_threshold=0.0)
    with MemoryOS(tmp_path / "s", embedder=embedder, clock=clock, config=config, chroma=client) as memory:
        ada = memory.user("ada")
        talk(ada, clock, "bees", "honey", "zebras")
        memory.flush()
        pages = [page for page in ada.pages() if page.tier == "mid_term"]
        means = [np.mean(embedder.embed([m.text for m in page.messages]), axis=0) for page in pages]
        expected = np.mean([mean / np.linalg.norm(mean) for mean in means], axis=0)
        name = next(c.name for c in client.list_collections() if c.name.endswith("mid_term_segments"))
        held = client.get_collection(name, embedding_function=None).get(include=["embeddings"])

    found = np.asarray(held["embeddings"][0])
    assert float(found @ expected / np.linalg.norm(found) / np.linalg.norm(expected)) == pytest.approx(
        1, abs=1e-5
    )


@pytest.mark.requirement("MTM-3")
def test_heat_is_the_weighted_sum_of_visits_pages_and_recency(
    open_memory: OpenMemory, clock: FrozenClock
) -> None:
    config = MemoryConfig(
        short_term_capacity=1, heat_alpha=2, heat_beta=10, heat_gamma=100, promotion_heat=1000
    )
    memory = open_memory(config=config)
    ada = memory.user("ada")
    talk(ada, clock, "bees", "bees", "bees", "zebras")
    memory.flush()
    for _ in range(4):
        ada.retrieve("bees", k=1)
    segment = ada.segments()[0]

    assert (segment.visits, segment.page_count) == (4, 3)
    assert segment.heat == pytest.approx(2 * 4 + 10 * 3 + 100 * 1)


@pytest.mark.requirement("MTM-4")
def test_heat_decays_with_the_time_since_the_last_visit_whenever_it_is_read(
    memory: MemoryOS, ada: UserMemory, clock: FrozenClock
) -> None:
    talk(ada, clock, *["bees"] * 4)
    memory.flush()
    fresh = ada.segments()[0].heat

    clock.advance(1e7 + 180)  # the segment's page is three minutes older than the newest

    assert fresh - ada.segments()[0].heat == pytest.approx(
        math.exp(-180 / 1e7) - math.exp(-1 - 360 / 1e7), abs=1e-4
    )


@pytest.mark.requirement("RET-3")
def test_a_retrieval_visits_the_segments_it_returns_pages_of_and_renews_their_recency(
    memory: MemoryOS, ada: UserMemory, clock: FrozenClock
) -> None:
    talk(ada, clock, "bees", "trains", "xylophones", "yachts", "zebras")
    memory.flush()
    clock.advance(1e7)

    ada.retrieve("bees", k=2)

    heats = {segment.keywords[0]: (segment.visits, round(segment.heat, 2)) for segment in ada.segments()}
    assert heats == {"bees": (1, 3.0), "trains": (0, 1.37)}
    memory.flush()
    ada.retrieve("trains", k=2)
    visits = {segment.keywords[0]: segment.visits for segment in ada.segments()}
    assert visits == {"bees": 1, "trains": 1}


@pytest.mark.requirement("RET-3")
def test_a_retrieval_writes_nothing_to_the_store(
    memory: MemoryOS, ada: UserMemory, clock: FrozenClock
) -> None:
    talk(ada, clock, *["bees"] * 5)
    memory.flush()
    log = memory.path / "memory.db-wal"
    before = (log.stat().st_size, log.stat().st_mtime_ns)

    for _ in range(20):
        ada.retrieve("bees")
        ada.context("bees")

    assert (log.stat().st_size, log.stat().st_mtime_ns) == before


@pytest.mark.requirement("MTM-5")
def test_beyond_the_capacity_the_coldest_segment_is_evicted_and_its_pages_stay_searchable(
    memory: MemoryOS, ada: UserMemory, clock: FrozenClock
) -> None:
    talk(ada, clock, "bees", "trains", "violins", "xylophones", "yachts", "zebras")
    memory.flush()
    ada.retrieve("bees", k=1)
    ada.retrieve("violins", k=1)

    talk(ada, clock, "walnuts")  # pushes the xylophones out of short-term memory: a fourth segment
    memory.flush()

    assert {segment.keywords[0] for segment in ada.segments()} == {"bees", "violins", "xylophones"}
    item = ada.retrieve("trains", k=1).items[0]
    assert ("trains" in item.text, item.tier, item.segment_id) == (True, "mid_term", None)


@pytest.mark.requirement("MTM-5")
def test_the_segment_that_was_just_made_is_never_the_one_evicted(
    memory: MemoryOS, ada: UserMemory, clock: FrozenClock
) -> None:
    talk(ada, clock, "bees", "trains", "violins", "xylophones", "yachts", "zebras")
    memory.flush()
    for topic in ("bees", "trains", "violins"):
        for _ in range(5):
            ada.retrieve(topic, k=1)

    talk(ada, clock, "walnuts")
    memory.flush()

    assert "xylophones" in {segment.keywords[0] for segment in ada.segments()}
    assert len(ada.segments()) == 3


@pytest.mark.requirement("MTM-5")
def test_pages_of_an_evicted_segment_get_no_lift_from_their_session(
    memory: MemoryOS, ada: UserMemory, clock: FrozenClock
) -> None:
    talk(ada, clock, "bees", "trains", "violins", "xylophones", "yachts", "zebras")
    memory.flush()
    ada.retrieve("bees", k=1)
    ada.retrieve("violins", k=1)
    lifted = ada.retrieve("trains", k=1).items[0].parts["same conversation"]
    ada.retrieve("xylophones", k=1)
    talk(ada, clock, "walnuts")
    memory.flush()
    evicted = next(page for page in ada.pages() if page.tier == "mid_term" and page.segment_id is None)

    found = ada.retrieve(evicted.messages[0].text, k=20).items

    assert lifted > 0
    assert {item.parts["same conversation"] for item in found if item.page_id == evicted.id} == {0}


@pytest.mark.requirement("RET-1")
def test_a_context_for_a_conversation_begins_with_its_newest_turns(
    ada: UserMemory, clock: FrozenClock
) -> None:
    for number in range(20):
        clock.advance(60)
        ada.add(f"turn {number} of monday", "yes", thread_id="monday")
        ada.add(f"turn {number} of tuesday", "no", thread_id="tuesday")

    context = ada.context("which turn?", max_tokens=400, thread_id="monday")

    recent = [item for item in context.items if item.score == 0]
    assert recent[-1].text == "yes"
    assert {item.thread_id for item in recent} == {"monday"}
    assert context.items[: len(recent)] == tuple(recent)
    assert 4 <= len(recent) <= 20


@pytest.mark.requirement("RET-2")
@pytest.mark.parametrize(
    ("top_segments", "top_pages", "expected"), [(1, 2, (2, 0)), (1, 5, (3, 0)), (2, 5, (3, 2))]
)
def test_the_papers_strategy_returns_only_short_term_pages_and_pages_of_the_best_segments(
    open_memory: OpenMemory, clock: FrozenClock, top_segments: int, top_pages: int, expected: tuple[int, int]
) -> None:
    config = MemoryConfig(
        short_term_capacity=1, strategy="paper", top_segments=top_segments, top_pages=top_pages
    )
    memory = open_memory(config=config)
    ada = memory.user("ada")
    bees = talk(ada, clock, "bees", "bees", "bees")
    trains = talk(ada, clock, "trains", "trains", "trains")
    newest = talk(ada, clock, "newest")
    memory.flush()

    pages = {item.page_id for item in ada.retrieve("bees question", k=50).items}

    assert set(newest) < pages
    assert (len(pages & set(bees)), len(pages & set(trains))) == expected


@pytest.mark.requirement("RET-4")
@pytest.mark.requirement("LPM-2")
def test_a_context_offers_the_ten_best_facts_of_the_newest_that_are_kept_in_view(
    open_memory: OpenMemory, clock: FrozenClock
) -> None:
    config = MemoryConfig(knowledge_capacity=30)
    memory = open_memory(config=config)
    ada = memory.user("ada")
    for number in range(40):
        clock.advance(1)
        ada.remember(f"fact {number} about bees")

    shown = [item for item in ada.context("bees fact", max_tokens=4000).items if item.kind == "fact"]
    numbers = {int(item.text.split()[1]) for item in ada.retrieve("bees", k=50, kinds=("fact",)).items}

    assert len(shown) == 10
    assert numbers == set(range(10, 40))
    assert len(ada.facts()) == 40
