"""Whom somebody belongs with, what they like and what they plan, in Portuguese."""

from __future__ import annotations

from typing import Final

from memoryos_integrations.statements import parts
from memoryos_integrations.statements.portuguese import forms, words
from memoryos_integrations.statements.portuguese.forms import (
    AGED,
    END,
    END_JOB,
    NUMBER,
    OPEN,
    REST,
    SUBJECT,
    WE,
    WHO,
    I,
)
from memoryos_integrations.statements.reading import NAME, rule, single
from memoryos_integrations.text import alternatives

_NAMED = rf"(?P<name>{NAME})"
_MY = r"(?P<my>meu|minha)"
_BESIDE = rf"{AGED}(?: se chama| chama-se| chamad[oa]| é (?:o|a))? (?:o |a )?{_NAMED}(?![\w-])"
_APART = rf"{AGED}, (?:o |a )?{_NAMED}(?=[.:;!,]|$)"
_IS = "{The} {who} do usuário se chama {name}."
_MAYBE_NAMED = rf"(?:(?:,? chamad[oa]s?|,? que se chama|,? de nome|,) (?:o |a )?{_NAMED})?"
_PARTNER, _KIN = forms.kin(words.MY_PARTNERS), forms.kin(words.KIN)
_FRIEND, _ANIMAL = forms.kin(words.FRIENDS), forms.kin(words.PETS)
_PEOPLE = (
    single("partner", rf"\b{_MY} {WHO}{_BESIDE}", _IS, value="{name}", clean=_PARTNER, anywhere=True),
    single("partner", rf"\b{_MY} {WHO}{_APART}", _IS, value="{name}", clean=_PARTNER, anywhere=True),
    single(
        "partner",
        rf"{I}sou (?P<who>casad[oa]|noiv[oa]) com (?:o |a )?{_NAMED}{END}",
        "Cônjuge do usuário: {name}.",
        value="{name}",
        clean=forms.kin(parts.words("casado casada noivo noiva")),
    ),
    rule(
        None,
        rf"{I}(?:sou|estou) (?P<value>casad[oa]|divorciad[oa]|viúv[oa]|noiv[oa]){END}",
        "Estado civil do usuário: {value}.",
    ),
    rule("family", rf"\b{_MY} {WHO}{_BESIDE}", _IS, clean=_KIN, anywhere=True),
    rule("family", rf"\b{_MY} {WHO}{_APART}", _IS, clean=_KIN, anywhere=True),
    rule(
        "family",
        rf"{WE}(?:tenho|temos) (?P<n>{NUMBER} ){WHO}{AGED}{_MAYBE_NAMED}{END}",
        "O usuário tem {n}{who}{named}.",
        clean=forms.counted(words.CHILDREN),
    ),
    rule(
        "family",
        rf"{I}sou (?P<who>mãe|pai) de (?P<n>{NUMBER})(?: filh[oa]s?| crianças?| meninos?| meninas?)?{END}",
        "O usuário é {who} de {n}.",
        value="{who} de {n}",
    ),
    rule("people", rf"\b{_MY} {WHO}{_BESIDE}", _IS, clean=_FRIEND, anywhere=True),
    rule("pet", rf"\b(?P<my>meu|minha|nosso|nossa) {WHO}{_BESIDE}", _IS, clean=_ANIMAL, anywhere=True),
    rule("pet", rf"\b(?P<my>meu|minha|nosso|nossa) {WHO}{_APART}", _IS, clean=_ANIMAL, anywhere=True),
    rule(
        "pet",
        f"{WE}(?:tenho|temos|adotei|adotamos) (?P<n>{NUMBER} ){WHO}{_MAYBE_NAMED}(?:"
        rf"{END}|(?= (?:que|em casa|chamad)\b))",
        "O usuário tem {n}{who}{named}.",
        clean=forms.counted(words.PETS),
    ),
)

_LIKES, _DISLIKES = "O usuário gosta de {value}.", "O usuário não gosta de {value}."
_VERY = r"(?:(?:muito|bastante|mesmo|demais|tanto|realmente|super|mais) ){0,2}"
_FAVOURITE = (
    r"(?:o |a )?(?:meu|minha) (?P<what>[^\W\d_]+(?: de [^\W\d_]+)?) (?:favorit[oa]"
    "|preferid[oa]|predilet[oa]) (?:é|são)"
)
_LANGUAGES, _FOODS = forms.some_of(words.LANGUAGES), forms.some_of(words.FOODS)
_TO = r"(?:a|ao|à|aos|às)"
_ALLERGIC = "O usuário tem alergia a {value}."
_TASTES = (
    rule("likes", rf"{I}(?:adoro|amo|curto) {_VERY}{OPEN}", _LIKES, clean=forms.liking),
    rule("likes", rf"{I}gosto {_VERY}de {OPEN}", _LIKES, clean=forms.liking),
    rule("likes", rf"{I}gosto {_VERY}d[oa]s? {OPEN}", _LIKES, clean=forms.title),
    rule(
        "likes",
        rf"{I}sou (?:muito |super |grande )?(?:fã|apaixonad[oa]|louc[oa]) (?:de|por) {OPEN}",
        _LIKES,
        clean=forms.liking,
    ),
    rule("likes", rf"{I}prefiro {OPEN}", "O usuário prefere {value}.", clean=forms.liking),
    rule(
        "likes",
        rf"{_FAVOURITE} (?:o |a |os |as )?{OPEN}",
        "{what} favorito do usuário: {value}.",
        clean=forms.liking,
    ),
    rule("likes", rf"(?:o )?meus? (?:hobby é|hobbies são|passatempo é) {OPEN}", _LIKES, clean=forms.liking),
    rule(
        "dislikes",
        rf"{I}(?:odeio|detesto|não suporto|não curto|não aguento) {OPEN}",
        _DISLIKES,
        clean=forms.liking,
    ),
    rule("dislikes", rf"{I}não (?:gosto|sou fã) {_VERY}de {OPEN}", _DISLIKES, clean=forms.liking),
    single(
        "diet",
        f"{I}sou (?P<value>vegetarian[oa]|vegan[oa]|ovolactovegetarian[oa]"
        "|pescetarian[oa]|pescatarian[oa]|flexitarian[oa])"
        rf"(?:{END}|(?= (?:desde|há)\b))",
        "Dieta do usuário: {value}.",
        when="since",
    ),
    rule(
        "diet",
        rf"{I}não (?P<verb>como|bebo) {_FOODS}{END}",
        "O usuário não consome {value}.",
        value="não {verb} {value}",
    ),
    rule(
        "allergy",
        rf"{I}sou (?:muito |super |extremamente )?alérgic[oa] {_TO} {OPEN}",
        _ALLERGIC,
        clean=forms.liking,
    ),
    rule("allergy", rf"{I}tenho (?:muita )?alergia {_TO} {OPEN}", _ALLERGIC, clean=forms.liking),
    rule(
        "allergy",
        rf"{I}(?:sou intolerante|tenho intolerância) {_TO} (?P<value>lactose|glúten|frutose|histamina){END}",
        "O usuário tem intolerância a {value}.",
    ),
    rule("allergy", rf"{I}sou (?P<value>celíac[oa]){END}", "O usuário tem doença celíaca."),
    rule("language", rf"{I}falo {_LANGUAGES}", "O usuário fala {value}."),
    rule("language", rf"{I}sou fluente em {_LANGUAGES}", "O usuário fala {value}."),
    rule(
        "language",
        rf"(?:a )?minha língua (?:materna|nativa) é (?:o )?{_LANGUAGES}",
        "O usuário fala {value}.",
    ),
    rule(
        None,
        rf"{I}(?:estou|tô) (?:aprendendo|a aprender)(?: a (?:tocar|jogar|falar))? {SUBJECT}{END}",
        "O usuário está aprendendo {value}.",
        value="aprendendo {value}",
        clean=parts.one_of(words.LANGUAGES | words.PLAYED),
    ),
    rule(
        None,
        rf"{I}(?P<verb>toco|jogo) {SUBJECT}{END_JOB}",
        "O usuário toca ou joga {value}.",
        value="{verb} {value}",
        clean=parts.one_of(words.PLAYED),
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
        rf"{WE}(?:vou|vamos|vai) (?P<value>(?:{_VERBS}|para|pra|pro|à|ao)\b{REST})",
        "O usuário vai {value} ({date}).",
        clean=forms.plan,
        when="ahead",
    ),
    rule("plan", rf"{I}(?P<value>(?:{_NOW}){REST})", "Plano do usuário: {value} ({date}).", when="ahead"),
    rule(
        "plan",
        rf"{WE}(?:tenho|temos) (?P<value>uma? {_EVENT}{REST})",
        "O usuário tem {value} ({date}).",
        clean=forms.plan,
        when="ahead",
    ),
    rule(
        "plan",
        rf"(?:o |a )?(?:meu|minha|nosso|nossa) (?P<what>{_EVENT}) (?:é|será|vai ser) (?P<value>{REST})",
        "Plano do usuário: {what} {value} ({date}).",
        value="{what} {value}",
        clean=forms.plan,
        when="ahead",
    ),
    rule(
        "plan",
        f"{WE}(?:pretendo|planejo|planeio|tenciono|pretendemos|planejamos|estou "
        "(?:planejando|a planear|planeando)"
        f"|estamos (?:planejando|a planear)) (?P<value>(?:{_VERBS}|aprender|comprar"
        rf"|escrever|uma viagem)\b{REST})",
        "O usuário planeja {value}{dated}.",
        clean=forms.plan,
        when="perhaps ahead",
    ),
)

RULES: Final = (*_PEOPLE, *_TASTES, *_PLANS)
