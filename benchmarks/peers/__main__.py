"""This library beside others: the same thirty turns, the same scripted model, one table in Markdown.

    make peers                                         everything, about ten minutes
    .venv-peers/bin/python -m benchmarks.peers         the same, once that was installed
    ... -m benchmarks.peers --only ours,mem0           some columns
    ... -m benchmarks.peers --no-install               without the row that installs each system
    ... -m benchmarks.peers --recall [SET ...]         what its own search brings back

Nothing is asked but a scripted server on 127.0.0.1; the row about installing asks the package index. langmem
is measured on LangGraph's SqliteStore, which needs a Python whose sqlite3 loads extensions.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.peers import measures, recall
from benchmarks.peers.installing import INSTALLED, installed
from benchmarks.peers.systems import MAIN, SEARCHES, VARIANTS, system_named

ACTIONS = ("tell", "count", "die", "forget", "reset")


def main() -> None:
    """Print the table; or do one thing with one system, in the processes that this starts."""
    if sys.argv[1:2] == ["measure"]:
        print(json.dumps(measures.measured(sys.argv[2], Path(sys.argv[3]))))
    elif sys.argv[1:2] == ["recall"]:
        print(recall.measured(sys.argv[2], Path(sys.argv[3]), sys.argv[4:]))
    elif sys.argv[1:2] and sys.argv[1] in ACTIONS:
        action, name, folder, url = sys.argv[1:]
        print(measures.act(action, name, Path(folder), url))
    else:
        compare()


def compare() -> None:
    """Measure the chosen systems and print their tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", help="columns, separated by commas")
    parser.add_argument("--no-install", action="store_true", help="leave out the row about installing")
    parser.add_argument(
        "--recall", nargs="*", metavar="SET", help="measure recall alone, of the demo and sets"
    )
    chosen = parser.parse_args()
    there = MAIN | VARIANTS if chosen.recall is None else SEARCHES
    names = chosen.only.split(",") if chosen.only else list(there)
    if unknown := set(names) - set(there):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(there)}")
    if not hasattr(sqlite3.Connection, "enable_load_extension") and any("langmem" in name for name in names):
        parser.error("langmem needs a Python whose sqlite3 loads extensions: `make peers PYTHON=...`")
    with tempfile.TemporaryDirectory() as folder:
        measures.keep_to_ourselves(Path(folder))
        if chosen.recall is None:
            measure(names, installs=not chosen.no_install)
        else:
            print(table({name: recalled(name, chosen.recall) for name in names}), flush=True)


def measure(names: list[str], *, installs: bool) -> None:
    """Print the tables of some systems."""
    began = os.getloadavg()[1]
    versions = ", ".join(f"{package} {version(package)}" for package in packages(names))
    print(f"{datetime.now(UTC):%Y-%m-%d}, Python {sys.version.split()[0]}, {versions}\n")
    for group in (MAIN, VARIANTS):
        columns = {name: column(name, installs) for name in names if name in group}
        if columns:
            print(table(columns), flush=True)
    print(f"Load {began:.1f} at the beginning, {os.getloadavg()[1]:.1f} at the end.")


def packages(names: list[str]) -> list[str]:
    """Return the package of each system that is not ours."""
    mine = {system_named(name).requirements[0] for name in names}
    return sorted(package for package in mine if not Path(package).is_dir())


def column(name: str, installs: bool) -> dict[str, str]:
    """Return the cells of one system, by row."""
    with tempfile.TemporaryDirectory() as folder:
        cells: dict[str, str] = json.loads(measures.in_process("measure", name, Path(folder)))
        if installs:
            cells[INSTALLED] = installed(name, system_named(name), Path(folder))
    print(f"{name}: measured", file=sys.stderr)
    return cells


def recalled(name: str, files: list[str]) -> dict[str, str]:
    """Return the cells of one system's search, by row."""
    with tempfile.TemporaryDirectory() as folder:
        absolute = [str(Path(file).absolute()) for file in files]
        cells: dict[str, str] = json.loads(measures.in_process("recall", name, Path(folder), *absolute))
    print(f"{name}: {cells}", file=sys.stderr)
    return cells


def table(columns: dict[str, dict[str, str]]) -> str:
    """Return columns as a table in Markdown."""
    rows = list(next(iter(columns.values())))
    lines = [["", *(system_named(name).title for name in columns)], ["---"] * (len(columns) + 1)]
    lines += [[row, *(cells[row] for cells in columns.values())] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    main()
