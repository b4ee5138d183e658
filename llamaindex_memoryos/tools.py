"""MemoryOSToolSpec: tools by which an agent searches, keeps and erases memories of its one user."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import ClassVar

from llama_index.core.tools.tool_spec.base import BaseToolSpec

from llamaindex_memoryos.binding import Memory, bound
from llamaindex_memoryos.recall import found
from memoryos_integrations.context import EXCERPT_MARK, INTRODUCTION
from memoryos_integrations.dates import day
from memoryos_integrations.excerpts import excerpt
from memoryos_integrations.types import MemoryItem

_MOST = 20
_LONGEST = 200  # tokens of one memory, estimated: a few tools' results would fill a model's window
_NOTHING = "Nothing was found."


class MemoryOSToolSpec(BaseToolSpec):
    """Tools for an agent, each sync and async. Whose memory they work on is no argument of theirs.

    Args:
        memory: a ``MemoryOS``, then with ``user_id``; a ``UserMemory`` or a ``MemoryOSMemory``.
        user_id: whose memory.
        agent_id: with which agent; ``"default"`` by default.

    Raises:
        InvalidInputError: it is not said whose memory.

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

    def __init__(self, memory: Memory, user_id: str | None = None, *, agent_id: str | None = None) -> None:
        self._user = bound(memory, user_id, agent_id)

    def search_memory(self, query: str, limit: int = 5) -> str:
        """Search earlier conversations with the user and facts about them.

        Each line of the result is one memory: its id, when, who said it, what.

        Args:
            query: what to look for, as a question or in key words.
            limit: how many memories, at most 20.
        """
        if not query.strip():
            return _NOTHING
        items = found(self._user, query, k=min(max(limit, 1), _MOST), kinds=("message", "fact"))
        return _quoted(_line(item, query) for item in items) or _NOTHING

    async def asearch_memory(self, query: str, limit: int = 5) -> str:
        """Search earlier conversations; see ``search_memory``."""
        return await asyncio.to_thread(self.search_memory, query, limit)

    def remember(self, fact: str) -> str:
        """Keep one lasting fact about the user, such as a preference, a name or a plan.

        Args:
            fact: the fact as one full sentence.
        """
        kept = self._user.remember(fact)
        return f"Remembered with the id {kept.id}."

    async def aremember(self, fact: str) -> str:
        """Keep one lasting fact about the user; see ``remember``."""
        return await asyncio.to_thread(self.remember, fact)

    def forget(self, memory_ids: list[str]) -> str:
        """Erase memories for good. Only do so when the user asks for it.

        Args:
            memory_ids: ids that search_memory has shown.
        """
        receipt = self._user.forget(ids=memory_ids)
        gone = len(receipt.message_ids) + len(receipt.fact_ids)
        missing = f" Not found: {', '.join(receipt.missing_ids)}." if receipt.missing_ids else ""
        return f"{gone} memories erased.{missing}"

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
    """Return lines below the words by which ``messages.stored`` knows what is no new memory."""
    body = "\n".join(lines)
    return f"{INTRODUCTION}\n{body}" if body else ""


def _line(item: MemoryItem, query: str) -> str:
    part = excerpt(item.text, query, size=_LONGEST)
    who = item.name or item.role or "fact"
    mark = EXCERPT_MARK if part != item.text else ""
    return f"{item.id} | {day(item.at)} | {who}{mark} | {' '.join(part.split())}"
