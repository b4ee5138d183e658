"""Dates as text: the same in every locale, so that an index and a prompt never depend on the machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def day(at: datetime) -> str:
    """Return a date such as ``8 May 2023``."""
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year}"


def minute(at: datetime) -> str:
    """Return a time such as ``8 May 2023 13:56``."""
    return f"{day(at)} {at:%H:%M}"
