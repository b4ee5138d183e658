"""The parts that Chinese statements are made of."""

from __future__ import annotations

import re
from typing import Any, Final

from memoryos_integrations.language.statements.reading import Rule

HAN: Final = r"\u4e00-\u9fff"
"""The Chinese characters, for use within a character class."""


def rule(field: str | None, pattern: str, text: str, **more: Any) -> Rule:
    """Make a rule; one that looked at no case would take long to compile for so many characters."""
    return Rule(field, re.compile(pattern), text, **more)


def single(field: str, pattern: str, text: str, **more: Any) -> Rule:
    """Make a rule for a field that has one value at a time."""
    return rule(field, pattern, text, single=True, **more)


I_DO: Final = r"(?:我|本人)?"
WE_DO: Final = r"(?:我们?|我們|本人)?"
NOW: Final = r"(?:(?:现在|現在|目前|也|还|還|一直|其实|平时|平時|已经|已經|自己|今年|刚|都|就|是) ?){0,2}"
VERY: Final = (
    "(?:(?:也|还|還|一直|真的|特别|特別|非常|很|最|都|其实|平时|从小|就|超级|超|更"
    "|挺|比较|十分|尤其|最近){0,2})"
)
END: Final = r"(?=\s*(?:$|[，,。！!；;、…~～）)\s]))"
NAME: Final = rf"(?P<value>[{HAN}·]{{1,8}}|[A-Za-z][A-Za-z'-]*(?: [A-Z][A-Za-z'-]*){{0,3}})"
NAMED: Final = NAME.replace("value", "name")
PLACE: Final = rf"(?P<value>[{HAN}]{{2,10}}?|[A-Z][A-Za-z]+(?: [A-Z][A-Za-z]+){{0,2}})"
THING: Final = rf"(?P<value>[{HAN}A-Za-z][{HAN}\w·& -]{{0,14}}?)"
ONE: Final = r"[一二两兩三四五六七八九十\d]"
