"""The forms in which people state facts about themselves in Chinese."""

from __future__ import annotations

import re
from typing import Any, Final

from memoryos_integrations.statements.chinese import forms, words
from memoryos_integrations.statements.chinese.forms import HAN
from memoryos_integrations.statements.reading import Rule
from memoryos_integrations.text import alternatives


def rule(field: str | None, pattern: str, text: str, **more: Any) -> Rule:
    """Make a rule; one that looked at no case would take long to compile for so many characters."""
    return Rule(field, re.compile(pattern), text, **more)


def single(field: str, pattern: str, text: str, **more: Any) -> Rule:
    """Make a rule for a field that has one value at a time."""
    return rule(field, pattern, text, single=True, **more)


_I = r"(?:我|本人)?"
_WE = r"(?:我们?|我們|本人)?"
_NOW = r"(?:(?:现在|現在|目前|也|还|還|一直|其实|平时|平時|已经|已經|自己|今年|刚|都|就|是) ?){0,2}"
_VERY = (
    "(?:(?:也|还|還|一直|真的|特别|特別|非常|很|最|都|其实|平时|从小|就|超级|超|更"
    "|挺|比较|十分|尤其|最近){0,2})"
)
_END = r"(?=\s*(?:$|[，,。！!；;、…~～）)\s]))"
_NAME = rf"(?P<value>[{HAN}·]{{1,8}}|[A-Za-z][A-Za-z'-]*(?: [A-Z][A-Za-z'-]*){{0,3}})"
_NAMED = _NAME.replace("value", "name")
_PLACE = rf"(?P<value>[{HAN}]{{2,10}}?|[A-Z][A-Za-z]+(?: [A-Z][A-Za-z]+){{0,2}})"
_THING = rf"(?P<value>[{HAN}A-Za-z][{HAN}\w·& -]{{0,14}}?)"
_ONE = r"[一二两兩三四五六七八九十\d]"

_NAME_IS = "用户的名字是{value}。"
_NAMES = (
    single(
        "name",
        rf"{_I}(?:的?(?:中文|英文)?名字)?(?:叫做|名叫|叫|是叫){_NAME}{_END}",
        _NAME_IS,
        clean=forms.calls_itself,
    ),
    single("name", rf"我的?(?:中文|英文)?名字(?:叫做?|是){_NAME}{_END}", _NAME_IS, clean=forms.calls_itself),
    single(
        "name",
        "(?:[你您]?(?:们)?(?:就|可以|就可以|可以直接)?叫我)"
        f"{_NAME.replace('8}', '5}?')}(?:就好了?|就行了?|就可以了?|吧|即可|好了)",
        _NAME_IS,
        clean=forms.calls_itself,
    ),
    single(
        "name",
        rf"(?:大家|朋友们?|同事们?|[你您]可以)都?叫我{_NAME}{_END}",
        _NAME_IS,
        clean=forms.calls_itself,
    ),
    single("name", rf"{_I}是(?P<introduced>){_NAME}{_END}", _NAME_IS, clean=forms.introduces_itself),
)
_YEAR = r"(?P<value>(?:19[2-9]|20[0-2])\d)年"
_BIRTH = (
    single(
        "age",
        rf"{_I}{_NOW}(?:满)?(?P<value>\d{{1,3}}"
        f"|[一二三四五六七八九]?十[一二三四五六七八九]?)周?[岁歲]了?{_END}",
        "用户{value}岁。",
        clean=forms.age,
    ),
    single(
        "birth_year",
        rf"{_I}(?:是|于|在)?(?:出生于|生于|出生在)?{_YEAR}(?:\d\d?月)?(?:\d\d?[日号])?(?:出生|生)的?{_END}",
        "用户出生于{value}年。",
    ),
    single("birth_year", rf"{_I}(?:出生于|生于|出生在){_YEAR}", "用户出生于{value}年。"),
    single(
        "birthday",
        r"我的?生日(?:是|在)?(?:农历|阴历)?(?P<value>\d\d?月\d\d?[日号]?)",
        "用户的生日是{value}。",
    ),
    rule("origin", rf"{_I}{_NOW}来自{_PLACE}{_END}", "用户来自{value}。", clean=forms.place),
    rule(
        "origin",
        rf"{_I}{_NOW}(?:是)?(?P<value>[{HAN}]{{2,6}})人{_END}",
        "用户来自{value}。",
        clean=forms.known_place,
    ),
    rule(
        "origin",
        rf"(?:我的?)?(?:老家|家乡|故乡)(?:在|是){_PLACE}{_END}",
        "用户来自{value}。",
        clean=forms.place,
    ),
    rule(
        "origin",
        rf"{_I}(?:出生|从小|生)?在{_PLACE}(?:出生|长大)的?{_END}",
        "用户来自{value}。",
        clean=forms.place,
    ),
)
_SETTLED = r"(?:住在|定居在|居住在|生活在|常住)"
_MOVED = r"(?:搬到|搬去|搬来|移居|移民到)"
_WHEN = (
    r"(?P<when>去年|上个月|上周|今年|昨天|前年|(?:19|20)\d\d年|[一二两三四五六七八九十\d]+个?[年月周天]前)?"
)
_LIVES = "用户住在{value}。"
_HOMES = (
    single("home", rf"{_WE}{_NOW}{_SETTLED}{_PLACE}{_END}", _LIVES, clean=forms.place),
    single(
        "home",
        rf"{_WE}(?:从)?(?P<when>(?:19|20)\d\d年)(?:起|开始)?(?:就)?(?:一直)?{_SETTLED}{_PLACE}{_END}",
        _LIVES,
        clean=forms.place,
        when="since",
    ),
    single("home", rf"我家(?:住)?在{_PLACE}{_END}", _LIVES, clean=forms.place),
    single("home", rf"{_WE}{_NOW}住{_PLACE}{_END}", _LIVES, clean=forms.known_place),
    single(
        "home",
        rf"{_WE}{_NOW}在{_PLACE}(?:生活|居住|定居)(?:了?.{{1,4}}年了?)?{_END}",
        _LIVES,
        clean=forms.place,
    ),
    single(
        "home",
        rf"{_WE}{_WHEN}(?:刚刚?|最近|已经)?{_MOVED}了?{_PLACE}了?(?:居住|生活|住)?{_END}",
        _LIVES,
        clean=forms.place,
        when="since",
    ),
)
_MEASURE = r"(?:[一1](?:名|个|個|位)|[名个個位])?"
_JOB = rf"(?P<job>[{HAN}A-Za-z+#]{{2,14}}?)"
_AT = rf"(?P<at>[{HAN}]{{2,16}}?|[A-Z][\w&.-]*(?: [A-Z][\w&.-]*){{0,3}})"
_FACTS = (
    ("work", "job", "用户是{job}。"),
    ("employer", "org", "用户在{org}工作。"),
    ("workplace", "place", "用户在{place}工作。"),
)


def _jobs(*patterns: str) -> tuple[Rule, ...]:
    return tuple(
        single(field, pattern, text, value=f"{{{group}}}", clean=forms.work)
        for pattern in patterns
        for field, group, text in _FACTS
        if ("<job>" if field == "work" else "<at>") in pattern
    )


_JOBS = (
    *_jobs(
        rf"{_I}{_NOW}(?:是|在当|当|担任){_MEASURE}{_JOB}{_END}",
        rf"{_I}{_NOW}是{_AT}的{_MEASURE}{_JOB}{_END}",
        f"{_I}{_NOW}在{_AT}(?P<lives>)(?:做|当|担任|從事|从事|任职|当任)(?:着)?" f"{_MEASURE}{_JOB}(?:的?工作)?{_END}",
        rf"{_I}{_NOW}在{_AT}(?:工作|上班|任职|就职|任教)(?:了?.{{1,4}}年了?)?{_END}",
        rf"我的?(?:工作|职业|職業)是(?:做|当)?{_MEASURE}{_JOB}{_END}",
        rf"{_I}{_NOW}(?:做|当){_MEASURE}{_JOB}(?:的?工作)?(?:了?.{{1,4}}年了?)?{_END}",
    ),
    single("work", f"{_I}{_NOW}从事(?P<value>[{HAN}]{{2,10}}?)(?:行业|工作|方面的工作|相关工作)" f"{_END}", "用户从事{value}工作。", clean=forms.liking),
    single("work", rf"{_I}{_NOW}(?P<value>退休)了{_END}", "用户已退休。"),
    rule("study", f"{_I}{_NOW}(?:在.{{2,10}}(?:大学|学院|大學))?(?:主修|攻读|攻讀|就读)" f"(?P<value>[{HAN}]{{2,10}}?)(?:专业|專業|系)?{_END}", "用户学习{value}。", clean=forms.liking),
    rule("study", rf"我的?(?:专业|專業)(?:是|为){_THING}(?:专业)?{_END}", "用户学习{value}。", clean=forms.liking),
    rule("study", f"{_I}{_NOW}在[{HAN}]{{2,8}}(?:大学|学院)(?:读|学|念|学习)" f"(?P<value>[{HAN}]{{2,8}}?)(?:专业|系)?{_END}", "用户学习{value}。", clean=forms.liking),
)  # fmt: skip
_WHO = rf"(?P<who>[{HAN}]{{1,5}}?)"
_CALLED = rf"(?:的名字)?(?:叫做|名叫|叫|是叫|名字叫|的名字是|名字是){_NAMED}{_END}"
_IS = "用户的{who}叫{name}。"
_MAYBE_NAMED = rf"(?:[，,]?\s*(?:名字)?(?:它|他|她)?(?:名叫|叫做|叫){_NAMED})?"
_PEOPLE = (
    single("partner", rf"我的?{_WHO}{_CALLED}", _IS, value="{name}", clean=forms.kin(words.PARTNERS)),
    rule(None, rf"{_I}(?:已经)?(?P<value>结婚|离婚|订婚|結婚|離婚)了{_END}", "用户已{value}。"),
    rule(None, rf"{_I}(?:是)?(?P<value>已婚|离异|未婚)(?:的)?{_END}", "用户{value}。"),
    rule("family", rf"我的?{_WHO}{_CALLED}", _IS, clean=forms.kin(words.KIN)),
    rule("people", rf"我的?{_WHO}{_CALLED}", _IS, clean=forms.kin(words.FRIENDS)),
    rule("family", rf"{_WE}(?:还|也)?有(?P<n>{_ONE}个){_WHO}{_MAYBE_NAMED}{_END}", "用户有{n}{who}{named}。", clean=forms.counted(words.KIN)),
    rule("pet", rf"我们?家?的?{_WHO}{_CALLED}", _IS, clean=forms.kin(words.PETS)),
    rule("pet", f"{_WE}家?(?:里)?(?:还|也)?(?:养了|養了|养着|养|有|领养了)(?P<n>" f"{_ONE}[只隻条條头匹个])(?P<who>[{HAN}]{{1,6}}?){_MAYBE_NAMED}{_END}",
         "用户有{n}{who}{named}。", clean=forms.counted(words.PETS)),
)  # fmt: skip
_LOVE = r"(?:喜欢|喜歡|热爱|喜爱|酷爱|爱|愛)"
_HATE = r"(?:讨厌|討厭|不喜欢|不喜歡|不太喜欢|不爱|不愛|厌恶|受不了)"
_TASTES = (
    rule("likes", rf"{_I}{_VERY}{_LOVE}{_THING}{_END}", "用户喜欢{value}。", clean=forms.liking),
    rule("likes", rf"我的?(?:爱好|愛好|兴趣|兴趣爱好)(?:是|有){_THING}{_END}", "用户喜欢{value}。", clean=forms.liking),
    rule("likes", rf"我最(?:喜欢|喜歡|爱)的(?P<what>[{HAN}]{{1,6}}?)是{_THING}{_END}", "用户最喜欢的{what}是{value}。", clean=forms.liking),
    rule("dislikes", rf"{_I}{_VERY}{_HATE}{_THING}{_END}", "用户不喜欢{value}。", clean=forms.liking),
    single("diet", f"{_I}{_NOW}(?:是)?(?:[一]?[个名位])?(?P<value>素食主义者|素食者|纯素食者" f"|纯素主义者|素食主義者){_END}", "用户是{value}。"),
    single("diet", rf"{_I}{_NOW}(?:只|都)?(?P<value>吃素|吃纯素)(?:的|了)?{_END}", "用户{value}。"),
    rule("diet", f"{_I}(?:从来|一直|从)?(?P<verb>不吃|不喝|不能吃|不能喝)" f"(?P<value>[{HAN}、]{{1,12}}?)的?{_END}", "用户{verb}{value}。",
         value="{verb}{value}", clean=forms.listed(words.FOODS)),
    rule("allergy", rf"{_I}(?:从小|一直|严重|也)?(?:对|對){_THING}(?:严重)?(?:过敏|過敏){_END}", "用户对{value}过敏。", clean=forms.liking),
    rule("allergy", rf"{_I}(?:有)(?P<value>[{HAN}]{{1,5}}?)(?:过敏|過敏)(?:症)?{_END}", "用户对{value}过敏。", clean=forms.liking),
    rule("allergy", rf"{_I}(?:有|是)?(?P<value>乳糖|麸质|果糖)不耐受?症?{_END}", "用户{value}不耐受。"),
    rule("language", rf"{_I}{_NOW}(?:会|會|能)(?:说|說|讲|講)(?P<value>[{HAN}、]{{2,20}}?){_END}", "用户会说{value}。", clean=forms.listed(words.LANGUAGES)),
    rule("language", rf"我的?(?:母语|母語)是(?P<value>[{HAN}、]{{2,12}}?){_END}", "用户会说{value}。", clean=forms.listed(words.LANGUAGES)),
    rule(None, f"{_I}(?:最近|现在|也)?(?:正在|在)(?:学|學|学习)(?:弹|拉|打|下|说)?(?P<value>" f"{alternatives(words.LANGUAGES | words.PLAYED)}){_END}",
         "用户在学{value}。", value="学{value}"),
    rule(None, f"{_I}(?:会|會)(?P<value>(?:弹|拉|打|下|踢|吹)(?:{alternatives(words.PLAYED)}))" f"{_END}", "用户会{value}。"),
)  # fmt: skip
_CLAUSE = r"[^，,。！!；;？?\n\x00]{2,40}+"
_PLANS = (
    rule("plan", rf"(?:我们|我們|我)(?P<value>{_CLAUSE})", "用户{value}（{date}）。", clean=forms.plan, when="ahead"),
    rule("plan", "(?:我们|我們|我)(?P<value>(?:打算|计划|準備|准备)(?:" f"{alternatives(words.DEEDS)}|学){_CLAUSE})", "用户{value}{dated}。",
         clean=forms.plan, when="perhaps ahead"),
)  # fmt: skip

RULES: Final = (*_NAMES, *_BIRTH, *_HOMES, *_JOBS, *_PEOPLE, *_TASTES, *_PLANS)
