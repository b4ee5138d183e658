"""The adapters' tests with other versions of what they stand on: ``make matrix``.

    python tests/programs/matrix.py [--uv PATH] [ROW ...]

A row is an environment in ``.venv-matrix``, made anew, and what runs in it; without names all rows run. An
environment stays, so that what failed can be run again by hand. The table at the end says what ran with which
versions, and the exit code is 0 only if everything passed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).absolute().parents[2]
FOLDER = ROOT / ".venv-matrix"
SHOWN = (
    *("langchain-core", "langchain-classic", "langchain", "langgraph", "langchain-openai"),
    *("llama-index-core", "llama-index-llms-openai", "openai", "pydantic", "chromadb", "mcp"),
)
_CLOSING = re.compile(r"^=*\s*(\d+ [a-z]+.* in [\d.]+s.*?)\s*=*$|^(no tests ran.*)$")

NEEDED = ("--extra", "agents", "--extra", "mcp", "--group", "test", "--group", "notebooks")
OURS = ("-r", "pyproject.toml", *NEEDED)
LOCKED = FOLDER / "locked.txt"
OPENAI = ("llama-index-llms-openai", "llama-index-llms-openai-like", "llama-index-embeddings-openai")

_PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2", "-m", "not benchmark")
BOTH = (*_PYTEST, "tests/langchain_adapter", "tests/llamaindex_adapter")
LLAMAINDEX = (
    *_PYTEST,
    *("-o", "python_files=test_*.py openai_own_environment.py"),
    "tests/llamaindex_adapter",
)
CLIENTS = ("tests/mcp_server/client_of_1x.py", "mcp<2", "mcp==1.12.4 pydantic==2.11.9")


@dataclass(frozen=True)
class Row:
    """One environment and what runs in it."""

    name: str
    install: tuple[str, ...]
    """Arguments of ``uv pip install``."""
    run: tuple[str, ...]
    """Arguments of its Python."""


ROWS = (
    Row("lowest", (*OURS, "--resolution", "lowest-direct"), BOTH),
    Row("locked", ("-r", str(LOCKED)), BOTH),
    Row("newest", (*OURS, "--upgrade"), BOTH),
    # llama-index-llms-openai wants another openai than the lock has.
    Row("llamaindex-pydantic-2.12", (*OURS, *OPENAI, "pydantic==2.12.*"), LLAMAINDEX),
    Row("llamaindex-pydantic-2.13", (*OURS, *OPENAI, "pydantic==2.13.*"), LLAMAINDEX),
    Row("llamaindex-pydantic-2.14", (*OURS, *OPENAI, "pydantic==2.14.*"), LLAMAINDEX),
    # They bring environments of their own; this one is the server's.
    Row("mcp-1.x-clients", ("-r", str(LOCKED)), CLIENTS),
)


def made(row: Row, uv: str) -> Path | None:
    """Make a row's environment; returns its Python, ``None`` if it could not be made."""
    folder = FOLDER / row.name
    python = folder / "bin" / "python"
    commands = [
        [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)],
        [uv, "pip", "install", "--quiet", "--python", str(python), *row.install],
        [uv, "pip", "install", "--quiet", "--python", str(python), "--no-deps", "--editable", "."],
    ]
    if row.install == ("-r", str(LOCKED)):
        export = "export --quiet --frozen --no-hashes --no-emit-project --no-default-groups"
        commands.insert(0, [uv, *export.split(), *NEEDED, "-o", str(LOCKED)])
    for command in commands:
        if subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.DEVNULL).returncode:
            return None
    return python


def ran(command: Sequence[str], uv: str) -> tuple[int, str]:
    """Run a command and show what it prints; returns its exit code and its closing line."""
    environment = os.environ | {
        "PATH": os.pathsep.join([str(Path(uv).parent), os.environ["PATH"]]),
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]),
        "PY_COLORS": "0",
    }
    closing = last = ""
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            last = line.strip() or last
            if found := _CLOSING.match(line.strip()):
                closing = found[1] or found[2]
    return process.returncode, closing or (last if process.returncode else "exit code 0")


def versions(uv: str, python: Path) -> str:
    """Return the versions of what matters in an environment."""
    command = [uv, "pip", "list", "--quiet", "--format", "json", "--python", str(python)]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = {package["name"]: package["version"] for package in json.loads(listed)}
    return ", ".join(f"{name} {found[name]}" for name in SHOWN if name in found)


def main() -> int:
    """Run the rows and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(row.name for row in ROWS))
    parser.add_argument("--uv", default="uv", help="where uv is")
    arguments = parser.parse_args()
    if unknown := set(arguments.rows) - {row.name for row in ROWS}:
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    uv = str(Path(shutil.which(arguments.uv) or parser.error(f"there is no {arguments.uv}")).absolute())
    FOLDER.mkdir(exist_ok=True)
    table, failed = [], []
    for row in ROWS:
        if arguments.rows and row.name not in arguments.rows:
            continue
        print(f"== {row.name}", flush=True)
        python = made(row, uv)
        code, closing = ran([str(python), *row.run], uv) if python else (1, "could not be installed")
        table.append((row.name, closing, versions(uv, python) if python else ""))
        if code:
            failed.append(row.name)
    for name, closing, found in table:
        print(f"\n{'FAILED' if name in failed else 'passed'}  {name}: {closing}\n        {found}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
