"""What a Portuguese statement may not say, and how its parts are told apart."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from memoryos_integrations.language.statements.parts import words as listed
from memoryos_integrations.language.statements.portuguese import words

if TYPE_CHECKING:
    from collections.abc import Callable

    from memoryos_integrations.language.statements.reading import Parts

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
a o as os um uma uns umas todo toda todos todas qualquer algum alguma muito muita mais menos tão de do da
dos das ambos outro outra mesma mesmo e ou mas ser estar ter ouvir ver saber pensar acreditar dizer opção
versão ideia resposta sugestão plano
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
    is_shouted = value.isupper()
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
