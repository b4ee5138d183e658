"""Conversations with questions whose answers lie in known turns: the one form that the benchmarks read.

A file is ``{name, lang, gold_level, conversations: [{id, user, turns, questions}]}``; a turn is ``{session,
at, role, name, id, text}``, a question ``{q, gold: [turn ids], type}``. A question may say which ``part`` of
a turn answers it, and its ``answer``. LoCoMo's own file is read as well. Two turns with one id are the two
sides of an exchange: either is found with it. A set of ``gold_level`` "session" names sessions where others
name turns.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

OWN = Path(__file__).parent / "data"
LOCOMO_KINDS = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop"}
"""The kinds that LoCoMo numbers, named by their counts; 5 asks for what was never mentioned."""
_LOCOMO_TURN = re.compile(r"D(\d+):(\d+)")
_REPLIES = ("Hm, let me think about that.", "I would have to look.", "Ask me again later.", "Not now, sorry.")


@dataclass(frozen=True, slots=True)
class Turn:
    """One message."""

    id: str
    session: str
    at: datetime
    role: str
    name: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """A question and the turns that answer it."""

    text: str
    kind: str
    gold: frozenset[str]
    """Ids of turns, or of sessions in a set that is judged by session."""
    part: str | None = None
    """The words of the gold turn that answer; ``None``: the turn as a whole does."""
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """What one user and one assistant, or two people, said, in order."""

    id: str
    turns: tuple[Turn, ...]
    questions: tuple[Question, ...]

    @property
    def asked_at(self) -> datetime:
        """The time of the questions: a day after the last turn."""
        return max(turn.at for turn in self.turns) + timedelta(days=1)


@dataclass(frozen=True, slots=True, eq=False)
class DataSet:
    """Conversations of one kind; no two are equal."""

    name: str
    language: str
    conversations: tuple[Conversation, ...]
    by_session: bool = False
    """Whether gold ids are those of sessions."""
    probe: bool = False
    """Whether it was made to show one fault, and is left out of means over sets."""

    def keeping(self, chosen: Callable[[Question], bool]) -> DataSet:
        """Return the set with the questions for which a function returns true."""
        talks = (replace(c, questions=tuple(filter(chosen, c.questions))) for c in self.conversations)
        return replace(self, conversations=tuple(talks))

    def gold_id(self, turn: Turn) -> str:
        """Return what a question would name to mean this turn."""
        return turn.session if self.by_session else turn.id


def read(paths: Iterable[Path]) -> list[DataSet]:
    """Return the project's own sets, then those of files and of the files in folders, each name once."""
    files = [file for path in paths for file in (sorted(path.glob("*.json")) if path.is_dir() else [path])]
    found = [*own(), *(read_file(file) for file in files)]
    return list({content.name: content for content in found}.values())


def own() -> list[DataSet]:
    """Return the demo's conversation, its Portuguese twin, and two probes: each shows one fault."""
    talk = demo()
    again = replace(asked_again(talk), conversations=asked_again(talk).conversations[::4])  # a second each
    return [talk, read_file(OWN / "demo_pt.json"), read_file(OWN / "long_answers.json"), again]


def read_file(path: Path) -> DataSet:
    """Return the set of a file.

    Raises:
        SystemExit: there is no such file, or it has another form.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SystemExit(f"{path} is not there: give the path of a set, or of a folder of sets.") from None
    if isinstance(content, list):
        return DataSet(path.stem, "en", tuple(map(_locomo_conversation, content)))
    if "conversations" not in content:
        raise SystemExit(f"{path} has neither `conversations` nor the form of LoCoMo's file.")
    return DataSet(
        path.stem,
        content["lang"],
        tuple(map(_conversation, content["conversations"])),
        by_session=content.get("gold_level") == "session",
        probe=content.get("probe", False),
    )


def _conversation(content: dict[str, Any]) -> Conversation:
    turns = tuple(
        Turn(
            turn["id"],
            turn["session"],
            datetime.fromisoformat(turn["at"]),
            turn["role"],
            turn["name"],
            turn["text"],
        )
        for turn in content["turns"]
    )
    questions = tuple(
        Question(asked["q"], asked["type"], frozenset(asked["gold"]), asked.get("part"), asked.get("answer"))
        for asked in content["questions"]
    )
    return Conversation(content["id"], turns, questions)


def _locomo_conversation(sample: dict[str, Any]) -> Conversation:
    turns = tuple(_locomo_turns(sample["conversation"]))
    ids = {turn.id for turn in turns}
    return Conversation(sample["sample_id"], turns, tuple(_locomo_questions(sample["qa"], ids)))


def _locomo_turns(talk: dict[str, Any]) -> Iterator[Turn]:
    """Yield the turns of all sessions in order, each twenty seconds after the one before."""
    number = 1
    while began := talk.get(f"session_{number}_date_time"):
        start = datetime.strptime(began, "%I:%M %p on %d %B, %Y").replace(tzinfo=UTC)
        for place, turn in enumerate(talk.get(f"session_{number}", ())):
            name = turn["speaker"]
            role = "user" if name == talk["speaker_a"] else "assistant"
            at = start + timedelta(seconds=20 * place)
            yield Turn(turn["dia_id"], f"session_{number}", at, role, name, turn["text"])
        number += 1


def _locomo_questions(asked: Iterable[dict[str, Any]], ids: set[str]) -> Iterator[Question]:
    """Yield the questions of kinds 1 to 4 whose evidence is in the conversation."""
    for entry in asked:
        named = (match for part in entry["evidence"] for match in _LOCOMO_TURN.findall(part))
        gold = ids & {f"D{int(session)}:{int(turn)}" for session, turn in named}
        if entry["category"] in LOCOMO_KINDS and gold:
            kind, answer = LOCOMO_KINDS[entry["category"]], str(entry["answer"])
            yield Question(entry["question"], kind, frozenset(gold), answer=answer)


def demo() -> DataSet:
    """Return the conversation that comes with the package."""
    package = find_spec("memoryos_integrations")
    assert package is not None and package.origin is not None
    apps = Path(package.origin).parent / "apps"
    # The second place is that of version 0.1.
    file = next(
        file for file in (apps / "demo/conversation.json", apps / "demo_conversation.json") if file.exists()
    )
    content = json.loads(file.read_text(encoding="utf-8"))
    sides = (("user", content["user"]["name"]), ("assistant", content["agent"]["name"]))
    turns = tuple(
        Turn(turn["id"], part["thread_id"], datetime.fromisoformat(turn["at"]), role, name, turn[role])
        for part in content["sessions"]
        for turn in part["turns"]
        for role, name in sides
        if turn[role]
    )
    questions = tuple(
        Question(asked["question"], asked["kind"], frozenset(asked["evidence"]), answer=asked["answer"])
        for asked in content["questions"]
    )
    return DataSet("demo", "en", (Conversation("mara", turns, questions),))


def asked_again(talk: DataSet, days: int = 12) -> DataSet:
    """Return a set in which each question was asked on so many days before, and never answered.

    Every question has a copy of its conversation for itself, which goes on for those days: each has a session
    of its own that holds the question, in the user's words, and a reply that says nothing.
    """
    copies = []
    for conversation in talk.conversations:
        name = {turn.role: turn.name for turn in conversation.turns}
        for number, question in enumerate(conversation.questions):
            turns = list(conversation.turns)
            for day in range(days):
                at = conversation.asked_at + timedelta(days=day)
                session, reply = f"again-{day}", _REPLIES[day % len(_REPLIES)]
                turns += [
                    Turn(session, session, at, "user", name.get("user"), question.text),
                    Turn(session, session, at, "assistant", name.get("assistant"), reply),
                ]
            copies.append(Conversation(f"{conversation.id}-{number}", tuple(turns), (question,)))
    return replace(talk, name=f"{talk.name}_asked_again", conversations=tuple(copies), probe=True)


def first(sets: Sequence[DataSet], conversations: int | None) -> list[DataSet]:
    """Return sets of at most so many conversations each."""
    return [replace(content, conversations=content.conversations[:conversations]) for content in sets]
