"""What the pages say is run: their Python, their links, their make targets, and the docstrings' examples."""

import contextlib
import doctest
import io
import re
import runpy
import shlex
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chromadb.api import ClientAPI
from programs.chroma_server import ChromaServer, close_connections
from typer.testing import CliRunner

from memoryos_integrations.apps.cli import app
from memoryos_integrations.memory import _open
from memoryos_integrations.protocols import IndexRecord
from memoryos_integrations.storage.chroma.index import ChromaIndex

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
CORE = ROOT / "memoryos_integrations"
BLOCK = re.compile(r"^(`{3,})(\w*)\n(.*?)^\1$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, found.start()) + 2, found[2], found[3])
        for found in BLOCK.finditer(text)
    ]


def prose_of(page: Path) -> str:
    return BLOCK.sub("", page.read_text(encoding="utf-8"))


def anchors_of(page: Path) -> set[str]:
    """Return the anchors of a page's headings as GitHub makes them."""
    titles = (re.sub(r"[^\w\- ]", "", title.lower()).strip() for title in HEADING.findall(prose_of(page)))
    return {title.replace(" ", "-") for title in titles}


def run_python(blocks: list[Block]) -> Iterator[str]:
    """Run blocks in one namespace; yield what each prints. Stores left open are closed at the end."""
    names: dict[str, Any] = {"__name__": "__main__"}
    with closing_all(names):
        for block in blocks:
            code = compile("\n" * (block.line - 1) + block.text, name_of(block.page), "exec")
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                exec(code, names)
            yield printed.getvalue()


@contextlib.contextmanager
def closing_all(names: dict[str, Any]) -> Iterator[None]:
    """Close the stores and indexes that an example leaves open, those within a framework's memory too."""
    before = set(_open)
    try:
        yield
    finally:
        for memory in set(_open) - before:
            memory.close()
        for value in names.values():
            if isinstance(value, ChromaIndex | ClientAPI):
                value.close()
            if isinstance(value, ClientAPI):
                close_connections(value)


PAGES_WITH_PYTHON = [page for page in PAGES if any(block.language == "python" for block in blocks_of(page))]


@pytest.fixture
def servers(tmp_path, monkeypatch) -> Iterator[Callable[[Path], None]]:
    """Start what a page's code connects to."""
    with contextlib.ExitStack() as running:

        def start(page: Path) -> None:
            if "CHROMA_PORT" in page.read_text(encoding="utf-8"):
                server = ChromaServer(tmp_path / "server")
                running.callback(server.kill)
                monkeypatch.setenv("CHROMA_PORT", str(server.port))

        yield start


@pytest.mark.programs
@pytest.mark.parametrize("page", PAGES_WITH_PYTHON, ids=name_of)
def test_the_python_of_a_page_runs_and_prints_what_the_page_shows(page, tmp_path, monkeypatch, servers):
    """The blocks marked ``python``, in order; a block marked ``text`` right after one is what it prints."""
    monkeypatch.chdir(tmp_path)
    servers(page)
    blocks = blocks_of(page)
    following = dict(pairwise(blocks))
    code = [block for block in blocks if block.language == "python"]
    for block, printed in zip(code, run_python(code), strict=True):
        shown = following.get(block)
        if shown is not None and shown.language == "text" and follows(shown, block):
            assert printed == shown.text, f"{name_of(page)}:{shown.line}"


def follows(shown: Block, block: Block) -> bool:
    """Whether there is at most an empty line between two blocks."""
    return shown.line - (block.line + block.text.count("\n")) <= 3


def commands_of(page: Path) -> list[list[str]]:
    """Return the arguments of each ``memoryos`` command that a page shows, in order."""
    shown = "".join(block.text for block in blocks_of(page) if block.language == "console")
    return [shlex.split(line)[2:] for line in shown.splitlines() if line.startswith("$ memoryos ")]


@pytest.mark.parametrize("page", [page for page in PAGES if commands_of(page)], ids=name_of)
def test_the_commands_of_a_page_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for arguments in commands_of(page):
        ran = CliRunner().invoke(app, arguments)
        assert ran.exit_code == 0, f"{arguments}: {ran.output}{ran.exception!r}"


def test_every_link_of_a_page_leads_to_a_file_and_a_heading_that_exist():
    for page, target in ((found, target) for found in PAGES for target in LINK.findall(prose_of(found))):
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        if "://" not in target and not target.startswith("mailto:"):
            assert linked.exists(), f"{name_of(page)}: {target}"
            assert not anchor or anchor in anchors_of(linked), f"{name_of(page)}: {target}"


def test_every_make_target_and_every_file_that_a_page_names_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE)) <= targets, name_of(page)
        for path, _ in re.findall(r"`([\w./]+\.(py|toml|md|lock))`", text):
            assert (ROOT / path).exists() or (CORE / path).exists(), f"{name_of(page)}: {path}"


def test_every_dependency_has_its_reason_in_the_contributing_page():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    listed = [*project["build-system"]["requires"], *project["project"]["dependencies"]]
    for group in (project["project"]["optional-dependencies"], project["dependency-groups"]):
        listed += [item for items in group.values() for item in items if isinstance(item, str)]
    names = {re.split(r"[^\w-]", item)[0] for item in listed} - {project["project"]["name"]}
    rows = re.findall(
        r"^\| ([^|`]+) \|", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert names <= {name for row in rows for name in row.split(", ")}


def modules_with_examples() -> list[str]:
    """Return the modules of the core whose docstrings hold examples, without importing any."""
    files = (file for file in sorted(CORE.rglob("*.py")) if ">>> " in file.read_text(encoding="utf-8"))
    names = (".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files)
    return [name.removesuffix(".__init__") for name in names if ".apps." not in name]


@pytest.fixture
def provided(tmp_path, memory):
    """The names that examples use without importing or making them."""
    return {
        "path": tmp_path / "example",
        "memory": memory,
        "ada": memory.user("ada"),
        "vector": np.array([1, 0], dtype=np.float32),
        "IndexRecord": IndexRecord,
        "Path": Path,
        "UTC": UTC,
        "datetime": datetime,
    }


def check_examples(module: str, names: dict[str, Any], before: Callable[[], object] = lambda: None) -> None:
    """Run the examples of docstrings, each after ``before()``, with the names that they take as given."""
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    report = io.StringIO()
    with contextlib.ExitStack() as afterwards:
        for example in doctest.DocTestFinder().find(import_module(module), extraglobs=names):
            before()
            afterwards.enter_context(closing_all(example.globs))
            runner.run(example, out=report.write, clear_globs=False)
    assert runner.tries > 0
    assert runner.failures == 0, report.getvalue()


@pytest.mark.parametrize("module", modules_with_examples())
def test_the_examples_of_the_docstrings_are_true(module, provided, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check_examples(module, provided)


def test_the_picture_is_what_its_source_draws():
    drawn = runpy.run_path(str(ROOT / "docs/pictures/flow.py"))["picture"]()
    assert drawn == (ROOT / "docs/pictures/flow.svg").read_text(encoding="utf-8")
