"""The picture of the rooms: folders of the core by layer, imports counted from the source.

Prints the SVG. `make pictures` writes it beside this file.
"""

from __future__ import annotations

from collections import Counter
from html import escape
from pathlib import Path

import grimp

PACKAGE = "memoryos_integrations"
LAYERS = (
    (
        ("apps", "command line, MCP server, demo, imports"),
        ("compat", "upstream's class"),
        ("testing", "fakes and contract suites"),
    ),
    (("memory", "MemoryOS, UserMemory: the public verbs"),),
    (("runtime", "an open store: worker, forgetting, export, inspection"),),
    (("model", "prompts, calls and replies of a chat model"),),
    (("retrieval", "from a question to ranked memories and a context"),),
    (("writing", "embedding, indexing, consolidation, promotion"),),
    (("tiers", "short-term pages, mid-term segments, long-term facts and persona"),),
    (
        ("storage", "ledger, its engines, Chroma index"),
        ("language", "words, dates, quoting"),
        ("embedders", "texts to vectors"),
    ),
    (("values", "types, errors, events, protocols, config, checks, clock"),),
)
TOP = {"memory", "user_memory", "user_reading", "items"}
WIDTH, HEIGHT, GAP, LEFT = 920, 46, 26, 20
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2937 }
  .title { font-weight: 600 }
  .small { font-size: 11.5px; fill: #4b5563 }
  .room { fill: #eff6ff; stroke: #2563eb }
  .way { stroke: #374151; stroke-width: 1.5; marker-end: url(#head) }
  #head path { fill: #374151 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e5e7eb } .small { fill: #9ca3af } .room { fill: #1e3a8a }
    .way { stroke: #d1d5db } #head path { fill: #d1d5db }
  }
"""


def room_of(module: str) -> str:
    """Return the room of a module of the core."""
    first = module.removeprefix(f"{PACKAGE}.").partition(".")[0]
    rooms = {name for layer in LAYERS for name, _ in layer}
    return "memory" if first in TOP else first if first in rooms else "values"


def arrows() -> Counter[tuple[str, str]]:
    """Return how many modules of one room import modules of another, for each two rooms."""
    graph = grimp.build_graph(PACKAGE, cache_dir=None)
    counted: Counter[tuple[str, str]] = Counter()
    for module in graph.modules - {PACKAGE}:
        for imported in graph.find_modules_directly_imported_by(module) - {PACKAGE}:
            if room_of(module) != room_of(imported):
                counted[room_of(module), room_of(imported)] += 1
    return counted


def files_in(room: str) -> int:
    """Return the number of Python files of a room."""
    every = Path(PACKAGE).rglob("*.py")
    return sum(room_of(".".join(file.with_suffix("").parts)) == room for file in every)


def picture() -> str:
    """Return the SVG."""
    counted = arrows()
    depth = {name: row for row, layer in enumerate(LAYERS) for name, _ in layer}
    parts: list[str] = []
    for row, layer in enumerate(LAYERS):
        top, wide = 20 + row * (HEIGHT + GAP), (WIDTH - 2 * LEFT - 14 * (len(layer) - 1)) // len(layer)
        for column, (name, holds) in enumerate(layer):
            x = LEFT + column * (wide + 14)
            parts.append(f'<rect class="room" x="{x}" y="{top}" width="{wide}" height="{HEIGHT}" rx="8"/>')
            title = f"{name} · {files_in(name)} files"
            for css, y, text in (("title", 20, title), ("small", 37, holds)):
                place = f'x="{x + wide / 2}" y="{top + y}" text-anchor="middle"'
                parts.append(f'<text class="{css}" {place}>{escape(text)}</text>')
        if row + 1 < len(LAYERS):
            names, below = {name for name, _ in layer}, top + HEIGHT
            down = sum(number for (a, b), number in counted.items() if a in names and depth[b] > row)
            up = sum(number for (a, b), number in counted.items() if depth[b] <= row < depth[a])
            label = f"{down} imports of rooms below" + (f", {up} upward" if up else "")
            parts.append(
                f'<line class="way" x1="{WIDTH // 2}" y1="{below}" x2="{WIDTH // 2}" y2="{below + GAP}"/>'
            )
            parts.append(f'<text class="small" x="{WIDTH // 2 + 12}" y="{below + 17}">{label}</text>')
    head = (
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
        'orient="auto"><path d="M0 0 8 4 0 8z"/></marker></defs>'
    )
    height = 20 + len(LAYERS) * (HEIGHT + GAP)
    frame = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">'
    title = "<title>The rooms of the core, each importing only rooms below it</title>"
    return "\n".join([frame, title, f"<style>{STYLE}</style>", head, *parts, "</svg>"]) + "\n"


if __name__ == "__main__":
    print(picture(), end="")
