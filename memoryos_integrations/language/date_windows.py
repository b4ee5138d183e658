"""Finds dates in English, Portuguese and Chinese text, as half-open windows of whole UTC days.

Questions look back ("on Friday" is the last Friday before now), plans look ahead (the next one).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final
from unicodedata import normalize

from memoryos_integrations.errors import InvalidInputError
from memoryos_integrations.language import dates
from memoryos_integrations.language.text import alternatives, begins_sentence, is_unspaced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Days = tuple[date, date]  # the first day, and the one after the last
    _Read = Callable[["_Reader", re.Match[str]], Iterable[Days]]
    _Form = tuple[str, re.Pattern[str], _Read]

_LONGEST: Final = 10_000  # characters read; longer texts are pasted documents
_YEARS_BACK: Final = 30  # a month without a year may be in any of these years, or in the next one
_WEEKS_AWAY: Final = {"上上": -2, "上": -1, "下": 1}


def _day_of(year: int, month: int, day: int) -> list[Days]:
    try:
        first = date(year, month, day)
    except ValueError:  # 30 February, the 13th month
        return []
    return [(first, first + timedelta(1))]


@dataclass(slots=True)
class _Reader:
    """Resolves matches against the present day; each method returns the possible days of a match."""

    text: str
    """The text in its original case; matches are on the lower-case text, at the same positions."""
    today: date
    ahead: bool
    """Whether ambiguous dates are in the future."""
    cues: set[str]
    """The kinds of words in the text."""

    def find(self, text: str, forms: Iterable[_Form]) -> tuple[set[Days], str]:
        """Return the days named by the forms, and the text with those matches blanked out."""
        found: set[Days] = set()
        for cue, pattern, read in forms:
            for match in pattern.finditer(text) if cue in self.cues else ():
                try:
                    days = list(read(self, match))
                except (ValueError, OverflowError):  # 999 years ago, tomorrow in the year 9999
                    continue
                if days:
                    found.update(days)
                    text = text[: match.start()] + "|" * len(match[0]) + text[match.end() :]
        return found, text

    def _years(self, parts: dict[str, str | None]) -> Iterable[int]:
        """Return the named year, or all possible ones."""
        if year := parts.get("year"):
            return (int(year),)
        if then := parts.get("then"):
            return (self.today.year + dates.PHRASES[then][1],)
        return range(self.today.year - _YEARS_BACK, self.today.year + 2)

    def calendar(self, match: re.Match[str]) -> Iterator[Days]:
        """Read a day, month or year, in each possible year."""
        parts = match.groupdict()
        day, name = dates.number(parts.get("day") or "0"), parts.get("month") or "0"
        month = dates.MONTHS.get(name) or dates.SHORT_MONTHS.get(name) or dates.number(name)
        for year in self._years(parts):
            if parts.get("month") is None:
                yield dates.months(year, 1, 12)
            elif parts.get("day"):
                yield from _day_of(year, month, day)
            elif 1 <= month <= 12:
                yield dates.months(year, month)

    def either_order(self, match: re.Match[str]) -> list[Days]:
        """Read 08/05/2023 in both orders."""
        one, other, year = int(match[1]), int(match[3]), int(match[4])
        year += 2000 if year < 100 else 0
        return _day_of(year, other, one) + _day_of(year, one, other)

    def lone_month(self, match: re.Match[str]) -> Iterable[Days]:
        """Read a month alone; "may" and "march" only if they cannot be verbs."""
        written = self.text[match.start() : match.end()]
        is_verb = not written.istitle() or begins_sentence(match.string, match.start())
        return () if match[0] in ("may", "march") and is_verb else self.calendar(match)

    def named(self, match: re.Match[str]) -> list[Days]:
        """Read a season, or a month or season with "last", "this" or "next" before it."""
        name, which = match["name"], match.groupdict().get("which")
        month, count = (3 * dates.SEASONS[name], 3) if name in dates.SEASONS else (dates.MONTHS[name], 1)
        if which is None:
            return [dates.months(year, month, count) for year in self._years(match.groupdict())]
        around = [dates.months(self.today.year + offset, month, count) for offset in range(-2, 2)]
        if which == "last":
            return [days for days in around if days[1] <= self.today][-1:]
        if which == "next":
            return [days for days in around if days[0] > self.today][:1]
        return [days for days in around[:3] if days[1] > self.today][:1] or around[2:3]

    def phrase(self, match: re.Match[str]) -> Iterator[Days]:
        """Read a phrase such as "yesterday"."""
        unit, offset = dates.PHRASES[match[0]]
        if offset <= 0 or self.ahead:
            yield dates.span(unit, offset, self.today)

    def ago(self, match: re.Match[str]) -> Iterator[Days]:
        """Read "three weeks ago" as that calendar week."""
        yield dates.span(dates.UNITS[match["unit"]], -dates.number(match["n"]), self.today)

    def until_now(self, match: re.Match[str]) -> Iterator[Days]:
        """Read "the last three weeks" as all days since that calendar week began."""
        first, _ = dates.span(dates.UNITS[match["unit"]], -dates.number(match["n"] or "1"), self.today)
        yield first, self.today + timedelta(1)

    def hence(self, match: re.Match[str]) -> Iterator[Days]:
        """Read "in three weeks" as the day so many weeks ahead, "in two months" as that month."""
        unit, number = dates.UNITS[match["unit"]], dates.number(match["n"])
        if unit == dates.WEEK:
            unit, number = dates.DAY, 7 * number
        if self.ahead:
            yield dates.span(unit, number, self.today)

    def weekday(self, match: re.Match[str]) -> Iterator[Days]:
        """Read a weekday as the nearest one before or after today: "next Friday" is seldom the one after."""
        back, ahead, week = (match.groupdict().get(name) for name in ("back", "ahead", "week"))
        number = dates.WEEKDAYS[match["weekday"]]
        away, later = _WEEKS_AWAY.get(week or "", 0), (number - self.today.weekday() - 1) % 7 + 1
        if (ahead or away > 0) and not self.ahead:
            return
        if away:
            yield dates.span(dates.DAY, number, dates.span(dates.WEEK, away, self.today)[0])
        else:
            nearest = later if self.ahead and not back else later - 7 or -7
            yield dates.span(dates.DAY, nearest, self.today)

    def day_of_month(self, match: re.Match[str]) -> list[Days]:
        """Read "on the 14th" as the nearest day with that number."""
        away = range(13) if self.ahead else range(0, -13, -1)
        firsts = (dates.span(dates.MONTH, offset, self.today)[0] for offset in away)
        near = (days for at in firsts for days in _day_of(at.year, at.month, int(match["day"])))
        return [days for days in near if (days[0] > self.today) == self.ahead][:1]


_D: Final = r"(?P<day>\d\d?|primeiro)(?:st|nd|rd|th|o)?"  # 1º is 1o in NFKC
_M: Final = f"(?P<month>{alternatives(dates.MONTHS | dates.SHORT_MONTHS)})"
_Y: Final = r"(?P<year>(?:19|20)\d\d)"
_THEN: Final = "(?P<then>(?:last|this|next) year|(?:este|próximo) ano|ano (?:passado|que vem))"
_YEAR_THEN: Final = rf"(?:{_Y}|{_THEN})\b"
_N: Final = rf"(?P<n>\d{{1,3}}|{alternatives(dates.NUMBERS)})"
_U: Final = f"(?P<unit>{alternatives(dates.UNITS)})"
_HAN_DAY: Final = rf"\d\d?|{alternatives(dates.HAN)}"
_MONTH, _SEASON = alternatives(dates.MONTHS), alternatives(dates.SEASONS)
_NO_NUMBER: Final = r"(?<![\d一二三四五六七八九十两])"
_W: Final = f"(?P<weekday>{alternatives(dates.WEEKDAYS)})(?!-feira)"
_SPACED: Final = alternatives(phrase for phrase in dates.PHRASES if not is_unspaced(phrase))
_UNSPACED: Final = alternatives(phrase for phrase in dates.PHRASES if is_unspaced(phrase))
_GOES_ON: Final = (
    "after|and|around|at|because|before|but|by|for|from|he|i|if|in|or|she|so|they|to|we|when|with"
)
_BEFORE_MONTH: Final = "in|of|during|since|until|till|by|from|before|after|around|early|late|mid"

# Patterns of dates in lower case, each with the kind of word that it requires. The order matters: matches are
# removed from the text.
_CALENDAR: Final[list[tuple[str, str, _Read]]] = [
    # 2023-05-08, 2023-05 · 08/05/2023 · 2023年5月8日, 5月, 去年夏天
    ("digit", rf"(?<!\d){_Y}[-/.](?P<month>\d\d?)(?:[-/.](?P<day>\d\d?))?(?!\d)", _Reader.calendar),
    ("digit", r"(?<![\d.])(\d\d?)([-/.])(\d\d?)\2((?:19|20)\d\d|(?<=/)\d\d)(?!\d)", _Reader.either_order),
    ("han", rf"(?:{_Y}年|(?P<then>[去今前明]年)的?)?{_NO_NUMBER}(?P<month>{_HAN_DAY})月"
            rf"(?:(?P<day>{_HAN_DAY})[日号])?", _Reader.calendar),
    ("han", rf"(?:{_Y}年|(?P<then>[去今前明]年))?的?(?P<name>[春夏秋冬])[天季]", _Reader.named),
    # 8th of May 2023 · May 8, 2023 · May 2023, May last year
    ("month", rf"(?<![\d/.:]){_D}(?: of| de)?[ -]+{_M}\b\.?(?:(?:,| of| de| do)?[ -]+{_YEAR_THEN})?",
     _Reader.calendar),
    ("month", rf"\b{_M}\b\.? (?:the )?{_D}(?![\w:/%])(?:(?:, ?| )(?:of )?{_YEAR_THEN})?", _Reader.calendar),
    ("month", rf"\b{_M}\b\.?,?(?: of| de| do)? {_YEAR_THEN}", _Reader.calendar),
    # last May, this summer · summer of 2022 · in the summer · 2023 · in May · May
    ("month", rf"\b(?P<which>last|this|next) (?P<name>{_MONTH})\b", _Reader.named),
    ("season", rf"\b(?P<which>last|this|next) (?P<name>{_SEASON})\b", _Reader.named),
    ("season", rf"\b(?P<name>{_SEASON}) (?:of )?{_YEAR_THEN}", _Reader.named),
    ("season", rf"\b(?:in|during) the (?P<name>{_SEASON})\b", _Reader.named),
    ("digit", rf"(?<![a-z0-9_$€£¥#.,/:+-]){_Y}(?![a-z0-9_%/:]|[.,-]\d)", _Reader.calendar),
    ("month", rf"\b(?:{_BEFORE_MONTH})[ -]+(?P<month>{_MONTH})\b", _Reader.calendar),
    ("month", rf"\b(?P<month>{_MONTH})\b", _Reader.lone_month),
]  # fmt: skip
_RELATIVE: Final[list[tuple[str, str, _Read]]] = [
    # 3 weeks ago · há 3 dias · 三天前 · in two weeks · 三天后
    ("unit", rf"(?<!\w){_N} (?:of )?{_U} (?:ago|earlier|atrás)\b", _Reader.ago),
    ("unit", rf"\b(?:há|faz) {_N} {_U}\b", _Reader.ago),
    ("han", rf"{_NO_NUMBER}{_N}个?{_U}[之以]?前", _Reader.ago),
    ("unit", rf"\b(?:in|within|daqui a|em|dentro de) (?!several|few|couple){_N} {_U}\b", _Reader.hence),
    ("han", rf"{_NO_NUMBER}{_N}个?{_U}(?:之后|以后|后)", _Reader.hence),
    # last Monday, on Monday (but "on Monday, 8 May" is one date) · na segunda passada · 上周五, 周五
    ("weekday", r"\b(?:(?P<back>last|past|this past|últim[ao])"
                r"|(?P<ahead>next|this|this coming|próxim[ao]|nest[ae])"
                rf"|on|since) {_W}\b(?!,? (?:the )?\|)", _Reader.weekday),
    ("weekday", rf"\b{_W} (?:(?P<back>passad[ao])|(?P<ahead>que vem))\b", _Reader.weekday),
    ("weekday", rf"\bn[ao] (?=\w+-feira|sábado|domingo){_W}\b(?! que vem|,? (?:dia )?\|)", _Reader.weekday),
    ("weekday", rf"\b(?P<ahead>n[ao]) {_W}\b", _Reader.weekday),
    ("han", r"(?<![\d一二三四五六七八九十两几每])(?P<week>上上|[上下这本])?个?(?:周|星期|礼拜|週)"
            r"(?P<weekday>[一二三四五六日天])(?!气)", _Reader.weekday),
    # yesterday · 昨天 · the last three weeks · on the 14th, no dia 14
    ("phrase", rf"(?<!\w)(?:{_SPACED})(?!\w)", _Reader.phrase),
    ("han", _UNSPACED, _Reader.phrase),
    ("unit", rf"\b(?:last|past|últim[oa]s) (?:(?:a )?{_N} (?:of )?)?{_U}\b", _Reader.until_now),
    ("han", rf"(?:过去|最近)的?{_N}个?{_U}", _Reader.until_now),
    ("digit", rf"\bon the (?P<day>\d\d?)(?:st|nd|rd|th)\b(?!-| (?!(?:{_GOES_ON})\b))", _Reader.day_of_month),
    ("digit", r"\bno dia (?P<day>\d\d?)\b(?! de|[/:-])", _Reader.day_of_month),
]  # fmt: skip
_CALENDAR_FORMS, _RELATIVE_FORMS = (
    [(cue, re.compile(form), read) for cue, form, read in forms] for forms in (_CALENDAR, _RELATIVE)
)
_CUES: Final = {
    "month": frozenset(dates.MONTHS | dates.SHORT_MONTHS),
    "season": frozenset(dates.SEASONS),
    "unit": frozenset(dates.UNITS),
    "weekday": frozenset(dates.WEEKDAYS),
    "phrase": frozenset(phrase.split()[-1] for phrase in dates.PHRASES),
}
_WORD, _DIGIT = re.compile(r"[^\W\d_]+"), re.compile(r"\d")


def date_windows(text: str, now: datetime) -> list[dates.DateWindow]:
    """Return the dates that a question or another text about the past names.

    "8 May 2023", "April 29th" and "in May" (of any year), "2023", 2023-05-08, 08/05/2023 (both readings),
    "yesterday", "3 weeks ago", "last Monday", "on the 14th", "last summer"; "tomorrow" and "next week" are
    ignored.

    Args:
        text: The text.
        now: Reference time of relative dates.

    Returns:
        Distinct windows in order; empty if no date is named.

    Raises:
        InvalidInputError: ``now`` has no time zone.

    Example:
        >>> (window,) = date_windows("What happened on 8 May 2023?", datetime(2024, 1, 1, tzinfo=UTC))
        >>> window.start.isoformat(), window.days
        ('2023-05-08T00:00:00+00:00', 1)
    """
    reader, rest = _reader(text, now, ahead=False)
    return _windows(reader.find(rest, (*_CALENDAR_FORMS, *_RELATIVE_FORMS))[0])


def first_ahead(text: str, at: datetime) -> dates.DateWindow | None:
    """Return the first future date that a plan names; calendar dates take precedence over relative ones.

    Args:
        text: The plan: "I fly on Friday".
        at: Time of the statement.

    Raises:
        InvalidInputError: ``at`` has no time zone.
    """
    reader, rest = _reader(text, at, ahead=True)
    for forms in (_CALENDAR_FORMS, _RELATIVE_FORMS):
        found, rest = reader.find(rest, forms)
        if later := _windows({days for days in found if days[0] > reader.today}):
            return later[0]
    return None


def last_begun(text: str, at: datetime) -> datetime | None:
    """Return the latest start of the dates in a text that is not after ``at``."""
    return max((window.start for window in date_windows(text, at) if window.start <= at), default=None)


def _reader(text: str, now: datetime, *, ahead: bool) -> tuple[_Reader, str]:
    """Return a reader, and the text in lower case of unchanged length."""
    if now.tzinfo is None:
        raise InvalidInputError("now must be an aware datetime, such as datetime.now(UTC)")
    text = " ".join(normalize("NFKC", text[:_LONGEST]).split())
    lower = text.lower()
    if len(lower) != len(text):  # İ has two letters in lower case
        lower = "".join(letter.lower() if len(letter.lower()) == 1 else letter for letter in text)
    words = _WORD.findall(lower)
    cues = {cue for cue, any_of in _CUES.items() if not any_of.isdisjoint(words)}
    if _DIGIT.search(lower):
        cues.add("digit")
    if is_unspaced(lower):
        cues.add("han")
    return _Reader(text, now.astimezone(UTC).date(), ahead, cues), lower


def _windows(found: set[Days]) -> list[dates.DateWindow]:
    return [dates.DateWindow(*(datetime.combine(day, time(), UTC) for day in days)) for days in sorted(found)]
