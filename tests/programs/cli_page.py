"""Makes the page of the command line from its help texts. As a program it saves the page:

python -m tests.programs.cli_page
"""

from __future__ import annotations

import re
from pathlib import Path

from typer.testing import CliRunner

from memoryos_integrations.apps.cli import app
from memoryos_integrations.apps.examples import EXAMPLES

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
_WIDTH = 100
_HEAD = """\
# Command line

The help of `memoryos` and of each command, written here by `make cli-page`. The examples run in the order of
the page.

The store is the one of `--path`, else of `MEMORYOS_URL`, else of `MEMORYOS_PATH`, else the account's own data
folder: the same that `MemoryOS()` and `memoryos mcp` open.

Results go to stdout, all else to stderr. On a terminal there are colours, and long work says on stderr how
far it has come; a pipe and `--json` get neither. `NO_COLOR=1` turns colours off on a terminal too.

`memoryos --install-completion` sets up completion of commands, options and their values for bash, zsh,
fish or PowerShell; it needs no network. Where it cannot tell which shell it was started from,
`_MEMORYOS_COMPLETE=source_bash memoryos` prints the script for bash.
"""


def help_of(*command: str) -> str:
    """Return a help text as a pipe of a fixed width is sent it."""
    shown = CliRunner().invoke(app, [*command, "--help"], prog_name="memoryos", terminal_width=_WIDTH)
    assert shown.exit_code == 0, shown.output
    return re.sub(r"[ \t]+$", "", shown.stdout, flags=re.MULTILINE).strip("\n") + "\n"


def page() -> str:
    """Return the page."""
    parts = [_HEAD, f"```text\n{help_of()}```\n"]
    parts += [f"## {command}\n\n```text\n{help_of(*command.split())}```\n" for command in EXAMPLES]
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
