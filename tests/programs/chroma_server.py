"""A Chroma server on 127.0.0.1 for tests."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import httpx

STARTUP = 300.0
"""Seconds that a server may take to start on a loaded machine."""


class ChromaServer:
    """A real ``chroma run``, which can be killed and started again on the same port and directory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.start()

    def start(self) -> None:
        program = Path(sys.executable).with_name("chroma")
        command = [program, "run", "--path", self.path, "--host", "127.0.0.1", "--port", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + STARTUP
        while not self._answers():
            assert time.monotonic() < deadline, "the Chroma server did not start in time"
            with suppress(subprocess.TimeoutExpired):
                raise AssertionError(f"the Chroma server ended with {self.process.wait(timeout=0.05)}")

    def _answers(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/api/v2/heartbeat", timeout=5).is_success
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def close_connections(client: Any) -> None:
    """Close what Chroma itself leaves open when a client of a server is closed."""
    for connected in (client, client._admin_client):
        if session := getattr(connected._server, "_session", None):
            session.close()
