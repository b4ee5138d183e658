"""The look of the index's directory at its clean end: whoever changed a file since is found out by it.

A garbled vector file can kill the process that opens it, and nothing in it tells. So sizes and times of all
files are kept beside the directory while it is closed; if they differ, it is not opened again.
"""

from __future__ import annotations

import json
import os
from pathlib import Path


def seal(path: Path) -> None:
    """Record sizes and times of the directory's files, after all of them have reached the disk."""
    target = _file(path)
    target.write_text(json.dumps(_look(path)), encoding="utf-8")
    target.chmod(0o600)
    with target.open("rb") as file:
        os.fsync(file.fileno())


def unseal(path: Path) -> None:
    """Forget the record: from here on the files change."""
    _file(path).unlink(missing_ok=True)


def is_sealed(path: Path) -> bool:
    """Tell whether the directory looks as it did when it was sealed."""
    try:
        return bool(json.loads(_file(path).read_text(encoding="utf-8")) == _look(path))
    except (OSError, ValueError):
        return False  # no record, or one that cannot be read


def _file(path: Path) -> Path:
    return path.with_name(path.name + ".seal")


def _look(path: Path) -> dict[str, list[int]]:
    look = {}
    for entry in sorted(path.rglob("*")):
        if entry.is_file():
            status = entry.stat()
            look[entry.relative_to(path).as_posix()] = [status.st_size, status.st_mtime_ns]
    return look
