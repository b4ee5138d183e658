"""What calls to a chat model cost, told by whoever made them to whoever asked for them.

An ``LLM`` that knows how many tokens a call took says so by ``report``, also of a call that failed. It may do
nothing of the kind: the tokens are then counted from what was sent and received.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(slots=True)
class Usage:
    """Calls to a model and their tokens."""

    calls: int = 0
    """Replies that a model was asked for."""
    tokens_in: int = 0
    """Tokens that were sent."""
    tokens_out: int = 0
    """Tokens that came back."""


_meter: ContextVar[Usage | None] = ContextVar("memoryos_usage", default=None)


def report(tokens_in: int, tokens_out: int) -> None:
    """Say what one call took, in the thread that ``LLM.reply`` runs in. Without a meter nothing happens."""
    meter = _meter.get()
    if meter is not None:
        meter.calls += 1
        meter.tokens_in += tokens_in
        meter.tokens_out += tokens_out


@contextmanager
def metered() -> Iterator[Usage]:
    """Collect what is reported within the block.

    Example:
        >>> with metered() as usage:
        ...     report(120, 8)
        >>> usage
        Usage(calls=1, tokens_in=120, tokens_out=8)
    """
    usage = Usage()
    token = _meter.set(usage)
    try:
        yield usage
    finally:
        _meter.reset(token)
