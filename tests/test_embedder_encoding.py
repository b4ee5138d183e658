"""What the embedders are made of: word pieces, batches, and loading once."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import BertWordPieceTokenizer
from tokenizers.models import WordPiece

from memoryos_integrations.embedders.encoding import VOCABULARY, WordPieces, encode
from memoryos_integrations.embedders.lazy import PerProcess
from memoryos_integrations.embedders.weights import file_hash
from memoryos_integrations.errors import EmbedderUnavailableError

SEP = 102
words = st.sampled_from(["a", "cat", "sat", "on", "the", "mat", "antidisestablishmentarianism", "猫"])
sentences = st.lists(words, max_size=60).map(" ".join)


@pytest.fixture(scope="module")
def pieces():
    return WordPieces(256)


def test_the_vocabulary_is_bert_s_byte_for_byte():
    assert file_hash(VOCABULARY) == "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"


class CountingModel:
    """Gives each token its number, its mask and a constant as last layer, and notes the shapes."""

    def __init__(self):
        self.shapes = []

    def hidden(self, ids, mask):
        self.shapes.append(ids.shape)
        return np.stack([ids, mask, np.full_like(ids, 1000)], axis=2).astype(np.float32)


@settings(max_examples=50, deadline=None)
@given(st.lists(sentences, max_size=12), st.integers(1, 5), st.integers(1, 200))
def test_batches_keep_the_order_and_their_bounds_and_ignore_padding(pieces, texts, most_texts, most_tokens):
    model = CountingModel()
    limits = {"batch_texts": most_texts, "batch_tokens": most_tokens}
    vectors = encode(texts, pieces=pieces, model=model, **limits)
    for text, vector in zip(texts, vectors, strict=True):
        mean = np.array([np.mean(pieces.ids(text)), 1, 1000])
        assert np.allclose(vector, mean / np.linalg.norm(mean), atol=1e-5)
    assert sum(count for count, _ in model.shapes) == len(texts)
    assert all(count <= most_texts for count, _ in model.shapes)
    assert all(count == 1 or count * length <= most_tokens for count, length in model.shapes)


def test_texts_of_one_length_share_a_batch(pieces):
    model = CountingModel()
    encode(["a cat"] * 40, pieces=pieces, model=model, batch_texts=32, batch_tokens=512)
    assert model.shapes == [(32, 4), (8, 4)]


@pytest.mark.parametrize("unit", ["a cat on a mat ", "猫在垫子上。", "!", "x" * 99 + " ", " " * 5000 + "cat"])
def test_a_long_text_has_the_first_word_pieces_of_the_whole(pieces, unit):
    text = unit * (40_000 // len(unit))
    whole = BertWordPieceTokenizer(WordPiece.read_file(str(VOCABULARY)), lowercase=True).encode(text).ids
    assert pieces.ids(text) == ([*whole[:255], SEP] if len(whole) > 256 else whole)


@given(st.text(st.characters(), max_size=40))
def test_half_characters_change_nothing_around_them(pieces, text):
    assert pieces.ids("cat " + text + " \ud83d mat") == pieces.ids("cat " + text + " \ufffd mat")


@pytest.mark.programs
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_makes_its_own_value():
    code = (
        "import os\n"
        "from memoryos_integrations.embedders.lazy import PerProcess\n"
        "maker = PerProcess(os.getpid)\n"
        "assert maker.get() == os.getpid()\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    os._exit(7 if maker.get() == os.getpid() else 1)\n"
        "assert maker.get() == os.getpid()\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"7\n"


def test_a_value_is_made_once_however_many_threads_ask_for_it():
    made = []
    maker = PerProcess(lambda: made.append(1) or object())
    start = threading.Barrier(8)

    def ask(_):
        start.wait(timeout=300)
        return maker.get()

    with ThreadPoolExecutor(8) as pool:
        values = set(pool.map(ask, range(8)))
    assert (len(values), made) == (1, [1])


def test_what_fails_to_be_made_is_tried_again():
    answers = iter([EmbedderUnavailableError("not yet"), "here"])

    def make():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    maker = PerProcess(make)
    with pytest.raises(EmbedderUnavailableError, match="not yet"):
        maker.get()
    assert maker.get() == "here"
