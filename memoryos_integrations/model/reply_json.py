"""What stands in a model's reply: thoughts, JSON objects, apologies. A cut object is never completed.

The law that the rest relies on: no proper prefix of a JSON object yields an object.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LONGEST_REPAIRED = 100_000
"""Characters: the time that json-repair takes grows with the square of them."""

_TAGS = ("<think>", "</think>", "<thinking>", "</thinking>")
_TAG = re.compile(r"<(/?)think(?:ing)?>", re.IGNORECASE)
_MARK = re.compile(
    r"""(?P<tag><(?P<close>/?)think(?:ing)?>)
      | \{ (?=\s*+ (?: ["'“}] | [\w$-]++\s*+: ))                            # an object begins
      | \[ (?=\s*+ (?: [\[{"'\]] | -?\d | (?:true|false|null)\b ))          # a list, which is no answer""",
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
    """Takes what a reasoning model thought aloud out of its reply, piece by piece.

    What stands between ``<think>`` and ``</think>`` goes, or up to the end if nothing closes it; so does
    white space around the answer. A tag may be spread over pieces.

    Attributes:
        stray: whether a thought ended that had not begun. Some servers swallow the opening tag: everything
            before the closing one was a thought, and what was returned of it until then is not the answer.
    """

    def __init__(self) -> None:
        self.stray = False
        self._inside = False
        self._held = ""  # what may turn out to be a tag
        self._space: list[str] = []  # kept only if something follows it
        self._begun = False

    def feed(self, piece: str) -> str:
        """Return what can be said after this piece."""
        text, said, place = self._held + piece, "", 0
        while tag := _TAG.search(text, place):
            if not self._inside:
                said += text[place : tag.start()]
                if tag[1]:
                    said, self._space, self._begun, self.stray = "", [], False, True
            self._inside, place = not tag[1], tag.end()
        rest = text[place:]
        half = _half_a_tag(rest)
        self._held = rest[half:]
        return self._trimmed(said if self._inside else said + rest[:half])

    def end(self) -> str:
        """Return what was held back, at the end of the reply."""
        rest, self._held = self._held, ""
        return "" if self._inside else self._trimmed(rest)

    def _trimmed(self, said: str) -> str:
        kept = said.rstrip()
        if not kept:
            self._space += [said] if self._begun else []
            return ""
        before = "".join(self._space) if self._begun else ""
        self._space = [said[len(kept) :]]
        kept = kept if self._begun else kept.lstrip()
        self._begun = True
        return before + kept


def without_thoughts(text: str) -> str:
    """Return a whole reply without the model's thoughts and without white space around it."""
    thoughts = Thoughts()
    return thoughts.feed(text) + thoughts.end()


@dataclass(frozen=True, slots=True)
class Found:
    """The JSON in a reply."""

    parts: tuple[str, ...]
    """Each object from its first brace to its last, and each list; thoughts aside."""
    cut: bool
    """Whether the last one ends too early."""
    rest: str
    """What follows the last part."""

    @property
    def values(self) -> list[Mapping[str, Any]]:
        """The objects that are sound."""
        return [value for part in self.parts if isinstance(value := _loaded(part), dict)]

    def repaired(self) -> Mapping[str, Any] | None:
        """Return the one object in the reply that is whole but malformed, put right; ``None`` if none is.

        With several, or with a brace left over, nobody knows where one ends.
        """
        broken = [part for part in self.parts if part[0] == "{" and _loaded(part) is None]
        if self.cut or len(broken) != 1 or "}" in self.rest:
            return None
        return _repaired(broken[0])


def json_in(text: str) -> Found:
    """Find the JSON in a reply: bare, fenced, after thoughts, among prose."""
    parts: list[str] = []
    place = 0
    while mark := _MARK.search(text, place):
        start = mark.start()
        end = _after_thought(text, mark) if mark["tag"] else _end_of(text, start)
        if end is None:
            end = None if _BARE.fullmatch(text, 0, start) else _after_last_thought(text, start)
            if end is None:
                return Found(tuple(parts), cut=True, rest="")
            parts.clear()  # prose with a brace in it: a thought, whose beginning the server swallowed
        elif mark["close"]:
            parts.clear()
        elif not mark["tag"]:
            parts.append(text[start:end])
        place = end
    return Found(tuple(parts), cut=False, rest=text[place:])


def is_apology(text: str) -> bool:
    """Whether a reply begins as models begin when they decline, in English, Portuguese or Chinese."""
    return _APOLOGY.match(text) is not None


def _after_thought(text: str, mark: re.Match[str]) -> int:
    """Return where a thought that begins at a mark has ended; a closing tag ends one by itself."""
    if mark["close"]:
        return mark.end()
    return next((tag.end() for tag in _TAG.finditer(text, mark.end()) if tag[1]), len(text))


def _after_last_thought(text: str, start: int) -> int | None:
    return max((tag.end() for tag in _TAG.finditer(text, start) if tag[1]), default=None)


def _half_a_tag(text: str) -> int:
    """Return where the last part of a text begins that may become a tag; its length if none does."""
    start = text.rfind("<")
    part = text[start:].lower()
    return start if start >= 0 and any(tag.startswith(part) for tag in _TAGS) else len(text)


def _end_of(text: str, start: int) -> int | None:
    """Return the place after the bracket that closes the one at ``start``; ``None`` if nothing does.

    Exact for JSON; of malformed text it knows single quotes. Brackets of the other kind may be missing.
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
    """Whether a quote stands where a key or a value begins: an apostrophe does not."""
    place -= 1
    while place >= 0 and text[place].isspace():
        place -= 1
    return place >= 0 and text[place] in "{[,:"


def _loaded(text: str) -> Any:
    """Return sound JSON; ``None`` for anything else."""
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _repaired(text: str) -> Mapping[str, Any] | None:
    if len(text) > LONGEST_REPAIRED:
        return None
    text = _QUOTED.sub(_double_quoted, text)  # json-repair takes the last quote of 'O'Neil' for a letter
    if not _is_whole(text):
        return None
    try:
        found = _put_right(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _double_quoted(quoted: re.Match[str]) -> str:
    """Return a string as JSON quotes it."""
    if quoted["single"] is None:
        return quoted[0]
    changed = {'"': '\\"', "\\'": "'"}
    return f'"{_TO_ESCAPE.sub(lambda sign: changed.get(sign[0], sign[0]), quoted["single"])}"'


def _put_right(text: str) -> Any:
    """Return what json-repair makes of a text.

    Raises:
        ValueError: it makes nothing of it.
    """
    import json_repair

    try:
        # Strict, or it gives a key without a value an empty one.
        return json_repair.loads(text, skip_json_loads=True, strict=True)
    except Exception:  # noqa: BLE001 - among others RecursionError, and AssertionError by a bug of its own
        raise ValueError("beyond repair") from None


def _is_whole(text: str) -> bool:
    """Whether all of an object is there: nothing left out with dots, no brace of a string taken for the last.

    Where quotes stand within a string, one cannot count which brace is in a string; then it has to end as an
    object does.
    """
    bones = _STRING.sub('""', text)
    if _LEFT_OUT.search(bones):
        return False
    return not _QUOTE_IN_A_STRING.search(bones) or bool(_ENDS_IN_A_VALUE.search(bones))
