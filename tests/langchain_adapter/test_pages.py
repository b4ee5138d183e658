"""The documentation's examples for LangChain: few lines that run alone and remember."""

import contextlib
import io
import re
from pathlib import Path

import pytest
from test_docs import check_examples, closing_all

from langchain_adapter.parts import stored_texts
from memoryos_integrations import MemoryOS

ROOT = Path(__file__).parents[2]
WITH_EXAMPLES = [
    path.stem
    for path in sorted((ROOT / "langchain_memoryos").glob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "langchain.md").read_text(encoding="utf-8")
RETIRED = [
    "ConversationBufferMemory",
    "ConversationBufferWindowMemory",
    "ConversationSummaryMemory",
    "ConversationSummaryBufferMemory",
    "VectorStoreRetrieverMemory",
    "ConversationEntityMemory",
    "ConversationKGMemory",
]


def section(page, title, level="##"):
    return page.partition(f"\n{level} {title}\n")[2].partition(f"\n{level} ")[0]


def python_of(text):
    return re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def run(code):
    """Run an example as a file of its own; return what it prints."""
    names = {"__name__": "__main__"}
    with closing_all(names), contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(code, "example", "exec"), names)
    return printed.getvalue()


@pytest.mark.parametrize(
    ("uses", "most", "question", "answer"),
    [
        ("with_memory", 6, "How many hives have I got?", "Four, on the roof."),
        ("create_agent", 8, "Where are they?", "On the roof."),
    ],
)
def test_a_newcomers_lines_run_alone_and_another_time_as_tomorrow(
    uses, most, question, answer, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    code = next(block for block in python_of(section(README, "LangChain")) if uses in block)
    assert len([line for line in code.splitlines() if line.strip()]) <= most
    for _ in range(2):
        assert run(code) == f"{answer}\n"
    with MemoryOS(tmp_path / "memory") as memory:
        assert stored_texts(memory, "ada") == [question, answer] * 2


def test_every_retired_memory_stands_in_the_table_and_has_code_of_its_own():
    coming_from = section(PAGE, "Coming from LangChain's retired memories")
    rows = re.findall(r"^\| (`.*) \| (`.*) \|$", coming_from, re.MULTILINE)
    for name in RETIRED:
        assert any(name in was and write for was, write in rows), name
        (code,) = (part for part in coming_from.split("\n### ") if part.startswith(f"{name}\n"))
        assert python_of(code), name


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_the_examples_of_the_docstrings_are_true(module, memory, ada):
    name = "langchain_memoryos" if module == "__init__" else f"langchain_memoryos.{module}"
    check_examples(name, {"memory": memory, "ada": ada}, lambda: ada.forget(everything=True))
