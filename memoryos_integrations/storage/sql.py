"""Helpers for SQL statements."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def chunks(values: Sequence[str], size: int = 500) -> Iterable[Sequence[str]]:
    """Split a list so that each part fits the parameter limit of one statement."""
    return (values[start : start + size] for start in range(0, len(values), size))
