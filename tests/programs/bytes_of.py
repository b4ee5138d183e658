"""Looking for words in every byte of a folder."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be")


def files_with(folder: Path, words: Iterable[str]) -> dict[str, list[str]]:
    """Return the words that stand in some file, in UTF-8 or UTF-16, and the names of those files."""
    content = {str(file.relative_to(folder)): _read(file) for file in _files(folder)}
    found: dict[str, list[str]] = {}
    for word in words:
        coded = [word.lower().encode(encoding) for encoding in _ENCODINGS]
        names = [name for name, held in content.items() if any(one in held for one in coded)]
        if names:
            found[word] = sorted(names)
    return found


def marked_words(folder: Path) -> set[str]:
    """Return every word of the shape zq and 14 hexadecimal digits that stands in some file."""
    return {
        found.decode() for file in _files(folder) for found in re.findall(rb"zq[0-9a-f]{14}", _read(file))
    }


def _files(folder: Path) -> list[Path]:
    """Return every file below a folder; those that Chroma removes while we look are passed over."""
    return [Path(place, name) for place, _, names in os.walk(folder) for name in names]


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes().lower()
    except FileNotFoundError:
        return b""  # Chroma replaces its files while we look
