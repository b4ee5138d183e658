"""Commands of ``memoryos`` on a terminal of their own."""

from __future__ import annotations

import os
import sys
import warnings
from typing import TYPE_CHECKING

import pytest

from programs.processes import DEADLINE, started

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


def on_a_terminal(*arguments: str, answer: str = "", **environment: str) -> tuple[int, str]:
    """Run a command in this folder whose stdin, stdout and stderr are a terminal, with warnings as errors.

    Returns:
        Its exit code, and all that the screen was sent.
    """
    ours, terminal = pytest.importorskip("pty").openpty()
    names = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", **environment}
    with started(_run, os.ttyname(terminal), os.getcwd(), names, arguments) as command:
        assert command.hear() == "begun"
        os.close(terminal)
        os.write(ours, answer.encode())
        screen = b""
        while chunk := _read(ours):
            screen += chunk
        os.close(ours)
        command.process.join(DEADLINE)
        return command.process.exitcode, screen.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # how Linux says that the other side has closed
        return b""


def _run(
    channel: Connection, terminal: str, folder: str, names: dict[str, str], arguments: list[str]
) -> None:
    place = os.open(terminal, os.O_RDWR | os.O_NOCTTY)
    for stream in range(3):
        os.dup2(place, stream)
    os.close(place)
    channel.send("begun")
    os.environ.clear()
    os.environ.update(names)
    os.chdir(folder)
    sys.stdin, sys.stdout, sys.stderr = (
        open(stream, "w" if stream else "r", encoding="utf-8", closefd=False)  # noqa: SIM115 - till it ends
        for stream in range(3)
    )
    sys.argv = ["memoryos", *arguments]
    warnings.simplefilter("error")
    from memoryos_integrations.apps.cli import main

    main()
