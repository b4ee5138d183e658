"""MemoryOSRetriever: LangChain's own suite, and the documents."""

import copy
import threading
from datetime import UTC, datetime

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.load import dumps
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import create_retriever_tool
from langchain_core.tracers.context import collect_runs
from langchain_tests.integration_tests import RetrieversIntegrationTests

from langchain_adapter.parts import ScriptedChat
from langchain_memoryos import MemoryOSRetriever


class TestStandard(RetrieversIntegrationTests):
    """langchain-tests, without override."""

    @pytest.fixture(autouse=True)
    def filled(self, ada):
        for number in range(5):
            ada.add(f"Bee story {number}.", f"Honey answer {number}.")
        self.ada = ada

    @property
    def retriever_constructor(self):
        return MemoryOSRetriever

    @property
    def retriever_constructor_params(self):
        return {"memory": self.ada}

    @property
    def retriever_query_example(self):
        return "bee stories"


@pytest.fixture
def filled(open_memory):
    """A user with seven short-term pages and two in a segment of mid-term memory, and a fact."""
    store = open_memory()
    ann = store.user("ann")
    at = datetime(2025, 12, 24, tzinfo=UTC)
    for number in range(9):
        ann.add(f"Bee story {number}.", thread_id=f"t{number}", at=at, metadata={"even": number % 2 == 0})
    ann.remember("Ann keeps bees.", metadata={"even": None})
    store.flush()
    return store


def test_a_document_says_what_it_is_where_it_comes_from_and_why_it_was_found(filled):
    retriever = MemoryOSRetriever(memory=filled, user_id="ann", k=20)
    found = {document.page_content: document for document in retriever.invoke("Bee story?")}
    old, new = found["Bee story 0."], found["Bee story 8."]
    assert old.metadata["tier"] == "mid_term"
    assert new.metadata["tier"] == "short_term"
    assert old.metadata["heat"] > 0
    assert new.metadata["heat"] is None
    assert old.id == old.metadata["id"]
    (page,) = filled.user("ann").trace(old.id)
    assert old.metadata["source_page_ids"] == [page.id]
    assert old.metadata | {"heat": 0, "score": 0, "parts": 0, "id": 0} == {
        "id": 0,
        "tier": "mid_term",
        "kind": "message",
        "score": 0,
        "user_id": "ann",
        "role": "user",
        "name": None,
        "thread_id": "t0",
        "at": "2025-12-24T00:00:00+00:00",
        "heat": 0,
        "segment_id": page.segment_id,
        "source_page_ids": [page.id],
        "parts": 0,
        "metadata": {"even": True},
    }
    found = retriever.invoke("Bee story 3?")
    scores = [document.metadata["score"] for document in found]
    assert scores == sorted(scores, reverse=True)
    assert found[0].page_content == "Bee story 3."
    assert found[0].metadata["parts"]["words"] > 0


def test_tiers_kinds_threads_and_stored_values_narrow_the_search_in_the_constructor_and_in_a_call(filled):
    def texts(given=None, **fields):
        retriever = MemoryOSRetriever(memory=filled, user_id="ann", k=20, **fields)
        return {document.page_content for document in retriever.invoke("Bee story?", **(given or {}))}

    for narrowed, expected in (
        ({"tiers": ("mid_term",)}, {"Bee story 0.", "Bee story 1."}),
        ({"kinds": ("fact",)}, {"Ann keeps bees."}),
        ({"thread_id": "t3"}, {"Bee story 3."}),
        ({"filter": {"even": False}}, {f"Bee story {number}." for number in (1, 3, 5, 7)}),
    ):
        assert texts(**narrowed) == expected
        assert texts(narrowed) == expected
    assert texts({"thread_id": "t4"}, thread_id="t3") == {"Bee story 4."}


def test_a_call_with_an_argument_that_does_not_exist_is_an_error(filled):
    retriever = MemoryOSRetriever(memory=filled, user_id="ann")
    with pytest.raises(TypeError, match="top"):
        retriever.invoke("Bee story?", top=3)
    with pytest.raises(ValueError, match="tiers"):
        retriever.invoke("Bee story?", tiers=("ultra_term",))


def test_users_see_their_own_memories_only(filled):
    assert MemoryOSRetriever(memory=filled, user_id="bob").invoke("Bee story?") == []


@pytest.mark.parametrize("fields", [{}, {"user_id": ""}, {"user_id": "x" * 300}, {"user_id": "a", "k": 0}])
def test_a_retriever_with_an_invalid_user_or_number_cannot_be_created(memory, fields):
    with pytest.raises(ValueError, match=r"user_id|\bk\b"):
        MemoryOSRetriever(memory=memory, **fields)


def test_a_users_memory_takes_no_other_user(memory):
    assert MemoryOSRetriever(memory=memory.user("ann"), user_id="ann").invoke("Hello?") == []
    with pytest.raises(ValueError, match="memory is that of 'ann', not of 'bob'"):
        MemoryOSRetriever(memory=memory.user("ann"), user_id="bob")
    with pytest.raises(ValueError, match="memory"):
        MemoryOSRetriever(memory="./memory", user_id="ann")


async def test_async_calls_take_the_same_arguments_and_leave_the_event_loop_free(open_memory):
    threads = []
    store = open_memory(on_event=lambda event: threads.append(threading.current_thread()))
    store.user("ann").add("Bee story.")
    threads.clear()
    retriever = MemoryOSRetriever(memory=store, user_id="ann")
    (found,) = await retriever.ainvoke("Bee story?", k=1)
    assert found.page_content == "Bee story."
    assert threads
    assert threading.main_thread() not in threads


def test_batches_and_chains_and_tools_use_it_as_any_retriever(filled):
    retriever = MemoryOSRetriever(memory=filled, user_id="ann", k=2)
    assert [len(found) for found in retriever.batch(["story 1", "story 2"])] == [2, 2]
    model = ScriptedChat(answers=["It is long."])
    prompt = ChatPromptTemplate([("human", "{found}\n{question}")])
    chain = {"found": retriever, "question": lambda text: text} | prompt | model | StrOutputParser()
    assert chain.invoke("What is bee story 3?") == "It is long."
    assert "Bee story 3." in model.prompts[0]
    tool = create_retriever_tool(retriever, "search", "Searches.")
    assert "Bee story 3." in tool.invoke({"query": "bee story 3"})


def test_traces_name_the_retriever_its_index_and_its_embedder(filled):
    class Watch(BaseCallbackHandler):
        started: dict
        found: list

        def on_retriever_start(self, serialized, query, **kwargs):
            self.started = kwargs

        def on_retriever_end(self, documents, **kwargs):
            self.found = list(documents)

    watch = Watch()
    retriever = MemoryOSRetriever(memory=filled, user_id="ann", k=1, tags=["mine"], metadata={"app": "x"})
    with collect_runs() as runs:
        retriever.invoke("Bee story?", {"callbacks": [watch]})
    assert watch.started["tags"] == ["mine"]
    assert watch.started["metadata"] | {"app": "x"} == {
        "ls_retriever_name": "memoryos",
        "ls_vector_store_provider": "chroma",
        "ls_embedding_model": "hash-256",
        "app": "x",
    }
    assert isinstance(watch.found[0], Document)
    assert runs.traced_runs[0].run_type == "retriever"


def test_copies_share_the_store_and_nothing_shows_it(filled):
    retriever = MemoryOSRetriever(memory=filled, user_id="ann", k=3)
    twin = copy.deepcopy(retriever)
    assert twin.memory is filled
    assert len(twin.invoke("Bee story?")) == 3
    assert str(filled.path) not in repr(retriever) + dumps(retriever) + str(retriever.model_dump())


def test_times_sources_and_a_least_relevance_can_be_set_once_or_for_one_call(open_memory):
    ann = open_memory().user("ann")
    old, new = datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 6, 1, tzinfo=UTC)
    ann.add("Bee story from winter.", "A winter answer about bees.", at=old)
    ann.add("Bee story from summer.", "A summer answer about bees.", at=new)

    retriever = MemoryOSRetriever(memory=ann, since=new, sources=("user",))

    assert [found.page_content for found in retriever.invoke("bees")] == ["Bee story from summer."]
    assert [found.page_content for found in retriever.invoke("bees", since=None, until=new)] == [
        "Bee story from winter."
    ]
    assert retriever.invoke("bees", least_relevance=9.0) == []
