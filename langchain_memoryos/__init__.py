"""MemoryOS memory for LangChain chains, runnables and agents.

The classes are imported on first use; one that needs a missing package raises ``MissingDependencyError``
with the command that installs it.

Example:
    >>> from langchain_memoryos import MemoryOSRetriever
    >>> _ = ada.add("My cat is called Figaro.", "A fine name!")
    >>> MemoryOSRetriever(memory=ada, k=1).invoke("What is my cat called?")[0].page_content
    'My cat is called Figaro.'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langchain_memoryos.chat_memory import MemoryOSChatMemory
    from langchain_memoryos.chat_message_history import MemoryOSChatMessageHistory
    from langchain_memoryos.middleware import MemoryOSMiddleware
    from langchain_memoryos.retriever import MemoryOSRetriever
    from langchain_memoryos.runnable import MemoryOSRunnable, with_memory
    from langchain_memoryos.store import MemoryOSStore
    from langchain_memoryos.toolkit import MemoryOSToolkit

_MODULES = {
    "MemoryOSChatMemory": "chat_memory",
    "MemoryOSChatMessageHistory": "chat_message_history",
    "MemoryOSMiddleware": "middleware",
    "MemoryOSRetriever": "retriever",
    "MemoryOSRunnable": "runnable",
    "MemoryOSStore": "store",
    "MemoryOSToolkit": "toolkit",
    "with_memory": "runnable",
}
_INSTALL = {
    "langchain": "pip install 'memoryos-integrations[agents]'",
    "langgraph": "pip install 'memoryos-integrations[agents]'",
    "langchain_classic": "pip install langchain-classic",
}

__all__ = [
    "MemoryOSChatMemory",
    "MemoryOSChatMessageHistory",
    "MemoryOSMiddleware",
    "MemoryOSRetriever",
    "MemoryOSRunnable",
    "MemoryOSStore",
    "MemoryOSToolkit",
    "with_memory",
]


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    except ModuleNotFoundError as error:
        command = _INSTALL.get((error.name or "").partition(".")[0])
        if command is None:
            raise
        from memoryos_integrations.errors import MissingDependencyError

        raise MissingDependencyError(f"{name} needs the package {error.name}: {command}") from error


def __dir__() -> list[str]:
    return __all__
