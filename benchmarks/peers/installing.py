"""What a fresh environment holds once a system is installed into it: packages, and megabytes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from benchmarks.peers.systems import System

INSTALLED = "packages and MB of a fresh environment"
_TOO_LARGE = {"reference": "not installed: over 3 GB of wheels"}


def installed(name: str, system: type[System], folder: Path) -> str:
    """Return the cell of a system: how many packages its requirements bring, and how many MB they are."""
    place = folder / "environment"
    wanted = [name if Path(name).is_dir() else f"{name}=={version(name)}" for name in system.requirements]
    _uv("venv", "--python", sys.executable, str(place))
    if name in _TOO_LARGE:
        told = _uv("pip", "install", "--dry-run", "--python", str(place), *wanted)
        return f"{len(re.findall(r'^ [+] ', told, re.MULTILINE))} packages, {_TOO_LARGE[name]}"
    empty = _megabytes(place)
    _uv("pip", "install", "--python", str(place), *wanted)
    packages = _uv("pip", "list", "--format", "freeze", "--python", str(place)).count("==")
    return f"{packages} packages, {_megabytes(place) - empty} MB"


def _uv(*arguments: str) -> str:
    uv = os.environ.get("UV") or shutil.which("uv")
    if not uv:
        raise SystemExit(
            "uv is needed to measure what is installed: put it on the PATH, or use `make peers`."
        )
    done = subprocess.run([uv, *arguments], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"uv {' '.join(arguments)} failed:\n{done.stderr[-2000:]}")
    return done.stdout + done.stderr


def _megabytes(folder: Path) -> int:
    return sum(file.lstat().st_size for file in folder.rglob("*") if not file.is_dir()) // 1_000_000
