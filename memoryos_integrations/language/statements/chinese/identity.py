"""Who somebody is, where they live and what they work as, in Chinese."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from memoryos_integrations.language.statements.chinese import checks
from memoryos_integrations.language.statements.chinese.forms import (
    END,
    HAN,
    I_DO,
    NAME,
    NOW,
    PLACE,
    THING,
    WE_DO,
    rule,
    single,
)

if TYPE_CHECKING:
    from memoryos_integrations.language.statements.reading import Rule

_NAME_IS = "用户的名字是{value}。"
_NAMES = (
    single(
        "name",
        rf"{I_DO}(?:的?(?:中文|英文)?名字)?(?:叫做|名叫|叫|是叫){NAME}{END}",
        _NAME_IS,
        clean=checks.calls_itself,
    ),
    single("name", rf"我的?(?:中文|英文)?名字(?:叫做?|是){NAME}{END}", _NAME_IS, clean=checks.calls_itself),
    single(
        "name",
        "(?:[你您]?(?:们)?(?:就|可以|就可以|可以直接)?叫我)"
        f"{NAME.replace('8}', '5}?')}(?:就好了?|就行了?|就可以了?|吧|即可|好了)",
        _NAME_IS,
        clean=checks.calls_itself,
    ),
    single(
        "name",
        rf"(?:大家|朋友们?|同事们?|[你您]可以)都?叫我{NAME}{END}",
        _NAME_IS,
        clean=checks.calls_itself,
    ),
    single("name", rf"{I_DO}是(?P<introduced>){NAME}{END}", _NAME_IS, clean=checks.introduces_itself),
)
_YEAR = r"(?P<value>(?:19[2-9]|20[0-2])\d)年"
_BIRTH = (
    single(
        "age",
        rf"{I_DO}{NOW}(?:满)?(?P<value>\d{{1,3}}"
        f"|[一二三四五六七八九]?十[一二三四五六七八九]?)周?[岁歲]了?{END}",
        "用户{value}岁。",
        clean=checks.age,
    ),
    single(
        "birth_year",
        rf"{I_DO}(?:是|于|在)?(?:出生于|生于|出生在)?{_YEAR}(?:\d\d?月)?(?:\d\d?[日号])?(?:出生|生)的?{END}",
        "用户出生于{value}年。",
    ),
    single("birth_year", rf"{I_DO}(?:出生于|生于|出生在){_YEAR}", "用户出生于{value}年。"),
    single(
        "birthday",
        r"我的?生日(?:是|在)?(?:农历|阴历)?(?P<value>\d\d?月\d\d?[日号]?)",
        "用户的生日是{value}。",
    ),
    rule("origin", rf"{I_DO}{NOW}来自{PLACE}{END}", "用户来自{value}。", clean=checks.place),
    rule(
        "origin",
        rf"{I_DO}{NOW}(?:是)?(?P<value>[{HAN}]{{2,6}})人{END}",
        "用户来自{value}。",
        clean=checks.known_place,
    ),
    rule(
        "origin",
        rf"(?:我的?)?(?:老家|家乡|故乡)(?:在|是){PLACE}{END}",
        "用户来自{value}。",
        clean=checks.place,
    ),
    rule(
        "origin",
        rf"{I_DO}(?:出生|从小|生)?在{PLACE}(?:出生|长大)的?{END}",
        "用户来自{value}。",
        clean=checks.place,
    ),
)
_SETTLED = r"(?:住在|定居在|居住在|生活在|常住)"
_MOVED = r"(?:搬到|搬去|搬来|移居|移民到)"
_WHEN = (
    r"(?P<when>去年|上个月|上周|今年|昨天|前年|(?:19|20)\d\d年|[一二两三四五六七八九十\d]+个?[年月周天]前)?"
)
_LIVES = "用户住在{value}。"
_HOMES = (
    single("home", rf"{WE_DO}{NOW}{_SETTLED}{PLACE}{END}", _LIVES, clean=checks.place),
    single(
        "home",
        rf"{WE_DO}(?:从)?(?P<when>(?:19|20)\d\d年)(?:起|开始)?(?:就)?(?:一直)?{_SETTLED}{PLACE}{END}",
        _LIVES,
        clean=checks.place,
        when="since",
    ),
    single("home", rf"我家(?:住)?在{PLACE}{END}", _LIVES, clean=checks.place),
    single("home", rf"{WE_DO}{NOW}住{PLACE}{END}", _LIVES, clean=checks.known_place),
    single(
        "home",
        rf"{WE_DO}{NOW}在{PLACE}(?:生活|居住|定居)(?:了?.{{1,4}}年了?)?{END}",
        _LIVES,
        clean=checks.place,
    ),
    single(
        "home",
        rf"{WE_DO}{_WHEN}(?:刚刚?|最近|已经)?{_MOVED}了?{PLACE}了?(?:居住|生活|住)?{END}",
        _LIVES,
        clean=checks.place,
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
        single(field, pattern, text, value=f"{{{group}}}", clean=checks.work)
        for pattern in patterns
        for field, group, text in _FACTS
        if ("<job>" if field == "work" else "<at>") in pattern
    )


_JOBS = (
    *_jobs(
        rf"{I_DO}{NOW}(?:是|在当|当|担任){_MEASURE}{_JOB}{END}",
        rf"{I_DO}{NOW}是{_AT}的{_MEASURE}{_JOB}{END}",
        f"{I_DO}{NOW}在{_AT}(?:做|当|担任|從事|从事|任职|当任)(?:着)?{_MEASURE}{_JOB}(?:的?工作)?{END}",
        rf"{I_DO}{NOW}在{_AT}(?:工作|上班|任职|就职|任教)(?:了?.{{1,4}}年了?)?{END}",
        rf"我的?(?:工作|职业|職業)是(?:做|当)?{_MEASURE}{_JOB}{END}",
        rf"{I_DO}{NOW}(?:做|当){_MEASURE}{_JOB}(?:的?工作)?(?:了?.{{1,4}}年了?)?{END}",
    ),
    single(
        "work",
        f"{I_DO}{NOW}从事(?P<value>[{HAN}]{{2,10}}?)(?:行业|工作|方面的工作|相关工作){END}",
        "用户从事{value}工作。",
        clean=checks.liking,
    ),
    single("work", rf"{I_DO}{NOW}(?P<value>退休)了{END}", "用户已退休。"),
    rule(
        "study",
        f"{I_DO}{NOW}(?:在.{{2,10}}(?:大学|学院|大學))?(?:主修|攻读|攻讀|就读)"
        f"(?P<value>[{HAN}]{{2,10}}?)(?:专业|專業|系)?{END}",
        "用户学习{value}。",
        clean=checks.liking,
    ),
    rule(
        "study",
        rf"我的?(?:专业|專業)(?:是|为){THING}(?:专业)?{END}",
        "用户学习{value}。",
        clean=checks.liking,
    ),
    rule(
        "study",
        f"{I_DO}{NOW}在[{HAN}]{{2,8}}(?:大学|学院)(?:读|学|念|学习)"
        f"(?P<value>[{HAN}]{{2,8}}?)(?:专业|系)?{END}",
        "用户学习{value}。",
        clean=checks.liking,
    ),
)

RULES: Final = (*_NAMES, *_BIRTH, *_HOMES, *_JOBS)
