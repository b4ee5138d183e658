"""The parts that English statements are made of, and what they may not say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from memoryos_integrations.statements.english import words
from memoryos_integrations.statements.reading import NAME, UPPER
from memoryos_integrations.text import alternatives

if TYPE_CHECKING:
    from collections.abc import Callable

    from memoryos_integrations.statements.reading import Parts

# A second verb may share the first one's subject ("I work as a nurse and live in Leeds"): the reader only
# tries the rules there right behind a fact that was found.
ADVERB: Final = (
    "(?:(?:also|currently|now|really|actually|still|just|absolutely|truly|do|simply"
    "|always|mainly|particularly"
    r"|especially|honestly|definitely|presently|totally|quite|very much|recently|originally|both) ){0,2}"
)
I: Final = rf"(?:i |(?<=and )|(?<=but )){ADVERB}"
WE: Final = rf"(?:(?:i|we) |(?<=and )|(?<=but )){ADVERB}"
AM: Final = rf"(?:(?:i am|i'm|im) |(?<=and )am |(?<=but )am ){ADVERB}"
WE_ARE: Final = rf"(?:(?:i am|i'm|im|we are|we're) |(?<=and )am |(?<=but )am ){ADVERB}"
HAVE: Final = r"(?:(?:i|we)(?: also| do| now)? have(?: got)?|(?:i|we)'ve(?: also)? got|(?<=and )have) "
BEEN: Final = rf"(?:i|we)(?:'ve| have) {ADVERB}(?:been )?"

# ---- where a statement ends

_MARK = r"\s*(?:$|[^\w\s'&/+.%$€£#-]|\.(?:\s|$)|\.\.|-+\s)"
_BREAK = (
    "but|because|since|although|though|whereas|while|which|who|where|so|too|as well"
    "|now|right now|at the moment"
    r"|these days|nowadays|lately|currently|by the way|btw|anymore|any more"
)
_AND_MORE = (
    "and (?:i|i'm|i've|my|we|our|it|they|he|she|you|also|am|live|work|have|want"
    "|need|can|can't|would|will|do|don't"
    r"|never|always|usually|hate|love|like|enjoy|dislike|prefer|speak|study|play|try|think|was|is|are|just)"
)
END: Final = rf"(?={_MARK}|\s+(?:{_BREAK}|and)\b)"
END_OPEN: Final = (
    rf"(?={_MARK}|\s+(?:{_BREAK}|{_AND_MORE}|so much|very much|a lot|(?:the )?most|more than any\w+)\b)"
)
END_PLACE: Final = (
    rf"(?={_MARK}|\s+(?:{_BREAK}|and|with|near|as|together|alone|again|in an?|just|on the|by the|all my life"
    r"|for (?:work|my|many|over|about|almost|nearly|(?:\w+ )?years))\b)"
)
END_JOB: Final = (
    rf"(?={_MARK}|\s+(?:{_BREAK}|and|at|in|for|with|from|by (?:trade|profession)|on)\b"
    r"(?! (?:heart|disguise|training|spirit|my (?:dreams?|head|spare|free|mind)|the (?:making|side|day|night)"
    r"|(?:an?|the|this|that) (?:day|week|game|show|tv|film|movie|play|novel|book|story|dream|sims))\b))"
)
AS_LONG: Final = r"(?= (?:for|since|ever since)\b)"

# ---- what stands in them. Lists of words are looked up when a pattern has matched: as alternatives in the
# patterns they would take half a second to compile.

PROPER: Final = rf"{NAME}(?: (?:(?:of|de|do|da|on|upon|del|la|the) ){{0,2}}{NAME}){{0,3}}"
_SMALL = r"[\w'-]+(?: [\w'-]+){0,2}?"
PLACE: Final = rf"(?:the )?(?:{PROPER}(?:, (?:{PROPER}|{_SMALL}))?|{_SMALL}(?:, {_SMALL})?)"
_TOWN = (
    rf"an? (?:[\w-]+ ){{0,2}}(?:town|village|city|suburb) (?:near|in|outside|close to|outside of) {PROPER}"
)
HOME: Final = rf"(?P<value>{_TOWN}|{PLACE})"
_COMPANY_WORD = rf"(?:{UPPER}|\d)[\w&'-]*(?:\.\w+)?"
_COMPANY = rf"{_COMPANY_WORD}(?: (?:(?:of|for|de|the|&) ){{0,2}}{_COMPANY_WORD}){{0,4}}"
WORKPLACE: Final = (
    r"(?:an?|the|my own|our own) (?:(?!(?:in|at|for|with|of|and) )[\w'-]+ ){0,3}?[\w'-]+"
    rf"(?: (?:of|for) {PROPER})?"
)
ORG: Final = rf"(?P<org>(?:the )?{_COMPANY}|{WORKPLACE})"
IN_PLACE: Final = rf"(?: (?:here |based )?in (?P<place>{PLACE}))?"
AT: Final = rf"(?: (?:at|for|with) {ORG})?{IN_PLACE}"
JOB: Final = (
    r"(?P<job>[\w+#/&'-]+(?:\.\w+)?(?: (?!(?:at|in|for|with|on|and|by|to|but|because"
    r"|since) )[\w+#/&'-]+(?:\.\w+)?)"
    r"{0,5}?)"
)
SUBJECT: Final = r"(?P<value>[a-z]+(?: [a-z]+){0,3}?)"
OPEN: Final = rf"(?P<value>[^\W_][\w'&/+.-]*(?: [\w'&/+.-]+){{0,9}}?){END_OPEN}(?P<comma>,?)"
REST: Final = r"\b(?:[^,.;:!?()\n\x00]|,(?= \d)|\.(?=\w))*+"
_MONTH = "january|february|march|april|may|june|july|august|september|october|november|december"
_NTH = r"(?:the )?\d\d?(?:st|nd|rd|th)?"
DAY_OF_YEAR: Final = rf"(?:{_NTH}(?: of)? (?:{_MONTH})|(?:{_MONTH}) {_NTH})(?!\w)"


def some_of(known: frozenset[str]) -> str:
    """Return a pattern for one or an enumeration of known words."""
    one = f"(?:{alternatives(known)})"
    return (
        f"(?P<value>{one}(?:, {one}){{0,6}}(?:,? (?:and|or|nor|&) (?:(?:a little"
        rf"|a bit of|some) )?{one})?)(?![\w'-])"
    )


AGED: Final = (
    "(?P<aged>(?:(?:older|younger|little|big|elder|eldest|youngest|oldest|twin|baby"
    "|best|only|good|dear) ){0,2})"
)
NUMBER: Final = r"(?:an?|one|two|three|four|five|six|seven|eight|nine|ten|twelve|\d)"
WHO: Final = r"(?P<who>[\w-]+(?: [\w-]+){0,3}?)"

# ---- what a match may not say

_POINTS_ELSEWHERE = re.compile(
    r"\b(?:i|i'm|i've|i'd|me|mine|we|(?-i:us)|you|you're|your|yours|he|him|his|she"
    "|her|hers|they|them|(?-i:it)"
    "|it's|its|this|that|these|those|there|here|what|how|when|why|who|whom|whether"
    "|their|theirs|if|unless|something|anything"
    r"|everything|nothing|someone|anyone)\b",
    re.IGNORECASE,
)
_THIS_TIME = re.compile(
    r"\bthis (?=\w+day|weekend|week|month|year|spring|summer|autumn|fall|winter|coming)", re.IGNORECASE
)
_OWN = (
    (re.compile(r"\b(?:my|our)\b", re.IGNORECASE), "their"),
    (re.compile(r"\bmyself\b", re.IGNORECASE), "themselves"),
)
_NO_LIKING = re.compile(
    "to$|to (?:think|believe|know|say|see|hear|be|have|make|thank|ask|note|add"
    r"|point|tell|admit|give|go|get|do|start)\b"
    r"|(?:\w+ )?(?:idea|approach|version|plan|suggestion|answer|design|part|way"
    r"|sound|look|feel|thought|option)s?\b"
    r"|(?:life|mornings?|mondays?|work|exercise|meetings|bullshit|nonsense|drama|people|stupid\w*)$",
    re.IGNORECASE,
)
_SMALL_NAME = re.compile(
    r"(?:\w+(?:ed|ing|al|ous|able|ful|ic|ent|ant|less|ive|ly)|hard|long|weird|common"
    "|short|mud|spelt|written|taken"
    r"|below|above|there|already|unique|rare|spelled|too|quite|pretty|as|if)$"
)


def theirs(value: str) -> str | None:
    """Turn "my garden" into "their garden"; refuse what points at the talk, at others or at a condition."""
    if _POINTS_ELSEWHERE.search(_THIS_TIME.sub("", value)):
        return None
    for pattern, word in _OWN:
        value = pattern.sub(word, value)
    return value


def plan(parts: Parts) -> Parts | None:
    """Take what somebody will do as it stands."""
    value = theirs(parts["value"].strip(" -."))
    is_past = re.search(r"\b(?:since|last|ago|yesterday|late|trouble)\b", parts["value"], re.IGNORECASE)
    return None if value is None or is_past else parts | {"value": value}


def liking(parts: Parts) -> Parts | None:
    """Refuse what people like in an answer; keep "the" before a title only, and a short second thing."""
    value = theirs(parts["value"].strip(" -."))
    is_cut = re.search(r"(?:^|\s)(?:an?|the|to) [\w-]+$", parts["value"]) and parts.get("comma")
    if (
        value is None
        or is_cut
        or _NO_LIKING.match(value)
        or re.search(r"\b(?:better|best|\w+days?)$|^\d", value)
    ):
        return None
    first, _, rest = value.partition(" ")
    if first.lower() in words.NO_FIRST or (first.lower() == "the" and not rest[:1].isupper()):
        return None
    head, conjunction, tail = value.rpartition(" and ")
    if conjunction and len(tail.split()) > 3 and not tail.split()[0].endswith("ing"):
        value = head
    return parts | {"value": value}


def work(parts: Parts) -> Parts | None:
    """Keep what is a profession: not "a good driver", "as a team"; a student has no employer."""
    job = re.sub(r"^\d+[- ]years?[- ]old ", "", parts["job"])
    parts = parts | {"job": job, "a": "a " if job != parts["job"] else parts.get("a", "")}
    kinds = re.findall(r"[\w+#'-]+", parts["job"].lower())
    if not kinds or theirs(parts["job"]) is None:
        return None
    if parts.get("as"):
        is_work = not words.NO_JOB.intersection(kinds)
    else:
        is_work = _is_profession(kinds)
    verb = "is" if words.BEING.intersection(kinds) else "works as"
    if words.STUDENTS.intersection(kinds):
        parts = parts | {"org": "", "place": ""}
    return employer(parts | {"verb": verb}) if is_work else None


def _is_profession(kinds: list[str]) -> bool:
    head = kinds[: kinds.index("of")] if "of" in kinds else kinds
    if not head or words.NO_KIND.intersection(head[:-1]):
        return False
    if "of" in kinds and head[-1] not in words.OF_SOMETHING:
        return False
    return head[-1] in words.PROFESSIONS or (head[-1] in words.WITH_A_KIND and len(kinds) > 1)


def employer(parts: Parts) -> Parts | None:
    """Drop the employer or the place that is none: a day, a holiday, a program."""
    org, where = parts.get("org", "").strip(" -."), parts.get("place", "").strip(" -.")
    return parts | {"org": _employer(org), "place": _place(where) or ""}


def _employer(org: str) -> str:
    words_of = org.lower().removeprefix("the ").split(" ")
    if re.match(r"(?:an?|the|my own|our own) (?-i:[^A-Z])", org):
        head = re.split(r" (?:of|for) ", org.lower())[0].split(" ")
        is_known = head[-1] in words.EMPLOYERS or " ".join(head[-2:]) in words.EMPLOYERS
        return (theirs(org) or "") if is_known else ""
    is_day = words_of[0] in ("christmas", "easter", "night") or words_of[0].endswith("day")
    return "" if is_day or org.isdecimal() else org


def business(parts: Parts) -> Parts | None:
    """Take what somebody runs if it is of the known kinds."""
    value = _employer(parts["value"])
    return parts | {"value": value} if value else None


def place(parts: Parts) -> Parts | None:
    """Refuse what is no place: Excel, Monday, "a bubble"."""
    value = _place(parts["value"].strip(" -."))
    return None if value is None else parts | {"value": value}


def _place(value: str) -> str | None:
    if re.match(r"an? .*\b(?:town|village|city|suburb)\b", value):
        return value
    town, comma, country = value.partition(", ")
    bare = town.lower().removeprefix("the ")
    is_known = bare in words.PLACES
    if not (is_known or bare != town.removeprefix("the ").removeprefix("The ")):
        return None
    if bare.split(" ")[0] in words.NO_PLACE and not is_known:
        return None
    return value if comma and country.lower() in words.PLACES else town


def name(parts: Parts) -> Parts | None:
    """Refuse "I'm German", "I'm OK"; in small letters also what looks like an adjective."""
    value = parts["value"]
    is_other_word = value.islower() and _SMALL_NAME.match(value)
    is_shouted = value.isupper() and len(value) > 1
    if value.lower().split(" ")[0] in words.NO_NAME or is_other_word or is_shouted:
        return None
    return parts


def kin(known: frozenset[str]) -> Callable[[Parts], Parts | None]:
    """Return what takes a person or an animal of a list, with its name: "older sister Ana"."""

    def clean(parts: Parts) -> Parts | None:
        who, called = parts["who"].lower(), parts["name"]
        if who not in known or name({"value": called}) is None:
            return None
        who = parts.get("aged", "").lower() + who
        return parts | {"who": who, "value": f"{who} {called}"}

    return clean


def counted(known: frozenset[str]) -> Callable[[Parts], Parts | None]:
    """Return what takes one or more of a list, perhaps with a name: "two kids", "dog Rex"."""

    def clean(parts: Parts) -> Parts | None:
        who, called, some = parts["who"].lower(), parts["name"], parts["n"].strip().lower()
        kinds = who.split(" ")
        is_known = bool({kinds[-1], kinds[-1].removesuffix("s"), " ".join(kinds[-2:])} & known)
        if (
            not is_known
            or words.NO_PET.intersection(kinds[:-1])
            or (called and name({"value": called}) is None)
        ):
            return None
        who = parts.get("aged", "").lower() + who
        value = f"{who} {called}" if called else who if some in ("a", "an") else f"{some} {who}"
        return parts | {"who": who, "value": value, "named": f" named {called}" if called else ""}

    return clean


def disliking(parts: Parts) -> Parts | None:
    """Refuse "I hate to say it" as well."""
    return None if re.match(r"to\b|my\b", parts["value"], re.IGNORECASE) else liking(parts)


def allergy(parts: Parts) -> Parts | None:
    """Refuse what is too long for one, and jokes about Mondays."""
    return None if len(parts["value"].split()) > 6 else liking(parts)
