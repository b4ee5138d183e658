"""MemoryOSToolSpec: tools to search, store and erase the memories of one user."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import ClassVar

from llama_index.core.tools.tool_spec.base import BaseToolSpec

from llamaindex_memoryos.shared.memory_context import search
from llamaindex_memoryos.shared.user_scope import AnyMemory, resolve_user
from memoryos_integrations.language.dates import day
from memoryos_integrations.language.quoting import EXCERPT_MARK, INTRODUCTION
from memoryos_integrations.retrieval.excerpts import excerpt
from memoryos_integrations.types import MemoryItem

_MAX_RESULTS = 20
_MAX_TOKENS = 200  # of one memory, estimated, so that results do not fill the context window
_NOTHING = "Nothing was found."


class MemoryOSToolSpec(BaseToolSpec):
    """Tools with which an agent uses the memory of one user, each sync and async; the user is no argument.

    Args:
        memory: a ``MemoryOS``, which needs ``user_id`` too, a ``UserMemory`` or a ``MemoryOSMemory``.
        user_id: the user.
        agent_id: the agent; ``"default"`` by default.

    Raises:
        InvalidInputError: there is no user, or ``memory`` belongs to another one.

    Example:
        >>> [tool.metadata.name for tool in MemoryOSToolSpec(memory, user_id="ann").to_tool_list()]
        ['search_memory', 'remember', 'forget', 'get_profile']
    """

    spec_functions: ClassVar[list[str | tuple[str, str]]] = [  # type: ignore[misc]
        ("search_memory", "asearch_memory"),
        ("remember", "aremember"),
        ("forget", "aforget"),
        ("get_profile", "aget_profile"),
    ]

    def __init__(self, memory: AnyMemory, user_id: str | None = None, *, agent_id: str | None = None) -> None:
        self._user = resolve_user(memory, user_id, agent_id)

    def search_memory(self, query: str, limit: int = 5) -> str:
        """Search earlier conversations with the user and facts about them.

        Each line of the result is one memory: its id, when, who said it, what.

        Args:
            query: what to look for, as a question or in key words.
            limit: how many memories, at most 20.
        """
        if not query.strip():
            return _NOTHING
        items = search(self._user, query, k=min(max(limit, 1), _MAX_RESULTS), kinds=("message", "fact"))
        return _quoted(_line(item, query) for item in items) or _NOTHING

    async def asearch_memory(self, query: str, limit: int = 5) -> str:
        """Search earlier conversations; see ``search_memory``."""
        return await asyncio.to_thread(self.search_memory, query, limit)

    def remember(self, fact: str) -> str:
        """Keep one lasting fact about the user, such as a preference, a name or a plan.

        Args:
            fact: the fact as one full sentence.
        """
        stored = self._user.remember(fact)
        return f"Remembered with the id {stored.id}."

    async def aremember(self, fact: str) -> str:
        """Keep one lasting fact about the user; see ``remember``."""
        return await asyncio.to_thread(self.remember, fact)

    def forget(self, memory_ids: list[str]) -> str:
        """Erase memories for good. Only do so when the user asks for it.

        Args:
            memory_ids: ids that search_memory has shown.
        """
        receipt = self._user.forget(ids=memory_ids)
        erased = len(receipt.message_ids) + len(receipt.fact_ids)
        missing = f" Not found: {', '.join(receipt.missing_ids)}." if receipt.missing_ids else ""
        return f"{erased} memories erased.{missing}"

    async def aforget(self, memory_ids: list[str]) -> str:
        """Erase memories for good; see ``forget``."""
        return await asyncio.to_thread(self.forget, memory_ids)

    def get_profile(self) -> str:
        """Tell what is known of the user: profile, traits and lasting facts."""
        persona = self._user.persona()
        lines = [f"{name}: {value}" for name, value in {**persona.profile, **persona.traits}.items() if value]
        lines += [f"since {day(fact.valid_from)}: {fact.text}" for fact in persona.knowledge]
        return _quoted(lines) or "Nothing is known yet."

    async def aget_profile(self) -> str:
        """Tell what is known of the user; see ``get_profile``."""
        return await asyncio.to_thread(self.get_profile)


def _quoted(lines: Iterable[str]) -> str:
    """Return lines below the introduction by which ``to_stored`` recognises memories."""
    body = "\n".join(lines)
    return f"{INTRODUCTION}\n{body}" if body else ""


def _line(item: MemoryItem, query: str) -> str:
    part = excerpt(item.text, query, size=_MAX_TOKENS)
    who = item.name or item.role or "fact"
    mark = EXCERPT_MARK if part != item.text else ""
    return f"{item.id} | {day(item.at)} | {who}{mark} | {' '.join(part.split())}"
