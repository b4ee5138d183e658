"""Runs a BERT model out of an ONNX file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from memoryos_integrations.errors import EmbedderUnavailableError

if TYPE_CHECKING:
    from pathlib import Path

    from memoryos_integrations.embedders.encoding import Hidden, Tokens


class OnnxBert:
    """One inference session. ``hidden()`` may be called from several threads at once."""

    def __init__(self, path: Path, *, threads: int) -> None:
        """Load the model (measured: 0.15 s for 22 MB from a warm disk).

        Raises:
            EmbedderUnavailableError: onnxruntime is missing or refuses the file.
        """
        onnxruntime = _onnxruntime()
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), _options(onnxruntime, threads), providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's errors have no base of their own
            raise EmbedderUnavailableError(f"{path} is no model that onnxruntime can run: {error}") from error
        self._inputs = {one.name for one in self._session.get_inputs()}

    def hidden(self, ids: Tokens, mask: Tokens) -> Hidden:
        """Return the last layer; see ``encoding.Model``.

        Raises:
            EmbedderUnavailableError: onnxruntime failed, for instance for want of memory.
        """
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        try:
            outputs = self._session.run(None, {name: feed[name] for name in feed if name in self._inputs})
        except Exception as error:  # as above
            raise EmbedderUnavailableError(f"onnxruntime failed: {error}") from error
        return np.asarray(outputs[0], np.float32)


def _onnxruntime() -> Any:
    """Import onnxruntime without its telemetry, which since 1.29 reports to Microsoft on every system.

    The variable has to be set before the first import in the process: then no uploader, no thread, no file
    with an id is made (with it, a forked child could not even exit). Whoever set it keeps their choice.
    The call covers the case that something else imported onnxruntime first.
    """
    chosen = os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import onnxruntime
    except ImportError as error:
        raise EmbedderUnavailableError(
            f"The embedder needs onnxruntime ({error}): `pip install onnxruntime`."
        ) from error
    if chosen != "0":
        onnxruntime.disable_telemetry_events()
    return onnxruntime


def _options(onnxruntime: Any, threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3  # errors only
    # PageQueue threads sleep: a session at rest takes no processor time.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Give working memory back after each run; no slower here at batches of 512 tokens.
    options.enable_cpu_mem_arena = False
    return options
