"""How people state facts about themselves in English."""

from __future__ import annotations

import re
from typing import Final

from memoryos_integrations.language.dates import in_english
from memoryos_integrations.language.statements.english import identity, people, plans, tastes, work
from memoryos_integrations.language.statements.english.forms import ADVERB
from memoryos_integrations.language.statements.reading import Language

_LEAD = (
    "hi|hello|hey|well|oh|so|also|and|but|plus|ok|okay|yes|yeah|yep|no|nope|sure"
    "|thanks|thank you|actually|anyways?"
    "|by the way|btw|fun fact|fyi|for context|for the record|to be honest|honestly"
    "|tbh|frankly|just so you know|currently"
    "|nowadays|these days|right now|at the moment|now|today|as i said|as mentioned"
    "|as you know|first of all|for starters"
    "|i should (?:mention|add|say)(?: that)?|(?:you should|please|just) (?:know"
    "|note|remember|keep in mind)(?: that)?"
    "|(?:remember|note|keep in mind)(?: that)?|let me introduce myself|about me"
    "|in general|personally|for work"
    "|sadly|luckily|unfortunately|fortunately|technically|besides|in fact|basically|because|since"
)
_DATE = (
    r"(?:(?:on|in) (?:the )?(?:\d|january|february|march|april|may|june|july|august"
    "|september|october|november|december"
    r"|\w+day\b|two |three |an? )[\w ]{0,20}?|next [\w ]{3,15}?|tomorrow[\w ]{0,10}?"
    "|this (?:summer|winter|autumn|fall|weekend))"
    r"(?=,? (?:i|we)\b)"
)
_SEPARATOR = (
    r"[,;:—–(!]|(?<=\s)-(?=\s)|\b(?:and|but|because|cause|since|as|so|although"
    r"|though|where|whereas|plus|while)(?=\s)"
)
_SUBJECT = (
    "(?:i|i'm|i've|i'd|im|my|we|we're|we've|we'll|i'll|our|call me|(?:please"
    "|just) call|you (?:can|may|could) call"
    r"|feel free to call|everyone|everybody|(?:people|friends|most people|they) call|as an?)\b"
)
_HYPOTHETICAL = (
    "if|unless|whether|imagine|imagining|suppos(?:e|ing)|pretend(?:ing)?|wish|would"
    "(?! (?:like|prefer) to be called)|could|might"
    "|maybe|perhaps|probably|assum(?:e|ing)|hypothetical(?:ly)?|let's say"
    r"|for example|for instance|e\.g\.|say,|as though"
    r"|scenario|(?:in|had) (?:my|a|the|his|her|this|that|your) (?:\w+ )?(?:dreams?"
    "|game|story|novel|film|movie|show|series|book|play|song)"
    "|my characters?|the characters?|avatar|nobody|no one|not that|not like|when"
    "(?:ever)?|until|almost|used to"
)
_REPORTED = (
    "says?|(?<!as i )said|saying|tells?|told|asks?|asked|thinks?|thought|thinking|believes?"
    "|believed|claims?|claimed|insists?|joked?|jokes"
    "|wrote|writes|written|reads|quote[ds]?|lyrics?|according to|apparently"
    "|allegedly|supposedly|accused|assumes?|assumed|swears?"
    r"|mistook|convinced|rumou?r|ironically"
)

LANGUAGE: Final = Language(
    rules=(*identity.RULES, *work.RULES, *people.RULES, *tastes.RULES, *plans.RULES),
    clause=re.compile(
        rf"(?:^[\s*•>-]*+|{_SEPARATOR})[\s,]*+(?:(?:{_LEAD}|{_DATE})\b[\s,!.:–—-]*+)*+(?={_SUBJECT})",
        re.IGNORECASE,
    ),
    shared_subject=re.compile(
        rf"\s*,?\s*(?:and|but) (?={ADVERB}(?:live|work|love|like|enjoy|hate|have|am|speak"
        r"|study|play|teach|run|own)\b)",
        re.IGNORECASE,
    ),
    greeting=re.compile(
        r"\W*(?:(?:hi|hello|hey|hiya|howdy|greetings|good (?:morning|afternoon|evening"
        "|day)|yo|nice to meet you|there|all"
        r"|everyone|folks|again|team|dear|so|well|ok|okay|thanks|let me introduce myself)\b\W*)+(?:\w+\W+)?$",
        re.IGNORECASE,
    ),
    message_veto=re.compile(
        r"\b(?:translat(?:e|ion)|proofread|paraphrase|rephrase|rewrite|reword"
        "|summari[sz]e (?:this|the following)"
        "|(?:correct|fix|check|improve|edit) (?:this|the following|my (?:text|grammar"
        "|sentence|english|email|letter|essay))"
        "|grammar|role-?play|role play|pretend|act as|acting as|(?:talk|speak|answer"
        "|respond|reply) (?:like|as) (?:an?|if)"
        "|you are (?:now )?(?:an?|the|my|playing)|you're (?:now )?playing|you will be "
        r"(?:an?|the|my)|in character|fanfic\w*"
        "|(?:short )?(?:story|poem|song|scene|dialogue|monologue|novel|script|sketch) "
        "(?:about|in which|where|from|of)"
        "|lyrics|in the (?:voice|style) of|from the (?:perspective|point of view)"
        "|protagonist|narrator|fictional|fiction"
        "|what does .{0,60} mean|how (?:do|would) (?:you|i) say|just kidding|kidding"
        r"|joking|just a joke|j/?k|sarcasm|sarcastic)\b"
        r"|(?:^|\s)/s\b|^\s*(?:dear|to whom)\b",
        re.IGNORECASE,
    ),
    veto=re.compile(rf"\b(?:{_HYPOTHETICAL}|{_REPORTED})(?!\w)", re.IGNORECASE),
    veto_after=re.compile(
        r"\b(?:he|she|they|it|who|as the \w+) (?:said|says|goes|told|claims|claimed"
        r"|joked|thought|asked|wrote|sang)\b"
        r"|\bin (?:my|your|his|her|a|an|the|this|that) (?:\w+ )?(?:dreams?|head|mind"
        "|story|game|novel|book|movie|film|play|show|sims"
        r"|minecraft|past life|former life|next life|other life|parallel universe)\b"
        r"|\b(?:not really|i wish|as if|if only|or (?:am|do|is|was|did) i|supposedly"
        "|metaphorically|figuratively|on paper"
        r"|(?:is|was) (?:a lie|not true|false|wrong|what (?:he|she|they|i)\b)|not!|psych)(?!\w)",
        re.IGNORECASE,
    ),
    question=re.compile(
        r"[\s,;:.)–—-]*(?:(?:and|so|but|also) )?(?:can|could|what|what's|whats|how|how's"
        "|which|where|who|whom|when|why|do you"
        r"|any|would you|will you|should|is there|are there|does|did|have you|got any)\b",
        re.IGNORECASE,
    ),
    shown=in_english,
)
