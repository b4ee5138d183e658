"""A question asked again and again must not answer itself.

A user who asks the same question on twelve days fills ten of ten places with the question and the empty
replies to it. Leaving out equal texts or damping them finds 0.10 to 0.65 of what was said between; setting
the repeats back as here finds all that a first question would find.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from memoryos_integrations.language.text import content_terms, fold
from memoryos_integrations.retrieval.ranking import median

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from memoryos_integrations.retrieval.bm25 import LexicalIndex, Shares
    from memoryos_integrations.retrieval.ranking import Mask, Ranking, Signals
    from memoryos_integrations.retrieval.scope_rows import ScopeRows

    Rows = NDArray[np.intp]

SAME_WORDS: Final = 0.7
"""Jaccard index of the content words from which two questions are one; no question of eight sets has such."""
LEAST_WORDS: Final = 4
"""Questions of fewer content words are one only where their texts are equal."""
EVERY: Final = 3
"""Replies to repeats stand in places 3, 6, 9 …"""


def find(rows: ScopeRows, query: str, shares: Shares) -> Rows:
    """Return the user's messages that ask what is asked now, word for word or nearly."""
    own = rows.question_terms.values
    found = (own >= 0) & (rows.text_hash.values == hash(fold(query)))
    asked = len(set(content_terms(query)))
    if asked >= LEAST_WORDS:
        shared = np.minimum(shares.terms, own)
        found |= (own >= LEAST_WORDS) & (shared >= SAME_WORDS * (asked + own - shared))
    return np.flatnonzero(found)


def set_back(signals: Signals, repeats: Rows, lexical: LexicalIndex) -> Signals:
    """Return the signals as if the repeats had asked something else, and their neighbours stood alone."""
    words, window = signals.words.copy(), signals.window.copy()
    words[repeats] = window[repeats] = 0
    near = np.concatenate([lexical.previous[repeats], lexical.following[repeats]])
    near = near[near >= 0]
    window[near] = np.minimum(window[near], words[near])
    cosine, beside = signals.cosine, signals.nearby
    if cosine is not None and signals.allowed.any():
        cosine = cosine.copy()
        cosine[repeats] = median(cosine, signals.allowed)
        beside = nearby(cosine, lexical)
    return replace(signals, words=words, window=window, cosine=cosine, nearby=beside)


def nearby(cosine: NDArray[np.float32], lexical: LexicalIndex) -> NDArray[np.float32]:
    """Return for each row the better cosine of its two neighbours in the session, its own without any."""
    one, other = lexical.beside
    return np.maximum(cosine[one], cosine[other])


def placed(ranking: Ranking, repeats: Rows, rows: ScopeRows, allowed: Mask) -> Ranking:
    """Return the ranking with the repeats last, and each different reply to them in every third place."""
    by = np.zeros(len(allowed), dtype=np.float32)
    is_repeat = np.zeros(len(allowed), dtype=bool)
    is_repeat[repeats] = True
    follows = np.zeros(len(allowed), dtype=bool)
    after = rows.lexical.following[repeats]
    follows[after[after >= 0]] = True
    replies = np.flatnonzero(follows & allowed & ~is_repeat)
    replies = replies[np.lexsort((-replies, -ranking.score[replies]))]
    _, first = np.unique(rows.text_hash.values[replies], return_index=True)
    different = replies[np.sort(first)]
    others = np.sort(ranking.score[allowed & ~is_repeat & ~follows])[::-1].astype(np.float64)
    steps = (EVERY - 1) * np.arange(1, len(different) + 1)
    # Past the last of the others there is nothing to stand between.
    ladder = np.concatenate(
        [others, (others[-1] if len(others) else 0) - 0.01 * np.arange(1, steps.size * 2 + 2)]
    )
    by[different] = (ladder[steps - 1] + ladder[steps]) / 2 - ranking.score[different]
    last = np.setdiff1d(np.flatnonzero(allowed & (is_repeat | follows)), different)
    if len(last):
        by[last] = ladder[-1] - 0.1 - ranking.score[last].max()
    return ranking.moved("asked before", by)
