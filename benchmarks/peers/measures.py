"""The rows of the table: each is measured for every system by the same thirty turns."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.peers.conversation import OTHERS, PLANTED, TURNS, one_more, others, ours
from benchmarks.peers.model import NOWHERE, Model
from benchmarks.peers.systems import System, system_named

DELAY = 0.5
ADA, BOB = "ada", "bob"
_PATIENCE = 30.0
_ROOT = Path(__file__).parents[2]

WAITING = "calls to a chat model that a turn waits for"
BACKGROUND = "calls to a chat model in the background, a turn"
ASKING = "calls to a chat model that a question waits for"
MEDIAN = f"median `add` with a model of {DELAY} s, to one of 0 s"
SLOWEST = f"slowest of {TURNS} `add`s with a model of {DELAY} s"
SEEN = f"a turn is found after its `add` was called, model of {DELAY} s"
DOWN = f"found of {TURNS}, model down (HTTP 500) for all of them"
BACK = "the same once the model is back"
REOPENED = f"found of {TURNS} in a new process"
KILLED = f"found of {TURNS} after `kill -9` right behind the last `add`"
ERASED = "files that still hold a word of a user who was deleted"
APART = f"the {OTHERS} turns of another user are still found then"
ALONE = f"found of {TURNS} with no key and no server"

NOT_OFFERED = "not offered"


def measured(name: str, folder: Path) -> dict[str, str]:
    """Return the cells of one system's column, by row.

    Args:
        name: the system's, see ``systems``.
        folder: an empty one.
    """
    system = system_named(name)
    with Model(system.reply) as model:
        return {
            **waits(system, folder),
            **outage(system, folder, model),
            **ends(name, folder, model.url),
            **erasure(name, folder, model.url),
            ALONE: alone(system, folder),
        }


def waits(system: type[System], folder: Path) -> dict[str, str]:
    """Measure what the caller waits for, turn by turn with a model that is quick and one that is slow."""
    with (
        Model(system.reply) as quick_model,
        Model(system.reply, DELAY) as model,
        system(_new(folder, "quick"), quick_model.url) as quick,
        system(_new(folder, "slow"), model.url) as slow,
    ):
        times, waited = [], 0
        for turn in ours():
            at_once = _seconds(partial(quick.add, ADA, turn))
            quick.settle()
            began = time.perf_counter()
            later = _seconds(partial(slow.add, ADA, turn))
            waited += sum(start > began and end < began + later for start, end in model.calls)
            slow.settle()
            times.append((at_once, later))
        slow.finish()
        calls = len(model.calls)
        slow.find(ADA, ours()[0].user)
        asked = len(model.calls) - calls
        seen = _seconds(partial(_add_and_see, slow))
    one, other = (median(column) for column in zip(*times, strict=True))
    return {
        WAITING: _per_turn(waited),
        BACKGROUND: _per_turn(calls - waited),
        ASKING: str(asked),
        MEDIAN: f"{other / one:.1f} ({_time(other)} to {_time(one)})",
        SLOWEST: _time(max(later for _, later in times)),
        SEEN: _time(seen),
    }


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _add_and_see(opened: System) -> None:
    turn, began = one_more(), time.monotonic()
    opened.add(ADA, turn)
    while turn.user not in opened.find(ADA, turn.user):
        if time.monotonic() - began > _PATIENCE:
            raise SystemExit(f"{opened.title} did not find a turn within {_PATIENCE:.0f} s.")


def outage(system: type[System], folder: Path, model: Model) -> dict[str, str]:
    """Measure what is found of turns that were told while the model was down, and once it is back."""
    refused = []
    model.down = True
    with system(_new(folder, "outage"), model.url) as opened:
        for turn in ours():
            try:
                opened.add(ADA, turn)
            except system.errors:
                refused.append(turn)
        opened.settle()
        down = found_by(opened)
        model.down = False
        opened.recover(ADA, refused)
        back = found_by(opened)
    return {
        DOWN: f"{down}; {len(refused)} `add`s raise" if refused else str(down),
        BACK: f"{back} ({system.way_back})" if refused or min(down, back) < TURNS else str(back),
    }


def ends(name: str, folder: Path, url: str) -> dict[str, str]:
    """Measure what a new process finds, after an orderly end and after none."""
    place = _new(folder, "ended")
    in_process("tell", name, place, url)
    orderly = in_process("count", name, place, url)
    place = _new(folder, "killed")
    in_process("die", name, place, url)
    killed = in_process("count", name, place, url)
    return {REOPENED: orderly, KILLED: killed}


def erasure(name: str, folder: Path, url: str) -> dict[str, str]:
    """Measure what the documented deletion of one user leaves of them, and of another."""
    system = system_named(name)
    if not system.forgets:
        return {ERASED: NOT_OFFERED, APART: NOT_OFFERED}
    place = _new(folder, "forgotten")
    left, other = json.loads(in_process("forget", name, place, url))
    cell = str(_files_with_the_word(place))
    if left:
        cell += f", and {left} of {TURNS} turns are found"
    if system.resets:
        place = _new(folder, "reset")
        in_process("reset", name, place, url)
        cell += f"; {_files_with_the_word(place)} after `{system.resets}`"
    return {ERASED: cell, APART: f"{'yes' if other == OTHERS else 'no'} ({other})"}


def alone(system: type[System], folder: Path) -> str:
    """Measure what works where nobody answers."""
    if not system.serverless:
        return NOT_OFFERED
    with system(_new(folder, "alone"), NOWHERE) as opened:
        for turn in ours():
            opened.add(ADA, turn)
        opened.settle()
        return str(found_by(opened))


def found_by(opened: System) -> int:
    """Return how many of the thirty turns come back when their own words are asked for."""
    found = 0
    for turn in ours():
        try:
            found += turn.user in opened.find(ADA, turn.user)
        except opened.errors:
            continue
    return found


def act(action: str, name: str, folder: Path, url: str) -> str:
    """Do one thing with a system in this process; returns what is to be printed."""
    with system_named(name)(folder, url) as opened:
        if action == "count":
            return str(found_by(opened))
        for turn in ours():
            opened.add(ADA, turn)
        if action == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        opened.finish()
        if action not in ("forget", "reset"):
            return ""
        for turn in others():
            opened.add(BOB, turn)
        opened.finish()
        opened.forget(ADA) if action == "forget" else opened.reset()
        opened.settle()
        other = sum(turn.user in opened.find(BOB, turn.user) for turn in others())
        return json.dumps([found_by(opened), other])


def in_process(action: str, name: str, *arguments: Path | str) -> str:
    """Do one thing in a process of its own, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.peers", action, name, *map(str, arguments)],
        cwd=_ROOT,
        capture_output=True,
        text=True,
    )
    if done.returncode not in (0, -signal.SIGKILL) or (done.returncode and action != "die"):
        raise SystemExit(f"{action} of {name} failed:\n{done.stderr[-4000:]}")
    return done.stdout.strip()


def keep_to_ourselves(folder: Path) -> None:
    """Let no system use a key, ask another server, report anything or write into a home."""
    theirs = ("OPENAI_", "LANGSMITH_", "LANGCHAIN_")
    for name in [name for name in os.environ if name.startswith(theirs)]:
        del os.environ[name]
    os.environ |= {"MEM0_TELEMETRY": "False", "MEM0_DIR": str(folder), "ANONYMIZED_TELEMETRY": "False"}


def _files_with_the_word(folder: Path) -> int:
    coded = [PLANTED.encode(encoding) for encoding in ("utf-8", "utf-16-le", "utf-16-be")]
    content = (file.read_bytes() for file in folder.rglob("*") if file.is_file())
    return sum(any(word in held for word in coded) for held in content)


def _new(folder: Path, name: str) -> Path:
    place = folder / name
    place.mkdir()
    return place


def _per_turn(calls: int) -> str:
    return f"{calls / TURNS:.2f}" if calls else "0"


def _time(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 0.1 else f"{seconds:.2f} s"
