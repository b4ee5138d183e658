"""MemoryOSMemoryBlock in LlamaIndex's Memory: its memories, and that every message is stored once."""

import asyncio
import copy

import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.memory import Memory, VectorMemoryBlock
from llama_index.core.vector_stores import SimpleVectorStore
from pydantic import ValidationError

from llamaindex_adapter.models import OutOfReach, Queue, Talker, WordEmbedding, assistant, texts, user
from llamaindex_memoryos import MemoryOSMemoryBlock
from memoryos_integrations import InvalidInputError, StoreError
from memoryos_integrations.events import Recalled

pytestmark = [
    # llama-index-workflows looks at every attribute of an agent, deprecated ones of pydantic included.
    pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecatedSince20:inspect"),
    pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecatedSince211:inspect"),
]


@pytest.fixture
def block(memory):
    return MemoryOSMemoryBlock(memory=memory, user_id="ann")


def short(block, limit=30_000, session="monday"):
    """A Memory that lets go of what is over the limit."""
    made = Memory.from_defaults(
        session_id=session,
        token_limit=limit,
        token_flush_size=max(1, limit // 10),
        memory_blocks=[block],
    )
    made.sql_store = Queue()  # an argument only since llama-index-core 0.14.24
    return made


def stored(block, session="monday"):
    pages = block.memory.user("ann").pages(thread_id=session)
    return [message.text for page in pages for message in page.messages]


def conversation(turns, first=0):
    for turn in range(first, first + turns):
        yield user(f"Question {turn} about all of my bees and hens?")
        yield assistant("ok")


async def test_memories_of_other_conversations_are_in_the_system_message(block):
    block.memory.user("ann").add("I keep bees in Porto.")
    memory = short(block)
    await memory.aput(user("Where are my bees?"))
    front, question = await memory.aget()
    assert "<long_term_memory>" in front.content
    assert "I keep bees in Porto." in front.content
    assert question.content == "Where are my bees?"


async def test_it_accepts_the_arguments_of_engines_and_searches_nothing_without_a_question(block):
    assert await block.aget() == await block.aget([], session_id="s", initial_token_count=3) == ""
    memory = short(block)
    assert await memory.aget(initial_token_count=5) == []


async def test_flushed_messages_are_stored_once_and_in_order(block):
    memory = short(block, limit=100)
    sent = list(conversation(12))
    for message in sent:
        await memory.aput(message)
    flushed = stored(block)
    assert 4 < len(flushed) < len(sent)
    assert flushed == texts(sent)[: len(flushed)]


async def test_saving_a_short_conversation_stores_it_and_again_stores_nothing(block):
    memory = short(block)
    sent = list(conversation(3))
    await memory.aput_messages(sent)
    assert stored(block) == []
    await block.save(memory)
    await block.save(memory)
    assert stored(block) == texts(sent)
    await memory.aput_messages(list(conversation(1, first=3)))
    await block.save(memory)
    assert stored(block) == texts(conversation(4))


async def test_saved_messages_are_not_stored_again_when_they_are_flushed(block):
    memory = short(block, limit=100)
    sent = list(conversation(12))
    for number, message in enumerate(sent):
        await memory.aput(message)
        if number % 3 == 0:
            await block.save(memory)
    await block.save(memory)
    assert stored(block) == texts(sent)


async def test_equal_messages_are_told_apart_by_their_order(block):
    memory = short(block, limit=60)
    sent = [message for _ in range(8) for message in (user("And now?"), assistant("ok"))]
    for message in sent:
        await memory.aput(message)
    await block.save(memory)
    assert stored(block) == texts(sent)


async def test_keys_that_another_block_adds_to_messages_are_not_stored(block):
    class Texts(SimpleVectorStore):
        stores_text: bool = True

    beside = VectorMemoryBlock(vector_store=Texts(), embed_model=WordEmbedding())
    memory = short(block, limit=100)
    memory.memory_blocks.insert(0, beside)
    for message in conversation(8):
        await memory.aput(message)
    assert stored(block)
    for page in block.memory.user("ann").pages():
        assert all(message.metadata == {} for message in page.messages)
        assert page.thread_id == "monday"


async def test_a_store_that_fails_loses_nothing(memory):
    ann = memory.user("ann")
    real, failing = ann.add_message, True

    def add_message(*arguments, **more):
        if failing:
            raise StoreError("The disk is full.")
        return real(*arguments, **more)

    ann.add_message = add_message
    block = MemoryOSMemoryBlock(memory=ann)
    with pytest.warns(UserWarning, match="2 messages are not stored yet: StoreError: The disk is full"):
        await block.aput(list(conversation(1)), session_id="monday")
    with pytest.warns(UserWarning, match="4 messages are not stored yet"):
        await block.aput(list(conversation(1, first=1)), session_id="monday")
    failing = False
    await block.aget([user("Hello")], session_id="monday")
    pages = memory.user("ann").pages(thread_id="monday")
    assert [message.text for page in pages for message in page.messages] == texts(conversation(2))


async def test_a_failing_retrieval_is_a_warning_and_the_turn_goes_on(tmp_path):
    with OutOfReach(tmp_path, embedder="none") as memory:
        block = MemoryOSMemoryBlock(memory=memory, user_id="ann")
        kept = short(block)
        await kept.aput(user("Where are my bees?"))
        with pytest.warns(UserWarning, match="The prompt has no memories: StoreError: The disk is gone"):
            assert texts(await kept.aget()) == ["Where are my bees?"]
        await block.save(kept)
        assert stored(block) == ["Where are my bees?"]


async def test_flushed_messages_are_retrieved_when_the_same_question_is_repeated(block):
    block.memory.user("ann").add("My hens are red.")
    gone, question = [user("I keep bees in Porto."), assistant("ok")], user("Where are my bees?")
    assert "Porto" not in await block.aget([*gone, question], session_id="monday")
    await block.aput(gone, from_short_term_memory=True, session_id="monday")
    later = [question, assistant("Where?"), question]
    assert "I keep bees in Porto." in await block.aget(later, session_id="monday")


async def test_an_agents_turn_is_one_retrieval(open_memory):
    events = []
    memory = open_memory(on_event=events.append)
    memory.user("ann").add("I keep bees.")
    block = MemoryOSMemoryBlock(memory=memory, user_id="ann")
    agent = FunctionAgent(tools=[], llm=Talker())
    await agent.run("What do I keep?", memory=short(block))
    assert [type(event) for event in events].count(Recalled) == 1


async def test_messages_of_the_queue_are_not_repeated_as_memories(block):
    memory = short(block)
    await memory.aput_messages([user("I keep bees."), assistant("ok")])
    await block.save(memory)
    await memory.aput(user("Where are my bees?"))
    assert texts(await memory.aget()) == ["I keep bees.", "ok", "Where are my bees?"]


async def test_truncating_drops_the_least_relevant_memories_and_stays_well_formed(block):
    ann = block.memory.user("ann")
    for number in range(20):
        ann.add(f"Hive {number} stands in garden {number}.")
    content = await block.aget([user("Where does hive 7 stand?")], session_id="s")
    shorter = await block.atruncate(content, 150)
    assert 0 < len(shorter) < len(content)
    assert "Hive 7 stands in garden 7." in shorter
    assert shorter.count("```") == 2
    assert await block.atruncate(content, 100_000) is None
    assert await block.atruncate("one\ntwo\nthree", 1) == "one\ntwo\n"
    assert await block.atruncate("one", 5) is None


async def test_sessions_and_users_do_not_see_each_other(block, memory):
    bob = MemoryOSMemoryBlock(memory=memory, user_id="bob")
    for name, one in (("bees", block), ("hens", bob)):
        kept = short(one, session=name)
        await kept.aput_messages([user(f"I keep {name}."), assistant("ok")])
        await one.save(kept)
    other = short(bob, session="new")
    await other.aput(user("What do I keep?"))
    assert "hens" in str(await other.aget())
    assert "bees" not in str(await other.aget())


def test_from_sync_code_and_two_loops_in_a_row(block):
    block.memory.user("ann").add("I keep bees in Porto.")
    memory = short(block)
    memory.put(user("Where are my bees?"))
    assert "Porto" in memory.get()[0].content
    asyncio.run(block.save(memory))
    asyncio.run(block.save(memory))
    assert stored(block) == ["Where are my bees?"]


def test_wrong_arguments_are_rejected_and_copies_share_the_store(block):
    with pytest.raises(ValidationError, match="usr"):
        MemoryOSMemoryBlock(memory=block.memory, user_id="ann", usr=1)
    with pytest.raises((InvalidInputError, ValidationError), match="user_id is missing"):
        MemoryOSMemoryBlock(memory=block.memory)
    assert copy.deepcopy(block).memory is block.memory
    assert "memory" not in block.model_dump()
