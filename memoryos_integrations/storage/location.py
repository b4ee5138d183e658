"""Location of a store: one rule for the library, the command line and the MCP server."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import platformdirs

from memoryos_integrations.errors import ConfigError

LEDGER_FILE = "memory.db"
"""Name of the ledger file in the folder of a store."""

_URL, _PATH = "MEMORYOS_URL", "MEMORYOS_PATH"
_log = logging.getLogger(__name__)


def store_folder(given: str | Path | None = None) -> Path:
    """Return the folder of a store, absolute, with ``~`` expanded. Nothing is created.

    The first of: ``given``, ``MEMORYOS_URL``, ``MEMORYOS_PATH``, the user's data folder
    (``platformdirs.user_data_dir("memoryos")``).

    Raises:
        ConfigError: the value is not the path of a folder, or the two variables differ.

    Example:
        >>> store_folder("~/memory") == Path.home() / "memory"
        True
    """
    if given is None:
        given = _from_environment() or _user_data_folder()
    if not isinstance(given, str | Path) or not str(given):
        raise ConfigError(f"path must be the path of a folder, not {given!r}")
    if "://" in str(given):
        raise ConfigError("This version opens folders only: give the path of one, not a URL.")
    try:
        return Path(given).expanduser().absolute()
    except RuntimeError as error:  # no home directory
        raise ConfigError(f"path: {given!s} cannot be expanded: {error}") from None


def _from_environment() -> str | None:
    url, path = os.environ.get(_URL) or None, os.environ.get(_PATH) or None
    if url is not None and path is not None and url != path:
        raise ConfigError(f"{_URL} and {_PATH} are both set and name different stores: unset one of them.")
    return url or path


def _user_data_folder() -> Path:
    local, folder = Path("memory"), Path(platformdirs.user_data_dir("memoryos"))
    if (local / LEDGER_FILE).exists() and local.absolute() != folder:
        _log.warning(
            "The store is in %s; the one in %s is not opened: name it to use it.", folder, local.absolute()
        )
    return folder
