"""The notebooks run from a clean kernel, offline, and say what is committed; a stranger can read them."""

import re
from getpass import getuser
from pathlib import Path

import pytest
from programs.notebooks import NOTEBOOKS, ROOT, read, run, told

LINK = re.compile(r"\[[^\]]*\]\(([^)\s#]+)")
PLACE = re.compile(r"/(?:home|root|tmp|Users|private|var|work|usr)/")


@pytest.fixture(scope="session")
def kernel_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home for every kernel of this process: matplotlib looks for the machine's fonts once."""
    return tmp_path_factory.mktemp("kernel")


def name_of(path: Path) -> str:
    return path.name


def code_of(path: Path) -> list:
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def shapes_of(notebook) -> list[list[list[str]]]:
    """Return which kinds of outputs each cell has."""
    return [
        [sorted(output.get("data", [output.get("name")])) for output in cell.get("outputs", ())]
        for cell in notebook.cells
    ]


@pytest.mark.programs
@pytest.mark.parametrize("path", NOTEBOOKS, ids=name_of)
def test_a_notebook_runs_from_a_clean_kernel_without_a_network_and_says_what_is_committed(path, kernel_home):
    """Word for word where the embedded model's vectors are the same as where it was saved."""
    committed, again = read(path), run(path, kernel_home)
    assert shapes_of(again) == shapes_of(committed)
    if again.metadata.vectors == committed.metadata.vectors:
        assert told(again) == told(committed)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name_of)
def test_a_notebook_is_committed_as_it_ran_without_errors_and_names_nothing_of_the_machine(path):
    cells = code_of(path)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for output in (output for cell in cells for output in cell.outputs):
        assert output.output_type != "error"
        assert output.get("name") != "stderr", output.get("text")
    shown = path.read_text(encoding="utf-8")
    assert not PLACE.search(re.sub(r'"image/png": "[^"]*"', "", shown))
    assert not re.search(rf"\b{re.escape(getuser())}\b", " ".join(told(read(path))))


def test_the_readme_leads_to_every_notebook_and_the_links_of_each_to_files_that_exist():
    for path in NOTEBOOKS:
        assert f"(notebooks/{path.name})" in (ROOT / "README.md").read_text(encoding="utf-8")
        prose = " ".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")
        for target in LINK.findall(prose):
            assert "://" in target or (path.parent / target).exists(), target
