"""The examples at the end of each command's help. They run in this order."""

from __future__ import annotations

_LLM = "http://127.0.0.1:8400/v1"

EXAMPLES: dict[str, tuple[str, ...]] = {
    "demo": ("memoryos demo --questions 3",),
    "add": (
        'memoryos add "I keep bees on the roof." --answer "How many hives?" --user ada',
        'memoryos add "I moved to Lisbon." --at 2026-05-01T18:30:00Z --thread monday',
    ),
    "chat-import": (
        "memoryos chat-import chat.json --user ada",
        "memoryos chat-import chat.json --user ada --thread holidays --json",
    ),
    "import-upstream": ("memoryos import-upstream ./memoryos_data --from-user tom --user tom --zone UTC",),
    "search": (
        'memoryos search "Which animals do I keep?" --user ada --explain',
        'memoryos search "bees" --user ada -k 3 --kind message --kind fact --json',
    ),
    "context": ('memoryos context "Which animals do I keep?" --user ada --max-tokens 500',),
    "respond": (
        f'memoryos respond "Which animals do I keep?" --user ada --llm {_LLM}',
        f'memoryos respond "And where?" --user ada --style "in one sentence" --llm {_LLM}',
    ),
    "enrich": (f"memoryos enrich --llm {_LLM} --llm-model gpt-4o-mini",),
    "show": ("memoryos show --user ada", "memoryos show facts --user ada --history"),
    "stats": ("memoryos stats", "memoryos stats --json"),
    "users": ("memoryos users --json",),
    "verify": ("memoryos verify",),
    "rebuild": ("memoryos rebuild",),
    "export": ("memoryos export ada.jsonl --user ada",),
    "forget": (
        "memoryos forget --thread monday --yes",
        "memoryos forget --everything --user ada --yes",
    ),
    "load": ("memoryos load ada.jsonl --user ada",),
    "reindex": ("memoryos reindex --embedder multilingual",),
    "mcp": ("memoryos mcp --user ada", "memoryos mcp --http --port 8765"),
    "mcp config": ("memoryos mcp config --client cursor --user ada",),
}
"""The examples by command."""


def examples_of(command: str) -> str:
    """Return the end of a command's help. Click does not wrap what follows its mark."""
    return "\n".join(("\b", "Examples:", *(f"  $ {example}" for example in EXAMPLES[command])))
