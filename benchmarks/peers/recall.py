"""What each system's own search brings back of the turns that answer: recall@10, and within 1 000 tokens.

Each is told every turn of a conversation, with session and time where its call takes them, and asked by its
own search; where it takes an embedder, that is this library's. A turn is found if its text, either side of
it, stands in one of the ten best results, or in what fits into the tokens, best first; ours shows its context
there. The reference code's results are whole pages, two messages each.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import fmean

from benchmarks import sets
from benchmarks.baselines import token_counter
from benchmarks.metrics import recall
from benchmarks.peers.conversation import Turn, also
from benchmarks.peers.model import Model
from benchmarks.peers.systems import K, System, system_named
from benchmarks.sets import Conversation, DataSet

TOKENS = 1000


def measured(name: str, folder: Path, files: Sequence[str]) -> str:
    """Return the cells of one system by row, as JSON: the demo's, and those of files of sets."""
    contents = [sets.demo(), *(sets.read_file(Path(file)) for file in files)]
    return json.dumps(
        dict(cell for content in contents for cell in cells(system_named(name), folder, content))
    )


def cells(system: type[System], folder: Path, content: DataSet) -> Iterator[tuple[str, str]]:
    """Yield two rows of a set."""
    found = []
    with Model(system.reply) as model:
        for conversation in content.conversations:
            place = folder / f"{content.name}-{conversation.id}"
            place.mkdir()
            with system(place, model.url) as opened:
                found += shares(opened, content, conversation)
    for place, measure in enumerate((f"recall@{K}", f"within {TOKENS} tokens")):
        yield f"{content.name}: {measure}", f"{fmean(share[place] for share in found):.3f}"


def shares(opened: System, content: DataSet, conversation: Conversation) -> Iterator[tuple[float, float]]:
    """Tell a system a conversation, and yield what it finds for each question."""
    told = list(exchanges(conversation))
    also(turn for turn, _ in told)
    for turn, side in told:
        opened.tell(conversation.id, turn, side.session, side.at)
    opened.finish()
    count = token_counter()
    for question in conversation.questions:
        best = opened.search(conversation.id, question.text)[:K]
        shown = opened.shown(conversation.id, question.text, TOKENS, count)
        yield tuple(
            recall(question.gold, (content.gold_id(turn) for turn in conversation.turns if turn.text in text))
            for text in ("\n".join(best), shown)
        )


def exchanges(conversation: Conversation) -> Iterator[tuple[Turn, sets.Turn]]:
    """Yield what a user said with the answer, and the first of both; whoever speaks alone has no answer."""
    answered = None
    for turn, following in pairwise([*conversation.turns, None]):
        if turn is answered:
            continue
        answered = None
        if turn.role != "user":
            yield Turn("", turn.text), turn
        elif following and following.role != "user" and following.session == turn.session:
            answered = following
            yield Turn(turn.text, following.text), turn
        else:
            yield Turn(turn.text, ""), turn
