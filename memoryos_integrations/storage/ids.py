"""Identifiers: UUIDs computed from their sources, so that a retry or a second worker writes the same rows.

Rows without a source get a time-ordered UUID, and their children share its prefix. New rows are therefore
appended at the end of every index, and the cost of writing a turn does not grow with the store.
"""

from __future__ import annotations

import json
import secrets
import time
import uuid

_NAMESPACE = uuid.UUID("6f1c2a52-6f0e-5d0e-9a3e-0b6d3c1f7a10")
_TIME_BITS, _ALL_BITS = 48, 128


def id_from(*sources: str) -> str:
    """Return the UUID of these sources, always the same one.

    Sources are joined as JSON, so ("a_b", "c") and ("a", "b_c") differ.

    Example:
        >>> id_from("page", "ann", "default", "event-1") == id_from("page", "ann", "default", "event-1")
        True
    """
    return str(uuid.uuid5(_NAMESPACE, json.dumps(sources)))


def child_id(parent: str, *sources: str) -> str:
    """Return the UUID of a parent and these sources, with the 48-bit prefix of the parent.

    Example:
        >>> child_id("01890a5d-ac96-774b-bcce-b302099a8057", "user")[:13]
        '01890a5d-ac96'
    """
    prefix = uuid.UUID(parent).int >> (_ALL_BITS - _TIME_BITS) << (_ALL_BITS - _TIME_BITS)
    digest = uuid.uuid5(_NAMESPACE, json.dumps((parent, *sources))).int
    return str(uuid.UUID(int=prefix | digest & ((1 << (_ALL_BITS - _TIME_BITS)) - 1)))


def new_id() -> str:
    """Return a new UUID: version 7 of RFC 9562, which starts with the time in milliseconds."""
    prefix = time.time_ns() // 1_000_000 << (_ALL_BITS - _TIME_BITS)
    number = prefix | 0x7 << 76 | secrets.randbits(12) << 64 | 0b10 << 62 | secrets.randbits(62)
    return str(uuid.UUID(int=number))
