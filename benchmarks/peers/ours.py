"""This library: without a chat model, and with one that refines in the background."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.peers.conversation import Turn
from benchmarks.peers.model import KEY, NAME, Reply, words_of
from benchmarks.peers.systems import MOST, K, System
from memoryos_integrations import LLM, MemoryOS

_PAGE = re.compile(r"^\W*(p\d+) of (t\d+)", re.MULTILINE)


class WithoutModel(System):
    """Rules and the embedded embedder, as installed."""

    title = "MemoryOS integrations"
    requirements = (str(Path(__file__).parents[2]),)
    way_back = "nothing to do"
    forgets = "forget(everything=True)"
    serverless = True

    def __init__(self, folder: Path, url: str) -> None:
        """Open it."""
        self.memory = MemoryOS(folder, llm=self.llm_at(url))

    @staticmethod
    def llm_at(_url: str) -> LLM | None:
        """Return the chat model that it is opened with."""
        return None

    @staticmethod
    def reply(body: dict[str, Any]) -> Reply:
        """Return an object of the schema that is asked for."""
        asked = body["response_format"]["json_schema"]["name"]
        return Reply(json=_ANSWERS[asked](words_of(body)[-1]))

    def add(self, user: str, turn: Turn) -> None:
        """Tell it a turn."""
        self.memory.user(user).add(turn.user, turn.assistant)

    def find(self, user: str, words: str) -> str:
        """Return the messages that it retrieves."""
        return "\n".join(item.text for item in self.memory.user(user).retrieve(words, k=K).items)

    def tell(self, user: str, turn: Turn, session: str, at: datetime) -> None:
        """Tell it a turn of a session."""
        self.memory.user(user).add(turn.user, turn.assistant, thread_id=session, at=at)

    def search(self, user: str, words: str) -> list[str]:
        """Return the messages that it retrieves."""
        return [item.text for item in self.memory.user(user).retrieve(words, k=MOST).items]

    def shown(self, user: str, words: str, tokens: int, _count: Callable[[str], int]) -> str:
        """Return its context, whose lines of one message are one line here."""
        text = self.memory.user(user).context(words, max_tokens=tokens).text
        return text.replace("\n   ", "\n")

    def finish(self) -> None:
        """Do what the background would do."""
        self.memory.flush()

    def forget(self, user: str) -> None:
        """Delete all that is known of a user."""
        self.memory.user(user).forget(everything=True)

    def close(self) -> None:
        """Close it."""
        self.memory.close()


class WithModel(WithoutModel):
    """The same with a chat model."""

    title = "the same, with a model"

    @staticmethod
    def llm_at(url: str) -> LLM | None:
        """Return LangChain's client of the model."""
        from langchain_openai import ChatOpenAI

        from langchain_memoryos.llm import from_langchain

        return from_langchain(ChatOpenAI(base_url=url, api_key=KEY, model=NAME))

    def finish(self) -> None:
        """Have the model see pages too that do not fill a batch yet."""
        self.memory.enrich()


def _topics(material: str) -> dict[str, Any]:
    """Sort pages into topics of five."""
    pages = [page for page, _ in _PAGE.findall(material)]
    parts = [pages[start : start + 5] for start in range(0, len(pages), 5)]
    topics = [
        {"segment": None, "pages": part, "summary": f"Pages from {part[0]} on.", "keywords": ["life"]}
        for part in parts
    ]
    return {"topics": topics, "chains": []}


def _lessons(_: str) -> dict[str, Any]:
    return {"profile": [], "traits": [], "facts": []}


_ANSWERS: dict[str, Callable[[str], dict[str, Any]]] = {"TopicsReply": _topics, "LessonsReply": _lessons}
