"""The 90 trait dimensions of a user, in the paper's three groups.

The paper takes them from Li et al. 2025, "From 1,000,000 Users to Every User" (arXiv 2503.15463): needs after
Maslow and Murray with the five factors of personality, expectations of an AI, and the interest tags of
content platforms. Two of these are profile fields here: gender and age are not tendencies, and should not be
inferred from how someone writes. Two of the reference code replace them: conciseness and formality of
answers. See docs/paper.md.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping

Group = Literal["needs and personality", "AI alignment", "interests"]
Level = Literal["low", "medium", "high"]

GROUPS: Final[tuple[Group, ...]] = get_args(Group)
LEVELS: Final[tuple[Level, ...]] = get_args(Level)

INTEREST: Final = "interest in "
"""Prefix of the names of interests."""

_NEEDS: Final = MappingProxyType(
    {
        "neuroticism": "is easily upset",
        "extraversion": "seeks company",
        "openness": "seeks what is new",
        "agreeableness": "is friendly and yields",
        "conscientiousness": "is careful and keeps promises",
        "food": "cares what is eaten",
        "living environment": "cares how the home is",
        "sleep": "cares for sleep",
        "bold investment": "takes risks with money",
        "saving": "saves money",
        "physical safety": "guards body and health",
        "environmental safety": "guards against dangers around",
        "depth of interaction": "wants deep talk, not small talk",
        "directness in conflict": "speaks up, does not avoid",
        "detail in talk": "tells at length",
        "work environment": "cares how the workplace is",
        "recognition": "wants to be recognised",
        "achievement": "wants to achieve",
        "knowledge": "wants to know about a field",
        "learning style": "wants to learn in a way of their own",
        "creative expression": "makes art, texts or music",
        "order": "wants things neat",
        "retention": "keeps things, dislikes loss and change",
        "inviolacy": "keeps dignity and good name",
        "infavoidance": "avoids failure and shame",
        "counteraction": "tries again after failing",
        "seclusion": "wants to be alone",
        "dominance": "leads and persuades others",
        "deference": "follows those they admire, and rules",
        "autonomy": "decides alone",
        "contrariance": "wants to be unlike others",
        "abasement": "takes blame, gives in",
        "aggression": "uses force against others",
        "affiliation": "wants close, loyal friends",
        "rejection": "keeps away from those they think ill of",
        "nurturance": "cares for the weak",
        "succorance": "wants to be helped and comforted",
        "play": "wants fun",
    }
)
_ALIGNMENT: Final = MappingProxyType(
    {
        "harmlessness": "answers must do no harm",
        "instruction following": "answers must do exactly what was asked",
        "honesty": "answers must admit what is not known",
        "truthfulness": "answers must be right",
        "helpfulness": "answers must be of use",
        "coherence": "answers must hang together",
        "complexity": "answers may be intricate",
        "conciseness": "answers must be short",
        "formality": "answers must be formal",
    }
)
_INTERESTS: Final = (
    "science", "general knowledge", "psychology", "cinema", "entertainment", "gaming", "parenting",
    "wild imagination", "anime", "sports", "law", "workplace", "pets", "travel", "health", "stories",
    "cars", "gourmet food", "education", "current events", "home decor", "international affairs",
    "finance", "campus life", "digital technology", "emotions", "humor", "music", "reading", "painting",
    "dance", "crafts", "photography", "culture", "fitness", "art", "stationery and planners",
    "celebrities", "outdoors", "camping", "social sciences", "weddings", "fashion",
)  # fmt: skip

DIMENSIONS: Final[Mapping[str, Group]] = MappingProxyType(
    {
        **dict.fromkeys(_NEEDS, GROUPS[0]),
        **dict.fromkeys(_ALIGNMENT, GROUPS[1]),
        **dict.fromkeys((INTEREST + topic for topic in _INTERESTS), GROUPS[2]),
    }
)
"""Every dimension with its group."""

MEANING: Final[Mapping[str, str]] = MappingProxyType({**_NEEDS, **_ALIGNMENT})
"""Meaning of a high level, by dimension; interests are explained by their name."""


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())


_KEYS: Final = MappingProxyType({_folded(name): name for name in DIMENSIONS})


def dimension_of(name: str) -> str | None:
    """Return the dimension for a model's name of it, such as "need for order"; ``None`` if unknown.

    Example:
        >>> dimension_of("Need for Order"), dimension_of("music"), dimension_of("luck")
        ('order', 'interest in music', None)
    """
    key = _folded(name.replace("_", " ")).removeprefix("need for ")
    key = key.removesuffix(" interest")
    return _KEYS.get(key) or _KEYS.get(INTEREST + key)
