"""Settings: one frozen value, validated once; each default names its source."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, get_args

from memoryos_integrations.errors import ConfigError

if TYPE_CHECKING:
    from memoryos_integrations.protocols import TokenCounter

Search = Literal["auto", "chroma", "exact"]
Strategy = Literal["hybrid", "paper"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryConfig:
    """Settings of a store. Every default comes from the paper or from a measurement.

    Common: ``cache_mb``, ``daily_tokens``, ``response_tokens``, ``token_counter``,
    ``session_gap``, ``knowledge_capacity``, ``top_knowledge``, ``refine_idle``.

    From the paper: ``strategy``, ``short_term_capacity``, ``segment_threshold``, ``heat_alpha``,
    ``heat_beta``, ``heat_gamma``, ``promotion_heat``, ``recency_time_constant``, ``mid_term_capacity``,
    ``top_segments``, ``top_pages``.

    For experts: ``search``, ``full_scan_threshold``, ``consolidation_batch_pages``,
    ``promotion_batch_pages``, ``prompt_tokens``, ``inline_embed_limit``.

    Raises:
        ConfigError: a value is out of its range; the message names the field.

    Example:
        >>> MemoryConfig(short_term_capacity=10).short_term_capacity
        10
    """

    # Common settings.

    cache_mb: int = 512
    """Megabytes for cached vectors and inverted indexes of scopes; least recently used ones are dropped."""
    daily_tokens: int | None = None
    """Token budget, in and out, of all background calls per UTC day; further work is done the next day.
    ``None``: no limit."""
    response_tokens: int = 2000
    """Token budget of the memories in a ``respond()`` prompt (ours)."""
    token_counter: TokenCounter | None = field(default=None, compare=False)
    """Counts tokens; ``None``: o200k_base, or an estimate where tiktoken's files are missing."""
    session_gap: timedelta = timedelta(hours=6)
    """Longest gap between messages of one session; sessions are ranked together (ours)."""
    knowledge_capacity: int = 100
    """Facts used per scope and subject, newest first; older ones stay stored (the paper's setting)."""
    top_knowledge: int = 10
    """Facts considered for a context (the paper's setting)."""
    refine_idle: timedelta = timedelta(minutes=5)
    """Idle time after which a model gets an incomplete batch of pages; at most 15 minutes (ours)."""

    # Settings of the paper.

    strategy: Strategy = "hybrid"
    """``"hybrid"``: every message competes (recall@10 0.76 on held-out conversations); ``"paper"``:
    segments first, then their pages (0.37)."""
    short_term_capacity: int = 7
    """Pages in short-term memory per scope (the paper's setting)."""
    segment_threshold: float = 0.6
    """θ: F_score at which a page joins a segment (paper, section 3.2)."""
    heat_alpha: float = 1.0
    """α, weight of the visits in a segment's heat (paper, section 3.3, eq. 4)."""
    heat_beta: float = 1.0
    """β, weight of the page count in a segment's heat (paper, section 3.3, eq. 4)."""
    heat_gamma: float = 1.0
    """γ, weight of the recency in a segment's heat (paper, section 3.3, eq. 4)."""
    promotion_heat: float = 5.0
    """τ: heat at which a segment is promoted to long-term memory (the paper's setting)."""
    recency_time_constant: float = 1e7
    """µ in seconds: recency = exp(-Δt/µ) (paper, section 3.3, eq. 4; 116 days)."""
    mid_term_capacity: int = 2000
    """Segments per scope; beyond it the coldest is evicted (the reference code's; the paper has 200)."""
    top_segments: int = 5
    """m: segments that ``strategy="paper"`` searches (the paper's setting)."""
    top_pages: int = 10
    """k: pages that ``strategy="paper"`` takes from them (the paper's setting)."""

    # Expert settings: measured, seldom worth changing.

    search: Search = "auto"
    """``"exact"`` scans a scope's vectors, ``"chroma"`` queries the tier's collection, ``"auto"`` scans
    up to ``full_scan_threshold`` items. Measured: the scan is 8 times faster at 10 000 items."""
    full_scan_threshold: int = 20_000
    """Items of a scope up to which ``search="auto"`` scans (measured: 1.3 ms at 20 000)."""
    consolidation_batch_pages: int = 20
    """Pages per model call that groups pages by topic (ours)."""
    promotion_batch_pages: int = 20
    """Pages of hot segments per model call that extracts facts and traits (ours)."""
    prompt_tokens: int = 8000
    """Most tokens of pages in one prompt; longer pages are shortened (ours)."""
    inline_embed_limit: int = 64
    """Most pending messages that a retrieval embeds itself; further ones are found by words only."""

    def __post_init__(self) -> None:
        _one_of("search", self.search, get_args(Search))
        _one_of("strategy", self.strategy, get_args(Strategy))
        if not isinstance(self.session_gap, timedelta) or self.session_gap <= timedelta(0):
            raise ConfigError(f"session_gap must be a positive timedelta, not {self.session_gap!r}")
        for item in fields(self):
            value = getattr(self, item.name)
            if item.type == "int" or (item.type == "int | None" and value is not None):
                _whole(
                    "MemoryConfig." + item.name, value, least=0 if item.name == "inline_embed_limit" else 1
                )
            elif item.type == "float":
                _number("MemoryConfig." + item.name, value)
        idle = self.refine_idle
        if not isinstance(idle, timedelta) or not timedelta(0) <= idle <= timedelta(minutes=15):
            raise ConfigError(
                f"MemoryConfig.refine_idle must be a timedelta of 0 to 15 minutes, not {idle!r}"
            )
        if self.recency_time_constant <= 0:
            raise ConfigError("MemoryConfig.recency_time_constant must be greater than 0 seconds")
        if self.token_counter is not None and not callable(self.token_counter):
            raise ConfigError("MemoryConfig.token_counter must be a function from a text to a number")


def _one_of(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ConfigError(f"MemoryConfig.{name} must be one of {', '.join(allowed)}, not {value!r}")


def _whole(name: str, value: object, *, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ConfigError(f"{name} must be a whole number of at least {least}, not {value!r}")


def _number(name: str, value: object) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value) or value < 0:
        raise ConfigError(f"{name} must be a finite number of at least 0, not {value!r}")
