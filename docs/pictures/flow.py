"""The picture of how a turn flows: prints the SVG. `make pictures` writes it beside this file."""

from __future__ import annotations

from html import escape

WIDTH, HEIGHT = 920, 465
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2937 }
  .title { font-weight: 600 }
  .small { font-size: 11.5px; fill: #4b5563 }
  .box { fill: #f9fafb; stroke: #6b7280 }
  .truth { fill: #ecfdf5; stroke: #059669 }
  .tier { fill: #eff6ff; stroke: #2563eb }
  .model { fill: #fff7ed; stroke: #d97706; stroke-dasharray: 5 4 }
  .way { stroke: #374151; fill: none; stroke-width: 1.5; marker-end: url(#head) }
  .maybe { stroke: #d97706; stroke-dasharray: 5 4 }
  #head path { fill: #374151 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e5e7eb } .small { fill: #9ca3af } .way { stroke: #d1d5db } #head path { fill: #d1d5db }
    .box { fill: #1f2937 } .truth { fill: #064e3b } .tier { fill: #1e3a8a } .model { fill: #431407 }
    .maybe { stroke: #d97706 }
  }
"""


def box(kind: str, x: int, y: int, width: int, height: int, title: str, *lines: str) -> str:
    """Return a box with a title and smaller lines below it."""
    middle = x + width / 2
    top = y + height / 2 - 8 * len(lines) + 5
    texts = [f'<text class="title" x="{middle}" y="{top}" text-anchor="middle">{escape(title)}</text>']
    texts += [
        f'<text class="small" x="{middle}" y="{top + 17 * row}" text-anchor="middle">{escape(line)}</text>'
        for row, line in enumerate(lines, start=1)
    ]
    frame = f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="8"/>'
    return "\n".join([frame, *texts])


def way(points: str, label: str = "", at: tuple[int, int] = (0, 0), kind: str = "") -> str:
    """Return an arrow along points, with a label."""
    line = f'<polyline class="way {kind}" points="{points}"/>'
    x, y = at
    return line + (f'\n<text class="small" x="{x}" y="{y}">{escape(label)}</text>' if label else "")


PARTS = (
    box("box", 20, 40, 170, 80, "your chain or engine", "LangChain, LlamaIndex,", "MCP, command line"),
    way("190,65 330,65", "add(): one transaction", (196, 57)),
    way("330,98 190,98", "it is on disk", (226, 115)),
    box(
        "truth",
        330,
        30,
        250,
        100,
        "ledger",
        "SQLite: every turn as it was said,",
        "vectors, topics, facts, jobs",
    ),
    box(
        "model",
        680,
        30,
        220,
        100,
        "a chat model (optional)",
        "topics, summaries, facts, traits,",
        "in batches, never waited for",
    ),
    way("580,80 680,80", "asked rarely", (596, 72), "maybe"),
    way("455,130 455,180", "one worker, in the background", (465, 160)),
    box("tier", 20, 180, 240, 84, "short-term", "the newest 7 pages", "of each user"),
    box("tier", 335, 180, 240, 84, "mid-term", "topic segments with summary", "and heat"),
    box("tier", 650, 180, 250, 84, "long-term", "profile, traits, facts,", "each with its evidence"),
    way("260,222 335,222", "F-score", (276, 214)),
    way("575,222 650,222", "heat ≥ 5", (588, 214)),
    way("140,264 140,290"),
    way("455,264 455,290"),
    way("775,264 775,290"),
    box("box", 20, 290, 880, 34, "Chroma: a collection for each tier, rebuilt from the ledger if it breaks"),
    way("480,324 480,360"),
    box("box", 20, 360, 250, 84, "a question", "answered at once; sees every turn", "that was acknowledged"),
    box(
        "box",
        330,
        360,
        300,
        84,
        "retrieve",
        "vectors + words + neighbours + session",
        "+ speaker + date, each result explained",
    ),
    box("box", 690, 360, 210, 84, "context", "one text within your budget,", "quoted as data"),
    way("270,402 330,402"),
    way("630,402 690,402"),
)


def picture() -> str:
    """Return the SVG."""
    head = (
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
        'orient="auto"><path d="M0 0 8 4 0 8z"/></marker></defs>'
    )
    frame = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
    title = "<title>How a turn flows from your program through the ledger and the tiers into a prompt</title>"
    return "\n".join([frame, title, f"<style>{STYLE}</style>", head, *PARTS, "</svg>"]) + "\n"


if __name__ == "__main__":
    print(picture(), end="")
