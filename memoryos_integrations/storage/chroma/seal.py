"""Detects changes to the closed index directory by the sizes and modification times of its files.

A corrupt vector file can crash the process that opens it and has no checksum. So sizes and times are recorded
when the directory is closed; if they differ, it is not opened again.
"""

from __future__ import annotations

import json
import os
from pathlib import Path


def seal(path: Path) -> None:
    """Record sizes and times of the files in the directory, after syncing them to disk."""
    target = _file(path)
    target.write_text(json.dumps(_stats(path)), encoding="utf-8")
    target.chmod(0o600)
    with target.open("rb") as file:
        os.fsync(file.fileno())


def unseal(path: Path) -> None:
    """Delete the record: the files may change now."""
    _file(path).unlink(missing_ok=True)


def is_sealed(path: Path) -> bool:
    """Return whether no file has changed since the directory was sealed."""
    try:
        return bool(json.loads(_file(path).read_text(encoding="utf-8")) == _stats(path))
    except (OSError, ValueError):
        return False  # no readable record


def _file(path: Path) -> Path:
    return path.with_name(path.name + ".seal")


def _stats(path: Path) -> dict[str, list[int]]:
    stats = {}
    for entry in sorted(path.rglob("*")):
        if entry.is_file():
            status = entry.stat()
            stats[entry.relative_to(path).as_posix()] = [status.st_size, status.st_mtime_ns]
    return stats
