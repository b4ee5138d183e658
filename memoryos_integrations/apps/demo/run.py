"""The steps and measurements of the demo, without their display."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from statistics import mean, median
from typing import TYPE_CHECKING, Any

from memoryos_integrations.apps.demo.model import flush_or_raise
from memoryos_integrations.tokens import default_counter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from memoryos_integrations.memory import MemoryOS
    from memoryos_integrations.types import Context, ForgetReceipt, MemoryItem, Page, Role
    from memoryos_integrations.user_memory import UserMemory

K, CONTEXT_TOKENS = 10, 2000
FACTS = ("Mara is allergic to cashews and pistachios.", "Mara lives at 9 Weavers' Row in Skipton.")
_PIECE = 30  # bytes searched for at once: too many to occur by chance


@dataclass(frozen=True, slots=True)
class Turn:
    """One exchange of the sample conversation."""

    id: str
    thread_id: str
    at: datetime
    user: str
    assistant: str


@dataclass(frozen=True, slots=True)
class Question:
    """A question, its answer, and the turns that answer it."""

    text: str
    answer: str
    kind: str
    evidence: frozenset[str]


@dataclass(frozen=True, slots=True)
class Sample:
    """The conversation that comes with the package."""

    user_id: str
    user_name: str
    agent_name: str
    sessions: tuple[tuple[Turn, ...], ...]
    questions: tuple[Question, ...]

    @property
    def turns(self) -> tuple[Turn, ...]:
        """All turns in order."""
        return tuple(turn for session in self.sessions for turn in session)


@dataclass(frozen=True, slots=True)
class Tiers:
    """How full the tiers are."""

    short_pages: int
    mid_pages: int
    segments: int
    facts: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What a question brought back."""

    question: Question
    items: tuple[MemoryItem, ...]
    """The best ``K`` messages."""
    context: Context
    """What a model would be given, up to ``CONTEXT_TOKENS`` tokens."""

    @property
    def recall(self) -> float:
        """Share of the question's evidence turns among the items."""
        return _share(self.question.evidence, self.items)

    @property
    def recall_in_context(self) -> float:
        """Share of the question's evidence turns in the context."""
        return _share(self.question.evidence, self.context.items)

    def in_context(self, turn_id: str) -> bool:
        """Return whether a turn is in the context."""
        return any(item.metadata.get("turn") == turn_id for item in self.context.items)

    def rank_of(self, turn_id: str) -> int | None:
        """Return the place of a turn among the items, from 1."""
        return next((n for n, item in enumerate(self.items, 1) if item.metadata.get("turn") == turn_id), None)


@dataclass(frozen=True, slots=True)
class Erasure:
    """A forgotten turn, and how many bytes of its text were in the store's files before and after."""

    answer: Answer
    page: Page
    receipt: ForgetReceipt
    bytes_before: int
    bytes_after: int
    files: int
    found_again: bool


class Connections:
    """Counts the network connections and name look-ups that Python code of this process opens."""

    def __init__(self) -> None:
        self.count = 0
        self._counting = True
        sys.addaudithook(self._audit)

    def stop(self) -> None:
        """Stop counting; Python cannot remove an audit hook."""
        self._counting = False

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._counting or not event.startswith("socket."):
            return
        # A network address is a tuple, that of a Unix socket a path.
        if event == "socket.getaddrinfo" or (event == "socket.connect" and isinstance(arguments[1], tuple)):
            self.count += 1


def load_sample() -> Sample:
    """Return the sample conversation."""
    text = files("memoryos_integrations.apps.demo").joinpath("conversation.json").read_text(encoding="utf-8")
    content = json.loads(text)
    sessions = tuple(
        tuple(
            Turn(
                turn["id"],
                session["thread_id"],
                datetime.fromisoformat(turn["at"]),
                turn["user"],
                turn["assistant"],
            )
            for turn in session["turns"]
        )
        for session in content["sessions"]
    )
    questions = tuple(
        Question(asked["question"], asked["answer"], asked["kind"], frozenset(asked["evidence"]))
        for asked in content["questions"]
    )
    return Sample(
        content["user"]["id"], content["user"]["name"], content["agent"]["name"], sessions, questions
    )


def clock_from(start: datetime) -> Callable[[], datetime]:
    """Return a clock that starts at a time and runs on: the demo is set on the day of its last turn."""
    began = time.time()
    return lambda: datetime.fromtimestamp(start.timestamp() + time.time() - began, start.tzinfo)


def remember(memory: MemoryOS, sample: Sample, progress: Callable[[int, Tiers], None]) -> float:
    """Store the conversation, with the background work done after each session; returns ms of a turn's calls.

    ``progress`` is called with the number of turns stored and the tiers.
    """
    mine, done, seconds, tiers = memory.user(sample.user_id), 0, [], Tiers(0, 0, 0, 0)
    for session in sample.sessions:
        for turn in session:
            started = time.perf_counter()
            _store(mine, sample, turn)
            seconds.append(time.perf_counter() - started)
            done += 1
            progress(done, tiers)
        flush_or_raise(memory)
        tiers = tiers_of(memory)
        progress(done, tiers)
    for fact in FACTS:
        mine.remember(fact)
    flush_or_raise(memory)
    progress(done, tiers_of(memory))
    return 1000 * median(seconds)


def _store(mine: UserMemory, sample: Sample, turn: Turn) -> None:
    sides: tuple[tuple[Role, str, str], ...] = (
        ("user", sample.user_name, turn.user),
        ("assistant", sample.agent_name, turn.assistant),
    )
    for role, name, text in sides:
        mine.add_message(
            text,
            role=role,
            name=name,
            thread_id=turn.thread_id,
            at=turn.at,
            event_id=f"{turn.id} {role}",
            metadata={"turn": turn.id},
        )


def tiers_of(memory: MemoryOS) -> Tiers:
    """Return how full the tiers are."""
    counts = memory.stats()
    pages = counts["pages_by_tier"]
    return Tiers(pages.get("short_term", 0), pages.get("mid_term", 0), counts["segments"], counts["facts"])


def ask(mine: UserMemory, questions: Sequence[Question]) -> list[Answer]:
    """Ask every question, by items and by tokens."""
    return [
        Answer(
            question,
            mine.retrieve(question.text, k=K).items,
            mine.context(question.text, max_tokens=CONTEXT_TOKENS),
        )
        for question in questions
    ]


def _share(evidence: frozenset[str], items: Sequence[MemoryItem]) -> float:
    return len(evidence & {item.metadata.get("turn") for item in items}) / len(evidence)


def by_kind(answers: Sequence[Answer]) -> Iterator[tuple[str, list[Answer]]]:
    """Yield the kinds of questions, each with its answers, and ``"all"`` last."""
    for kind in dict.fromkeys(answer.question.kind for answer in answers):
        yield kind, [answer for answer in answers if answer.question.kind == kind]
    yield "all", list(answers)


def mean_recall(answers: Sequence[Answer]) -> tuple[float, float]:
    """Return the mean recall among the items, and in the context."""
    return mean(answer.recall for answer in answers), mean(answer.recall_in_context for answer in answers)


def evenly_spaced(answers: Sequence[Answer], count: int) -> list[Answer]:
    """Return ``count`` answers at even distances, so that none is hand-picked."""
    wanted = min(max(0, count), len(answers))
    return [answers[number * len(answers) // wanted] for number in range(wanted)]


def tokens_of_all(sample: Sample) -> int:
    """Return the tokens of the whole conversation, with its speakers, as a prompt would hold it."""
    count = default_counter()
    lines = (
        f"{sample.user_name}: {turn.user}\n{sample.agent_name}: {turn.assistant}\n" for turn in sample.turns
    )
    return count("".join(lines))


def forget_one(memory: MemoryOS, sample: Sample, answers: Sequence[Answer], folder: Path) -> Erasure | None:
    """Forget the first turn that ranked first for its question, and look for its bytes in the files.

    Returns:
        What was erased; ``None`` if no question had its evidence ranked first.
    """
    chosen = next((a for a in answers if any(a.rank_of(turn) == 1 for turn in a.question.evidence)), None)
    if chosen is None:
        return None
    mine = memory.user(sample.user_id)
    page = mine.trace(chosen.items[0].id)[0]
    texts = [message.text for message in page.messages]
    before, _ = bytes_in_files(folder, texts)
    receipt = mine.forget(ids=[page.id])
    memory.flush()
    after, count = bytes_in_files(folder, texts)
    found = any(item.page_id == page.id for item in mine.retrieve(chosen.question.text, k=K).items)
    return Erasure(chosen, page, receipt, before, after, count, found)


def bytes_in_files(folder: Path, texts: Sequence[str]) -> tuple[int, int]:
    """Return how many bytes of texts stand in the files of a folder, and the number of files read.

    Searched in pieces of 30 bytes, so that a shortened copy counts too.
    """
    pieces = [
        encoded[start : start + _PIECE]
        for encoded in (text.encode() for text in texts)
        for start in range(0, len(encoded) - _PIECE + 1, _PIECE)
    ]
    found = read = 0
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.suffix != ".lock":
            content = file.read_bytes()
            found += sum(content.count(piece) * len(piece) for piece in pieces)
            read += 1
    return found, read
