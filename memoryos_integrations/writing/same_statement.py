"""When two statements say the same. Where there is doubt they do not: one too many is better than one lost.

Two statements on one thing differ by a word more often than not: Lisbon or Porto, bought or sold, allergic or
not. So names, numbers, negations, wishes, what is over, and other people must be the same in both before
anything else is compared. Vectors do not decide: MiniLM finds "bought a house" and "sold a house" more alike
(0.956) than most paraphrases. Which statements say the same in other words is asked of the chat model, and
believed only where nothing of the above differs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from memoryos_integrations.language.dates import ENGLISH_MONTHS, ENGLISH_WEEKDAYS
from memoryos_integrations.language.extractive import jaccard
from memoryos_integrations.language.text import STOP_WORDS, content_terms, fold, is_unspaced

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST: Final = 2_000  # characters that are read; statements that are compared are far shorter
_ALIKE: Final = 0.8
"""Jaccard of the words from which a statement that adds none says the same as a longer one."""


def _groups(*groups: str) -> Mapping[str, str]:
    """Map every word of a group to the group's first one."""
    return MappingProxyType({word: group.split()[0] for group in groups for word in group.split()})


_MARKS: Final = _groups(
    "not never no nor without neither dont doesnt didnt isnt arent wasnt werent cant cannot couldnt wont "
    "wouldnt hasnt havent não nunca jamais sem nem",
    "over used former formerly ex stopped stops quit longer anymore once previously was were had gave ended "
    "ends left lost sold divorced era foi tinha parou deixou",
    "wanted want wants would wish wishes hope hopes plan plans planning planned intend intends dream dreams "
    "might may could considering quer gostaria pretende planeja espera",
    "person friend friends boss colleague colleagues neighbour neighbor roommate",
    "child son daughter children kid kids sons daughters filho filha filhos",
    "sibling sister sisters brother brothers irmã irmão",
    "spouse wife husband partner girlfriend boyfriend fiancé fiancée marido esposa",
    "parent mother father mom dad mum parents mãe pai",
    "relative uncle aunt cousin cousins grandmother grandfather grandma grandpa niece nephew",
    *("0 zero", "1 one um uma", "2 two dois duas", "3 three três", "4 four quatro", "5 five cinco"),
    *("6 six seis", "7 seven sete", "8 eight oito", "9 nine nove", "10 ten dez", "11 eleven", "12 twelve"),
)
"""Words that change what a statement says, whatever else is in it."""
_MARKS_UNSPACED: Final = re.compile("[不没沒無无非未别別勿]")
_ONE_WORD: Final = _groups(
    "live lives living lived reside resides residing home dwells based mora vive reside",
    "work works working worked job profession occupation employed trabalha",
    "named name names called call",
    "like likes liked liking enjoy enjoys enjoying love loves loving prefer prefers fond gosta adora",
    "learn learns learning learnt learned study studies studying estuda",
    "attend attends attended attending went go goes joined joins join participated participates",
    "buy buys bought purchase purchased purchases",
    "prepare prepares preparing train trains training",
    "has have owns own owned",
)
"""Words that say the same of somebody in a statement that is the same otherwise."""
_SUBJECTS: Final = frozenset({"user", "agent", "assistant", "usuário", "usuária"})
DATES: Final = frozenset(map(fold, (*ENGLISH_MONTHS, *ENGLISH_WEEKDAYS)))
"""Names of months and days: capitalised, and nobody's."""
_WORD: Final = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class Form:
    """A statement as it is compared."""

    words: frozenset[str]
    """The stems of what it says, those of one meaning alike."""
    marks: tuple[frozenset[str], tuple[str, ...]]
    """What must be the same before anything else counts: words that turn the meaning, numbers and dates; the
    subjects and names in their order."""
    spaced: bool
    """Whether it is of a script with blanks between its words."""


def form_of(text: str) -> Form:
    """Return a statement as it is compared."""
    marks: set[str] = set()
    names: list[str] = []
    words: list[str] = []
    text = text[:_LONGEST]
    for said in _WORD.findall(text):
        key = fold(said).replace("’", "'")
        bare = key.removesuffix("'s").replace("'", "")
        if bare in _SUBJECTS:
            names.append(bare)
        elif bare in DATES and said[0].isupper():
            marks.add(bare)
        elif bare in _MARKS or bare[0].isdigit():
            marks.add(_MARKS.get(bare, bare))
        elif said[0].isupper() and bare not in STOP_WORDS:
            names.append(bare)
        if _MARKS.get(bare) != "not":
            words.append(_ONE_WORD.get(bare, bare))
    if turned := _MARKS_UNSPACED.findall(text):
        marks.update(turned)
    spaced = not is_unspaced(text)
    kept = " ".join(word for word in words if word not in _SUBJECTS) if spaced else text
    return Form(frozenset(content_terms(kept)), (frozenset(marks), tuple(names)), spaced)


def can_be_the_same(one: Form, other: Form) -> bool:
    """Return whether nothing that turns the meaning differs."""
    return one.marks == other.marks


def says_no_more(new: Form, known: Form) -> bool:
    """Return whether the words of a new statement say nothing that a known one does not.

    Example:
        >>> says_no_more(form_of("The user's home is Lisbon."), form_of("The user lives in Lisbon."))
        True
        >>> says_no_more(form_of("The user eats no nuts."), form_of("The user eats nuts."))
        False
    """
    if not can_be_the_same(new, known) or not new.words:
        return False
    if new.words == known.words:
        return True
    return new.spaced and new.words < known.words and jaccard(new.words, known.words) >= _ALIKE
