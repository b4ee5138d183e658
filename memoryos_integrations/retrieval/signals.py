"""What each signal says of the messages of one scope, for one question."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from memoryos_integrations.language.date_windows import date_windows
from memoryos_integrations.language.question_forms import first_person, you_said
from memoryos_integrations.language.text import is_unspaced
from memoryos_integrations.retrieval import hints, repeats
from memoryos_integrations.retrieval.ranking import WINDOW_TERMS, WORDS, WORDS_NEARBY, Signals
from memoryos_integrations.types import ROLES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from memoryos_integrations.arguments import Question
    from memoryos_integrations.protocols import Embedder
    from memoryos_integrations.retrieval.bm25 import LexicalIndex, Shares
    from memoryos_integrations.retrieval.ranking import Mask, Scores
    from memoryos_integrations.retrieval.scope_rows import ScopeRows

_USER, _ASSISTANT = ROLES.index("user"), ROLES.index("assistant")
_ENGLISH = re.compile(r"all-minilm|(?<![a-z])(?:en|english)(?![a-z])", re.IGNORECASE)


def of_messages(
    rows: ScopeRows,
    question: Question,
    shares: Shares,
    cosine: Scores | None,
    allowed: Mask,
    embedder: Embedder | None,
) -> tuple[Signals, NDArray[np.intp]]:
    """Return the signals of a scope's rows, and which of them ask what is asked now."""
    window = _shortened(shares, rows.lexical)
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
        day=hints.on_days(dates, rows.at.values),
        without_lift=rows.without_lift,
        allowed=allowed,
        unreadable=cosine is not None and unreadable(question.text, embedder),
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


def by_words(shares: Shares, lexical: LexicalIndex) -> Scores:
    """Return what words alone say of each row: those of the turn and those of its neighbours."""
    return np.asarray(WORDS * shares.turns + WORDS_NEARBY * _shortened(shares, lexical))


def _shortened(shares: Shares, lexical: LexicalIndex) -> Scores:
    """Return the windows' shares, less where the windows of this scope are long."""
    mean = lexical.mean_window
    return np.asarray(shares.windows * np.float32(min(1.0, WINDOW_TERMS / mean) if mean else 1.0))
