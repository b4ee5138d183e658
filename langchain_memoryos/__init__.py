"""MemoryOS memory for LangChain chains, runnables and agents.

Nothing is imported before it is used, and what needs a package that is not installed says which command
installs it.

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
    from langchain_memoryos.chat_history import MemoryOSChatMessageHistory
    from langchain_memoryos.chat_memory import MemoryOSChatMemory
    from langchain_memoryos.middleware import MemoryOSMiddleware
    from langchain_memoryos.retriever import MemoryOSRetriever
    from langchain_memoryos.runnable import MemoryOSRunnable, with_memory
    from langchain_memoryos.store import MemoryOSStore
    from langchain_memoryos.tools import MemoryOSToolkit

_HOME = {
    "MemoryOSChatMemory": "chat_memory",
    "MemoryOSChatMessageHistory": "chat_history",
    "MemoryOSMiddleware": "middleware",
    "MemoryOSRetriever": "retriever",
    "MemoryOSRunnable": "runnable",
    "MemoryOSStore": "store",
    "MemoryOSToolkit": "tools",
    "with_memory": "runnable",
}
_COMMANDS = {
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
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    except ModuleNotFoundError as error:
        command = _COMMANDS.get((error.name or "").partition(".")[0])
        if command is None:
            raise
        from memoryos_integrations.errors import MissingDependencyError

        raise MissingDependencyError(f"{name} needs the package {error.name}: {command}") from error


def __dir__() -> list[str]:
    return __all__
