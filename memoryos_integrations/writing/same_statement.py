"""Decides whether two statements say the same. In doubt they do not: a duplicate is better than a lost fact.

Different statements about one thing often differ by one word: Lisbon or Porto, bought or sold, allergic or
not. So names, numbers, negations, wishes, past states and relatives must match before the words are compared.
Vectors cannot decide: MiniLM rates "bought a house" and "sold a house" as more similar (0.956) than most
paraphrases. A chat model may report paraphrases, accepted only if those marks match.
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

_LONGEST: Final = 2_000  # characters compared; real statements are far shorter
_MIN_OVERLAP: Final = 0.8
"""Minimum Jaccard index for a statement to equal a longer one that contains all its words."""


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
"""Words that change the meaning of a statement; those of a group are equal."""
_MARKS_UNSPACED: Final = re.compile("[不没沒無无非未别別勿]")
_SYNONYMS: Final = _groups(
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
"""Words of the same meaning in otherwise equal statements."""
_SUBJECTS: Final = frozenset({"user", "agent", "assistant", "usuário", "usuária"})
DATES: Final = frozenset(map(fold, (*ENGLISH_MONTHS, *ENGLISH_WEEKDAYS)))
"""Names of months and weekdays: capitalised, but not names of people or places."""
_WORD: Final = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class Form:
    """A statement prepared for comparison."""

    words: frozenset[str]
    """Stems of its words, synonyms unified."""
    marks: tuple[frozenset[str], tuple[str, ...]]
    """What must match exactly: words that change the meaning, numbers, dates; subjects and names in order."""
    spaced: bool
    """Whether its script has spaces between words."""


def form_of(text: str) -> Form:
    """Return a statement prepared for comparison."""
    marks: set[str] = set()
    names: list[str] = []
    words: list[str] = []
    text = text[:_LONGEST]
    for word in _WORD.findall(text):
        key = fold(word).replace("’", "'")
        bare = key.removesuffix("'s").replace("'", "")
        if bare in _SUBJECTS:
            names.append(bare)
        elif bare in DATES and word[0].isupper():
            marks.add(bare)
        elif bare in _MARKS or bare[0].isdigit():
            marks.add(_MARKS.get(bare, bare))
        elif word[0].isupper() and bare not in STOP_WORDS:
            names.append(bare)
        if _MARKS.get(bare) != "not":
            words.append(_SYNONYMS.get(bare, bare))
    marks.update(_MARKS_UNSPACED.findall(text))
    spaced = not is_unspaced(text)
    kept = " ".join(word for word in words if word not in _SUBJECTS) if spaced else text
    return Form(frozenset(content_terms(kept)), (frozenset(marks), tuple(names)), spaced)


def same_marks(one: Form, other: Form) -> bool:
    """Return whether negations, numbers, names and the like are the same."""
    return one.marks == other.marks


def adds_nothing(new: Form, stored: Form) -> bool:
    """Return whether a new statement adds nothing to a stored one.

    Example:
        >>> adds_nothing(form_of("The user's home is Lisbon."), form_of("The user lives in Lisbon."))
        True
        >>> adds_nothing(form_of("The user eats no nuts."), form_of("The user eats nuts."))
        False
    """
    if not same_marks(new, stored) or not new.words:
        return False
    if new.words == stored.words:
        return True
    return new.spaced and new.words < stored.words and jaccard(new.words, stored.words) >= _MIN_OVERLAP
