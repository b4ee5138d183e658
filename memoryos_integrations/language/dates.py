"""Date vocabulary in English, Portuguese and Chinese, and locale-independent date formats."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final, NamedTuple


class DateWindow(NamedTuple):
    """A half-open range of whole UTC days: from midnight ``start`` to midnight ``end``."""

    start: datetime
    end: datetime

    @property
    def days(self) -> int:
        """Length in days: 1 for a day, 7 for a week, 28 to 31 for a month."""
        return (self.end - self.start).days


def _numbered(groups: str, first: int = 1) -> dict[str, int]:
    """Map each word of ``"one um|two dois"`` to the number of its group."""
    return {word: at for at, words in enumerate(groups.split("|"), first) for word in words.split()}


def _first_of_each(words: dict[str, int]) -> list[str]:
    return list({number: word.title() for word, number in reversed(words.items())}.values())[::-1]


HAN: Final = _numbered(  # months, and days of a month
    "一|二|三|四|五|六|七|八|九|十|十一|十二|十三|十四|十五|十六|十七|十八|十九|二十|二十一|二十二|二十三|二十四"
    "|二十五|二十六|二十七|二十八|二十九|三十|三十一"
)
NUMBERS: Final = HAN | _numbered(
    "a an one um uma primeiro|two couple dois duas 两|three few três|four several quatro|five cinco|six seis"
    "|seven sete|eight oito|nine nove|ten dez|eleven onze|twelve doze"
)
MONTHS: Final = _numbered(
    "january janeiro|february fevereiro|march março|april abril|may maio|june junho|july julho|august agosto"
    "|september setembro|october outubro|november novembro|december dezembro"
)
SHORT_MONTHS: Final = _numbered("jan|feb fev|mar|apr abr||jun|jul|aug|sep sept|oct|nov|dec")
SEASONS: Final = _numbered("spring 春|summer 夏|autumn fall 秋|winter 冬")  # northern hemisphere
WEEKDAYS: Final = _numbered(
    "monday segunda-feira segunda 一|tuesday terça-feira terça 二|wednesday quarta-feira quarta 三"
    "|thursday quinta-feira quinta 四|friday sexta-feira sexta 五|saturday sábado 六|sunday domingo 日 天",
    0,
)
DAY, WEEK, MONTH, YEAR = range(1, 5)
"""The values of ``UNITS``."""
UNITS: Final = _numbered(
    "day days dia dias 天|week weeks semana semanas 周 星期 礼拜 週|month months mês meses 月"
    "|year years ano anos 年"
)
PHRASES: Final = {  # to (unit, offset from the present one)
    phrase: (unit, offset)
    for unit, offset, phrases in (
        (DAY, -3, "大前天"),
        (DAY, -2, "the day before yesterday|day before yesterday|anteontem|前天"),
        (DAY, -1, "yesterday|last night|ontem|昨天|昨晚"),
        (DAY, 0, "today|tonight|this morning|this afternoon|this evening|hoje|今天|今早|今晚"),
        (DAY, 0, "esta manhã|esta tarde|esta noite"),
        (DAY, 1, "tomorrow|amanhã|明天|明日"),
        (DAY, 2, "the day after tomorrow|depois de amanhã|后天|後天"),
        (DAY, 3, "大后天"),
        (WEEK, -1, "last week|last weekend|semana passada|上周|上星期|上个星期|上个礼拜"),
        (WEEK, 0, "this week|this weekend|esta semana|essa semana|这周|本周|这个星期"),
        (WEEK, 1, "next week|próxima semana|semana que vem|下周|下个周|下星期|下个星期|下礼拜|下个礼拜|下週"),
        (MONTH, -1, "last month|mês passado|上个月|上月"),
        (MONTH, 0, "this month|este mês|esse mês|这个月|本月"),
        (MONTH, 1, "next month|próximo mês|mês que vem|下个月|下月"),
        (YEAR, -2, "the year before last|前年"),
        (YEAR, -1, "last year|ano passado|去年"),
        (YEAR, 0, "this year|este ano|esse ano|今年"),
        (YEAR, 1, "next year|próximo ano|ano que vem|明年"),
    )
    for phrase in phrases.split("|")
}
ENGLISH_MONTHS: Final = _first_of_each(MONTHS)
ENGLISH_WEEKDAYS: Final = _first_of_each(WEEKDAYS)


def number(word: str) -> int:
    """Return the number of a numeral or digits."""
    return int(word) if word.isdecimal() else NUMBERS[word]


def months(year: int, month: int, count: int = 1) -> tuple[date, date]:
    """Return ``count`` months from the first of a month; ``month`` may be outside 1 to 12."""
    first, after = year * 12 + month - 1, year * 12 + month - 1 + count
    return date(first // 12, first % 12 + 1, 1), date(after // 12, after % 12 + 1, 1)


def span(kind: int, offset: int, today: date) -> tuple[date, date]:
    """Return the calendar day, week, month or year ``offset`` units after the present one."""
    if kind == DAY:
        return today + timedelta(offset), today + timedelta(offset + 1)
    if kind == MONTH:
        return months(today.year, today.month + offset)
    if kind == YEAR:
        return months(today.year + offset, 1, 12)
    monday = today + timedelta(7 * offset - today.weekday())
    return monday, monday + timedelta(7)


def day(at: datetime) -> str:
    """Return a date such as ``8 May 2023``."""
    return f"{at.day} {ENGLISH_MONTHS[at.month - 1]} {at.year}"


def minute(at: datetime) -> str:
    """Return a time such as ``8 May 2023 13:56``."""
    return f"{day(at)} {at:%H:%M}"


def in_english(window: DateWindow) -> str:
    """Return a window as ``3 May 2025``, ``May 2025`` or ``2025``; others as ``from 3 May 2025``."""
    if window.days >= 365:
        return str(window.start.year)
    if window.start.day == 1 and window.days >= 28:
        return day(window.start).partition(" ")[2]
    return day(window.start) if window.days == 1 else f"from {day(window.start)}"


def in_figures(window: DateWindow) -> str:
    """Return a window as ``2025-05-03``, ``2025-05`` or ``2025``, for any language."""
    if window.days >= 365:
        return str(window.start.year)
    is_month = window.start.day == 1 and window.days >= 28
    return f"{window.start:%Y-%m}" if is_month else f"{window.start:%Y-%m-%d}"
