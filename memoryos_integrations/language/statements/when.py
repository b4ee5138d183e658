"""When a plan is for, and since when something holds: the dates of a statement, seen from its own time."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from memoryos_integrations.language import dates
from memoryos_integrations.language.text import alternatives
from memoryos_integrations.retrieval.hints import date_windows

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    Window = tuple[datetime, datetime]


def _numbered(groups: tuple[str, ...], first: int) -> dict[str, int]:
    """Number groups of words; every word of a group gets its number."""
    return {word: number for number, group in enumerate(groups, first) for word in group.split()}


_WEEKDAYS: Final = _numbered(
    (
        "monday segunda 一",
        "tuesday terça 二",
        "wednesday quarta 三",
        "thursday quinta 四",
        "friday sexta 五",
        "saturday sábado 六",
        "sunday domingo 日 天",
    ),
    0,
)
_COUNTS: Final = _numbered(
    (
        "a an one um uma 一",
        "two dois duas 两 二",
        "three três 三",
        "four quatro 四",
        "five cinco 五",
        "six seis 六",
        "seven sete 七",
        "eight oito 八",
        "nine nove 九",
        "ten dez 十",
    ),
    1,
)
_UNITS: Final = _numbered(
    (
        "day days dia dias 天",
        "week weeks semana semanas 周 星期 礼拜 週",
        "month months mês meses 月",
        "year years ano anos 年",
    ),
    0,
)
_DAYS_AHEAD: Final = {
    "tomorrow": 1, "the day after tomorrow": 2, "amanhã": 1, "depois de amanhã": 2,
    "明天": 1, "明日": 1, "后天": 2, "後天": 2, "大后天": 3,
}  # fmt: skip
_DAY: Final = alternatives(_WEEKDAYS)
_UNIT: Final = alternatives(_UNITS)
_COUNT: Final = rf"(?P<count>\d{{1,2}}|{alternatives(_COUNTS)})"


def _span(start: date, days: int = 1) -> Window:
    begin = datetime.combine(start, time(), UTC)
    return begin, begin + timedelta(days)


def _month(year: int, month: int) -> Window:
    """Return a month; its number may lie beyond 12."""
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    first = datetime(year, month, 1, tzinfo=UTC)
    return first, first + timedelta(monthrange(year, month)[1])


def _ahead(unit: int, count: int, today: date) -> Window:
    """Return the day, or the calendar week, month or year, that is so many units away."""
    if unit == 0:
        return _span(today + timedelta(count))
    if unit == 1:
        return _span(today + timedelta(7 * count - today.weekday()), 7)
    if unit == 2:
        return _month(today.year, today.month + count)
    return datetime(today.year + count, 1, 1, tzinfo=UTC), datetime(today.year + count + 1, 1, 1, tzinfo=UTC)


def _read_days(match: re.Match[str], today: date) -> Window:
    return _span(today + timedelta(_DAYS_AHEAD[match[0].lower()]))


def _read_count(match: re.Match[str], today: date) -> Window:
    """Read "in three weeks" as the day so many weeks ahead, "in two months" as that month."""
    count, unit = match["count"].lower(), _UNITS[match["unit"].lower()]
    number = int(count) if count.isdecimal() else _COUNTS[count]
    return _ahead(0, 7 * number, today) if unit == 1 else _ahead(unit, number, today)


def _read_next(match: re.Match[str], today: date) -> Window:
    return _ahead(_UNITS[match["unit"].lower()], 1, today)


def _read_weekday(match: re.Match[str], today: date) -> Window:
    """Read a weekday as the next one after today: so people mean "next Friday" more often than not."""
    number = _WEEKDAYS[match["weekday"].lower()]
    return _span(today + timedelta((number - today.weekday() - 1) % 7 + 1))


def _read_next_weeks_day(match: re.Match[str], today: date) -> Window:
    return _span(today + timedelta(7 - today.weekday() + _WEEKDAYS[match["weekday"]]))


def _read_day_of_month(match: re.Match[str], today: date) -> Window:
    """Read "on the 14th" as the next day with that number."""
    day = int(match["day"])
    for ahead in range(13):
        first = _month(today.year, today.month + ahead)[0].date()
        if day <= monthrange(first.year, first.month)[1] and first.replace(day=day) > today:
            return _span(first.replace(day=day))
    raise ValueError(day)


_FORMS: Final[dict[str, Callable[[re.Match[str], date], Window]]] = {
    rf"(?<![^\W\u4e00-\u9fff])(?:{alternatives(_DAYS_AHEAD)})(?![^\W\u4e00-\u9fff])": _read_days,
    rf"\b(?:in|within|daqui a|em|dentro de) {_COUNT}(?: of)? (?P<unit>{_UNIT})\b": _read_count,
    rf"(?<!\d){_COUNT}个?(?P<unit>{_UNIT})(?:之后|以后|后)": _read_count,
    r"下个?(?:周|星期|礼拜|週)(?P<weekday>[一二三四五六日天])": _read_next_weeks_day,
    r"(?<!上)(?<!上个)(?:这个?|本)?(?:周|星期|礼拜|週)(?P<weekday>[一二三四五六日天])": _read_weekday,
    rf"\b(?:next|on|this|this coming) (?P<weekday>{_DAY})\b": _read_weekday,
    rf"\b(?:n[ao] |nest[ae] |próxim[ao] |n[ao] próxim[ao] )(?P<weekday>{_DAY})(?:-feira)?\b": _read_weekday,
    rf"\b(?P<weekday>{_DAY})(?:-feira)? que vem\b": _read_weekday,
    r"\bnext (?P<unit>week|month|year)\b": _read_next,
    r"\b(?:n?[ao]? ?próxim[ao] )(?P<unit>semana|mês|ano)\b": _read_next,
    r"\b(?P<unit>semana|mês|ano) que vem\b": _read_next,
    r"下个?(?P<unit>周|星期|月|礼拜|週)": _read_next,
    r"明(?P<unit>年)(?!\d)": _read_next,
    r"\b(?:on the (?P<day>\d\d?)(?:st|nd|rd|th))(?! of)(?! (?:jan|feb|mar|apr|may|ju|aug|sep|oct|nov|dec))\b":
        _read_day_of_month,
}  # fmt: skip
_EXPLICIT: Final = re.compile(
    r"\b(?:jan|feb|mar|apr|may\b|jun|jul|aug|sep|oct|nov|dec|fev|abr|maio|ago|set"
    r"(?:embro)?\b|out(?:ubro)?\b|dez)"
    r"|\d月|\d[/-]\d|\b20\d\d",
    re.IGNORECASE,
)
_PATTERNS: Final = [(re.compile(form, re.IGNORECASE), read) for form, read in _FORMS.items()]


def ahead(text: str, at: datetime) -> Window | None:
    """Return the first time after the present day that a plan names, as a half-open interval of UTC days."""
    today = at.astimezone(UTC).date()
    try:
        for pattern, read in () if _EXPLICIT.search(text) else _PATTERNS:
            if match := pattern.search(text):
                return read(match, today)
        tonight = _span(today)[1]
    except (ValueError, OverflowError):  # on the 32nd, in the year 10000
        return None
    return next((window for window in date_windows(text, at) if window[0] >= tonight), None)


def since(text: str, at: datetime) -> datetime | None:
    """Return when something began that the text dates: the newest of the times it may mean, at most now."""
    begun = [window[0] for window in date_windows(text, at) if window[0] <= at]
    return begun[-1] if begun else None


def in_english(window: Window) -> str:
    """Return a day, a month or a year as ``3 May 2025``, ``May 2025`` or ``2025``; else the first day."""
    start, days = window[0], (window[1] - window[0]).days
    if days >= 365:
        return str(start.year)
    if start.day == 1 and days >= 28:
        return dates.day(start).partition(" ")[2]
    return dates.day(start) if days == 1 else f"from {dates.day(start)}"


def in_figures(window: Window) -> str:
    """Return the same as ``2025-05-03``, ``2025-05`` or ``2025``, which any language reads."""
    start, days = window[0], (window[1] - window[0]).days
    if days >= 365:
        return str(start.year)
    return f"{start:%Y-%m}" if start.day == 1 and days >= 28 else f"{start:%Y-%m-%d}"
