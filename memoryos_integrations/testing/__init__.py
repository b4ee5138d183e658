"""Test kit: fakes, and contract checks for implementations of the protocols.

Everything is public and needs no pytest. ``OpenAIServer`` and its answers are loaded lazily.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from memoryos_integrations.testing.exact_index import ExactIndex, check_index
from memoryos_integrations.testing.frozen_clock import FrozenClock
from memoryos_integrations.testing.hash_embedder import HashEmbedder, check_embedder
from memoryos_integrations.testing.scripted_model import ScriptedLLM, check_llm

if TYPE_CHECKING:
    from memoryos_integrations.testing.openai_server import Failure, OpenAIServer, Reply, ToolCall

_SERVER = ("Failure", "OpenAIServer", "Reply", "ToolCall")

__all__ = [
    "ExactIndex",
    "Failure",
    "FrozenClock",
    "HashEmbedder",
    "OpenAIServer",
    "Reply",
    "ScriptedLLM",
    "ToolCall",
    "check_embedder",
    "check_index",
    "check_llm",
]


def __getattr__(name: str) -> object:
    if name not in _SERVER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.openai_server"), name)


def __dir__() -> list[str]:
    return __all__
