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


def loaded_by(code: str, *arguments: str, cwd: Path = ROOT) -> set[str]:
    """Run code in a process of its own; return the top-level modules that it loaded."""
    tell = "\nimport json, sys; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    ran = subprocess.run(
        [sys.executable, "-c", code + tell, *arguments], cwd=cwd, capture_output=True, text=True, timeout=300
    )
    assert ran.returncode == 0, ran.stderr
    return set(json.loads(ran.stdout.splitlines()[-1]))


LIGHT = """
import sys
import memoryos_integrations
dir(memoryos_integrations)
from memoryos_integrations import Context, LLMUnavailable, MemoryConfig, MemoryOSError, Prompt
from memoryos_integrations.compat import Memoryos
MemoryConfig()
heavy = set(sys.argv[1].split(",")) & {name.partition(".")[0] for name in sys.modules}
assert not heavy, heavy
from memoryos_integrations import MemoryOS, UserMemory
"""


@pytest.mark.programs
def test_importing_config_values_errors_and_upstreams_class_loads_nothing_heavy_and_the_store_no_model():
    loaded = loaded_by(LIGHT, ",".join(HEAVY | FRAMEWORKS))
    assert not loaded & (HEAVY - {"numpy", "sqlalchemy"} | FRAMEWORKS)


OPENED = """
import sys
from memoryos_integrations import MemoryOS
MemoryOS(sys.argv[1], embedder="none").close()
whole = hasattr(sys.modules.get("httpx"), "Response")
assert whole is ("openai" in sys.modules), whole
"""


@pytest.mark.programs
@pytest.mark.parametrize("first", ["", "import openai"])
def test_a_store_that_is_opened_beside_openai_s_client_leaves_httpx_to_no_thread(tmp_path, first):
    """The client looks httpx up in sys.modules: of one that the worker's import has half made, it dies."""
    assert ("httpx" in loaded_by(f"{first}\n{OPENED}", str(tmp_path / "store"))) is bool(first)


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


@pytest.mark.programs
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
