"""What the memory does, told to LlamaIndex's dispatcher: counts and durations, never text, never who.

Any event handler of ``llama_index.core.instrumentation`` receives them. Events of the core come too where the
adapter opened the store itself; for a store of your own pass ``MemoryOS(..., on_event=tell_dispatcher)``.
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
        """Return the name that handlers tell events apart by."""
        return cls.__name__


class MemoryRecallEvent(_MemoryEvent):
    """Memories were looked up for a prompt; not sent when the turn's lookup is used again."""

    items: int
    """Memories that stand in the text."""
    tokens: int
    """Tokens of the text."""
    seconds: float
    """How long it took."""


class MemoryWriteEvent(_MemoryEvent):
    """Messages were stored."""

    messages: int
    """How many."""


class MemoryResetEvent(_MemoryEvent):
    """A conversation began anew; what was said before stays in long-term memory."""


class MemoryStoreEvent(_MemoryEvent):
    """An event of the core, see ``memoryos_integrations.events``."""

    name: str
    """The name of its class, such as ``"Consolidated"``."""
    fields: dict[str, Any]
    """Its fields: ids, counts and durations."""


def tell_dispatcher(event: Event) -> None:
    """Pass an event of the core on; for ``MemoryOS(on_event=...)``.

    Example:
        >>> memory = MemoryOS(path, on_event=tell_dispatcher)
    """
    dispatcher.event(MemoryStoreEvent(name=type(event).__name__, fields=asdict(event)))
