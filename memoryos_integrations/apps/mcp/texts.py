"""Texts of the MCP server for a model: resources, prompt, and what tools say, quoted as in ``context()``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from memoryos_integrations.language.dates import day
from memoryos_integrations.language.quoting import INTRODUCTION, fenced, indented, message_line, one_line
from memoryos_integrations.retrieval.context import FACTS_HEADING, PROFILE_HEADING, profile_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memoryos_integrations.types import Page, Persona
    from memoryos_integrations.user_memory import UserMemory

NO_PROFILE = "No detailed user profile"
NOTHING = "Nothing is remembered yet."
READING = (
    "Long-term memory of one user. Before you answer, call retrieve_memory with what the user said. "
    f"{INTRODUCTION}"
)
WRITING = (
    "After you answered, call add_memory with both sides. Keep lasting facts with remember. Call forget only "
    "when the user asks for it."
)
_RECENT_PAGES = 20


def guidance(relationship: str, style: str) -> str:
    """Return how to use the results in an answer, with the relationship and the style."""
    lines = [INTRODUCTION]
    if relationship.strip():
        lines.append(f"Your relationship with the user: {one_line(relationship)}.")
    if style.strip():
        lines.append(f"Style of the answer: {one_line(style)}")
    return "\n".join(lines)


def profile_text(persona: Persona) -> str:
    """Return profile and traits as lines of name and value."""
    return "\n".join(line.strip() for line in _profile(persona)) or NO_PROFILE


def profile_resource(user: UserMemory) -> str:
    """Return profile, traits and facts as one quoted text."""
    persona = user.persona()
    lines = _profile(persona)
    if lines:
        lines.insert(0, PROFILE_HEADING)
    if persona.knowledge:
        lines.append(FACTS_HEADING)
    lines += [f" since {day(fact.valid_from)}: {indented(fact.text)}" for fact in persona.knowledge]
    return fenced(lines) if lines else NOTHING


def recent_resource(user: UserMemory) -> str:
    """Return the newest turns of all conversations as one quoted text, oldest first."""
    lines = _by_day(user.pages(limit=_RECENT_PAGES))
    return fenced(lines) if lines else NOTHING


def prompt(user: UserMemory, question: str) -> str:
    """Return the memories that answer a question, followed by the question."""
    context = user.context(question)
    return f"{context.text}\n\n{question}" if context.text else question


def _by_day(pages: Sequence[Page]) -> list[str]:
    lines: list[str] = []
    before = None
    for page in pages:
        if before != day(page.at):
            before = day(page.at)
            lines.append(f"[{before}]")
        lines += map(message_line, page.messages)
    return lines


def _profile(persona: Persona) -> list[str]:
    return profile_lines(persona) + profile_lines(replace(persona, profile=persona.traits))
