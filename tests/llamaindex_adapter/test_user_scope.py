"""Resolution of the user: the same arguments and errors in every class."""

import asyncio

import pytest

from llamaindex_adapter.models import user
from llamaindex_memoryos import (
    MemoryOSMemory,
    MemoryOSMemoryBlock,
    MemoryOSRetriever,
    MemoryOSToolSpec,
    as_vector_index,
)

ASKED = "Where are my bees?"
CLASSES = {
    "memory": lambda memory, **more: MemoryOSMemory.from_defaults(memory=memory, **more),
    "retriever": MemoryOSRetriever,
    "block": lambda memory, **more: MemoryOSMemoryBlock(memory=memory, **more),
    "tools": MemoryOSToolSpec,
    "index": lambda memory, **more: as_vector_index(memory, "short_term", **more),
}
FINDS = {
    "memory": lambda made: made.get(ASKED),
    "retriever": lambda made: made.retrieve(ASKED),
    "block": lambda made: asyncio.run(made.aget([user(ASKED)], session_id="new")),
    "tools": lambda made: made.search_memory(ASKED),
    "index": lambda made: made.as_retriever().retrieve(ASKED),
}


@pytest.fixture
def filled(memory):
    memory.user("ann").add("I keep bees in Porto.", thread_id="old")
    memory.user("ann", "tutor").add("I keep bees in Faro.", thread_id="old")
    memory.user("bob").add("I keep bees in Rome.", thread_id="old")
    return memory


@pytest.mark.parametrize("kind", CLASSES)
def test_a_store_with_a_user_a_user_memory_and_a_llama_index_memory_resolve_to_the_user(filled, kind):
    for arguments in (
        {"memory": filled, "user_id": "ann"},
        {"memory": filled.user("ann")},
        {"memory": MemoryOSMemory.from_defaults(memory=filled, user_id="ann")},
        {"memory": filled.user("ann"), "user_id": "ann", "agent_id": "default"},
    ):
        found = str(FINDS[kind](CLASSES[kind](**arguments)))
        assert "Porto" in found
        assert "Rome" not in found
        assert "Faro" not in found
    found = str(FINDS[kind](CLASSES[kind](memory=filled, user_id="ann", agent_id="tutor")))
    assert "Faro" in found
    assert "Porto" not in found


@pytest.mark.parametrize("kind", CLASSES)
def test_a_missing_or_invalid_id_is_rejected_and_named(filled, kind):
    for arguments, message in [
        ({}, "user_id is missing"),
        ({"user_id": ""}, "user_id must not be empty"),
        ({"user_id": "a\nb"}, "user_id must not contain control characters"),
        ({"user_id": "a" * 300}, "user_id must have at most 256 characters"),
        ({"user_id": 5}, r"user_id must be text|valid string"),
        ({"user_id": "ann", "agent_id": ""}, "agent_id must not be empty"),
    ]:
        with pytest.raises(ValueError, match=message):
            CLASSES[kind](memory=filled, **arguments)
        assert filled.users() == ["ann", "bob"]


@pytest.mark.parametrize("kind", CLASSES)
def test_a_user_memory_rejects_another_user(filled, kind):
    with pytest.raises(ValueError, match="already that of 'ann', not of 'bob'"):
        CLASSES[kind](memory=filled.user("ann"), user_id="bob")
    with pytest.raises(ValueError, match="must be a MemoryOS, UserMemory or MemoryOSMemory, not str"):
        CLASSES[kind](memory="./memory", user_id="ann")


@pytest.mark.parametrize("kind", CLASSES)
def test_a_misspelt_argument_is_rejected_and_named(filled, kind):
    with pytest.raises((TypeError, ValueError), match="usr_id"):
        CLASSES[kind](memory=filled, usr_id="ann")
