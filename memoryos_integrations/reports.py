"""What the verbs that change or check a store report: frozen values, offered by ``types`` with all others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


def as_html(value: object) -> str:
    """Return what a notebook shows of a value."""
    from memoryos_integrations.display import html

    return html(value)


@dataclass(frozen=True, slots=True)
class ForgetReceipt:
    """What ``forget()`` erased. It holds ids and counts, no text."""

    _repr_html_ = as_html

    at: datetime
    """When the last byte was gone, UTC."""
    message_ids: tuple[str, ...]
    """Messages erased."""
    page_ids: tuple[str, ...]
    """Pages that lost their last message and are gone."""
    segment_ids: tuple[str, ...]
    """Segments that are gone or whose summary was blanked."""
    fact_ids: tuple[str, ...]
    """Facts erased."""
    persona_versions: int
    """Versions of the persona that lost fields, or were erased."""
    missing_ids: tuple[str, ...]
    """Ids asked for that this scope does not have."""


@dataclass(frozen=True, slots=True)
class FlushReport:
    """What ``flush()`` did."""

    _repr_html_ = as_html

    ran: Mapping[str, int]
    """Jobs done, by kind."""
    parked: Mapping[str, str]
    """Jobs that failed and wait for their next try: id of the job, and why."""
    waiting: int
    """Jobs left to the process that owns the index; 0 in that process."""


@dataclass(frozen=True, slots=True)
class Report:
    """What ``verify()`` found."""

    _repr_html_ = as_html

    ok: bool
    """Whether nothing is wrong."""
    problems: tuple[str, ...]
    """One sentence per finding, with what to do."""
    counts: Mapping[str, int]
    """Rows by kind, in the ledger and in the index."""
