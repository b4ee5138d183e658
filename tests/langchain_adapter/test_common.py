"""Shared parts: public names, user resolution, texts of all kinds, pending turns."""

import ast
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.prompt_values import ChatPromptValue

import langchain_memoryos
from langchain_adapter.parts import broken, stored_texts
from langchain_memoryos.shared.chain_keys import select_input, select_output
from langchain_memoryos.shared.memory_context import memory_context
from langchain_memoryos.shared.messages import insert_context, text_of
from langchain_memoryos.shared.pending_writes import NewMessage, pending_writes, store_messages
from langchain_memoryos.shared.user_scope import (
    configured_thread_id,
    resolve_run_user,
    resolve_user,
    valid_thread_id,
)
from memoryos_integrations import MemoryOS
from memoryos_integrations.checks import storable
from memoryos_integrations.checks import text as check_text
from memoryos_integrations.errors import InvalidInputError, StoreError
from memoryos_integrations.testing import HashEmbedder
from memoryos_integrations.tokens import default_counter

PACKAGE = Path(langchain_memoryos.__file__).parent


def test_all_public_names_can_be_imported():
    assert langchain_memoryos.__all__ == [
        "MemoryOSChatMemory",
        "MemoryOSChatMessageHistory",
        "MemoryOSMiddleware",
        "MemoryOSRetriever",
        "MemoryOSRunnable",
        "MemoryOSStore",
        "MemoryOSToolkit",
        "with_memory",
    ]
    assert dir(langchain_memoryos) == sorted(langchain_memoryos.__all__)
    for name in langchain_memoryos.__all__:
        assert getattr(langchain_memoryos, name).__doc__
    with pytest.raises(AttributeError, match="Memoryos"):
        _ = langchain_memoryos.Memoryos


WITHOUT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == sys.argv[1]:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
import langchain_memoryos
for name in langchain_memoryos.__all__:
    try:
        getattr(langchain_memoryos, name)
    except ImportError as error:
        print(name, error)
"""


@pytest.mark.programs
@pytest.mark.parametrize(
    ("absent", "commands"),
    [
        ("langchain", {"MemoryOSMiddleware": "pip install 'memoryos-integrations[agents]'"}),
        ("langchain_classic", {"MemoryOSChatMemory": "pip install langchain-classic"}),
    ],
)
def test_a_class_that_needs_a_missing_package_names_the_install_command_and_the_rest_works(absent, commands):
    ran = subprocess.run([sys.executable, "-c", WITHOUT, absent], capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    found = dict(line.split(" ", 1) for line in ran.stdout.splitlines())
    assert set(found) == set(commands)
    for name, command in commands.items():
        assert command in found[name]


def test_the_adapter_uses_nothing_private_of_the_core():
    reached = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_private = isinstance(node, ast.Attribute) and node.attr.startswith("_")
            if is_private and not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")):
                reached.add(f"{path.name}: {node.attr}")
    assert {name for name in reached if not name.endswith("__")} == set()


def test_a_user_memory_is_used_as_it_is_and_a_store_needs_a_user(memory):
    ann = memory.user("ann", "cook")
    assert resolve_user(ann) is ann
    assert resolve_user(ann, "ann", "cook") is ann
    assert (resolve_user(memory, "ann").user_id, resolve_user(memory, "ann").agent_id) == ("ann", "default")
    for given_ in ({"user_id": "bob"}, {"user_id": "ann", "agent_id": "waiter"}):
        with pytest.raises(InvalidInputError, match="memory is that of"):
            resolve_user(ann, **given_)
    with pytest.raises(InvalidInputError, match="user_id is missing"):
        resolve_user(memory)
    with pytest.raises(InvalidInputError, match="MemoryOS or a UserMemory, not str"):
        resolve_user("./memory", "ann")


def test_the_adapters_user_takes_precedence_over_the_contexts_and_that_over_the_configurations(memory):
    config = {"configurable": {"user_id": "config"}}

    class Context:
        user_id = "context"

    def user(own=None, config=None, context=None):
        return resolve_run_user(memory, own, None, config, context).user_id

    assert user("own", config, Context()) == "own"
    assert user(None, config, Context()) == "context"
    assert user(None, config, {"user_id": "context"}) == "context"
    assert user(None, config, {"other": 1}) == "config"
    assert user(None, config, object()) == "config"
    with pytest.raises(InvalidInputError, match="user_id is missing"):
        user(None, {"configurable": {}}, {})


@pytest.mark.parametrize(
    ("configurable", "thread"),
    [
        ({"thread_id": "t", "session_id": "s"}, "t"),
        ({"conversation_id": 7}, "7"),
        ({"session_id": "s"}, "s"),
        ({}, None),
    ],
)
def test_a_configuration_may_use_any_of_the_usual_names_for_the_thread_id(configurable, thread):
    assert configured_thread_id({"configurable": configurable}) == thread


@given(st.text(min_size=1, max_size=400))
def test_every_thread_id_becomes_a_valid_one_and_different_ones_stay_different(name):
    taken = valid_thread_id(name)
    assert 0 < len(taken) <= 256
    assert taken.isprintable()
    assert valid_thread_id(name + "x") != taken


@given(st.text(st.characters(codec=None), max_size=50))
def test_storable_text_can_be_stored_and_valid_text_is_unchanged(text):
    cleaned = storable(text)
    check_text("text", cleaned, empty=True)
    if text == text.encode("utf-8", "replace").decode() and "\x00" not in text:
        assert cleaned == text


def test_two_surrogates_of_one_character_are_joined():
    assert storable("\ud83d\ude00 \ud83d") == "\U0001f600 \ufffd"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ("text", "text"),
        (HumanMessage("text"), "text"),
        (AIMessage([{"type": "text", "text": "a"}, "b", {"type": "reasoning", "reasoning": "hm"}]), "ab"),
        (HumanMessage([{"type": "image_url", "image_url": {"url": "x"}}]), "[image]"),
        ([HumanMessage("first"), AIMessage("last")], "last"),
        ([{"role": "user", "content": "said"}], "said"),
        ([("human", "said")], "said"),
        ({"role": "assistant", "content": "said"}, "said"),
        (ChatPromptValue(messages=[HumanMessage("prompted")]), "prompted"),
        ([], ""),
        (["a", "b"], "ab"),
        (7.5, "7.5"),
        ({"a": 1}, "{'a': 1}"),
    ],
)
def test_the_text_of_every_value_that_a_chain_takes_or_returns(value, text):
    assert text_of(value) == text


def test_no_context_is_inserted_without_a_human_message_or_without_memories():
    assert insert_context([AIMessage("Hi!")], "known") == [AIMessage("Hi!")]
    assert insert_context([HumanMessage("Hi!")], "") == [HumanMessage("Hi!")]


def test_empty_inputs_and_outputs_select_nothing(memory):
    assert select_input({}, None) == (None, None)
    assert select_input({"history": "x", "stop": ["y"]}, None, ["history"]) == (None, None)
    assert select_output({}, None) == ""


def test_a_long_question_is_searched_with_both_ends(memory):
    ann = memory.user("ann")
    ann.add("My sister Jo lives in Porto.")
    question = "Where does Jo live?" + " padding" * 100_000 + " Porto?"
    assert "Porto" in memory_context(ann, question, max_tokens=500)


@settings(max_examples=25)
@given(shown=st.sets(st.integers(0, 29), max_size=30))
def test_the_memory_context_omits_shown_messages_and_stays_within_its_budget(shown, thirty_facts):
    texts = {f"Fact {number} about bees." for number in shown}
    found = memory_context(thirty_facts, "What about bees?", max_tokens=150, shown=texts)
    assert not any(f" {text}" in found for text in texts)
    assert default_counter()(found) <= 150
    assert bool(found) == (len(shown) < 30)


@pytest.fixture(scope="module")
def thirty_facts(tmp_path_factory):
    with MemoryOS(tmp_path_factory.mktemp("facts"), embedder=HashEmbedder()) as memory:
        for number in range(30):
            memory.user("ann").add(f"Fact {number} about bees.")
        yield memory.user("ann")


def test_pending_turns_keep_their_order_and_their_time(open_memory):
    store = open_memory()
    ann = store.user("ann")
    with broken(store):
        for number in range(3):
            store_messages(ann, "t", [NewMessage("user", f"question {number}")])
            store_messages(ann, "t", [NewMessage("assistant", f"answer {number}")])
        assert len(pending_writes(store)) == 6
    store_messages(ann, "t", [NewMessage("user", "last")])
    assert stored_texts(store, "ann") == [t for n in range(3) for t in (f"question {n}", f"answer {n}")] + [
        "last"
    ]
    assert [len(page.messages) for page in ann.pages()] == [2, 2, 2, 1]


def test_a_turn_half_written_when_the_store_failed_is_not_written_twice(memory):
    ann = memory.user("ann")
    first, second = NewMessage("user", "question"), NewMessage("tool", "answer", name="weather")
    store_messages(ann, "t", [first])
    store_messages(ann, "t", [first, second])
    assert stored_texts(memory, "ann") == ["question", "answer"]


def test_a_turn_that_can_never_be_stored_is_reported_and_does_not_block_later_ones(memory):
    ann = memory.user("ann")
    failures = []
    with broken(memory):
        store_messages(ann, "t", [NewMessage("user", "first")], failures.append)
    store_messages(ann, "", [NewMessage("user", "impossible")], failures.append)
    store_messages(ann, "t", [NewMessage("user", "second")], failures.append)
    assert stored_texts(memory, "ann") == ["first", "second"]
    assert [type(failure) for failure in failures][1:] == [InvalidInputError]
    assert isinstance(failures[0], StoreError)


def test_concurrent_threads_write_each_pending_turn_once(memory):
    ann = memory.user("ann")
    with broken(memory):
        for number in range(30):
            store_messages(ann, "t", [NewMessage("user", f"waiting {number}")])
    start = threading.Barrier(8)

    def work(number):
        start.wait(timeout=300)
        store_messages(ann, "t", [NewMessage("user", f"new {number}")])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stored = stored_texts(memory, "ann")
    assert sorted(stored) == sorted([f"waiting {n}" for n in range(30)] + [f"new {n}" for n in range(8)])


ENDING = """
import sqlite3, sys
from langchain_adapter.parts import broken
from langchain_memoryos import with_memory
from memoryos_integrations import MemoryOS
from memoryos_integrations.testing import HashEmbedder

memory = MemoryOS(sys.argv[1], embedder=HashEmbedder())
chain = with_memory(lambda messages: "one", memory=memory, user_id="ann")
with broken(memory):
    chain.invoke("first")
"""


@pytest.mark.programs
def test_pending_turns_are_stored_when_the_program_ends(tmp_path, open_memory):
    command = [sys.executable, "-c", ENDING, str(tmp_path / "store")]
    ran = subprocess.run(
        command,
        cwd=PACKAGE.parent / "tests",
        env=os.environ | {"PYTHONPATH": "..:."},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr
    assert "A turn was not stored; 1 pending" in ran.stderr
    assert stored_texts(open_memory(tmp_path / "store"), "ann") == ["first", "one"]
