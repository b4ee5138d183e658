"""The paper's reference code, as its authors put it on PyPI: memoryos-baijia 0.1.1.

Its own requirements bring a CUDA build of torch. It is installed without them, and the model that it loads
by ``sentence_transformers``, all-MiniLM-L6-v2, is run by this library instead.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import sys
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from benchmarks.peers.conversation import Turn, last_told_in, told_in
from benchmarks.peers.model import KEY, NAME, Reply, words_of
from benchmarks.peers.systems import System
from memoryos_integrations.embedders import default_embedder


class SentenceTransformer:
    """The one name that the reference code imports of that package."""

    def __init__(self, name: str) -> None:
        if name != "all-MiniLM-L6-v2":
            raise ValueError(f"The model is to be all-MiniLM-L6-v2, not {name}.")
        self._embedder = default_embedder()

    def encode(self, texts: list[str], **_: object) -> np.ndarray:
        """Return a vector for each text."""
        return np.stack(self._embedder.embed(texts))


_stub = ModuleType("sentence_transformers")
_stub.SentenceTransformer = SentenceTransformer  # type: ignore[attr-defined]
sys.modules["sentence_transformers"] = _stub

from memoryos import Memoryos  # noqa: E402 - it imports the stub


class Reference(System):
    """Its class with its defaults; one object a user, as it has it."""

    title = "MemoryOS reference code"
    requirements = ("memoryos-baijia",)
    way_back = "it raises nothing and has no retry"

    def __init__(self, folder: Path, url: str) -> None:
        """Open it."""
        self.folder, self.url = folder, url
        self._memories: dict[str, Memoryos] = {}

    @staticmethod
    def reply(body: dict[str, Any]) -> Reply:
        """Return what each of its seven questions asks for."""
        system, question = words_of(body)
        said = last_told_in(question)
        words = ", ".join(re.findall(r"[A-Za-z]{6,}", said or question)[:5]) or "life"
        theme = {"theme": words.partition(",")[0], "keywords": words.split(", "), "content": said}
        facts = "\n".join(f"- {turn.user}" for turn in told_in(question)) or "None"
        answers = {
            "conversation continuity": "false",
            "meta-summary": said,
            "dialogue topics": json.dumps([theme]),
            "keyword extraction": words,
            "personality preferences": "Openness ( High )",
            "knowledge extraction": f"【User Private Data】\n{facts}\n【Assistant Knowledge】\nNone",
            "user profiles": "Openness ( High )",
        }
        return Reply(next(answer for mark, answer in answers.items() if mark in system))

    def add(self, user: str, turn: Turn) -> None:
        """Tell it a turn."""
        memory = self._of(user)
        with _quiet():
            memory.add_memory(turn.user, turn.assistant)

    def tell(self, user: str, turn: Turn, _session: str, at: datetime) -> None:
        """Tell it a turn and its time."""
        memory = self._of(user)
        with _quiet():
            memory.add_memory(turn.user, turn.assistant, timestamp=f"{at:%Y-%m-%d %H:%M:%S}")

    def search(self, user: str, words: str) -> list[str]:
        """Return the pages that it finds, those of short-term memory, and what it holds of the user."""
        memory = self._of(user)
        with _quiet():
            found = memory.retriever.retrieve_context(words, user)
        pages = [*found["retrieved_pages"], *reversed(memory.short_term_memory.get_all())]
        known = [entry["knowledge"] for entry in found["retrieved_user_knowledge"]]
        return [*(f"{page['user_input']}\n{page['agent_response']}" for page in pages), *known]

    def find(self, user: str, words: str) -> str:
        """Return what it puts before a model: short-term memory, pages, knowledge of the user."""
        memory = self._of(user)
        with _quiet():
            found = memory.retriever.retrieve_context(words, user)
        told = [*memory.short_term_memory.get_all(), *found["retrieved_pages"]]
        known = [entry["knowledge"] for entry in found["retrieved_user_knowledge"]]
        return "\n".join([*(page["user_input"] for page in told), *known])

    def close(self) -> None:
        """It has no close: each change has rewritten its files."""

    def _of(self, user: str) -> Memoryos:
        if user not in self._memories:
            with _quiet():
                self._memories[user] = Memoryos(user, KEY, str(self.folder), self.url, llm_model=NAME)
        return self._memories[user]


def _quiet() -> contextlib.redirect_stdout[io.StringIO]:
    return contextlib.redirect_stdout(io.StringIO())
