"""What each signal says of the messages of one scope, for one question."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import numpy as np

from memoryos_integrations.language.date_windows import date_windows
from memoryos_integrations.language.question_forms import first_person, you_said
from memoryos_integrations.language.text import is_unspaced
from memoryos_integrations.retrieval import hints, repeats
from memoryos_integrations.retrieval.ranking import WINDOW_TERMS, WORDS, WORDS_NEARBY, Signals
from memoryos_integrations.types import ROLES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import sqlalchemy as sa
    from numpy.typing import NDArray

    from memoryos_integrations.arguments import Question
    from memoryos_integrations.protocols import Embedder
    from memoryos_integrations.retrieval.bm25 import LexicalIndex, Shares
    from memoryos_integrations.retrieval.ranking import Mask, Scores
    from memoryos_integrations.retrieval.scope_rows import ScopeRows
    from memoryos_integrations.retrieval.vector_signal import Vector, VectorSignal

LONGEST_DAYS: Final = 8
"""A window of at most so many days names days: "last week" does, "in May" does not."""
_DAY: Final = 86_400.0
_USER, _ASSISTANT = ROLES.index("user"), ROLES.index("assistant")
_ENGLISH = re.compile(r"all-minilm|(?<![a-z])(?:en|english)(?![a-z])", re.IGNORECASE)


def of_messages(
    tx: sa.Connection,
    rows: ScopeRows,
    question: Question,
    vector: Vector | None,
    allowed: Mask,
    dense: VectorSignal,
) -> tuple[Signals, NDArray[np.intp]]:
    """Return the signals of a scope's rows, and which of them ask what is asked now."""
    shares = rows.lexical.shares(question.text)
    window = _shortened(shares, rows.lexical)
    cosine = None
    if vector is not None:
        cosine, allowed = dense.cosines(
            tx,
            rows,
            vector,
            lambda: WORDS * shares.turns + WORDS_NEARBY * window,
            allowed,
            question.tiers,
        )
    named = hints.named_speaker(question.text, rows.names)
    own, assistant = sides(question.text, rows.role.values)
    dates = date_windows(question.text, question.now)
    signals = Signals(
        cosine=cosine,
        nearby=repeats.nearby(cosine, rows.lexical) if cosine is not None else None,
        words=shares.turns,
        window=window,
        session=rows.session.values,
        speaker=rows.speaker.values == rows.names[named] if named is not None else None,
        own=own,
        assistant=assistant,
        date=hints.closeness(dates, rows.at.values),
        day=on_days(dates, rows.at.values),
        without_lift=rows.without_lift,
        allowed=allowed,
        unreadable=cosine is not None and unreadable(question.text, dense.embedding.embedder),
    )
    again = repeats.find(rows, question.text, shares)
    if len(again):
        signals = repeats.set_back(signals, again, rows.lexical)
    return signals, again


def sides(query: str, role: NDArray[np.int8]) -> tuple[Mask | None, Mask | None]:
    """Return the user's rows for a question about the one who asks, the assistant's for one about its own."""
    if you_said(query):
        return None, role == _ASSISTANT
    return (role == _USER, None) if first_person(query) else (None, None)


def unreadable(query: str, embedder: Embedder | None) -> bool:
    """Whether a question is in a script without spaces, and the embedder reads English only."""
    name = embedder.name if embedder is not None else ""
    return is_unspaced(query) and "multilingual" not in name.lower() and _ENGLISH.search(name) is not None


def on_days(windows: Sequence[tuple[datetime, datetime]], at: NDArray[np.float64]) -> Scores:
    """Return 1 for times inside a window of at most 8 days, 0.5 on the day after one, else 0.

    Args:
        windows: As ``date_windows`` returns them.
        at: Times in seconds since 1970 UTC, of any shape; the result has the same.
    """
    days = np.zeros(at.shape, np.float32)
    edges = [(start.timestamp(), end.timestamp()) for start, end in windows]
    edges = [(start, end) for start, end in edges if end - start <= LONGEST_DAYS * _DAY]
    if edges:
        days[_inside([(end, end + _DAY) for _, end in edges], at)] = 0.5
        days[_inside(edges, at)] = 1
    return days


def _inside(edges: Sequence[tuple[float, float]], at: NDArray[np.float64]) -> Mask:
    starts, ends = np.array(sorted(edges)).T
    begun = np.searchsorted(starts, at, side="right")
    return np.asarray(at < np.append(-np.inf, np.maximum.accumulate(ends))[begun])


def _shortened(shares: Shares, lexical: LexicalIndex) -> Scores:
    """Return the windows' shares, less where the windows of this scope are long."""
    mean = lexical.mean_window
    return np.asarray(shares.windows * np.float32(min(1.0, WINDOW_TERMS / mean) if mean else 1.0))
