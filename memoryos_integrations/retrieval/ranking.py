"""How memories are ranked: the signals, their weights, and what each gave to a score.

The weights are measured on nine sets of conversations of different kinds (recall@10 of messages, macro mean
0.81; vectors alone 0.64, BM25 0.63, their reciprocal rank fusion 0.65) by leaving one set out at a time. The
optimum is flat: SESSION 0.2 to 0.6, WORDS 0.3 to 0.6, MEANING_NEARBY 0.1 to 0.4 and OWN_WORDS 0.2 to 0.35
stay within a point of the macro mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Scores = NDArray[np.float32]
    Number = TypeVar("Number", bound=np.generic)
    Mask = NDArray[np.bool_]

MEANING: Final = 1.0
"""Of the cosine: the other weights are relative to it."""
WORDS: Final = 0.4
"""Of BM25 of the message, as a share of what the question could score (0.3 to 0.6 is flat)."""
WORDS_NEARBY: Final = 0.6
"""Of BM25 of the message with its two neighbours, as such a share. The trade-off among the sets: at 0.3
LoCoMo loses 3 points and first-person paraphrases gain 0.7, at 0.9 they lose 2.5 and LoCoMo gains 1.6."""
MEANING_NEARBY: Final = 0.4
"""Of the better cosine of the two neighbours, above the median (0.1 to 0.4 is flat)."""
NAMED_WORDS: Final = 1.6
"""Words count by so much more where the question names a speaker: such questions repeat the names and words
of what was said (LoCoMo), questions of the first person paraphrase it."""
OWN_WORDS: Final = 0.3
"""For the user's messages where the question is about the one who asks (0.2 to 0.35 is flat)."""
ASSISTANT_WORDS: Final = 0.1
"""For the assistant's messages where the question is about what the assistant said."""
SESSION: Final = 0.4
"""Of the best score in the message's session (0.2 to 0.6 is flat)."""
SPEAKER: Final = 0.4
"""For messages of the one speaker whom the question names."""
DATE: Final = 0.5
"""Of closeness to a date that the question names, fading over 45 days."""
DAY: Final = 0.3
"""For messages of the very days that it names: over 45 days neighbouring days score almost the same, and
"What did we talk about on April 29th?" found none of that day."""
UNSPACED_MEANING: Final = 0.5
"""Of the cosine where an English embedder has to read a question in a script without spaces: with the full
weight MemoryBank in Chinese falls from 0.938 to 0.887."""
WINDOW_TERMS: Final = 200.0
"""Windows of more terms than this count for less: those of long answers (926 terms in BEAM, 75 to 90 in
chats) hold a few of any question's words. 50 to 400 is flat."""
RELEVANCE_WORDS: Final = 0.2
"""Of ``words`` in a question's relevance: with it the questions meant for another user's memory are told from
one's own with an AUC of 0.94."""


@dataclass(frozen=True, slots=True)
class Signals:
    """One number per row from each signal; all arrays have one length."""

    cosine: Scores | None
    """Cosine with the question; ``None`` without vectors, the least one for a row that has none."""
    nearby: Scores | None
    """The better cosine of a row's two neighbours, its own where it has none; ``None`` without vectors."""
    words: Scores
    """BM25 of the message, as a share of what the question could score at best."""
    window: Scores
    """BM25 of the message with its neighbours, as such a share, less where windows are long."""
    session: NDArray[np.int32]
    """Number of the row's session."""
    speaker: Mask | None
    """Whether the row is by the one speaker whom the question names; ``None`` if it names none."""
    own: Mask | None
    """The user's rows, where the question is about the one who asks; else ``None``."""
    assistant: Mask | None
    """The assistant's rows, where the question is about what the assistant said; else ``None``."""
    date: Scores
    """Closeness to the dates that the question names, 0 to 1."""
    day: Scores
    """1 on the days that the question names, 0.5 on the day after them."""
    without_lift: NDArray[np.intp]
    """Rows whose segment was evicted: they keep their own score only."""
    allowed: Mask
    """Rows that may be returned."""
    unreadable: bool = False
    """Whether the embedder cannot read the question's script."""

    def relevance(self) -> float | None:
        """Return how near the best row comes to the question; ``None`` without vectors or rows."""
        if self.cosine is None or not self.allowed.any():
            return None
        return float((self.cosine + RELEVANCE_WORDS * self.words)[self.allowed].max())


@dataclass(frozen=True, slots=True)
class Ranking:
    """Scores of all rows and the parts they are the sum of."""

    score: Scores
    parts: dict[str, Scores]

    def best(self, k: int, allowed: Mask) -> NDArray[np.intp]:
        """Return the numbers of the ``k`` best allowed rows, best first, of equals the newer first."""
        scores = _among(self.score, allowed)
        if k < len(scores):
            kth = np.partition(scores, len(scores) - k)[len(scores) - k]
            allowed = allowed & (self.score >= kth)
        candidates = np.flatnonzero(allowed)
        scores = self.score[candidates]
        order = np.lexsort((-candidates, -scores))
        return np.asarray(candidates[order][:k], dtype=np.intp)

    def parts_of(self, row: int) -> dict[str, float]:
        """Return what each signal gave to a row's score."""
        return {name: float(part[row]) for name, part in self.parts.items()}

    def moved(self, name: str, by: Scores) -> Ranking:
        """Return the ranking with one more part."""
        return Ranking((self.score + by).astype(np.float32), self.parts | {name: by})

    def split(self, size: int) -> tuple[Ranking, Ranking]:
        """Undo ``joined``: return the rankings of the first so many rows and of the others."""
        first = Ranking(self.score[:size], {name: part[:size] for name, part in self.parts.items()})
        return first, Ranking(self.score[size:], {name: part[size:] for name, part in self.parts.items()})


def joined(first: Signals, second: Signals) -> Signals:
    """Return the signals of two groups of rows as one, so that their scores are on one scale."""
    size, other = len(first.allowed), len(second.allowed)
    sessions = int(first.session.max()) + 1 if size else 0
    return Signals(
        cosine=_joined(first.cosine, second.cosine, size, other),
        nearby=_joined(first.nearby, second.nearby, size, other),
        words=np.concatenate([first.words, second.words]),
        window=np.concatenate([first.window, second.window]),
        session=np.concatenate([first.session, second.session + sessions]),
        speaker=_joined_masks(first.speaker, second.speaker, size, other),
        own=_joined_masks(first.own, second.own, size, other),
        assistant=_joined_masks(first.assistant, second.assistant, size, other),
        date=np.concatenate([first.date, second.date]),
        day=np.concatenate([first.day, second.day]),
        without_lift=np.concatenate([first.without_lift, second.without_lift + size]),
        allowed=np.concatenate([first.allowed, second.allowed]),
        unreadable=first.unreadable or second.unreadable,
    )


def rank(signals: Signals) -> Ranking:
    """Score every row.

    base = 1.0·mm(cosine) + L·(0.4·words + 0.6·window) + 0.4·(nearby - its median), brought to a maximum of 1,
    where L is 1.6 if the question names a speaker; then + 0.3 for the user's own words or 0.1 for the
    assistant's; then score = base + 0.4·the best base of the row's session + 0.4 for the named speaker
    + 0.5·closeness to the named date + 0.3 for the named day. mm is min-max over the allowed rows. A question
    that the embedder cannot read: base = 0.5·mm(cosine) + 0.4·mm(words) + 0.6·mm(window).
    """
    parts = _base_parts(signals)
    most = float(_sum(parts, len(signals.allowed))[signals.allowed].max(initial=0.0))
    parts = {name: part / most if most > 0 else np.zeros_like(part) for name, part in parts.items()}
    if signals.own is not None:
        parts["your own words"] = OWN_WORDS * signals.own.astype(np.float32)
    if signals.assistant is not None:
        parts["assistant's words"] = ASSISTANT_WORDS * signals.assistant.astype(np.float32)
    base = _sum(parts, len(signals.allowed))
    parts["same conversation"] = SESSION * _session_best(base, signals)
    if signals.speaker is not None:
        parts["speaker named"] = SPEAKER * signals.speaker.astype(np.float32)
    parts["date"] = DATE * signals.date
    parts["day"] = DAY * signals.day
    return Ranking(_sum(parts, len(signals.allowed)), parts)


def _base_parts(signals: Signals) -> dict[str, Scores]:
    allowed = signals.allowed
    parts: dict[str, Scores] = {}
    if signals.cosine is not None:
        weight = UNSPACED_MEANING if signals.unreadable else MEANING
        parts["meaning"] = weight * min_max(signals.cosine, allowed, equal=1.0)
    if signals.unreadable:
        parts["words"] = WORDS * min_max(signals.words, allowed)
        parts["words nearby"] = WORDS_NEARBY * min_max(signals.window, allowed)
        return parts
    named = 1.0 if signals.speaker is None else NAMED_WORDS
    parts["words"] = np.float32(named * WORDS) * signals.words
    parts["words nearby"] = np.float32(named * WORDS_NEARBY) * signals.window
    if signals.nearby is not None and allowed.any():
        parts["meaning nearby"] = MEANING_NEARBY * (signals.nearby - median(signals.nearby, allowed))
    return parts


def min_max(values: Scores, allowed: Mask, *, equal: float = 0.0) -> Scores:
    """Bring values to 0..1 by their least and greatest allowed one; others are cut to that range.

    ``equal``: what all are where they do not differ.
    """
    among = _among(values, allowed)
    least, most = float(among.min(initial=np.inf)), float(among.max(initial=-np.inf))
    if most <= least:
        return np.full_like(values, equal if len(among) else 0.0)
    scaled: Scores = (values - np.float32(least)) * np.float32(1 / (most - least))
    return np.clip(scaled, 0, 1)


def median(values: Scores, allowed: Mask) -> np.float32:
    """Return the median of the allowed values, of an even number the upper one of the middle two."""
    among = _among(values, allowed)
    return np.float32(np.partition(among, len(among) // 2)[len(among) // 2])


def _among(values: NDArray[Number], allowed: Mask) -> NDArray[Number]:
    """Return the allowed values: mostly all of them, and then without a copy."""
    return values if allowed.all() else values[allowed]


def _session_best(base: Scores, signals: Signals) -> Scores:
    if not len(base):
        return base
    best = np.zeros(int(signals.session.max()) + 1, dtype=np.float32)
    np.maximum.at(best, _among(signals.session, signals.allowed), _among(base, signals.allowed))
    lift: Scores = np.asarray(best[signals.session], dtype=np.float32)
    lift[signals.without_lift] = 0
    return lift


def _sum(parts: dict[str, Scores], size: int) -> Scores:
    total = np.zeros(size, dtype=np.float32)
    for part in parts.values():
        total += part
    return total


def _joined(one: Scores | None, other: Scores | None, size: int, more: int) -> Scores | None:
    """Return two groups' cosines as one array; a group without vectors counts as the least similar."""
    if one is None and other is None:
        return None
    least = min(float(part.min()) for part in (one, other) if part is not None and len(part))
    return np.concatenate(
        [
            np.full(count, least, dtype=np.float32) if part is None else part
            for part, count in ((one, size), (other, more))
        ]
    )


def _joined_masks(one: Mask | None, other: Mask | None, size: int, more: int) -> Mask | None:
    if one is None and other is None:
        return None
    return np.concatenate(
        [
            np.zeros(count, dtype=bool) if part is None else part
            for part, count in ((one, size), (other, more))
        ]
    )
