"""What somebody likes, eats, cannot bear, speaks and plays, in English."""

from __future__ import annotations

from typing import Final

from memoryos_integrations.language.statements import parts
from memoryos_integrations.language.statements.english import checks, forms, words
from memoryos_integrations.language.statements.english.forms import (
    AM,
    AS_LONG,
    END,
    HAVE,
    I_DO,
    OPEN,
    SUBJECT,
)
from memoryos_integrations.language.statements.reading import rule, single

_LIKES, _DISLIKES = "The user likes {value}.", "The user dislikes {value}."
_VERY = r"(?:(?:really|very|quite|also|so|absolutely|totally|pretty) ){0,2}"
_FAN = r"an? (?:(?:big|huge|massive|great|real) )?(?:fan of|lover of)"
_INTO = rf"(?:into|fond of|crazy about|passionate about|keen on|obsessed with|{_FAN})"
_NOT = r"(?:don't|do not|dont)"
_NO_FAVOURITE = r"(?!(?:part|bit|one|thing|line|moment|answer|option|of|so)\b)"
_FAVOURITE = (
    r"my (?:all-time |all time |absolute )?(?:favou?rite|fav|fave) "
    rf"(?P<what>{_NO_FAVOURITE}[\w-]+(?: {_NO_FAVOURITE}(?!is\b"
    r"|are\b)[\w-]+){0,2}) (?:is|are|has always been)"
)
_LIKING = (
    rule("likes", rf"{I_DO}(?:love|like|enjoy|adore) {OPEN}", _LIKES, clean=checks.liking),
    rule("likes", rf"(?:i am|i'm) {_VERY}{_INTO} {OPEN}", _LIKES, clean=checks.liking),
    rule(
        "likes",
        rf"i (?:(?:much|generally|usually|always|really) )?prefer (?!to ){OPEN}",
        "The user prefers {value}.",
        clean=checks.liking,
    ),
    rule("likes", rf"{_FAVOURITE} {OPEN}", "The user's favourite {what} is {value}.", clean=checks.liking),
    rule(
        "likes",
        rf"my (?:main |favou?rite )?hobb(?:y is|ies are|ies include) {OPEN}",
        _LIKES,
        clean=checks.liking,
    ),
    rule(
        "dislikes",
        rf"{I_DO}(?:hate|dislike|detest|loathe|despise|can't stand|cannot stand|can't bear) {OPEN}",
        _DISLIKES,
        clean=checks.disliking,
    ),
    rule(
        "dislikes",
        rf"i (?:really )?{_NOT} (?:really |much )?(?:like|enjoy) {OPEN}",
        _DISLIKES,
        clean=checks.disliking,
    ),
    rule("dislikes", rf"(?:i am|i'm) not {_VERY}{_INTO} {OPEN}", _DISLIKES, clean=checks.disliking),
)

_FOODS = forms.some_of(words.FOODS)
_SEVERELY = r"(?:(?:very|quite|severely|highly|deathly|mildly|terribly|badly|slightly|a bit) )?"
_SEVERE = r"(?:(?:severe|bad|serious|mild|strong|slight) )?"
_ALLERGIC = "The user is allergic to {value}."
_DIETS = "vegetarian|vegan|pescatarian|pescetarian|flexitarian"
_EATING = (
    single(
        "diet",
        rf"(?:(?:i am|i'm|im) (?:(?:also|a strict|an?|now|strictly) )?|i(?:'ve| have) been (?:an? )?)"
        rf"(?P<value>{_DIETS})(?:{END}|{AS_LONG})",
        "The user is {value}.",
        when="since",
    ),
    rule(
        "diet",
        rf"i (?:only )?eat (?:only )?(?P<value>halal|kosher|gluten[ -]free|vegan|plant-based){END}",
        "The user eats {value}.",
    ),
    rule(
        "diet",
        rf"i (?:{_NOT}|never|can't|cannot) (?P<verb>eat|drink) (?:any )?{_FOODS}{END}",
        "The user does not {verb} {value}.",
        value="no {value}",
    ),
    rule("allergy", rf"{AM}{_SEVERELY}allergic to {OPEN}", _ALLERGIC, clean=checks.allergy),
    rule("allergy", rf"{HAVE}an? {_SEVERE}allergy to {OPEN}", _ALLERGIC, clean=checks.allergy),
    rule("allergy", rf"{HAVE}an? {_SEVERE}(?P<value>[a-z]+) allergy{END}", _ALLERGIC, clean=checks.allergy),
    rule("allergy", rf"{AM}(?:an? )?(?P<value>c(?:o)?eliac){END}", "The user is {value}."),
    rule(
        "allergy",
        rf"{AM}(?P<value>lactose|gluten|dairy|fructose|histamine)[ -]intolerant{END}",
        "The user is {value} intolerant.",
    ),
)

_HOW_WELL = r"(?:(?:fluent|native|basic|some|decent|good|both) ){0,2}"
_LANGUAGES = forms.some_of(words.LANGUAGES)
_SPEAKS = "The user speaks {value}."
_SPEAKING = (
    rule("language", rf"{I_DO}speak {_HOW_WELL}{_LANGUAGES}", _SPEAKS),
    rule("language", rf"{AM}(?:fluent|bilingual) in {_LANGUAGES}", _SPEAKS),
    rule(
        "language",
        rf"my (?:native|first|mother) (?:language|tongue) is {_LANGUAGES}",
        _SPEAKS,
    ),
    rule(
        None,
        rf"{AM}learning (?:how to play |to play |to speak )?(?:the )?{SUBJECT}{END}",
        "The user is learning {value}.",
        value="learning {value}",
        clean=parts.one_of(words.LANGUAGES | words.PLAYED),
    ),
    rule(
        None,
        rf"{I_DO}play (?:the )?{SUBJECT}(?:{END}|(?= (?:in an?|with|for|every|on)\b))",
        "The user plays {value}.",
        value="plays {value}",
        clean=parts.one_of(words.PLAYED),
    ),
)

RULES: Final = (*_LIKING, *_EATING, *_SPEAKING)
