"""Memory as tools that a model calls: search, remember, forget, profile. None takes a user as an argument."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, BaseToolkit, ToolException
from pydantic import BaseModel, Field

from langchain_memoryos.binding import Bound, bound_to_run
from langchain_memoryos.messages import clean
from memoryos_integrations.errors import MemoryOSError
from memoryos_integrations.excerpts import excerpt
from memoryos_integrations.types import MemoryItem

_CANDIDATES = 5  # memories that the forget tool offers


class SearchInput(BaseModel):
    """What to look for."""

    query: str = Field(description="What to look for, as a question or in keywords.")


class RememberInput(BaseModel):
    """What to keep."""

    statement: str = Field(description="One statement about the user, complete in itself.")


class ForgetInput(BaseModel):
    """What to forget: first found by a query, then named by ids."""

    query: str = Field(default="", description="What is to be forgotten. Returns candidates with their ids.")
    ids: list[str] = Field(default_factory=list, description="Ids of the candidates to forget for good.")


class NoInput(BaseModel):
    """Nothing."""


class SearchMemoryTool(BaseTool, Bound):
    """Finds memories; returns them as one fenced text, and as its artifact the memories one by one."""

    name: str = "search_memory"
    description: str = "Search what is remembered of the user and of earlier conversations."
    args_schema: Any = SearchInput
    response_format: Literal["content", "content_and_artifact"] = "content_and_artifact"
    handle_tool_error: Any = True
    max_tokens: int = Field(default=1000, ge=1)
    """Of the text."""

    def _run(self, query: str, config: RunnableConfig) -> tuple[str, list[dict[str, Any]]]:
        user = bound_to_run(self.memory, self.user_id, self.agent_id, config)
        with _failures_told():
            found = user.context(query, max_tokens=self.max_tokens)
        return found.text or "Nothing is remembered about this.", [_as_json(item) for item in found.items]

    async def _arun(self, query: str, config: RunnableConfig) -> tuple[str, list[dict[str, Any]]]:
        return await asyncio.to_thread(self._run, query, config)


class RememberTool(BaseTool, Bound):
    """Stores a statement as a fact of long-term memory."""

    name: str = "remember"
    description: str = "Keep a lasting statement about the user, such as a preference or a date."
    args_schema: Any = RememberInput
    handle_tool_error: Any = True

    def _run(self, statement: str, config: RunnableConfig) -> str:
        user = bound_to_run(self.memory, self.user_id, self.agent_id, config)
        with _failures_told():
            user.remember(clean(statement), metadata={"told_by": "model"})
        return "Remembered."

    async def _arun(self, statement: str, config: RunnableConfig) -> str:
        return await asyncio.to_thread(self._run, statement, config)


class ForgetTool(BaseTool, Bound):
    """Forgets for good, in two steps, so that nothing is erased by a loose query."""

    name: str = "forget"
    description: str = (
        "Forget memories of the user for good. First call it with a query, which returns candidates with "
        "their ids and forgets nothing; then with the ids of those that the user wants to be forgotten."
    )
    args_schema: Any = ForgetInput
    handle_tool_error: Any = True

    def _run(self, config: RunnableConfig, query: str = "", ids: list[str] | None = None) -> str:
        user = bound_to_run(self.memory, self.user_id, self.agent_id, config)
        with _failures_told():
            if ids:
                receipt = user.forget(ids=ids)
                gone = len(receipt.message_ids) + len(receipt.fact_ids)
                return json.dumps({"forgotten": gone, "not_found": list(receipt.missing_ids)})
            found = user.retrieve(query, k=_CANDIDATES, kinds=("message", "fact")).items
        rows = [{"id": item.id, "text": excerpt(item.text, query)} for item in found]
        return json.dumps({"forgotten": 0, "candidates": rows}, ensure_ascii=False)

    async def _arun(self, config: RunnableConfig, query: str = "", ids: list[str] | None = None) -> str:
        return await asyncio.to_thread(self._run, config, query, ids)


class ProfileTool(BaseTool, Bound):
    """Returns what is known of the user: profile, traits, facts."""

    name: str = "get_profile"
    description: str = "Get what is known of the user: profile, traits and facts."
    args_schema: Any = NoInput
    handle_tool_error: Any = True

    def _run(self, config: RunnableConfig) -> str:
        user = bound_to_run(self.memory, self.user_id, self.agent_id, config)
        with _failures_told():
            persona = user.persona()
        known = {
            "profile": dict(persona.profile),
            "traits": dict(persona.traits),
            "facts": [fact.text for fact in persona.knowledge],
        }
        return json.dumps(known, ensure_ascii=False, default=str)

    async def _arun(self, config: RunnableConfig) -> str:
        return await asyncio.to_thread(self._run, config)


class MemoryOSToolkit(BaseToolkit, Bound):
    """The tools on one memory.

    Args:
        memory: a ``MemoryOS`` or a ``UserMemory``.
        user_id: whose memory; by default each run says it, as ``context={"user_id": …}`` of an agent or in
            ``config["configurable"]["user_id"]``.

    Example:
        >>> tools = MemoryOSToolkit(memory=ada).get_tools()
        >>> [tool.name for tool in tools]
        ['search_memory', 'remember', 'forget', 'get_profile']
        >>> tools[1].invoke({"statement": "Ada is allergic to nuts."})
        'Remembered.'
    """

    max_tokens: int = Field(default=1000, ge=1)
    """Of what one search returns."""

    def get_tools(self) -> list[BaseTool]:
        """Return the tools to search, to remember, to forget, and the one for the profile."""
        of: dict[str, Any] = {"memory": self.memory, "user_id": self.user_id, "agent_id": self.agent_id}
        search = SearchMemoryTool(**of, max_tokens=self.max_tokens)
        return [search, RememberTool(**of), ForgetTool(**of), ProfileTool(**of)]


@contextmanager
def _failures_told() -> Iterator[None]:
    """Tell the model what failed, so that it can go on without the memory or call again."""
    try:
        yield
    except MemoryOSError as error:
        raise ToolException(f"{type(error).__name__}: {error}") from error


def _as_json(item: MemoryItem) -> dict[str, Any]:
    fields = ("id", "text", "tier", "kind", "role", "name", "thread_id", "score")
    return {name: getattr(item, name) for name in fields} | {"at": item.at.isoformat()}
