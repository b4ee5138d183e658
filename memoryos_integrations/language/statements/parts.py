"""What the rules of every language do to the parts of a match: look them up, or refuse them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from memoryos_integrations.language.statements.reading import Parts


def words(text: str) -> frozenset[str]:
    """Return the words of a list; an underscore stands for a blank."""
    return frozenset(word.replace("_", " ") for word in text.split())


def one_of(known: frozenset[str]) -> Callable[[Parts], Parts | None]:
    """Return what takes a value that is of a list or ends in something of it: "mechanical engineering"."""

    def clean(parts: Parts) -> Parts | None:
        tail = parts["value"].lower().split(" ")
        return parts if any(" ".join(tail[at:]) in known for at in range(len(tail))) else None

    return clean


def age(parts: Parts) -> Parts | None:
    """Take ages from 5 to 110."""
    return parts if 5 <= int(parts["value"]) <= 110 else None
