"""Who and when a question speaks of."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryos_integrations.language.date_windows import date_windows
from memoryos_integrations.retrieval.hints import closeness, named_speaker

NOW = datetime(2023, 11, 15, 12, tzinfo=UTC)  # a Wednesday


# ---- who


@pytest.mark.parametrize(
    ("query", "names", "expected"),
    [
        ("What is Caroline's job?", ["Caroline", "Melanie"], "Caroline"),
        ("what is CAROLINE’s job?", ["Caroline", "Melanie"], "Caroline"),
        ("Who is James' wife?", ["James", "Ann"], "James"),
        ("Where did Caroline move?", ["Caroline Ray", "Melanie"], "Caroline Ray"),
        ("Where did caroline  ray move?", ["Caroline Ray", "Melanie"], "Caroline Ray"),
        ("What did Jose\u0301 say?", ["José", "Ann"], "José"),
        ("小明昨天说了什么？", ["小明", "小红"], "小明"),
        ("What did the boss want?", ["The Boss", "Ann"], "The Boss"),
        ("Did Caroline meet Melanie?", ["Caroline", "Melanie"], None),
        ("What is her job?", ["Caroline", "Melanie"], None),
        ("What did Carolines do?", ["Caroline"], None),
        ("Where is the annex?", ["Ann"], None),
        ("", ["Ann"], None),
        ("Ann?", [], None),
        ("Ann?", ["", " "], None),
    ],
)
def test_the_one_speaker_who_is_named_as_a_whole_word_is_found(query, names, expected):
    assert named_speaker(query, names) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [("Did Ann Lee call?", "Ann Lee"), ("Did Ann call?", None), ("Did Ann Lee call Ann Ray?", None)],
)
def test_a_first_name_that_two_speakers_share_names_neither(query, expected):
    assert named_speaker(query, ["Ann Lee", "Ann Ray", "Bob"]) == expected


@pytest.mark.parametrize(("query", "expected"), [("Did Ann call?", "Ann"), ("Did Ann Ray call?", "Ann Ray")])
def test_a_name_inside_a_longer_one_is_not_meant_with_it(query, expected):
    assert named_speaker(query, ["Ann", "Ann Ray"]) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("What did Will say?", "Will"),
        ("Will you go?", None),
        ("What will you say?", None),
        ("May Will go?", "Will"),
    ],
)
def test_a_name_that_is_also_a_common_word_must_be_written_like_a_name(query, expected):
    assert named_speaker(query, ["Will", "May", "Bob"]) == expected


@pytest.mark.parametrize("query", ["What did the cat do?", "Which Dr came?"])
def test_articles_and_titles_at_the_front_of_a_name_are_no_first_names(query):
    assert named_speaker(query, ["The Boss", "Dr. Smith"]) is None


@given(st.text(st.characters()), st.lists(st.text(st.characters())))
def test_any_question_and_names_give_one_of_the_names_or_none(query, names):
    assert named_speaker(query, names) in [*names, None]


# ---- closeness

YEAR = 365 * 86_400
seconds = st.floats(-60 * YEAR, 300 * YEAR)
spans = st.tuples(
    st.datetimes(datetime(1950, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)),
    st.timedeltas(timedelta(days=1), timedelta(days=400)),
).map(lambda pair: (pair[0], pair[0] + pair[1]))


def test_closeness_is_one_inside_half_at_half_way_and_nothing_at_45_days():
    windows = date_windows("8 May 2023", NOW)
    start = windows[0][0].timestamp()
    at = start + 86_400 * np.array([0.0, 0.99, 1 + 22.5, -22.5, 46, -45, 400])
    np.testing.assert_allclose(closeness(windows, at), [1, 1, 0.5, 0.5, 0, 0, 0], atol=1e-6)


def test_without_windows_nothing_is_close():
    near = closeness([], np.array([0.0, 1e9]))
    assert (near.dtype, near.tolist()) == (np.float32, [0, 0])


@given(st.lists(spans, min_size=1, max_size=6), st.lists(seconds, max_size=20))
def test_closeness_is_the_best_over_the_windows(windows, at):
    expected = []
    for moment in at:
        distances = [max(0, a.timestamp() - moment, moment - b.timestamp()) / 86_400 for a, b in windows]
        expected.append(max(0, 1 - min(distances) / 45))
    near = closeness(windows, np.array(at))
    assert near.dtype == np.float32
    np.testing.assert_allclose(near, expected, atol=1e-6)


@given(spans, st.floats(0, 1, exclude_max=True))
def test_every_moment_inside_a_window_has_closeness_one(window, share):
    start, end = (edge.timestamp() for edge in window)
    assert closeness([window], np.array([start + share * (end - start)]))[0] == 1


def test_a_short_window_inside_a_long_one_takes_nothing_from_it():
    windows = date_windows("8 May 2023, and all of 2023", NOW)
    assert len(windows) == 2
    assert closeness(windows, np.array([NOW.timestamp()])) == [1]


def test_closeness_keeps_the_shape_of_the_times():
    assert closeness(date_windows("in May", NOW), np.zeros((3, 2))).shape == (3, 2)
