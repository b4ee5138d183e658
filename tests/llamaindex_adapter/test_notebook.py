"""MemoryOSMemory in a real Jupyter kernel, whose event loop runs during each cell."""

import json
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]

CELLS = (
    """
import asyncio, json
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.llms import ChatMessage
from llamaindex_adapter.models import Talker, texts
from llamaindex_memoryos import (
    MemoryOSChatEngine, MemoryOSMemory, MemoryOSMemoryBlock, MemoryOSRetriever, MemoryOSToolSpec
)
assert asyncio.get_running_loop().is_running()
memory = MemoryOSMemory.from_defaults(persist_directory="store", user_id="ann", embed_model="none")
seen = {}
""",
    """
memory.put(ChatMessage(role="user", content="I keep bees in Porto."))
memory.put_messages([ChatMessage(role="assistant", content="How many?")])
seen["get"], seen["get_all"] = len(memory.get()), len(memory.get_all())
memory.set(memory.get_all())
memory.reset()
seen["after reset"] = len(memory.get_all())
""",
    """
llm = Talker()
engine = MemoryOSChatEngine.from_defaults(llm=llm, memory=memory)
seen["chat"] = str(engine.chat("Where are my bees?"))
seen["shown"] = "I keep bees in Porto." in llm.system
seen["stream_chat"] = "".join(engine.stream_chat("And my hens?").response_gen)
seen["achat"] = str(await engine.achat("And my cat?"))
stream = await engine.astream_chat("And my dog?")
seen["astream_chat"] = "".join([word async for word in stream.async_response_gen()])
""",
    """
retriever = MemoryOSRetriever(memory, similarity_top_k=1)
seen["retrieve"] = retriever.retrieve("bees in Porto")[0].text
seen["aretrieve"] = (await retriever.aretrieve("bees in Porto"))[0].text
tools = MemoryOSToolSpec(memory)
seen["tool"] = "I keep bees in Porto." in tools.search_memory("bees in Porto")
seen["block"] = "I keep bees in Porto." in await MemoryOSMemoryBlock(memory=memory).aget(
    [ChatMessage(role="user", content="bees in Porto")], session_id="other"
)
""",
    """
agent = FunctionAgent(tools=tools.to_tool_list(), llm=llm)
seen["agent"] = str(await agent.run("Who am I?", memory=memory))
seen["turns"] = texts(memory.get_all())[::2]
memory.close()
print(json.dumps(seen))
""",
)


@pytest.mark.programs
def test_every_method_works_in_the_cells_of_a_notebook(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{ROOT / 'tests'}")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    client = NotebookClient(
        notebook, kernel_name="python3", timeout=600, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    printed = "".join(
        output.text for cell in notebook.cells for output in cell.outputs if output.get("name") == "stdout"
    )
    assert json.loads(printed) == {
        "get": 2,
        "get_all": 2,
        "after reset": 0,
        "chat": "Fine.",
        "shown": True,
        "stream_chat": "Fine.",
        "achat": "Fine.",
        "astream_chat": "Fine.",
        "retrieve": "I keep bees in Porto.",
        "aretrieve": "I keep bees in Porto.",
        "tool": True,
        "block": True,
        "agent": "Fine.",
        "turns": ["Where are my bees?", "And my hens?", "And my cat?", "And my dog?", "Who am I?"],
    }
