"""The parts that Portuguese statements are made of, and what they may not say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from memoryos_integrations.statements.parts import words as listed
from memoryos_integrations.statements.portuguese import words
from memoryos_integrations.statements.reading import NAME, UPPER
from memoryos_integrations.text import alternatives

if TYPE_CHECKING:
    from collections.abc import Callable

    from memoryos_integrations.statements.reading import Parts

_ADVERB = (
    r"(?:(?:também|atualmente|agora|hoje|já|ainda|realmente|sempre|só|mesmo|sinceramente|simplesmente) ){0,2}"
)
I: Final = rf"(?:eu )?{_ADVERB}"
WE: Final = rf"(?:(?:eu|nós|a gente) )?{_ADVERB}"

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
REST: Final = r"\b(?:[^,.;:!?()\n\x00]|\.(?=\w))*+"
_MONTHS = "janeiro|fevereiro|março|marco|abril|maio|junho|julho|agosto|setembro|outubro|novembro|dezembro"
DAY_OF_YEAR: Final = rf"\d\d?º? de (?:{_MONTHS})(?!\w)"


def some_of(known: frozenset[str]) -> str:
    """Return a pattern for one or an enumeration of known words."""
    one = f"(?:{alternatives(known)})"
    return rf"(?P<value>{one}(?:, {one}){{0,6}}(?:,? (?:e|ou|nem) (?:um pouco de )?{one})?)(?![\w-])"


NUMBER: Final = r"(?:uma?|dois|duas|três|quatro|cinco|seis|sete|oito|nove|dez|\d)"
WHO: Final = r"(?P<who>[\w-]+)"
AGED: Final = r"(?P<aged>(?: (?:mais velh[oa]|mais nov[oa]|caçula|do meio|gême[oa]|únic[oa]))?)"

_POINTS_ELSEWHERE = re.compile(
    r"\b(?:eu|me|mim|comigo|nós|nos|isso|isto|aquilo|ess[ea]s?|est[ea]s?|aquel[ea]s?"
    "|d?iss?to|disso|dess[ea]s?|dest[ea]s?"
    "|nisso|você|vocês|te|ti|tu|contigo|teus?|tuas?|seus?|suas?|el[ea]s?|del[ea]s?"
    "|nel[ea]s?|lhe|aqui|lá|ali|aí|quando|se"
    r"|como|que|quem|onde|porque|algo|tudo|nada|alguém|ninguém|la|los|las|el)\b",
    re.IGNORECASE,
)
_OWN = tuple(
    (re.compile(rf"\b{mine}\b", re.IGNORECASE), their)
    for mine, their in (("meu", "seu"), ("minha", "sua"), ("meus", "seus"), ("minhas", "suas"))
)
_NO_FIRST = listed("""
a o as os um uma uns umas todo toda todos todas qualquer algum alguma muito muita mais menos tão de do da dos das ambos
outro outra mesma mesmo e ou mas ser estar ter ouvir ver saber pensar acreditar dizer opção versão ideia resposta sugestão plano
""")
_NO_LIKING = re.compile(
    r"(?:trabalhar|trabalho|segundas?(?:-feiras?)?|manhãs|gente \w+|pessoas|vida|reuniões|reunião|drama)$",
    re.IGNORECASE,
)


def theirs(value: str) -> str | None:
    """Turn "meu jardim" into "seu jardim"; refuse what points at the talk, at others or at a condition."""
    if _POINTS_ELSEWHERE.search(value):
        return None
    for pattern, word in _OWN:
        value = pattern.sub(word, value)
    return value


def plan(parts: Parts) -> Parts | None:
    """Turn "me mudar com meu pai" into "se mudar com seu pai"; refuse the past and what points elsewhere."""
    value = re.sub(r"\bme\b", "se", parts["value"].strip(" -."))
    pointing = re.sub(r"\b(?:se|que vem|n?est[ea](?= (?:semana|mês|ano|fim)))\b", "", value)
    if re.search(r"\b(?:desde|passad[oa]|atrás|ontem)\b", value) or theirs(pointing) is None:
        return None
    for pattern, word in _OWN:
        value = pattern.sub(word, value)
    return parts | {"value": value}


def liking(parts: Parts) -> Parts | None:
    """Refuse what people like in an answer; keep an article before a name only."""
    value = theirs(parts["value"].strip(" -."))
    if value is None or _NO_LIKING.match(value):
        return None
    first, _, rest = value.partition(" ")
    is_title = first.lower() in ("o", "a", "os", "as") and rest[:1].isupper()
    if first.lower() in _NO_FIRST and not is_title:
        return None
    head, conjunction, tail = value.rpartition(" e ")
    return parts | {"value": head if conjunction and len(tail.split()) > 4 else value}


def title(parts: Parts) -> Parts | None:
    """Take what stands behind "gosto do" only if it is a name."""
    return liking(parts) if parts["value"][:1].isupper() else None


def work(parts: Parts) -> Parts | None:
    """Keep what is a profession; the place behind it may be the employer's or a town."""
    kinds = parts["job"].lower().split(" ")
    is_known = kinds[0] in words.PROFESSIONS and not words.NO_PROFESSION_BEFORE.intersection(
        {*kinds[1:], " ".join(kinds[1:3])}
    )
    if kinds[0] in words.NO_WORK or theirs(parts["job"]) is None or not (is_known or parts.get("as")):
        return None
    if kinds[0] in words.STUDENTS:
        parts = parts | {"org": ""}
    return employer(parts)


def employer(parts: Parts) -> Parts | None:
    """Tell the employer from the place: "em" and known places are places, the rest are employers."""
    named, at = parts.get("org", "").strip(" -."), parts.get("at", "").lower()
    bare = named.lower()
    is_place = bare in words.PLACES or (at == "em" and named[:1].isupper() and bare not in words.NO_PLACE)
    if at in ("no", "na", "nos", "nas") and bare in words.WITH_ARTICLE:
        is_place = True
    org = "" if is_place else _employer(named)
    return parts | {"org": org, "place": named if is_place else "", "in": at}


def _employer(named: str) -> str:
    kinds = re.sub(r"^(?:uma? |minha própria |meu próprio )", "", named.lower()).split(" ")
    is_known = kinds[0] in words.EMPLOYERS or " ".join(kinds[:3]) in words.EMPLOYERS
    is_name = named[:1].isupper() and kinds[0] not in words.NO_PLACE - listed(
        "google microsoft amazon petrobras itaú nubank"
    )
    return (theirs(named) or "") if is_known or is_name else ""


def place(parts: Parts) -> Parts | None:
    """Refuse what is no place: Excel, Peixes; in small letters take known places only."""
    value = parts["value"].strip(" -.")
    bare = value.lower()
    is_name = value[:1].isupper() and bare.split(" ")[0] not in words.NO_PLACE
    return parts | {"value": value} if bare in words.PLACES or is_name else None


def name(parts: Parts) -> Parts | None:
    """Refuse "sou Flamengo", "sou Professora"."""
    value = parts["value"]
    is_shouted = value.isupper() and len(value) > 1
    return None if value.lower().split(" ")[0] in words.NO_NAME or is_shouted else parts


def kin(known: frozenset[str]) -> Callable[[Parts], Parts | None]:
    """Return what takes a person or an animal of a list, with its name: "irmã mais velha Ana"."""

    def clean(parts: Parts) -> Parts | None:
        who = parts["who"].lower()
        if who not in known or name({"value": parts["name"]}) is None:
            return None
        article = {"meu": "o", "nosso": "o"}.get(parts.get("my", "").lower(), "a")
        who += parts.get("aged", "").lower()
        return parts | {"who": who, "the": article, "The": article.upper(), "value": f"{who} {parts['name']}"}

    return clean


def counted(known: frozenset[str]) -> Callable[[Parts], Parts | None]:
    """Return what takes one or more of a list, perhaps with a name: "dois filhos", "cadela Luna"."""

    def clean(parts: Parts) -> Parts | None:
        who, called, some = parts["who"].lower(), parts["name"], parts["n"].strip().lower()
        if (
            who not in known
            and who.removesuffix("s") not in known
            and who.removesuffix("ães") + "ão" not in known
        ):
            return None
        if called and name({"value": called}) is None:
            return None
        who += parts.get("aged", "").lower()
        value = f"{who} {called}" if called else who if some in ("um", "uma") else f"{some} {who}"
        return parts | {"who": who, "value": value, "named": f", {called}" if called else ""}

    return clean
