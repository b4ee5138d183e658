"""Keywords and summaries by rules, used until a model refines them."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import TYPE_CHECKING

from memoryos_integrations.language.text import CHATTER, content_words, terms

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from memoryos_integrations.types import Page

METHOD = "extractive"
KEYWORDS_KEPT = 40
KEYWORDS_SHOWN = 12
_SENTENCES = 3
_TERMS_OF_A_SENTENCE = 5  # shorter ones, such as greetings, have no topic
_SENTENCE_CHARACTERS = 240
_SENTENCE_END = re.compile(r"(?<=[.!?。！？])\s+|\n+|(?<=[。！？])")


def keyword_counts(texts: Iterable[str], names: Iterable[str | None] = ()) -> Counter[str]:
    """Count the words that may indicate a topic, at most 40 of them.

    Args:
        texts: the texts of messages.
        names: names of the speakers, which are left out.
    """
    speakers = {word for name in names if name for word in content_words(name)}
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(word for word in content_words(text) if word not in CHATTER and word not in speakers)
    return Counter(dict(counts.most_common(KEYWORDS_KEPT)))


def page_keywords(page: Page) -> Counter[str]:
    """Return the keywords of a page."""
    return keyword_counts(
        (message.text for message in page.messages), (message.name for message in page.messages)
    )


def top_keywords(counts: Mapping[str, int], limit: int = KEYWORDS_SHOWN) -> tuple[str, ...]:
    """Return the most frequent words, most frequent first; ties in order of first use."""
    return tuple(word for word, _ in Counter(dict(counts)).most_common(limit))


def all_keywords(counts: Mapping[str, int], chosen: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the keywords of a segment: those chosen by a model, then frequent words of its pages."""
    folded = {word.casefold() for word in chosen}
    rest = (word for word in top_keywords(counts, KEYWORDS_SHOWN + len(folded)) if word not in folded)
    return (*chosen, *rest)[:KEYWORDS_SHOWN]


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    """Return |A ∩ B| / |A ∪ B|, 0 for two empty sets."""
    together = len(one | other)
    return len(one & other) / together if together else 0.0


def stems(words: Iterable[str]) -> frozenset[str]:
    """Return the stems of words, so that "dog" and "dogs" are one keyword."""
    return frozenset(terms(" ".join(words)))


def summarise(pages: Sequence[Page], keywords: Mapping[str, int]) -> str:
    """Return the sentences most relevant to the keywords, in time order, each with its date.

    A sentence's score is the sum of its keywords' weights (log of their counts) over the square root of its
    length in words, which favours neither single words nor long paragraphs.
    """
    weights = {stem: math.log1p(count) for word, count in keywords.items() for stem in stems([word])}
    candidates: list[tuple[float, int, str]] = []
    for position, page in enumerate(pages):
        for message in page.messages:
            if message.role == "tool":
                continue
            for sentence in _sentences(message.text):
                found = set(terms(sentence))
                score = (
                    sum(weights.get(stem, 0.0) for stem in found)
                    / max(_TERMS_OF_A_SENTENCE, len(found)) ** 0.5
                )
                speaker = f"{message.name}: " if message.name else ""
                candidates.append((score, -position, f"{message.at:%d %b %Y} {speaker}{sentence}"))
    best: dict[str, int] = {}
    for _, position, sentence in sorted(candidates, key=lambda c: (-c[0], -c[1])):
        best.setdefault(sentence, -position)
        if len(best) == _SENTENCES:
            break
    return " · ".join(sorted(best, key=lambda sentence: best[sentence]))


def _sentences(text: str) -> list[str]:
    parts = (part.strip() for part in _SENTENCE_END.split(text[:20_000]))
    return [
        part if len(part) <= _SENTENCE_CHARACTERS else part[: _SENTENCE_CHARACTERS - 1] + "…"
        for part in parts
        if part
    ]
