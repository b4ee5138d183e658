"""Facts that users state about themselves, read by rules and without a model.

The rules are for precision: a wrong fact is worse than a missed one. They take plain statements in the
first person, in English, Portuguese and Chinese, and leave out questions, conditions, wishes, negations,
what others said or is quoted, jokes, role-play, texts to translate, code, and moods ("I am tired").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from memoryos_integrations.errors import InvalidInputError

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["Statement", "statements"]


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that a user said about themselves."""

    text: str
    """The statement in the third person, in the language it was made in: "The user lives in Leeds."

    One wording per field, whatever the user's own was, for three reasons. It stands alone, while the user's
    sentence is often half about something else. Two wordings of one fact give one text, so they merge. And
    it is found at least as well: of 36 questions such as "What is my job?" over 18 facts and 15 other
    sentences, MiniLM ranks the right one first for 32 in this form and for 33 in the user's words, BM25 for
    18 and 15. The user's words are kept as ``quote``.
    """
    quote: str
    """What it rests on: an exact part of the message."""
    field: str | None
    """The profile's field: name, age, birth_year, birthday, origin, nationality, home, work, employer,
    workplace, study, partner, family, people, pet, likes, dislikes, diet, allergy, language or plan;
    ``None`` for what is a fact only ("learning Japanese")."""
    value: str | None
    """The field's value: "Tom", "data scientist", "sister Ana", "dog Juno"."""
    single: bool
    """Whether it takes the place of an older single statement of the same field."""
    valid_from: datetime | None
    """When a plan is for, or since when something holds, if it is said; the first moment of that UTC day,
    week, month or year. ``None``: the message's own time."""


def statements(text: str, at: datetime) -> list[Statement]:
    """Return what a message states about its writer, in the order of the message.

    Args:
        text: What the user wrote; the first 20,000 characters are read.
        at: When it was written, with a time zone; relative dates are counted from it.

    Returns:
        At most 40 statements, none twice. "next Friday" and "on Friday" are the first one after that day.

    Raises:
        InvalidInputError: ``at`` has no time zone.

    Example:
        >>> found = statements("Hi! I'm Tom and I live in Leeds.", datetime(2025, 1, 8, tzinfo=UTC))
        >>> [(one.field, one.value) for one in found]
        [('name', 'Tom'), ('home', 'Leeds')]
    """
    if at.tzinfo is None:
        raise InvalidInputError("at must be an aware datetime, such as datetime.now(UTC)")
    from memoryos_integrations.language.statements.reader import (
        read,  # makes its rules when it is first needed
    )

    return [
        Statement(one.text, one.quote, one.rule.field, one.value, one.rule.single, one.valid_from)
        for one in read(text, at)
    ]
