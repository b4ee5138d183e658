"""Connections left open because another process still has the store open.

Closing the last one that this process has would let SQLite delete the write-ahead log; see ``shared_use``.
There is at most one for each file, closed by the next close that finds the process alone, or by the system at
the end of the process.
"""

from __future__ import annotations

import ctypes
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import sqlalchemy as sa

_connections: dict[Path, Any] = {}
_lock = threading.Lock()


def keep(path: Path, engine: sa.Engine) -> None:
    """Take one connection out of the engine's pool, unless the file has one already."""
    with _lock:
        if path in _connections:
            return
        pooled = engine.raw_connection()
        connection = _connections[path] = pooled.driver_connection
        pooled.detach()
        # The interpreter frees what modules hold as it exits, which would close the connection.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))


def close(path: Path) -> None:
    """Close the connection of the file, if there is one, before its other connections are closed."""
    with _lock:
        connection = _connections.pop(path, None)
    if connection is not None:
        connection.close()
