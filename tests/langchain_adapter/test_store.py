"""MemoryOSStore: LangGraph's store, compared with LangGraph's own, used by langmem's tools."""

import asyncio
import itertools
import random
import sqlite3
import threading
from contextlib import closing

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("memoryos_integrations.items", reason="the core keeps no values by name yet")

from langchain.agents import create_agent
from langchain.tools import ToolRuntime
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langgraph.store.base import (
    GetOp,
    InvalidNamespaceError,
    ListNamespacesOp,
    MatchCondition,
    PutOp,
    SearchOp,
)
from langgraph.store.memory import InMemoryStore
from langmem import create_manage_memory_tool, create_search_memory_tool

from langchain_adapter.parts import ScriptedChat, broken, calling
from langchain_memoryos import MemoryOSStore
from langchain_memoryos.store import label
from memoryos_integrations import MemoryConfig, MemoryOS
from memoryos_integrations.errors import InvalidInputError, StoreError
from memoryos_integrations.testing import HashEmbedder

ANN = ("ann", "notes")


@pytest.fixture
def store(memory):
    return MemoryOSStore(memory=memory)


def keys(items):
    return [item.key for item in items]


def test_a_value_that_is_put_is_returned_with_its_names_and_times(store, clock):
    began = clock.now()
    store.put(ANN, "1", {"text": "buy honey", "deep": {"list": [1, None, True, 2.5, "ü"]}})
    clock.advance(60)
    store.put(ANN, "1", {"text": "buy bread"})
    item = store.get(ANN, "1")
    assert (item.namespace, item.key, item.value) == (ANN, "1", {"text": "buy bread"})
    assert (item.created_at, (item.updated_at - began).total_seconds()) == (began, 60)
    assert store.get(ANN, "2") is None
    store.delete(ANN, "1")
    assert store.get(ANN, "1") is None
    store.delete(ANN, "1")


def test_values_are_there_after_a_restart_and_their_vectors_too(open_memory, tmp_path):
    first = open_memory(tmp_path / "s")
    MemoryOSStore(memory=first).put(ANN, "1", {"text": "buy honey"})
    first.flush()
    first.close()
    again = MemoryOSStore(memory=open_memory(tmp_path / "s", embedder=HashEmbedder()))
    (found,) = again.search(ANN, query="honey")
    assert found.value == {"text": "buy honey"}
    assert found.score > 0.3


def test_a_query_brings_the_most_similar_first_and_none_the_newest(store, clock):
    for number, text in enumerate(("bees and honey", "trains", "honey cake")):
        store.put(ANN, str(number), {"text": text})
        clock.advance(1)
    assert keys(store.search(ANN)) == ["2", "1", "0"]
    found = store.search(ANN, query="honey")
    assert keys(found)[-1] == "1"
    assert [item.score for item in found] == sorted((item.score for item in found), reverse=True)
    assert keys(store.search(ANN, limit=1, offset=1)) == ["1"]


def test_a_value_that_is_not_indexed_comes_last_without_a_score(store):
    store.put(ANN, "seen", {"text": "honey"})
    store.put(ANN, "hidden", {"text": "honey"}, index=False)
    assert [(item.key, item.score is None) for item in store.search(ANN, query="honey")] == [
        ("seen", False),
        ("hidden", True),
    ]
    store.put(ANN, "seen", {"text": "honey"}, index=False)
    assert all(item.score is None for item in store.search(ANN, query="honey"))


def test_the_fields_that_values_are_found_by_can_be_chosen_for_the_store_and_for_one_value(memory):
    store = MemoryOSStore(memory=memory, fields=["title", "tags[*]"])
    store.put(ANN, "1", {"title": "bees", "body": "trains", "tags": ["honey", "wax"]})
    store.put(ANN, "2", {"title": "bees", "body": "trains"}, index=["body"])

    def score(query):
        return {item.key: round(item.score, 3) for item in store.search(ANN, query=query)}

    assert score("honey") == {"1": 1.0, "2": pytest.approx(score("honey")["2"])}
    assert score("trains")["2"] == 1.0
    assert score("trains")["1"] < 0.5


def test_filters_compare_and_look_into_values(store):
    for number in range(5):
        store.put(ANN, str(number), {"n": number, "deep": {"even": number % 2 == 0}, "tags": ["a", number]})
    store.put(ANN, "none", {"n": "no number"})

    def found(**wanted):
        return sorted(keys(store.search(ANN, filter=wanted)))

    assert found(n=3) == ["3"]
    assert found(n={"$gte": 3}) == ["3", "4"]
    assert found(n={"$gt": 0, "$lt": 3, "$ne": 2}) == ["1"]
    assert found(n={"$lte": 0}) == ["0"]
    assert found(n={"$eq": 4}) == ["4"]
    assert found(deep={"even": False}) == ["1", "3"]
    assert found(tags=["a", 2]) == ["2"]
    assert found(missing=1) == []
    with pytest.raises(ValueError, match="unknown operator '\\$like'"):
        found(n={"$like": "x"})


def test_a_prefix_is_compared_label_by_label_and_every_character_is_one(store):
    spaces = [("a",), ("a", "b"), ("ab",), ("a%",), ("a_",), ("A",), ("a/",), ("ü", "漢"), ("a b",)]
    for space in spaces:
        store.put(space, "k", {"at": list(space)})
    for space in spaces:
        below = {other for other in spaces if other[: len(space)] == space}
        assert {item.namespace for item in store.search(space, limit=50)} == below
    assert len(store.search((), limit=50)) == len(spaces)
    assert store.list_namespaces() == sorted(spaces)


def test_namespaces_are_listed_by_prefix_suffix_wildcard_and_depth_and_only_while_they_hold_something(store):
    for space in (("a", "b", "c"), ("a", "x", "c"), ("d", "b")):
        store.put(space, "k", {})
    assert store.list_namespaces(prefix=("a",)) == [("a", "b", "c"), ("a", "x", "c")]
    assert store.list_namespaces(suffix=("c",), prefix=("a", "*")) == [("a", "b", "c"), ("a", "x", "c")]
    assert store.list_namespaces(suffix=("b",)) == [("d", "b")]
    assert store.list_namespaces(max_depth=1) == [("a",), ("d",)]
    assert store.list_namespaces(limit=1, offset=1) == [("a", "x", "c")]
    store.delete(("d", "b"), "k")
    assert ("d", "b") not in store.list_namespaces()


def test_a_batch_reads_the_state_before_it_and_its_last_write_wins(store):
    store.put(ANN, "1", {"v": 0})
    results = store.batch(
        [
            PutOp(ANN, "1", {"v": 1}),
            GetOp(ANN, "1"),
            PutOp(ANN, "1", {"v": 2}),
            SearchOp(ANN),
            PutOp(ANN, "same text", {"v": 1}),
            PutOp(ANN, "same text twice", {"v": 1}),
            ListNamespacesOp(match_conditions=(MatchCondition("prefix", ("nobody",)),)),
        ]
    )
    assert [results[0], results[6]] == [None, []]
    assert results[1].value == {"v": 0}
    assert [item.value for item in results[3]] == [{"v": 0}]
    assert store.get(ANN, "1").value == {"v": 2}
    assert len(store.search(ANN)) == 3


def test_a_batch_with_an_invalid_operation_writes_nothing(store):
    for bad in (
        PutOp(ANN, "bad", {"v": object()}),
        PutOp(ANN, "nul \x00", {"v": 1}),
        PutOp(("a.b",), "k", {"v": 1}),
    ):
        with pytest.raises(ValueError, match=r"value|key|namespace|periods"):
            store.batch([PutOp(ANN, "good", {"v": 1}), bad])
    assert store.search(()) == []


def test_an_e_mail_address_becomes_a_label(store):
    with pytest.raises(InvalidNamespaceError):
        store.put(("memories", "bob@example.com"), "k", {})
    store.put(("memories", label("bob@example.com")), "k", {})
    assert store.list_namespaces() == [("memories", "bob@example%2Ecom")]


@given(st.lists(st.text(min_size=1), min_size=2, max_size=2, unique=True))
def test_labels_contain_no_full_stop_and_different_texts_stay_different(texts):
    one, other = map(label, texts)
    assert "." not in one + other
    assert one != other


def test_a_namespace_is_deleted_with_everything_below_and_with_its_bytes(memory, store):
    for space in (("ann",), ("ann", "notes"), ("anna",)):
        store.put(space, "k", {"text": "SWORDFISH in " + "/".join(space)})
    memory.flush()
    assert store.delete_namespace(("ann",)) == 2
    memory.flush()
    assert store.list_namespaces() == [("anna",)]
    assert store.delete_namespace(("anna",)) == 1
    memory.flush()
    for file in (path for path in memory.path.rglob("*") if path.is_file()):
        assert b"SWORDFISH" not in file.read_bytes(), file
    with pytest.raises(InvalidInputError, match="prefix"):
        store.delete_namespace(())


def test_values_are_no_memories_and_memories_no_values(memory, store):
    memory.user("ann").add("I keep bees.")
    store.put(ANN, "1", {"text": "bees and honey"})
    memory.flush()
    assert memory.users() == ["ann"]
    assert [item.text for item in memory.user("ann").retrieve("bees", kinds=("message", "fact")).items] == [
        "I keep bees."
    ]
    assert keys(store.search(())) == ["1"]
    memory.user("ann").forget(everything=True)
    assert keys(store.search(())) == ["1"]
    assert memory.verify().ok


@pytest.mark.parametrize("search", ["chroma", "auto"])
def test_the_collection_of_its_own_finds_what_a_full_scan_finds(open_memory, tmp_path, search):
    words, chance = ("bees", "trains", "rain"), random.Random(7)
    more = [f"word{number}" for number in range(80)]  # near copies of one text would not be told apart
    texts = [
        f"note {number} about {words[number % 3]} {' '.join(chance.sample(more, 6))}" for number in range(300)
    ]
    indexed = open_memory(tmp_path / "a", config=MemoryConfig(search=search, full_scan_threshold=10))
    scanned = open_memory(tmp_path / "b", config=MemoryConfig(search="exact"))
    for one in (indexed, scanned):
        batch = [PutOp(("n", str(place % 3)), str(place), {"text": text}) for place, text in enumerate(texts)]
        MemoryOSStore(memory=one).batch(batch)
        while sum(one.flush().ran.values()):
            pass
    report = indexed.verify()
    assert report.ok
    assert report.counts["index.store_items"] == 300

    def near(one, prefix, **more):
        found = MemoryOSStore(memory=one).search(prefix, query="note 7 about trains", **more)
        return [round(item.score, 4) for item in found]  # many are equally near

    for prefix in ((), ("n", "1")):
        assert near(indexed, prefix) == near(scanned, prefix)
    assert near(indexed, (), filter={"text": texts[5]}) == near(scanned, (), filter={"text": texts[5]})
    late = MemoryOSStore(memory=indexed)
    late.put(("n", "1"), "late", {"text": "note 7 about trains"})
    assert late.search((), query='{"text": "note 7 about trains"}')[0].key in ("7", "late")
    assert "late" in keys(late.search((), query='{"text": "note 7 about trains"}'))


def test_another_embedder_takes_the_values_along(open_memory):
    store = open_memory()
    kept = MemoryOSStore(memory=store)
    kept.put(ANN, "1", {"text": "honey"})
    store.flush()
    store.reindex(HashEmbedder(dimension=64))
    store.rebuild_index()
    assert kept.search(ANN, query="honey")[0].score > 0.3
    assert store.verify().ok


def test_without_an_embedder_a_query_brings_the_newest(open_memory):
    store = MemoryOSStore(memory=open_memory(embedder="none"))
    store.put(ANN, "1", {"text": "honey"})
    (found,) = store.search(ANN, query="honey")
    assert found.score is None


def test_a_store_of_an_older_version_gets_the_tables(open_memory, tmp_path):
    first = open_memory(tmp_path / "s")
    first.user("ann").add("I keep bees.")
    first.close()
    with closing(sqlite3.connect(tmp_path / "s" / "memory.db")) as ledger:
        ledger.executescript("DROP TABLE store_texts; DROP TABLE store_items;")
        ledger.execute("UPDATE meta SET value = '1' WHERE key = 'schema_version'")
        ledger.commit()
    again = open_memory(tmp_path / "s")
    MemoryOSStore(memory=again).put(ANN, "1", {})
    assert len(again.user("ann").pages()) == 1


async def test_async_calls_leave_the_event_loop_free(memory):
    threads = []

    class Watching(HashEmbedder):
        def embed(self, texts):
            threads.append(threading.current_thread())
            return super().embed(texts)

    with MemoryOS(memory.path.parent / "watched", embedder=Watching()) as watched:
        store = MemoryOSStore(memory=watched)
        await asyncio.gather(*(store.aput(ANN, str(number), {"n": number}) for number in range(20)))
        assert len(await store.asearch(ANN, query="n", limit=50)) == 20
        assert (await store.aget(ANN, "3")).value == {"n": 3}
        await store.adelete(ANN, "3")
        assert await store.alist_namespaces() == [ANN]
        assert await store.adelete_namespace(("ann",)) == 19
    assert threads
    assert threading.main_thread() not in threads


def test_a_failing_ledger_is_an_error_of_the_store(memory, store):
    store.put(ANN, "1", {"v": 1})
    with broken(memory, table="store_items"), pytest.raises(StoreError):
        store.put(ANN, "2", {"v": 2})
    with broken(memory, table="store_items"), pytest.raises(StoreError):
        store.get(ANN, "1")
    assert keys(store.search(ANN)) == ["1"]


def test_a_memory_of_another_type_and_a_ttl_are_rejected(memory, store):
    with pytest.raises(ValueError, match="memory must be a MemoryOS, not UserMemory"):
        MemoryOSStore(memory=memory.user("ann"))
    with pytest.raises(NotImplementedError):
        store.put(ANN, "1", {}, ttl=5)


def test_the_tools_of_langmem_run_on_it(store):
    config = {"configurable": {"user_id": "ann"}}
    manage = create_manage_memory_tool(("memories", "{user_id}"), store=store)
    search = create_search_memory_tool(("memories", "{user_id}"), store=store)
    manage.invoke({"content": "Ann is allergic to nuts."}, config)
    manage.invoke({"content": "Ann keeps bees."}, config)
    found = search.invoke({"query": "allergic", "limit": 1}, config)
    assert "nuts" in found
    assert "bees" not in found
    (item,) = store.search(("memories", "ann"), query="bees", limit=1)
    manage.invoke({"action": "delete", "id": item.key}, config)
    assert len(store.search(("memories", "ann"))) == 1


def test_an_agents_tools_reach_it_as_the_runs_store(store):
    @tool
    def note(text: str, runtime: ToolRuntime) -> str:
        """Keep a note."""
        runtime.store.put(("notes",), "1", {"text": text})
        return "kept"

    model = ScriptedChat(answers=[calling("note", text="buy honey"), "Done."])
    agent = create_agent(model, [note], store=store)
    agent.invoke({"messages": [HumanMessage("Note: buy honey.")]})
    assert store.get(("notes",), "1").value == {"text": "buy honey"}


LABELS = st.sampled_from(["a", "b", "c%", "ü"])
SPACES = st.lists(LABELS, min_size=1, max_size=3).map(tuple)
KEYS = st.sampled_from(["1", "2", "key with blanks", ""])
VALUES = st.fixed_dictionaries(
    {"text": st.sampled_from(["bees", "honey cake", "trains and rain", "rain"]), "n": st.integers(0, 3)}
)
N = st.one_of(st.integers(0, 3), st.just({"$gte": 2}), st.just({"$ne": 1}))
WANTED = st.one_of(st.none(), st.fixed_dictionaries({"n": N}))
HISTORY = st.lists(
    st.one_of(
        st.tuples(st.just("put"), SPACES, KEYS, VALUES),
        st.tuples(st.just("put"), SPACES, KEYS, VALUES),
        st.tuples(st.just("delete"), SPACES, KEYS),
        st.tuples(st.just("get"), SPACES, KEYS),
        st.tuples(st.just("search"), SPACES | st.just(()), WANTED, st.sampled_from([None, "rain", "honey"])),
        st.tuples(st.just("list"), st.sampled_from([None, 1, 2])),
    ),
    min_size=5,
    max_size=30,
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with MemoryOS(tmp_path_factory.mktemp("shared"), embedder=HashEmbedder()) as memory:
        yield MemoryOSStore(memory=memory)


roots = itertools.count()


@settings(max_examples=40)
@given(history=HISTORY)
def test_on_random_histories_it_reads_what_langgraphs_own_store_reads(history, shared):
    root = f"run{next(roots)}"  # a store is slow to make, so each history has a corner of one
    embed = HashEmbedder()
    model = InMemoryStore(index={"dims": 256, "embed": lambda texts: np.array(embed.embed(texts)).tolist()})
    held = {}
    for kind, *arguments in history:
        space = (root, *arguments[0]) if kind != "list" else (root,)
        match kind, arguments:
            case "put", [_, key, value]:
                model.put(space, key, value)
                shared.put(space, key, value)
                held[space, key] = value
            case "delete", [_, key]:
                model.delete(space, key)
                shared.delete(space, key)
                held.pop((space, key), None)
            case "get", [_, key]:
                theirs, ours = model.get(space, key), shared.get(space, key)
                assert (ours and ours.value) == (theirs and theirs.value)
            case "search", [_, wanted, query]:
                given_ = {"filter": wanted, "query": query, "limit": 100}
                assert scores(shared.search(space, **given_)) == scores(model.search(space, **given_))
            case "list", [depth]:
                expected = sorted({space[: depth and depth + 1] for space, _ in held})
                found = shared.list_namespaces(prefix=(root,), max_depth=depth and depth + 1, limit=100)
                assert found == expected
    assert {(item.namespace, item.key): item.value for item in shared.search((root,), limit=500)} == held


def scores(items):
    return {(i.namespace, i.key, i.score if i.score is None else round(i.score, 4)) for i in items}
