"""What may import what, and what is loaded when: seen from outside, in processes of their own."""

import ast
import json
import re
import shutil
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
    report = memory.flush()
    assert {"embed", "index", "consolidate"} <= set(report.ran), report
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
        [sys.executable, "-c", code + tell, *arguments], cwd=cwd, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    return set(json.loads(ran.stdout.splitlines()[-1]))


def modules_of(package: Path) -> list[Path]:
    return sorted(package.rglob("*.py"))


def imported_by(file: Path) -> set[str]:
    """Return every top-level package that a file names in an import, inside functions too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize(
    "code",
    [
        "import memoryos_integrations",
        "import memoryos_integrations; dir(memoryos_integrations); memoryos_integrations.__all__",
        "from memoryos_integrations import MemoryConfig; MemoryConfig()",
        "from memoryos_integrations import Context, LLMUnavailable, MemoryOSError, Prompt",
    ],
)
def test_importing_the_package_its_config_values_and_errors_loads_nothing_heavy(code):
    assert not loaded_by(code) & (HEAVY | FRAMEWORKS)


def test_importing_the_store_itself_loads_no_index_no_model_and_no_tokenizer():
    loaded = loaded_by("from memoryos_integrations import MemoryOS, UserMemory")
    assert not loaded & (HEAVY - {"numpy", "sqlalchemy"} | FRAMEWORKS)


def test_importing_the_class_of_upstream_loads_nothing_heavy():
    assert not loaded_by("from memoryos_integrations.compat import Memoryos") & (HEAVY | FRAMEWORKS)


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


def test_no_file_of_the_core_names_a_framework_in_an_import():
    beside = [CORE / "apps"]
    for file in modules_of(CORE):
        if not any(file.is_relative_to(path) for path in beside):
            assert not imported_by(file) & FRAMEWORKS, file


def test_the_command_line_loads_no_framework_before_a_command_needs_it():
    assert not loaded_by("import memoryos_integrations.apps.cli") & (FRAMEWORKS | HEAVY)


def test_only_the_index_imports_chromadb():
    importers = [file for package in PACKAGES for file in modules_of(ROOT / package)]
    assert [file for file in importers if "chromadb" in imported_by(file)] == [CORE / "storage" / "index.py"]


def named_by(tree: ast.AST) -> set[str]:
    """Return the words of a file's code in lower case: names, arguments, imports and texts, no docstrings."""
    found: set[str] = set()
    told = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        for field in ("id", "attr", "arg", "name", "module", "value"):
            word = getattr(node, field, None)
            if isinstance(word, str) and id(node) not in told:
                found.add(word.lower())
    return found


def test_only_its_own_engine_knows_sqlite():
    """What a ledger does by SQLite alone stands in one file, so that another engine can take its place."""
    storage = CORE / "storage"
    allowed = {
        storage / "engines" / "sqlite.py",
        storage / "engines" / "__init__.py",  # chooses it
        storage / "chroma/directory.py",  # looks into the file of Chroma's own
    }
    for file in modules_of(CORE):
        words = named_by(ast.parse(file.read_text(encoding="utf-8")))
        assert file in allowed or not [word for word in words if "sqlite" in word or "pragma" in word], file


def test_statements_use_only_what_every_engine_has():
    """Functions with the same meaning everywhere, and no SQL as text, which nobody translates."""
    portable = {"coalesce", "count", "max", "min", "row_number", "sum"}
    engines = CORE / "storage" / "engines"
    for file in modules_of(CORE):
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


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_says_that_it_is_typed(package):
    assert (ROOT / package / "py.typed").is_file()


def check_import_rules(folder: Path) -> subprocess.CompletedProcess[str]:
    command = "from importlinter.cli import lint_imports_command; lint_imports_command(['--no-cache'])"
    return subprocess.run(
        [sys.executable, "-c", command], cwd=folder, capture_output=True, text=True, timeout=60
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The packages and their import rules, free to be spoilt."""
    folder = tmp_path_factory.mktemp("copy")
    shutil.copy(ROOT / "pyproject.toml", folder)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def test_the_import_rules_hold():
    pytest.importorskip("importlinter", reason="import-linter is in the lint group")
    ran = check_import_rules(ROOT)
    assert ran.returncode == 0, ran.stdout


@pytest.mark.parametrize(
    ("file", "planted", "broken"),
    [
        ("memoryos_integrations/tiers/heat.py", "import langchain_core", "The core imports no framework"),
        (
            "memoryos_integrations/storage/scope.py",
            "import langchain_memoryos",
            "The core imports no framework",
        ),
        ("memoryos_integrations/apps/commands/write.py", "import mcp", "The core imports no framework"),
        (
            "llamaindex_memoryos/__init__.py",
            "import langchain_memoryos",
            "The adapters know nothing of each other",
        ),
        (
            "memoryos_integrations/retrieval/vector_signal.py",
            "import chromadb",
            "Only storage.chroma.index imports chromadb",
        ),
        (
            "memoryos_integrations/retrieval/vector_signal.py",
            "import sqlite3",
            "Only storage.engines.sqlite imports sqlite3",
        ),
        *(
            (
                f"{adapter}/shared/messages.py",
                f"import {adapter}.retriever",
                f"{adapter}: public classes over shared parts over the core",
            )
            for adapter in ("langchain_memoryos", "llamaindex_memoryos")
        ),
    ],
)
def test_a_forbidden_import_breaks_its_rule(copy, file, planted, broken):
    pytest.importorskip("importlinter", reason="import-linter is in the lint group")
    sound = (copy / file).read_text(encoding="utf-8")
    (copy / file).write_text(f"{sound}\n{planted}\n", encoding="utf-8")
    try:
        ran = check_import_rules(copy)
    finally:
        (copy / file).write_text(sound, encoding="utf-8")
    assert ran.returncode == 1, ran.stdout
    assert f"{broken} BROKEN" in ran.stdout
