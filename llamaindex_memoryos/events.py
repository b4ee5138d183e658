"""Instrumentation events of the memory: counts and durations, no text and no user ids.

Event handlers of ``llama_index.core.instrumentation`` receive them, and those of the core for stores that the
adapter opened; for a store of your own pass ``MemoryOS(..., on_event=tell_dispatcher)``.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]  # not in an __all__
from llama_index.core.instrumentation.events import BaseEvent

if TYPE_CHECKING:
    from memoryos_integrations.events import Event

dispatcher = get_dispatcher(__name__)


class _MemoryEvent(BaseEvent):
    @classmethod
    def class_name(cls) -> str:
        """Return the name of the event."""
        return cls.__name__


class MemoryRecallEvent(_MemoryEvent):
    """Memories were retrieved for a prompt; not sent when the turn's cached ones are used."""

    items: int
    """Memories in the text."""
    tokens: int
    """Tokens of the text."""
    seconds: float
    """Duration of the retrieval."""


class MemoryWriteEvent(_MemoryEvent):
    """Messages were stored."""

    messages: int
    """Number of messages."""


class MemoryResetEvent(_MemoryEvent):
    """A conversation was reset; its messages stay in long-term memory."""


class MemoryStoreEvent(_MemoryEvent):
    """An event of the core, see ``memoryos_integrations.events``."""

    name: str
    """Name of its class, such as ``"Consolidated"``."""
    fields: dict[str, Any]
    """Its fields: ids, counts and durations."""


def tell_dispatcher(event: Event) -> None:
    """Send an event of the core to LlamaIndex's dispatcher, as ``MemoryOS(on_event=...)``.

    Example:
        >>> with MemoryOS(path, on_event=tell_dispatcher) as memory:
        ...     page = memory.user("ada").add("I keep bees.")
    """
    dispatcher.event(MemoryStoreEvent(name=type(event).__name__, fields=asdict(event)))
