"""The library of another commit, measured by today's benchmark in the same run: ``--against COMMIT``.

The commit is checked out into a folder of its own, with the environment of its own lock file; today's
``benchmarks`` takes the place of its own. Both are measured one after the other, and the folder is removed.
uv is found on the PATH, in ``UV``, or where `make setup` puts it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]


def parse(benchmark: str, parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Return a benchmark's arguments, ``--json`` among them; with ``--against`` compare instead, and exit.

    Args:
        benchmark: name of its module in ``benchmarks``. It hands its figures to ``write``.
        parser: of its own arguments.
    """
    _add_arguments(parser)
    chosen = parser.parse_args()
    if chosen.against:
        ours = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
        _add_arguments(ours)
        compare(benchmark, chosen.against, ours.parse_known_args()[1])
        raise SystemExit
    return chosen


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--against", metavar="COMMIT", help="measure the library of this commit as well")
    parser.add_argument("--json", type=Path, help="write the figures into this file")


def write(file: Path | None, figures: Mapping[str, float], **more: object) -> None:
    """Write what a benchmark measured: ``figures`` are compared by name, the rest is kept beside them."""
    if file:
        file.write_text(json.dumps({"figures": figures, **more}, indent=1), encoding="utf-8")


def compare(benchmark: str, commit: str, arguments: Sequence[str]) -> None:
    """Run a benchmark on a commit and on what is here, one after the other, and print both.

    Args:
        benchmark: name of its module in ``benchmarks``.
        commit: any name that git has for it.
        arguments: of the benchmark.
    """
    with checked_out(commit) as folder:
        before = measured(benchmark, arguments, folder, folder / ".venv" / "bin" / "python")
    after = measured(benchmark, arguments, ROOT, Path(sys.executable))
    print(beside(before, after, commit))


@contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """Give a folder with a commit, its environment and today's benchmarks."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "commit"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(folder), commit], check=True)
        try:
            shutil.rmtree(folder / "benchmarks")
            shutil.copytree(ROOT / "benchmarks", folder / "benchmarks")
            environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
            subprocess.run([uv(), "sync", "--frozen", "--quiet"], cwd=folder, env=environment, check=True)
            yield folder
        finally:
            subprocess.run([*git, "remove", "--force", str(folder)], check=True)


def uv() -> str:
    """Return the command that makes environments."""
    ours = ROOT / ".uv" / "bin" / "uv"
    found = os.environ.get("UV") or shutil.which("uv") or (str(ours) if ours.exists() else None)
    if not found:
        raise SystemExit("uv is needed for the commit's environment: put it on the PATH, or say UV=path.")
    return found


def measured(benchmark: str, arguments: Sequence[str], folder: Path, python: Path) -> dict[str, float]:
    """Return what a benchmark measures with the library of a folder."""
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "figures.json"
        print(f"\n--- {benchmark}, {'before' if folder != ROOT else 'after'}", flush=True)
        # -P: nothing is imported from the working folder, to which the paths among the arguments belong.
        command = [str(python), "-P", "-m", f"benchmarks.{benchmark}", *arguments, "--json", str(file)]
        subprocess.run(command, env=os.environ | {"PYTHONPATH": str(folder)}, check=True)
        found: dict[str, float] = json.loads(file.read_text(encoding="utf-8"))["figures"]
    return found


def beside(before: dict[str, float], after: dict[str, float], commit: str) -> str:
    """Return a table: each figure before, after, and the difference."""
    lines = [f"\n{'':50}{commit[:12]:>12}{'now':>12}{'difference':>12}"]
    for name in [*after, *(name for name in before if name not in after)]:
        one, other = before.get(name), after.get(name)
        cells = ["" if value is None else _number(value) for value in (one, other)]
        difference = f"{other - one:+.3g}" if one is not None and other is not None else ""
        lines.append(f"{name:50}{cells[0]:>12}{cells[1]:>12}{difference:>12}")
    return "\n".join(lines)


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3f}"
