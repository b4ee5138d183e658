"""The store's clock, and the ledger's times: microseconds since 1970."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from memoryos_integrations import checks
from memoryos_integrations.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from memoryos_integrations.protocols import Clock

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_us(value: datetime) -> int:
    """Return whole microseconds since 1970 in UTC, without rounding through a float."""
    return (value - _EPOCH) // _MICROSECOND


def from_us(value: int) -> datetime:
    """Return an aware UTC datetime; the inverse of ``to_us``."""
    return _EPOCH + timedelta(microseconds=value)


@dataclass(frozen=True, slots=True)
class Times:
    """The store's clock, as datetimes and as microseconds."""

    clock: Callable[[], datetime]

    def now(self) -> datetime:
        """Return the time as an aware UTC datetime; naive times are refused."""
        return checks.moment("clock", self.clock())

    def now_us(self) -> int:
        """Return the time in microseconds since 1970."""
        return to_us(self.now())


def clock_of(clock: Clock | Callable[[], datetime] | None) -> Callable[[], datetime]:
    """Return the function that returns the time; the system clock by default.

    Raises:
        ConfigError: it is neither a ``Clock`` nor a function.
    """
    if clock is None:
        return _system_time
    now = getattr(clock, "now", clock)
    if not callable(now):
        raise ConfigError("clock must have a method now(), or be a function, that returns an aware datetime")
    return now


def _system_time() -> datetime:
    return datetime.now(UTC)
