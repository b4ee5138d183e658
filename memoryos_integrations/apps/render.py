"""Memories as tables and blocks for a terminal. Every stored text passes through ``terminal.clean``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Group
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from memoryos_integrations.apps.terminal import clean, one_line
from memoryos_integrations.language.dates import day, minute

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.console import RenderableType

    from memoryos_integrations.types import Fact, MemoryItem, Page, Persona, Segment

_TEXT_SHOWN = 600
_EVIDENCE_SHOWN = 160
_BAR = 16
_WHO = {"user": "User", "assistant": "Assistant", "tool": "Tool"}
_TIERS = {"short_term": "short", "mid_term": "mid", "long_term": "long"}


def speaker(role: str | None, name: str | None) -> str:
    """Return who spoke, by name where it is known."""
    return one_line(name) if name else _WHO.get(role or "", "")


def found(items: Sequence[MemoryItem], *, explain: bool) -> RenderableType:
    """Return what a search brought back, best first, a block each."""
    return Group(*(_found_item(rank, item, explain) for rank, item in enumerate(items, start=1)))


def _found_item(rank: int, item: MemoryItem, explain: bool) -> RenderableType:
    head = Text(f"{rank:>2}  ", style="bold")
    head.append(f"{item.score:.3f}  ", style="cyan")
    who = speaker(item.role, item.name) or item.kind
    head.append(f"{who}, {minute(item.at)}", style="bold")
    place = f"thread {one_line(item.thread_id)}" if item.thread_id else ""
    head.append(f"  {_TIERS.get(item.tier, item.tier)}-term {item.kind} {place}".rstrip(), style="dim")
    lines: list[RenderableType] = [head, Padding(Text(_cut(item.text)), (0, 0, 0, 4))]
    if explain:
        parts = sorted(item.parts.items(), key=lambda part: -part[1])
        shares = "  ".join(f"{name} {value:+.3f}" for name, value in parts) or "no parts"
        lines.append(Padding(Text(shares, style="magenta"), (0, 0, 0, 4)))
    lines.append(Padding(Text(f"id {item.id}", style="dim"), (0, 0, 0, 4)))
    return Group(*lines)


def pages(shown: Sequence[Page]) -> RenderableType:
    """Return pages as a table, oldest first."""
    if not shown:
        return Text("Pages: none")
    table = _table("when", "tier", "thread", "what was said")
    for page in shown:
        said = Text()
        for message in page.messages:
            said.append(f"{speaker(message.role, message.name)}: ", style="bold")
            said.append(one_line(message.text, 200) + "\n")
        said.append(f"id {page.id}", style="dim")
        table.add_row(minute(page.at), _TIERS[page.tier], one_line(page.thread_id, 24), said)
    return _titled("Pages", table)


def segments(shown: Sequence[Segment], *, of: int | None = None, brief: bool = False) -> RenderableType:
    """Return topic segments with a bar of their heat, hottest first.

    Args:
        shown: the segments.
        of: how many there are, if not all are shown.
        brief: two lines each, without their ids.
    """
    if not shown:
        return Text("Topic segments of mid-term memory: none")
    table = _table("heat", "", "pages", "visits", "about")
    for column in (0, 2, 3):
        table.columns[column].justify = "right"
    hottest = max(segment.heat for segment in shown)
    for segment in shown:
        about = Text(one_line(", ".join(segment.keywords[:6])) or "(being derived anew)", style="bold")
        about.append(f"\n{one_line(segment.summary, None if brief else 200)}", style="not bold")
        if brief:
            about.no_wrap, about.overflow = True, "ellipsis"
        else:
            about.append(f"\nid {segment.id}", style="not bold dim")
        bar = ProgressBar(total=hottest, completed=segment.heat, width=_BAR, complete_style="red")
        table.add_row(f"{segment.heat:.2f}", bar, str(len(segment.page_ids)), str(segment.visits), about)
    count = len(shown) if of is None else of
    return _titled(f"Topic segments of mid-term memory, the hottest {len(shown)} of {count}", table)


def facts(
    shown: Sequence[Fact], evidence: Mapping[str, Sequence[str]], *, ids: bool = True
) -> RenderableType:
    """Return facts that hold as a table, newest first.

    Args:
        shown: the facts.
        evidence: what each rests on, a line for each, by the fact's id.
        ids: whether the facts' ids are shown.
    """
    if not shown:
        return Text("Facts of long-term memory: none")
    table = _table("since", "about", "statement", "source")
    for fact in shown:
        statement = Text(_cut(fact.text))
        for line in evidence.get(fact.id, ()):
            statement.append(f"\n  {one_line(line, _EVIDENCE_SHOWN)}", style="cyan")
        if ids:
            statement.append(f"\nid {fact.id}", style="dim")
        table.add_row(day(fact.valid_from), fact.about, statement, _made(fact))
    return _titled("Facts of long-term memory", table)


def persona(shown: Persona) -> RenderableType:
    """Return what is known of the user and the agent."""
    if not (shown.profile or shown.traits or shown.knowledge or shown.agent_profile):
        return Text("Persona: none")
    made = f", {day(shown.updated_at)}, {one_line(shown.method)}" if shown.updated_at else ""
    table = _table("", "", "")
    parts = (("profile", shown.profile), ("agent", shown.agent_profile), ("trait", shown.traits))
    for kind, entries in parts:
        for name, value in entries.items():
            text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            table.add_row(kind, one_line(str(name)), Text(_cut(text)))
    for fact in shown.knowledge:
        table.add_row("knowledge", fact.about, Text(_cut(fact.text)))
    return _titled(f"Persona, version {shown.version}{made}", table)


def figures(title: str, values: Mapping[str, object]) -> RenderableType:
    """Return names and values as a table of two columns."""
    table = _table("", "")
    table.columns[1].justify = "right"
    for name, value in values.items():
        table.add_row(one_line(name), one_line(str(value)))
    return _titled(title, table)


def superseded(shown: Sequence[Fact], successors: Mapping[str, Fact]) -> RenderableType:
    """Return facts that hold no more, with what took their place."""
    if not shown:
        return Text("Facts that hold no more: none")
    table = _table("from", "until", "statement", "source")
    for fact in shown:
        statement = Text(_cut(fact.text), style="strike")
        if (later := successors.get(fact.superseded_by or "")) is not None:
            statement.append(f"\n  now: {one_line(later.text, _EVIDENCE_SHOWN)}", style="not strike cyan")
        until = day(fact.valid_to) if fact.valid_to is not None else ""
        table.add_row(day(fact.valid_from), until, statement, _made(fact))
    return _titled("Facts that hold no more", table)


def bill(spent: Mapping[str, Any]) -> RenderableType:
    """Return what chat models were asked and what it cost, by task and by user."""
    table = _table("", "calls", "failed", "tokens in", "tokens out")
    for column in table.columns[1:]:
        column.justify = "right"
    for kind in ("by_task", "by_user"):
        for name, line in spent[kind].items():
            table.add_row(f"{kind.removeprefix('by_')} {one_line(name)}", *_spent(line))
    table.add_row(Text("all", style="bold"), *_spent(spent))
    return _titled("Calls of chat models", table)


def _spent(line: Mapping[str, Any]) -> list[str]:
    return [f"{line[name]:,}" for name in ("calls", "failures", "tokens_in", "tokens_out")]


def _made(fact: Fact) -> str:
    return f"{fact.source}, {one_line(fact.method)}"


def lines(texts: Iterable[str]) -> RenderableType:
    """Return texts, each on a line of its own."""
    return Group(*(Text(one_line(text)) for text in texts))


def _titled(title: str, table: Table) -> RenderableType:
    # A title of the table's own would be wrapped at the table's width.
    return Group(Text(one_line(title), style="bold"), table)


def _table(*columns: str) -> Table:
    headed = any(columns)
    table = Table(
        box=box.SIMPLE_HEAD if headed else None, show_header=headed, header_style="dim", pad_edge=False
    )
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _cut(text: str) -> str:
    shown = clean(text)
    return shown if len(shown) <= _TEXT_SHOWN else shown[: _TEXT_SHOWN - 1] + "…"
