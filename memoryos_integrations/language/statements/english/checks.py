"""What an English statement may not say, and how its parts are told apart."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from memoryos_integrations.language.statements.english import words

if TYPE_CHECKING:
    from collections.abc import Callable

    from memoryos_integrations.language.statements.reading import Parts

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
    r"|(?:[\w']+ )?(?:idea|approach|version|plan|suggestion|answer|design|part|way"
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
        or re.search(
            r"\b(?:better|best|more|less|(?:mon|tues|wednes|thurs|fri|satur|sun)day)$|^\d",
            value,
            re.IGNORECASE,
        )
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
    is_work = not words.NO_JOB.intersection(kinds) if parts.get("as") else _is_profession(kinds)
    if not parts["a"] and parts["job"][0].islower():
        parts = parts | {"a": "an " if parts["job"][0] in "aeiou" else "a "}
    verb = "is" if words.BEING.intersection(kinds) else "works as"
    if words.STUDENTS.intersection(kinds):
        parts = parts | {"org": "", "place": ""}
    return employer(parts | {"verb": verb}) if is_work else None


def _is_profession(kinds: list[str]) -> bool:
    head = kinds[: kinds.index("of")] if "of" in kinds else kinds
    if not head or words.NO_KIND.intersection(head[:-1]):
        return False
    if "of" in kinds:
        return head[-1] in words.OF_SOMETHING
    if len(head) > 1 and (head[-1] in words.WITH_A_KIND or head[-2] in words.OF_A_KIND.get(head[-1], ())):
        return True
    return head[-1] in words.PROFESSIONS


def employer(parts: Parts) -> Parts | None:
    """Drop the employer or the place that is none: a day, a holiday, a program."""
    org, where = parts.get("org", "").strip(" -."), parts.get("place", "").strip(" -.")
    return parts | {"org": _employer(org), "place": _place(where) or ""}


def _employer(org: str) -> str:
    words_of = org.lower().removeprefix("the ").split(" ")
    if org.lower() in ("the office", "the company", "the business", "the shop", "the store"):
        return ""
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
    is_shouted = value.isupper()  # OK, ADHD; an initial is not a name either
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
