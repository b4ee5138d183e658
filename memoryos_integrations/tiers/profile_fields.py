"""The fields of the user and agent profiles, shared by rules and chat models."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from memoryos_integrations.language.text import fold

if TYPE_CHECKING:
    from collections.abc import Mapping

    from memoryos_integrations.types import About

LONGEST_VALUE: Final = 200
"""Maximum characters of a value given by a model."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a profile."""

    name: str
    """Name of the field."""
    wording: str
    """Statement template for a value, the same as that of the rules."""
    single: bool = False
    """Whether it has one value at a time, so that a newer one replaces the older."""
    hint: str = ""
    """Explanation for the model, if the name is not enough."""


_OF_THE_USER: Final = (
    Field("name", "The user's name is {}.", single=True),
    Field("gender", "The user's gender is {}.", single=True),
    Field("age", "The user is {} years old.", single=True, hint="a number"),
    Field("birth_year", "The user was born in {}.", single=True, hint="a number"),
    Field("birthday", "The user's birthday is {}.", single=True, hint="day and month"),
    Field("origin", "The user is from {}.", hint="where they come from"),
    Field("nationality", "The user's nationality is {}."),
    Field("home", "The user lives in {}.", single=True, hint="the place where they live"),
    Field("work", "The user's occupation is {}.", single=True, hint="the occupation"),
    Field("employer", "The user works at {}.", single=True),
    Field("workplace", "The user works in {}.", single=True, hint="the place where they work"),
    Field("study", "The user studies {}."),
    Field("partner", "The user's partner is {}.", single=True),
    Field("family", "The user's family includes {}.", hint='such as "sister Ana"'),
    Field("people", "The user knows {}.", hint='such as "colleague Bo"'),
    Field("pet", "The user has a pet, {}.", hint='such as "dog Rex"'),
    Field("likes", "The user likes {}."),
    Field("dislikes", "The user dislikes {}."),
    Field("diet", "The user's diet is {}."),
    Field("allergy", "The user is allergic to {}."),
    Field("language", "The user speaks {}."),
    Field("plan", "The user plans: {}.", hint="with its date"),
)
_OF_THE_AGENT: Final = (
    Field("name", "The agent's name is {}.", single=True),
    Field("role", "The agent's role is {}.", single=True),
    Field("gender", "The agent's gender is {}.", single=True),
    Field("birth_year", "The agent was born in {}.", single=True, hint="a number"),
    Field("character", "The agent's character is {}.", hint="what it is like"),
    Field("style", "The agent speaks in this style: {}.", hint="how it is to speak"),
    Field("language", "The agent speaks {}."),
)
FIELDS: Final[Mapping[About, Mapping[str, Field]]] = MappingProxyType(
    {
        "user": MappingProxyType({field.name: field for field in _OF_THE_USER}),
        "agent": MappingProxyType({field.name: field for field in _OF_THE_AGENT}),
    }
)
"""The fields of each profile, by name."""

_SYNONYMS: Final = MappingProxyType(
    {
        "job": "work",
        "occupation": "work",
        "profession": "work",
        "company": "employer",
        "location": "home",
        "residence": "home",
        "city": "home",
        "hometown": "origin",
        "year_of_birth": "birth_year",
        "spouse": "partner",
        "hobby": "likes",
        "hobbies": "likes",
        "interests": "likes",
        "pets": "pet",
        "languages": "language",
        "plans": "plan",
        "allergies": "allergy",
        "like": "likes",
        "dislike": "dislikes",
        "personality": "character",
        "tone": "style",
    }
)
"""Other names that models use for a field."""


def field_of(about: About, name: str) -> Field | None:
    """Return the field of a name or a synonym; ``None`` if there is none.

    Example:
        >>> field_of("user", "Occupation").name
        'work'
    """
    key = fold(name).replace(" ", "_").replace("-", "_")
    return FIELDS[about].get(_SYNONYMS.get(key, key))


def value_key(value: str) -> str:
    """Return a key that equal values share, ignoring case, articles and punctuation.

    Example:
        >>> value_key("a Data Scientist.") == value_key("data scientist")
        True
    """
    key = fold(value).strip(" .,;!\"'")
    first, _, rest = key.partition(" ")
    return rest if rest and first in ("a", "an", "the", "um", "uma", "o", "a") else key


def is_possible(field: Field, value: str, *, year: int) -> bool:
    """Return whether a value is plausible: a birth year is a past year, an age 1 to 120.

    Args:
        field: the field.
        value: its value.
        year: year of the message.
    """
    if field.name == "birth_year":
        return value.isdecimal() and 1900 <= int(value) <= year
    if field.name == "age":
        return value.isdecimal() and 1 <= int(value) <= 120
    return True
