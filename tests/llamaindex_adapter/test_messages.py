"""Stored chat messages: every message is restored, whatever it holds."""

import base64
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llama_index.core.base.llms.types import (
    AudioBlock,
    CacheControl,
    CachePoint,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)
from pydantic import BaseModel

from llamaindex_adapter.models import assistant, call, calling, result, texts, user
from llamaindex_memoryos import MemoryOSMemory, MemoryOSRetriever, MemoryOSToolSpec
from llamaindex_memoryos.shared.messages import (
    INSTRUCTIONS,
    MARKERS,
    METADATA_KEY,
    NO_ANSWER,
    from_stored,
    to_stored,
)
from memoryos_integrations import MemoryConfig, checks
from memoryos_integrations.types import Message

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def through_the_ledger(message):
    """Return a message as it comes back, having checked that the ledger takes it."""
    kept = to_stored(message)
    checks.text("text", kept.text)
    metadata, _ = checks.metadata("metadata", {METADATA_KEY: dict(kept.fields)} if kept.fields else {})
    at = datetime(2026, 1, 1, tzinfo=UTC)
    back = from_stored(Message("m", "p", "t", kept.role, kept.text, at, metadata=metadata))
    assert to_stored(back) == kept
    return back


@pytest.mark.parametrize(
    "message",
    [
        user("hello"),
        user("  two\nlines  "),
        assistant("Hi {name}, see ```code``` and <think>."),
        ChatMessage(role="assistant", content=None),
        ChatMessage(role="assistant", content=""),
        ChatMessage(role="system", content="Be brief."),
        ChatMessage(role="developer", content="Be brief."),
        ChatMessage(role="model", content="Hi."),
        ChatMessage(role="function", content="3", additional_kwargs={"name": "add"}),
        calling(call("add", a=1, b=None)),
        ChatMessage(
            role="assistant", blocks=[TextBlock(text="I add."), call("add", a=1), call("add", 2, a=2)]
        ),
        ChatMessage(role="assistant", content=None, additional_kwargs={"tool_calls": [{"id": "1"}]}),
        result("3" * 60_000),
        user("x").model_copy(update={"additional_kwargs": {"name": "Ann", "deep": {"list": [1, 2.5, None]}}}),
        ChatMessage(
            role="user", blocks=[TextBlock(text="Look:"), ImageBlock(image=PIXEL), TextBlock(text="!")]
        ),
        ChatMessage(role="user", blocks=[ImageBlock(url="https://example.org/bee.png")]),
        ChatMessage(role="user", blocks=[AudioBlock(audio=b"RIFF\xff\x00", format="wav")]),
        ChatMessage(role="user", blocks=[DocumentBlock(data=b"%PDF-1.7 \xff", title="a")]),
        ChatMessage(role="user", blocks=[VideoBlock(video=b"\x00\xff", video_mimetype="video/mp4")]),
        ChatMessage(role="user", blocks=[CachePoint(cache_control=CacheControl(type="ephemeral"))]),
        ChatMessage(
            role="user", blocks=[CitableBlock(title="a", source="b", content=[TextBlock(text="Bees.")])]
        ),
        ChatMessage(
            role="assistant",
            blocks=[
                CitationBlock(
                    cited_content=TextBlock(text="Bees."), source="b", title="a", additional_location_info={}
                )
            ],
        ),
        ChatMessage(role="assistant", blocks=[ThinkingBlock(content=None)]),
        assistant("I add.\n<execute>\nadd(1, 2)\n</execute>"),
        user("Result of executing the code given:\n\n3"),
        ChatMessage(
            role="assistant", blocks=[ThinkingBlock(content="hm", num_tokens=3), TextBlock(text="Yes.")]
        ),
        ChatMessage(role="assistant", blocks=[call("write", text="字" * 40_000)]),
        assistant("Thought: easy\nAction: add\nObservation: 3\nThought: done\nAnswer: It is 3."),
        assistant("Empty Response"),
    ],
    ids=lambda message: f"{message.role.value}: {str(message.content)[:20]!r}",
)
def test_a_message_is_restored_unchanged(message):
    assert through_the_ledger(message) == message


TEXT = st.text(max_size=30)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
BLOCKS = st.lists(
    st.builds(TextBlock, text=TEXT)
    | st.builds(
        ToolCallBlock, tool_call_id=TEXT, tool_name=TEXT, tool_kwargs=st.dictionaries(TEXT, JSON, max_size=3)
    )
    | st.builds(ThinkingBlock, content=TEXT),
    max_size=4,
)


@given(
    role=st.sampled_from(
        ["user", "assistant", "system", "tool", "developer", "function", "model", "chatbot"]
    ),
    blocks=BLOCKS,
    others=st.dictionaries(TEXT.filter(lambda name: name not in ("images", "tool_calls")), JSON, max_size=3),
)
def test_any_message_is_restored_but_for_characters_that_cannot_be_stored(role, blocks, others):
    message = ChatMessage(role=role, blocks=blocks, additional_kwargs=others)
    back = through_the_ledger(message)
    if "\x00" not in repr(message) and "\\x00" not in repr(message):
        assert back == message
    assert through_the_ledger(back) == back


@given(text=st.text(st.characters(codec=None), min_size=1, max_size=40))
def test_any_text_is_stored_with_invalid_characters_replaced(text):
    assert len(through_the_ledger(user(text)).content) <= len(text)


def test_lone_surrogates_and_nul_are_replaced_and_no_turn_is_lost(memory):
    chat = MemoryOSMemory.from_defaults(memory=memory, user_id="ann")
    chat.put(user("a\x00b \ud83d c \ud83d\ude00"))
    assert texts(chat.get_all()) == ["a\ufffdb \ufffd c \U0001f600"]


class Usage(BaseModel):
    """As a provider's client has them."""

    tokens: int = 3
    raw: bytes = b"\xff\x00"


@dataclass
class Choice:
    index: int = 0


class Opaque:
    pass


def test_objects_of_providers_become_their_fields_or_their_text():
    others = {"usage": Usage(), "choice": Choice(), "client": Opaque(), "set": {2, 1}, "inf": float("inf")}
    back = through_the_ledger(ChatMessage(role="assistant", content="Hi.", additional_kwargs=others))
    kept = back.additional_kwargs
    assert kept["usage"] == {"tokens": 3, "raw": "/wA="}
    assert kept["choice"] == {"index": 0}
    assert "Opaque" in kept["client"]
    assert "0x" not in kept["client"]
    assert (kept["set"], kept["inf"]) == ([1, 2], float("inf"))
    loop = {}
    loop["self"] = loop
    through_the_ledger(ChatMessage(role="assistant", content="Hi.", additional_kwargs={"loop": loop}))


class Node(BaseModel):
    """As a tree of a provider's that knows its parents."""

    parent: "Node | None" = None
    children: list["Node"] = []


def test_a_value_that_contains_itself_is_converted():
    loop = {"name": "x"}
    loop |= {"self": loop, "again": loop, "list": [loop, loop]}
    root = Node()
    root.children = [Node(parent=root) for _ in range(3)]
    others = {"loop": loop, "tree": root, "tool_calls": root}
    back = through_the_ledger(ChatMessage(role="assistant", content="Hi.", additional_kwargs=others))
    assert back.additional_kwargs["loop"]["name"] == "x"
    assert len(str(back)) < 3000


def test_objects_of_providers_lose_no_turn(memory):
    chat = MemoryOSMemory.from_defaults(memory=memory, user_id="ann")
    others = {"usage": Usage(), "client": Opaque(), "at": datetime(2026, 1, 1, tzinfo=UTC)}
    chat.put(ChatMessage(role="assistant", content="Hi.", additional_kwargs=others))
    (message,) = MemoryOSMemory.from_json(chat.to_json()).get_all()
    assert message.content == "Hi."
    assert message.additional_kwargs["usage"]["tokens"] == 3
    assert message.additional_kwargs["at"].startswith("2026-01-01")


def test_too_large_data_is_replaced_by_a_placeholder_with_a_warning():
    message = ChatMessage(role="user", blocks=[TextBlock(text="Look"), ImageBlock(image=PIXEL * 1000)])
    with pytest.warns(UserWarning, match="Data over 30 kB"):
        kept = to_stored(message)
    assert kept.text == "Look\n[image: too large to be stored]"
    with warnings.catch_warnings(action="ignore"):
        back = through_the_ledger(message)
    assert texts([back]) == ["Look\n[image: too large to be stored]"]


@pytest.mark.parametrize(
    "message",
    [
        user("x" * 1_200_000),
        result("é" * 700_000),
        ChatMessage(role="assistant", additional_kwargs={"tool_calls": [{"function": "x" * 1_200_000}]}),
        ChatMessage(role="assistant", blocks=[call("write", text="x" * 1_200_000)]),
        ChatMessage(role="user", content="small", additional_kwargs={"large": "x" * 1_200_000}),
    ],
    ids=["user", "tool", "older call", "call", "additional"],
)
def test_text_over_1_mb_is_cut_with_a_warning(message):
    with pytest.warns(UserWarning, match="1 MB"):
        to_stored(message)
    with warnings.catch_warnings(action="ignore"):
        assert through_the_ledger(message).role is message.role


def test_a_missing_file_leaves_the_text_and_a_warning(tmp_path):
    file = tmp_path / "bee.png"
    file.write_bytes(PIXEL)
    message = ChatMessage(role="user", blocks=[TextBlock(text="Look"), ImageBlock(path=file)])
    kept = to_stored(message)
    file.unlink()
    at = datetime(2026, 1, 1, tzinfo=UTC)
    with pytest.warns(UserWarning, match="Only the text"):
        back = from_stored(
            Message("m", "p", "t", kept.role, kept.text, at, metadata={METADATA_KEY: dict(kept.fields)})
        )
    assert back == user("Look")


def test_the_searchable_text_of_a_message_is_its_text_blocks():
    thought = assistant("Thought: add\nObservation: 3\nThought: done\nAnswer: It is 3.")
    assert (to_stored(thought).role, to_stored(thought).text) == ("assistant", "It is 3.")
    assert to_stored(assistant("Empty Response")).text == NO_ANSWER
    assert to_stored(ChatMessage(role="system", content="Be brief.")).text == INSTRUCTIONS
    assert to_stored(calling(call("add", a=1))).text == 'add {"a": 1}'
    assert to_stored(ChatMessage(role="user", blocks=[ImageBlock(image=PIXEL)])).text == "[image]"


def test_a_call_and_its_result_stay_on_the_page_of_the_question(memory):
    chat = MemoryOSMemory.from_defaults(memory=memory, user_id="ann")
    chat.put_messages([user("1 + 2?"), calling(call("add", a=1, b=2)), result("3"), assistant("It is 3.")])
    (page,) = chat.user.pages()
    assert [message.role for message in page.messages] == ["user", "tool", "tool", "assistant"]


def test_markers_are_neither_found_nor_shown_nor_learnt(open_memory):
    memory = open_memory(config=MemoryConfig(short_term_capacity=1))
    chat = MemoryOSMemory.from_defaults(memory=memory, user_id="ann", thread_id="a")
    for turn in range(9):
        chat.put(ChatMessage(role="system", content="My name is Zed and I live in Rome."))
        chat.put(user("I live in Oslo." if turn == 0 else f"Tell me about cheese, number {turn}."))
        chat.put_messages([calling(call("look", turn)), result("I live in Rome. My name is Tool.", turn)])
        chat.put(assistant("My name is Bot. I live in Berlin." if turn % 2 else "Empty Response"))
    chat.reset()
    memory.flush()
    memory.flush()
    assert [fact.text for fact in chat.user.facts()] == ["The user lives in Oslo."]
    for query in ("Who gives instructions?", "a new conversation began", "Empty Response, no answer"):
        nodes = MemoryOSRetriever(memory, "ann", similarity_top_k=50).retrieve(query)
        assert len(nodes) > 20
        assert not MARKERS & {node.text for node in nodes}
    keywords = {word for segment in chat.user.segments() for word in segment.keywords}
    assert not {"instructions", "conversation", "answer", "empty", "response"} & keywords
    other = MemoryOSMemory.from_defaults(memory=memory, user_id="ann", thread_id="b")
    other.put(user("Where do I live?"))
    assert not any(f": {note}" in other.get()[0].content for note in MARKERS)


def test_results_of_memory_tools_are_no_new_memories(memory):
    memory.user("ann").add("I keep bees in Porto.", thread_id="an older one")
    chat = MemoryOSMemory.from_defaults(memory=memory, user_id="ann", thread_id="a")
    tools = MemoryOSToolSpec(chat)
    for turn in range(5):
        chat.put_messages([user(f"Note {turn}."), calling(call("search_memory", turn, query="bees, Porto"))])
        chat.put_messages([result(tools.search_memory("bees, Porto"), turn), assistant("ok")])
        chat.put_messages([calling(call("get_profile", turn)), result(tools.get_profile(), turn)])
    found = tools.search_memory("Do I keep bees in Porto?", limit=20)
    assert found.count("bees") == 1
    assert chat.get_all()[2].content.count("I keep bees in Porto.") == 1
