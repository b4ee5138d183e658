"""Whom somebody belongs with, what they like and what they plan, in Chinese."""

from __future__ import annotations

from typing import Final

from memoryos_integrations.language.statements.chinese import checks, words
from memoryos_integrations.language.statements.chinese.forms import (
    END,
    HAN,
    I_DO,
    NAMED,
    NOW,
    ONE,
    THING,
    VERY,
    WE_DO,
    rule,
    single,
)
from memoryos_integrations.language.text import alternatives

_WHO = rf"(?P<who>[{HAN}]{{1,5}}?)"
_CALLED = rf"(?:的名字)?(?:叫做|名叫|叫|是叫|名字叫|的名字是|名字是){NAMED}{END}"
_IS = "用户的{who}叫{name}。"
_MAYBE_NAMED = rf"(?:[，,]?\s*(?:名字)?(?:它|他|她)?(?:名叫|叫做|叫){NAMED})?"
_PEOPLE = (
    single("partner", rf"我的?{_WHO}{_CALLED}", _IS, value="{name}", clean=checks.kin(words.PARTNERS)),
    rule(None, rf"{I_DO}(?:已经)?(?P<value>结婚|离婚|订婚|結婚|離婚)了{END}", "用户已{value}。"),
    rule(None, rf"{I_DO}(?:是)?(?P<value>已婚|离异|未婚)(?:的)?{END}", "用户{value}。"),
    rule("family", rf"我的?{_WHO}{_CALLED}", _IS, clean=checks.kin(words.KIN)),
    rule("people", rf"我的?{_WHO}{_CALLED}", _IS, clean=checks.kin(words.FRIENDS)),
    rule(
        "family",
        rf"{WE_DO}(?:还|也)?有(?P<n>{ONE}?个){_WHO}{_MAYBE_NAMED}{END}",
        "用户有{n}{who}{named}。",
        clean=checks.counted(words.KIN),
    ),
    rule("pet", rf"我们?家?的?{_WHO}{_CALLED}", _IS, clean=checks.kin(words.PETS)),
    rule(
        "pet",
        f"{WE_DO}家?(?:里)?(?:还|也)?(?:养了|養了|养着|养|有|领养了)(?P<n>"
        f"{ONE}?[只隻条條头匹个])(?P<who>[{HAN}]{{1,6}}?){_MAYBE_NAMED}{END}",
        "用户有{n}{who}{named}。",
        clean=checks.counted(words.PETS),
    ),
)
_LOVE = r"(?:喜欢|喜歡|热爱|喜爱|酷爱|爱|愛)"
_HATE = r"(?:讨厌|討厭|不喜欢|不喜歡|不太喜欢|不爱|不愛|厌恶|受不了)"
_TASTES = (
    rule("likes", rf"{I_DO}{VERY}{_LOVE}{THING}{END}", "用户喜欢{value}。", clean=checks.liking),
    rule(
        "likes",
        rf"我的?(?:爱好|愛好|兴趣|兴趣爱好)(?:是|有){THING}{END}",
        "用户喜欢{value}。",
        clean=checks.liking,
    ),
    rule(
        "likes",
        rf"我最(?:喜欢|喜歡|爱)的(?P<what>[{HAN}]{{1,6}}?)是{THING}{END}",
        "用户最喜欢的{what}是{value}。",
        clean=checks.liking,
    ),
    rule("dislikes", rf"{I_DO}{VERY}{_HATE}{THING}{END}", "用户不喜欢{value}。", clean=checks.liking),
    single(
        "diet",
        f"{I_DO}{NOW}(?:是)?(?:[一]?[个名位])?(?P<value>素食主义者|素食者|纯素食者"
        f"|纯素主义者|素食主義者){END}",
        "用户是{value}。",
    ),
    single("diet", rf"{I_DO}{NOW}(?:只|都)?(?P<value>吃素|吃纯素)(?:的|了)?{END}", "用户{value}。"),
    rule(
        "diet",
        f"{I_DO}(?:从来|一直|从)?(?P<verb>不吃|不喝|不能吃|不能喝)(?P<value>[{HAN}、]{{1,12}}?)的?{END}",
        "用户{verb}{value}。",
        value="{verb}{value}",
        clean=checks.listed(words.FOODS),
    ),
    rule(
        "allergy",
        rf"{I_DO}(?:从小|一直|严重|也)?(?:对|對){THING}(?:严重)?(?:过敏|過敏){END}",
        "用户对{value}过敏。",
        clean=checks.liking,
    ),
    rule(
        "allergy",
        rf"{I_DO}(?:有)(?P<value>[{HAN}]{{1,5}}?)(?:过敏|過敏)(?:症)?{END}",
        "用户对{value}过敏。",
        clean=checks.liking,
    ),
    rule("allergy", rf"{I_DO}(?:有|是)?(?P<value>乳糖|麸质|果糖)不耐受?症?{END}", "用户{value}不耐受。"),
    rule(
        "language",
        rf"{I_DO}{NOW}(?:会|會|能)(?:说|說|讲|講)(?P<value>[{HAN}、]{{2,20}}?){END}",
        "用户会说{value}。",
        clean=checks.listed(words.LANGUAGES),
    ),
    rule(
        "language",
        rf"我的?(?:母语|母語)是(?P<value>[{HAN}、]{{2,12}}?){END}",
        "用户会说{value}。",
        clean=checks.listed(words.LANGUAGES),
    ),
    rule(
        None,
        f"{I_DO}(?:最近|现在|也)?(?:正在|在)(?:学|學|学习)(?:弹|拉|打|下|说)?(?P<value>"
        f"{alternatives(words.LANGUAGES | words.PLAYED)}){END}",
        "用户在学{value}。",
        value="学{value}",
    ),
    rule(
        None,
        f"{I_DO}(?:会|會)(?P<value>(?:弹|拉|打|下|踢|吹)(?:{alternatives(words.PLAYED)})){END}",
        "用户会{value}。",
    ),
)
_CLAUSE = r"[^，,。！!；;？?\n\x00]{2,40}+"
_PLANS = (
    rule(
        "plan",
        rf"(?:我们|我們|我)(?P<value>{_CLAUSE})",
        "用户{value}（{date}）。",
        clean=checks.plan,
        when="ahead",
    ),
    rule(
        "plan",
        f"(?:我们|我們|我)(?P<value>(?:打算|计划|準備|准备)(?:{alternatives(words.DEEDS)}|学){_CLAUSE})",
        "用户{value}{dated}。",
        clean=checks.plan,
        when="perhaps ahead",
    ),
)

RULES: Final = (*_PEOPLE, *_TASTES, *_PLANS)
