"""Who somebody is, where they live and what they work as, in Portuguese."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from memoryos_integrations.statements import parts
from memoryos_integrations.statements.portuguese import forms, words
from memoryos_integrations.statements.portuguese.forms import (
    AT,
    DAY_OF_YEAR,
    END,
    END_JOB,
    END_PLACE,
    IN,
    JOB,
    ORG,
    PLACE,
    SUBJECT,
    WE,
    I,
)
from memoryos_integrations.statements.reading import FULL_NAME, rule, single

if TYPE_CHECKING:
    from memoryos_integrations.statements.reading import Rule

_NAME_IS = "O nome do usuário é {value}."
_CALLED = rf"(?:o |a )?(?P<value>{FULL_NAME}){END}"
_LOWER = r"(?P<value>[^\W\d_]{2,20})(?=\s*(?:$|[,.!;)]|e (?:eu|sou|moro|tenho|trabalho)\b))"
_CALL_ME = (
    "(?:(?:pode|podem|podes|você pode|vocês podem) (?:me chamar|chamar-me)|me chame"
    "|me chamem|me chama|chama-me"
    r"|(?:todo mundo|meus amigos|as pessoas|os amigos|todos) me chamam?)(?: só| apenas)?(?: de| por)?"
)
_NAMES = (
    single("name", rf"(?:o )?meu (?:primeiro )?nome(?: completo)? é {_CALLED}", _NAME_IS, clean=forms.name),
    single("name", rf"(?:o )?meu nome é {_LOWER}", _NAME_IS, clean=forms.name),
    single("name", rf"{I}(?:me chamo|chamo-me) {_CALLED}", _NAME_IS, clean=forms.name),
    single("name", rf"{I}(?:me chamo|chamo-me) {_LOWER}", _NAME_IS, clean=forms.name),
    single("name", rf"{_CALL_ME} {_CALLED}", _NAME_IS, clean=forms.name),
    single(
        "name",
        "(?:(?:eu )?sou|aqui é|aqui quem fala é|quem fala é) (?P<introduced>)(?:o |a )?"
        f"(?P<value>{FULL_NAME})"
        r"(?=\s*(?:$|[,.!;)–—]|- |e (?:eu|sou|moro|vivo|trabalho|tenho)\b|d[aeo]s? ))",
        _NAME_IS,
        clean=forms.name,
    ),
)

_YEARS_OLD = r"anos(?: de idade)?(?=\s*(?:$|[,.!;)–—]|- |(?:e|mas) ))"
_FROM = "Origem do usuário: {value}."
_BIRTH = (
    single(
        "age", rf"{I}tenho (?P<value>\d{{1,3}}) {_YEARS_OLD}", "O usuário tem {value} anos.", clean=parts.age
    ),
    single(
        "age",
        rf"{I}(?:fiz|completei) (?P<value>\d\d) anos(?P<when> (?:ontem|semana passada"
        rf"|mês passado|em \w+))?{END}",
        "O usuário tem {value} anos.",
        clean=parts.age,
        when="since",
    ),
    single(
        "birth_year",
        rf"{I}nasci (?:[\w ]{{0,30}} )?(?:no ano de|em|de) (?P<value>19[2-9]\d|20[0-2]\d)(?!\w)",
        "O usuário nasceu em {value}.",
    ),
    single(
        "birthday",
        rf"(?:(?:o )?meu aniversário é|{I}faço (?:aniversário|anos)|{I}nasci)(?: no)?(?: em)?(?: dia| a)? "
        rf"(?P<value>{DAY_OF_YEAR})",
        "O aniversário do usuário é {value}.",
    ),
    rule(
        "origin",
        rf"{I}(?:nasci(?: e cresci)?|cresci|fui criad[oa]) {IN} (?P<value>{PLACE})(?:{END_PLACE}|(?= em \d))",
        _FROM,
        clean=forms.place,
    ),
    rule(
        "origin",
        rf"{I}(?:sou|venho)(?: natural)? d[eoa]s? (?P<value>{PLACE}){END_PLACE}",
        _FROM,
        clean=forms.place,
    ),
    rule(
        "nationality",
        rf"{I}sou (?P<value>[\w-]+){END}",
        "Nacionalidade ou naturalidade do usuário: {value}.",
        clean=parts.one_of(words.NATIONALITIES),
    ),
)

_LIVES = "O usuário mora {in} {value}."
_LIVE = r"(?:moro|vivo|resido|moramos|vivemos|estou morando|estou vivendo|estou a viver|estou a morar)"
_FOR_LONG = r"(?:(?:há|faz) [\w ]{2,20} )?"
_MOVED = r"(?:me mudei|mudei-me|mudei|acabei de me mudar|nos mudamos|mudámo-nos|acabo de me mudar)"
_LATELY = (
    "(?P<when> (?:ontem|semana passada|na semana passada|mês passado|no mês passado"
    "|ano passado|no ano passado"
    r"|este ano|esse ano|há [\w ]{3,15}|em (?:\d{4}|\w+(?: de \d{4})?)))?"
)
_HOMES = (
    single(
        "home",
        rf"{WE}{_LIVE} {_FOR_LONG}{IN} (?P<value>{PLACE}){END_PLACE}",
        _LIVES,
        clean=forms.place,
        when="since",
    ),
    single(
        "home",
        rf"{WE}{_MOVED} (?P<to>para|pra|pro) (?:o |a )?(?P<value>{PLACE}){_LATELY}{END_PLACE}",
        "O usuário mora em {value}.",
        clean=forms.place,
        when="since",
    ),
)

_FACTS = (
    ("work", "job", "O usuário trabalha como {job}."),
    ("employer", "org", "O usuário trabalha {at} {org}."),
    ("workplace", "org", "O usuário trabalha {in} {place}."),
)


def _jobs(*patterns: str) -> tuple[Rule, ...]:
    """Make up to three rules of each pattern: for the job, the employer and the place of work."""
    return tuple(
        single(
            field,
            pattern,
            text,
            value="{place}" if field == "workplace" else f"{{{group}}}",
            clean=forms.work if "<job>" in pattern else forms.employer,
            when="since",
        )
        for pattern in patterns
        for field, group, text in _FACTS
        if f"<{group}>" in pattern
    )


_WHERE = rf"(?: {AT} {ORG})?"
_WORK = r"(?:trabalho|atuo|estou trabalhando|estou a trabalhar)"
_HIRED = (
    "(?:fui contratad[oa]|fui promovid[oa]|comecei a trabalhar|consegui (?:um )?"
    "(?:novo )?emprego|arrumei (?:um )?emprego)"
)
_JOBS = _jobs(
    rf"{I}{_WORK} {_FOR_LONG}(?P<as>como) (?:uma? )?{JOB}{_WHERE}{END_JOB}",
    rf"{I}sou (?:uma? )?{JOB}{_WHERE}{END_JOB}",
    "(?:a )?(?:minha profissão|meu trabalho|o meu trabalho|minha ocupação) é "
    f"(?:ser )?(?:uma? )?{JOB}{_WHERE}{END_JOB}",
    rf"{I}{_HIRED} (?P<as>como|de) (?:uma? )?{JOB}{_WHERE}{END_JOB}",
    rf"{I}{_WORK} {_FOR_LONG}{AT} {ORG}{END_JOB}",
    rf"{I}{_WORK} {_FOR_LONG}{AT} {ORG} (?P<as>como) (?:uma? )?{JOB}{END_JOB}",
    rf"{I}{_HIRED} {AT} {ORG}{END_JOB}",
)
_WORKS = (
    single(
        "work",
        rf"{I}{_WORK} (?:com|em|na área de|no setor de|no ramo de) {SUBJECT}{END_JOB}",
        "O usuário trabalha na área de {value}.",
        clean=parts.one_of(words.TRADES),
    ),
    single(
        "work",
        rf"{I}sou (?P<value>don[oa] de uma? [\w ]{{3,40}}?){END_JOB}",
        "O usuário trabalha como {value}.",
    ),
    rule(
        "study",
        f"{I}(?:estudo|curso|faço|estou estudando|estou cursando|estou a estudar) "
        f"(?:faculdade de )?{SUBJECT}{END_JOB}",
        "O usuário estuda {value}.",
        clean=parts.one_of(words.SUBJECTS),
    ),
)

RULES: Final = (*_NAMES, *_BIRTH, *_HOMES, *_JOBS, *_WORKS)
