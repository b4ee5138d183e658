"""Heat of a segment, from counters and time (paper, section 3.3, eq. 4)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memoryos_integrations.config import MemoryConfig


def recency(elapsed_seconds: float, time_constant: float) -> float:
    """Return R_recency = exp(-Δt / µ): 1 now, 0.37 after µ seconds. Negative times count as 0.

    Example:
        >>> recency(0, 1e7)
        1.0
    """
    return math.exp(-max(0.0, elapsed_seconds) / time_constant)


def heat(visits: int, page_count: int, elapsed_seconds: float, config: MemoryConfig) -> float:
    """Return α·N_visit + β·L_interaction + γ·R_recency.

    Args:
        visits: retrievals that returned one of the segment's pages.
        page_count: its pages since the last promotion.
        elapsed_seconds: since its last visit or its newest page.
        config: α, β, γ and µ.

    Example:
        >>> from memoryos_integrations import MemoryConfig
        >>> heat(2, 3, 0, MemoryConfig())
        6.0
    """
    return (
        config.heat_alpha * visits
        + config.heat_beta * page_count
        + config.heat_gamma * recency(elapsed_seconds, config.recency_time_constant)
    )
