"""MemoryOSMemory in agents: prompts over turns, reused contexts, other processes."""

import json
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from llama_index.core.agent.workflow import AgentWorkflow, CodeActAgent, FunctionAgent, ReActAgent
from llama_index.core.workflow import Context, JsonSerializer

from llamaindex_adapter.models import OutOfReach, Talker, call, texts
from llamaindex_memoryos import MemoryOSMemory, MemoryOSToolSpec
from memoryos_integrations.events import Recalled

# llama-index-workflows looks at every attribute of an agent, deprecated ones of pydantic included, and its
# ReAct agent asks for a property that is deprecated where it asks.
pytestmark = [
    pytest.mark.filterwarnings("ignore:is_running called from within a step:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecatedSince20:inspect"),
    pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecatedSince211:inspect"),
]
ROOT = Path(__file__).parents[2]
THINKING = "Thought: I know.\nAnswer: Fine."


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def function_agent(llm):
    return FunctionAgent(tools=[add], llm=llm)


def react_agent(llm):
    return ReActAgent(tools=[add], llm=llm)


def workflow(llm):
    return AgentWorkflow(agents=[FunctionAgent(name="root", tools=[add], llm=llm)], root_agent="root")


async def run_code(code):
    return "ran"


def code_agent(llm):
    return CodeActAgent(code_execute_fn=run_code, tools=[add], llm=llm)


AGENTS = {made.__name__: made for made in (function_agent, react_agent, workflow, code_agent)}


def talker_for(agent, turns):
    return Talker(*[THINKING] * turns) if agent == "react_agent" else Talker(*["Fine."] * turns)


@pytest.fixture
def chat(memory):
    return MemoryOSMemory.from_defaults(memory=memory, user_id="ann", thread_id="monday")


@pytest.mark.parametrize("agent", AGENTS)
async def test_every_agent_stores_its_turns_and_gets_memories_of_other_conversations(chat, agent):
    chat.user.add("I keep bees in Porto.", "How nice!", thread_id="an older one")
    llm = talker_for(agent, 2)
    made = AGENTS[agent](llm)
    assert "Fine." in str(await made.run("Where are my bees?", memory=chat))
    assert "I keep bees in Porto." in llm.system
    await made.run("And my hens?", memory=chat)
    assert [message.role.value for message in chat.get_all()] == ["user", "assistant"] * 2
    pages = chat.user.pages(thread_id="monday")
    assert [[message.text for message in page.messages] for page in pages] == [
        ["Where are my bees?", "Fine."],
        ["And my hens?", "Fine."],
    ]


NEXT_PROCESS = """
import asyncio, json, sys
from llama_index.core.workflow import Context
from llamaindex_adapter.models import Talker
from llamaindex_adapter.test_agents import AGENTS, talker_for

async def main(agent, question, saved):
    llm = talker_for(agent, 1)
    made = AGENTS[agent](llm)
    context = Context.from_dict(made, json.loads(saved))
    await made.run(question, ctx=context)
    print(json.dumps([llm.counts, context.to_dict()]))

asyncio.run(main(*sys.argv[1:]))
"""


def in_another_process(agent, question, context, folder):
    """Run one turn there; returns what the model saw, and the context after it."""
    ran = subprocess.run(
        [sys.executable, "-c", NEXT_PROCESS, agent, question, json.dumps(context)],
        cwd=folder,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


@pytest.mark.programs
@pytest.mark.parametrize("agent", ["function_agent", "react_agent", "workflow"])
async def test_a_context_used_three_times_and_then_in_a_new_process_shows_1_3_5_7_messages(tmp_path, agent):
    chat = MemoryOSMemory.from_defaults(
        persist_directory=tmp_path / "store", user_id="ann", embed_model="none"
    )
    llm = talker_for(agent, 3)
    made = AGENTS[agent](llm)
    context = Context(made)
    await made.run("Question 1", memory=chat, ctx=context)
    await made.run("Question 2", ctx=context)
    await made.run("Question 3", ctx=context)
    chat.close()
    counts, _ = in_another_process(agent, "Question 4", context.to_dict(), tmp_path)
    assert [*llm.counts, *counts] == [1, 3, 5, 7]


@pytest.mark.programs
async def test_two_processes_that_both_run_hand_a_context_to_and_fro(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    chat = MemoryOSMemory.from_defaults(persist_directory="store", user_id="ann", embed_model="none")
    llm = Talker()
    agent = function_agent(llm)
    context = Context(agent)
    await agent.run("Here 1", memory=chat, ctx=context)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    seen, returned = in_another_process("function_agent", "There 2", context.to_dict(), elsewhere)
    context = Context.from_dict(agent, returned)
    await agent.run("Here 3", ctx=context)
    assert (llm.counts, seen) == ([1, 5], [3])
    assert texts(chat.get_all())[::2] == ["Here 1", "There 2", "Here 3"]
    assert list(elsewhere.iterdir()) == []
    chat.close()


async def test_a_context_is_restored_where_only_allowed_classes_may_be(chat):
    agent = function_agent(llm := Talker())
    context = Context(agent)
    await agent.run("One", memory=chat, ctx=context)
    saved = json.loads(json.dumps(context.to_dict()))
    assert "llamaindex_memoryos.memory.MemoryOSMemory" in json.dumps(saved)
    only = JsonSerializer(allowed_types=[MemoryOSMemory])
    await agent.run("Two", ctx=Context.from_dict(agent, saved, serializer=only))
    assert llm.counts == [1, 3]


async def test_the_memory_of_a_used_context_is_the_same_object(chat):
    agent = function_agent(Talker())
    context = Context(agent)
    for turn in range(3):
        await agent.run(f"Question {turn}", **({"memory": chat} if turn == 0 else {}), ctx=context)
        kept = await context.store.get("memory")
        assert kept == chat
        assert kept.user.memory is chat.user.memory
    async with context.store.edit_state() as state:
        state["seen"] = len(state["memory"].get_all())
    assert await context.store.get("seen") == 6
    assert await context.store.get("memory") == chat


async def test_a_context_whose_store_is_missing_names_the_folder(tmp_path):
    chat = MemoryOSMemory.from_defaults(
        persist_directory=tmp_path / "store", user_id="ann", embed_model="none"
    )
    agent = function_agent(Talker())
    context = Context(agent)
    await agent.run("Hello", memory=chat, ctx=context)
    saved = json.dumps(context.to_dict())
    chat.close()
    moved = saved.replace("store", "nowhere")
    with pytest.raises(Exception, match=r"no MemoryOS store in .*nowhere"):
        await agent.run("Hello again", ctx=Context.from_dict(agent, json.loads(moved)))


FOUR_CALLS = [call("add", number, a=number, b=1) for number in range(4)]
FOUR_ROUNDS = {
    "function_agent": [*FOUR_CALLS, "It is 10."],
    "workflow": [*FOUR_CALLS, "It is 10."],
    "react_agent": [
        *['Thought: add\nAction: add\nAction Input: {"a": 1, "b": 2}'] * 4,
        "Thought: done\nAnswer: It is 10.",
    ],
    "code_agent": [*["<execute>add(1, 2)</execute>"] * 4, "It is 10."],
}


@pytest.mark.parametrize("agent", AGENTS)
async def test_four_rounds_of_tools_are_one_retrieval_and_one_page(open_memory, agent):
    events = []
    memory = open_memory(on_event=events.append)
    memory.user("ann").add("I keep bees.", thread_id="an older one")
    chat = MemoryOSMemory.from_defaults(memory=memory, user_id="ann")
    llm = Talker(*FOUR_ROUNDS[agent])
    await AGENTS[agent](llm).run("How many bees do I keep?", memory=chat)
    assert len(llm.seen) == 5
    assert all("I keep bees." in str(shown) for shown in llm.seen)
    assert [type(event) for event in events].count(Recalled) == 1
    (page,) = chat.user.pages(thread_id="default")
    assert page.messages[0].text == "How many bees do I keep?"
    assert page.messages[-1].text == "It is 10."


async def test_tool_calls_and_their_results_are_restored_completely(chat):
    await function_agent(Talker(*FOUR_ROUNDS["function_agent"])).run("How many?", memory=chat)
    roles = [message.role.value for message in chat.get_all()]
    assert roles == ["user", *["assistant", "tool"] * 4, "assistant"]
    again = Talker("Ten.")
    await function_agent(again).run("And again?", memory=chat)
    assert again.counts == [11]
    assert again.last[:-1] == chat.get_all()[:10]


async def test_a_react_agents_answer_is_the_searchable_text_and_its_reasoning_stays_in_the_prompt(chat):
    llm = Talker(
        'Thought: add\nAction: add\nAction Input: {"a": 1, "b": 2}', "Thought: done\nAnswer: It is 3."
    )
    await react_agent(llm).run("What is 1 + 2?", memory=chat)
    (page,) = chat.user.pages()
    assert [message.text for message in page.messages] == ["What is 1 + 2?", "It is 3."]
    assert "Observation: 3" in chat.get_all()[1].content


async def test_agents_that_hand_over_share_the_conversation(chat):
    llm = Talker(call("handoff", to_agent="second", reason="sums"), "It is 3.")
    first = FunctionAgent(name="first", description="talks", llm=llm, tools=[add], can_handoff_to=["second"])
    second = FunctionAgent(name="second", description="adds", llm=llm, tools=[add])
    team = AgentWorkflow(agents=[first, second], root_agent="first")
    context = Context(team)
    await team.run("What is 1 + 2?", memory=chat, ctx=context)
    assert chat.get_all()[0].content == "What is 1 + 2?"
    assert chat.get_all()[-1].content == "It is 3."
    before = len(chat.get_all())
    again = await team.run("Thanks", ctx=context)
    assert str(again) == "Fine."
    assert len(chat.get_all()) == before + 2


@pytest.mark.parametrize("agent", AGENTS)
async def test_a_failing_retrieval_is_a_warning_and_the_agents_turn_is_stored(tmp_path, agent):
    with OutOfReach(tmp_path, embedder="none") as memory:
        chat = MemoryOSMemory.from_defaults(memory=memory, user_id="ann")
        with warnings.catch_warnings(record=True, action="always") as caught:
            assert "Fine." in str(await AGENTS[agent](talker_for(agent, 1)).run("Hello", memory=chat))
        assert "The prompt has no memories: StoreError: The disk is gone." in {
            str(one.message) for one in caught
        }
        (page,) = memory.user("ann").pages()
        assert [message.text for message in page.messages] == ["Hello", "Fine."]


@pytest.mark.parametrize("agent", AGENTS)
async def test_a_model_that_fails_leaves_the_question_and_the_next_turn_works(chat, agent):
    made = AGENTS[agent](Talker(ConnectionError("down"), THINKING if agent == "react_agent" else "Fine."))
    with pytest.raises(ConnectionError):
        await made.run("First?", memory=chat)
    await made.run("Second?", memory=chat)
    stored = [[message.text for message in page.messages] for page in chat.user.pages()]
    assert stored == [["First?"], ["Second?", "Fine."]]


async def test_the_state_prompt_of_an_agent_is_not_stored(chat):
    agent = FunctionAgent(tools=[add], llm=Talker(), initial_state={"mood": "good"})
    await agent.run("Hello", memory=chat)
    await agent.run("Hello again", memory=chat)
    assert texts(chat.get_all()) == ["Hello", "Fine.", "Hello again", "Fine."]


async def test_a_history_passed_to_run_replaces_the_conversation(chat):
    agent = function_agent(Talker())
    await agent.run("One", memory=chat)
    await agent.run("Two", chat_history=chat.get_all(), memory=chat)
    assert texts(chat.get_all()) == ["One", "Fine.", "Two", "Fine."]
    assert len(chat.user.pages()) == 2


async def test_an_agent_searches_keeps_and_shows_memories_by_tools(chat):
    chat.user.add("I keep bees in Porto.", thread_id="an older one")
    llm = Talker(call("search_memory", query="bees"), call("remember", 2, fact="Ann keeps bees."), "Done.")
    agent = FunctionAgent(tools=MemoryOSToolSpec(chat).to_tool_list(), llm=llm)
    await agent.run("Note what I keep.", memory=chat)
    assert [fact.text for fact in chat.user.facts()] == ["Ann keeps bees."]
    results = [message.content for message in chat.get_all() if message.role.value == "tool"]
    assert "user | I keep bees in Porto." in results[0]
