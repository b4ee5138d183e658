"""What every system is told: conversations of which a scripted model makes facts; first of all the demo's."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

TURNS, OTHERS = 30, 5
PLANTED = "zq4f7c19d0a2b863"
"""A word that stands nowhere else."""
_PLACE = 11  # of the turn that holds it


@dataclass(frozen=True, slots=True)
class Turn:
    """One exchange."""

    user: str
    assistant: str


_more: list[Turn] = []


def ours() -> list[Turn]:
    """Return the turns of the user who is asked about; one holds the planted word."""
    return _all()[:TURNS]


def others() -> list[Turn]:
    """Return the turns of another user."""
    return _all()[TURNS : TURNS + OTHERS]


def one_more() -> Turn:
    """Return a turn that is none of these."""
    return _all()[TURNS + OTHERS]


def also(turns: Iterable[Turn]) -> None:
    """Let the scripted model make facts of these turns as well."""
    _more.extend(turns)


def told_in(text: str) -> list[Turn]:
    """Return the turns whose words stand in a text, in their order there."""
    places = {turn: text.rfind(turn.user) for turn in (*_all(), *_more) if turn.user}
    return sorted((turn for turn, place in places.items() if place >= 0), key=places.__getitem__)


def last_told_in(text: str) -> str:
    """Return what the user said in the last turn that stands in a text; that is the fact that it holds."""
    told = told_in(text)
    return told[-1].user if told else "Nothing was said."


@cache
def _all() -> tuple[Turn, ...]:
    told = json.loads((files("memoryos_integrations.apps.demo") / "conversation.json").read_text("utf-8"))
    turns = [Turn(turn["user"], turn["assistant"]) for part in told["sessions"] for turn in part["turns"]]
    turns[_PLACE] = replace(turns[_PLACE], user=f"{turns[_PLACE].user} The word is {PLANTED}.")
    return tuple(turns)
