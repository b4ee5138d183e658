"""Runs notebooks, each from a clean kernel and offline. As a program it saves them with what they print:

python -m tests.programs.notebooks [NAME ...]
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import tempfile
import time
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from nbclient import NotebookClient
from traitlets.config import Config

from memoryos_integrations.embedders.minilm import MiniLMEmbedder

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
OFFLINE = Path(__file__).with_name("offline.py")
_OF_THE_MACHINE = ("IPYTHON", "JUPYTER", "LANGCHAIN_", "LANGSMITH_", "MEMORYOS_", "MPL", "OPENAI_", "PYTHON")
_MARKUP = re.compile(r"<style.*?</style>|<[^>]*>", re.DOTALL)


def read(path: Path) -> Any:
    """Return a notebook as it is committed."""
    return nbformat.read(path, as_version=4)


def run(path: Path, home: Path) -> Any:
    """Return a notebook as it looks when it has run in an empty folder; the first cell that fails raises.

    Args:
        path: the notebook.
        home: where the kernel keeps what belongs to no notebook; may be used again.
    """
    notebook = read(path)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_OF_THE_MACHINE)}
    environment |= {"HOME": str(home), "IPYTHONDIR": str(home), "MPLCONFIGDIR": str(home)}
    # Of a Unix socket's name about a hundred characters are taken, and no two kernels can want one port.
    with tempfile.TemporaryDirectory(prefix="nb") as sockets, tempfile.TemporaryDirectory() as folder:
        connection = {"transport": "ipc", "connection_file": f"{sockets}/kernel.json"}
        client = NotebookClient(
            notebook,
            config=Config(ConnectionFileMixin=connection),
            resources={"metadata": {"path": folder}},
            extra_arguments=["--InteractiveShell.colors=nocolor", f"--IPKernelApp.exec_files={OFFLINE}"],
            timeout=600,
            record_timing=False,
            coalesce_streams=True,
            ipython_hist_file=":memory:",
        )
        client.execute(env=environment)
        connections = Path(folder, "connections.txt")
        if connections.exists():
            raise ConnectionRefusedError(f"{path.name} asked for {connections.read_text().split()}")
    return _cleaned(notebook)


def told(notebook: Any) -> list[str]:
    """Return what each output says."""
    return [text for cell in notebook.cells for text in _texts(cell)]


def mark_of_vectors() -> str:
    """Return a mark of the embedded model's vectors on this machine.

    From one kind of processor to the next they differ in the third digit or later, and with them scores and
    now and then an order.
    """
    vectors = MiniLMEmbedder().embed(
        [" ".join(["Bees", "on the roof", "of a house in Lisbon."] * n) for n in (1, 4, 16)]
    )
    return hashlib.sha256(b"".join(vector.tobytes() for vector in vectors)).hexdigest()[:12]


def _texts(cell: Any) -> Iterator[str]:
    for output in cell.get("outputs", ()):
        data = output.get("data", {})
        if "image/png" in data:
            yield "a plot"
        elif "text/html" in data:
            yield " ".join(unescape(_MARKUP.sub(" ", data["text/html"])).split())
        elif "text/plain" in data:
            yield data["text/plain"]
        elif output.output_type == "stream":
            yield f"{output.name}: {output.text}"
        else:
            yield f"{output.ename}: {output.evalue}"


def _cleaned(notebook: Any) -> Any:
    """Keep what a reader sees: no times, no versions, and no second form of a table."""
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": kernel, "language_info": {"name": "python"}, "vectors": mark_of_vectors()}
    )
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({"tags": cell.metadata.tags} if "tags" in cell.metadata else {})
        for output in cell.get("outputs", ()):
            if "data" in output:
                output.metadata = nbformat.from_dict({})
                if "text/html" in output.data or "image/png" in output.data:
                    output.data.pop("text/plain", None)
    return notebook


def main(names: list[str]) -> None:
    """Run the notebooks whose names contain one of these, or all; save each and say how long it took."""
    chosen = [path for path in NOTEBOOKS if not names or any(name in path.name for name in names)]
    with tempfile.TemporaryDirectory() as home:
        for path in chosen:
            started = time.perf_counter()
            notebook = run(path, Path(home))
            nbformat.write(notebook, path)
            sys.stdout.write(f"{path.name}: {time.perf_counter() - started:.1f} s\n")


if __name__ == "__main__":
    main(sys.argv[1:])
