"""Whom somebody belongs with, what they like and what they plan, in Portuguese."""

from __future__ import annotations

from typing import Final

from memoryos_integrations.language.statements import parts
from memoryos_integrations.language.statements.portuguese import checks, forms, words
from memoryos_integrations.language.statements.portuguese.forms import (
    AGED,
    END,
    END_JOB,
    I_DO,
    NUMBER,
    OPEN,
    REST,
    SUBJECT,
    WE_DO,
    WHO,
)
from memoryos_integrations.language.statements.reading import NAME, rule, single
from memoryos_integrations.language.text import alternatives

_NAMED = rf"(?P<name>{NAME})"
_MY = r"(?P<my>meu|minha)"
_BESIDE = rf"{AGED}(?: se chama| chama-se| chamad[oa]| é (?:o|a))? (?:o |a )?{_NAMED}(?![\w-])"
_APART = rf"{AGED}, (?:o |a )?{_NAMED}(?=[.:;!,]|$)"
_IS = "{The} {who} do usuário se chama {name}."
_MAYBE_NAMED = rf"(?:(?:,? chamad[oa]s?|,? que se chama|,? de nome|,) (?:o |a )?{_NAMED})?"
_PARTNER, _KIN = checks.kin(words.MY_PARTNERS), checks.kin(words.KIN)
_FRIEND, _ANIMAL = checks.kin(words.FRIENDS), checks.kin(words.PETS)
_PEOPLE = (
    single("partner", rf"\b{_MY} {WHO}{_BESIDE}", _IS, value="{name}", clean=_PARTNER, anywhere=True),
    single("partner", rf"\b{_MY} {WHO}{_APART}", _IS, value="{name}", clean=_PARTNER, anywhere=True),
    single(
        "partner",
        rf"{I_DO}sou (?P<who>casad[oa]|noiv[oa]) com (?:o |a )?{_NAMED}{END}",
        "Cônjuge do usuário: {name}.",
        value="{name}",
        clean=checks.kin(parts.words("casado casada noivo noiva")),
    ),
    rule(
        None,
        rf"{I_DO}(?:sou|estou) (?P<value>casad[oa]|divorciad[oa]|viúv[oa]|noiv[oa]){END}",
        "Estado civil do usuário: {value}.",
    ),
    rule("family", rf"\b{_MY} {WHO}{_BESIDE}", _IS, clean=_KIN, anywhere=True),
    rule("family", rf"\b{_MY} {WHO}{_APART}", _IS, clean=_KIN, anywhere=True),
    rule(
        "family",
        rf"{WE_DO}(?:tenho|temos) (?P<n>{NUMBER} ){WHO}{AGED}{_MAYBE_NAMED}{END}",
        "O usuário tem {n}{who}{named}.",
        clean=checks.counted(words.CHILDREN),
    ),
    rule(
        "family",
        rf"{I_DO}sou (?P<who>mãe|pai) de (?P<n>{NUMBER})(?: filh[oa]s?| crianças?| meninos?| meninas?)?{END}",
        "O usuário é {who} de {n}.",
        value="{who} de {n}",
    ),
    rule("people", rf"\b{_MY} {WHO}{_BESIDE}", _IS, clean=_FRIEND, anywhere=True),
    rule("pet", rf"\b(?P<my>meu|minha|nosso|nossa) {WHO}{_BESIDE}", _IS, clean=_ANIMAL, anywhere=True),
    rule("pet", rf"\b(?P<my>meu|minha|nosso|nossa) {WHO}{_APART}", _IS, clean=_ANIMAL, anywhere=True),
    rule(
        "pet",
        f"{WE_DO}(?:tenho|temos|adotei|adotamos) (?P<n>{NUMBER} ){WHO}{_MAYBE_NAMED}(?:"
        rf"{END}|(?= (?:que|em casa|chamad)\b))",
        "O usuário tem {n}{who}{named}.",
        clean=checks.counted(words.PETS),
    ),
)

_LIKES, _DISLIKES = "O usuário gosta de {value}.", "O usuário não gosta de {value}."
_VERY = r"(?:(?:muito|bastante|mesmo|demais|tanto|realmente|super|mais) ){0,2}"
_FAVOURITE = (
    r"(?:o |a )?(?:meu|minha) (?P<what>[^\W\d_]+(?: de [^\W\d_]+)?) (?:favorit[oa]"
    "|preferid[oa]|predilet[oa]) (?:é|são)"
)
_LANGUAGES, _FOODS = forms.some_of(words.LANGUAGES), forms.some_of(words.FOODS)
_OFTEN = rf"(?:{END_JOB}|(?= (?:tod[ao]s?|aos?|às)\b))"
_PLAYS, _PLAYED = "O usuário toca {value}.", parts.one_of(words.PLAYED)
_TO = r"(?:a|ao|à|aos|às)"
_ALLERGIC = "O usuário tem alergia a {value}."
_TASTES = (
    rule("likes", rf"{I_DO}(?:adoro|amo|curto) {_VERY}{OPEN}", _LIKES, clean=checks.liking),
    rule("likes", rf"{I_DO}gosto {_VERY}de {OPEN}", _LIKES, clean=checks.liking),
    rule("likes", rf"{I_DO}gosto {_VERY}d[oa]s? {OPEN}", _LIKES, clean=checks.title),
    rule(
        "likes",
        rf"{I_DO}sou (?:muito |super |grande )?(?:fã|apaixonad[oa]|louc[oa]) (?:de|por) {OPEN}",
        _LIKES,
        clean=checks.liking,
    ),
    rule("likes", rf"{I_DO}prefiro {OPEN}", "O usuário prefere {value}.", clean=checks.liking),
    rule(
        "likes",
        rf"{_FAVOURITE} (?:o |a |os |as )?{OPEN}",
        "Preferência do usuário ({what}): {value}.",
        clean=checks.liking,
    ),
    rule("likes", rf"(?:o )?meus? (?:hobby é|hobbies são|passatempo é) {OPEN}", _LIKES, clean=checks.liking),
    rule(
        "dislikes",
        rf"{I_DO}(?:odeio|detesto|não suporto|não curto|não aguento) {OPEN}",
        _DISLIKES,
        clean=checks.liking,
    ),
    rule("dislikes", rf"{I_DO}não (?:gosto|sou fã) {_VERY}de {OPEN}", _DISLIKES, clean=checks.liking),
    single(
        "diet",
        f"{I_DO}sou (?P<value>vegetarian[oa]|vegan[oa]|ovolactovegetarian[oa]"
        "|pescetarian[oa]|pescatarian[oa]|flexitarian[oa])"
        rf"(?:{END}|(?= (?:desde|há)\b))",
        "Dieta do usuário: {value}.",
        when="since",
    ),
    rule(
        "diet",
        rf"{I_DO}não (?P<verb>como|bebo) {_FOODS}{END}",
        "O usuário não consome {value}.",
        value="não {verb} {value}",
    ),
    rule(
        "allergy",
        rf"{I_DO}sou (?:muito |super |extremamente )?alérgic[oa] {_TO} {OPEN}",
        _ALLERGIC,
        clean=checks.liking,
    ),
    rule("allergy", rf"{I_DO}tenho (?:muita )?alergia {_TO} {OPEN}", _ALLERGIC, clean=checks.liking),
    rule(
        "allergy",
        f"{I_DO}(?:sou intolerante|tenho intolerância) {_TO} (?P<value>lactose|glúten"
        f"|frutose|histamina){END}",
        "O usuário tem intolerância a {value}.",
    ),
    rule("allergy", rf"{I_DO}sou (?P<value>celíac[oa]){END}", "O usuário tem doença celíaca."),
    rule("language", rf"{I_DO}falo {_LANGUAGES}", "O usuário fala {value}."),
    rule("language", rf"{I_DO}sou fluente em {_LANGUAGES}", "O usuário fala {value}."),
    rule(
        "language",
        rf"(?:a )?minha língua (?:materna|nativa) é (?:o )?{_LANGUAGES}",
        "O usuário fala {value}.",
    ),
    rule(
        None,
        rf"{I_DO}(?:estou|tô) (?:aprendendo|a aprender)(?: a (?:tocar|jogar|falar))? {SUBJECT}{END}",
        "O usuário está aprendendo {value}.",
        value="aprendendo {value}",
        clean=parts.one_of(words.LANGUAGES | words.PLAYED),
    ),
    rule(None, rf"{I_DO}toco {SUBJECT}{_OFTEN}", _PLAYS, value="toca {value}", clean=_PLAYED),
    rule(
        None, rf"{I_DO}jogo {SUBJECT}{_OFTEN}", "O usuário joga {value}.", value="joga {value}", clean=_PLAYED
    ),
)

_VERBS = (
    "viajar|mudar|me mudar|voar|visitar|casar|me casar|começar|correr|me formar"
    "|formar|apresentar|defender|participar"
    "|fazer uma|fazer a|tirar férias|receber|voltar|embarcar|partir|lançar|abrir|adotar|ir"
)
_NOW = "me mudo|mudo-me|viajo|me caso|caso-me|embarco|parto|me formo|formo-me|volto|começo|voo"
_EVENT = rf"(?:[\w'-]+ ){{0,2}}?(?:{alternatives(words.EVENTS)})\b"
_PLANS = (
    rule(
        "plan",
        rf"{WE_DO}(?:vou|vamos|vai) (?P<value>(?:{_VERBS}|para|pra|pro|à|ao)\b{REST})",
        "O usuário vai {value} ({date}).",
        clean=checks.plan,
        when="ahead",
    ),
    rule("plan", rf"{I_DO}(?P<value>(?:{_NOW}){REST})", "Plano do usuário: {value} ({date}).", when="ahead"),
    rule(
        "plan",
        rf"{WE_DO}(?:tenho|temos) (?P<value>uma? {_EVENT}{REST})",
        "O usuário tem {value} ({date}).",
        clean=checks.plan,
        when="ahead",
    ),
    rule(
        "plan",
        rf"(?:o |a )?(?:meu|minha|nosso|nossa) (?P<what>{_EVENT}) (?:é|será|vai ser) (?P<value>{REST})",
        "Plano do usuário: {what} {value} ({date}).",
        value="{what} {value}",
        clean=checks.plan,
        when="ahead",
    ),
    rule(
        "plan",
        f"{WE_DO}(?:pretendo|planejo|planeio|tenciono|pretendemos|planejamos|estou "
        "(?:planejando|a planear|planeando)"
        f"|estamos (?:planejando|a planear)) (?P<value>(?:{_VERBS}|aprender|comprar"
        rf"|escrever|uma viagem)\b{REST})",
        "O usuário planeja {value}{dated}.",
        clean=checks.plan,
        when="perhaps ahead",
    ),
)

RULES: Final = (*_PEOPLE, *_TASTES, *_PLANS)
