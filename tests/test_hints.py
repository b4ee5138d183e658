"""Who and when a question speaks of."""

from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryos_integrations.errors import InvalidInputError
from memoryos_integrations.retrieval.hints import closeness, date_windows, named_speaker

NOW = datetime(2023, 11, 15, 12, tzinfo=UTC)  # a Wednesday


def days(query, now=NOW):
    """The first and the last day of every window, as ISO dates."""
    return [
        f"{start:%Y-%m-%d}"
        if end - start == timedelta(1)
        else f"{start:%Y-%m-%d}..{end - timedelta(1):%Y-%m-%d}"
        for start, end in date_windows(query, now)
    ]


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


# ---- when


@pytest.mark.parametrize(
    "query",
    [
        "What happened on 8 May 2023?", "May 8, 2023", "may 8th 2023", "the 8th of May, 2023", "8-May-2023",
        "2023-05-08", "2023-05-08T10:00", "2023/5/8", "２０２３-05-08", "8 de maio de 2023", "8 may 2023",
        "我在2023年5月8日说了什么", "今年5月8号", "May 8 this year", "on  8\nMay 2023",
    ],
)  # fmt: skip
def test_a_full_date_is_that_day(query):
    assert days(query) == ["2023-05-08"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("in May 2023", ["2023-05-01..2023-05-31"]),
        ("em maio de 2023", ["2023-05-01..2023-05-31"]),
        ("2023年5月", ["2023-05-01..2023-05-31"]),
        ("2023-05", ["2023-05-01..2023-05-31"]),
        ("Sept 2022", ["2022-09-01..2022-09-30"]),
        ("May last year", ["2022-05-01..2022-05-31"]),
        ("去年5月", ["2022-05-01..2022-05-31"]),
        ("in 2022", ["2022-01-01..2022-12-31"]),
        ("2022年", ["2022-01-01..2022-12-31"]),
        ("31/12/2022", ["2022-12-31"]),
        ("12/31/22", ["2022-12-31"]),
        ("08/05/2023", ["2023-05-08", "2023-08-05"]),
        ("from May 2022 to July 2022", ["2022-05-01..2022-05-31", "2022-07-01..2022-07-31"]),
        ("30 February 2023", ["2023-02-01..2023-02-28"]),
        ("summer of 2022", ["2022-06-01..2022-08-31"]),
        ("winter 2021", ["2021-12-01..2022-02-28"]),
        ("at 10:08 May 2023", ["2023-05-01..2023-05-31"]),
    ],
)
def test_months_years_and_seasons_are_read_with_their_year(query, expected):
    assert days(query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("today", "2023-11-15"), ("hoje", "2023-11-15"), ("今天", "2023-11-15"), ("tonight", "2023-11-15"),
        ("yesterday", "2023-11-14"), ("ontem", "2023-11-14"), ("我昨天说了什么", "2023-11-14"),
        ("the day before yesterday", "2023-11-13"), ("anteontem", "2023-11-13"), ("前天", "2023-11-13"),
        ("3 days ago", "2023-11-12"), ("three days ago", "2023-11-12"), ("há 3 dias", "2023-11-12"),
        ("三天前", "2023-11-12"),
        ("this week", "2023-11-13..2023-11-19"), ("last week", "2023-11-06..2023-11-12"),
        ("a week ago", "2023-11-06..2023-11-12"), ("na semana passada", "2023-11-06..2023-11-12"),
        ("上周", "2023-11-06..2023-11-12"), ("a couple of weeks ago", "2023-10-30..2023-11-05"),
        ("duas semanas atrás", "2023-10-30..2023-11-05"), ("last month", "2023-10-01..2023-10-31"),
        ("no mês passado", "2023-10-01..2023-10-31"), ("上个月", "2023-10-01..2023-10-31"),
        ("eleven months ago", "2022-12-01..2022-12-31"), ("3个月前", "2023-08-01..2023-08-31"),
        ("this year", "2023-01-01..2023-12-31"), ("last year", "2022-01-01..2022-12-31"),
        ("2 years ago", "2021-01-01..2021-12-31"), ("前年", "2021-01-01..2021-12-31"),
        ("last Monday", "2023-11-13"), ("on Wednesday", "2023-11-08"), ("last friday", "2023-11-10"),
        ("last summer", "2023-06-01..2023-08-31"), ("last winter", "2022-12-01..2023-02-28"),
        ("this summer", "2023-06-01..2023-08-31"), ("last December", "2022-12-01..2022-12-31"),
        ("this May", "2023-05-01..2023-05-31"), ("in the last three weeks", "2023-10-23..2023-11-15"),
        ("the past few days", "2023-11-12..2023-11-15"), ("over the past month", "2023-10-01..2023-11-15"),
    ],
)  # fmt: skip
def test_relative_dates_are_read_against_now(query, expected):
    assert days(query) == [expected]


def test_the_day_of_now_is_the_day_in_utc():
    in_tokyo = datetime(2023, 11, 15, 3, tzinfo=timezone(timedelta(hours=9)))
    assert days("today", in_tokyo) == ["2023-11-14"]


def test_last_may_asked_on_the_first_of_june_is_the_one_that_just_ended():
    assert days("last May", datetime(2023, 6, 1, tzinfo=UTC)) == ["2023-05-01..2023-05-31"]
    assert days("last May", datetime(2023, 5, 31, tzinfo=UTC)) == ["2022-05-01..2022-05-31"]


def test_last_winter_asked_in_winter_is_the_one_before():
    assert days("last winter", datetime(2023, 1, 10, tzinfo=UTC)) == ["2021-12-01..2022-02-28"]
    assert days("this winter", datetime(2023, 1, 10, tzinfo=UTC)) == ["2022-12-01..2023-02-28"]


@pytest.mark.parametrize(
    "query", ["in May", "what happened in may?", "I think May was nice", "5月", "em maio"]
)
def test_a_month_without_a_year_is_meant_in_every_year(query):
    windows = date_windows(query, NOW)
    assert {(start.month, start.day, end.month, end.day) for start, end in windows} == {(5, 1, 6, 1)}
    assert {start.year for start, _ in windows} >= set(range(NOW.year - 10, NOW.year + 1))


def test_a_day_without_a_year_is_meant_in_every_year_that_has_it():
    assert {start.year for start, _ in date_windows("on 29 February", NOW)} == set(range(1996, 2025, 4))
    assert all((start.month, start.day) == (5, 8) for start, _ in date_windows("the 8th of May", NOW))


@pytest.mark.parametrize(
    "query",
    [
        "May I ask something?", "Thanks! May I go?", "what may I ask?", "You may.", "Did we march together?",
        "it cost $2023", "the score was 1.2023", "room A2023", "I fell in the second row", "version 3.11.7",
        "5 minutes ago", "did it fall?", "99/99/2023", "the last resort", "call 555-2023", "2023-13-45", "",
        "last sprıng",
    ],
)  # fmt: skip
def test_words_and_numbers_that_only_look_like_dates_are_passed_over(query):
    assert days(query) == []


def test_a_date_is_read_once_as_the_longest_form():
    assert days("8 May 2023, not in 2022") == ["2022-01-01..2022-12-31", "2023-05-08"]


def test_dates_far_down_in_a_pasted_text_are_not_read():
    assert days("today " + "x " * 10_000 + "yesterday") == ["2023-11-15"]


def test_a_time_without_zone_is_refused():
    with pytest.raises(InvalidInputError, match="aware"):
        date_windows("today", datetime(2023, 1, 1))


PIECES = [
    "May", "may", "8", "2023", "0", "31", "last", "week", "ago", "999", "one", "of", "/", "-", "年", "月",
    "日", "summer", "ı", "上", "前", ",", "Feb", "past", "day", "years", "há", "$",
]  # fmt: skip
moments = st.datetimes(timezones=st.just(UTC))


@given(st.text(st.characters()) | st.lists(st.sampled_from(PIECES)).map(" ".join), moments)
def test_any_question_at_any_time_gives_sorted_intervals_of_whole_days(query, now):
    windows = date_windows(query, now)
    assert windows == sorted(set(windows))
    for start, end in windows:
        assert start < end
        assert (start.time(), end.time(), start.tzinfo, end.tzinfo) == (datetime.min.time(),) * 2 + (UTC,) * 2


@given(st.dates(date(1900, 1, 1), date(2099, 12, 31)))
def test_every_date_is_read_back_from_the_forms_that_it_is_written_in(day):
    for form in (
        "{0:%Y-%m-%d}",
        "{0.day} {0:%B} {0.year}",
        "{0:%B} {0.day}, {0.year}",
        "{0.year}年{0.month}月{0.day}日",
    ):
        assert days(form.format(day)) == [day.isoformat()]


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
