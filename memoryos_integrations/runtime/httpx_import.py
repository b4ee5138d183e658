"""An import that another library cannot do without being seen half way."""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib import import_module


def settle_httpx() -> None:
    """Import httpx to its end, in a process that has the client of OpenAI.

    That client looks httpx up in ``sys.modules`` at every call. While the worker imports chromadb, and httpx
    with it, for the first time, the client would find it half made for a moment, and fail.
    """
    if "openai" in sys.modules:
        with suppress(ModuleNotFoundError):
            import_module("httpx")
