"""What the help says is true: its examples run, its page is up to date; completion, colours and progress."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from programs import cli_page
from programs.terminal import on_a_terminal
from typer.testing import CliRunner

from memoryos_integrations.apps.cli import app
from memoryos_integrations.apps.examples import EXAMPLES
from memoryos_integrations.testing.scripted_replies import scripted_server

ESCAPE, MOVING = "\x1b", "\x1b[?25l"
"""What steers a terminal begins with the one; the other hides the cursor while something moves."""
COLOUR = re.compile(r"\x1b\[(?:\d+;)*[349]\d[;m]")


def examples_in(text: str) -> list[str]:
    """Return the examples that a help text ends with."""
    _, _, end = text.partition("\n  Examples:\n")
    lines = [line for line in end.splitlines() if line]
    assert all(line.startswith("    $ memoryos ") for line in lines), "an example was broken into lines"
    return [line.removeprefix("    $ ") for line in lines]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in which the commands run, with the files that the examples take."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEMORYOS_EMBEDDER", "hash")
    for name in ("FORCE_COLOR", "NO_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "chat.json").write_text(json.dumps([{"role": "user", "content": "I keep two goats."}]))
    theirs = tmp_path / "memoryos_data/users/tom/short_term.json"
    theirs.parent.mkdir(parents=True)
    said = {"user_input": "It rains.", "agent_response": "A coat!", "timestamp": "2025-06-10 08:00:00"}
    theirs.write_text(json.dumps([said]))
    return tmp_path


@pytest.fixture
def server() -> Iterator[str]:
    with scripted_server() as running:
        yield running.url


def commands() -> list[str]:
    """Return all commands that there are, also those of a command."""
    listed = [line.split()[0] for line in cli_page.help_of().partition("Commands:\n")[2].splitlines()]
    return [*listed, "mcp config"]


def test_every_command_has_an_example_and_nothing_else_has() -> None:
    assert list(EXAMPLES) == commands()


def test_no_line_of_the_list_of_commands_is_cut_off() -> None:
    shown = CliRunner().invoke(app, ["--help"], terminal_width=80).stdout
    assert "..." not in shown.partition("Commands:\n")[2]


def test_the_examples_of_all_help_texts_run_in_the_order_of_the_commands(folder: Path, server: str) -> None:
    """All but ``mcp``, which serves until it is stopped, and ``demo``, which has tests of its own."""
    for command in commands():
        shown = examples_in(cli_page.help_of(*command.split()))
        assert 1 <= len(shown) <= 2, command
        for example in shown:
            arguments = shlex.split(example.replace("http://127.0.0.1:8400/v1", server))[1:]
            assert arguments[: len(command.split())] == command.split()
            if command in ("mcp", "demo"):
                arguments.append("--help")  # after options that do not exist this would be an error
            ran = CliRunner().invoke(app, arguments)
            assert ran.exit_code == 0, f"{example}: {ran.output}{ran.exception!r}"


def test_the_page_of_the_command_line_is_what_the_help_says() -> None:
    assert cli_page.PAGE.read_text(encoding="utf-8") == cli_page.page(), "run 'make cli-page'"


# --- completion ---------------------------------------------------------------------------------------------


def completed(line: str) -> list[str]:
    """Return what bash would offer at the end of a line."""
    protocol = {
        "_MEMORYOS_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split(" ")) - 1),
    }
    return CliRunner().invoke(app, [], prog_name="memoryos", env=protocol).stdout.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("memoryos ver", ["verify"]),
        ("memoryos show ", ["pages", "segments", "facts", "persona"]),
        ("memoryos search x --kind ", ["message", "segment", "fact"]),
        ("memoryos search x --tier l", ["long_term"]),
        ("memoryos stats --embedder m", ["multilingual"]),
        ("memoryos forget --every", ["--everything"]),
        ("memoryos mcp config --client c", ["claude-desktop", "cursor", "cline"]),
    ],
)
def test_a_shell_is_offered_commands_options_and_the_names_that_they_take(
    line: str, offered: list[str]
) -> None:
    assert completed(line) == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_given_a_script_that_asks_this_command(shell: str) -> None:
    asked = CliRunner().invoke(app, [], prog_name="memoryos", env={"_MEMORYOS_COMPLETE": f"source_{shell}"})
    assert asked.exit_code == 0
    assert f"_MEMORYOS_COMPLETE=complete_{shell}" in asked.stdout


# --- colours and progress -----------------------------------------------------------------------------------


def piped(*arguments: str, **environment: str) -> str:
    """Run a command whose output goes into a pipe; return stdout and stderr."""
    ended = CliRunner().invoke(app, arguments, env=environment)
    assert ended.exit_code == 0, ended.output
    return ended.output


@pytest.fixture
def bees(folder: Path) -> Path:
    """A store with one turn."""
    assert CliRunner().invoke(app, ["add", "I keep bees on the roof."]).exit_code == 0
    return folder


@pytest.mark.programs
def test_colours_are_for_terminals_and_no_color_turns_them_off(bees: Path) -> None:
    look = ("search", "bees")
    code, screen = on_a_terminal(*look)
    assert code == 0
    assert COLOUR.search(screen), screen
    code, screen = on_a_terminal(*look, NO_COLOR="1")
    assert code == 0
    assert not COLOUR.search(screen), screen
    assert ESCAPE not in piped(*look)


IMPORT = ("chat-import", "chat.json")


@pytest.mark.programs
@pytest.mark.parametrize(
    "command",
    [IMPORT, ("import-upstream", "memoryos_data", "--from-user", "tom"), ("rebuild",), ("verify",)],
    ids=lambda command: command[0],
)
def test_long_work_shows_on_a_terminal_that_it_goes_on_and_to_a_pipe_nothing(
    bees: Path, command: tuple[str, ...]
) -> None:
    code, screen = on_a_terminal(*command)
    assert code == 0, screen
    assert MOVING in screen
    assert ESCAPE not in piped(*command)


@pytest.mark.programs
def test_with_json_nothing_moves_on_a_terminal_either(bees: Path) -> None:
    _, screen = on_a_terminal(*IMPORT, "--json")
    assert json.loads(screen)["stored"] == 1


def test_colours_that_are_forced_upon_a_pipe_do_not_make_anything_move_there(bees: Path) -> None:
    assert MOVING not in piped(*IMPORT, FORCE_COLOR="1")


@pytest.mark.programs
def test_enrich_shows_how_far_the_model_has_come(bees: Path, server: str) -> None:
    for number in range(12):
        CliRunner().invoke(app, ["add", f"The kitchen needs {number} more shelves."])
    code, screen = on_a_terminal("enrich", "--llm", server)
    assert code == 0, screen
    assert "pages sorted" in screen.partition("refined by")[0]
