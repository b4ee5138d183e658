"""MemoryOSToolkit: LangChain's own suites, and what each tool does."""

import copy
import json
import threading

import pytest
from langchain_core.load import dumps
from langchain_core.tools import ToolException
from langchain_tests.integration_tests import ToolsIntegrationTests
from langchain_tests.unit_tests import ToolsUnitTests

from langchain_adapter.parts import broken
from langchain_memoryos import MemoryOSToolkit
from langchain_memoryos.toolkit import ForgetTool, ProfileTool, RememberTool, SearchMemoryTool

ANN = {"configurable": {"user_id": "ann"}}


class OfAda:
    """Gives LangChain's suites a tool on a filled memory."""

    tool_constructor: type
    tool_invoke_params_example: dict = {}  # noqa: RUF012 - a property of theirs

    @pytest.fixture(autouse=True)
    def filled(self, ada):
        ada.add("I keep bees.", "Nice!")
        self.params = {"memory": ada}

    @property
    def tool_constructor_params(self):
        return self.params


class Search(OfAda):
    tool_constructor = SearchMemoryTool
    tool_invoke_params_example = {"query": "bees"}  # noqa: RUF012


class Remember(OfAda):
    tool_constructor = RememberTool
    tool_invoke_params_example = {"statement": "Ada keeps bees."}  # noqa: RUF012


class Forget(OfAda):
    tool_constructor = ForgetTool
    tool_invoke_params_example = {"query": "bees"}  # noqa: RUF012


class Profile(OfAda):
    tool_constructor = ProfileTool


class TestSearchUnit(Search, ToolsUnitTests): ...


class TestSearchIntegration(Search, ToolsIntegrationTests): ...


class TestRememberUnit(Remember, ToolsUnitTests): ...


class TestRememberIntegration(Remember, ToolsIntegrationTests): ...


class TestForgetUnit(Forget, ToolsUnitTests): ...


class TestForgetIntegration(Forget, ToolsIntegrationTests): ...


class TestProfileUnit(Profile, ToolsUnitTests): ...


class TestProfileIntegration(Profile, ToolsIntegrationTests): ...


def tools_of(memory, user_id=None):
    return {tool.name: tool for tool in MemoryOSToolkit(memory=memory, user_id=user_id).get_tools()}


def test_the_toolkit_has_four_tools_and_no_model_can_name_a_user(memory):
    tools = tools_of(memory)
    assert list(tools) == ["search_memory", "remember", "forget", "get_profile"]
    arguments = {name: set(tool.args) for name, tool in tools.items()}
    assert arguments == {
        "search_memory": {"query"},
        "remember": {"statement"},
        "forget": {"query", "ids"},
        "get_profile": set(),
    }


def test_a_fact_stored_by_one_tool_is_found_by_another_and_is_in_the_profile(memory):
    tools = tools_of(memory, "ann")
    assert tools["search_memory"].invoke({"query": "allergies"}) == "Nothing is remembered about this."
    tools["remember"].invoke({"statement": "Ann is allergic to nuts."})
    memory.user("ann").add("I keep bees.", "Nice!")
    assert "allergic to nuts" in tools["search_memory"].invoke({"query": "allergies"})
    assert json.loads(tools["get_profile"].invoke({}))["facts"] == ["Ann is allergic to nuts."]
    call = {"type": "tool_call", "id": "1", "name": "search_memory", "args": {"query": "bees"}}
    message = tools["search_memory"].invoke(call)
    assert "I keep bees." in message.content
    assert {"I keep bees.", "Ann is allergic to nuts."} <= {item["text"] for item in message.artifact}
    json.dumps(message.artifact)


def test_forgetting_takes_two_steps_and_the_second_names_the_ids(memory):
    ann = memory.user("ann")
    ann.add("My password is swordfish.", "I will keep it.")
    ann.add("I keep bees.")
    forget = tools_of(memory, "ann")["forget"]
    offered = json.loads(forget.invoke({"query": "password"}))
    assert offered["forgotten"] == 0
    assert len(ann.pages()) == 2
    (wanted,) = [row["id"] for row in offered["candidates"] if "swordfish" in row["text"]]
    assert json.loads(forget.invoke({"ids": [wanted, "no-such"]})) == {
        "forgotten": 1,
        "not_found": ["no-such"],
    }
    assert "swordfish" not in str(ann.pages())


def test_a_tool_cannot_erase_another_users_messages(memory):
    message = memory.user("bob").add("I am Bob.").messages[0]
    forget = tools_of(memory, "ann")["forget"]
    assert json.loads(forget.invoke({"ids": [message.id]})) == {"forgotten": 0, "not_found": [message.id]}
    assert len(memory.user("bob").pages()) == 1


def test_the_user_of_a_shared_toolkit_comes_from_the_run(memory):
    tools = tools_of(memory)
    tools["remember"].invoke({"statement": "Ann keeps bees."}, ANN)
    assert memory.users() == ["ann"]
    for name, given in (
        ("search_memory", {"query": "bees"}),
        ("remember", {"statement": "x"}),
        ("forget", {"query": "bees"}),
        ("get_profile", {}),
    ):
        with pytest.raises(ValueError, match="user_id is missing"):
            tools[name].invoke(given)


async def test_async_calls_leave_the_event_loop_free(open_memory):
    threads = []
    store = open_memory(on_event=lambda event: threads.append(threading.current_thread()))
    tools = tools_of(store)
    await tools["remember"].ainvoke({"statement": "Ann keeps bees."}, ANN)
    assert "bees" in await tools["search_memory"].ainvoke({"query": "What does Ann keep?"}, ANN)
    assert "bees" in await tools["get_profile"].ainvoke({}, ANN)
    assert "bees" in await tools["forget"].ainvoke({"query": "bees"}, ANN)
    assert threads
    assert threading.main_thread() not in threads


def test_an_error_of_the_store_is_the_tools_reply_or_can_be_raised_instead(memory):
    remember = tools_of(memory, "ann")["remember"]
    search = tools_of(memory, "ann")["search_memory"]
    memory.user("ann").add("I keep bees.")
    with broken(memory):
        assert "StoreCorruptError" in search.invoke({"query": "bees"})
        search.handle_tool_error = False
        with pytest.raises(ToolException):
            search.invoke({"query": "bees"})
    assert "statement" in remember.invoke({"statement": ""}) or "text" in remember.invoke({"statement": ""})


def test_statements_with_unusual_characters_are_stored(memory):
    tools_of(memory, "ann")["remember"].invoke({"statement": "Ann \x00 likes \ud83d rain."})
    assert [fact.text for fact in memory.user("ann").facts()] == ["Ann \ufffd likes \ufffd rain."]


def test_copies_share_the_store_and_nothing_shows_it(memory):
    for tool in MemoryOSToolkit(memory=memory, user_id="ann").get_tools():
        assert copy.deepcopy(tool).memory is memory
        assert str(memory.path) not in repr(tool) + dumps(tool) + str(tool.model_dump())
