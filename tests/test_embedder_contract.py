"""The contract suite itself, and the embedder for tests that it is tried on."""

import json
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryos_integrations.errors import ConfigError
from memoryos_integrations.testing.hash_embedder import HashEmbedder, check_embedder


@pytest.mark.parametrize("make", [HashEmbedder, lambda: HashEmbedder(64)])
def test_a_hash_embedder_keeps_the_contract(make):
    check_embedder(make)


class Changed(HashEmbedder):
    """A hash embedder with one fault, given as a function of its vectors and texts."""

    def __init__(self, fault):
        super().__init__()
        self._fault = fault

    def embed(self, texts):
        return self._fault(super().embed(texts), texts)


class Remembers(HashEmbedder):
    def embed(self, texts):
        vectors = super().embed(texts)
        for vector in vectors:
            vector[0] += len(self.calls)
        return vectors


class NamedByUse(HashEmbedder):
    @property
    def name(self):
        return f"hash-{bool(sum(self.calls))}"


class OneResultForAllThreads(HashEmbedder):
    """Keeps its result where the next call overwrites it before it is returned, if calls overlap."""

    def __init__(self):
        super().__init__()
        self._home = threading.get_ident()
        self._all_are_in = threading.Barrier(4)

    def embed(self, texts):
        self._result = super().embed(texts)
        if threading.get_ident() != self._home:
            self._all_are_in.wait(timeout=300)
        return self._result


def faulty(fault):
    return lambda: Changed(fault)


def scaled(factor):
    return faulty(lambda vectors, texts: [v * factor(t) for v, t in zip(vectors, texts, strict=True)])


def empties_the_list(vectors, texts):
    if isinstance(texts, list):
        texts.clear()
    return vectors


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (faulty(lambda vectors, texts: vectors[::-1]), "differs from its own alone"),
        (faulty(lambda vectors, texts: [v.astype(np.float64) for v in vectors]), "float64, not float32"),
        (faulty(lambda vectors, texts: [v[:-1] for v in vectors]), "has shape"),
        (faulty(lambda vectors, texts: vectors or [np.ones(256, np.float32)]), r"embed\(\[\]\)"),
        (faulty(lambda vectors, texts: [v + vectors[0] / 5 for v in vectors]), "differs from its own alone"),
        (faulty(empties_the_list), "changed the list"),
        (scaled(lambda text: np.float32(np.nan) if "\0" in text else 1), "not finite"),
        (Remembers, "not stable|differs|Two different texts"),
        (NamedByUse, r"name changed after embed\(\)"),
        (OneResultForAllThreads, "With 4 threads at once"),
    ],
)
def test_the_contract_suite_says_what_is_wrong(make, complaint):
    with pytest.raises(AssertionError, match=complaint):
        check_embedder(make)


class RefusesHalfCharacters(HashEmbedder):
    def embed(self, texts):
        return super().embed([text.encode().decode() for text in texts])


def test_the_contract_suite_lets_an_embedder_s_own_error_through():
    with pytest.raises(UnicodeEncodeError):
        check_embedder(RefusesHalfCharacters)


@given(st.lists(st.text(st.characters()), max_size=5), st.integers(1, 40))
def test_a_hash_vector_has_length_one_whatever_the_text(texts, dimension):
    embedder = HashEmbedder(dimension)
    for vector in embedder.embed(texts):
        assert vector.shape == (dimension,)
        assert vector.dtype == np.float32
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)
    assert embedder.calls == [len(texts)]


@pytest.mark.programs
def test_a_hash_vector_is_the_same_in_every_process():
    code = (
        "from memoryos_integrations.testing.hash_embedder import HashEmbedder\n"
        "print(HashEmbedder(8).embed(['The cat sat'])[0].tolist())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "12345"}
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment, check=True)
    assert json.loads(there.stdout) == HashEmbedder(8).embed(["The cat sat"])[0].tolist()


@pytest.mark.parametrize("dimension", [0, -1, 2.5, True, "64"])
def test_a_hash_embedder_refuses_an_impossible_dimension(dimension):
    with pytest.raises(ConfigError, match="dimension"):
        HashEmbedder(dimension)
