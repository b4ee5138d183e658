"""The documentation's examples for LlamaIndex: few lines that run alone, and docstrings."""

import contextlib
import io
from pathlib import Path

import pytest
from llama_index.core.llms import ChatMessage, MockLLM
from llama_index.core.memory import Memory
from test_docs import check_examples, closing_all

import llamaindex_memoryos
from llamaindex_memoryos import MemoryOSMemory
from memoryos_integrations import MemoryOS
from memoryos_integrations.protocols import Prompt

ROOT = Path(__file__).parents[2]
PAGES = {"README.md": "## LlamaIndex", "docs/llamaindex.md": "# Memory for LlamaIndex"}
MODULES = [
    file.stem
    for file in sorted(Path(llamaindex_memoryos.__file__).parent.rglob("*.py"))
    if ">>> " in file.read_text(encoding="utf-8") and file.stem != "__init__"
]


def example(page, name):
    """The first Python block below the page's heading in which a name is called."""
    text = (ROOT / page).read_text(encoding="utf-8").partition(f"{PAGES[page]}\n")[2]
    blocks = [part.partition("```")[0] for part in text.split("```python\n")[1:]]
    return next(block for block in blocks if f"{name}(" in block or f"{name}." in block)


def run(code):
    """Run an example as a file of its own."""
    names = {"__name__": "__main__"}
    with closing_all(names), contextlib.redirect_stdout(io.StringIO()):
        exec(compile(code, "example", "exec"), names)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(("name", "most"), [("MemoryOSChatEngine", 6), ("FunctionAgent", 8)])
def test_a_chat_with_memory_is_six_lines_and_an_agent_eight_and_they_run_by_themselves(
    page, name, most, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    code = example(page, name)
    assert len([line for line in code.splitlines() if line.strip()]) <= most
    run(code)
    run(code)  # and another time, as tomorrow
    user = {"README.md": "ada", "docs/llamaindex.md": "ann"}[page]
    with MemoryOS("memory", embedder="none") as memory:
        pages = memory.user(user).pages()
        assert [[message.role for message in page.messages] for page in pages] == [["user", "assistant"]] * 2


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_of_the_docstrings_are_true(module, memory, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    known = {
        "path": tmp_path / "example",
        "memory": memory,
        "chat": MemoryOSMemory.from_defaults(memory=memory, user_id="ann"),
        "llm": MockLLM(),
        "MockLLM": MockLLM,
        "ChatMessage": ChatMessage,
        "Prompt": Prompt,
        "Memory": Memory,
        "MemoryOS": MemoryOS,
    }
    check_examples(f"llamaindex_memoryos.{module}", known)
