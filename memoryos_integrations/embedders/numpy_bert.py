"""Runs a BERT model out of a safetensors file with numpy alone, for fp32 weights that come without ONNX.

The forward pass follows *BERT: Pre-training of Deep Bidirectional Transformers* (arXiv 1810.04805) with
the names that its PyTorch form gives the tensors. Half as fast as onnxruntime.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from memoryos_integrations.errors import EmbedderUnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from memoryos_integrations.embedders.encoding import Hidden, Tokens

_DTYPES = {"F32": np.float32, "I64": np.int64}
_EPSILON = 1e-12


def read_safetensors(path: Path) -> dict[str, np.ndarray]:
    """Return the tensors of a safetensors file by name, as read-only views of the file on disk.

    The format: 8 bytes with the header's length (little endian), the header in JSON with type, shape and
    byte range of each tensor, then the bytes. Only float32 and int64 are read.

    The caller has checked the file's hash, so its contents are not doubted here.

    Raises:
        EmbedderUnavailableError: the file cannot be read.
    """
    try:
        raw = np.memmap(path, np.uint8, mode="r")
    except OSError as error:
        raise EmbedderUnavailableError(f"{path} cannot be read ({error}).") from error
    start = 8 + int.from_bytes(raw[:8].tobytes(), "little")
    header = json.loads(raw[8:start].tobytes())
    header.pop("__metadata__", None)
    body = raw[start:]
    return {
        name: body[slice(*entry["data_offsets"])].view(_DTYPES[entry["dtype"]]).reshape(entry["shape"])
        for name, entry in header.items()
    }


class NumpyBert:
    """A BERT encoder. ``hidden()`` may be called from several threads at once."""

    def __init__(self, weights: Mapping[str, np.ndarray], *, heads: int) -> None:
        """Take the weights.

        Args:
            weights: Tensors by name, such as ``embeddings.word_embeddings.weight``, shape (words, width).
            heads: Attention heads; must divide the width.
        """
        self._weights = weights
        self._heads = heads
        self._layers = sum(name.endswith("attention.self.query.weight") for name in weights)

    def hidden(self, ids: Tokens, mask: Tokens) -> Hidden:
        """Return the last layer; see ``encoding.Model``."""
        w = self._weights
        x = (
            w["embeddings.word_embeddings.weight"][ids]
            + w["embeddings.position_embeddings.weight"][: ids.shape[1]]
            + w["embeddings.token_type_embeddings.weight"][0]
        )
        x = self._norm(x, "embeddings.LayerNorm")
        # Added to the scores before the softmax, so that no token looks at padding: (texts, 1, 1, length).
        bias = np.where(mask[:, None, None, :] == 1, np.float32(0), np.float32(-1e9))
        for layer in range(self._layers):
            x = self._block(x, bias, f"encoder.layer.{layer}")
        return x

    def _block(self, x: Hidden, bias: Hidden, at: str) -> Hidden:
        attended = self._dense(self._attend(x, bias, f"{at}.attention.self"), f"{at}.attention.output.dense")
        x = self._norm(x + attended, f"{at}.attention.output.LayerNorm")
        inner = _gelu(self._dense(x, f"{at}.intermediate.dense"))
        return self._norm(x + self._dense(inner, f"{at}.output.dense"), f"{at}.output.LayerNorm")

    def _attend(self, x: Hidden, bias: Hidden, at: str) -> Hidden:
        texts, length, width = x.shape

        def split(name: str) -> Hidden:  # (texts, length, width) -> (texts, heads, length, width / heads)
            y = self._dense(x, f"{at}.{name}")
            return y.reshape(texts, length, self._heads, -1).transpose(0, 2, 1, 3)

        query, key, value = split("query"), split("key"), split("value")
        scores = query @ key.transpose(0, 1, 3, 2) / np.float32(np.sqrt(width // self._heads)) + bias
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        scores /= scores.sum(axis=-1, keepdims=True)
        attended: Hidden = (scores @ value).transpose(0, 2, 1, 3).reshape(texts, length, width)
        return attended

    def _dense(self, x: Hidden, name: str) -> Hidden:
        # One matrix for all texts: numpy would otherwise multiply text by text.
        flat: Hidden = (
            x.reshape(-1, x.shape[-1]) @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]
        )
        return flat.reshape(*x.shape[:-1], -1)

    def _norm(self, x: Hidden, name: str) -> Hidden:
        centred = x - x.mean(axis=-1, keepdims=True)
        spread = np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + np.float32(_EPSILON))
        scaled: Hidden = centred / spread * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]
        return scaled


def _gelu(x: Hidden) -> Hidden:
    return x * np.float32(0.5) * (np.float32(1) + _erf(x * np.float32(np.sqrt(0.5))))


def _erf(x: Hidden) -> Hidden:
    """Return the error function within 1.5e-7 (Abramowitz and Stegun, 7.1.26); numpy has none."""
    size = np.abs(x)
    t = np.float32(1) / (np.float32(1) + np.float32(0.3275911) * size)
    series = np.zeros_like(t)
    for factor in (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592):
        series = (series + np.float32(factor)) * t
    result: Hidden = np.copysign(np.float32(1) - series * np.exp(-size * size), x)
    return result
