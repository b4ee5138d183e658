"""Upstream's class: programs written for BAI-LAB/MemoryOS run with one line changed.

``from memoryos import Memoryos`` becomes ``from memoryos_integrations.compat import Memoryos``. It uses a
store of this library; docs/upstream.md lists the differences.
"""

from __future__ import annotations

from memoryos_integrations.compat.memoryos import Memoryos

__all__ = ["Memoryos"]
