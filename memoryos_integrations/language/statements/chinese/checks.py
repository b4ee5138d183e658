"""What a Chinese statement may not say, and how its parts are told apart."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from memoryos_integrations.language.statements import parts
from memoryos_integrations.language.statements.chinese import words
from memoryos_integrations.language.statements.chinese.forms import HAN
from memoryos_integrations.language.statements.english.words import PLACES

if TYPE_CHECKING:
    from collections.abc import Callable

    from memoryos_integrations.language.statements.reading import Parts

_POINTS_ELSEWHERE = re.compile(
    "[你您她它这這那哪谁誰咱]|(?<![吉其])他|什么|甚麼|怎么|怎麼|多少|我|为什么|自己"
    "|大家|别人|有人|东西|时候|如果"
)
_NO_PLACE = re.compile(
    r"[一这那哪你他她我自家学公宿酒外城乡郊楼房屋里边上下附的了过着是和跟同租校店办线網网]"
    "|(?:隔壁|对面|对门|农村|市区|国内|南方|北方|山区|村|未来|未來|火星|月球|外星"
    "|附近|中心|期间|时候|公寓|小区|单位)"
)
_NO_FIRST = (
    "第",
    "前者",
    "后者",
    "就",
    "的",
    "上",
    "过",
    "了",
    "着",
    "一",
    "和",
    "跟",
    "在",
    "用",
    "被",
    "把",
    "不",
    "到",
    "得",
)


def calls_itself(found: Parts) -> Parts | None:
    """Refuse what people call that is no name: a taxi, somebody to come."""
    value = found["value"]
    is_no_name = value in words.NO_NAME or re.search(
        r"[了他她它你您我不什着过的来去吃起做帮看快人车車醒滴得们吗吧啊呢]|外卖|服务", value
    )
    is_long = re.match(rf"[{HAN}]", value) and "·" not in value and len(value) > 5
    return None if is_no_name or is_long else found


def introduces_itself(found: Parts) -> Parts | None:
    """Take 小明, 阿强 and names in Latin letters: other words behind 我是 are mostly no names."""
    value = found["value"]
    is_nickname = re.fullmatch(rf"[小阿][{HAN}]{{1,2}}", value) and not re.search(
        r"[白学生人孩伙子手]", value[1:]
    )
    is_latin = value.isascii() and value[:1].isupper() and not value.isupper()
    return calls_itself(found) if is_nickname or is_latin else None


def place(found: Parts) -> Parts | None:
    """Refuse what is no place to live in: a building, a floor, the future."""
    value = (
        found["value"].removesuffix("市")
        if found["value"].removesuffix("市") in words.PLACES
        else found["value"]
    )
    if value in words.PLACES or value.isascii():
        return found | {"value": value}
    return None if _NO_PLACE.search(value) or len(value) > 6 else found


def known_place(found: Parts) -> Parts | None:
    """Take known places only."""
    return found if found["value"].removesuffix("市") in words.PLACES else None


def work(found: Parts) -> Parts | None:
    """Keep what ends in a profession, and tell the employer from the town in front of it."""
    job = found.get("job", "")
    if job:
        is_known = any(job.endswith(word) for word in words.PROFESSIONS)
        bare = next((job[at:] for at in range(len(job)) if job[at:] in words.PROFESSIONS), job)
        before = job[: len(job) - len(bare)]
        if not is_known or any(word in before for word in words.NO_KIND):
            return None
    at = found.get("at", "")
    if job.endswith(("学生", "學生", "研究生", "博士生", "硕士生", "本科生")):
        at = ""
    town = at.removesuffix("市") in words.PLACES or at.lower() in PLACES
    is_org = any(at.endswith(word) for word in words.ORGANISATIONS) or (
        at.isascii() and at != "" and not town
    )
    is_own = not re.search(r"[你您他她它这那哪我]|办公室|^(?:家|公司|学校|医院|单位)$", at)
    known_firm = at in words.FIRMS
    return found | {
        "job": job,
        "org": at if (is_org or known_firm) and is_own and not town else "",
        "place": at if town else "",
    }


def kin(known: frozenset[str]) -> Callable[[Parts], Parts | None]:
    """Return what takes a person or an animal of a list, with its name."""

    def clean(found: Parts) -> Parts | None:
        if found["who"] not in known or calls_itself({"value": found["name"]}) is None:
            return None
        return found | {"value": f"{found['who']}{found['name']}"}

    return clean


def counted(known: frozenset[str]) -> Callable[[Parts], Parts | None]:
    """Return what takes one or more of a list, perhaps with a name."""

    def clean(found: Parts) -> Parts | None:
        who, called = found["who"], found["name"]
        if not any(who.endswith(word) for word in known) or len(who) > 6 or _POINTS_ELSEWHERE.search(who):
            return None
        if called and calls_itself({"value": called}) is None:
            return None
        return found | {
            "value": f"{who}{called}" if called else f"{found['n']}{who}",
            "named": f"，叫{called}" if called else "",
        }

    return clean


def liking(found: Parts) -> Parts | None:
    """Refuse what points at the talk or at others."""
    value = found["value"].strip()
    if (
        _POINTS_ELSEWHERE.search(value)
        or value.startswith(_NO_FIRST)
        or value.endswith(("的", "了", "吗", "吧", "呢", "的人"))
    ):
        return None
    return (
        None
        if re.match(r"(?:上班|工作|开会|周一|早起|人|吃|喝|玩|笑|哭|看|说|想|听到?|看到|知道)$", value)
        else found | {"value": value}
    )


def listed(known: frozenset[str]) -> Callable[[Parts], Parts | None]:
    """Return what takes an enumeration of known words."""

    def clean(found: Parts) -> Parts | None:
        items = re.split(r"[、和跟与及,，或]|以及|还有", found["value"])
        return found if all(item.strip() in known for item in items if item) else None

    return clean


def age(found: Parts) -> Parts | None:
    """Take ages from 5 to 110, and those in characters."""
    return parts.age(found) if found["value"].isdecimal() else found


def plan(found: Parts) -> Parts | None:
    """Take a deed worth remembering that is neither past nor open."""
    value = found["value"].strip()
    is_deed = any(word in value for word in words.DEEDS) or value.startswith(("打算学", "计划学", "准备学"))
    is_open = re.search(r"[不没吗呢吧]|可能|也许|如果|是不是|想|[你您她它这那谁]|(?<![吉其])他|再说", value)
    is_over = re.search(r"[了过過]|已经|刚|时候", value) and not re.search(r"[要就快会將将]", value)
    return None if is_open or is_over or not is_deed else found | {"value": value}
