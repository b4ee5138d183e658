"""Evidence: an item that a model extracts is kept only with the messages that support it.

Each item of a reply cites pages of the prompt. Items about the user need the user's own words there; words of
others lower the item's trust. Tool output is never evidence.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar

from memoryos_integrations.clock import from_us, to_us
from memoryos_integrations.errors import LLMBadOutput
from memoryos_integrations.language.date_windows import date_windows
from memoryos_integrations.language.text import STOP_WORDS, fold, whole_words
from memoryos_integrations.model.prompts.material import checked_statement
from memoryos_integrations.tiers.new_fact import NewFact, is_readable_by_model, is_users_own, trust
from memoryos_integrations.tiers.profile_fields import LONGEST_VALUE, field_of, is_possible
from memoryos_integrations.traits import LEVELS, dimension_of
from memoryos_integrations.writing.same_statement import DATES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from memoryos_integrations.model.prompts.extraction import (
        FactItem,
        LessonsReply,
        Material,
        ProfileItem,
        TraitItem,
    )
    from memoryos_integrations.types import About, Message, Page

_Item = TypeVar("_Item")

_LONGEST_STATEMENT: Final = 500
_LEAST_LETTERS: Final = 2  # of a quote; "I" is everywhere
_MOST_ITEMS: Final = 60  # per kind and reply
_MOST_SUPERSEDED: Final = 5  # by one fact; more is a misread prompt
_SUBJECTS: Final[dict[str, About]] = {"user": "user", "agent": "agent", "assistant": "agent"}
_STRAIGHT: Final = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "“": '"', "”": '"', "«": '"', "»": '"'})
_LETTER: Final = re.compile(r"[^\W_]")
_STEERING: Final = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")  # changes the text direction
_NAME: Final = re.compile(r"[^\W\d_][\w-]+")
_NO_VALUE: Final = re.compile(
    r"(?:n/?a|none|null|nil|unknown|unspecified|undisclosed|unclear|-+|\?+|the user|user|agent"
    r"|(?:is |are |was )?not (?:specified|mentioned|provided|stated|given|known|available|applicable).*)[.!]?"
    r"|.*\b(?:did|does|do|was|is) not (?:mention|specify|state|provide|say)\b.*|no information\b.*",
    re.IGNORECASE,
)


class _RefusedError(Exception):
    """An item is rejected; the message gives the reason without text of users."""


@dataclass(frozen=True, slots=True)
class TraitSeen:
    """A trait, with the messages that show it."""

    dimension: str
    level: str
    messages: tuple[Message, ...]
    source: str


@dataclass(slots=True)
class Findings:
    """The usable items of a reply."""

    new_facts: list[NewFact] = field(default_factory=list)
    """Facts, profile fields first."""
    traits: list[TraitSeen] = field(default_factory=list)
    """Traits of the user."""
    refused: Counter[str] = field(default_factory=Counter)
    """Rejected items by reason, including references to unknown facts."""


def read_findings(reply: LessonsReply, material: Material, method: str) -> Findings:
    """Return the usable items of a reply.

    Args:
        reply: the reply.
        material: the content of the prompt.
        method: the model's name.

    Raises:
        LLMBadOutput: all of its items are rejected, or it has none of the three lists.
    """
    if not reply.model_fields_set:
        raise LLMBadOutput("It has none of the three lists; return an empty list if there is nothing.")
    reader = _Reader(material, method)
    for item in _limited(reply.profile, reader.findings):
        reader.take(item, reader.profile)
    for trait in _limited(reply.traits, reader.findings):
        reader.take(trait, reader.trait)
    for fact in _limited(reply.facts, reader.findings):
        reader.take(fact, reader.fact)
    findings = reader.findings
    if findings.refused and not findings.new_facts and not findings.traits:
        reasons = ", ".join(f"{count} {reason}" for reason, count in findings.refused.items())
        raise LLMBadOutput(f"None of its items is usable: {reasons}.")
    return findings


class _Reader:
    """Reads the items of one reply."""

    def __init__(self, material: Material, method: str) -> None:
        self._pages = {page.id: page for page in material.pages}
        self._labels, self._facts = material.labels
        self._method = method
        self.findings = Findings()

    def take(self, item: _Item, read: Callable[[_Item], None]) -> None:
        """Read an item, or count it as rejected."""
        try:
            read(item)
        except _RefusedError as reason:
            self.findings.refused[str(reason)] += 1

    def profile(self, item: ProfileItem) -> None:
        """Add a field of a profile."""
        about = _subject(item.about)
        field_ = field_of(about, item.field)
        if field_ is None:
            raise _RefusedError("name an unknown field")
        value = _cleaned(item.value, LONGEST_VALUE).strip(" .,;\"'")
        if not value:
            raise _RefusedError("have no usable value")
        pages = self._cited(item.pages)
        rests_on = _evidence(about, pages, item.quote or value)
        if _sources_of_names(value, about, pages):
            raise _RefusedError("have a value that the user did not name")
        at = min(message.at for message in rests_on)
        if not is_possible(field_, value, year=at.year):
            raise _RefusedError("have no usable value")
        new_fact = NewFact(
            text=field_.wording.format(value),
            field=field_.name,
            value=value,
            single=field_.single,
            valid_from=to_us(at),
            source=_least_trusted(rests_on),
            message_ids=tuple(message.id for message in rests_on),
            method=self._method,
            about=about,
        )
        self.findings.new_facts.append(new_fact)

    def trait(self, item: TraitItem) -> None:
        """Add a trait."""
        dimension, level = dimension_of(item.dimension), fold(item.level)
        if dimension is None or level not in LEVELS:
            raise _RefusedError("name an unknown dimension or level")
        rests_on = _evidence("user", self._cited(item.pages), item.quote)
        seen = TraitSeen(dimension, level, rests_on, _least_trusted(rests_on))
        self.findings.traits.append(seen)

    def fact(self, item: FactItem) -> None:
        """Add a fact that fills no field."""
        about = _subject(item.about)
        text = _cleaned(item.statement, _LONGEST_STATEMENT)
        if not text:
            raise _RefusedError("have no usable statement")
        pages = self._cited(item.pages)
        quoted = _evidence(about, pages, item.quote)
        others = _sources_of_names(text, about, pages)
        if any(not is_readable_by_model(message) for message in others):
            raise _RefusedError("repeat text that only a tool returned")
        rests_on = _unique((*quoted, *others))
        at = min(message.at for message in quoted)
        valid_from, valid_to = _period(item.since, item.until, to_us(at))
        new_fact = NewFact(
            text=text,
            field=None,
            value=None,
            single=False,
            valid_from=valid_from,
            source=_least_trusted(rests_on),
            message_ids=tuple(message.id for message in rests_on),
            method=self._method,
            about=about,
            valid_to=valid_to,
            supersedes=self._superseded(item.supersedes),
            same_as=self._facts.find(item.same_as),
        )
        self.findings.new_facts.append(new_fact)

    def _cited(self, labels: Iterable[str]) -> list[Page]:
        cited = [self._pages[page] for page in self._labels.find_all(labels)]
        if not cited:
            raise _RefusedError("cite no page of the prompt")
        return cited

    def _superseded(self, labels: Sequence[str]) -> tuple[str, ...]:
        found = tuple(self._facts.find_all(labels))
        if len(found) > _MOST_SUPERSEDED:
            found = ()
        if lost := len(set(labels)) - len(found):
            self.findings.refused["name facts that cannot be superseded"] += lost
        return found


def _limited(items: Sequence[_Item], findings: Findings) -> Sequence[_Item]:
    if len(items) > _MOST_ITEMS:
        findings.refused["are too many"] += len(items) - _MOST_ITEMS
    return items[:_MOST_ITEMS]


def _subject(about: str) -> About:
    subject = _SUBJECTS.get(fold(about))
    if subject is None:
        raise _RefusedError("are about neither the user nor the agent")
    return subject


def _cleaned(text: str, limit: int) -> str:
    """Return a text ready for storage; empty if unusable, too long, or a placeholder such as "unknown"."""
    try:
        line = checked_statement(_STEERING.sub("", text), limit + 1)
    except LLMBadOutput:
        return ""
    return "" if len(line) > limit or _NO_VALUE.fullmatch(line) else line


def _evidence(about: About, pages: Sequence[Page], quote: str) -> tuple[Message, ...]:
    """Return the messages that support an item: the most trusted of those that contain its quote.

    Without a quote, all messages of its pages. Items about the user need the user's own messages.
    """
    shown = [message for page in pages for message in page.messages]
    eligible = [
        message
        for message in shown
        if is_users_own(message) or (about == "agent" and is_readable_by_model(message))
    ]
    if quote := _plain(quote):
        too_short = len(_LETTER.findall(quote)) < _LEAST_LETTERS
        matching = [message for message in eligible if not too_short and _holds(message.text, quote)]
        if not matching:
            raise _RefusedError("quote words that are in no eligible message of their pages")
        best = max(trust(_source(message)) for message in matching)
        return tuple(message for message in matching if trust(_source(message)) == best)
    if not eligible or not all(map(is_readable_by_model, shown)):
        raise _RefusedError("have no quote, and their pages have messages that are not eligible")
    return tuple(shown)


def _sources_of_names(text: str, about: About, pages: Sequence[Page]) -> tuple[Message, ...]:
    """Return the messages of others that contain names in a text about the user, if the user never used them.

    Such a name came from these messages, whatever was quoted.
    """
    if about == "agent":
        return ()
    messages = [message for page in pages for message in page.messages]
    speakers = [message.name for message in messages if message.name]  # given by the caller, not by the text
    own = fold(" ".join([*speakers, *(message.text for message in messages if is_users_own(message))]))
    others = [message for message in messages if not is_users_own(message)]
    names = {fold(name) for name in _NAME.findall(text) if name[0].isupper()}
    missing = [name for name in names - STOP_WORDS - DATES - set(_SUBJECTS) if name not in own]
    return tuple(message for message in others if any(_holds(message.text, name) for name in missing))


def _holds(text: str, quote: str) -> bool:
    return whole_words(quote).search(_plain(text)) is not None


def _plain(text: str) -> str:
    """Normalise a text for matching quotes: NFKC, case-folded, straight quotes, single spaces."""
    return fold(text.translate(_STRAIGHT)).strip(" .…\"'")


def _source(message: Message) -> str:
    """Return the less trusted of a message's role and source."""
    return min(message.role, message.source, key=trust)


def _least_trusted(messages: Sequence[Message]) -> str:
    return min((_source(message) for message in messages), key=trust)


def _unique(messages: Iterable[Message]) -> tuple[Message, ...]:
    return tuple({message.id: message for message in messages}.values())


def _period(since: str | None, until: str | None, at: int) -> tuple[int, int | None]:
    """Return a fact's start, at most its page's time, and its end if that is later."""
    moment = from_us(at)
    begins, ends = date_windows(since or "", moment), date_windows(until or "", moment)
    # A period that contains the page's time is no more precise than that time.
    begin = to_us(begins[0][0]) if len(begins) == 1 and begins[0][1] <= moment else at
    end = to_us(ends[0][1]) if len(ends) == 1 and ends[0][0] > moment else None
    return begin, end
