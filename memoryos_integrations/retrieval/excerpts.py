"""Excerpts: of a long message its beginning and the passages that a question is about.

The median answer of an agent has 994 tokens, what answers a question in it 126: whole messages fill a budget.
Within 500 tokens, excerpts show 0.47 of the details that stand late in an answer, whole messages none (BEAM);
sets of short messages are not changed.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from memoryos_integrations.language.question_forms import you_said
from memoryos_integrations.language.text import count_unspaced
from memoryos_integrations.retrieval.bm25 import LexicalIndex

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from memoryos_integrations.types import MemoryItem

    Span = tuple[int, int]

SIZE: Final = 100
"""Tokens of an excerpt, estimated."""
WHOLE: Final = 1.25
"""A message of at most so many times the size is shown whole."""
_BEGINNING: Final = 0.4
"""Of the size, for the sentences that a message begins with."""
_PASSAGE, _TAIL, _ONE_PASSAGE = 120, 40, 180  # estimated tokens
_BEST_PLACES, _BEST_SHARE = 2, 0.25  # the best messages may take a quarter of the budget each
_READ: Final = 200_000  # characters: what is longer is a pasted file
GAP: Final = " … "
"""Stands for what is left out between two passages."""
_SENTENCE_ENDS: Final = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s)|[。！？｡]+[”’」』）]*|\n+")
_BLANKS: Final = re.compile(r"\s+")


def estimated(text: str) -> float:
    """Return about how many tokens a text has: one a character of an unspaced script, else one for four."""
    return _weight(len(text), count_unspaced(text))


def excerpt(text: str, query: str, *, size: float = SIZE, beginning: bool = True) -> str:
    """Return the part of a text that a question is about, or the text itself if it is short.

    Args:
        text: Of a message.
        query: The question.
        size: About how many tokens are wanted; a text of up to 1.25 times as many is returned whole. The best
            passage is shown however short the size is, so an excerpt has up to 120 tokens more than its
            beginning.
        beginning: Begin with the first sentences (up to 40 % of the size), which say what the text is about.

    Returns:
        Passages of the text, verbatim and in their order, with " … " for what is left out. A cut never
        falls within a character as it is read (a grapheme).

    Example:
        >>> letter = "Water in the early morning. " * 60 + "Against slugs put out stout."
        >>> excerpt(letter, "What helps against slugs?").endswith("Against slugs put out stout.")
        True
    """
    if estimated(text) <= WHOLE * size:
        return text
    sentences = list(_sentences(text[:_READ]))
    passages = _passages(text, sentences)
    index = LexicalIndex()
    index.extend([text[start:end] for start, end in passages], [-1] * len(passages))
    score, _ = index.scores(query)
    chosen: list[Span] = []
    if beginning or not score.any():
        chosen = _first(text, sentences, size * (_BEGINNING if score.any() else 1))
    spent = sum(_cost(text, span) for span in chosen)
    for place in np.argsort(-score, kind="stable"):
        cost = _cost(text, passages[place])
        if score[place] <= 0 or (spent + cost > size and place != score.argmax()):
            break
        chosen.append(passages[place])
        spent += cost
    return _shown(text, chosen)


class Excerpts:
    """The excerpts of long messages for one question and one budget, each made once.

    Args:
        query: the question; ``None`` leaves all messages as they are.
        budget: tokens that there is room for.
    """

    def __init__(self, query: str | None, budget: int) -> None:
        self._query, self._best_size = query, max(SIZE, budget * _BEST_SHARE)
        self._about_answers = query is not None and you_said(query)
        self._made: dict[str, str | None] = {}

    def of(self, item: MemoryItem, place: int) -> str | None:
        """Return what is shown of the message in a place of the ranking, from 0; ``None`` if it is whole."""
        if self._query is not None and item.id not in self._made:
            size = self._best_size if place < _BEST_PLACES else SIZE
            beginning = not (self._about_answers and item.role == "assistant")
            part = excerpt(item.text, self._query, size=size, beginning=beginning)
            self._made[item.id] = part if part != item.text else None
        return self._made.get(item.id)


def _shown(text: str, chosen: Iterable[Span]) -> str:
    """Return spans of a text in order, with a mark wherever something is left out."""
    spans: list[list[int]] = []
    for start, end in sorted(chosen):
        if spans and not text[spans[-1][1] : start].strip():
            spans[-1][1] = max(spans[-1][1], end)
        else:
            spans.append([start, end])
    shown = GAP.join(text[start:end] for start, end in spans)
    before = GAP.lstrip() if spans and text[: spans[0][0]].strip() else ""
    after = GAP.rstrip() if spans and text[spans[-1][1] :].strip() else ""
    return before + shown + after


def _sentences(text: str) -> Iterator[Span]:
    """Yield the sentences and lines of a text; longer ones than a passage are cut."""
    ends = [match.end() for match in _SENTENCE_ENDS.finditer(text) if _may_cut(text, match.end())]
    for start, end in pairwise([0, *ends, len(text)]):
        span = _stripped(text, start, end)
        if span is not None:
            yield from _pieces(text, span) if _cost(text, span) > _PASSAGE else (span,)


def _pieces(text: str, span: Span, most: float = _PASSAGE) -> Iterator[Span]:
    """Cut a span at blanks, or where there is none in front of any character."""
    start, end = span
    while _cost(text, (start, end)) > most:
        reach = start + int(4 * most) if not count_unspaced(text[start : start + int(4 * most)]) else 0
        if not reach:
            reach = next(place for place in range(start + 1, end + 1) if _cost(text, (start, place)) >= most)
        blanks = [match.start() for match in _BLANKS.finditer(text, start + 1, reach)]
        place = next((at for at in reversed(blanks) if _may_cut(text, at + 1)), None)
        if place is None:
            place = next((at for at in range(reach, start, -1) if _may_cut(text, at)), None)
        if place is None:
            place = next((at for at in range(reach, end) if _may_cut(text, at)), end)
        piece = _stripped(text, start, place)
        if piece is not None:
            yield piece
        rest = _stripped(text, place, end)
        if rest is None:
            return
        start, end = rest
    yield start, end


def _passages(text: str, sentences: list[Span]) -> list[Span]:
    """Pack sentences that follow each other; a short last passage joins the one before."""
    if not sentences:
        return []
    if estimated(text) <= _ONE_PASSAGE:
        return [(sentences[0][0], sentences[-1][1])]
    packed: list[Span] = []
    filled = 0.0
    for span in sentences:
        cost = _cost(text, span)
        if packed and filled + cost <= _PASSAGE:
            packed[-1] = (packed[-1][0], span[1])
            filled += cost
        else:
            packed.append(span)
            filled = cost
    if len(packed) > 1 and _cost(text, packed[-1]) < _TAIL:
        last = packed.pop()
        packed[-1] = (packed[-1][0], last[1])
    return packed


def _first(text: str, sentences: list[Span], most: float) -> list[Span]:
    """Return the sentences that a text begins with, or the beginning of a first one that is too long."""
    taken: list[Span] = []
    filled = 0.0
    for span in sentences:
        filled += _cost(text, span)
        if filled > most:
            break
        taken.append(span)
    if not taken and sentences:
        return [next(_pieces(text, sentences[0], max(most, 1)))]
    return taken


def _stripped(text: str, start: int, end: int) -> Span | None:
    """Return a span without the blanks around it; ``None`` if there is nothing else."""
    part = text[start:end]
    bare = part.strip()
    if not bare:
        return None
    first = start + len(part) - len(part.lstrip())
    last = first + len(bare)
    return (first if first == start or _may_cut(text, first) else first - 1), last


def _cost(text: str, span: Span) -> float:
    part = text[span[0] : span[1]]
    return _weight(len(part), count_unspaced(part))


def _weight(characters: int, unspaced: int) -> float:
    return unspaced + (characters - unspaced) / 4


def _may_cut(text: str, place: int) -> bool:
    """Whether no reader sees one character across a place (stricter than Unicode's grapheme clusters)."""
    if not 0 < place < len(text):
        return True
    before, after = text[place - 1], text[place]
    joins = unicodedata.category(after) in ("Mn", "Mc", "Me", "Cf", "Sk") or after in "\u0e33\u0eb3\n"
    is_part = unicodedata.category(before) == "Cf" or unicodedata.combining(before) == 9  # ZWJ, virama
    return not (joins or is_part or (_is_paired(before) and _is_paired(after)))


def _is_paired(character: str) -> bool:
    """Whether a character makes one with another of its kind, as letters of a flag or a syllable."""
    code = ord(character)
    return (
        0x1F1E6 <= code <= 0x1F1FF
        or 0x1100 <= code <= 0x11FF
        or 0xA960 <= code <= 0xA97F
        or 0xAC00 <= code <= 0xD7FF
    )
