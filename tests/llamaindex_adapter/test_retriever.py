"""Memories as nodes, a tier as an index, and LlamaIndex's own users of both."""

import asyncio
import threading
from datetime import UTC, datetime

import pytest
from llama_index.core import Settings
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.chat_engine import CondensePlusContextChatEngine, ContextChatEngine
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.postprocessor import SimilarityPostprocessor
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.retrievers.fusion_retriever import FUSION_MODES
from llama_index.core.schema import MetadataMode, QueryBundle
from llama_index.core.tools import RetrieverTool
from llama_index.core.vector_stores import FilterCondition, FilterOperator, MetadataFilter, MetadataFilters
from pydantic import Field

from llamaindex_adapter.models import Talker, call, calling, result, user
from llamaindex_memoryos import MemoryOSChatEngine, MemoryOSMemory, MemoryOSRetriever, as_vector_index
from memoryos_integrations import InvalidInputError, MemoryConfig


@pytest.fixture
def filled(memory):
    ann = memory.user("ann")
    ann.add("I keep bees in Porto.", "How nice!", thread_id="a", metadata={"topic": "bees", "year": 2026})
    ann.add("My hens are red.", "Lovely.", thread_id="b", metadata={"topic": "hens", "year": 2026})
    ann.remember("Ann keeps bees.")
    memory.user("bob").add("I keep bees in Rome.")
    return memory


def test_it_is_a_retriever_of_llama_index():
    assert issubclass(MemoryOSRetriever, BaseRetriever)


def test_the_best_memories_of_the_user_come_first_with_ids_that_can_be_traced(filled):
    nodes = MemoryOSRetriever(filled, user_id="ann", similarity_top_k=3).retrieve("Where are my bees?")
    assert nodes[0].text == "I keep bees in Porto."
    assert len(nodes) == 3
    assert [node.score for node in nodes] == sorted((node.score for node in nodes), reverse=True)
    assert len({node.node_id for node in nodes}) == 3
    (page,) = filled.user("ann").trace(nodes[0].node_id)
    assert page.thread_id == "a"


def test_ids_are_unique_and_scores_numbers_over_all_kinds_and_tiers(open_memory):
    memory = open_memory(config=MemoryConfig(short_term_capacity=1))
    ann = memory.user("ann")
    for number in range(4):
        ann.add(f"I keep bees in hive {number}.", "How nice!")
    ann.remember("Ann keeps bees.")
    memory.flush()
    retriever = MemoryOSRetriever(
        memory, "ann", kinds=("message", "segment", "fact"), similarity_top_k=20, thread_id=None
    )
    nodes = retriever.retrieve("bees in a hive")
    assert {node.metadata["kind"] for node in nodes} == {"message", "segment", "fact"}
    assert {node.metadata["tier"] for node in nodes} == {"short_term", "mid_term", "long_term"}
    assert len({node.node_id for node in nodes}) == len(nodes) > 8
    assert all(isinstance(node.score, float) for node in nodes)
    over = SimilarityPostprocessor(similarity_cutoff=nodes[2].score)
    assert len(over.postprocess_nodes(nodes)) >= 3


async def test_a_retrieval_sends_its_events_once(filled):
    class Listener(BaseEventHandler):
        names: list = Field(default_factory=list)

        def handle(self, event, **kwargs):
            self.names.append(event.class_name())

    root, listener = get_dispatcher(), Listener()
    root.add_event_handler(listener)
    try:
        await MemoryOSRetriever(filled, "ann").aretrieve("bees")
    finally:
        root.event_handlers.remove(listener)
    assert listener.names == ["RetrievalStartEvent", "RetrievalEndEvent"]


def test_a_question_with_invalid_characters_is_searched(filled):
    nodes = MemoryOSRetriever(filled, "ann").retrieve("bees\x00 \ud83d in Porto")
    assert nodes[0].text == "I keep bees in Porto."


def test_no_metadata_gets_into_a_prompt(filled):
    for node in MemoryOSRetriever(filled, user_id="ann").retrieve("bees"):
        assert node.metadata["tier"] == "short_term"
        assert node.metadata["topic"] in ("bees", "hens")
        assert node.get_content(metadata_mode=MetadataMode.LLM) == node.text
        assert node.get_content(metadata_mode=MetadataMode.EMBED) == node.text


def test_kinds_tiers_threads_and_filters_narrow_the_search(filled):
    def found(**asked):
        nodes = MemoryOSRetriever(filled, "ann", **asked).retrieve("What do I keep?")
        return {node.text for node in nodes}

    assert found(kinds=("fact",)) == {"Ann keeps bees."}
    assert found(tiers=("mid_term",)) == set()
    assert found(thread_id="b") == {"My hens are red.", "Lovely."}
    assert found(filters={"topic": "hens"}) == {"My hens are red.", "Lovely."}
    wanted = [MetadataFilter(key="topic", value="bees"), MetadataFilter(key="year", value=2026)]
    assert found(filters=MetadataFilters(filters=wanted)) == {"I keep bees in Porto.", "How nice!"}


@pytest.mark.parametrize(
    "filters",
    [
        MetadataFilters(filters=[MetadataFilter(key="year", value=2026, operator=FilterOperator.GT)]),
        MetadataFilters(
            filters=[MetadataFilter(key="a", value=1), MetadataFilter(key="b", value=1)],
            condition=FilterCondition.OR,
        ),
        MetadataFilters(filters=[MetadataFilter(key="a", value=1), MetadataFilter(key="a", value=2)]),
        MetadataFilters(filters=[MetadataFilters(filters=[])]),
    ],
)
def test_filters_other_than_equality_are_rejected(filled, filters):
    with pytest.raises(InvalidInputError, match=r"equality|all of several"):
        MemoryOSRetriever(filled, "ann", filters=filters)


def test_an_empty_query_finds_nothing_and_unknown_arguments_are_rejected(filled):
    assert MemoryOSRetriever(filled, "ann").retrieve("  ") == []
    with pytest.raises(TypeError, match="top_k"):
        MemoryOSRetriever(filled, "ann", top_k=3)
    with pytest.raises(InvalidInputError, match="user_id is missing"):
        MemoryOSRetriever(filled)
    with pytest.raises(InvalidInputError, match="not object"):
        MemoryOSRetriever(object(), "ann")


def test_a_chat_memory_brings_its_user(filled):
    chat = MemoryOSMemory.from_defaults(memory=filled, user_id="bob")
    texts = [node.text for node in MemoryOSRetriever(chat).retrieve("bees")]
    assert texts == ["I keep bees in Rome."]


def test_the_adapters_own_metadata_is_not_shown_to_the_caller(filled):
    chat = MemoryOSMemory.from_defaults(memory=filled, user_id="ann", thread_id="c")
    chat.put_messages([user("add them"), calling(call("add", a=1)), result("3")])
    for node in MemoryOSRetriever(chat, thread_id="c").retrieve("add"):
        assert "llama_index" not in node.metadata


async def test_concurrent_retrievals_do_not_block_each_other(filled):
    loop = threading.get_ident()
    gate = threading.Barrier(3, timeout=300)
    seen = []

    class Slow(MemoryOSRetriever):
        def _retrieve(self, query_bundle):
            seen.append(threading.get_ident())
            gate.wait()  # goes on only when three are here at once
            return super()._retrieve(query_bundle)

    retriever = Slow(filled, "ann", similarity_top_k=1)
    found = await asyncio.gather(*(retriever.aretrieve("bees") for _ in range(3)))
    assert [nodes[0].text for nodes in found] == ["I keep bees in Porto."] * 3
    assert loop not in seen


async def test_chat_engines_accept_it_as_a_document_retriever(filled):
    for kind in (ContextChatEngine, CondensePlusContextChatEngine):
        llm = Talker()
        chat = MemoryOSMemory.from_defaults(memory=filled, user_id="ann", thread_id=kind.__name__)
        engine = kind.from_defaults(retriever=MemoryOSRetriever(chat), llm=llm, memory=chat)
        assert str(await engine.achat("Where are my bees?")) == "Fine."
        assert "I keep bees in Porto." in llm.system
        assert "short_term" not in llm.system


async def test_query_engines_fusion_and_tools_accept_it(filled):
    retriever = MemoryOSRetriever(filled, "ann", similarity_top_k=2)
    llm = Talker()
    answer = RetrieverQueryEngine.from_args(retriever, llm=llm).query("Where are my bees?")
    assert str(answer) == "Fine."
    assert "I keep bees in Porto." in str(llm.last)
    assert "short_term" not in str(llm.last)
    assert str(await RetrieverQueryEngine.from_args(retriever, llm=Talker()).aquery("bees?")) == "Fine."
    facts = MemoryOSRetriever(filled, "ann", kinds=("fact",))
    fused = QueryFusionRetriever(
        [retriever, facts], llm=llm, num_queries=1, mode=FUSION_MODES.RECIPROCAL_RANK, use_async=False
    )
    assert {"I keep bees in Porto.", "Ann keeps bees."} <= {node.text for node in fused.retrieve("bees")}
    tool = RetrieverTool.from_defaults(retriever, name="memory", description="What the user said.")
    assert "I keep bees in Porto." in tool.call("bees").content
    assert "I keep bees in Porto." in (await tool.acall(input="bees")).content


@pytest.mark.parametrize("search", ["auto", "chroma"])
async def test_a_tier_can_be_used_as_an_index(open_memory, search):
    memory = open_memory(config=MemoryConfig(search=search, short_term_capacity=1))
    ann = memory.user("ann")
    ann.add("I keep bees in Porto.", metadata={"topic": "bees"})
    ann.add("My hens are red.")
    ann.remember("Ann keeps bees.")
    memory.flush()
    index = as_vector_index(memory, "mid_term", user_id="ann")
    retriever = index.as_retriever(similarity_top_k=5)
    assert [node.text for node in retriever.retrieve("hens and bees")] == ["I keep bees in Porto."]
    assert [node.text for node in await retriever.aretrieve("bees")] == ["I keep bees in Porto."]
    assert str(index.as_query_engine(llm=Talker()).query("Where are my bees?")) == "Fine."
    (fact,) = as_vector_index(ann, "long_term").as_retriever().retrieve("bees")
    assert fact.text == "Ann keeps bees."
    wanted = MetadataFilters(filters=[MetadataFilter(key="topic", value="hens")])
    assert index.as_retriever(filters=wanted).retrieve("bees") == []


def test_an_index_of_a_tier_is_read_only(filled):
    index = as_vector_index(filled, "short_term", user_id="ann")
    with pytest.raises(InvalidInputError, match="cannot be written"):
        index.vector_store.add([])
    with pytest.raises(InvalidInputError, match=r"UserMemory\.forget"):
        index.delete_ref_doc("x")
    with pytest.raises(InvalidInputError, match="by text"):
        index.as_retriever().retrieve(QueryBundle("", embedding=[0.1]))


def test_settings_are_neither_read_nor_changed(filled, monkeypatch):
    kept = ("_llm", "_embed_model", "_node_parser", "_transformations", "_callback_manager")
    for name in kept:
        monkeypatch.setattr(Settings, name, None)
    as_vector_index(filled, "short_term", user_id="ann").as_retriever().retrieve("bees")
    MemoryOSRetriever(filled, "ann").retrieve("bees")
    chat = MemoryOSMemory.from_defaults(memory=filled, user_id="ann")
    MemoryOSChatEngine.from_defaults(llm=Talker(), memory=chat).chat("bees")
    assert [getattr(Settings, name) for name in kept] == [None] * len(kept)


def test_times_sources_and_a_least_relevance_are_options(memory):
    ann = memory.user("ann")
    old, new = datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 6, 1, tzinfo=UTC)
    ann.add("Bee story from winter.", "A winter answer about bees.", at=old)
    ann.add("Bee story from summer.", "A summer answer about bees.", at=new)

    def texts(**options):
        return [node.text for node in MemoryOSRetriever(ann, **options).retrieve("bees")]

    assert texts(since=new, sources=("user",)) == ["Bee story from summer."]
    assert texts(until=new, sources=("assistant",)) == ["A winter answer about bees."]
    assert texts(least_relevance=9.0) == []
    with pytest.raises(InvalidInputError, match="sources"):
        texts(sources="user")
