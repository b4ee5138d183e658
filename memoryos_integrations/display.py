"""What a notebook shows: values as small tables of HTML.

Stored text is data: every text is escaped, and there is no script and nothing from outside. Colours are the
notebook's own, so that dark and light both work; where styles are taken away, as on GitHub, tables remain.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from functools import singledispatch
from html import escape
from typing import TYPE_CHECKING, Any

from memoryos_integrations.language.dates import day, minute
from memoryos_integrations.types import (
    Context,
    Fact,
    FlushReport,
    ForgetReceipt,
    MemoryItem,
    Message,
    Page,
    Persona,
    Report,
    Retrieved,
    Segment,
)

if TYPE_CHECKING:
    from datetime import datetime

_ROWS_SHOWN = 50
_TEXT_SHOWN = 600
_CELL = ' style="text-align:left;vertical-align:top;white-space:pre-wrap"'
_BAR = '<div style="width:{:.0f}%;min-width:1px;height:3px;background:currentColor;opacity:.5"></div>'
_WHO = {"user": "User", "assistant": "Assistant", "tool": "Tool"}
_TIERS = {"short_term": "short-term", "mid_term": "mid-term", "long_term": "long-term"}


class Html(str):
    """Text that is HTML already; every other text is escaped."""

    __slots__ = ()


@singledispatch
def html(value: object) -> Html:
    """Return a value of ``types`` as HTML."""
    return Html(f"<pre>{escape(repr(value))}</pre>")


@html.register
def _of_retrieved(value: Retrieved) -> Html:
    by = "" if value.dense else " · found by words only"
    most = max((item.score for item in value.items), default=0.0)
    rows = (_item_row(item, item.score / most if most > 0 else 0.0) for item in value.items)
    return _table(
        ("score", "text", "from", "made of"),
        rows,
        title=f"{_count(len(value.items), 'memory', 'memories')} for “{_cut(value.query)}”{by}",
    )


@html.register
def _of_item(value: MemoryItem) -> Html:
    return _table(("score", "text", "from", "made of"), [_item_row(value, 1.0)])


@html.register
def _of_context(value: Context) -> Html:
    counts = [_count(value.tokens, "token"), _count(len(value.items), "memory", "memories")]
    if value.left_out:
        counts.append(f"{len(value.left_out)} left out")
    text = f'<pre style="text-align:left;white-space:pre-wrap">{escape(value.text)}</pre>'
    shown = [_titled(f"Context: {', '.join(counts)}"), text]
    if value.left_out:
        most = value.left_out[0].score
        rows = (_item_row(item, item.score / most if most > 0 else 0.0) for item in value.left_out)
        table = _table(("score", "text", "from", "made of"), rows)
        shown.append(f"<details><summary>Left out, best first</summary>{table}</details>")
    return Html("".join(shown))


@html.register
def _of_segment(value: Segment) -> Html:
    visits, pages = _count(value.visits, "visit"), _count(value.page_count, "page")
    return _pairs(
        {
            "summary": value.summary or "being derived anew",
            "keywords": ", ".join(value.keywords),
            "heat": f"{value.heat:.2f} ({visits}, {pages} since the last promotion)",
            "holds": f"{_count(len(value.page_ids), 'page')}, {_span(value.started_at, value.ended_at)}",
            "made by": value.method,
        },
        title="Segment of mid-term memory",
    )


@html.register
def _of_fact(value: Fact) -> Html:
    until = f" until {day(value.valid_to)}" if value.valid_to is not None else ""
    return _pairs(
        {
            "fact": value.text,
            "about": value.about,
            "holds": f"since {day(value.valid_from)}{until}",
            "rests on": _count(len(value.source_page_ids), "page"),
            "source": value.source,
            "made by": value.method,
        },
        title="Fact of long-term memory",
    )


@html.register
def _of_message(value: Message) -> Html:
    return _pairs({_who(value.role, value.name): value.text}, title=f"{minute(value.at)} · {value.thread_id}")


@html.register
def _of_page(value: Page) -> Html:
    rows = ((_who(message.role, message.name), _cut(message.text)) for message in value.messages)
    title = f"Page of {minute(value.at)} · {_TIERS[value.tier]} · {value.thread_id}"
    return _table(("who", "text"), rows, title=title)


@html.register
def _of_persona(value: Persona) -> Html:
    made = f", {minute(value.updated_at)}, {value.method}" if value.updated_at is not None else ""
    shown = [_titled(f"Persona, version {value.version}{made}")]
    for field in fields(value):
        described = getattr(value, field.name)
        if isinstance(described, Mapping) and described:
            shown.append(_pairs(described, title=field.name.replace("_", " ")))
    rows = ((fact.text, fact.about, day(fact.valid_from), fact.method) for fact in value.knowledge)
    if value.knowledge:
        shown.append(_table(("knowledge", "about", "since", "made by"), rows))
    return Html("".join(shown))


@html.register
def _of_receipt(value: ForgetReceipt) -> Html:
    counts = {
        "messages": len(value.message_ids),
        "pages": len(value.page_ids),
        "segments (gone, or their summary blanked)": len(value.segment_ids),
        "facts": len(value.fact_ids),
        "versions of the persona": value.persona_versions,
    }
    if value.missing_ids:
        counts["ids that were not there"] = len(value.missing_ids)
    return _pairs(counts, title=f"Forgotten on {minute(value.at)}")


@html.register
def _of_flush(value: FlushReport) -> Html:
    state = "failed, and tried again later" if value.parked else "done"
    waiting = {"waiting for the process that owns the index": value.waiting} if value.waiting else {}
    return _pairs({**value.ran, **value.parked, **waiting}, title=f"Background work: {state}")


@html.register
def _of_report(value: Report) -> Html:
    shown = [_pairs(value.counts, title="Nothing is wrong" if value.ok else "Something is wrong")]
    if value.problems:
        shown.append(_table(("problem",), ((problem,) for problem in value.problems)))
    return Html("".join(shown))


def of_user(user_id: str, agent_id: str, tiers: Mapping[str, Any]) -> Html:
    """Return a user's memory as a table of its tiers.

    Args:
        user_id: whose memory.
        agent_id: with which agent.
        tiers: as ``inspection.tiers`` counts them.
    """
    rows = []
    for tier in ("short_term", "mid_term"):
        pages, first, last = tiers[tier]
        holds = _count(pages, "page")
        if tier == "mid_term" and pages:
            holds += f" in {_count(tiers['segments'], 'segment')}"
        rows.append((_TIERS[tier], holds, _span(first, last) if pages else ""))
    facts = _count(tiers["facts"], "fact")
    rows.append(("long-term", f"{facts}; persona, version {tiers['persona']}", ""))
    agent = "" if agent_id == "default" else f" with {agent_id}"
    return _table(("tier", "holds", "said"), rows, title=f"Memory of {user_id}{agent}")


def of_store(path: str, stats: Mapping[str, Any]) -> Html:
    """Return a store as a table of its counts, as ``MemoryOS.stats`` gives them."""
    pages = stats["pages_by_tier"]
    counts = {
        "users": stats["users"],
        "short-term pages": pages.get("short_term", 0),
        "mid-term pages": pages.get("mid_term", 0),
        "segments": stats["segments"],
        "facts": stats["facts"],
        "jobs waiting": sum(stats["jobs"].values()),
        "embedder": stats["embedder"] or "none: searched by words only",
    }
    return _pairs(counts, title=f"MemoryOS in {path}")


def _item_row(item: MemoryItem, share: float) -> tuple[object, ...]:
    score = Html(f"{item.score:.2f}{_BAR.format(100 * share)}")
    who = _who(item.role, item.name) if item.kind == "message" else item.kind.capitalize()
    thread = f" · {item.thread_id}" if item.thread_id is not None else ""
    parts = sorted(item.parts.items(), key=lambda part: -part[1])
    made_of = ", ".join(f"{name} {value:.2f}" for name, value in parts if round(value, 2))
    return score, _cut(item.text), f"{who}\n{minute(item.at)}\n{_TIERS[item.tier]}{thread}", made_of


def _table(head: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "") -> Html:
    """Return a table; of many rows the first ones, and how many more there are."""
    listed = list(rows)
    cells = "".join(f"<th{_CELL}>{_cell(name)}</th>" for name in head)
    heading = f"<thead><tr>{cells}</tr></thead>" if any(head) else ""
    lines = (f"<td{_CELL}>{f'</td><td{_CELL}>'.join(map(_cell, row))}</td>" for row in listed[:_ROWS_SHOWN])
    body = f"<tbody>{''.join(f'<tr>{line}</tr>' for line in lines)}</tbody>"
    more = len(listed) - _ROWS_SHOWN
    after = f"<div>… and {more} more</div>" if more > 0 else ""
    return Html(f"{_titled(title) if title else ''}<table>{heading}{body}</table>{after}")


def _pairs(values: Mapping[str, object], *, title: str) -> Html:
    return _table(("", ""), ((name, _plain(value)) for name, value in values.items()), title=title)


def _titled(text: str) -> Html:
    return Html(f'<div style="text-align:left"><b>{escape(text)}</b></div>')


def _cell(value: object) -> str:
    return value if isinstance(value, Html) else escape(str(value))


def _plain(value: object) -> str:
    """Return a value of a profile, which a model may have given any shape of JSON, as one line."""
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_plain(inner)}" for name, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_plain(inner) for inner in value)
    return _cut(str(value))


def _who(role: str | None, name: str | None) -> str:
    return name or _WHO.get(role or "", "")


def _span(first: datetime, last: datetime) -> str:
    return day(first) if day(first) == day(last) else f"{day(first)} – {day(last)}"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def _cut(text: str) -> str:
    return text if len(text) <= _TEXT_SHOWN else f"{text[:_TEXT_SHOWN]} …"
