"""The limits of style that no linter checks. Each failure is a list of places to look at."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIBRARY = ("memoryos_integrations", "langchain_memoryos", "llamaindex_memoryos")
CODE = (*LIBRARY, "benchmarks")
FILE_LINES, FUNCTION_LINES, CLASS_DEPTH = 300, 50, 2
BANNED = {"manager", "managers", "util", "utils", "helper", "helpers"}
THEIRS = {"callback_manager", "run_manager"}
"""Arguments that LlamaIndex and LangChain give by these names."""

DEEP = {"memoryos_integrations/errors.py": "the tree of errors: users catch at any of its levels"}
"""Files whose classes may have more than two ancestors of ours in a line."""


def files_of(*folders: str) -> list[Path]:
    return sorted(file for folder in folders for file in (ROOT / folder).rglob("*.py"))


def name_of(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def parsed(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    for file in files_of(*folders):
        yield name_of(file), ast.parse(file.read_text(encoding="utf-8"))


def functions_of(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def too_long(tree: ast.AST) -> list[str]:
    found = []
    for function in functions_of(tree):
        docstring = ast.get_docstring(function, clean=False)
        lines = function.end_lineno - function.lineno + 1 - (docstring.count("\n") + 1 if docstring else 0)
        if lines > FUNCTION_LINES:
            found.append(f"{function.name}: {lines} lines")
    return found


def names_given(tree: ast.AST) -> Iterator[str]:
    """Yield every name that a file defines: not the ones of others that it uses."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.id if isinstance(node, ast.Name) else node.attr
        elif isinstance(node, ast.alias) and node.asname:
            yield node.asname


def words_of(name: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


def banned(names: Iterator[str]) -> list[str]:
    return sorted({name for name in names if words_of(name) & BANNED} - THEIRS)


def bases_of(*folders: str) -> dict[str, list[str]]:
    """Return each class of ours that need not be shallow, with the names of its bases."""
    return {
        node.name: [ast.unparse(base).partition("[")[0].rpartition(".")[2] for base in node.bases]
        for file, tree in parsed(*folders)
        if file not in DEEP
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }


def depth_of(name: str, bases: dict[str, list[str]]) -> int:
    return 1 + max((depth_of(base, bases) for base in bases[name] if base in bases), default=0)


def test_no_file_of_the_library_is_longer_than_300_lines():
    sizes = {name_of(file): len(file.read_text(encoding="utf-8").splitlines()) for file in files_of(*LIBRARY)}
    assert {name: lines for name, lines in sizes.items() if lines > FILE_LINES} == {}


def test_no_function_is_longer_than_50_lines_without_its_docstring():
    assert {name: found for name, tree in parsed(*CODE) if (found := too_long(tree))} == {}


def test_no_name_is_a_manager_a_helper_or_utils():
    assert [name_of(file) for file in files_of(*CODE, "tests") if words_of(file.stem) & BANNED] == []
    assert {name: found for name, tree in parsed(*CODE) if (found := banned(names_given(tree)))} == {}


def test_no_class_has_more_than_one_ancestor_of_ours():
    bases = bases_of(*LIBRARY)
    assert {name: depth for name in bases if (depth := depth_of(name, bases)) > CLASS_DEPTH} == {}
