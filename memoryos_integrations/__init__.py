"""Long-term memory for language models: short-term pages, mid-term segments with heat, a long-term persona.

Submodules are imported lazily.

Example:
    >>> from memoryos_integrations import MemoryOS
    >>> with MemoryOS(path) as memory:
    ...     ada = memory.user("ada")
    ...     page = ada.add("Hi, I am Ada and I keep bees.", "Hello Ada!")
    ...     found = ada.retrieve("What animals do I have?", k=1)
    >>> found.items[0].text
    'Hi, I am Ada and I keep bees.'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memoryos_integrations.config import MemoryConfig
    from memoryos_integrations.errors import (
        ConfigError,
        EmbedderError,
        EmbedderMismatchError,
        EmbedderUnavailableError,
        IndexUnavailableError,
        InvalidInputError,
        LLMBadOutput,
        LLMBudgetSpent,
        LLMError,
        LLMRefused,
        LLMUnavailable,
        MemoryOSError,
        MissingDependencyError,
        StoreClosedError,
        StoreCorruptError,
        StoreError,
        StoreTooNewError,
        StoreUnwritableError,
        UnknownArgumentError,
    )
    from memoryos_integrations.items import Put, StoredItem
    from memoryos_integrations.memory import MemoryOS
    from memoryos_integrations.protocols import LLM, Clock, Embedder, Prompt, TokenCounter
    from memoryos_integrations.reports import FlushReport, ForgetReceipt, Report
    from memoryos_integrations.types import (
        Chain,
        Context,
        Fact,
        MemoryItem,
        Message,
        Page,
        Persona,
        Retrieved,
        Segment,
        Trait,
    )
    from memoryos_integrations.user_memory import UserMemory

_MODULE_OF = {
    "Chain": "types",
    "Clock": "protocols",
    "ConfigError": "errors",
    "Context": "types",
    "Embedder": "protocols",
    "EmbedderError": "errors",
    "EmbedderMismatchError": "errors",
    "EmbedderUnavailableError": "errors",
    "Fact": "types",
    "FlushReport": "reports",
    "ForgetReceipt": "reports",
    "IndexUnavailableError": "errors",
    "InvalidInputError": "errors",
    "LLM": "protocols",
    "LLMBadOutput": "errors",
    "LLMBudgetSpent": "errors",
    "LLMError": "errors",
    "LLMRefused": "errors",
    "LLMUnavailable": "errors",
    "MemoryConfig": "config",
    "MemoryItem": "types",
    "MemoryOS": "memory",
    "MemoryOSError": "errors",
    "Message": "types",
    "MissingDependencyError": "errors",
    "Page": "types",
    "Persona": "types",
    "Prompt": "protocols",
    "Put": "items",
    "Report": "reports",
    "Retrieved": "types",
    "Segment": "types",
    "StoreClosedError": "errors",
    "StoreCorruptError": "errors",
    "StoreError": "errors",
    "StoreTooNewError": "errors",
    "StoreUnwritableError": "errors",
    "StoredItem": "items",
    "TokenCounter": "protocols",
    "Trait": "types",
    "UnknownArgumentError": "errors",
    "UserMemory": "user_memory",
}

__all__ = [
    "LLM",
    "Chain",
    "Clock",
    "ConfigError",
    "Context",
    "Embedder",
    "EmbedderError",
    "EmbedderMismatchError",
    "EmbedderUnavailableError",
    "Fact",
    "FlushReport",
    "ForgetReceipt",
    "IndexUnavailableError",
    "InvalidInputError",
    "LLMBadOutput",
    "LLMBudgetSpent",
    "LLMError",
    "LLMRefused",
    "LLMUnavailable",
    "MemoryConfig",
    "MemoryItem",
    "MemoryOS",
    "MemoryOSError",
    "Message",
    "MissingDependencyError",
    "Page",
    "Persona",
    "Prompt",
    "Put",
    "Report",
    "Retrieved",
    "Segment",
    "StoreClosedError",
    "StoreCorruptError",
    "StoreError",
    "StoreTooNewError",
    "StoreUnwritableError",
    "StoredItem",
    "TokenCounter",
    "Trait",
    "UnknownArgumentError",
    "UserMemory",
]


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return __all__
