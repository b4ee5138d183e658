"""What somebody is going to do, in English; a plan has a date unless it says that it is one."""

from __future__ import annotations

from typing import Final

from memoryos_integrations.language.statements.english import checks
from memoryos_integrations.language.statements.english.forms import HAVE, REST, WE_ARE
from memoryos_integrations.language.statements.english.words import EVENTS
from memoryos_integrations.language.statements.reading import rule
from memoryos_integrations.language.text import alternatives

_EVENT = rf"(?:[\w'-]+ ){{0,2}}?(?:{alternatives(EVENTS)})\b"
_JOURNEYS = "trip|holiday|vacation|wedding|move|party|honeymoon"
_RACE = (
    r"(?:an?|the|my|our|in the) (?:[\w-]+ ){0,2}?(?:marathon|half marathon|half|race|10k|5k|ultra|triathlon)"
)
_BEGUN = r"(?:an?|my|our|at|work|school|university|college|the new)\b"
# What people do on a day worth remembering; "I'll have a look tomorrow" is none.
_GERUND = (
    "moving|flying|travelling|traveling|visiting|marrying|getting married"
    "|graduating|retiring|competing|attending|hosting"
    "|presenting|defending|adopting|launching|leaving|returning|going (?:to (?:an?"
    "|the|my|our|[A-Z])|on (?:an?|holiday|vacation))"
    rf"|running {_RACE}|starting {_BEGUN}|taking (?:an?|the|my|our)|singing|performing|meeting (?:my|the)"
    r"|having (?:an?|my|our) (?:[\w-]+ )?(?:party|surgery|operation|baby|wedding"
    "|dinner|interview)|having surgery"
)
_SURE = (
    "move|fly|travel|visit|marry|get married|graduate|retire|attend|host|adopt|compete|defend|leave for"
    rf"|run {_RACE}|start {_BEGUN}"
)
_MEANT = (
    f"{_SURE}|present|launch|perform|sing|return|go to|take (?:an?|the|my|our)|have "
    "(?:an?|my) (?:baby|surgery|operation)"
)
_WISHED = (
    "move|travel|fly to|visit|get married|marry|retire|graduate|adopt an?"
    f"|learn [a-z]+|learn to|study|run {_RACE}"
    r"|buy (?:an?|my|our) (?:[\w-]+ )?(?:house|flat|apartment|car|home|boat|farm"
    r"|bike|van)|write (?:an?|my) (?:[\w-]+ )?(?:book|novel|memoir)"
    r"|(?:start|open|launch) (?:an?|my own|our own) (?:[\w-]+ )?(?:company|business"
    "|family|startup|bakery|restaurant|shop|studio|café)"
    r"|attend an?"
)

RULES: Final = (
    rule(
        "plan",
        rf"{WE_ARE}(?P<value>(?:{_GERUND}){REST})",
        "The user is {value} ({date}).",
        clean=checks.plan,
        when="ahead",
    ),
    rule(
        "plan",
        rf"(?:i|we)(?:'ll| will) (?P<value>(?:{_SURE}){REST})",
        "The user will {value} ({date}).",
        clean=checks.plan,
        when="ahead",
    ),
    rule(
        "plan",
        rf"{WE_ARE}(?:going|about) to (?P<value>(?:{_MEANT}){REST})",
        "The user will {value} ({date}).",
        clean=checks.plan,
        when="ahead",
    ),
    rule(
        "plan",
        rf"(?:i|we) (?P<value>(?:move|fly|travel|leave|graduate|retire|get married|start {_BEGUN}){REST})",
        "The user will {value} ({date}).",
        clean=checks.plan,
        when="ahead",
    ),
    rule(
        "plan",
        rf"{HAVE}(?P<value>(?:an?|my|our) {_EVENT}{REST})",
        "The user has {value} ({date}).",
        clean=checks.plan,
        when="ahead",
    ),
    rule(
        "plan",
        rf"(?:my|our) (?P<what>{_EVENT}) is (?P<value>{REST})",
        "The user's {what} is {value} ({date}).",
        value="{what} {value}",
        clean=checks.plan,
        when="ahead",
    ),
    rule(
        "plan",
        rf"(?:{WE_ARE}(?:planning|hoping)|(?:i|we) (?:plan|intend|hope)) to (?P<value>(?:{_WISHED}){REST})",
        "The user plans to {value}{dated}.",
        clean=checks.plan,
        when="perhaps ahead",
    ),
    rule(
        "plan",
        rf"{WE_ARE}planning (?P<value>(?:an?|my|our) (?:[\w'-]+ ){{0,2}}?(?:{_JOURNEYS})\b{REST})",
        "The user is planning {value}{dated}.",
        clean=checks.plan,
        when="perhaps ahead",
    ),
)
