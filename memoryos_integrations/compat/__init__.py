"""Upstream's class by its name: programs that are written for BAI-LAB/MemoryOS run with one line changed.

``from memoryos import Memoryos`` becomes ``from memoryos_integrations.compat import Memoryos``. What is
behind it is a store of this library; docs/upstream.md has the differences.
"""

from __future__ import annotations

from memoryos_integrations.compat.memoryos import Memoryos

__all__ = ["Memoryos"]
