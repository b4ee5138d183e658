"""Context: memories become one text for a model, within a hard token budget.

What is recalled stands in a fenced block as quoted data. Our own lines begin at the left margin, every line
of stored text is indented, and the fence is longer than any run of backticks in it: so no stored text can
end the block, forge a heading or pass for another speaker's line.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import ceil
from types import MappingProxyType
from typing import TYPE_CHECKING

from memoryos_integrations.language.dates import day
from memoryos_integrations.language.quoting import fenced, indented, message_line, one_line
from memoryos_integrations.retrieval.excerpts import Excerpts
from memoryos_integrations.tiers import persona_versions
from memoryos_integrations.tiers.short_term import load_pages
from memoryos_integrations.types import Context

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from memoryos_integrations.arguments import Question
    from memoryos_integrations.config import MemoryConfig
    from memoryos_integrations.protocols import TokenCounter
    from memoryos_integrations.retrieval.search import Retrieval
    from memoryos_integrations.storage.ledger import Ledger
    from memoryos_integrations.types import MemoryItem, Page, Persona

RECENT_HEADING = "[this conversation, newest turns]"
FACTS_HEADING = "[facts]"
PROFILE_HEADING = "[profile]"
RECENT_SHARE, PROFILE_SHARE, FACTS_SHARE = 0.25, 0.2, 0.5
_GIVE_UP_AFTER = 20
_VALUES_SHOWN = 10


@dataclass(slots=True)
class _Draft:
    """What has been chosen so far, and about what it costs."""

    count: TokenCounter
    budget: int
    order: Mapping[str, int]
    spent: int = 0
    profile: list[str] = field(default_factory=list)
    recent: list[MemoryItem] = field(default_factory=list)
    facts: list[MemoryItem] = field(default_factory=list)
    messages: list[MemoryItem] = field(default_factory=list)
    excerpts: dict[str, str] = field(default_factory=dict)
    """What is shown of a long message, by its id."""
    headings: set[str] = field(default_factory=set)
    left_out: list[MemoryItem] = field(default_factory=list)

    def afford(self, line: str, heading: str, limit: float) -> bool:
        """Pay for a line, and for its heading the first time, if both fit below the limit."""
        cost = self.count("\n" + line)
        if heading not in self.headings:
            cost += self.count("\n" + heading)
        if self.spent + cost > min(limit, self.budget):
            return False
        self.spent += cost
        self.headings.add(heading)
        return True

    def take(self, item: MemoryItem, part: str | None) -> bool:
        """Pay for a message, or the part of it that is shown."""
        if not self.afford(message_line(item, part), f"[{day(item.at)}]", self.budget):
            return False
        if part is not None:
            self.excerpts[item.id] = part
        return True

    def text(self) -> str:
        """Return the block as it stands now; empty if nothing was chosen."""
        lines: list[str] = []
        if self.recent:
            lines += [RECENT_HEADING, *map(message_line, self.recent)]
        if self.profile:
            lines += [PROFILE_HEADING, *self.profile]
        if self.facts:
            lines += [FACTS_HEADING, *map(fact_line, self.facts)]
        before = None
        for item in in_time_order(self.messages, self.order):
            if before != day(item.at):
                before = day(item.at)
                lines.append(f"[{before}]")
            lines.append(message_line(item, self.excerpts.get(item.id)))
        return fenced(lines) if lines else ""

    def items(self) -> tuple[MemoryItem, ...]:
        """Return what was chosen in the order of the text."""
        return (*self.recent, *self.facts, *in_time_order(self.messages, self.order))

    def drop_worst(self) -> None:
        """Take out the last thing that was chosen: the estimate was too low by a token or two."""
        for chosen in (self.messages, self.facts, self.recent):
            if chosen:
                # The newest turn of a conversation is worth most, the best hit stands first elsewhere.
                self.left_out.insert(0, chosen.pop(0 if chosen is self.recent else -1))
                return
        self.profile.pop()


class ContextBuilder:
    """Gathers what a context is made of, from every tier of one scope.

    Args:
        ledger: holds persona and conversations.
        retrieval: finds messages and facts.
        config: see ``MemoryConfig``.
        count_tokens: counts tokens.
    """

    def __init__(
        self, ledger: Ledger, retrieval: Retrieval, config: MemoryConfig, count_tokens: TokenCounter
    ) -> None:
        self._ledger, self._retrieval, self._config, self._count = ledger, retrieval, config, count_tokens

    def context(
        self,
        scope: int,
        question: Question,
        *,
        max_tokens: int,
        thread_id: str | None,
        shown: frozenset[str] = frozenset(),
        most_pages: int | None = None,
    ) -> Context:
        """Return the memories that belong into the prompt for a question, without what it shows anyway."""
        pages: list[Page] = []
        with self._ledger.read() as tx:
            persona = persona_versions.load(tx, scope)
            if thread_id is not None:
                pages = load_pages(tx, scope, thread_id=thread_id, newest=ceil(question.k * RECENT_SHARE))
        recent = self._retrieval.items_of(pages)
        found = self._retrieval.find(scope, replace(question, shown=shown, room=max_tokens))
        if found is None:  # forgotten meanwhile
            return Context("", 0, (), ())
        built = build(
            recent=_without(shown, [item for item in recent if question.accepts(item.at, item.source)]),
            persona=persona,
            facts=_without(shown, found.derived)[: self._config.top_knowledge],
            messages=_of_best_pages(_without(shown, found.messages), most_pages),
            order=found.order,
            max_tokens=max_tokens,
            count=self._count,
            query=question.text,
        )
        self._retrieval.visit(built.items)
        return built


def _without(shown: frozenset[str], items: Sequence[MemoryItem]) -> Sequence[MemoryItem]:
    return [item for item in items if item.id not in shown and item.text not in shown] if shown else items


def _of_best_pages(messages: Sequence[MemoryItem], most: int | None) -> Sequence[MemoryItem]:
    """Return the messages of short-term memory, and those of the best pages that have left it."""
    if most is None:
        return messages
    left = (item.page_id for item in messages if item.tier != "short_term")
    best = set(list(dict.fromkeys(left))[:most])
    return [item for item in messages if item.tier == "short_term" or item.page_id in best]


def build(
    *,
    recent: Sequence[MemoryItem],
    persona: Persona | None,
    facts: Sequence[MemoryItem],
    messages: Sequence[MemoryItem],
    order: Mapping[str, int] = MappingProxyType({}),
    max_tokens: int,
    count: TokenCounter,
    query: str | None = None,
) -> Context:
    """Fill the budget and render.

    Args:
        recent: messages of the newest pages of the conversation, oldest first; up to a quarter of the budget.
        persona: its profile comes next, up to a fifth.
        facts: best first; up to half of what is left.
        messages: best first; the rest. They are taken in that order and shown in the order of time.
        order: decides between messages of one moment, by id.
        max_tokens: of the whole text, frame included.
        count: counts tokens.
        query: the question, by which excerpts of long messages are chosen; without one all are shown whole.
    """
    draft = _Draft(count, max_tokens, order, spent=count(fenced([])))
    _take_recent(draft, recent, max_tokens * RECENT_SHARE)
    limit = draft.spent + max_tokens * PROFILE_SHARE
    for line in profile_lines(persona):
        if draft.afford(line, PROFILE_HEADING, limit):
            draft.profile.append(line)
    excerpts = Excerpts(query, max_tokens)
    _take_facts(draft, facts, messages, excerpts)
    _take_messages(draft, messages, excerpts)
    text = draft.text()
    while text and (tokens := count(text)) > max_tokens:
        draft.drop_worst()
        text = draft.text()
    return Context(text, tokens if text else 0, draft.items(), tuple(draft.left_out))


def _take_recent(draft: _Draft, recent: Sequence[MemoryItem], limit: float) -> None:
    for item in reversed(recent):
        if not draft.afford(message_line(item), RECENT_HEADING, limit):
            return
        draft.recent.insert(0, item)


def _take_facts(
    draft: _Draft, facts: Sequence[MemoryItem], messages: Sequence[MemoryItem], excerpts: Excerpts
) -> None:
    """Take facts into up to half of what is left, but not those that repeat what is going to be shown anyway.

    A fact that was drawn from pages stands back where the best message of one of them is shown, and where it
    is less to the point than the better half of the messages: a repetition would take the room of evidence.
    """
    limit = draft.spent + (draft.budget - draft.spent) * FACTS_SHARE
    trial = _Draft(draft.count, draft.budget, draft.order, draft.spent, recent=list(draft.recent))
    if any(item.source_page_ids for item in facts):
        _take_messages(trial, messages, excerpts)
    best = {item.page_id: item.id for item in reversed(messages)}
    pages = {item.page_id for item in trial.recent}
    pages |= {item.page_id for item in trial.messages if item.id == best[item.page_id]}
    scores = sorted(item.score for item in trial.messages)
    least = scores[len(scores) // 2] if scores else 0.0
    for item in facts:
        drawn = bool(item.source_page_ids)
        stands_back = drawn and (item.score < least or not pages.isdisjoint(item.source_page_ids))
        fits = not stands_back and draft.afford(fact_line(item), FACTS_HEADING, limit)
        (draft.facts if fits else draft.left_out).append(item)


def _take_messages(draft: _Draft, messages: Sequence[MemoryItem], excerpts: Excerpts) -> None:
    shown = {item.id for item in draft.recent}
    misses = 0
    for place, item in enumerate(item for item in messages if item.id not in shown):
        fits = misses < _GIVE_UP_AFTER and draft.take(item, excerpts.of(item, place))
        misses = 0 if fits else misses + 1
        (draft.messages if fits else draft.left_out).append(item)


def fact_line(item: MemoryItem) -> str:
    """Return a fact as it is shown: since when it holds, and the statement."""
    return f" since {day(item.at)}: {indented(item.text)}"


def profile_lines(persona: Persona | None) -> list[str]:
    """Return the fields of the user's profile as they are shown, then those of the agent's."""
    if persona is None:
        return []
    fields = [*persona.profile.items()]
    fields += [(f"agent's {name}", value) for name, value in persona.agent_profile.items()]
    return [f" {one_line(str(name))}: {indented(_values(value))}" for name, value in fields if value]


def _values(value: object) -> str:
    """Return a field's value, of several the newest."""
    return ", ".join(map(str, value[-_VALUES_SHOWN:])) if isinstance(value, list) else str(value)


def in_time_order(items: Iterable[MemoryItem], order: Mapping[str, int]) -> list[MemoryItem]:
    """Return items by time, those of one moment as they were stored."""
    return sorted(items, key=lambda item: (item.at, order.get(item.id, 0)))
