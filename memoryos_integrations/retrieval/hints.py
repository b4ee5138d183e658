"""Two soft hints that a question gives about its answer: who said it, and when.

Both only lift memories that fit and exclude none, so a hint that is read wrongly costs little.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final
from unicodedata import normalize

import numpy as np

from memoryos_integrations.errors import InvalidInputError
from memoryos_integrations.language.text import STOP_WORDS, alternatives, begins_sentence, fold, whole_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    Window = tuple[datetime, datetime]
    Days = tuple[date, date]  # the first day, and the one after the last

FADE_DAYS: Final = 45.0
"""Days from a window at which closeness has fallen to 0 (the span that was measured on LoCoMo)."""
_LONGEST: Final = 10_000  # characters of a question that are read; what is longer is a pasted text
_YEARS_BACK: Final = 30  # a month without a year is meant in so many years before this one, and in the next
# Nobody is known by these as a first word; a whole name like Will must be written like a name.
_COMMON_WORDS: Final = STOP_WORDS | {"may", "dr", "mr", "mrs", "ms", "miss", "prof", "sir", "dona"}


def named_speaker(query: str, names: Iterable[str]) -> str | None:
    """Return the one speaker whom a question names.

    A name counts where it stands as whole words, in any case, also in the possessive: the full name,
    or its first word. Where one name is part of another, the longer one counts.

    Args:
        query: The question.
        names: The speakers that there are.

    Returns:
        The name as it stands in ``names``; ``None`` if none is named, or more than one could be meant.

    Example:
        >>> named_speaker("What is Caroline's job?", ["Caroline Ray", "Melanie"])
        'Caroline Ray'
    """
    cased = _read(query)
    rest, found = cased.casefold(), set[str]()
    owners = _owners(names)
    for phrase in sorted(owners, key=len, reverse=True):
        if phrase in _COMMON_WORDS:
            found |= {name for name in owners[phrase] if _is_written_as_name(name, cased)}
        elif phrase in rest and (without := whole_words(phrase).sub("|", rest)) != rest:
            found |= owners[phrase]
            rest = without
    return found.pop() if len(found) == 1 else None


def _read(query: str) -> str:
    return " ".join(normalize("NFKC", query[:_LONGEST]).split())


def _owners(names: Iterable[str]) -> dict[str, set[str]]:
    """Return who may be meant by each folded full name and first word."""
    by_full = {fold(name): {name} for name in names if name.strip()}
    by_first: dict[str, set[str]] = {}
    for full, owner in by_full.items():
        first = full.split()[0].strip(".,")
        if first and first not in by_full and first not in _COMMON_WORDS:
            by_first.setdefault(first, set()).update(owner)
    return by_full | by_first


def _is_written_as_name(name: str, text: str) -> bool:
    name = normalize("NFKC", name).strip()
    places = (match.start() for match in whole_words(name).finditer(text))
    return name[:1].isupper() and not all(begins_sentence(text, place) for place in places)


def _numbered(groups: str, first: int = 1) -> dict[str, int]:
    """Number the groups of a list such as ``"one um|two dois"``; every word of a group gets its number."""
    return {word: at for at, words in enumerate(groups.split("|"), first) for word in words.split()}


_NUMBERS: Final = _numbered(
    "a an one um uma 一|two couple dois duas 二 两|three few três 三|four several quatro 四|five cinco 五"
    "|six seis 六|seven sete 七|eight oito 八|nine nove 九|ten dez 十|eleven onze 十一|twelve doze 十二"
)
_MONTHS: Final = _numbered(
    "january janeiro|february fevereiro|march março|april abril|may maio|june junho|july julho|august agosto"
    "|september setembro|october outubro|november novembro|december dezembro"
)
_SHORT_MONTHS: Final = _numbered("jan|feb|mar|apr||jun|jul|aug|sep sept|oct|nov|dec")
_SEASONS: Final = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}  # in the north
_WEEKDAYS: Final = _numbered("monday|tuesday|wednesday|thursday|friday|saturday|sunday", 0)
_DAY, _WEEK, _MONTH, _YEAR = range(1, 5)
_UNITS: Final = _numbered(
    "day days dia dias 天|week weeks semana semanas 周 星期|month months mês meses 月|year years ano anos 年"
)
_PHRASES: Final = {
    phrase: (unit, offset)
    for unit, offset, phrases in (
        (_DAY, 0, "today|tonight|this morning|this afternoon|this evening|hoje|今天"),
        (_DAY, -1, "yesterday|last night|ontem|昨天|昨晚"),
        (_DAY, -2, "the day before yesterday|day before yesterday|anteontem|前天"),
        (_WEEK, 0, "this week|this weekend|esta semana|essa semana|这周|本周|这个星期"),
        (_WEEK, -1, "last week|last weekend|semana passada|上周|上星期|上个星期"),
        (_MONTH, 0, "this month|este mês|esse mês|这个月|本月"),
        (_MONTH, -1, "last month|mês passado|上个月|上月"),
        (_YEAR, 0, "this year|este ano|esse ano|今年"),
        (_YEAR, -1, "last year|ano passado|去年"),
        (_YEAR, -2, "the year before last|前年"),
    )
    for phrase in phrases.split("|")
}


def _months(year: int, month: int, count: int = 1) -> Days:
    """Return so many months from the first of one on; the month may lie outside 1 to 12."""
    first, after = year * 12 + month - 1, year * 12 + month - 1 + count
    return date(first // 12, first % 12 + 1, 1), date(after // 12, after % 12 + 1, 1)


def _unit(unit: int, offset: int, today: date) -> Days:
    """Return the calendar day, week, month or year so many after the present one."""
    if unit == _DAY:
        return today + timedelta(offset), today + timedelta(offset + 1)
    if unit == _MONTH:
        return _months(today.year, today.month + offset)
    if unit == _YEAR:
        return _months(today.year + offset, 1, 12)
    monday = today + timedelta(7 * offset - today.weekday())
    return monday, monday + timedelta(7)


def _read_phrase(match: re.Match[str], today: date) -> Iterator[Days]:
    unit, offset = _PHRASES[fold(match[0])]
    yield _unit(unit, offset, today)


def _years(parts: dict[str, str | None], today: date) -> Iterable[int]:
    """Return the year that is named, or every year that a conversation may lie in."""
    if year := parts.get("year"):
        return (int(year),)
    if then := parts.get("then"):
        return (today.year + _PHRASES[fold(then)][1],)
    return range(today.year - _YEARS_BACK, today.year + 2)


def _read_date(match: re.Match[str], today: date) -> Iterator[Days]:
    parts = match.groupdict()
    day, name = parts.get("day"), (parts.get("month") or "").lower()
    month = _MONTHS.get(name) or _SHORT_MONTHS.get(name) or int(name or 0)
    for year in _years(parts, today):
        if day is None:
            yield _months(year, month or 1, 1 if month else 12)
        elif 1 <= int(day) <= monthrange(year, month)[1]:
            yield _unit(_DAY, int(day) - 1, date(year, month, 1))


def _read_either_order(match: re.Match[str], _today: date) -> Iterator[Days]:
    """Read 08/05/2023 in both ways in which people write it."""
    one, other, year = int(match[1]), int(match[3]), int(match[4])
    year += 2000 if year < 100 else 0
    for day, month in ((one, other), (other, one)):
        if 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]:
            yield _unit(_DAY, day - 1, date(year, month, 1))


def _read_lone_month(match: re.Match[str], today: date) -> Iterable[Days]:
    """Read a month without more; "may" and "march" only where they are written as no verb is."""
    word, text = match[0], match.string
    if word.lower() in ("may", "march") and (not word.istitle() or begins_sentence(text, match.start())):
        return ()
    return _read_date(match, today)


def _read_named(match: re.Match[str], today: date) -> list[Days]:
    """Read a season, or a month or season with "last" or "this" before it."""
    name, which = match["name"].lower(), match.groupdict().get("which")
    month, count = (_SEASONS[name], 3) if name in _SEASONS else (_MONTHS[name], 1)
    if which is None:
        return [_months(year, month, count) for year in _years(match.groupdict(), today)]
    around = [_months(today.year + offset, month, count) for offset in (-2, -1, 0)]
    if which.lower() == "last":
        return [days for days in around if days[1] <= today][-1:]
    return [days for days in around if days[1] > today][:1] or around[-1:]


def _read_count(match: re.Match[str], today: date) -> Iterator[Days]:
    """Read "three weeks ago" as that calendar week, "the last three weeks" as all days since."""
    count = match["n"] or "1"
    number = int(count) if count.isdecimal() else _NUMBERS[count.lower()]
    first, after = _unit(_UNITS[match["unit"].lower()], -number, today)
    yield first, (today + timedelta(1) if match.groupdict().get("until_now") else after)


def _read_weekday(match: re.Match[str], today: date) -> Iterator[Days]:
    """Read "last Monday" and "on Monday" as the newest one before today."""
    back = (today.weekday() - _WEEKDAYS[match["weekday"].lower()] - 1) % 7 + 1
    yield _unit(_DAY, -back, today)


# The forms of a date. Each is taken out of the text before the next is looked for.
_D = r"(?P<day>\d\d?)(?:st|nd|rd|th)?"
_M = f"(?P<month>{alternatives(_MONTHS | _SHORT_MONTHS)})"
_Y = r"(?P<year>(?:19|20)\d\d)"
_YEAR_THEN = rf"(?:{_Y}|(?P<then>last\s+year|this\s+year|ano\s+passado))\b"
_N = rf"(?P<n>\d{{1,3}}|{alternatives(_NUMBERS)})"
_U = f"(?P<unit>{alternatives(_UNITS)})"
_NAME = f"(?P<name>{alternatives(_MONTHS | _SEASONS)})"
_PHRASE = "|".join(whole_words(phrase).pattern for phrase in sorted(_PHRASES, key=len, reverse=True))
_BEFORE_MONTH = "in|of|during|since|until|till|by|from|before|after|around|early|late|mid"
_FORMS: Final[dict[str, Callable[[re.Match[str], date], Iterable[Days]]]] = {
    # 2023-05-08, 2023-05 · 08/05/2023 · 2023年5月8日, 5月
    rf"(?<!\d){_Y}[-/.](?P<month>\d\d?)(?:[-/.](?P<day>\d\d?))?(?!\d)": _read_date,
    r"(?<![\d.])(\d\d?)([-/.])(\d\d?)\2((?:19|20)\d\d|(?<=/)\d\d)(?!\d)": _read_either_order,
    rf"(?:{_Y}年|(?P<then>[去今前]年))?(?<!\d)(?P<month>\d\d?)月(?:(?P<day>\d\d?)[日号])?": _read_date,
    # 8th of May 2023 · May 8, 2023 · May 2023, May last year
    rf"(?<![\d/.:]){_D}(?:\s+of|\s+de)?[\s-]+{_M}\b\.?(?:(?:,|\s+of|\s+de)?[\s-]+{_YEAR_THEN})?": _read_date,
    rf"\b{_M}\b\.?\s+(?:the\s+)?{_D}(?![\w:/%])(?:(?:,\s*|\s+)(?:of\s+)?{_YEAR_THEN})?": _read_date,
    rf"\b{_M}\b\.?,?(?:\s+of|\s+de|\s+do)?\s+{_YEAR_THEN}": _read_date,
    # 3 weeks ago · há 3 dias · 三天前 · yesterday · the last three weeks · last Monday
    rf"(?<!\w){_N}\s+(?:of\s+)?{_U}\s+(?:ago|earlier|atrás)\b": _read_count,
    rf"\bhá\s+{_N}\s+{_U}\b": _read_count,
    rf"(?<!\d){_N}个?{_U}[之以]?前": _read_count,
    _PHRASE: _read_phrase,
    rf"\b(?P<until_now>last|past)\s+(?:(?:a\s+)?{_N}\s+(?:of\s+)?)?{_U}\b": _read_count,
    rf"\b(?:last|on|this\s+past)\s+(?P<weekday>{alternatives(_WEEKDAYS)})\b": _read_weekday,
    # last May, this summer · summer of 2022 · in the summer · 2023 · in May
    rf"\b(?P<which>last|this)\s+{_NAME}\b": _read_named,
    rf"\b(?P<name>{alternatives(_SEASONS)})\s+(?:of\s+)?{_YEAR_THEN}": _read_named,
    rf"\b(?:in|during)\s+the\s+(?P<name>{alternatives(_SEASONS)})\b": _read_named,
    rf"(?<![A-Za-z0-9_$€£¥#.,/:+-]){_Y}(?![A-Za-z0-9_%/:]|[.,-]\d)": _read_date,
    rf"\b(?:{_BEFORE_MONTH})[\s-]+(?P<month>{alternatives(_MONTHS)})\b": _read_date,
    rf"\b(?P<month>{alternatives(_MONTHS)})\b": _read_lone_month,
}
_PATTERNS = [(re.compile(form, re.IGNORECASE), read) for form, read in _FORMS.items()]


def date_windows(query: str, now: datetime) -> list[Window]:
    """Return the times that a question names, as half-open intervals of whole UTC days.

    English forms with the commonest Portuguese and Chinese ones: "8 May 2023", "in May" (of any year),
    "2023", 2023-05-08, 08/05/2023 (both readings), "yesterday", "3 weeks ago", "last Monday", "last summer".

    Args:
        query: The question.
        now: What relative dates are counted from.

    Returns:
        Pairs of start and end, sorted; empty when no time is named.

    Raises:
        InvalidInputError: ``now`` has no time zone.

    Example:
        >>> date_windows("What happened on 8 May 2023?", datetime(2024, 1, 1, tzinfo=UTC))[0][0].isoformat()
        '2023-05-08T00:00:00+00:00'
    """
    if now.tzinfo is None:
        raise InvalidInputError("now must be an aware datetime, such as datetime.now(UTC)")
    today, text = now.astimezone(UTC).date(), _read(query)
    found: set[Days] = set()
    for pattern, read in _PATTERNS:
        for match in pattern.finditer(text):
            try:
                days = list(read(match, today))
            except (KeyError, ValueError, OverflowError):  # summer in a Turkish i, month 13, 999 years ago
                continue
            if days:
                found.update(days)
                text = text[: match.start()] + "|" * len(match[0]) + text[match.end() :]
    return [(datetime.combine(a, time(), UTC), datetime.combine(b, time(), UTC)) for a, b in sorted(found)]


def closeness(windows: Sequence[Window], at: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return how near times are to the nearest window: 1 inside, falling evenly to 0 at 45 days.

    Args:
        windows: As ``date_windows`` returns them; without any, all is 0.
        at: Times in seconds since 1970 UTC, of any shape; the result has the same.
    """
    if not windows:
        return np.zeros(at.shape, np.float32)
    edges = np.array([(start.timestamp(), end.timestamp()) for start, end in sorted(windows)])
    starts = np.append(edges[:, 0], np.inf)
    # The latest end among the windows begun so far: a long window may reach over later, short ones.
    ends = np.append(-np.inf, np.maximum.accumulate(edges[:, 1]))
    begun = np.searchsorted(edges[:, 0], at, side="right")
    seconds = np.maximum(np.minimum(at - ends[begun], starts[begun] - at), 0)
    near: NDArray[np.float32] = np.maximum(1 - seconds / (FADE_DAYS * 86_400), 0).astype(np.float32)
    return near
