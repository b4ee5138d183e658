"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from memoryos_integrations.errors import InvalidInputError


class FrozenClock:
    """A ``Clock`` that a test sets.

    Args:
        at: the initial time; 1 January 2026 by default. Must be aware.

    Example:
        >>> clock = FrozenClock()
        >>> _ = clock.advance(timedelta(days=1))
        >>> clock.now().day
        2
    """

    def __init__(self, at: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self.set(at)

    def now(self) -> datetime:
        """Return the current time."""
        return self._at

    def __call__(self) -> datetime:
        """Return the current time, so that the clock also works as a function."""
        return self._at

    def set(self, at: datetime) -> None:
        """Set the time.

        Raises:
            InvalidInputError: it is not aware.
        """
        if at.tzinfo is None:
            raise InvalidInputError("at must be an aware datetime")
        self._at = at

    def advance(self, by: timedelta | float) -> datetime:
        """Advance by a timedelta or a number of seconds; returns the new time."""
        self._at += by if isinstance(by, timedelta) else timedelta(seconds=by)
        return self._at
