"""Settings: one frozen value, checked once, each default with the place it comes from."""

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
    """How a store behaves. Every field has a default from the paper or from a measurement.

    What you may want to turn: ``cache_mb``, ``daily_tokens``, ``response_tokens``, ``token_counter``,
    ``session_gap``, ``knowledge_capacity``, ``top_knowledge``, ``refine_idle``.

    What the paper names: ``strategy``, ``short_term_capacity``, ``segment_threshold``, ``heat_alpha``,
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

    # What you may want to turn.

    cache_mb: int = 512
    """Memory for vectors and inverted indexes of the scopes in use, least recently used out first."""
    daily_tokens: int | None = None
    """Tokens, in and out, that all users together may spend on background calls in a day of UTC; the work
    above that waits for the next day. ``None``: no limit."""
    response_tokens: int = 2000
    """Tokens of memories that ``respond()`` gives to the model (ours)."""
    token_counter: TokenCounter | None = field(default=None, compare=False)
    """Counts tokens; ``None``: o200k_base, or an estimate where tiktoken's files are missing."""
    session_gap: timedelta = timedelta(hours=6)
    """Messages of one thread with no longer gap than this are one session (ours; lifts hits together)."""
    knowledge_capacity: int = 100
    """Facts shown per scope and subject, the oldest first out; nothing is erased (the paper's setting)."""
    top_knowledge: int = 10
    """Facts that a context offers (the paper's setting)."""
    refine_idle: timedelta = timedelta(minutes=5)
    """A model is asked about fewer pages than a batch once nothing was added for so long; at most 15
    minutes (ours)."""

    # What the paper names.

    strategy: Strategy = "hybrid"
    """``"hybrid"``: every message competes (recall@10 0.76 on held-out conversations); ``"paper"``:
    segments first, then their pages (0.37)."""
    short_term_capacity: int = 7
    """Pages kept in short-term memory per scope (the paper's setting)."""
    segment_threshold: float = 0.6
    """θ: a page joins a segment when F_score reaches this (paper, section 3.2)."""
    heat_alpha: float = 1.0
    """α, weight of the visits in a segment's heat (paper, section 3.3, eq. 4)."""
    heat_beta: float = 1.0
    """β, weight of the page count in a segment's heat (paper, section 3.3, eq. 4)."""
    heat_gamma: float = 1.0
    """γ, weight of the recency in a segment's heat (paper, section 3.3, eq. 4)."""
    promotion_heat: float = 5.0
    """τ: a segment this hot is promoted to long-term memory (the paper's setting)."""
    recency_time_constant: float = 1e7
    """µ in seconds: recency = exp(-Δt/µ) (paper, section 3.3, eq. 4; 116 days)."""
    mid_term_capacity: int = 2000
    """Segments with summary, vector and lift per scope (the reference code's; the paper has 200)."""
    top_segments: int = 5
    """m: segments that ``strategy="paper"`` looks into (the paper's setting)."""
    top_pages: int = 10
    """k: pages that ``strategy="paper"`` takes from them (the paper's setting)."""

    # For experts: measured, seldom worth a change.

    search: Search = "auto"
    """``"exact"`` scans a scope's vectors, ``"chroma"`` asks the tier's collection, ``"auto"`` scans
    up to ``full_scan_threshold`` items. Measured: the scan is 8 times faster at 10 000 items."""
    full_scan_threshold: int = 20_000
    """Items of a scope up to which ``search="auto"`` scans (measured: 1.3 ms at 20 000)."""
    consolidation_batch_pages: int = 20
    """Pages that one structured call to a model sorts into topics (ours)."""
    promotion_batch_pages: int = 20
    """Pages of hot segments that one structured call to a model draws facts and traits from (ours)."""
    prompt_tokens: int = 8000
    """Most tokens of pages that a batch puts into one prompt; longer pages are shortened there (ours)."""
    inline_embed_limit: int = 64
    """Messages not yet embedded that a retrieval embeds itself; more are found by their words."""

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
