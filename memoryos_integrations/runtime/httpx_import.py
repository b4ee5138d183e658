"""Import httpx eagerly: openai may otherwise see it partially initialised."""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib import import_module


def import_httpx() -> None:
    """Import httpx completely if openai is loaded.

    openai looks httpx up in ``sys.modules`` on every call, and fails while the worker's import of chromadb
    has httpx only partially initialised.
    """
    if "openai" in sys.modules:
        with suppress(ModuleNotFoundError):
            import_module("httpx")
