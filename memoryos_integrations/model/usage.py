"""Token usage of calls to a chat model, passed from the ``LLM`` to its caller.

An ``LLM`` that knows the usage of a call, failed or not, passes it to ``report``. Otherwise the tokens are
counted from the prompt and the reply.
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
    """Number of calls."""
    tokens_in: int = 0
    """Tokens sent."""
    tokens_out: int = 0
    """Tokens received."""


_meter: ContextVar[Usage | None] = ContextVar("memoryos_usage", default=None)


def report(tokens_in: int, tokens_out: int) -> None:
    """Report the usage of one call, in the thread of ``LLM.reply``. No-op outside ``metered()``."""
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
