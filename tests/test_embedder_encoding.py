"""What the embedders are made of: word pieces, batches, loading once, and the forward pass in numpy."""

import json
import math
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

from memoryos_integrations.embedders.encoding import VOCABULARY, WordPieces, encode, mean_pool
from memoryos_integrations.embedders.lazy import PerProcess
from memoryos_integrations.embedders.numpy_bert import NumpyBert, read_safetensors
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
    vectors = encode(texts, pieces=pieces, model=model, pool=mean_pool, **limits)
    for text, vector in zip(texts, vectors, strict=True):
        mean = np.array([np.mean(pieces.ids(text)), 1, 1000])
        assert np.allclose(vector, mean / np.linalg.norm(mean), atol=1e-5)
    assert sum(count for count, _ in model.shapes) == len(texts)
    assert all(count <= most_texts for count, _ in model.shapes)
    assert all(count == 1 or count * length <= most_tokens for count, length in model.shapes)


def test_texts_of_one_length_share_a_batch(pieces):
    model = CountingModel()
    encode(["a cat"] * 40, pieces=pieces, model=model, pool=mean_pool, batch_texts=32, batch_tokens=512)
    assert model.shapes == [(32, 4), (8, 4)]


@pytest.mark.parametrize("unit", ["a cat on a mat ", "猫在垫子上。", "!", "x" * 99 + " ", " " * 5000 + "cat"])
def test_a_long_text_has_the_first_word_pieces_of_the_whole(pieces, unit):
    text = unit * (40_000 // len(unit))
    whole = BertWordPieceTokenizer(WordPiece.read_file(str(VOCABULARY)), lowercase=True).encode(text).ids
    assert pieces.ids(text) == ([*whole[:255], SEP] if len(whole) > 256 else whole)


@given(st.text(st.characters(), max_size=40))
def test_half_characters_change_nothing_around_them(pieces, text):
    assert pieces.ids("cat " + text + " \ud83d mat") == pieces.ids("cat " + text + " \ufffd mat")


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


# The forward pass

WIDTH, HEADS, LAYERS, INNER, WORDS, POSITIONS = 12, 3, 2, 20, 11, 9
QKV = ("query", "key", "value")
TABLES = ("word", "position", "token_type")


def random_weights():
    shapes = {f"attention.self.{part}": (WIDTH, WIDTH) for part in QKV}
    shapes |= {"attention.output.dense": (WIDTH, WIDTH), "attention.output.LayerNorm": (WIDTH,)}
    shapes |= {"intermediate.dense": (INNER, WIDTH), "output.dense": (WIDTH, INNER)}
    shapes["output.LayerNorm"] = (WIDTH,)
    modules = {f"encoder.layer.{i}.{name}": shape for i in range(LAYERS) for name, shape in shapes.items()}
    modules["embeddings.LayerNorm"] = (WIDTH,)
    tensors = {f"{name}.weight": shape for name, shape in modules.items()}
    tensors |= {f"{name}.bias": shape[:1] for name, shape in modules.items()}
    for table, rows in zip(TABLES, (WORDS, POSITIONS, 2), strict=True):
        tensors[f"embeddings.{table}_embeddings.weight"] = (rows, WIDTH)
    rng = np.random.default_rng(11)
    return {name: rng.normal(0, 0.6, shape).astype(np.float32) for name, shape in tensors.items()}


class PlainBert:
    """BERT for one text, one token and one head at a time in double precision: slow, and plain to read."""

    def __init__(self, tensors):
        self.w = {name: tensor.tolist() for name, tensor in tensors.items()}

    def hidden(self, ids):
        word, position, kind = (self.w[f"embeddings.{table}_embeddings.weight"] for table in TABLES)
        sums = [plus(plus(word[i], position[n]), kind[0]) for n, i in enumerate(ids)]
        xs = [self.norm(x, "embeddings.LayerNorm") for x in sums]
        for layer in range(LAYERS):
            xs = self.block(xs, f"encoder.layer.{layer}")
        return xs

    def block(self, xs, at):
        q, k, v = ([self.dense(x, f"{at}.attention.self.{part}") for x in xs] for part in QKV)
        seen = [[value for head in range(HEADS) for value in attend(one, k, v, head)] for one in q]
        seen = [self.dense(x, f"{at}.attention.output.dense") for x in seen]
        xs = [
            self.norm(plus(x, y), f"{at}.attention.output.LayerNorm") for x, y in zip(xs, seen, strict=True)
        ]
        inner = [[gelu(y) for y in self.dense(x, f"{at}.intermediate.dense")] for x in xs]
        outer = [self.dense(x, f"{at}.output.dense") for x in inner]
        return [self.norm(plus(x, y), f"{at}.output.LayerNorm") for x, y in zip(xs, outer, strict=True)]

    def dense(self, x, name):
        return plus([dot(row, x) for row in self.w[f"{name}.weight"]], self.w[f"{name}.bias"])

    def norm(self, x, name):
        mean = sum(x) / len(x)
        spread = math.sqrt(sum((value - mean) ** 2 for value in x) / len(x) + 1e-12)
        scaled = [(value - mean) / spread * by for value, by in zip(x, self.w[f"{name}.weight"], strict=True)]
        return plus(scaled, self.w[f"{name}.bias"])


def attend(query, keys, values, head):
    size = WIDTH // HEADS
    part = slice(head * size, (head + 1) * size)
    weights = [math.exp(dot(query[part], key[part]) / math.sqrt(size)) for key in keys]
    columns = zip(*(value[part] for value in values), strict=True)
    return [dot(weights, column) / sum(weights) for column in columns]


def gelu(x):
    return x * (1 + math.erf(x / math.sqrt(2))) / 2


def dot(xs, ys):
    return sum(x * y for x, y in zip(xs, ys, strict=True))


def plus(xs, ys):
    return [x + y for x, y in zip(xs, ys, strict=True)]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(st.integers(0, WORDS - 1), min_size=1, max_size=POSITIONS), min_size=1, max_size=3))
def test_the_numpy_forward_pass_is_that_of_bert_and_padding_changes_nothing(texts):
    weights = random_weights()
    longest = max(map(len, texts))
    ids = np.array([text + [0] * (longest - len(text)) for text in texts])
    mask = np.array([[1] * len(text) + [0] * (longest - len(text)) for text in texts])
    hidden = NumpyBert(weights, heads=HEADS).hidden(ids, mask)
    assert hidden.dtype == np.float32
    for text, found in zip(texts, hidden, strict=True):
        assert np.allclose(found[: len(text)], PlainBert(weights).hidden(text), atol=2e-5)


def write_safetensors(path, tensors):
    header, body = {"__metadata__": {"format": "pt"}}, b""
    for name, tensor in tensors.items():
        kind = {"float32": "F32", "int64": "I64"}[tensor.dtype.name]
        span = [len(body), len(body) + tensor.nbytes]
        header[name] = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": span}
        body += tensor.tobytes()
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + body)


def test_a_safetensors_file_is_read_back_as_it_was_written(tmp_path):
    tensors = {**random_weights(), "embeddings.position_ids": np.arange(POSITIONS).reshape(1, -1)}
    write_safetensors(tmp_path / "model.safetensors", tensors)
    read = read_safetensors(tmp_path / "model.safetensors")
    assert read.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert read[name].dtype == tensor.dtype
        assert np.array_equal(read[name], tensor)


def test_a_safetensors_file_that_is_gone_is_reported(tmp_path):
    with pytest.raises(EmbedderUnavailableError, match="cannot be read"):
        read_safetensors(tmp_path / "model.safetensors")
