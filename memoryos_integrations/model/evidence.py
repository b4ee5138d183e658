"""Evidence: what a model says of the user or the agent counts only with the words that it rests on.

Each item of a reply cites pages that it was shown. What is about the user rests on the user's own words in
them; whose words else had a part in it lowers how far it is trusted. Nothing that a tool gave is evidence.
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
from memoryos_integrations.model.prompts.material import told
from memoryos_integrations.tiers.new_fact import NewFact, is_readable_by_model, is_users_own, trust
from memoryos_integrations.tiers.profile_fields import LONGEST_VALUE, field_of, is_possible
from memoryos_integrations.traits import LEVELS, dimension_of
from memoryos_integrations.writing.same_statement import DATES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from memoryos_integrations.model.prompts.persona import (
        FactItem,
        LearnReply,
        Material,
        ProfileItem,
        TraitItem,
    )
    from memoryos_integrations.types import About, Message, Page

_Item = TypeVar("_Item")

_LONGEST_STATEMENT: Final = 500
_LEAST_LETTERS: Final = 2  # of a quote; "I" stands everywhere
_MOST_ITEMS: Final = 60  # of each kind that one reply may hold
_MOST_SUPERSEDED: Final = 5  # by one fact: who takes back more than that has misread the question
_SUBJECTS: Final[dict[str, About]] = {"user": "user", "agent": "agent", "assistant": "agent"}
_STRAIGHT: Final = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "“": '"', "”": '"', "«": '"', "»": '"'})
_LETTER: Final = re.compile(r"[^\W_]")
_STEERING: Final = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")  # turns the order of what is shown
_NAME: Final = re.compile(r"[^\W\d_][\w-]+")
_NO_VALUE: Final = re.compile(
    r"(?:n/?a|none|null|nil|unknown|unspecified|undisclosed|unclear|-+|\?+|the user|user|agent"
    r"|(?:is |are |was )?not (?:specified|mentioned|provided|stated|given|known|available|applicable).*)[.!]?"
    r"|.*\b(?:did|does|do|was|is) not (?:mention|specify|state|provide|say)\b.*|no information\b.*",
    re.IGNORECASE,
)


class _RefusedError(Exception):
    """An item cannot be kept; its text says why, in words that hold no text of users."""


@dataclass(frozen=True, slots=True)
class TraitSeen:
    """A tendency, with the messages that show it."""

    dimension: str
    level: str
    messages: tuple[Message, ...]
    source: str


@dataclass(slots=True)
class Findings:
    """What of a reply can be kept."""

    new_facts: list[NewFact] = field(default_factory=list)
    """Facts, those that fill a field of a profile first."""
    traits: list[TraitSeen] = field(default_factory=list)
    """Traits of the user."""
    refused: Counter[str] = field(default_factory=Counter)
    """Items that were not kept, by the reason; also references to facts that were not shown."""


def read_new_facts(reply: LearnReply, material: Material, method: str) -> Findings:
    """Return what of a reply can be kept.

    Args:
        reply: the reply.
        material: what it was drawn from.
        method: the model's name.

    Raises:
        LLMBadOutput: it has items and none of them can be kept, or not even an empty list.
    """
    if not reply.model_fields_set:
        raise LLMBadOutput("It has none of the three lists; a list with nothing to say is empty.")
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
        raise LLMBadOutput(f"None of its items can be kept: {reasons}.")
    return findings


class _Reader:
    """Reads the items of one reply."""

    def __init__(self, material: Material, method: str) -> None:
        self._pages = {page.id: page for page in material.pages}
        self._labels, self._facts = material.labels
        self._method = method
        self.findings = Findings()

    def take(self, item: _Item, read: Callable[[_Item], None]) -> None:
        """Read an item, or count it as refused."""
        try:
            read(item)
        except _RefusedError as reason:
            self.findings.refused[str(reason)] += 1

    def profile(self, item: ProfileItem) -> None:
        """Take a field of a profile."""
        about = _subject(item.about)
        known = field_of(about, item.field)
        if known is None:
            raise _RefusedError("name a field that there is not")
        value = _stated(item.value, LONGEST_VALUE).strip(" .,;\"'")
        if not value:
            raise _RefusedError("have no value that can be kept")
        pages = self._cited(item.pages)
        rests_on = _words_of(about, pages, item.quote or value)
        if _borrowed(value, about, pages):
            raise _RefusedError("have a value that the user did not name")
        at = min(message.at for message in rests_on)
        if not is_possible(known, value, year=at.year):
            raise _RefusedError("have no value that can be kept")
        new_fact = NewFact(
            text=known.wording.format(value),
            field=known.name,
            value=value,
            single=known.single,
            valid_from=to_us(at),
            source=_least_trusted(rests_on),
            message_ids=tuple(message.id for message in rests_on),
            method=self._method,
            about=about,
        )
        self.findings.new_facts.append(new_fact)

    def trait(self, item: TraitItem) -> None:
        """Take a trait."""
        dimension, level = dimension_of(item.dimension), fold(item.level)
        if dimension is None or level not in LEVELS:
            raise _RefusedError("name a dimension or a level that there is not")
        rests_on = _words_of("user", self._cited(item.pages), item.quote)
        seen = TraitSeen(dimension, level, rests_on, _least_trusted(rests_on))
        self.findings.traits.append(seen)

    def fact(self, item: FactItem) -> None:
        """Take a fact that fills no field."""
        about = _subject(item.about)
        text = _stated(item.statement, _LONGEST_STATEMENT)
        if not text:
            raise _RefusedError("have no statement that can be kept")
        pages = self._cited(item.pages)
        said = _words_of(about, pages, item.quote)
        others = _borrowed(text, about, pages)
        if any(not is_readable_by_model(message) for message in others):
            raise _RefusedError("repeat what only a tool gave")
        rests_on = _in_order((*said, *others))
        at = min(message.at for message in said)
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
            raise _RefusedError("cite no page that was shown")
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


def _stated(text: str, most: int) -> str:
    """Return a text as it may be stored; empty if it is none, too long, or says that there is nothing."""
    try:
        line = told(_STEERING.sub("", text), most + 1)
    except LLMBadOutput:
        return ""
    return "" if len(line) > most or _NO_VALUE.fullmatch(line) else line


def _words_of(about: About, pages: Sequence[Page], quote: str) -> tuple[Message, ...]:
    """Return the messages that an item rests on: those that hold its quote, the most trusted of them.

    Without a quote they are all that were shown of its pages. What is about the user needs the user's own.
    """
    shown = [message for page in pages for message in page.messages]
    may_tell = [
        message
        for message in shown
        if is_users_own(message) or (about == "agent" and is_readable_by_model(message))
    ]
    if quote := _plain(quote):
        too_short = len(_LETTER.findall(quote)) < _LEAST_LETTERS
        holding = [message for message in may_tell if not too_short and _holds(message.text, quote)]
        if not holding:
            raise _RefusedError("quote words that nobody who may say so said in their pages")
        best = max(trust(_source(message)) for message in holding)
        return tuple(message for message in holding if trust(_source(message)) == best)
    if not may_tell or not all(map(is_readable_by_model, shown)):
        raise _RefusedError("quote nothing, and their pages hold more than the words of who may say so")
    return tuple(shown)


def _borrowed(text: str, about: About, pages: Sequence[Page]) -> tuple[Message, ...]:
    """Return the messages of others whose names stand in a text about the user, who did not say them.

    A name that the user never said came from whom it stands with, whatever was quoted.
    """
    if about == "agent":
        return ()
    messages = [message for page in pages for message in page.messages]
    speakers = [message.name for message in messages if message.name]  # the caller's word, not the text's
    own = fold(" ".join([*speakers, *(message.text for message in messages if is_users_own(message))]))
    others = [message for message in messages if not is_users_own(message)]
    names = {fold(name) for name in _NAME.findall(text) if name[0].isupper()}
    missing = [name for name in names - STOP_WORDS - DATES - set(_SUBJECTS) if name not in own]
    return tuple(message for message in others if any(_holds(message.text, name) for name in missing))


def _holds(text: str, quote: str) -> bool:
    return whole_words(quote).search(_plain(text)) is not None


def _plain(text: str) -> str:
    """Return a text as quotes are looked for in it: NFKC, one case, straight marks, single blanks."""
    return fold(text.translate(_STRAIGHT)).strip(" .…\"'")


def _source(message: Message) -> str:
    """Return where a message came from, the less trusted of its role and its source."""
    return min(message.role, message.source, key=trust)


def _least_trusted(messages: Sequence[Message]) -> str:
    return min((_source(message) for message in messages), key=trust)


def _in_order(messages: Iterable[Message]) -> tuple[Message, ...]:
    return tuple({message.id: message for message in messages}.values())


def _period(since: str | None, until: str | None, at: int) -> tuple[int, int | None]:
    """Return since when a fact holds, at most its page's time, and when it ends if that is yet to come."""
    moment = from_us(at)
    begins, ends = date_windows(since or "", moment), date_windows(until or "", moment)
    # A day, month or year that the page lies in says no more than the page's own time.
    begin = to_us(begins[0][0]) if len(begins) == 1 and begins[0][1] <= moment else at
    end = to_us(ends[0][1]) if len(ends) == 1 and ends[0][0] > moment else None
    return begin, end
