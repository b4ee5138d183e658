"""MemoryOSToolkit: tools to search, remember, forget and read the profile; the user is no argument."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, BaseToolkit, ToolException
from pydantic import BaseModel, Field

from langchain_memoryos.shared.user_scope import UserScoped, resolve_run_user
from memoryos_integrations.checks import storable
from memoryos_integrations.errors import MemoryOSError
from memoryos_integrations.retrieval.excerpts import excerpt
from memoryos_integrations.types import MemoryItem
from memoryos_integrations.user_memory import UserMemory

_CANDIDATES = 5  # memories that the forget tool lists


class SearchInput(BaseModel):
    """Arguments of ``search_memory``."""

    query: str = Field(description="What to look for, as a question or in keywords.")


class RememberInput(BaseModel):
    """Arguments of ``remember``."""

    statement: str = Field(description="One statement about the user, complete in itself.")


class ForgetInput(BaseModel):
    """Arguments of ``forget``: a query to list candidates, then their ids."""

    query: str = Field(default="", description="What is to be forgotten. Returns candidates with their ids.")
    ids: list[str] = Field(default_factory=list, description="Ids of the candidates to forget for good.")


class NoInput(BaseModel):
    """No arguments."""


class SearchMemoryTool(BaseTool, UserScoped):
    """Searches memories; returns them as one quoted text, and as an artifact one by one."""

    name: str = "search_memory"
    description: str = "Search what is remembered of the user and of earlier conversations."
    args_schema: Any = SearchInput
    response_format: Literal["content", "content_and_artifact"] = "content_and_artifact"
    handle_tool_error: Any = True
    max_tokens: int = Field(default=1000, ge=1)
    """Limit of the text."""

    def _run(self, query: str, config: RunnableConfig) -> tuple[str, list[dict[str, Any]]]:
        with _memory_of(self, config) as user:
            context = user.context(query, max_tokens=self.max_tokens)
        return context.text or "Nothing is remembered about this.", [_as_json(item) for item in context.items]


class RememberTool(BaseTool, UserScoped):
    """Stores a statement as a fact in long-term memory."""

    name: str = "remember"
    description: str = "Keep a lasting statement about the user, such as a preference or a date."
    args_schema: Any = RememberInput
    handle_tool_error: Any = True

    def _run(self, statement: str, config: RunnableConfig) -> str:
        with _memory_of(self, config) as user:
            user.remember(storable(statement), metadata={"told_by": "model"})
        return "Remembered."


class ForgetTool(BaseTool, UserScoped):
    """Erases memories in two steps, so that a vague query erases nothing."""

    name: str = "forget"
    description: str = (
        "Forget memories of the user for good. First call it with a query, which returns candidates with "
        "their ids and forgets nothing; then with the ids of those that the user wants to be forgotten."
    )
    args_schema: Any = ForgetInput
    handle_tool_error: Any = True

    def _run(self, config: RunnableConfig, query: str = "", ids: list[str] | None = None) -> str:
        with _memory_of(self, config) as user:
            if ids:
                receipt = user.forget(ids=ids)
                erased = len(receipt.message_ids) + len(receipt.fact_ids)
                return json.dumps({"forgotten": erased, "not_found": list(receipt.missing_ids)})
            items = user.retrieve(query, k=_CANDIDATES, kinds=("message", "fact")).items
        rows = [{"id": item.id, "text": excerpt(item.text, query)} for item in items]
        return json.dumps({"forgotten": 0, "candidates": rows}, ensure_ascii=False)


class ProfileTool(BaseTool, UserScoped):
    """Returns the persona of the user: profile, traits and facts."""

    name: str = "get_profile"
    description: str = "Get what is known of the user: profile, traits and facts."
    args_schema: Any = NoInput
    handle_tool_error: Any = True

    def _run(self, config: RunnableConfig) -> str:
        with _memory_of(self, config) as user:
            persona = user.persona()
        reply = {
            "profile": dict(persona.profile),
            "traits": dict(persona.traits),
            "facts": [fact.text for fact in persona.knowledge],
        }
        return json.dumps(reply, ensure_ascii=False, default=str)


class MemoryOSToolkit(BaseToolkit, UserScoped):
    """Tools with which a model uses the memory of one user.

    Args:
        memory: a ``MemoryOS`` or a ``UserMemory``.
        user_id: the user; by default each run names it, as ``context={"user_id": …}`` of an agent or in
            ``config["configurable"]["user_id"]``.

    Example:
        >>> tools = MemoryOSToolkit(memory=ada).get_tools()
        >>> [tool.name for tool in tools]
        ['search_memory', 'remember', 'forget', 'get_profile']
        >>> tools[1].invoke({"statement": "Ada is allergic to nuts."})
        'Remembered.'
    """

    max_tokens: int = Field(default=1000, ge=1)
    """Limit of one search result."""

    def get_tools(self) -> list[BaseTool]:
        """Return the tools ``search_memory``, ``remember``, ``forget`` and ``get_profile``."""
        scope: dict[str, Any] = {"memory": self.memory, "user_id": self.user_id, "agent_id": self.agent_id}
        search = SearchMemoryTool(**scope, max_tokens=self.max_tokens)
        return [search, RememberTool(**scope), ForgetTool(**scope), ProfileTool(**scope)]


@contextmanager
def _memory_of(tool: UserScoped, config: RunnableConfig) -> Iterator[UserMemory]:
    """Yield the memory of the run's user; its errors become the tool's reply, so that the model can react."""
    user = resolve_run_user(tool.memory, tool.user_id, tool.agent_id, config)
    try:
        yield user
    except MemoryOSError as error:
        raise ToolException(f"{type(error).__name__}: {error}") from error


def _as_json(item: MemoryItem) -> dict[str, Any]:
    fields = ("id", "text", "tier", "kind", "role", "name", "thread_id", "score")
    return {name: getattr(item, name) for name in fields} | {"at": item.at.isoformat()}
