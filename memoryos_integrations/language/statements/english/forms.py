"""The parts that English statements are made of."""

from __future__ import annotations

from typing import Final

from memoryos_integrations.language.statements.reading import NAME, UPPER
from memoryos_integrations.language.text import alternatives

# A second verb may share the first one's subject ("I work as a nurse and live in Leeds"): the reader only
# tries the rules there right behind a fact that was found.
ADVERB: Final = (
    "(?:(?:also|currently|now|really|actually|still|just|absolutely|truly|do|simply"
    "|always|mainly|particularly"
    r"|especially|honestly|definitely|presently|totally|quite|very much|recently|originally|both) ){0,2}"
)
I_DO: Final = rf"(?:i |(?<=and )|(?<=but )){ADVERB}"
WE_DO: Final = rf"(?:(?:i|we) |(?<=and )|(?<=but )){ADVERB}"
AM: Final = rf"(?:(?:i am|i'm|im) |(?<=and )am |(?<=but )am ){ADVERB}"
WE_ARE: Final = rf"(?:(?:i am|i'm|im|we are|we're) |(?<=and )am |(?<=but )am ){ADVERB}"
HAD_BEFORE: Final = r"(?:(?:an?|one|two|three|four|five|\d) [\w-]+(?: (?!and)[\w-]+)?(?:, and|,| and) ){1,2}"
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
    rf"(?={_MARK}|\s+(?:{_BREAK}|and|at|in|for|with|from|working|employed|by (?:trade|profession)|on)\b"
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
AT: Final = rf"(?: (?:(?:working|employed) )?(?:at|for|with) {ORG})?{IN_PLACE}"
JOB: Final = (
    r"(?P<job>[\w+#/&'-]+(?:\.\w+)?(?: (?!(?:at|in|for|with|on|and|by|to|but|because"
    r"|since) )[\w+#/&'-]+(?:\.\w+)?)"
    r"{0,5}?)"
)
SUBJECT: Final = r"(?P<value>[a-z]+(?: [a-z]+){0,3}?)"
OPEN: Final = rf"(?P<value>[^\W_][\w'&/+.-]*(?: [\w'&/+.-]+){{0,9}}?){END_OPEN}(?P<comma>,?)"
REST: Final = (
    r"\b(?:(?! (?:but|because|so|which|although|though|while|and (?:i|my|we|our|it|they|he|she|you))\b)"
    r"[^,.;:!?()\n\x00]|,(?= \d)|\.(?=\w))*"
)
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
