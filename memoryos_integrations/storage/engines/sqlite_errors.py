"""Errors of SQLite as errors of this library: what failed, what holds now, what to do."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

import sqlalchemy as sa

from memoryos_integrations.errors import StoreCorruptError, StoreError, StoreUnwritableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CORRUPT = ("malformed", "not a database", "truncated", "no such table", "no such column")
_UNWRITABLE = ("readonly", "unable to open", "disk is full", "disk i/o", "permission")
_UNCHANGED = "Nothing was stored or deleted; try again."


@contextmanager
def translated(path: Path, state: str = _UNCHANGED) -> Iterator[None]:
    """Raise driver errors as ours, without the parameters of the statement.

    Args:
        path: the file.
        state: what holds after an error that is not of damage, and what to do.
    """
    try:
        yield
    except (sa.exc.DBAPIError, sqlite3.Error) as error:  # the latter from raw cursors
        reason = str(error.orig if isinstance(error, sa.exc.DBAPIError) else error)
        lowered = reason.lower()
        if any(word in lowered for word in _CORRUPT):
            raise StoreCorruptError(corrupt(path, reason)) from None
        if any(word in lowered for word in _UNWRITABLE):
            raise StoreUnwritableError(f"{unwritable(path.parent)} ({reason}) {state}") from None
        raise StoreError(f"The ledger {path} did not answer: {reason}. {state}") from None


def unwritable(folder: Path) -> str:
    """Return the message for a folder that refuses to be written."""
    return f"{folder} cannot be written: check its permissions and the free space, or choose another path."


def corrupt(path: Path, reason: str) -> str:
    """Return the message for a file that is damaged."""
    return (
        f"The ledger {path} cannot be read: {reason}. Nothing was changed. Restore it from a backup, or move "
        "the folder away to start with an empty memory."
    )
