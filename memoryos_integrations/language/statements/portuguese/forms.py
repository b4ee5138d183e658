"""The parts that Portuguese statements are made of, and what they may not say."""

from __future__ import annotations

from typing import Final

from memoryos_integrations.language.statements.reading import NAME, UPPER
from memoryos_integrations.language.text import alternatives

_ADVERB = (
    r"(?:(?:também|atualmente|agora|hoje|já|ainda|realmente|sempre|só|mesmo|sinceramente|simplesmente) ){0,2}"
)
I_DO: Final = rf"(?:eu )?{_ADVERB}"
WE_DO: Final = rf"(?:(?:eu|nós|a gente) )?{_ADVERB}"

_MARK = r"\s*(?:$|[^\w\s'&/+.%$€£#-]|\.(?:\s|$)|\.\.|-+\s)"
_BREAK = (
    "mas|porque|pois|porém|embora|enquanto|onde|que|então|também|agora|atualmente"
    "|hoje em dia|no momento|aliás|por sinal"
)
END: Final = rf"(?={_MARK}|\s+(?:{_BREAK}|e)\b)"
_AND_MORE = (
    "e (?:eu|meu|minha|sou|moro|vivo|trabalho|tenho|gosto|adoro|amo|odeio|detesto"
    "|não|também|estou|vou|quero|preciso|falo"
    r"|estudo|nasci|prefiro|ela|ele|nós|a gente|você|acho|jogo|toco|faço|me)"
)
END_OPEN: Final = rf"(?={_MARK}|\s+(?:{_BREAK}|{_AND_MORE}|demais|pra caramba|mais do que tudo)\b)"
END_PLACE: Final = (
    rf"(?={_MARK}|\s+(?:{_BREAK}|e|com|desde|há|perto|sozinh[oa]|junt[oa]s?|num|numa"
    r"|por enquanto|a trabalho)\b)"
)
END_JOB: Final = (
    rf"(?={_MARK}|\s+(?:{_BREAK}|e|em|no|na|num|numa|nos|nas|para|pra|com|desde|há|aqui|por)\b"
    r"(?! (?:horas vagas|coração|fundo|meus? sonhos?|tempo livre|jogo|filme|novela|série|livro|história)\b))"
)

PROPER: Final = rf"{NAME}(?: (?:(?:de|da|do|dos|das|of) ){{0,2}}{NAME}){{0,3}}"
_SMALL = r"[\w'-]+(?: [\w'-]+){0,3}?"
PLACE: Final = rf"(?:{PROPER}|{_SMALL})"
IN: Final = r"(?P<in>em|no|na|nos|nas)"
_COMPANY_WORD = rf"(?:{UPPER}|\d)[\w&'-]*(?:\.\w+)?"
_COMPANY = rf"{_COMPANY_WORD}(?: (?:(?:de|do|da|dos|das|&) ){{0,2}}{_COMPANY_WORD}){{0,4}}"
_KIND_OF_PLACE = (
    r"(?:(?:uma?|minha própria|meu próprio) )?[\w-]+(?: (?!(?:em|no|na|com|e|como"
    r"|desde|há|que) )[\w'-]+){0,5}?"
)
AT: Final = r"(?P<at>em|no|na|nos|nas|num|numa|para a|para o|para|pra|pro)"
ORG: Final = rf"(?P<org>{_COMPANY}|{_KIND_OF_PLACE})"
JOB: Final = (
    r"(?P<job>[\w+#/&'-]+(?: (?!(?:em|no|na|num|numa|para|pra|com|e|mas|que|desde|há"
    r"|aqui) )[\w+#/&'-]+){0,5}?)"
)
OPEN: Final = rf"(?P<value>[^\W_][\w'&/+.-]*(?: [\w'&/+.-]+){{0,9}}?){END_OPEN}"
SUBJECT: Final = r"(?P<value>[^\W\d_]+(?: [^\W\d_]+){0,4}?)"
REST: Final = (
    r"\b(?:(?! (?:mas|porque|pois|então|que|e (?:eu|meu|minha|estou|não|ele|ela|você"
    r"|tenho|preciso|quero))\b(?! vem))"
    r"[^,.;:!?()\n\x00]|\.(?=\w))*"
)
_MONTHS = "janeiro|fevereiro|março|marco|abril|maio|junho|julho|agosto|setembro|outubro|novembro|dezembro"
DAY_OF_YEAR: Final = rf"\d\d?º? de (?:{_MONTHS})(?!\w)"


def some_of(known: frozenset[str]) -> str:
    """Return a pattern for one or an enumeration of known words."""
    one = f"(?:{alternatives(known)})"
    return rf"(?P<value>{one}(?:, {one}){{0,6}}(?:,? (?:e|ou|nem) (?:um pouco de )?{one})?)(?![\w-])"


NUMBER: Final = r"(?:uma?|dois|duas|três|quatro|cinco|seis|sete|oito|nove|dez|\d)"
WHO: Final = r"(?P<who>[\w-]+)"
AGED: Final = r"(?P<aged>(?: (?:mais velh[oa]|mais nov[oa]|caçula|do meio|gême[oa]|únic[oa]))?)"
