"""How the rules of a language are put to a message."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from memoryos_integrations.language.date_windows import first_ahead, last_begun
from memoryos_integrations.language.statements import chinese, english, portuguese
from memoryos_integrations.language.statements.reading import LONGEST, blotted, sentences

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from memoryos_integrations.language.statements.reading import Language, Parts, Rule, Sentence

_LANGUAGES: Final = (english.LANGUAGE, portuguese.LANGUAGE, chinese.LANGUAGE)
_MOST: Final = 40  # facts per message
_MOST_CLAUSES: Final = 120  # tried per message and language; people do not speak of themselves in more
_BEHIND: Final = re.compile(r"\s*,?\s*(?:ever )?(?:since|desde) ([^,.;!?]{2,30})", re.IGNORECASE)
_DATE_BEFORE: Final = re.compile(
    r"(?:^|\W)(?:on|in|next|tomorrow|this|no dia|em|n[ao]|amanhã|próxim[ao])\b[\w ]{0,35},? ?$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Found:
    """A fact as a rule found it."""

    rule: Rule
    text: str
    value: str
    quote: str
    """What the rule matched, as it stands in the message."""
    start: int
    """Its place there."""
    valid_from: datetime | None


def read(text: str, at: datetime) -> list[Found]:
    """Return the facts in a message by their places, none twice."""
    original = text[:LONGEST]
    clean = blotted(original)
    if any(language.message_veto.search(clean) for language in _LANGUAGES):
        return []
    found: dict[tuple[str | None, str], Found] = {}
    said: dict[str, Sentence] = {}
    for sentence in sentences(clean):
        said.setdefault(sentence.text, sentence)
    for language in _LANGUAGES:
        for one in Reader(language, tuple(said.values()), original, at).read():
            found.setdefault((one.rule.field, one.value.casefold()), one)
            if len(found) >= _MOST:
                break
    return sorted(found.values(), key=lambda one: one.start)[:_MOST]


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads a message by the rules of one language."""

    language: Language
    said: Sequence[Sentence]
    """The message's sentences, none twice."""
    original: str
    """The message as it stands."""
    at: datetime

    def read(self) -> Iterator[Found]:
        """Yield what the rules find, sentence by sentence."""
        tried = 0
        for sentence in self.said:
            for clause in self.language.clause.finditer(sentence.text):
                tried += 1
                if tried > _MOST_CLAUSES:
                    return
                yield from self._clause(sentence, clause.end())
            yield from self._anywhere(sentence)

    def _clause(self, sentence: Sentence, place: int) -> Iterator[Found]:
        """Yield the facts that begin here, and those of further verbs that share their subject."""
        for _ in range(4):
            end = place
            for rule in self.language.rules:
                match = None if rule.anywhere else rule.pattern.match(sentence.text, place)
                if match and (found := self._fact(rule, match, sentence)):
                    yield found
                    end = max(end, match.end())
            more = self.language.shared_subject.match(sentence.text, end) if end > place else None
            if more is None:
                return
            place = more.end()

    def _anywhere(self, sentence: Sentence) -> Iterator[Found]:
        for rule in self.language.rules:
            if rule.anywhere:
                for match in rule.pattern.finditer(sentence.text):
                    if found := self._fact(rule, match, sentence):
                        yield found

    def _fact(self, rule: Rule, match: re.Match[str], sentence: Sentence) -> Found | None:
        parts: Parts | None = {name: part or "" for name, part in match.groupdict().items()}
        if rule.clean is not None and parts is not None:
            parts = rule.clean(parts)
        if parts is None or not self._is_plain(sentence, match):
            return None
        dated = self._date(rule, match, parts)
        if dated is None:
            return None
        parts, valid_from = dated
        value = " ".join(rule.value.format(**parts).split()).strip(" -.,，")
        if not value:
            return None
        text = " ".join(rule.text.format(**parts).split())
        start = sentence.start + match.start()
        quote = self.original[start : start + len(match[0])].strip(" ,\t\n")
        return Found(rule, text, value, quote, start, valid_from)

    def _date(self, rule: Rule, match: re.Match[str], parts: Parts) -> tuple[Parts, datetime | None] | None:
        """Add the date to the parts; ``None`` for a plan that needs one and has none."""
        if rule.when is None:
            return parts, None
        if rule.when == "since":
            behind = _BEHIND.match(match.string, match.end())
            said = parts.get("when") or (behind[0] if behind else "")
            return parts, last_begun(said, self.at) if said else None
        before = _DATE_BEFORE.search(match.string, max(0, match.start() - 60), match.start())
        window = first_ahead(match[0], self.at) or (first_ahead(before[0], self.at) if before else None)
        if window is None:
            return None if rule.when == "ahead" else (parts | {"dated": ""}, None)
        date = self.language.shown(window)
        return parts | {"date": date, "dated": f" ({date})"}, window[0]

    def _is_plain(self, sentence: Sentence, match: re.Match[str]) -> bool:
        """Return whether the match is said as a fact: not asked, supposed, reported or taken back."""
        before, after = sentence.text[: match.end()], sentence.text[match.end() :]
        if self.language.veto.search(before) or self.language.veto_after.search(after):
            return False
        if "introduced" in match.re.groupindex and not self._is_introduction(sentence, match):
            return False
        is_question = sentence.text.rstrip().endswith(("?", "？"))
        return not is_question or self.language.question.match(after) is not None

    def _is_introduction(self, sentence: Sentence, match: re.Match[str]) -> bool:
        """Return whether a bare "I'm Tom" opens the message, alone or behind a greeting."""
        before = (sentence.before + sentence.text[: match.start()]).strip()
        return sentence.start < 60 and (not before or self.language.greeting.fullmatch(before) is not None)
