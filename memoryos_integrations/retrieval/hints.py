"""Two soft hints that a question gives about its answer: who said it, and when.

Both only lift memories that fit and exclude none, so a hint that is read wrongly costs little.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from unicodedata import normalize

import numpy as np

from memoryos_integrations.language.text import STOP_WORDS, begins_sentence, fold, whole_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from memoryos_integrations.language.dates import DateWindow

FADE_DAYS: Final = 45.0
"""Days from a window at which closeness has fallen to 0 (the span that was measured on LoCoMo)."""
LONGEST_DAYS = 8
"""A window of at most so many days names days: "last week" does, "in May" does not."""
_DAY = 86_400.0
_LONGEST: Final = 10_000  # characters of a question that are read; what is longer is a pasted text
# Nobody is known by these as a first word; a whole name like Will must be written like a name.
_COMMON_WORDS: Final = STOP_WORDS | {"may", "dr", "mr", "mrs", "ms", "miss", "prof", "sir", "dona"}


def named_speaker(query: str, names: Iterable[str]) -> str | None:
    """Return the one speaker whom a question names.

    A name counts where it stands as whole words, in any case, also in the possessive: the full name,
    or its first word. Where one name is part of another, the longer one counts.

    Args:
        query: The question.
        names: The speakers that there are.

    Returns:
        The name as it stands in ``names``; ``None`` if none is named, or more than one could be meant.

    Example:
        >>> named_speaker("What is Caroline's job?", ["Caroline Ray", "Melanie"])
        'Caroline Ray'
    """
    cased = _read(query)
    rest, found = cased.casefold(), set[str]()
    owners = _owners(names)
    for phrase in sorted(owners, key=len, reverse=True):
        if phrase in _COMMON_WORDS:
            found |= {name for name in owners[phrase] if _is_written_as_name(name, cased)}
        elif phrase in rest and (without := whole_words(phrase).sub("|", rest)) != rest:
            found |= owners[phrase]
            rest = without
    return found.pop() if len(found) == 1 else None


def _read(query: str) -> str:
    return " ".join(normalize("NFKC", query[:_LONGEST]).split())


def _owners(names: Iterable[str]) -> dict[str, set[str]]:
    """Return who may be meant by each folded full name and first word."""
    by_full = {fold(name): {name} for name in names if name.strip()}
    by_first: dict[str, set[str]] = {}
    for full, owner in by_full.items():
        first = full.split()[0].strip(".,")
        if first and first not in by_full and first not in _COMMON_WORDS:
            by_first.setdefault(first, set()).update(owner)
    return by_full | by_first


def _is_written_as_name(name: str, text: str) -> bool:
    name = normalize("NFKC", name).strip()
    places = (match.start() for match in whole_words(name).finditer(text))
    return name[:1].isupper() and not all(begins_sentence(text, place) for place in places)


def closeness(windows: Sequence[DateWindow], at: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return how near times are to the nearest window: 1 inside, falling evenly to 0 at 45 days.

    Args:
        windows: As ``date_windows`` returns them; without any, all is 0.
        at: Times in seconds since 1970 UTC, of any shape; the result has the same.
    """
    if not windows:
        return np.zeros(at.shape, np.float32)
    edges = np.array([(start.timestamp(), end.timestamp()) for start, end in sorted(windows)])
    starts = np.append(edges[:, 0], np.inf)
    # The latest end among the windows begun so far: a long window may reach over later, short ones.
    ends = np.append(-np.inf, np.maximum.accumulate(edges[:, 1]))
    begun = np.searchsorted(edges[:, 0], at, side="right")
    seconds = np.maximum(np.minimum(at - ends[begun], starts[begun] - at), 0)
    near: NDArray[np.float32] = np.maximum(1 - seconds / (FADE_DAYS * 86_400), 0).astype(np.float32)
    return near


def on_days(windows: Sequence[DateWindow], at: NDArray[np.float64]) -> NDArray[np.float32]:
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


def _inside(edges: Sequence[tuple[float, float]], at: NDArray[np.float64]) -> NDArray[np.bool_]:
    starts, ends = np.array(sorted(edges)).T
    begun = np.searchsorted(starts, at, side="right")
    return np.asarray(at < np.append(-np.inf, np.maximum.accumulate(ends))[begun])
