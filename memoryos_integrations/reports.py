"""Tables for values of the public API, and the reports of ``forget()``, ``flush()`` and ``verify()``.

Notebooks, IPython, rich and the command line show the same tables. Stored text is never interpreted as
markup, and terminal control characters are replaced. rich is imported only when something is shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import Field, dataclass, fields
from datetime import datetime
from io import StringIO
from typing import TYPE_CHECKING, Any, ClassVar, TypeGuard

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

_WIDTH = 100
_ROWS = 20
_CELL, _FIELD = 400, 10_000
_BAR = 10
_PRE = '<pre style="overflow-x:auto;line-height:normal">{code}</pre>'
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 and C1 without tab and line feed
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks that change the text direction
    "\u2028\u2029\ud800-\udfff]"  # ambiguous line ends; lone surrogates
)


def clean(text: str) -> str:
    r"""Replace terminal control characters in a text, so that it can be shown.

    Example:
        >>> clean("\x1b[31mred")
        '\ufffd[31mred'
    """
    return _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))


class Shown:
    """Base of frozen dataclasses that are shown as a table of their fields; ids only by number."""

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    _columns: ClassVar[tuple[str, ...]] = ()
    """Columns of a table of several values: spaces separate fields of a line, slashes lines of a cell."""

    def __rich__(self) -> RenderableType:
        named = ((field.name, getattr(self, field.name)) for field in fields(self))
        return card(type(self).__name__, {name: value for name, value in named if not _is_id(name)})

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return mimebundle(self)


def mimebundle(shown: RenderableType) -> dict[str, str]:
    """Return HTML with inline styles and plain text for a notebook, by media type."""
    from rich.console import Console

    # Everything that rich reads from the environment is set, so the output is the same everywhere.
    console = Console(
        file=StringIO(), width=_WIDTH, height=_ROWS, color_system="truecolor", no_color=False, record=True,
        force_jupyter=False, force_terminal=False, markup=False, emoji=False, highlight=False,
    )  # fmt: skip
    console.print(shown)
    page = console.export_html(inline_styles=True, code_format=_PRE, clear=False)
    return {"text/plain": console.export_text(), "text/html": page}


def card(title: str, entries: Mapping[str, object]) -> RenderableType:
    """Return names and values as a table of two columns; lists of ``Shown`` follow as tables of their own."""
    from rich.console import Group
    from rich.text import Text

    lists = {name: value for name, value in entries.items() if _are_shown(value)}
    texts = {name: _named(name, entries[name], _FIELD, "\n") for name in entries if name not in lists}
    pairs = table(
        title, ("", ""), ((Text(_label(name), "dim"), text) for name, text in texts.items() if text)
    )
    return Group(pairs, *(rows(_label(name), value, most=_ROWS) for name, value in lists.items()))


def rows(
    title: str,
    values: Sequence[Shown],
    *,
    columns: Sequence[str] = (),
    notes: Mapping[str, Iterable[str]] | None = None,
    ids: bool = False,
    most: int | None = None,
) -> RenderableType:
    """Return values of one class as a table, one row each; a leading number gets a bar.

    Args:
        title: shown above the table.
        values: the rows.
        columns: replace the ``_columns`` of the class.
        notes: lines below a value, by its id.
        ids: whether to show the values' ids.
        most: most rows to show; the title counts the others.
    """
    from rich.text import Text

    if not values:
        return Text(f"{clean(title)}: none")
    columns = columns or values[0]._columns
    head = [_label(re.split(r"\W", column)[0]) for column in columns]
    listed = [[_cell(value, column) for column in columns] for value in values[:most]]
    for value, row in zip(values, listed, strict=False):
        key = getattr(value, "id", "")
        for note in (notes or {}).get(key, ()):
            row[-1].append(f"\n{_cut(note)}", "cyan")
        if ids:
            row[-1].append(f"\nid {_cut(key)}", "dim")
    scores: list[Any] = [getattr(value, columns[0], None) for value in values[:most]]
    if isinstance(scores[0], float):
        head.insert(1, "")
        best = max(*scores, 0.0) or 1.0
        for score, row in zip(scores, listed, strict=True):
            row[0].stylize("cyan")
            row.insert(1, Text("━" * round(_BAR * score / best), "cyan"))
    if more := len(values) - len(listed):
        title = f"{title}, the first {len(listed)}; {more} more"
    return table(title, head, listed)


def table(title: str, head: Sequence[str], cells: Iterable[Sequence[Text | str]]) -> RenderableType:
    """Return a table with its title above it. Strings are cleaned, a ``Text`` must be clean already."""
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    headed = any(head)
    grid = Table(
        box=box.SIMPLE_HEAD if headed else None, show_header=headed, header_style="dim", pad_edge=False
    )
    for name in head:
        grid.add_column(name, overflow="fold")
    for row in cells:
        grid.add_row(*(Text(clean(cell)) if isinstance(cell, str) else cell for cell in row))
    # A title set on the table would be wrapped at the table's width.
    return Group(Text(" ".join(clean(title).split()), style="bold"), grid)


def _cell(value: Shown, column: str) -> Text:
    from rich.text import Text

    lines = (", ".join(_texts(value, line)) for line in column.split("/"))
    first, *others = [line for line in lines if line] or [""]
    return Text.assemble(first, *((f"\n{line}", "dim") for line in others))


def _texts(value: Shown, line: str) -> list[str]:
    texts = (_named(name, getattr(value, name), _CELL) for name in line.split())
    return [text for text in texts if text]


def _named(name: str, value: object, most: int, between: str = ", ") -> str:
    if isinstance(value, tuple) and name.endswith("_ids"):
        return str(len(value))
    return _plain(value, most, between)


def _plain(value: object, most: int, between: str = ", ") -> str:
    """Return any value as clean text; a profile may hold any JSON."""
    match value:
        case None:
            return ""
        case float():
            return f"{value:.2f}"
        case datetime():
            return value.isoformat(" ", "minutes").removesuffix("+00:00")
        case Mapping():
            pairs = (f"{_plain(name, most)}: {_plain(inner, most)}" for name, inner in value.items())
            return _cut(between.join(pairs) or "none", most)
        case list() | tuple():
            texts = [_plain(inner, most) for inner in value] or ["none"]
            return "\n".join(texts) if _are_shown(value) else _cut(", ".join(texts), most)
        case Shown():
            line = ": ".join(", ".join(_texts(value, column)) for column in value._columns)
            return " ".join(line.split())
        case _:
            return _cut(str(value), most)


def _cut(text: str, most: int = _CELL) -> str:
    shown = clean(text)
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def _are_shown(value: object) -> TypeGuard[tuple[Shown, ...]]:
    return isinstance(value, tuple) and bool(value) and all(isinstance(one, Shown) for one in value)


def _is_id(name: str) -> bool:
    return name == "id" or (name.endswith("_id") and name != "thread_id")


def _label(name: str) -> str:
    return clean(name).replace("_", " ")


@dataclass(frozen=True, slots=True)
class ForgetReceipt(Shown):
    """The result of ``forget()``: ids and counts, no text."""

    at: datetime
    """When the last byte was erased, UTC."""
    message_ids: tuple[str, ...]
    """Messages erased."""
    page_ids: tuple[str, ...]
    """Pages erased, since they lost their last message."""
    segment_ids: tuple[str, ...]
    """Segments erased, or with a blanked summary."""
    fact_ids: tuple[str, ...]
    """Facts erased."""
    persona_versions: int
    """Number of persona versions that lost fields or were erased."""
    missing_ids: tuple[str, ...]
    """Requested ids that this scope does not have."""


@dataclass(frozen=True, slots=True)
class FlushReport(Shown):
    """The result of ``flush()``."""

    ran: Mapping[str, int]
    """Jobs done, by kind."""
    parked: Mapping[str, str]
    """Jobs that failed and will be retried: the error by job id."""
    waiting: int
    """Jobs left to the process that owns the store; 0 in that process."""


@dataclass(frozen=True, slots=True)
class Report(Shown):
    """The result of ``verify()``."""

    ok: bool
    """Whether no problem was found."""
    problems: tuple[str, ...]
    """One sentence per problem, with the remedy."""
    counts: Mapping[str, int]
    """Rows by kind, in the ledger and in the index."""
