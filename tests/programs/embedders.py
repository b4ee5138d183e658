"""Embedders that misbehave, count, or see no words: fakes of ``protocols.Embedder``."""

from __future__ import annotations

import os
import re
import threading
from typing import TYPE_CHECKING

import numpy as np

from memoryos_integrations.errors import EmbedderUnavailableError
from memoryos_integrations.testing import HashEmbedder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from memoryos_integrations.protocols import Vector

_NUMBER = re.compile(r"[a-z]+(\d+)")
_NEIGHBOURS = 10


class NumberEmbedder:
    """Vectors from the first number in a text only, so that only they join ``said17`` and ``ask17``.

    Numbers of one ten are close to each other, and the same number is closest.
    """

    name = "numbers"
    dimension = 32

    def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Return one vector per text, shape (32,)."""
        return [self._vector(text) for text in texts]

    def _vector(self, text: str) -> Vector:
        found = _NUMBER.search(text)
        number = int(found.group(1)) if found else 10**6
        group = np.random.default_rng(number // _NEIGHBOURS).standard_normal(self.dimension)
        own = np.random.default_rng(10**9 + number).standard_normal(self.dimension)
        return np.asarray(group + 0.3 * own, dtype=np.float32)


class RecordingEmbedder(HashEmbedder):
    """Appends every text that it embeds to a file, which several processes may share."""

    def __init__(self, record: Path) -> None:
        super().__init__(64, name="recording")
        self._record = record

    def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Return the vectors of ``HashEmbedder``; what was asked stands in the file before."""
        lines = "".join(f"{text}\n" for text in texts)
        file = os.open(self._record, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, lines.encode())  # one write: lines of two processes do not mix
        finally:
            os.close(file)
        return super().embed(texts)


class SwitchedEmbedder(HashEmbedder):
    """Unavailable until ``up`` is set."""

    def __init__(self) -> None:
        super().__init__(64, name="switched")
        self.up = False

    def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Return the vectors of ``HashEmbedder``, or raise like a service that is down."""
        if not self.up:
            raise EmbedderUnavailableError("The service does not answer.")
        return super().embed(texts)


class StuckEmbedder(HashEmbedder):
    """Never answers, as a service that hangs."""

    def __init__(self) -> None:
        super().__init__(64, name="stuck")
        self.called = threading.Event()

    def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Wait for ever."""
        self.called.set()
        threading.Event().wait()
        return super().embed(texts)


class HeldEmbedder(HashEmbedder):
    """Answers, but for the time between ``hold()`` and ``let_go()``."""

    def __init__(self) -> None:
        super().__init__(64, name="held")
        self.called = threading.Event()
        self._free = threading.Event()
        self._free.set()

    def hold(self) -> None:
        """Let the next calls wait; ``called`` is set when one does."""
        self._free.clear()
        self.called.clear()

    def let_go(self) -> None:
        """Let the calls go on."""
        self._free.set()

    def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Return the vectors of ``HashEmbedder`` as soon as it is let go."""
        if not self._free.is_set():
            self.called.set()
        self._free.wait()
        return super().embed(texts)
