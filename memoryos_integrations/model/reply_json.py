"""Parsing a model's reply: reasoning, JSON objects, apologies. A truncated object is never completed.

Invariant: no proper prefix of a JSON object yields an object.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LONGEST_REPAIRED = 100_000
"""Characters; json-repair takes quadratic time."""

_TAGS = ("<think>", "</think>", "<thinking>", "</thinking>")
_TAG = re.compile(r"<(/?)think(?:ing)?>", re.IGNORECASE)
_MARK = re.compile(
    r"""(?P<tag><(?P<close>/?)think(?:ing)?>)
      | \{ (?=\s*+ (?: ["'“}] | [\w$-]++\s*+: ))                            # an object begins
      | \[ (?=\s*+ (?: [\[{"'\]] | -?\d | (?:true|false|null)\b ))          # a list, never an answer""",
    re.IGNORECASE | re.VERBOSE,
)
_BARE = re.compile(r"\s*+(?:```\w*+\s*+)?")
_STEP = re.compile(r"""[{}\[\]"']""")
# No possessive groups in these: before 3.11.5 Python loses matches of them.
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_WITHIN_SINGLE = r"[^'\\]*(?:(?:\\.|'(?!\s*[,:}\]]))[^'\\]*)*"
_SINGLE_QUOTED = re.compile(f"'{_WITHIN_SINGLE}'", re.DOTALL)
_QUOTED = re.compile(rf"{_STRING.pattern}|(?<=[{{\[,:\s])'(?P<single>{_WITHIN_SINGLE})'", re.DOTALL)
_TO_ESCAPE = re.compile(r'\\.|"', re.DOTALL)
_CLOSING = {"{": "}", "[": "]"}

_LEFT_OUT = re.compile(r"\.\.\.|…")
_QUOTE_IN_A_STRING = re.compile(r'""\s*+[^\s,:}\]"/]')
_ENDS_IN_A_VALUE = re.compile(r'["\]}][\s,]*\}\Z')

_APOLOGY = re.compile(
    r"""\W*+ (?: unfortunately\W++ | i['’]m\ afraid\W++ )?+ (?:
        (?: (?: i['’]?m | i\ am | we['’]?re )\ )?+ (?: very\ | so\ | really\ )?+ sorry\b
      | i\ (?:do\ )?+ apologi[sz]e | (?:my\ )?+ apologies\b
      | (?:i|we)\ (?: can['’]?t | cannot | can\ not | won['’]?t | will\ not | must\ (?:decline|refuse) )\b
      | (?: i['’]?m | i\ am | we['’]?re | we\ are )\ (?: unable | not\ able | not\ allowed )\b
      | as\ an\ ai\b
      | (?: desculpe | lamento | sinto\ muito | infelizmente | (?:eu\ )?+ não\ posso )\b
      | (?: 很 | 非常 )?+ 抱歉 | 对不起 | 我 (?: 不能 | 无法 | 不可以 )
    )""",
    re.IGNORECASE | re.VERBOSE,
)


class Thoughts:
    """Removes the reasoning of a reply, piece by piece.

    Text between ``<think>`` and ``</think>``, or up to the end if unclosed, is dropped, as is white space
    around the answer. A tag may be split across pieces.

    Attributes:
        stray: whether a closing tag came without an opening one, which some servers drop: everything before
            it was reasoning, including text already returned.
    """

    def __init__(self) -> None:
        self.stray = False
        self._inside = False
        self._held = ""  # may turn out to be a tag
        self._space: list[str] = []  # kept only if something follows it
        self._begun = False

    def feed(self, piece: str) -> str:
        """Return the text that is certain after this piece."""
        text, kept, place = self._held + piece, "", 0
        while tag := _TAG.search(text, place):
            if not self._inside:
                kept += text[place : tag.start()]
                if tag[1]:
                    kept, self._space, self._begun, self.stray = "", [], False, True
            self._inside, place = not tag[1], tag.end()
        rest = text[place:]
        half = _partial_tag(rest)
        self._held = rest[half:]
        return self._trimmed(kept if self._inside else kept + rest[:half])

    def end(self) -> str:
        """Return the text held back, at the end of the reply."""
        rest, self._held = self._held, ""
        return "" if self._inside else self._trimmed(rest)

    def _trimmed(self, text: str) -> str:
        kept = text.rstrip()
        if not kept:
            self._space += [text] if self._begun else []
            return ""
        before = "".join(self._space) if self._begun else ""
        self._space = [text[len(kept) :]]
        kept = kept if self._begun else kept.lstrip()
        self._begun = True
        return before + kept


def without_thoughts(text: str) -> str:
    """Return a complete reply without reasoning and surrounding white space."""
    thoughts = Thoughts()
    return thoughts.feed(text) + thoughts.end()


@dataclass(frozen=True, slots=True)
class Found:
    """The JSON in a reply."""

    parts: tuple[str, ...]
    """Each object and list, from its first bracket to its last; without reasoning."""
    cut: bool
    """Whether the last one is truncated."""
    rest: str
    """The text after the last part."""

    @property
    def values(self) -> list[Mapping[str, Any]]:
        """The objects that are valid JSON."""
        return [value for part in self.parts if isinstance(value := _loaded(part), dict)]

    def repaired(self) -> Mapping[str, Any] | None:
        """Return the only complete but malformed object, repaired; ``None`` if there is none.

        With several, or with a brace left over, it is unclear where one ends.
        """
        broken = [part for part in self.parts if part[0] == "{" and _loaded(part) is None]
        if self.cut or len(broken) != 1 or "}" in self.rest:
            return None
        return _repaired(broken[0])


def json_in(text: str) -> Found:
    """Find the JSON in a reply: bare, fenced, after reasoning, within prose."""
    parts: list[str] = []
    place = 0
    while mark := _MARK.search(text, place):
        start = mark.start()
        end = _after_thought(text, mark) if mark["tag"] else _end_of(text, start)
        if end is None:
            end = None if _BARE.fullmatch(text, 0, start) else _after_last_thought(text, start)
            if end is None:
                return Found(tuple(parts), cut=True, rest="")
            parts.clear()  # prose with a brace: reasoning whose opening tag the server dropped
        elif mark["close"]:
            parts.clear()
        elif not mark["tag"]:
            parts.append(text[start:end])
        place = end
    return Found(tuple(parts), cut=False, rest=text[place:])


def is_apology(text: str) -> bool:
    """Whether a reply begins like a refusal, in English, Portuguese or Chinese."""
    return _APOLOGY.match(text) is not None


def _after_thought(text: str, mark: re.Match[str]) -> int:
    """Return where the reasoning at a mark ends; a closing tag may stand alone."""
    if mark["close"]:
        return mark.end()
    return next((tag.end() for tag in _TAG.finditer(text, mark.end()) if tag[1]), len(text))


def _after_last_thought(text: str, start: int) -> int | None:
    return max((tag.end() for tag in _TAG.finditer(text, start) if tag[1]), default=None)


def _partial_tag(text: str) -> int:
    """Return where an incomplete tag at the end of a text begins; its length if there is none."""
    start = text.rfind("<")
    part = text[start:].lower()
    return start if start >= 0 and any(tag.startswith(part) for tag in _TAGS) else len(text)


def _end_of(text: str, start: int) -> int | None:
    """Return the position after the bracket that closes the one at ``start``; ``None`` if unclosed.

    Exact for JSON; also accepts single quotes, and ignores missing brackets of the other kind.
    """
    opening, depth, place = text[start], 0, start
    while step := _STEP.search(text, place):
        place, mark = step.end(), step[0]
        if mark == opening:
            depth += 1
        elif mark == _CLOSING[opening]:
            depth -= 1
            if not depth:
                return place
        elif mark == '"' or (mark == "'" and _begins_a_value(text, step.start())):
            string = (_STRING if mark == '"' else _SINGLE_QUOTED).match(text, step.start())
            if string is None:
                return None
            place = string.end()
    return None


def _begins_a_value(text: str, place: int) -> bool:
    """Whether a quote is where a key or value begins; an apostrophe is not."""
    place -= 1
    while place >= 0 and text[place].isspace():
        place -= 1
    return place >= 0 and text[place] in "{[,:"


def _loaded(text: str) -> Any:
    """Parse strict JSON; ``None`` if invalid."""
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _repaired(text: str) -> Mapping[str, Any] | None:
    if len(text) > LONGEST_REPAIRED:
        return None
    text = _QUOTED.sub(_double_quoted, text)  # json-repair misreads the quotes of 'O'Neil'
    if not _is_whole(text):
        return None
    try:
        found = _repair(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _double_quoted(quoted: re.Match[str]) -> str:
    """Return a string as JSON quotes it."""
    if quoted["single"] is None:
        return quoted[0]
    changed = {'"': '\\"', "\\'": "'"}
    return f'"{_TO_ESCAPE.sub(lambda sign: changed.get(sign[0], sign[0]), quoted["single"])}"'


def _repair(text: str) -> Any:
    """Parse malformed JSON with json-repair.

    Raises:
        ValueError: it cannot be repaired.
    """
    import json_repair

    try:
        # strict: otherwise a key without a value gets an empty one
        return json_repair.loads(text, skip_json_loads=True, strict=True)
    except Exception:  # noqa: BLE001 - among others RecursionError, and AssertionError by a bug of its own
        raise ValueError("beyond repair") from None


def _is_whole(text: str) -> bool:
    """Whether an object is complete: no ellipsis, and it does not end at a brace within a string.

    With unescaped quotes in a string, braces in strings cannot be told apart; then the end must look like
    that of an object.
    """
    bones = _STRING.sub('""', text)
    if _LEFT_OUT.search(bones):
        return False
    return not _QUOTE_IN_A_STRING.search(bones) or bool(_ENDS_IN_A_VALUE.search(bones))
