"""Every way in which a chat model fails, at every call of a conversation: nothing is lost, nothing spoilt."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import chromadb
import pytest
from chromadb.api import ClientAPI

from langchain_memoryos.llm import openai_compatible
from memoryos_integrations import MemoryConfig, MemoryOS, UserMemory
from memoryos_integrations.testing import FrozenClock, HashEmbedder, OpenAIServer, Reply
from memoryos_integrations.testing.openai_faults import FAULTS
from memoryos_integrations.testing.scripted_replies import scripted_server

if TYPE_CHECKING:
    pass

TURNS = 30
CONFIG = MemoryConfig(
    short_term_capacity=2,
    promotion_heat=2.0,
    segment_threshold=0.2,
)
SAID = {3: "My name is Tom.", 9: "I live in Lisbon.", 15: "I'm allergic to walnuts and fish, by the way."}
OF_FAILURES = ("sorry", "can't help", "Scripted failure", "<html", "<think", "```", "p999")
"""What refusals, errors and the frames of replies are made of; no turn says any of it."""
INVALID_EVIDENCE = "invalid evidence"
EVERY_CALL = bool(os.environ.get("MEMORYOS_EVERY_CALL"))
"""Whether each call of a run fails once, two minutes in all; else the first and the last do."""


@pytest.fixture(scope="module")
def chroma() -> Iterator[ClientAPI]:
    with chromadb.EphemeralClient() as client:
        yield client


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with scripted_server() as running:
        running.by_task = {task: _spoiling(running, answer) for task, answer in running.by_task.items()}
        yield running


def _spoiling(server: OpenAIServer, answer: Any) -> Any:
    """Return what answers as before, but cites pages that nobody was shown where that is the fault."""

    def spoilt(body: dict[str, Any]) -> Reply:
        reply = answer(body)
        if server.faults.get(len(server.chats)) != INVALID_EVIDENCE:
            return reply
        return Reply(json=json.loads(json.dumps(reply.json).replace('"p', '"p999')))

    return spoilt


def opened(folder: Path, server: OpenAIServer, chroma: ClientAPI, *, timeout: float) -> MemoryOS:
    llm = openai_compatible("scripted", base_url=server.url, timeout=timeout, max_retries=0)
    embedder = HashEmbedder(32)
    return MemoryOS(folder, llm=llm, config=CONFIG, embedder=embedder, chroma=chroma, clock=FrozenClock())


def talk(ada: UserMemory) -> Iterator[None]:
    """Add the turns, and flush after every tenth: the profile never loses a field by that."""
    profile: Mapping[str, Any] = {}
    for number in range(TURNS):
        ada.add(SAID.get(number, f"Turn {number} is about the garden and its bees."), f"Answer {number}.")
        if number % 10 == 9:
            ada.memory.flush()
            assert profile.keys() <= ada.persona().profile.keys()
            profile = ada.persona().profile
            yield


def everything_of(ada: UserMemory) -> str:
    tiers = (ada.pages(), ada.segments(), ada.chains(), ada.facts(), ada.persona())
    return " ".join(map(repr, tiers))


@pytest.fixture(scope="module")
def undisturbed(chroma: ClientAPI, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, dict[str, Any]]:
    """The calls of a run without a fault, and the profile that it comes to."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with scripted_server() as server, opened(folder, server, chroma, timeout=300) as memory:
        for _ in talk(memory.user("ada")):
            pass
        return len(server.chats), dict(memory.user("ada").persona().profile)


@pytest.mark.parametrize("fault", [*FAULTS, INVALID_EVIDENCE])
def test_a_fault_at_any_call_loses_no_turn_leaves_no_trace_and_is_made_up_for(
    fault: str,
    server: OpenAIServer,
    chroma: ClientAPI,
    undisturbed: tuple[int, dict[str, Any]],
    tmp_path: Path,
) -> None:
    calls, profile = undisturbed
    assert calls == 6  # three of refinement and three of learning
    for number in range(1, calls + 1) if EVERY_CALL else (1, calls):
        server.requests.clear()
        server.faults = {number: fault}
        timeout = 0.5 if fault == "timeout" else 300
        with opened(tmp_path / str(number), server, chroma, timeout=timeout) as memory:
            ada = memory.user("ada")
            for _ in talk(ada):
                pass
            server.faults = {}
            for _ in itertools.takewhile(lambda report: report.parked, (memory.flush() for _ in range(3))):
                pass

            assert len(ada.pages()) == TURNS, f"call {number}"
            assert dict(ada.persona().profile) == profile, f"call {number}"
            assert {segment.method for segment in ada.segments()} == {"scripted"}, f"call {number}"
            assert all(ada.trace(fact.id) for fact in ada.facts()), f"call {number}"
            assert not [word for word in OF_FAILURES if word in everything_of(ada)], f"call {number}"
