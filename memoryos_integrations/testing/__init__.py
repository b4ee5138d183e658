"""What to test with: the fakes that our own tests use, and the contracts that implementers run.

Everything here is public and none of it needs pytest.
"""

from __future__ import annotations

from memoryos_integrations.testing.clock import FrozenClock
from memoryos_integrations.testing.embedders import HashEmbedder, check_embedder
from memoryos_integrations.testing.index import ExactIndex, check_index
from memoryos_integrations.testing.llm import ScriptedLLM, check_llm

__all__ = [
    "ExactIndex",
    "FrozenClock",
    "HashEmbedder",
    "ScriptedLLM",
    "check_embedder",
    "check_index",
    "check_llm",
]
