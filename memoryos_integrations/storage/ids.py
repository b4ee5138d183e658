"""Identifiers: UUIDs made of their sources, so that a retry or a second worker writes the same rows.

What has no source yet gets a UUID that begins with the time, and what belongs to it begins alike: so new rows
stand side by side at the end of every index, and what a turn costs to write does not grow with the store.
"""

from __future__ import annotations

import json
import secrets
import time
import uuid

_NAMESPACE = uuid.UUID("6f1c2a52-6f0e-5d0e-9a3e-0b6d3c1f7a10")
_TIME_BITS, _ALL_BITS = 48, 128


def derived(*sources: str) -> str:
    """Return the UUID that always belongs to these sources.

    The sources are kept apart by JSON's quoting, so ("a_b", "c") and ("a", "b_c") differ.

    Example:
        >>> derived("page", "ann", "default", "event-1") == derived("page", "ann", "default", "event-1")
        True
    """
    return str(uuid.uuid5(_NAMESPACE, json.dumps(sources)))


def beside(parent: str, *sources: str) -> str:
    """Return the UUID that always belongs to a parent and these sources, beginning as the parent does.

    Example:
        >>> beside("01890a5d-ac96-774b-bcce-b302099a8057", "user")[:13]
        '01890a5d-ac96'
    """
    begins = uuid.UUID(parent).int >> (_ALL_BITS - _TIME_BITS) << (_ALL_BITS - _TIME_BITS)
    ends = uuid.uuid5(_NAMESPACE, json.dumps((parent, *sources))).int & ((1 << (_ALL_BITS - _TIME_BITS)) - 1)
    return str(uuid.UUID(int=begins | ends))


def fresh() -> str:
    """Return a UUID that belongs to nothing yet: version 7 of RFC 9562, the time in milliseconds first."""
    begins = time.time_ns() // 1_000_000 << (_ALL_BITS - _TIME_BITS)
    number = begins | 0x7 << 76 | secrets.randbits(12) << 64 | 0b10 << 62 | secrets.randbits(62)
    return str(uuid.UUID(int=number))
