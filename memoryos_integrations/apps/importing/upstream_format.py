"""Formats of upstream MemoryOS (BAI-LAB/MemoryOS)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from memoryos_integrations.errors import InvalidInputError

if TYPE_CHECKING:
    from datetime import tzinfo

NOTHING = "None"
"""Its text for a missing profile."""

PROFILE = {"upstream": "profile"}
"""Metadata of the fact that keeps an imported free-text profile."""

_TIME = "%Y-%m-%d %H:%M:%S"


def parse_upstream_time(name: str, value: object, zone: tzinfo | None = None) -> datetime:
    """Return a time in UTC.

    Args:
        name: of the argument or the field, for the error.
        value: ``YYYY-MM-DD HH:MM:SS`` or ISO 8601.
        zone: of a time that has none; by default this machine's, as upstream has it.

    Raises:
        InvalidInputError: it is not such a time.
    """
    try:
        if isinstance(value, str):
            at = datetime.fromisoformat(value.strip())
            return (at if at.tzinfo is not None else at.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise InvalidInputError(f"{name}: {value!r} is not a time such as 2026-05-01 18:30:00")


def format_time(at: datetime) -> str:
    """Return a time as upstream writes it: in this machine's zone, without naming it."""
    return at.astimezone().strftime(_TIME)
