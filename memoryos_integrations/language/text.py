"""From text to index terms: words, stems, stop words, and characters where no spaces are written.

Words are compatibility-normalised (NFKC), casefolded and stemmed by the English Snowball algorithm:
on LoCoMo stems find 1 to 2 points more of the evidence than bare words. Chinese, Japanese, Korean and
the South-East Asian scripts have few or no spaces between words; a run of them becomes its characters
and its pairs of neighbouring characters.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from typing import TYPE_CHECKING

import Stemmer

if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST_WORD = 64
"""Longer runs of letters (base64, keys) are cut here: their tails would only fill the memory."""
_SENTENCE_ENDS = ".!?…;:\n\"'“”‘’(|—¿¡"
_MEMO_SIZE = 1 << 16
"""Stems remembered; the words of one language in use are fewer."""

_ENGLISH = """
a about after again all also am an and any are as at be because been before being but by can could did do does
doing dont down during each few for from further had has have having he her here hers herself him himself his
how i if in into is it its itself just me might more most must my myself no nor not now of off on once only
or other our ours out over own same shall she should so some such than that the their theirs them themselves
then there these they this those through to too under until up us very was we were what when where which while
who whom whose why will with would you your yours yourself yourselves
arent cant couldnt didnt doesnt hadnt hasnt havent isnt shouldnt wasnt werent wont wouldnt
"""
_PORTUGUESE = """
ao aos aquela aquele as às até com como da das de dela dele deles depois do dos e é ela elas ele eles em entre
essa esse esta está este estava eu foi foram há isso isto já lhe mais mas me mesmo meu meus minha minhas muito
na não nas nem no nos nossa nosso num numa o onde os ou para pela pelo por porque qual quando que quem são se
seja sem ser será seu seus só sua suas também te tem tinha tu tua um uma você vocês à
"""
STOP_WORDS: frozenset[str] = frozenset((_ENGLISH + _PORTUGUESE).split())
"""English and Portuguese function words, casefolded and without apostrophes (``don't`` is ``dont``).

"may" is not among them: it is a month as well."""

_CHATTER = (
    "hey hi hello bye thanks thank please sorry yes yeah yep nope okay wow haha great awesome amazing "
    "cool nice good best better fantastic wonderful lovely perfect love loved loves like liked likes "
    "glad happy excited proud feel feels feeling felt sound sounds sounded seem seems make makes made "
    "making keep keeps let lets get gets getting got gotten give gives gave go goes going gone went "
    "come comes came take takes took taking put want wants wanted need needs needed try tries tried "
    "trying think thinks thought know knows knew see sees saw seen look looks looking looked tell "
    "tells told say says said talk mean means guess hope wish remember start started use used really "
    "actually super totally definitely absolutely sure maybe probably pretty quite bit little lot "
    "lots much many more most few thing things stuff something anything everything nothing someone "
    "anyone everyone way ways kind sort part time times day days week weeks month months year years "
    "today tomorrow yesterday morning evening night ago last next recently lately soon later ever "
    "never always sometimes often still even well also back around away first one two new old big "
    "long real hard right able oi olá obrigado obrigada sim legal bom boa bons boas ótimo ótima gosto "
    "gostei acho coisa coisas dia dias semana mês ano anos hoje ontem amanhã agora muito muita muitos "
    "muitas pouco bem sempre nunca ainda fazer faz feito ter tenho tem ir vou foi quero queria "
    "preciso posso pode "
)
CHATTER: frozenset[str] = frozenset(_CHATTER.split())
"""What people say whatever they talk about, in English and Portuguese: no mark of a topic."""

_UNSPACED = (
    "々〇\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"  # kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
    "\uac00-\ud7a3"  # Hangul: has spaces, but particles are glued to the words
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u1000-\u103f\u1780-\u17d3"  # Thai, Lao, Burmese, Khmer
)
# `\w` leaves out the vowel signs and accents that are characters of their own, and would cut words there.
_MARKS = "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0981-\u0df3"
_LETTER = rf"(?:[^\W_{_UNSPACED}]|[{_MARKS}])"
_find_ascii = re.compile(r"[a-z0-9]+(?:'[a-z0-9]+)*").findall
_find_spaced = re.compile(rf"{_LETTER}+(?:['’]{_LETTER}+)*").findall
_find_any = re.compile(rf"[{_UNSPACED}]+|{_LETTER}+(?:['’]{_LETTER}+)*").findall
_find_unspaced = re.compile(rf"[{_UNSPACED}]").search
_runs_unspaced = re.compile(rf"[{_UNSPACED}]+").findall
_strip_clitic = re.compile(r"['’](?:s|m|d|ll|ve|re)$").sub


def is_unspaced(text: str) -> bool:
    """Return whether the text has a character of a script with few or no spaces between words."""
    return _find_unspaced(text) is not None


def count_unspaced(text: str) -> int:
    """Return how many characters of scripts with few or no spaces between words a text has."""
    return 0 if text.isascii() else sum(map(len, _runs_unspaced(text)))


def fold(text: str) -> str:
    """Return a text in the form in which names and phrases are compared: NFKC, casefolded, single blanks."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def whole_words(phrase: str) -> re.Pattern[str]:
    """Return a pattern for a phrase where it is not part of a longer word; unspaced scripts have no such."""
    before = "" if is_unspaced(phrase[0]) else r"(?<!\w)"
    after = "" if is_unspaced(phrase[-1]) else r"(?!\w)"
    return re.compile(before + re.escape(phrase) + after)


def alternatives(words: Iterable[str]) -> str:
    """Return a pattern that matches any of the words or phrases, the longest that fits."""
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))


def begins_sentence(text: str, place: int) -> bool:
    """Return whether a word at this place is the first of a sentence, a line, a quotation or a bracket."""
    before = text[max(0, place - 40) : place].rstrip(" \t")
    return not before or before[-1] in _SENTENCE_ENDS


def _plain(word: str) -> str:
    """Drop the possessive and the short forms of verbs; the other apostrophes leave no gap."""
    if "'" in word or "’" in word:
        word = _strip_clitic("", word).replace("'", "").replace("’", "")
    return word[:_LONGEST_WORD]


class _Stems(dict[str, str]):
    """Casefolded word, as it stands in the text, to its stem. Filled on demand, emptied when full."""

    def __init__(self) -> None:
        super().__init__()
        # A stemmer must not be used by two threads at once. Its own memo is off: this one replaces it.
        self._stemmer = Stemmer.Stemmer("english", 0)
        self._lock = threading.Lock()

    def __missing__(self, word: str) -> str:
        plain = _plain(word)
        with self._lock:
            stem: str = self._stemmer.stemWord(plain)
            if len(self) >= _MEMO_SIZE:
                self.clear()
            if len(word) <= _LONGEST_WORD:
                self[word] = stem
        return stem


_stem = _Stems().__getitem__


def _words(text: str) -> tuple[list[str], bool]:
    """Return casefolded pieces in order, and whether runs of unspaced script can be among them."""
    if text.isascii():
        return _find_ascii(text.lower()), False
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    if is_unspaced(text):
        return _find_any(text), True
    return _find_spaced(text), False


def _pairs(run: str) -> list[str]:
    return [run[i : i + 2] for i in range(len(run) - 1)]


def _terms_of(pieces: Iterable[str]) -> list[str]:
    terms: list[str] = []
    for piece in pieces:
        if is_unspaced(piece[0]):
            terms += piece
            terms += _pairs(piece)
        else:
            terms.append(_stem(piece))
    return terms


def terms(text: str) -> list[str]:
    """Return the index terms of a text, in order, with repetitions.

    Example:
        >>> terms("Caroline's cats don't run")
        ['carolin', 'cat', 'dont', 'run']
        >>> terms("我爱猫")
        ['我', '爱', '猫', '我爱', '爱猫']
    """
    words, mixed = _words(text)
    return _terms_of(words) if mixed else list(map(_stem, words))


def _content(text: str) -> tuple[list[str], bool]:
    words, mixed = _words(text)
    return [word for word in words if _plain(word) not in STOP_WORDS], mixed


def content_terms(text: str) -> list[str]:
    """Return the terms of a text without those of its stop words.

    Example:
        >>> content_terms("What did the cats do?")
        ['cat']
    """
    words, mixed = _content(text)
    return _terms_of(words) if mixed else list(map(_stem, words))


def content_words(text: str) -> list[str]:
    """Return the words that carry meaning, casefolded but not stemmed, in order, with repetitions.

    Stop words and single letters or digits are left out. A run of unspaced script gives its pairs of
    neighbouring characters, or the one character that it is.

    Example:
        >>> content_words("What did Caroline's cats do in 2023?")
        ['caroline', 'cats', '2023']
    """
    found: list[str] = []
    for word in _content(text)[0]:
        if is_unspaced(word[0]):
            found += _pairs(word) or [word]
        elif len(plain := _plain(word)) > 1:
            found.append(plain)
    return found
