"""Parts of SQL statements that several rooms need."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def chunks(values: Sequence[str], size: int = 500) -> Iterable[Sequence[str]]:
    """Cut a list into parts that fit into one statement's parameters."""
    return (values[start : start + size] for start in range(0, len(values), size))
