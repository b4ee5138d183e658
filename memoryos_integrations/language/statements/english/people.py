"""Whom somebody belongs with: partner, family, friends and animals, in English."""

from __future__ import annotations

from typing import Final

from memoryos_integrations.language.statements.english import checks, words
from memoryos_integrations.language.statements.english.forms import (
    AGED,
    AM,
    BEEN,
    END,
    HAD_BEFORE,
    HAVE,
    NUMBER,
    WE_DO,
    WHO,
)
from memoryos_integrations.language.statements.reading import NAME, rule, single

_NAMED = rf"(?P<name>{NAME})"
_BESIDE = rf"(?: is called|'s called| is named|'s name is|'s name's| called| named)? {_NAMED}(?![\w-])"
_APART = rf", {_NAMED}(?=[.:;!]|, (?!and\b|or\b|\w+,|\w+ and\b)(?-i:[a-z])|$)"
_MAYBE_NAMED = rf"(?:(?:,? (?:named|called)|,(?= \w+\s*(?:[.!]|$))) {_NAMED})?"
_PARTNER = checks.kin(words.PARTNERS)
_KIN = checks.kin(words.KIN)
_FRIEND = checks.kin(words.FRIENDS)
_ANIMAL = checks.kin(words.PETS)
_IS = "The user's {who} is {name}."
_HAS = "The user has {n}{who}{named}."
_PET = "The user has a {who} named {name}."
_AND_THEN = (
    f"(?:{END}|(?= (?:last|this|yesterday|today|recently|in|at|from|with|that|who"
    r"|named|called|aged)\b(?! (?:this|the|my|a) (?!\w*day|week|month|year))))"
)

RULES: Final = (
    single("partner", rf"\bmy {WHO}{_BESIDE}", _IS, value="{name}", clean=_PARTNER, anywhere=True),
    single("partner", rf"\bmy {WHO}{_APART}", _IS, value="{name}", clean=_PARTNER, anywhere=True),
    single("partner", rf"my {WHO} is {_NAMED}{END}", _IS, value="{name}", clean=_PARTNER),
    single(
        "partner",
        rf"{AM}(?P<who>married|engaged) to {_NAMED}{END}",
        "The user is {who} to {name}.",
        value="{name}",
        clean=checks.kin(words.MARRIED),
    ),
    rule(None, rf"{AM}(?:happily )?(?P<value>married|divorced|widowed|engaged){END}", "The user is {value}."),
    rule("family", rf"\b(?:my|our) {AGED}{WHO}{_BESIDE}", _IS, clean=_KIN, anywhere=True),
    rule("family", rf"\b(?:my|our) {AGED}{WHO}{_APART}", _IS, clean=_KIN, anywhere=True),
    rule("family", rf"my {AGED}{WHO} is {_NAMED}{END}", _IS, clean=_KIN),
    rule(
        "family",
        rf"{HAVE}(?P<n>{NUMBER} ){AGED}{WHO}{_MAYBE_NAMED}{_AND_THEN}",
        _HAS,
        clean=checks.counted(words.CHILDREN),
    ),
    rule(
        "family",
        rf"{HAVE}{HAD_BEFORE}(?P<n>{NUMBER} ){AGED}{WHO}{_MAYBE_NAMED}{_AND_THEN}",
        _HAS,
        clean=checks.counted(words.CHILDREN),
    ),
    rule(
        "pet",
        rf"{HAVE}{HAD_BEFORE}(?P<n>{NUMBER} ){WHO}{_MAYBE_NAMED}{_AND_THEN}",
        _HAS,
        clean=checks.counted(words.PETS),
    ),
    rule(
        "family",
        rf"{AM}an? (?:proud |single |new )?(?P<who>mother|father|mom|mum|dad|parent) of (?P<n>{NUMBER}){END}",
        "The user is a {who} of {n}.",
        value="{who} of {n}",
    ),
    rule("people", rf"\bmy {AGED}{WHO}{_BESIDE}", _IS, clean=_FRIEND, anywhere=True),
    rule("pet", rf"\b(?:my|our) {AGED}{WHO}{_BESIDE}", _PET, clean=_ANIMAL, anywhere=True),
    rule("pet", rf"\b(?:my|our) {AGED}{WHO}{_APART}", _PET, clean=_ANIMAL, anywhere=True),
    rule("pet", rf"(?:my|our) {WHO} is {_NAMED}{END}", _PET, clean=_ANIMAL),
    rule(
        "pet",
        rf"(?:{HAVE}|{WE_DO}(?:own|adopted|got) |{BEEN}(?:adopted|got) )(?P<n>{NUMBER} ){WHO}"
        rf"{_MAYBE_NAMED}{_AND_THEN}",
        _HAS,
        clean=checks.counted(words.PETS),
    ),
)
