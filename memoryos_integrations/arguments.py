"""Validated arguments of the public methods."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from memoryos_integrations import checks
from memoryos_integrations.errors import InvalidInputError
from memoryos_integrations.types import KINDS, SOURCES, TIERS, Kind, Role, Source, Tier

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class CheckedTurn:
    """A turn, or one side of it, after validation."""

    sides: tuple[tuple[Role, str], ...]
    """Role and text of each side."""
    thread_id: str
    at: datetime
    event_id: str | None
    metadata: dict[str, Any]
    metadata_json: str
    name: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """A retrieval's arguments after validation."""

    text: str
    now: datetime
    k: int = 10
    kinds: tuple[Kind, ...] = ("message",)
    tiers: tuple[Tier, ...] = TIERS
    thread_id: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    since: datetime | None = None
    until: datetime | None = None
    sources: frozenset[Source] | None = None
    least_relevance: float | None = None
    without_extractive: bool = False
    """Whether to leave out rule-based facts, which add nothing to their messages."""
    shown: frozenset[str] = frozenset()
    """Ids or texts of messages to leave out. They count among the ``k``."""
    room: int | None = None
    """Token budget; messages beyond it are not read."""

    def accepts(self, at: datetime, source: str | None) -> bool:
        """Return whether a message or a fact of this time and source may be returned."""
        return (
            (self.since is None or at >= self.since)
            and (self.until is None or at < self.until)
            and (self.sources is None or source in self.sources)
        )


def turn(
    sides: Sequence[tuple[Role, str]],
    *,
    thread_id: str,
    at: datetime | None,
    event_id: str | None,
    metadata: Mapping[str, Any] | None,
    clock: Callable[[], datetime],
    name: str | None = None,
    source: str | None = None,
) -> CheckedTurn:
    """Validate a turn; sides without text are left out."""
    checked = tuple((role, checks.text(role, text, empty=True)) for role, text in sides)
    checked = tuple((role, text) for role, text in checked if text)
    if not checked:
        raise InvalidInputError(f"{' and '.join(role for role, _ in sides)}: there is no text to store")
    fields, stored = checks.metadata("metadata", metadata)
    return CheckedTurn(
        sides=checked,
        thread_id=checks.identifier("thread_id", thread_id),
        at=clock() if at is None else checks.moment("at", at),
        event_id=None if event_id is None else checks.identifier("event_id", event_id),
        metadata=fields,
        metadata_json=stored,
        name=None if name is None else checks.identifier("name", name),
        source=None if source is None else checks.one_of("source", source, SOURCES),
    )


def question(
    query: str,
    *,
    k: int,
    kinds: Sequence[Kind],
    tiers: Sequence[Tier] | None,
    thread_id: str | None,
    metadata: Mapping[str, Any] | None,
    now: datetime | None,
    clock: Callable[[], datetime],
    since: datetime | None = None,
    until: datetime | None = None,
    sources: Collection[Source] | None = None,
    least_relevance: float | None = None,
) -> Question:
    """Validate a question.

    A question is never stored, so unstorable characters are replaced instead of refused.
    """
    since = None if since is None else checks.moment("since", since)
    until = None if until is None else checks.moment("until", until)
    if since is not None and until is not None and since >= until:
        raise InvalidInputError(
            f"since must be before until: {since.isoformat()} is not before {until.isoformat()}"
        )
    if not isinstance(query, str):
        raise InvalidInputError(f"query must be text, not {type(query).__name__}")
    if not query.strip():
        raise InvalidInputError("query must not be empty")
    return Question(
        text=query.encode("utf-8", "replace").decode().replace("\x00", " "),
        now=clock() if now is None else checks.moment("now", now),
        k=checks.whole("k", k, least=1, most=checks.MAX_K),
        kinds=cast("tuple[Kind, ...]", checks.some_of("kinds", kinds, KINDS)),
        tiers=TIERS if tiers is None else cast("tuple[Tier, ...]", checks.some_of("tiers", tiers, TIERS)),
        thread_id=None if thread_id is None else checks.identifier("thread_id", thread_id),
        metadata=checks.metadata("metadata", metadata)[0],
        since=since,
        until=until,
        sources=None if sources is None else _sources(sources),
        least_relevance=None if least_relevance is None else _relevance(least_relevance),
    )


def _sources(sources: Collection[Source]) -> frozenset[Source]:
    return frozenset(cast("tuple[Source, ...]", checks.some_of("sources", sources, SOURCES)))


def _relevance(value: object) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(cast("float", value)):
        raise InvalidInputError(
            f"least_relevance must be a number, as Retrieved.relevance is (about 0.2), not {value!r}"
        )
    return float(cast("float", value))
