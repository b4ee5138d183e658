"""From a message to the sentences in which its writer may speak of themselves, and the rules' shape."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from memoryos_integrations.language.dates import in_figures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from memoryos_integrations.language.dates import DateWindow

    Parts = dict[str, str]

LONGEST: Final = 20_000
"""Characters of a message that are read; what is longer is mostly pasted."""
_SENTENCE: Final = 600  # characters of a sentence that are read: people state facts about themselves in fewer
_NOT_THEIRS: Final = "\x00"  # stands for each character that is somebody else's words, or code

UPPER: Final = r"(?-i:[^\W\d_a-zß-öø-ÿ])"
"""A letter that is none of the small Latin ones: a pattern of all capitals would take long to compile."""
NAME: Final = rf"{UPPER}(?:\w|[-'](?!s\b)\w)*"
_PARTICLE: Final = r"(?:(?:de|da|do|dos|das|van|von|der|den|bin|al|el|la|di|del) ){0,2}"
FULL_NAME: Final = rf"{NAME}(?: {_PARTICLE}{NAME}){{0,3}}"
"""A name of one to four capitalised words: Tom, Ana da Silva, Vincent van Gogh."""

_SAME_LENGTH: Final = str.maketrans({"’": "'", "ʼ": "'", "‘": "'", "\u00a0": " ", "\t": " ", "\r": "\n"})
_FOREIGN: Final = re.compile(
    r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|`[^`\n]*`"  # code
    r"|(?m:^ {4,}\S.*$|^ *>.*$|^ *\|.*$)"  # indented code, quoted lines, tables
    r'|"[^"]{0,2000}"|“[^”]{0,2000}”|«[^»]{0,2000}»|「[^」]{0,2000}」|『[^』]{0,2000}』|《[^》]{0,200}》'
    r"|(?<!\w)'[^'\n]{1,300}'(?!\w)"
    r'|["“«「『][^\n]*'  # a quotation that is never closed
    r"|https?://\S+",
    re.DOTALL,
)
_LABELLED: Final = re.compile(r"(?m)^ *[^\W\d_][\w .-]{0,24}[:：].*$")
_PASTED: Final = re.compile(
    r"(?:(?<!remember )(?<!note )(?<!know )\b(?:this|these|following|below|e-?mail|message|letter"
    r"|text|review|post|bio"
    r"|paragraph|wrote|writes|says|said|draft|essay|article|tweet|ticket|resume|cv|transcript|prompt|abstract|comment"
    r"|mensagem|texto|seguinte|carta|abaixo|escreveu|disse)\b|邮件|文章|以下|下面|这段|这封)[^\n:：]{0,40}[:：].*",
    re.DOTALL | re.IGNORECASE,
)
_END: Final = re.compile(r"[.!?…]+(?=[\s\x00)]|$)|[。！？；]+|\n+")
_ABBREVIATION: Final = re.compile(
    r"(?:\b(?:dr|mr|mrs|ms|prof|st|vs|jr|sr|inc|dra|sra|srta|e\.g|i\.e|a\.m|p\.m|approx)"
    r"|(?<![\w'])(?-i:[A-HJ-Z]))$",
    re.IGNORECASE,
)


class Sentence(NamedTuple):
    """A sentence of a message; what its writer only quotes is blotted out, at unchanged places."""

    text: str
    """The sentence with its closing mark."""
    start: int
    """Its place in the message."""
    before: str
    """Up to 60 characters that stand before it, blotted likewise."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One form in which people state a fact about themselves."""

    field: str | None
    pattern: re.Pattern[str]
    text: str
    """The statement; the pattern's groups stand in braces."""
    value: str = "{value}"
    single: bool = False
    clean: Callable[[Parts], Parts | None] | None = None
    """Tidies the groups; ``None`` means that this is no fact after all."""
    when: Literal["since", "ahead", "perhaps ahead"] | None = None
    """Which date the match may name; a rule that looks ahead finds nothing without one."""
    anywhere: bool = False
    """Whether it holds in the middle of a clause too: "my wife Anna"."""


@dataclass(frozen=True, slots=True)
class Language:
    """How facts are stated in one language."""

    rules: tuple[Rule, ...]
    clause: re.Pattern[str]
    """Where a clause begins that may speak of the writer: matched from the sentence's start, or found."""
    shared_subject: re.Pattern[str]
    """What leads from a fact to a next verb with the same subject: "... and live in Leeds"."""
    greeting: re.Pattern[str]
    """What stands before somebody who introduces themselves by the bare name."""
    message_veto: re.Pattern[str]
    """A message in which nothing is to be taken at its word: role-play, text to translate, jokes."""
    veto: re.Pattern[str]
    """What makes a sentence no plain statement when it stands before a fact or in it."""
    veto_after: re.Pattern[str]
    """The same when it stands behind it in the sentence."""
    question: re.Pattern[str]
    """What may follow a fact in a sentence that ends as a question."""
    shown: Callable[[DateWindow], str] = in_figures
    """How the date of a plan is written."""


def rule(field: str | None, pattern: str, text: str, **more: Any) -> Rule:
    """Make a rule whose pattern looks at no case but where it says so."""
    return Rule(field, re.compile(pattern, re.IGNORECASE), text, **more)


def single(field: str | None, pattern: str, text: str, **more: Any) -> Rule:
    """Make a rule for a field that has one value at a time."""
    return rule(field, pattern, text, single=True, **more)


def blotted(text: str) -> str:
    """Return a text of equal length with quotations, code, pasted texts and transcripts blotted out."""
    text = _FOREIGN.sub(_blot, text.translate(_SAME_LENGTH))
    text = _PASTED.sub(_blot, text, count=1)  # what follows "reply to this email:" is somebody else's
    if len(_LABELLED.findall(text)) > 1:  # a transcript, a form, an example of a dialogue
        text = _LABELLED.sub(_blot, text)
    return text


def _blot(match: re.Match[str]) -> str:
    return "".join("\n" if letter == "\n" else _NOT_THEIRS for letter in match[0])


def sentences(text: str) -> Iterator[Sentence]:
    """Yield the sentences of a blotted text, none longer than 600 characters; shouted ones are left out."""
    start = 0
    for end in [*_END.finditer(text), None]:
        stop = len(text) if end is None else end.end()
        if (
            end is not None
            and end[0] == "."
            and _ABBREVIATION.search(text, max(0, end.start() - 8), end.start())
        ):
            continue
        sentence = text[start : min(stop, start + _SENTENCE)]
        if len(sentence.strip()) > 2 and not _is_shouted(sentence):
            yield Sentence(sentence, start, text[max(0, start - 60) : start])
        start = stop


def _is_shouted(sentence: str) -> bool:
    """Return whether capitals say nothing: all letters, or the first ones of all of four words or more."""
    words = sentence.split()
    return (sentence.isupper() and len(sentence) > 12) or (len(words) > 3 and sentence.istitle())
