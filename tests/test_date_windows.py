"""The times that a text names: read back for questions, ahead for plans."""

from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryos_integrations.errors import InvalidInputError
from memoryos_integrations.language.date_windows import date_windows, first_ahead, last_begun

NOW = datetime(2023, 11, 15, 12, tzinfo=UTC)  # a Wednesday
DAY = timedelta(1)


def days_of(window):
    last = window.end - DAY
    return f"{window.start:%Y-%m-%d}" if window.days == 1 else f"{window.start:%Y-%m-%d}..{last:%Y-%m-%d}"


def days(text, now=NOW):
    """The first and the last day of every window, as ISO dates."""
    return [days_of(window) for window in date_windows(text, now)]


def day_ahead(text, at=NOW):
    window = first_ahead(text, at)
    return window and days_of(window)


# ---- back


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


# ---- a named day


@pytest.mark.parametrize(
    ("text", "month", "day"),
    [
        ("What topics did we talk about on April 29th?", 4, 29),
        ("on 3 March", 3, 3),
        ("what did i say on the 3rd of march?", 3, 3),
        ("Apr. 29", 4, 29),
        ("4月29日我们聊了什么？", 4, 29),
        ("四月二十九日", 4, 29),
        ("no dia 3 de março", 3, 3),
        ("em 1º de maio", 5, 1),
        ("primeiro de maio", 5, 1),
    ],
)
def test_a_day_of_a_month_is_one_day_of_every_year_that_may_be_meant(text, month, day):
    windows = date_windows(text, NOW)
    assert NOW.year in {window.start.year for window in windows}
    assert {(one.start.month, one.start.day, one.days) for one in windows} == {(month, day, 1)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("last Tuesday", "2023-11-14"), ("What did I say on Tuesday morning?", "2023-11-14"),
        ("since Friday", "2023-11-10"), ("na terça-feira", "2023-11-14"), ("no sábado", "2023-11-11"),
        ("na segunda passada", "2023-11-13"), ("na última sexta", "2023-11-10"),
        ("上周五", "2023-11-10"), ("上个星期天", "2023-11-12"), ("上上周五", "2023-11-03"),
        ("周二我说了什么？", "2023-11-14"), ("星期三", "2023-11-08"),
        ("on the 14th", "2023-11-14"), ("What did I say on the 16th?", "2023-10-16"),
        ("on the 15th, at noon", "2023-11-15"), ("on the 31st", "2023-10-31"), ("no dia 3", "2023-11-03"),
        ("this morning", "2023-11-15"), ("esta manhã", "2023-11-15"), ("今早", "2023-11-15"),
        ("大前天", "2023-11-12"), ("faz três dias", "2023-11-12"), ("十五天前", "2023-10-31"),
        ("on Friday, 5 May 2023", "2023-05-05"), ("on Sunday the 7th of May 2023", "2023-05-07"),
        ("na sexta-feira, dia 5 de maio de 2023", "2023-05-05"), ("2023-05-08T10:00Z", "2023-05-08"),
    ],
)  # fmt: skip
def test_a_named_day_is_a_window_of_one_day(text, expected):
    assert days(text) == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("in June 2023", "2023-06-01..2023-06-30"),
        ("June next year", "2024-06-01..2024-06-30"),
        ("two weeks ago", "2023-10-30..2023-11-05"),
        ("nos últimos três dias", "2023-11-12..2023-11-15"),
        ("过去三天", "2023-11-12..2023-11-15"),
        ("last summer", "2023-06-01..2023-08-31"),
        ("去年夏天", "2022-06-01..2022-08-31"),
        ("no mês passado", "2023-10-01..2023-10-31"),
    ],
)
def test_what_is_no_single_day_is_longer(text, expected):
    assert days(text) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        "What may I eat?", "May we march on?", "march on", "I sat in the sun", "sun on my face", "she wed",
        "on the 2nd floor", "on the 3rd try", "on the 14th-century tower", "my Tuesday class", "Mondays",
        "Na segunda reunião, o que eu disse?", "a terceira vez", "no último dia", "segunda mão",
        "每周五", "两周一次", "这道题", "周末", "13月", "2023-13", "三十二月",
    ],
)  # fmt: skip
def test_words_that_only_look_like_a_day_are_passed_over(text):
    assert days(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "tomorrow", "next week", "next Friday", "this Friday", "in two weeks", "amanhã", "na semana que vem",
        "na próxima sexta", "na sexta-feira que vem", "daqui a três dias",
        "明天", "下周五", "下周", "三天后",
        "下个月",
    ],
)  # fmt: skip
def test_what_lies_ahead_is_no_hint_about_what_was_said(text):
    assert days(text) == []


# ---- ahead


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tomorrow", "2023-11-16"), ("the day after tomorrow", "2023-11-17"), ("next Friday", "2023-11-17"),
        ("on Wednesday", "2023-11-22"), ("this coming Monday", "2023-11-20"), ("on the 3rd", "2023-12-03"),
        ("on the 31st at noon", "2023-12-31"), ("in two weeks", "2023-11-29"),
        ("within 3 days", "2023-11-18"),
        ("in two months", "2024-01-01..2024-01-31"), ("next week", "2023-11-20..2023-11-26"),
        ("next month", "2023-12-01..2023-12-31"), ("next year", "2024-01-01..2024-12-31"),
        ("in June", "2024-06-01..2024-06-30"), ("next May", "2024-05-01..2024-05-31"),
        ("this summer", None), ("next summer", "2024-06-01..2024-08-31"), ("on 3 May", "2024-05-03"),
        ("on 3 May next year", "2024-05-03"), ("on Friday, 3 January 2025", "2025-01-03"),
        ("to see Mary next Friday", "2023-11-17"), ("to study abroad next month", "2023-12-01..2023-12-31"),
        ("depois de amanhã", "2023-11-17"), ("na segunda", "2023-11-20"), ("sexta que vem", "2023-11-17"),
        ("na sexta às dez", "2023-11-17"), ("próximo ano", "2024-01-01..2024-12-31"),
        ("no ano que vem", "2024-01-01..2024-12-31"), ("daqui a duas semanas", "2023-11-29"),
        ("后天", "2023-11-17"), ("大后天", "2023-11-18"), ("下周五", "2023-11-24"), ("周五", "2023-11-17"),
        ("下个月", "2023-12-01..2023-12-31"), ("三天后", "2023-11-18"), ("明年5月", "2024-05-01..2024-05-31"),
        ("yesterday", None), ("last Friday", None), ("上周五", None),
        ("on 3 May 2023", None), ("today", None),
        ("in a few weeks", None), ("on the 32nd", None), ("", None),
    ],
)  # fmt: skip
def test_a_plan_is_for_the_first_time_ahead_that_it_names(text, expected):
    assert day_ahead(text) == expected


def test_the_first_of_several_times_ahead_counts_but_a_date_before_a_weekday():
    assert day_ahead("next month, or tomorrow") == "2023-11-16"
    assert day_ahead("on Friday I decide about 3 May 2024") == "2024-05-03"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("since 2019", "2019-01-01"), ("since May", "2023-05-01"), ("since December", "2022-12-01"),
     ("last month", "2023-10-01"), ("since 2025", None), ("for long", None)],
)  # fmt: skip
def test_what_has_begun_did_so_at_the_newest_time_that_may_be_meant(text, expected):
    begun = last_begun(text, NOW)
    assert (begun and f"{begun:%Y-%m-%d}") == expected


@pytest.mark.parametrize("read", [date_windows, first_ahead, last_begun])
def test_a_time_without_zone_is_refused(read):
    with pytest.raises(InvalidInputError, match="aware"):
        read("today", datetime(2023, 1, 1))


# ---- laws

PIECES = [
    "May", "8", "2023", "0", "31", "999", "last", "next", "on the", "3rd", "week", "ago", "in",
    "two", "Friday", "tomorrow", "年", "月", "日", "周", "下", "上", "十", "二", "后", "前", "na", "segunda",
    "que vem", "há", "anos", "dia", "1º", "de", "maio", "summer", "İ", "ı", ",", "|", "/", "-", "²", "٣",
]  # fmt: skip
TEXTS = (
    st.text(st.characters())
    | st.lists(st.sampled_from(PIECES)).map(" ".join)
    | st.lists(st.sampled_from(PIECES)).map("".join)
)
MOMENTS = st.datetimes(timezones=st.just(UTC))


@given(TEXTS, MOMENTS)
def test_any_text_at_any_time_gives_windows_of_whole_utc_days(text, now):
    windows = date_windows(text, now)
    assert windows == sorted(set(windows))
    plan = first_ahead(text, now)
    for window in [*windows, *([plan] if plan else [])]:
        assert window.start < window.end
        assert window.days >= 1
        assert {window.start.time(), window.end.time()} == {time()}
        assert (window.start.tzinfo, window.end.tzinfo) == (UTC, UTC)


@given(TEXTS, MOMENTS)
def test_a_plan_lies_after_the_day_it_was_made_on_and_what_has_begun_not(text, at):
    plan, begun = first_ahead(text, at), last_begun(text, at)
    assert plan is None or plan.start > at
    assert begun is None or begun <= at


@given(st.dates(date(1970, 1, 1), date(2090, 12, 31)), st.integers(0, 400))
def test_a_weekday_is_at_most_seven_days_away_on_either_side(today, minutes):
    at = datetime.combine(today, time(), UTC) + timedelta(minutes=minutes)
    for name in ("on Monday", "on Thursday", "星期六", "no domingo"):
        (back,), ahead = date_windows(name, at), first_ahead(name, at)
        assert DAY <= datetime.combine(today, time(), UTC) - back.start <= 7 * DAY
        assert DAY <= ahead.start - datetime.combine(today, time(), UTC) <= 7 * DAY


@given(st.dates(date(1900, 1, 1), date(2099, 12, 31)))
def test_every_date_is_read_back_from_the_forms_that_it_is_written_in(day):
    for form in (
        "{0:%Y-%m-%d}",
        "{0.day} {0:%B} {0.year}",
        "{0:%B} {0.day}, {0.year}",
        "{0.year}年{0.month}月{0.day}日",
    ):
        assert days(form.format(day)) == [day.isoformat()]
