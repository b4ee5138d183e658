"""What the wording of a question tells: whether it asks about the user, or about what the assistant said.

Also which messages are questions, so that a question asked again does not answer itself.
"""

from __future__ import annotations

import re
from typing import Final

_LONGEST: Final = 10_000  # characters that are read; what is longer is a pasted text

# "us" and "US" differ in case only, so that word alone is read as it is written.
_FIRST_PERSON: Final = re.compile(
    r"(?<![\w'’])(?:(?i:i|i['’](?:m|d|ve|ll)|my|me|mine|myself|we|we['’](?:re|d|ve|ll)|our|ours|ourselves)|us"
    r"|(?i:eu|meu|meus|minha|minhas|mim|comigo|nós|nosso|nossa|nossos|nossas|conosco|connosco))(?![\w'’])"
    r"|我|咱"
)

_ADVERB: Final = r"(?:(?:also|already|previously|once|earlier|just|first|ever|originally)\s+)?"
_SAID: Final = (
    "told|recommended|suggested|said|mentioned|explained|listed|proposed|drew|wrote|put|quoted|drafted"
    "|calculated|named|picked|outlined|gave|advised|described|showed|shared|provided|promised|offered|taught"
    "|created|made|warned|pointed|answered|replied|called|used|referred|talked|summarised|summarized|estimated"
)
_OWN: Final = (
    "advice|view|views|words|tip|tips|summary|answer|answers|reply|replies|list|draft|schedule|explanation"
    "|opinion|recommendation|recommendations|suggestion|suggestions"
)
_SAID_PT: Final = (
    "disse|disseste|recomendou|recomendaste|sugeriu|sugeriste|falou|falaste|mencionou|mencionaste|explicou"
    "|explicaste|listou|listaste|propôs|propuseste|escreveu|escreveste|deu|deste|aconselhou|aconselhaste"
)
_SAID_ZH: Final = "说|推荐|建议|提|提到|告诉|讲|介绍|列|写|解释|给"
# "Can, would or do you recommend" asks for advice about me: with it advice asked loses 1 to 8 points
# (counted on PrefEval), so a present tense is no such form.
_YOU_SAID: Final = re.compile(
    rf"\b(?:did|have|had|were)\s+you\b"
    rf"|\byou(?:['’](?:ve|d)|\s+have|\s+had)?\s+{_ADVERB}(?:{_SAID})\b"
    rf"|\baccording\s+to\s+you\b|\byour\s+(?:\w+\s+)?(?:{_OWN})\b"
    rf"|\b(?:você|tu|me)\s+(?:já\s+|me\s+|te\s+)?(?:{_SAID_PT})\b|\bsegundo\s+(?:você|tu)\b"
    rf"|[你您](?:之前|上次|曾经?|刚才?|当时|以前|那时|给我|向我|跟我|对我|为我)*(?:{_SAID_ZH})(?:过|了|的)"
    r"|[你您](?:之前|上次|曾经?|当时|以前)+[^。？！?!]{0,12}(?:过|了|的)|[你您]的(?:建议|推荐|看法|意见|回答|解释)",
    re.IGNORECASE,
)

_ASKS: Final = re.compile(
    r"\s*(?:(?:and|so|but|ok|okay|hey|hi|please|e|mas)\b[\s,]*)?"
    r"(?:(?:what|when|where|who|whom|whose|which|why|how|do|does|did|is|are|was|were|am|can|could|would|will"
    r"|should|have|has|had|remind me|tell me|o que|qual|quais|quando|onde|quem|como|por que|porque|quanto"
    r"|quantos|quantas)\b|什么|哪|谁|为什么|怎么|何时|多少)",
    re.IGNORECASE,
)
_QUESTION_MARKS: Final = ("?", "？", "؟")


def first_person(query: str) -> bool:
    """Return whether a question is about the one who asks (English, Portuguese, Chinese).

    Example:
        >>> first_person("Where did I leave my key?"), first_person("Where did Ann leave the key?")
        (True, False)
    """
    return _FIRST_PERSON.search(query, 0, _LONGEST) is not None


def you_said(query: str) -> bool:
    """Return whether a question asks for what the assistant said, not for a new answer.

    Example:
        >>> you_said("What did you tell me about slugs?"), you_said("What do you recommend against slugs?")
        (True, False)
    """
    return _YOU_SAID.search(query, 0, _LONGEST) is not None


def is_question(text: str) -> bool:
    """Return whether a message asks something: it has a question mark, or begins as questions do.

    Example:
        >>> is_question("where is my key"), is_question("My key is here.")
        (True, False)
    """
    return any(mark in text for mark in _QUESTION_MARKS) or _ASKS.match(text) is not None
