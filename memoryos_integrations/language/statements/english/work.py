"""What somebody works as, for whom and where, and what they study, in English."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from memoryos_integrations.language.statements import parts
from memoryos_integrations.language.statements.english import checks, words
from memoryos_integrations.language.statements.english.forms import (
    AM,
    AS_LONG,
    AT,
    BEEN,
    END,
    END_JOB,
    END_OPEN,
    END_PLACE,
    I_DO,
    IN_PLACE,
    JOB,
    ORG,
    PLACE,
    SUBJECT,
    WORKPLACE,
)
from memoryos_integrations.language.statements.reading import rule, single

if TYPE_CHECKING:
    from memoryos_integrations.language.statements.reading import Rule

_FACTS = (
    ("work", "job", "The user {verb} {a}{job}."),
    ("employer", "org", "The user works at {org}."),
    ("workplace", "place", "The user works in {place}."),
)


def _jobs(*patterns: str) -> tuple[Rule, ...]:
    """Make up to three rules of each pattern: for the job, the employer and the place of work."""
    return tuple(
        single(
            field,
            pattern,
            text,
            value=f"{{{group}}}",
            clean=checks.work if "<job>" in pattern else checks.employer,
            when="since",
        )
        for pattern in patterns
        for field, group, text in _FACTS
        if f"<{group}>" in pattern
    )


_A = r"(?P<a>an? |the )"
_AS = rf"(?P<as>as ){_A}?{JOB}{AT}{END_JOB}"
_HOW = r"(?:(?:part-time|part time|full-time|full time|remotely|freelance|mostly) )?"
_GOT = r"(?:just |recently )?(?:got|landed) (?:an? )?(?:new )?job"
_STARTED = r"(?:just |recently )?started (?:working|work|(?:an? )?(?:new )?job)"
_WHAT_FOLLOWS = r"(?=work|have|see|know|spend|need|often|always|usually|get|deal|teach|meet)"
_JOBS = _jobs(
    rf"{I_DO}work {_HOW}{_AS}",
    rf"{AM}(?:working|employed) {_AS}",
    rf"{AM}{_A}{JOB}{AT}{END_JOB}",
    rf"{BEEN}(?:working as )?{_A}{JOB}{AT}{AS_LONG}",
    rf"my (?:job|profession|occupation|job title) is (?:being )?{_A}?{JOB}{AT}{END_JOB}",
    rf"i(?:'ve| have)? (?:{_GOT}|{_STARTED}) {_AS}",
    rf"as (?P<a>an? ){JOB}{AT},? i {_WHAT_FOLLOWS}",
    rf"{I_DO}work (?:at|for) {ORG}{IN_PLACE}{END_JOB}",
    rf"{I_DO}work (?:at|for) {ORG} (?P<as>as ){_A}?{JOB}{IN_PLACE}{END_JOB}",
    rf"{I_DO}work (?:at|for) {ORG} in (?P<place>{PLACE}) (?P<as>as ){_A}?{JOB}{END_JOB}",
    rf"{I_DO}work in (?P<org>{WORKPLACE}){IN_PLACE}{END_JOB}",
    rf"{BEEN}work(?:ed|ing) (?:at|for) {ORG}{AS_LONG}",
    rf"i(?:'ve| have)? (?:{_GOT}|{_STARTED}) (?:at|with|for) {ORG}{IN_PLACE}{END_JOB}",
    rf"{I_DO}work in (?P<place>{PLACE}){END_PLACE}",
)

_STATUS = r"(?P<value>retired|unemployed|self-employed|stay-at-home (?:mom|mum|dad|parent|mother|father))"
_SUBJECT = parts.one_of(words.SUBJECTS)
_AT_SCHOOL = r"(?: (?:at|in) [\w ]+?)?"
_WORKS = (
    single(
        "work",
        rf"{I_DO}work in {SUBJECT}{END_JOB}",
        "The user works in {value}.",
        clean=parts.one_of(words.TRADES),
    ),
    single(
        "work",
        rf"{I_DO}(?P<verb>run|own|manage) (?P<value>{WORKPLACE}){END_JOB}",
        "The user {verb}s {value}.",
        value="{verb}s {value}",
        clean=checks.business,
    ),
    single(
        "work",
        rf"{I_DO}teach {SUBJECT}(?:{END_JOB}|(?= to\b))",
        "The user teaches {value}.",
        value="teaches {value}",
        clean=_SUBJECT,
    ),
    single("work", rf"{AM}(?P<a>an? )?{_STATUS}(?:{END}|(?= (?:with|to|of)\b))", "The user is {a}{value}."),
    rule(
        "study",
        rf"{I_DO}(?:study|major in) {SUBJECT}{_AT_SCHOOL}{END_OPEN}",
        "The user studies {value}.",
        clean=_SUBJECT,
    ),
    rule(
        "study",
        rf"{AM}(?:studying|majoring in) {SUBJECT}{_AT_SCHOOL}{END_OPEN}",
        "The user studies {value}.",
        clean=_SUBJECT,
    ),
    rule("study", rf"my major is {SUBJECT}{END_OPEN}", "The user studies {value}.", clean=_SUBJECT),
)

RULES: Final = (*_JOBS, *_WORKS)
