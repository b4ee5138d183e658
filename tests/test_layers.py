"""What is loaded when, seen from outside in processes of their own; import-linter checks who imports whom."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = ROOT / "memoryos_integrations"
PACKAGES = ("memoryos_integrations", "langchain_memoryos", "llamaindex_memoryos")
LANGCHAIN = {"langchain", "langchain_core", "langchain_classic", "langchain_openai", "langgraph"}
FRAMEWORKS = LANGCHAIN | {"llama_index", "openai", "mcp", "langchain_memoryos", "llamaindex_memoryos"}
HEAVY = {"chromadb", "numpy", "onnxruntime", "pydantic", "sqlalchemy", "tiktoken", "tokenizers"}

A_WHOLE_DAY = """
import sys
from memoryos_integrations import MemoryOS
with MemoryOS(sys.argv[1]) as memory:
    ada = memory.user("ada")
    for turn in range(9):
        ada.add(f"I have {turn} beehives.", "Lovely!")
    memory.flush()
    assert memory.stats()["vectors"] >= 18 and ada.segments() and memory.verify().ok
    assert ada.retrieve("How many beehives?").items
    assert ada.context("How many beehives?").text
"""
EVERY_MODULE = """
import pkgutil, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in FRAMEWORKS:
            raise ModuleNotFoundError(f"{name} is not installed here")

FRAMEWORKS = set(sys.argv[1].split(","))
sys.meta_path.insert(0, Absent())
import memoryos_integrations
beside = ("memoryos_integrations.apps",)  # apps import frameworks, lazily
for module in pkgutil.walk_packages(memoryos_integrations.__path__, "memoryos_integrations."):
    if not module.name.startswith(beside):
        __import__(module.name)
"""


def loaded_by(code: str, *arguments: str, cwd: Path = ROOT) -> set[str]:
    """Run code in a process of its own; return the top-level modules that it loaded."""
    tell = "\nimport json, sys; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    ran = subprocess.run(
        [sys.executable, "-c", code + tell, *arguments], cwd=cwd, capture_output=True, text=True, timeout=300
    )
    assert ran.returncode == 0, ran.stderr
    return set(json.loads(ran.stdout.splitlines()[-1]))


LIGHT = """
import memoryos_integrations
dir(memoryos_integrations)
from memoryos_integrations import Context, LLMUnavailable, MemoryConfig, MemoryOSError, Prompt
from memoryos_integrations.compat import Memoryos
MemoryConfig()
"""


def test_importing_config_values_errors_and_the_class_of_upstream_loads_nothing_heavy():
    assert not loaded_by(LIGHT) & (HEAVY | FRAMEWORKS)


def test_importing_the_store_itself_loads_no_index_no_model_and_no_tokenizer():
    loaded = loaded_by("from memoryos_integrations import MemoryOS, UserMemory")
    assert not loaded & (HEAVY - {"numpy", "sqlalchemy"} | FRAMEWORKS)


def test_adding_flushing_and_retrieving_loads_no_framework(tmp_path):
    loaded = loaded_by(A_WHOLE_DAY, str(tmp_path / "store"))
    assert not loaded & FRAMEWORKS
    assert {"chromadb", "onnxruntime"} <= loaded  # the whole way was gone


OPENED = """
import sys
from memoryos_integrations import MemoryOS
MemoryOS(sys.argv[1], embedder="none").close()
whole = hasattr(sys.modules.get("httpx"), "Response")
assert whole is ("openai" in sys.modules), whole
"""


@pytest.mark.parametrize("first", ["", "import openai"])
def test_a_store_that_is_opened_beside_openai_s_client_leaves_httpx_to_no_thread(tmp_path, first):
    """The client looks httpx up in sys.modules: of one that the worker's import has half made, it dies."""
    assert ("httpx" in loaded_by(f"{first}\n{OPENED}", str(tmp_path / "store"))) is bool(first)


def test_every_module_of_the_core_can_be_imported_where_no_framework_is_installed():
    loaded = loaded_by(EVERY_MODULE, ",".join(sorted(FRAMEWORKS)))
    assert "memoryos_integrations" in loaded
    assert not loaded & FRAMEWORKS


def test_statements_use_only_what_every_engine_has():
    """Functions with the same meaning everywhere, and no SQL as text, which nobody translates."""
    portable = {"coalesce", "count", "max", "min", "row_number", "sum"}
    engines = CORE / "storage" / "engines"
    for file in sorted(CORE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            called = ast.unparse(node.func)
            if re.fullmatch(r"sa\.func\.\w+", called):
                assert node.func.attr in portable, f"{file}: {called}"
                assert len(node.args) <= 1 or node.func.attr == "coalesce", f"{file}: {called}, of two values"
            is_text = called == "sa.text" or called.endswith(".exec_driver_sql")
            assert not is_text or file.is_relative_to(engines) or file.name == "migrations.py", file


@pytest.mark.parametrize(
    ("adapter", "strangers"),
    [
        ("langchain_memoryos", {"llama_index", "llamaindex_memoryos", "chromadb"}),
        ("llamaindex_memoryos", LANGCHAIN | {"langchain_memoryos", "chromadb"}),
    ],
)
def test_an_adapter_loads_its_own_framework_only_and_no_chroma(adapter, strangers):
    assert not loaded_by(f"import {adapter}") & strangers


def test_each_package_says_that_it_is_typed():
    assert all((ROOT / package / "py.typed").is_file() for package in PACKAGES)
