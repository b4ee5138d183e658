"""Identifiers: UUIDs made of their sources, so that a retry or a second worker writes the same rows."""

from __future__ import annotations

import json
import uuid

_NAMESPACE = uuid.UUID("6f1c2a52-6f0e-5d0e-9a3e-0b6d3c1f7a10")


def derived(*sources: str) -> str:
    """Return the UUID that always belongs to these sources.

    The sources are kept apart by JSON's quoting, so ("a_b", "c") and ("a", "b_c") differ.

    Example:
        >>> derived("page", "ann", "default", "event-1") == derived("page", "ann", "default", "event-1")
        True
    """
    return str(uuid.uuid5(_NAMESPACE, json.dumps(sources)))


def fresh() -> str:
    """Return a UUID that belongs to nothing yet."""
    return str(uuid.uuid4())
