"""Tables for a terminal, by the renderer that notebooks use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.text import Text

from memoryos_integrations.apps.terminal import one_line
from memoryos_integrations.reports import rows, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.console import RenderableType

    from memoryos_integrations.types import Fact, Segment

_EVIDENCE_SHOWN = 160


def segments(shown: Sequence[Segment], *, most: int, ids: bool = False) -> RenderableType:
    """Return topic segments with bars of heat, hottest first; without ``ids`` one or two lines each."""
    columns = () if ids else ("heat", "visits", "page_ids", "keywords")
    return rows("Topic segments of mid-term memory", shown, columns=columns, ids=ids, most=most)


def facts(
    shown: Sequence[Fact], evidence: Mapping[str, Sequence[str]], *, ids: bool = True
) -> RenderableType:
    """Return facts that hold as a table, newest first.

    Args:
        shown: the facts.
        evidence: lines of evidence by the fact's id.
        ids: whether the facts' ids are shown.
    """
    notes = {fact: [one_line(line, _EVIDENCE_SHOWN) for line in lines] for fact, lines in evidence.items()}
    return rows("Facts of long-term memory", shown, notes=notes, ids=ids)


def superseded(shown: Sequence[Fact], successors: Mapping[str, Fact]) -> RenderableType:
    """Return superseded facts with their successors."""
    notes = {
        fact.id: [f"now: {one_line(later.text, _EVIDENCE_SHOWN)}"]
        for fact in shown
        if (later := successors.get(fact.superseded_by or "")) is not None
    }
    return rows("Facts that hold no more", shown, notes=notes)


def usage(spent: Mapping[str, Any]) -> RenderableType:
    """Return calls and tokens of chat models, by task and by user."""
    cells: list[Sequence[Text | str]] = [
        (f"{kind.removeprefix('by_')} {one_line(name)}", *_spent(line))
        for kind in ("by_task", "by_user")
        for name, line in spent[kind].items()
    ]
    head = ("", "calls", "failed", "tokens in", "tokens out")
    return table("Calls of chat models", head, [*cells, (Text("all", style="bold"), *_spent(spent))])


def _spent(line: Mapping[str, Any]) -> list[Text]:
    names = ("calls", "failures", "tokens_in", "tokens_out")
    return [Text(f"{line[name]:,}", justify="right") for name in names]


def lines(texts: Iterable[str]) -> RenderableType:
    """Return texts, each on a line of its own."""
    return Group(*(Text(one_line(text)) for text in texts))
