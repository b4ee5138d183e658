"""Forgotten items are gone from every answer, tier, process and byte on disk."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from conftest import THOROUGH
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from programs.bytes_of import files_with, marked_words
from programs.embedders import SwitchedEmbedder
from programs.processes import started
from programs.sharing import find_when_told, read_along

from memoryos_integrations import MemoryConfig, MemoryOS, UserMemory
from memoryos_integrations.errors import InvalidInputError
from memoryos_integrations.testing import HashEmbedder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from memoryos_integrations.protocols import Vector

TINY = MemoryConfig(short_term_capacity=2)


def opened(folder: Path, **more: Any) -> MemoryOS:
    return MemoryOS(folder, embedder=HashEmbedder(64), config=TINY, **more)


def words_of(memory: UserMemory) -> Counter[str]:
    return Counter(page.messages[0].text for page in memory.pages())


@dataclass
class Planted:
    """Words that occur only in one user's memories, by place."""

    words: dict[str, str] = field(default_factory=dict)
    pages: dict[str, str] = field(default_factory=dict)
    fact: str = ""

    def of(self, *places: str) -> list[str]:
        return [self.words[place] for place in places]


def planted(memory: MemoryOS, seed: int) -> tuple[UserMemory, Planted]:
    """Fill every tier of a user: three threads on three topics, facts, names, metadata."""
    chance, there = random.Random(seed), Planted()

    def word(place: str) -> str:
        return there.words.setdefault(place, f"zq{chance.randrange(16**12):012x}")

    user = memory.user(word("user"), agent_id=word("agent"))
    for topic in ("bees", "trains", "soup"):
        for number in range(5):
            page = user.add(
                f"We talk about {topic} and {topic} again, {word(f'{topic}{number}')}.",
                f"Yes, {topic}: {word(f'{topic}{number} answer')}!",
                thread_id=f"{topic} {word(f'{topic} thread')}",
                event_id=word(f"{topic}{number} event"),
                metadata={word(f"{topic} key"): word(f"{topic}{number} value")},
            )
            there.pages[f"{topic}{number}"] = page.id
        user.add_message(
            f"As I said about {topic}: {word(f'{topic} late')}.",
            role="user",
            name=f"{topic} {word(f'{topic} name')}",
            thread_id=f"{topic} {word(f'{topic} thread')}",
        )
    there.fact = user.remember(f"A fact: {word('fact')}", metadata={word("fact key"): word("fact value")}).id
    user.remember(f"Another fact: {word('other fact')}", about="agent")
    return user, there


@pytest.fixture
def store(tmp_path: Path) -> Iterator[MemoryOS]:
    with opened(tmp_path / "store") as memory:
        yield memory


# --- Every byte


@pytest.mark.parametrize("flushed", [False, True], ids=["before a flush", "after a flush"])
def test_a_forgotten_page_leaves_no_byte(store: MemoryOS, flushed: bool) -> None:
    user, there = planted(store, 1)
    if flushed:
        store.flush()
        assert user.segments()
    gone = there.of(
        "bees0", "bees0 answer", "bees0 value", "bees3", "bees3 answer", "bees3 value", "bees0 event"
    )
    assert set(files_with(store.path, gone)) == set(gone[:-1]), "a word was not in the store to begin with"
    receipt = user.forget(ids=[there.pages["bees0"], there.pages["bees3"]])
    assert files_with(store.path, gone) == {}
    assert set(receipt.page_ids) == {there.pages["bees0"], there.pages["bees3"]}
    store.flush()
    assert files_with(store.path, gone) == {}
    assert all("zq" in segment.summary for segment in user.segments()), "a summary was not recomputed"
    assert store.verify().problems == ()
    assert not any(word in item.text for word in gone for item in user.retrieve("bees", k=50).items)
    kept = [word for place, word in there.words.items() if "event" not in place and word not in gone]
    assert set(files_with(store.path, kept)) == set(kept), "more than the page was forgotten"


def test_a_forgotten_message_leaves_no_byte_and_its_answer_stays(store: MemoryOS) -> None:
    user, there = planted(store, 2)
    store.flush()
    page = next(page for page in user.pages() if page.id == there.pages["soup1"])
    receipt = user.forget(ids=[page.messages[0].id])
    assert receipt.message_ids == (page.messages[0].id,)
    assert receipt.page_ids == ()
    assert files_with(store.path, there.of("soup1")) == {}
    store.flush()
    assert files_with(store.path, there.of("soup1")) == {}
    left = next(page for page in user.pages() if page.id == there.pages["soup1"])
    assert left.messages == page.messages[1:]
    assert store.verify().problems == ()


def test_a_forgotten_thread_leaves_no_byte_of_texts_names_ids_and_metadata(store: MemoryOS) -> None:
    user, there = planted(store, 3)
    store.flush()
    gone = [
        word for place, word in there.words.items() if place.startswith("trains") and "event" not in place
    ]
    assert set(files_with(store.path, gone)) == set(gone)
    thread = f"trains {there.words['trains thread']}"
    receipt = user.forget(thread_id=thread)
    assert files_with(store.path, gone) == {}
    assert len(receipt.message_ids) == 11
    assert len(receipt.page_ids) == 6
    assert user.pages(thread_id=thread) == []
    store.flush()
    assert files_with(store.path, gone) == {}
    assert store.verify().problems == ()


def test_a_forgotten_fact_leaves_no_byte(store: MemoryOS) -> None:
    user, there = planted(store, 4)
    store.flush()
    receipt = user.forget(ids=[there.fact])
    assert receipt.fact_ids == (there.fact,)
    assert files_with(store.path, there.of("fact", "fact key", "fact value")) == {}
    assert [fact.text for fact in user.facts()] == [f"Another fact: {there.words['other fact']}"]
    store.flush()
    assert store.verify().problems == ()


@pytest.mark.parametrize("flushed", [False, True], ids=["before a flush", "after a flush"])
def test_forgetting_everything_leaves_no_byte_of_one_user_and_every_byte_of_another(
    store: MemoryOS, flushed: bool
) -> None:
    user, there = planted(store, 5)
    other, theirs = planted(store, 6)
    other_agent = store.user(user.user_id, agent_id="another agent")
    other_agent.add("The same user with another agent.")
    if flushed:
        store.flush()
    before = words_of(other), other.facts()
    receipt = user.forget(everything=True)
    gone = [word for place, word in there.words.items() if place != "user"]
    assert files_with(store.path, gone) == {}
    assert len(receipt.message_ids) == 33
    assert len(receipt.fact_ids) == 2
    assert (user.pages(), user.segments(), user.facts(), user.retrieve("bees").items) == ([], [], [], ())
    assert (words_of(other), other.facts()) == before
    assert len(other_agent.pages()) == 1
    assert files_with(store.path, [user.user_id])
    other_agent.forget(everything=True)
    assert files_with(store.path, [user.user_id]) == {}
    assert store.users() == [other.user_id]
    store.flush()
    assert files_with(store.path, [*gone, user.user_id]) == {}
    assert store.verify().problems == ()
    kept = [word for place, word in theirs.words.items() if "event" not in place]
    assert set(files_with(store.path, kept)) == set(kept)
    for place in ("bees0", "soup4", "trains2 answer"):
        assert theirs.words[place] in other.retrieve(theirs.words[place], k=1).items[0].text


# secure_delete leaves stale copies of moved rows; VACUUM removes them.
@pytest.mark.parametrize(
    ("seed", "messages", "at_once"),
    [(0, 150, 3), (1, 400, 40), *([(2, 600, 60), (10, 250, 5), (11, 250, 5)] if THOROUGH else [])],
)
def test_no_byte_is_left_behind_when_the_database_moves_rows_between_its_pages(
    tmp_path: Path, seed: int, messages: int, at_once: int
) -> None:
    chance, pages, gone = random.Random(seed), {}, set()
    with MemoryOS(tmp_path, embedder=SwitchedEmbedder()) as memory:
        user = memory.user("ada")
        for number in range(messages):
            word = f"zq{seed:02d}{number:04d}{chance.randrange(16**8):08x}"
            text = f"{word} {'y' * chance.randrange(5, 120)}"
            pages[word] = user.add_message(text, role="user", event_id=word[::-1]).page_id
        left = list(pages)
        chance.shuffle(left)
        assert marked_words(tmp_path) == set(left)
        while left:
            part, left = left[:at_once], left[at_once:]
            user.forget(ids=[pages[word] for word in part])
            gone.update(part)
            assert marked_words(tmp_path) & gone == set(), f"after {len(gone)} of {messages}"


def test_a_thousand_characters_and_a_whole_megabyte_are_gone_as_well(store: MemoryOS) -> None:
    user = store.user("ada")
    words = [f"zq{number:04d}overflow" for number in range(3)]
    sizes = (1_000, 50_000, 900_000)
    pages = [user.add(f"{word} " * (size // 15)) for word, size in zip(words, sizes, strict=True)]
    user.add("short")
    store.flush()
    user.forget(ids=[page.id for page in pages])
    assert files_with(store.path, words) == {}
    assert words_of(user) == Counter(["short"])


# --- The vector index


def test_vectors_leave_the_index_when_a_message_is_forgotten_and_then_everything_else(
    store: MemoryOS,
) -> None:
    store.user("eve").add("stays")
    user = store.user("ada")
    page = user.add("first to go")
    user.add("second to go")
    store.flush()
    user.forget(ids=[page.id])
    user.forget(everything=True)
    store.flush()
    report = store.verify()
    assert report.problems == ()
    assert report.counts["vectors"] == 1


class Interrupting:
    """A chromadb client or collection that does something just before the first record is written."""

    def __init__(self, inner: Any, before_upsert: list[Any]) -> None:
        self._inner, self._before_upsert = inner, before_upsert

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def get_or_create_collection(self, *args: Any, **more: Any) -> Interrupting:
        return Interrupting(self._inner.get_or_create_collection(*args, **more), self._before_upsert)

    def upsert(self, **records: Any) -> None:
        while self._before_upsert:
            self._before_upsert.pop()()
        self._inner.upsert(**records)


def test_what_is_forgotten_while_it_is_being_indexed_does_not_stay_in_the_index(tmp_path: Path) -> None:
    import chromadb

    before_upsert: list[Any] = []
    client = Interrupting(chromadb.EphemeralClient(), before_upsert)
    with opened(tmp_path, chroma=client) as memory:
        user = memory.user("ada")
        user.add("stays")
        page = user.add("goes while its vector is on the way to Chroma")
        before_upsert.append(lambda: user.forget(ids=[page.id]))
        memory.flush()
        assert before_upsert == []
        memory.flush()
        assert memory.verify().problems == ()


def test_what_was_read_before_everything_was_forgotten_is_known_to_be_old_when_new_turns_come(
    memory: MemoryOS, ada: UserMemory
) -> None:
    """Caches of the adapters go by this value, which must not come back to what it was."""
    memory.user("bob").add("I row.", "Nice.")
    ada.add("My pin is 4711.", "Noted.")
    before = ada.erasures
    ada.forget(everything=True)
    ada.add("Hello again.", "Hello!")
    assert ada.erasures != before


def test_what_is_forgotten_with_everything_while_another_page_is_indexed_leaves_the_index(
    tmp_path: Path,
) -> None:
    import chromadb

    before_upsert: list[Any] = []
    client = Interrupting(chromadb.EphemeralClient(), before_upsert)
    with opened(tmp_path, chroma=client) as memory:
        user = memory.user("ada")
        for number in range(3):
            user.add(f"in the index {number}")
        memory.flush()
        before_upsert.append(lambda: user.forget(everything=True))
        user.add("on the way to the index")
        memory.flush()
        assert before_upsert == []
        memory.flush()
        assert memory.verify().problems == ()


def test_what_is_forgotten_while_its_vector_is_made_leaves_no_vector(tmp_path: Path) -> None:
    class Forgetting(HashEmbedder):
        def embed(self, texts: Sequence[str]) -> list[Vector]:
            made = super().embed(texts)
            if "goes" in texts:
                user.forget(thread_id="of what goes")
            return made

    with MemoryOS(tmp_path, embedder=Forgetting()) as memory:
        user = memory.user("ada")
        user.add("stays")
        user.add("goes", thread_id="of what goes")
        memory.flush()
        report = memory.verify()
    assert (report.counts["messages"], report.counts["vectors"], report.problems) == (1, 1, ())


# --- Receipts and refusals


def test_forgetting_twice_is_harmless_and_unknown_ids_are_listed(store: MemoryOS) -> None:
    user, there = planted(store, 7)
    store.flush()
    ids = [there.pages["bees0"], "no such id", there.fact]
    first = user.forget(ids=ids)
    before = words_of(user)
    second = user.forget(ids=ids)
    assert first.missing_ids == ("no such id",)
    assert second.missing_ids == tuple(ids)
    assert (second.message_ids, second.page_ids, second.segment_ids, second.fact_ids) == ((), (), (), ())
    assert words_of(user) == before
    assert user.forget(thread_id="no such thread").message_ids == ()
    assert user.forget(ids=[]).missing_ids == ()
    user.forget(everything=True)
    assert user.forget(everything=True).message_ids == ()
    assert user.forget(ids=ids).missing_ids == tuple(ids)
    store.flush()
    assert store.verify().problems == ()


def test_a_receipt_lists_what_is_gone_and_the_segments_that_were_blanked(store: MemoryOS) -> None:
    user, there = planted(store, 8)
    store.flush()
    page = next(page for page in user.pages() if page.id == there.pages["bees1"])
    assert page.segment_id is not None
    receipt = user.forget(ids=[page.id])
    assert set(receipt.message_ids) == {message.id for message in page.messages}
    assert receipt.segment_ids == (page.segment_id,)
    assert receipt.at.tzinfo is not None
    segment = next(segment for segment in user.segments() if segment.id == page.segment_id)
    assert page.id not in segment.page_ids
    whole = user.forget(ids=[page.segment_id])
    assert set(whole.page_ids) == set(segment.page_ids)
    assert page.segment_id not in {segment.id for segment in user.segments()}


def test_ids_of_another_user_are_missing_and_untouched(store: MemoryOS) -> None:
    user, there = planted(store, 9)
    thief = store.user("thief")
    thief.add("mine")
    store.flush()
    before = user.pages(), user.facts(), [segment.id for segment in user.segments()]
    theirs = [page.id for page in user.pages()]
    theirs += [message.id for page in user.pages() for message in page.messages]
    theirs += [segment.id for segment in user.segments()] + [fact.id for fact in user.facts()]
    for other in (thief, store.user(user.user_id), store.user("nobody yet")):
        receipt = other.forget(ids=theirs)
        assert receipt.missing_ids == tuple(theirs)
        assert receipt.message_ids == receipt.page_ids == receipt.segment_ids == receipt.fact_ids == ()
        other.forget(thread_id=f"bees {there.words['bees thread']}")
    assert (user.pages(), user.facts(), [segment.id for segment in user.segments()]) == before


def test_exactly_one_usable_selector_is_taken_and_nothing_is_forgotten_otherwise(store: MemoryOS) -> None:
    user = store.user("ada")
    user.add("stays")
    for selectors in [
        {},
        {"everything": False},
        {"ids": ["a"], "thread_id": "b"},
        {"ids": [], "everything": True},
        {"thread_id": "b", "everything": True},
        {"ids": "abc"},
        {"ids": [""]},
        {"ids": [1]},
        {"thread_id": ""},
    ]:
        with pytest.raises(InvalidInputError):
            user.forget(**selectors)
        assert words_of(user) == Counter(["stays"])


# --- Other processes


@pytest.mark.programs
def test_another_process_that_knew_it_does_not_return_what_is_forgotten(store: MemoryOS) -> None:
    user = store.user("ada")
    page = user.add("my needle17x is here")
    user.add("hay")
    store.flush()
    with started(find_when_told, store.path, "where is needle17x?") as other:
        assert other.hear() == "open"
        other.say("ask")
        assert "my needle17x is here" in other.hear()
        user.forget(ids=[page.id])
        assert files_with(store.path, ["needle17x"]) == {}
        other.say("ask")
        assert other.hear() == ["hay"]
        user.forget(everything=True)
        other.say("ask")
        assert other.hear() == []
        user.add("your needle17x is new")
        other.say("ask")
        assert other.hear() == ["your needle17x is new"]


def test_after_something_was_forgotten_the_next_best_takes_its_place(store: MemoryOS) -> None:
    user = store.user("ada")
    pages = [user.add(f"needle17x {'hay ' * number}") for number in range(3)]
    with MemoryOS(store.path, embedder=HashEmbedder(64)) as other:
        for page in pages:
            for memory in (store, other):
                assert memory.user("ada").retrieve("needle17x", k=1).items[0].page_id == page.id
            user.forget(ids=[page.id])
        assert other.user("ada").retrieve("needle17x", k=1).items == ()


@pytest.mark.programs
def test_forgetting_is_done_soon_although_another_process_reads_without_a_pause(store: MemoryOS) -> None:
    user = store.user("ada")
    pages = [user.add(f"zq{number}needle", "Noted.") for number in range(50)]
    with started(read_along, store.path) as reader:
        assert reader.hear() == "open"
        for page in pages[:10]:
            user.forget(ids=[page.id])
            assert files_with(store.path, [page.messages[0].text]) == {}
        reader.say("stop")
        reader.hear()


# --- Any mixture


_USERS, _THREADS = ("ada", "eve"), ("one", "two")
_steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from(_USERS), st.sampled_from(_THREADS)),
        st.tuples(st.just("forget"), st.sampled_from(_USERS), st.integers(0, 30)),
        st.tuples(st.just("forget thread"), st.sampled_from(_USERS), st.sampled_from(_THREADS)),
        st.tuples(st.just("forget everything"), st.sampled_from(_USERS), st.none()),
        st.tuples(st.just("flush"), st.none(), st.none()),
        st.tuples(st.just("reopen"), st.none(), st.none()),
    ),
    min_size=5,
    max_size=25,
)


class Model:
    """The store next to a dictionary with the same contents."""

    def __init__(self, folder: Path, client: Any) -> None:
        self.folder, self.client, self.memory = folder, client, opened(folder, chroma=client)
        self.expected: dict[str, dict[str, tuple[str, str]]] = {user: {} for user in _USERS}
        self.gone: list[str] = []
        self.count = 0

    def do(self, what: str, user: Any, which: Any) -> None:
        if what == "flush":
            self.memory.flush()
        elif what == "reopen":
            self.memory.close()
            self.memory = opened(self.folder, chroma=self.client)
        elif what == "add":
            self.count += 1
            text = f"zq{self.count:04d}word of {which}"
            page = self.memory.user(user).add(text, thread_id=which)
            self.expected[user][page.id] = (which, text)
        else:
            self._forget(user, self._selected(what, user, which), what, which)

    def _selected(self, what: str, user: str, which: Any) -> list[str]:
        held = self.expected[user]
        if what == "forget":
            return [list(held)[which % len(held)]] if held else []
        return [page for page, (thread, _) in held.items() if what != "forget thread" or thread == which]

    def _forget(self, user: str, pages: list[str], what: str, which: Any) -> None:
        selector: dict[str, Any] = {"forget": {"ids": pages}, "forget thread": {"thread_id": which}}.get(
            what, {"everything": True}
        )
        receipt = self.memory.user(user).forget(**selector)
        assert sorted(receipt.page_ids) == sorted(pages)
        self.gone += [self.expected[user].pop(page)[1].split()[0] for page in pages]

    def check(self) -> None:
        assert files_with(self.folder, self.gone) == {}
        for name in _USERS:
            user = self.memory.user(name)
            stored = {page.id: (page.thread_id, page.messages[0].text) for page in user.pages()}
            assert stored == self.expected[name]
            found = user.retrieve("word of one", k=100).items
            assert {item.page_id: item.text for item in found} == {p: text for p, (_, text) in stored.items()}
        self.memory.flush()
        assert self.memory.verify().problems == ()


@pytest.fixture(scope="module")
def client() -> Any:
    import chromadb

    return chromadb.EphemeralClient()


@settings(max_examples=40 if THOROUGH else 8, suppress_health_check=[HealthCheck.too_slow])
@given(steps=_steps)
def test_any_mixture_of_adding_and_forgetting_equals_a_dictionary(client: Any, steps: list[Any]) -> None:
    folder = Path(tempfile.mkdtemp())
    model = Model(folder, client)
    try:
        for step in steps:
            model.do(*step)
        model.check()
    finally:
        model.memory.close()
        shutil.rmtree(folder)
