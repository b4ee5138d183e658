"""The memory in agents: what a model sees over turns, contexts that are used again, other processes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent, ReActAgent
from llama_index.core.workflow import Context

from llamaindex_adapter.models import Talker, call, texts
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


AGENTS = {made.__name__: made for made in (function_agent, react_agent, workflow)}


def talker_for(agent, turns):
    return Talker(*[THINKING] * turns) if agent == "react_agent" else Talker(*["Fine."] * turns)


@pytest.fixture
def chat(memory):
    return MemoryOSMemory.from_defaults(memory=memory, user_id="ann", thread_id="monday")


@pytest.mark.parametrize("agent", AGENTS)
async def test_every_agent_keeps_its_turns_and_recalls_what_was_said_elsewhere(chat, agent):
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

async def main(agent, saved):
    llm = talker_for(agent, 1)
    made = AGENTS[agent](llm)
    await made.run("Question 4", ctx=Context.from_dict(made, json.loads(saved)))
    print(llm.counts)

asyncio.run(main(*sys.argv[1:]))
"""


def others_seen(counts, agent):
    """Without the frame that the ReAct prompt itself adds."""
    return [count - counts[0] + 1 for count in counts]


@pytest.mark.parametrize("agent", AGENTS)
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
    saved = json.dumps(context.to_dict())
    chat.close()
    ran = subprocess.run(
        [sys.executable, "-c", NEXT_PROCESS, agent, saved],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert ran.returncode == 0, ran.stderr
    counts = [*llm.counts, *json.loads(ran.stdout)]
    assert counts == [1, 3, 5, 7]


async def test_the_memory_of_a_used_context_is_the_same_one_still(chat):
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


async def test_a_context_whose_store_is_gone_says_where_it_was_looked_for(tmp_path):
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


async def test_four_rounds_of_tools_are_one_recall_and_come_back_whole(open_memory):
    events = []
    memory = open_memory(on_event=events.append)
    memory.user("ann").add("I keep bees.", thread_id="an older one")
    chat = MemoryOSMemory.from_defaults(memory=memory, user_id="ann")
    llm = Talker(*(call("add", number, a=number, b=1) for number in range(4)), "It is 10.")
    await function_agent(llm).run("How many bees do I keep?", memory=chat)
    assert len(llm.seen) == 5
    assert [type(event) for event in events].count(Recalled) == 1
    roles = [message.role.value for message in chat.get_all()]
    assert roles == ["user", *["assistant", "tool"] * 4, "assistant"]
    (page,) = chat.user.pages(thread_id="default")
    assert page.messages[0].text == "How many bees do I keep?"
    assert page.messages[-1].text == "It is 10."
    again = Talker("Ten.")
    await function_agent(again).run("And again?", memory=chat)
    assert again.counts == [11]
    assert again.last[1:-1] == chat.get_all()[:10]


async def test_a_react_agents_answer_is_remembered_and_its_reasoning_kept_for_the_model(chat):
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


async def test_the_state_prompt_of_an_agent_does_not_get_into_what_is_stored(chat):
    agent = FunctionAgent(tools=[add], llm=Talker(), initial_state={"mood": "good"})
    await agent.run("Hello", memory=chat)
    await agent.run("Hello again", memory=chat)
    assert texts(chat.get_all()) == ["Hello", "Fine.", "Hello again", "Fine."]


async def test_a_history_that_is_passed_to_run_is_the_conversation(chat):
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
