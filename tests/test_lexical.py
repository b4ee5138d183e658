"""Tokenising text, and incremental BM25."""

import math
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memoryos_integrations.errors import InvalidInputError
from memoryos_integrations.language.text import STOP_WORDS, content_terms, content_words, terms
from memoryos_integrations.retrieval.bm25 import LexicalIndex

WORDS = [
    "cat",
    "cats",
    "dog",
    "running",
    "the",
    "of",
    "Caroline's",
    "don't",
    "我爱猫",
    "猫",
    "2023",
    "ação",
    "!",
]


def reference(texts, previous, query, k1=1.5, b=0.75):
    """BM25 by the formula: the scores of the turns, then those of the windows."""
    turns = [Counter(terms(text)) for text in texts]
    windows = [Counter(turn) for turn in turns]
    for row, before in enumerate(previous):
        if before >= 0:
            windows[row] += turns[before]
            windows[before] += turns[row]
    wanted = set(content_terms(query) or terms(query))
    return [bm25(rows, wanted, k1, b) for rows in (turns, windows)]


def bm25(rows, wanted, k1, b):
    mean = sum(row.total() for row in rows) / len(rows)
    df = Counter(term for row in rows for term in row)
    idf = {term: math.log(1 + (len(rows) - df[term] + 0.5) / (df[term] + 0.5)) for term in wanted}
    floors = [k1 * (1 - b + b * row.total() / mean) if mean else 1 for row in rows]
    return [
        sum(idf[term] * row[term] / (row[term] + floor) for term in wanted & row.keys())
        for row, floor in zip(rows, floors, strict=True)
    ]


def in_batches(texts, previous, sizes, **options):
    index, start = LexicalIndex(**options), 0
    for size in [*sizes, len(texts)]:
        index.extend(texts[start : start + size], previous[start : start + size])
        start += size
    return index


@st.composite
def corpora(draw, least=0):
    texts = draw(
        st.lists(st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join), min_size=least, max_size=15)
    )
    previous, free = [], []
    for row in range(len(texts)):
        before = draw(st.sampled_from([-1, *free]))
        if before >= 0:
            free.remove(before)
        previous.append(before)
        free.append(row)
    return texts, previous


queries = st.lists(st.sampled_from([*WORDS, "unknown"]), max_size=6).map(" ".join)


# ---- scores


@given(corpus=corpora(least=1), query=queries, sizes=st.lists(st.integers(0, 5), max_size=6))
def test_scores_are_bm25_of_turns_and_windows_however_the_rows_arrived(corpus, query, sizes):
    texts, previous = corpus
    turns, windows = in_batches(texts, previous, sizes).scores(query)
    assert (turns.dtype, windows.dtype) == (np.float32, np.float32)
    expected = reference(texts, previous, query)
    np.testing.assert_allclose(turns, expected[0], atol=1e-5)
    np.testing.assert_allclose(windows, expected[1], atol=1e-5)


@given(corpus=corpora(), query=queries)
def test_a_window_scores_as_the_three_texts_written_as_one(corpus, query):
    texts, previous = corpus
    index, joined = LexicalIndex(), LexicalIndex()
    index.extend(texts, previous)
    after = {before: row for row, before in enumerate(previous) if before >= 0}
    together = [
        " ".join([text, *(texts[n] for n in (previous[row], after.get(row, -1)) if n >= 0)])
        for row, text in enumerate(texts)
    ]
    joined.extend(together, [-1] * len(texts))
    np.testing.assert_allclose(index.scores(query)[1], joined.scores(query)[0], atol=1e-5)


def test_a_large_index_merged_many_times_scores_as_one_built_at_once_and_as_the_formula():
    chance = random.Random(7)
    vocabulary = [f"word{number}" for number in range(1500)]
    texts = [" ".join(chance.choices(vocabulary, k=12)) for _ in range(3000)]
    previous = [row - 1 if row % 10 else -1 for row in range(len(texts))]
    grown = in_batches(texts, previous, [1, 1500, *[1] * 300, 250])
    at_once = in_batches(texts, previous, [])
    # The last query has more terms than are counted in one part.
    for query in ("word1 word2", "word3 word3 word3", " ".join(vocabulary)):
        expected = reference(texts, previous, query)
        for one, other, wanted in zip(grown.scores(query), at_once.scores(query), expected, strict=True):
            np.testing.assert_array_equal(one, other)
            np.testing.assert_allclose(one, wanted, rtol=1e-5)


def test_parameters_of_the_formula_are_used():
    texts, previous = ["cat cat cat dog", "cat", "bird fish", "dog dog"], [-1, 0, 1, -1]
    index = in_batches(texts, previous, [2], k1=0.9, b=0.3)
    expected = reference(texts, previous, "cat dog", k1=0.9, b=0.3)
    for scores, wanted in zip(index.scores("cat dog"), expected, strict=True):
        np.testing.assert_allclose(scores, wanted, atol=1e-6)


def test_new_rows_change_the_statistics_of_old_ones():
    index = LexicalIndex()
    index.extend(["a cat", "a dog"], [-1, -1])
    before = index.scores("cat")[0][0]
    index.extend(["a bird"] * 8, [-1] * 8)
    assert index.scores("cat")[0][0] > before, "a word gets rarer, and weighs more"
    index.extend(["my cat"] * 20, [-1] * 20)
    assert index.scores("cat")[0][0] < before, "and commoner, and weighs less"


def test_a_new_row_enters_the_window_of_the_row_before_it():
    index = LexicalIndex()
    index.extend(["what is her name?"], [-1])
    assert index.scores("Luna")[1][0] == 0
    index.extend(["Luna"], [0])
    turns, windows = index.scores("Luna")
    assert turns[0] == 0
    assert windows[0] > 0


def test_rows_of_different_sessions_share_no_window():
    index = LexicalIndex()
    index.extend(["tea", "Luna", "coffee"], [-1, -1, 1])
    assert list(index.scores("Luna")[1] > 0) == [False, True, True]


def test_stop_words_of_a_query_count_only_when_it_has_no_others():
    index = LexicalIndex()
    index.extend(["to be or not to be", "the cat", "the dog"], [-1, -1, -1])
    assert list(index.scores("what is the cat?")[0] > 0) == [False, True, False]
    assert list(index.scores("to be or not to be")[0] > 0) == [True, False, False]
    every_word = LexicalIndex(drop_stop_words=False)
    every_word.extend(["to be or not to be", "the cat", "the dog"], [-1, -1, -1])
    assert list(every_word.scores("what is the cat?")[0] > 0) == [False, True, True]


def test_a_repeated_word_of_a_query_counts_once():
    index = LexicalIndex()
    index.extend(["cat", "dog"], [-1, -1])
    np.testing.assert_array_equal(index.scores("cat cats CAT")[0], index.scores("cat")[0])


def test_chinese_is_found_by_words_inside_a_sentence():
    index = LexicalIndex()
    index.extend(["我昨天买了一只猫", "他喜欢喝咖啡", "天气很好"], [-1, -1, -1])
    assert index.scores("咖啡好喝吗")[0].argmax() == 1
    assert index.scores("猫")[0].argmax() == 0


@pytest.mark.parametrize("query", ["", " \n", "?!", "unheard words", "\ud800", "\0"])
def test_a_query_without_known_words_scores_nothing(query):
    index = LexicalIndex()
    index.extend(["a cat", ""], [-1, 0])
    for scores in index.scores(query):
        np.testing.assert_array_equal(scores, [0, 0])


def test_an_empty_index_and_empty_texts_have_scores_too():
    index = LexicalIndex()
    assert [scores.shape for scores in index.scores("cat")] == [(0,), (0,)]
    index.extend([], [])
    assert index.rows == 0
    index.extend(["", "..."], [-1, 0])
    assert index.rows == 2
    np.testing.assert_array_equal(index.scores("cat"), np.zeros((2, 2)))


@pytest.mark.parametrize(
    ("previous", "complaint"),
    [
        ([-1], "one number per text"),
        ([-1, 3], "a row before it"),
        ([2, -1], "a row before it"),
        ([-1, -2], "a row before it"),
        ([1, 1], "follows already"),
        ([0, -1], "follows already"),
        ([-1, 0], "follows already"),
    ],
)
def test_links_that_make_no_sense_are_refused_and_nothing_is_appended(previous, complaint):
    index = LexicalIndex()
    index.extend(["a cat", "a dog"], [-1, 0])
    size, scores = index.nbytes, index.scores("cat")
    with pytest.raises(InvalidInputError, match=complaint):
        index.extend(["new", "words"], previous)
    assert (index.rows, index.nbytes) == (2, size)
    np.testing.assert_array_equal(index.scores("cat"), scores)


def test_memory_is_reported_within_sight_of_the_counts_that_are_held():
    index = LexicalIndex()
    index.extend([f"alpha beta gamma delta{row}" for row in range(5000)], [-1] * 5000)
    postings, words = 4 * 5000, 5003
    assert 8 * postings + 100 * words < index.nbytes < 16 * postings + 300 * words + 64 * 5000


def test_questions_may_be_asked_in_several_threads():
    index = LexicalIndex()
    index.extend([f"cat number {row}" for row in range(500)], [-1, *range(499)])
    expected = index.scores("number 77")
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(index.scores, ["number 77"] * 40):
            np.testing.assert_array_equal(found, expected)


# ---- words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Running dogs RAN", ["run", "dog", "ran"]),
        ("Caroline's James' dogs’", ["carolin", "jame", "dog"]),
        ("don't can’t we'll they're I'm O'Brien", ["dont", "cant", "we", "they", "i", "obrien"]),
        ("snake_case e-mail 3.5", ["snake", "case", "e", "mail", "3", "5"]),
        ("ﬁne Ｃａｆｅ́ Straße", ["fine", "café", "strass"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("我爱cats", ["我", "爱", "我爱", "cat"]),
        ("猫", ["猫"]),
        ("東京タワー", ["東", "京", "タ", "ワ", "ー", "東京", "京タ", "タワ", "ワー"]),
        ("고양이", ["고", "양", "이", "고양", "양이"]),
        ("a\0b \ud800 c\udfffd 😀", ["a", "b", "c", "d"]),
        ("", []),
    ],
)
def test_terms_are_normalised_stems_and_characters_where_words_have_no_spaces(text, expected):
    assert terms(text) == expected


@given(st.text(st.characters()))
def test_any_text_has_terms_and_none_of_them_is_empty_or_blank(text):
    assert all(term and not any(character.isspace() for character in term) for term in terms(text))
    assert not set(content_words(text)) & STOP_WORDS


@given(st.text(), st.text())
def test_terms_of_two_texts_are_those_of_both_with_a_blank_between(one, other):
    assert terms(f"{one} {other}") == terms(one) + terms(other)


def test_case_width_and_composition_of_letters_do_not_matter():
    assert terms("CAFÉ ＡＢＣ") == terms("cafe\u0301 abc")


def test_content_words_keep_their_form_and_order():
    assert content_words("What did Caroline’s cats do in May 2023? I don't know, a b c!") == [
        "caroline", "cats", "may", "2023", "know",
    ]  # fmt: skip
    assert content_words("Eu não gosto de café com leite") == ["gosto", "café", "leite"]
    assert content_words("我爱猫 猫") == ["我爱", "爱猫", "猫"]


def test_content_terms_are_the_stems_without_stop_words():
    assert content_terms("What did the cats do? 猫") == ["cat", "猫"]
    assert content_terms("What is it?") == []


def test_a_very_long_word_is_cut_and_does_not_fill_the_memory():
    assert terms("x" * 1_000_000) == ["x" * 64]


@settings(max_examples=5)
@given(st.integers(0, 1000))
def test_stems_are_the_same_in_every_thread(seed):
    words = [f"running{seed} cats{number} flies" for number in range(200)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(terms, words)) == [terms(word) for word in words]
