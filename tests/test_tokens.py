"""Token counts: those of o200k_base where its file is at hand, an estimate elsewhere, never a network."""

import logging
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import tiktoken
import tiktoken.registry
import tiktoken_ext.openai_public
from hypothesis import given
from hypothesis import strategies as st

from memoryos_integrations.tokens import EstimatedCounter, default_counter, load_counter, token_folders

FILE = "fb374d419588a4632f3f557e76b4b70aebbca790"
FOLDER = next((folder for folder in token_folders() if (folder / FILE).is_file()), None)
needs_file = pytest.mark.skipif(FOLDER is None, reason="tiktoken's file of o200k_base is not on this machine")

SAMPLES = {
    "English": "Yesterday I went to the farmers' market with my sister and bought fresh tomatoes and bread.",
    "Chinese": "昨天我和妹妹一起去了农贸市场，买了新鲜的西红柿和面包。我们谈到了她在波特兰当兽医的新工作。",
    "Japanese": "昨日、妹と市場に行って、新鮮なトマトとバジルとパンを買いました。彼女は仕事の話をした。",
    "Korean": "어제 여동생과 함께 시장에 가서 신선한 토마토와 빵을 샀다. 우리는 그녀의 직장에 대해 말했다.",
    "Russian": "Вчера я ходил с сестрой на рынок и купил свежие помидоры и буханку хлеба. Мы говорили.",
    "Arabic": "ذهبت أمس مع أختي إلى سوق المزارعين واشترينا طماطم طازجة وريحان ورغيف خبز. تحدثنا عن عملها.",
    "Hindi": "कल मैं अपनी बहन के साथ बाज़ार गया और ताज़े टमाटर और रोटी खरीदी। हमने उसकी नौकरी के बारे में बात की।",
    "Portuguese": "Ontem fui à feira com a minha irmã e comprei tomates frescos, manjericão e um pão.",
    "German": "Gestern ging ich mit meiner Schwester auf den Wochenmarkt und kaufte frische Tomaten.",
    "code": "def add(self, text: str) -> int:\n    if not text:\n        return 0\n    return len(text)\n",
    "JSON": '{"user": {"id": 12345, "name": "Ann", "tags": ["a", "b"], "score": 0.123}, "at": "2023-05-08"}',
}


@pytest.fixture(scope="module")
def reference():
    """The encoding as tiktoken itself builds it, outside its registry."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIKTOKEN_CACHE_DIR", str(FOLDER))
        return tiktoken.Encoding(**tiktoken_ext.openai_public.o200k_base())


@pytest.fixture
def empty_registry(monkeypatch):
    monkeypatch.delitem(tiktoken.registry.ENCODINGS, "o200k_base", raising=False)


# ---- exact counts


@needs_file
@pytest.mark.parametrize(
    "text", [*SAMPLES.values(), "", " ", "It's THERE'Stea\r\n\r\n  x/\n/y", "ＡǅⅧ½", "\ud800 a \udfff"]
)
def test_counts_are_those_of_tiktoken(reference, text):
    assert default_counter()(text) == len(reference.encode_ordinary(text))


@needs_file
@given(text=st.text(st.characters(), max_size=200) | st.text("asSlLT'’ \r\n1!/", max_size=50))
def test_any_text_has_the_count_of_tiktoken(reference, text):
    assert default_counter()(text) == len(reference.encode_ordinary(text))


@needs_file
def test_the_default_says_that_it_is_exact():
    assert (default_counter().exact, default_counter().name) == (True, "o200k_base")


@needs_file
def test_special_tokens_are_counted_as_the_text_that_they_are():
    assert default_counter()("<|endoftext|>") > 1


@needs_file
def test_a_text_of_more_blanks_than_tiktoken_can_take_is_counted():
    assert default_counter()(" " * 1_200_000) == pytest.approx(1_200_000 / 128, rel=0.01), (
        "128 blanks a token"
    )


@needs_file
def test_a_very_long_text_has_the_count_of_tiktoken(reference):
    text = " ".join(SAMPLES.values()) * 500 + " internationalization" * 30_000
    assert len(text) > 900_000
    assert default_counter()(text) == len(reference.encode_ordinary(text))


def test_an_encoding_that_tiktoken_has_loaded_is_used_without_any_file(monkeypatch):
    one_per_byte = tiktoken.Encoding(
        "o200k_base", pat_str=".", mergeable_ranks={bytes([n]): n for n in range(256)}, special_tokens={}
    )
    monkeypatch.setitem(tiktoken.registry.ENCODINGS, "o200k_base", one_per_byte)
    counter = load_counter([])
    assert counter.exact
    assert counter("abc") == 3


# ---- where the file is looked for


@needs_file
def test_a_file_with_a_wrong_hash_is_passed_over_named_in_the_log_and_left_alone(
    empty_registry, tmp_path, caplog
):
    damaged = tmp_path / FILE
    damaged.write_bytes((FOLDER / FILE).read_bytes()[:-1])
    before = damaged.stat().st_size
    counter = load_counter([tmp_path / "nowhere", tmp_path, FOLDER])
    assert counter.exact
    assert counter("hello world") == 2
    assert damaged.stat().st_size == before
    assert [str(damaged) in record.getMessage() for record in caplog.records] == [True]


def test_without_a_usable_file_the_counts_are_estimates_and_the_log_says_so(empty_registry, tmp_path, caplog):
    (tmp_path / FILE).write_bytes(b"aGk= 0\n")
    counter = load_counter([tmp_path])
    assert (counter.exact, counter.name) == (False, "estimate")
    assert counter("four words of English") == 4
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2
    assert "TIKTOKEN_CACHE_DIR" in caplog.text
    assert (tmp_path / FILE).read_bytes() == b"aGk= 0\n"


def test_a_path_that_cannot_be_read_as_a_file_is_passed_over(empty_registry, tmp_path):
    (tmp_path / FILE).mkdir()
    assert not load_counter([tmp_path]).exact


def test_folders_that_the_user_names_come_first(monkeypatch):
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "/one")
    monkeypatch.setenv("DATA_GYM_CACHE_DIR", "/two")
    assert token_folders()[:2] == [Path("/one"), Path("/two")]
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "")
    assert token_folders()[0] == Path("/two"), "an empty name is none, not the present folder"


def test_packages_that_are_not_there_offer_no_folder(monkeypatch):
    monkeypatch.setitem(sys.modules, "llama_index", None)
    monkeypatch.setitem(sys.modules, "litellm", None)
    assert [folder.name for folder in token_folders()][-1] == "data-gym-cache"


# ---- a process of its own


def run(code, tmp_path):
    environment = {name: value for name, value in os.environ.items() if "CACHE_DIR" not in name}
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**environment, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )


@pytest.mark.programs
@needs_file
def test_counting_changes_neither_environment_nor_folders_and_imports_no_framework(tmp_path):
    code = """
import os, sys
from memoryos_integrations.tokens import default_counter
counter = default_counter()
assert "tiktoken" not in sys.modules, "loaded before the first count"
before = dict(os.environ)
assert counter("hello world") == 2 or not counter.exact
assert dict(os.environ) == before
assert not {"llama_index", "litellm", "requests"} & set(sys.modules)
assert "o200k_base" not in sys.modules["tiktoken.registry"].ENCODINGS
"""
    assert run(code, tmp_path).stderr == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.programs
def test_many_threads_share_one_search_and_one_warning(tmp_path):
    code = """
import sys
from concurrent.futures import ThreadPoolExecutor
sys.modules["llama_index"] = sys.modules["litellm"] = None
from memoryos_integrations.tokens import default_counter
with ThreadPoolExecutor(8) as pool:
    assert set(pool.map(lambda text: default_counter()(text), ["hello world"] * 50)) == {2}
assert default_counter() is default_counter() and not default_counter().exact
"""
    assert run(code, tmp_path).stderr.count("tokens are estimated") == 1


@needs_file
def test_counts_may_be_asked_for_in_several_threads(reference):
    texts = list(SAMPLES.values()) * 20
    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(default_counter(), texts))
    assert counts == [len(reference.encode_ordinary(text)) for text in texts]


# ---- estimates


@needs_file
@pytest.mark.parametrize("kind", SAMPLES)
def test_estimates_stay_near_the_true_count(reference, kind):
    text = SAMPLES[kind]
    assert 0.8 <= EstimatedCounter()(text) / len(reference.encode_ordinary(text)) <= 1.37


def test_an_empty_text_has_no_tokens():
    assert EstimatedCounter()("") == 0


@given(st.text(st.characters()))
def test_any_text_has_an_estimate_of_at_most_one_token_a_character(text):
    assert 0 <= EstimatedCounter()(text) <= len(text)
