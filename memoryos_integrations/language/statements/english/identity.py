"""Who somebody is, where they come from and where they live, in English."""

from __future__ import annotations

from typing import Final

from memoryos_integrations.language.statements import parts
from memoryos_integrations.language.statements.english import checks
from memoryos_integrations.language.statements.english.forms import (
    AM,
    BEEN,
    DAY_OF_YEAR,
    END,
    END_PLACE,
    HOME,
    PLACE,
    WE_ARE,
    WE_DO,
)
from memoryos_integrations.language.statements.english.words import NATIONALITIES
from memoryos_integrations.language.statements.reading import FULL_NAME, rule, single

_NAME_IS = "The user's name is {value}."
_CALLED = rf"(?P<value>{FULL_NAME}){END}"
_CALLERS = (
    r"(?:(?:just|please|you (?:can|may|could)|feel free to) ){0,2}call|(?:everyone|everybody) calls?"
    r"|(?:people|they|(?:all )?my friends|friends|most people) call"
)
_LOWER = r"(?P<value>[^\W\d_]{2,20})(?=\s*(?:$|[,.!;)]|and (?:i|my)\b))"
_INTRODUCED = (
    rf"(?P<introduced>)(?P<value>{FULL_NAME})(?=\s*(?:$|[,.!;)–—]|- |and (?:i|my|i'm|work|live)\b|from\b))"
)
_WISH = r"(?:i go by|i(?:'d| would) (?:like|prefer) to be called|i prefer to be called)"
_NAMES = (
    single(
        "name", rf"my (?:(?:first|full|given|real) )?name(?: is|'s) {_CALLED}", _NAME_IS, clean=checks.name
    ),
    single("name", rf"my (?:first )?name(?: is|'s) {_LOWER}", _NAME_IS, clean=checks.name),
    single("name", rf"(?:{_CALLERS}) me {_CALLED}", _NAME_IS, clean=checks.name),
    single("name", rf"{_WISH} {_CALLED}", _NAME_IS, clean=checks.name),
    single("name", rf"(?:i am|i'm|im) {_INTRODUCED}", _NAME_IS, clean=checks.name),
)

_OLD = r"(?: years? old| years? of age| ?y/?o)?(?=\s*(?:$|[,.!;)–—]|- |(?:and|but|now) ))(?! and a half)"
_YEAR = r"(?P<value>19[2-9]\d|20[0-2]\d)(?!\w)"
_AGE_IS = "The user is {value} years old."
_FROM = rf"(?:{AM}from|i come from|i grew up in|i was raised in|my home ?town is)"
_BORN_IN = r"i was born (?:and (?:raised|grew up|bred) )?in"
_PEOPLE = r"(?:half )?(?P<value>(?:(?:new|south|north|sri) )?[a-z]+)"
_BIRTH = (
    single("age", rf"{AM}(?P<value>\d{{1,3}}){_OLD}", _AGE_IS, clean=parts.age),
    single("age", rf"{AM}an? (?P<value>\d{{1,3}})[ -]years?[ -]old\b", _AGE_IS, clean=parts.age),
    single(
        "age", rf"i (?:just )?turned (?P<value>\d\d)\b(?P<when> [\w ]{{3,25}})?{END}", _AGE_IS, when="since"
    ),
    single(
        "birth_year",
        rf"i was born (?:[\w ]{{0,30}} )?(?:in|on) (?:[\w ]{{0,20}},? )?{_YEAR}",
        "The user was born in {value}.",
    ),
    single(
        "birthday",
        rf"(?:i was born on|my birthday(?: is|'s)(?: on)?) (?P<value>{DAY_OF_YEAR})",
        "The user's birthday is {value}.",
    ),
    rule(
        "origin",
        rf"{_BORN_IN} (?P<value>{PLACE})(?:(?= in \d)|{END_PLACE})",
        "The user is from {value}.",
        clean=checks.place,
    ),
    rule(
        "origin", rf"{_FROM} (?P<value>{PLACE}){END_PLACE}", "The user is from {value}.", clean=checks.place
    ),
    rule(
        "nationality",
        rf"{AM}(?:an? )?{_PEOPLE}(?: citizen)?(?: by birth)?{END}",
        "The user is {value}.",
        clean=parts.one_of(NATIONALITIES),
    ),
)

_LIVES = "The user lives in {value}."
_LONG = r"(?= (?:for|since|ever since|all my life|my (?:whole|entire) life)\b)"
_LATELY = (
    r"(?P<when> (?:last (?:week|month|year|spring|summer|autumn|fall|winter|\w+day)|yesterday"
    r"|(?:\w+ )?(?:days?|weeks?|months?) ago|this (?:week|month|year|spring|summer|autumn|fall|winter)))"
)
_DATED = r"(?P<when> (?:last|this|in|on|yesterday|a|two|three)\b[\w ]{0,20})?"
_JUST = r"(?:(?:i|we)(?:'ve| have)? (?:just|recently) |(?:i|we)(?:'ve| have) )"
_HOMES = (
    single("home", rf"{WE_DO}live in {HOME}{END_PLACE}", _LIVES, clean=checks.place, when="since"),
    single(
        "home",
        rf"{WE_ARE}(?:based|living|settled) in {HOME}{END_PLACE}",
        _LIVES,
        clean=checks.place,
        when="since",
    ),
    single("home", rf"{BEEN}(?:lived|living) in {HOME}{_LONG}", _LIVES, clean=checks.place, when="since"),
    single(
        "home",
        rf"{_JUST}(?:moved|relocated) (?:back )?to {HOME}{_DATED}{END_PLACE}",
        _LIVES,
        clean=checks.place,
        when="since",
    ),
    single(
        "home",
        rf"(?:i|we) (?:moved|relocated) (?:back )?to {HOME}{_LATELY}{END}",
        _LIVES,
        clean=checks.place,
        when="since",
    ),
)

RULES: Final = (*_NAMES, *_BIRTH, *_HOMES)
