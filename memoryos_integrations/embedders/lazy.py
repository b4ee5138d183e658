"""A value that is made on first use, once per process."""

from __future__ import annotations

import ctypes
import os
import threading
import weakref
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class PerProcess(Generic[T]):
    """Makes a value on the first ``get()`` and keeps it. Safe to use from several threads.

    A forked child makes its own and never closes its parent's: it inherits a session of onnxruntime without
    the threads that serve it, and closing that at exit waits for them for ever (measured).
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._held: tuple[T] | None = None
        if hasattr(os, "register_at_fork"):
            abandon = weakref.WeakMethod(self._abandon)  # the hook stays for good, so it must not hold us
            os.register_at_fork(after_in_child=lambda: (method := abandon()) and method())

    def get(self) -> T:
        """Return the value. What ``make`` raises is raised; the next call tries again."""
        held = self._held
        if held is None:
            with self._lock:
                held = self._held
                if held is None:
                    held = self._held = (self._make(),)
        return held[0]

    def _abandon(self) -> None:
        self._lock = threading.Lock()  # the old one may be held by a thread that is not in this process
        if self._held is not None:
            # One reference more than there are holders: nothing ever closes it.
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._held))
            self._held = None
