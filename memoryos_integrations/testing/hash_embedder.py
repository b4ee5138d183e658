"""An embedder for tests, and the contract check of embedders."""

from __future__ import annotations

import math
import re
import zlib
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

import numpy as np

from memoryos_integrations.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from memoryos_integrations.protocols import Embedder, Vector

_WORD = re.compile(r"\w+")
_SAME = 0.999  # cosine; tolerates int8 weights and another order of computation
_THREADS = 4

_TEXTS = (
    "I moved to Lisbon last spring.",
    "The soup needs more salt and a little pepper.",
    "He was promoted to captain of the football team, which surprised everyone who had seen him play.",
    "Rust",
    "My daughter is called Ada and she is allergic to peanuts.",
)
_HOSTILE = {
    "the empty text": "",
    "blanks": " \t\n ",
    "a NUL": "before\x00after",
    "a lone surrogate": "half \ud83d a character",
    "emoji": "\U0001f469\u200d\U0001f52c\U0001f3fd \u2764\ufe0f",
    "Chinese": "我喜欢在春天去杭州旅行。",
    "100 kB": "all work and no play " * 5000,
    "100 kB without a blank": "x" * 100_000,
}


class HashEmbedder:
    """Hashes words into vectors: no model, no file, the same in every process.

    Only texts that share words are similar: signed hashing of the lowercased words, unit length, float32.
    About 20 µs for a short text. For tests only: it worsens retrieval (measured on LoCoMo: recall lower than
    with words alone).

    Args:
        dimension: length of the vectors.
        name: ``"hash-<dimension>"`` by default.

    Raises:
        ConfigError: ``dimension`` is not a whole number of at least 1.

    Example:
        >>> embedder = HashEmbedder()
        >>> [len(vector) for vector in embedder.embed(["hello", "world"])], embedder.calls
        ([256, 256], [2])
    """

    def __init__(self, dimension: int = 256, name: str | None = None) -> None:
        if not isinstance(dimension, int) or isinstance(dimension, bool) or dimension < 1:
            raise ConfigError(f"dimension must be a whole number of at least 1, not {dimension!r}")
        self._dimension = dimension
        self._name = name or f"hash-{dimension}"
        self.calls: list[int] = []
        """Number of texts in each call of ``embed()``, oldest first."""

    @property
    def name(self) -> str:
        """The given name, or ``"hash-<dimension>"``."""
        return self._name

    @property
    def dimension(self) -> int:
        """Length of every vector."""
        return self._dimension

    def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Return one unit vector of shape (dimension,) per text, in the order of the texts."""
        self.calls.append(len(texts))
        return [self._vector(text) for text in texts]

    def _vector(self, text: str) -> Vector:
        sums: dict[int, int] = {}
        for word in _WORD.findall(text.lower()):
            code = zlib.crc32(word.encode("utf-8", "surrogatepass"))
            index = (code >> 1) % self._dimension
            sums[index] = sums.get(index, 0) + (1 if code & 1 else -1)
        if not any(sums.values()):  # no words, or words that cancel out
            sums = {0: 1}
        vector = np.zeros(self._dimension, np.float32)
        vector[list(sums)] = list(sums.values())
        vector /= math.sqrt(sum(value * value for value in sums.values()))
        return vector


def check_embedder(make: Callable[[], Embedder]) -> None:
    """Check the contract of ``protocols.Embedder``.

    It embeds about 100 texts, two of them of 100 kB. Needs no test framework.

    Args:
        make: returns a new embedder of the same model on every call.

    Raises:
        AssertionError: the contract is broken; the message says how.

    Example:
        >>> check_embedder(HashEmbedder)
    """
    embedder = make()
    _check_identity(embedder, make())
    singles = [_embedded(embedder, [text])[0] for text in _TEXTS]
    _check_distinct(singles)
    _check_batches(embedder, singles)
    _check_same(singles, _embedded(make(), _TEXTS), "A second embedder gave other vectors")
    for what, text in _HOSTILE.items():
        vectors = _embedded(embedder, [_TEXTS[0], text, _TEXTS[1]])
        _check_same([singles[0], singles[1]], [vectors[0], vectors[2]], f"Beside {what}, other texts changed")
        _check_same([vectors[1]], _embedded(embedder, [text]), f"The vector of {what} is not stable")
    _check_threads(make(), singles)


def _check_identity(embedder: Embedder, twin: Embedder) -> None:
    name, dimension = embedder.name, embedder.dimension
    _require(isinstance(name, str) and name != "", f"name must be a text that is not empty, not {name!r}")
    whole = isinstance(dimension, int) and not isinstance(dimension, bool)
    _require(whole and dimension > 0, f"dimension must be a whole number above 0, not {dimension!r}")
    _require(len(embedder.embed([])) == 0, "embed([]) must return no vectors")
    _embedded(embedder, _TEXTS)
    for one, when in ((embedder, "after embed()"), (twin, "in a second embedder")):
        _require(one.name == name, f"name changed {when}: {name!r}, then {one.name!r}")
        _require(one.dimension == dimension, f"dimension changed {when}: {dimension}, then {one.dimension}")


def _check_distinct(vectors: Sequence[Vector]) -> None:
    for i, one in enumerate(vectors):
        for j in range(i):
            same = _cosine(one, vectors[j]) >= _SAME
            _require(not same, f"Two different texts got one vector: {_TEXTS[j]!r} and {_TEXTS[i]!r}")


def _check_batches(embedder: Embedder, singles: Sequence[Vector]) -> None:
    texts = list(_TEXTS)
    _check_same(singles, _embedded(embedder, texts), "In a batch, a text's vector differs from its own alone")
    turned = _embedded(embedder, tuple(reversed(_TEXTS)))
    _check_same(singles, turned[::-1], "The vectors do not come in the order of the texts")
    many = _embedded(embedder, texts * 8)
    _check_same(list(singles) * 8, many, "In a batch of 40 the vectors differ or change places")


def _check_threads(embedder: Embedder, singles: Sequence[Vector]) -> None:
    start = Barrier(_THREADS)  # all at once, so that their first uses collide

    def work(first: int) -> list[Vector]:
        start.wait(timeout=60)
        return _embedded(embedder, _TEXTS[first:] + _TEXTS[:first])

    with ThreadPoolExecutor(_THREADS) as pool:
        results = list(pool.map(work, range(_THREADS)))
    for first, vectors in enumerate(results):
        expected = list(singles[first:]) + list(singles[:first])
        _check_same(expected, vectors, f"With {_THREADS} threads at once the vectors differ")


def _embedded(embedder: Embedder, texts: Sequence[str]) -> list[Vector]:
    before = tuple(texts)
    vectors = list(embedder.embed(texts))
    _require(tuple(texts) == before, "embed() changed the list that it was given")
    _require(len(vectors) == len(texts), f"{len(texts)} texts gave {len(vectors)} vectors")
    for text, vector in zip(texts, vectors, strict=True):
        shown = f"the vector of {text[:30]!r}"
        _require(isinstance(vector, np.ndarray), f"{shown} is no numpy array but {type(vector).__name__}")
        _require(vector.dtype == np.float32, f"{shown} is {vector.dtype}, not float32")
        _require(
            vector.shape == (embedder.dimension,),
            f"{shown} has shape {vector.shape}, not ({embedder.dimension},)",
        )
        _require(bool(np.isfinite(vector).all()), f"{shown} holds numbers that are not finite")
        _require(bool(vector.any()), f"{shown} is zero, so it has no direction")
    return vectors


def _check_same(expected: Sequence[Vector], found: Sequence[Vector], complaint: str) -> None:
    for one, other in zip(expected, found, strict=True):
        cosine = _cosine(one, other)
        _require(cosine >= _SAME, f"{complaint} (cosine {cosine:.4f}, at least {_SAME} expected)")


def _cosine(one: Vector, other: Vector) -> float:
    return float(np.dot(one, other) / (np.linalg.norm(one) * np.linalg.norm(other)))


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise AssertionError(message)
