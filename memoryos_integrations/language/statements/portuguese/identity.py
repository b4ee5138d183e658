"""Who somebody is, where they live and what they work as, in Portuguese."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from memoryos_integrations.language.statements import parts
from memoryos_integrations.language.statements.portuguese import checks, words
from memoryos_integrations.language.statements.portuguese.forms import (
    AT,
    DAY_OF_YEAR,
    END,
    END_JOB,
    END_PLACE,
    I_DO,
    IN,
    JOB,
    ORG,
    PLACE,
    SUBJECT,
    WE_DO,
)
from memoryos_integrations.language.statements.reading import FULL_NAME, rule, single

if TYPE_CHECKING:
    from memoryos_integrations.language.statements.reading import Rule

_NAME_IS = "O nome do usuário é {value}."
_CALLED = rf"(?:o |a )?(?P<value>{FULL_NAME}){END}"
_LOWER = r"(?P<value>[^\W\d_]{2,20})(?=\s*(?:$|[,.!;)]|e (?:eu|sou|moro|tenho|trabalho)\b))"
_CALL_ME = (
    "(?:(?:pode|podem|podes|você pode|vocês podem) (?:me chamar|chamar-me)|me chame"
    "|me chamem|me chama|chama-me"
    r"|(?:todo mundo|meus amigos|as pessoas|os amigos|todos) me chamam?)(?: só| apenas)?(?: de| por)?"
)
_NAMES = (
    single("name", rf"(?:o )?meu (?:primeiro )?nome(?: completo)? é {_CALLED}", _NAME_IS, clean=checks.name),
    single("name", rf"(?:o )?meu nome é {_LOWER}", _NAME_IS, clean=checks.name),
    single("name", rf"{I_DO}(?:me chamo|chamo-me) {_CALLED}", _NAME_IS, clean=checks.name),
    single("name", rf"{I_DO}(?:me chamo|chamo-me) {_LOWER}", _NAME_IS, clean=checks.name),
    single("name", rf"{_CALL_ME} {_CALLED}", _NAME_IS, clean=checks.name),
    single(
        "name",
        "(?:(?:eu )?sou|aqui é|aqui quem fala é|quem fala é) (?P<introduced>)(?:o |a )?"
        f"(?P<value>{FULL_NAME})"
        r"(?=\s*(?:$|[,.!;)–—]|- |e (?:eu|sou|moro|vivo|trabalho|tenho)\b|d[aeo]s? ))",
        _NAME_IS,
        clean=checks.name,
    ),
)

_YEARS_OLD = r"anos(?: de idade)?(?=\s*(?:$|[,.!;)–—]|- |(?:e|mas) ))"
_FROM = "Origem do usuário: {value}."
_BIRTH = (
    single(
        "age",
        rf"{I_DO}tenho (?P<value>\d{{1,3}}) {_YEARS_OLD}",
        "O usuário tem {value} anos.",
        clean=parts.age,
    ),
    single(
        "age",
        rf"{I_DO}(?:fiz|completei) (?P<value>\d\d) anos(?P<when> (?:ontem|semana passada"
        rf"|mês passado|em \w+))?{END}",
        "O usuário tem {value} anos.",
        clean=parts.age,
        when="since",
    ),
    single(
        "birth_year",
        rf"{I_DO}nasci (?:[\w ]{{0,30}} )?(?:no ano de|em|de) (?P<value>19[2-9]\d|20[0-2]\d)(?!\w)",
        "O usuário nasceu em {value}.",
    ),
    single(
        "birthday",
        f"(?:(?:o )?meu aniversário é|{I_DO}faço (?:aniversário|anos)|{I_DO}nasci)"
        "(?: no)?(?: em)?(?: dia| a)? "
        rf"(?P<value>{DAY_OF_YEAR})",
        "O aniversário do usuário é {value}.",
    ),
    rule(
        "origin",
        f"{I_DO}(?:nasci(?: e cresci)?|cresci|fui criad[oa]) {IN} (?P<value>{PLACE})(?:"
        rf"{END_PLACE}|(?= em \d))",
        _FROM,
        clean=checks.place,
    ),
    rule(
        "origin",
        rf"{I_DO}(?:sou|venho)(?: natural)? d[eoa]s? (?P<value>{PLACE}){END_PLACE}",
        _FROM,
        clean=checks.place,
    ),
    rule(
        "nationality",
        rf"{I_DO}sou (?P<value>[\w-]+){END}",
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
        rf"{WE_DO}{_LIVE} {_FOR_LONG}{IN} (?P<value>{PLACE}){END_PLACE}",
        _LIVES,
        clean=checks.place,
        when="since",
    ),
    single(
        "home",
        rf"{WE_DO}{_MOVED} (?P<to>para|pra|pro) (?:o |a )?(?P<value>{PLACE}){_LATELY}{END_PLACE}",
        "O usuário mora em {value}.",
        clean=checks.place,
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
            clean=checks.work if "<job>" in pattern else checks.employer,
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
    rf"{I_DO}{_WORK} {_FOR_LONG}(?P<as>como) (?:uma? )?{JOB}{_WHERE}{END_JOB}",
    rf"{I_DO}sou (?:uma? )?{JOB}{_WHERE}{END_JOB}",
    "(?:a )?(?:minha profissão|meu trabalho|o meu trabalho|minha ocupação) é "
    f"(?:ser )?(?:uma? )?{JOB}{_WHERE}{END_JOB}",
    rf"{I_DO}{_HIRED} (?P<as>como|de) (?:uma? )?{JOB}{_WHERE}{END_JOB}",
    rf"{I_DO}{_WORK} {_FOR_LONG}{AT} {ORG}{END_JOB}",
    rf"{I_DO}{_WORK} {_FOR_LONG}{AT} {ORG} (?P<as>como) (?:uma? )?{JOB}{END_JOB}",
    rf"{I_DO}{_HIRED} {AT} {ORG}{END_JOB}",
)
_WORKS = (
    single(
        "work",
        rf"{I_DO}{_WORK} (?:com|em|na área de|no setor de|no ramo de) {SUBJECT}{END_JOB}",
        "O usuário trabalha na área de {value}.",
        clean=parts.one_of(words.TRADES),
    ),
    single(
        "work",
        rf"{I_DO}sou (?P<value>don[oa] de uma? [\w ]{{3,40}}?){END_JOB}",
        "O usuário trabalha como {value}.",
    ),
    rule(
        "study",
        f"{I_DO}(?:estudo|curso|faço|estou estudando|estou cursando|estou a estudar) "
        f"(?:faculdade de )?{SUBJECT}{END_JOB}",
        "O usuário estuda {value}.",
        clean=parts.one_of(words.SUBJECTS),
    ),
)

RULES: Final = (*_NAMES, *_BIRTH, *_HOMES, *_JOBS, *_WORKS)
