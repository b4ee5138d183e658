"""Token counting with o200k_base, without network access.

tiktoken downloads its file on first use and deletes a cached one with a wrong hash. Therefore this module
finds the file in other installed packages, checks it and loads it; environment and folders stay unchanged.
Without the file, tokens are estimated.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import logging
import os
import re
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, cast, overload

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tiktoken import Encoding

    from memoryos_integrations.protocols import TokenCounter
_log = logging.getLogger(__name__)

_NAME: Final = "o200k_base"
_FILE: Final = "fb374d419588a4632f3f557e76b4b70aebbca790"
"""The file's name in tiktoken's cache: SHA-1 of its URL."""
_SHA256: Final = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
_SLICE: Final = 400_000
"""Characters per call of tiktoken: 1,000,000 blanks in one text make it panic (tiktoken 0.14)."""


class LocalCounter(Protocol):
    """A ``TokenCounter`` that says whether it is exact."""

    @property
    def exact(self) -> bool:
        """Whether the counts are a tokenizer's, not an estimate."""
        ...

    @property
    def name(self) -> str:
        """The tokenizer, or ``"estimate"``."""
        ...

    def __call__(self, text: str) -> int:
        """Return the number of tokens."""
        ...


class EstimatedCounter:
    """Estimates tokens by script and word length.

    Measured against o200k_base: 0.73 (Polish) to 1.24 (Chinese) times the true count over short prose in
    14 languages, code, JSON and chat; English 1.12. The usual rule of four characters per token is five
    times too low for Chinese.

    Example:
        >>> EstimatedCounter()("Four score and seven years ago")
        6
    """

    exact: Final = False
    name: Final = "estimate"
    _find = re.compile(
        r"[a-zA-Z]{1,7}|\d{1,3}"
        r"|[\u0370-\u03ff\u0590-\u06ff\u0e00-\u0eff\u3040-\u30ff]{1,2}"  # Greek, Hebrew, Arabic, Thai, kana
        r"|[\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff]"  # Han, Hangul
        r"|[\u0900-\u0dff]{1,3}"  # Indic, with vowel signs, which `re` does not count as letters
        r"|[\U00010000-\U0010ffff]"  # emoji and rare scripts
        r"|[^\W\d_]{1,3}|(?:[^\w\s]|_){1,2}|\n+"
    ).findall

    def __call__(self, text: str) -> int:
        """Return the estimate, 0 for the empty text."""
        return len(self._find(text))


class _EncodingCounter:
    """Counts with a tiktoken encoding. Special tokens in a text count as text."""

    exact: Final = True
    name: Final = _NAME

    def __init__(self, encoding: Encoding) -> None:
        self._encode = encoding.encode_ordinary

    def __call__(self, text: str) -> int:
        return sum(len(self._encode(part)) for part in _slices(text))


def _slices(text: str) -> Iterator[str]:
    """Split a very long text before blanks, where o200k_base always has a token boundary."""
    start = 0
    while len(text) - start > _SLICE:
        blank = text.rfind(" ", start + 1, start + _SLICE)
        stop = blank if blank > 0 else start + _SLICE
        yield text[start:stop]
        start = stop
    yield text[start:]


class _LazyCounter:
    """Loads the tokenizer on first use (0.2 s)."""

    def __init__(self) -> None:
        self._found: LocalCounter | None = None
        self._lock = threading.Lock()

    @property
    def _counter(self) -> LocalCounter:
        with self._lock:
            if self._found is None:
                self._found = load_counter(token_folders())
            return self._found

    @property
    def exact(self) -> bool:
        return self._counter.exact

    @property
    def name(self) -> str:
        return self._counter.name

    def __call__(self, text: str) -> int:
        return self._counter(text)


_default = _LazyCounter()


def default_counter() -> LocalCounter:
    """Return this process's counter: o200k_base if its file is found, else an estimate.

    Nothing is loaded before its first use. Thread-safe.

    Example:
        >>> default_counter()("hello world")
        2
    """
    return _default


def counter_of(given: TokenCounter | None) -> TokenCounter:
    """Return the token counter that was given, or the default one."""
    return given or default_counter()


def token_folders() -> list[Path]:
    """Return the folders that may contain tiktoken's file, most trusted first."""
    set_by_user = (os.environ.get(name) for name in ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR"))
    folders = [Path(value) for value in set_by_user if value]
    folders.append(Path(tempfile.gettempdir()) / "data-gym-cache")
    folders += _inside_package("llama_index", "core/_static/tiktoken_cache")
    folders += _inside_package("litellm", "litellm_core_utils/tokenizers")
    return folders


def _inside_package(package: str, folder: str) -> Iterator[Path]:
    """Yield a folder of an installed package without importing it."""
    try:
        spec = importlib.util.find_spec(package)
    except ValueError:  # in sys.modules without a spec, such as a test double
        return
    for location in (spec and spec.submodule_search_locations) or ():
        yield Path(location) / folder


def load_counter(folders: Iterable[Path]) -> LocalCounter:
    """Return an exact counter if tiktoken has the encoding loaded or a folder holds its file.

    Args:
        folders: searched in order. Files that are unreadable or have another SHA-256 are ignored.

    Returns:
        The counter; an ``EstimatedCounter``, with a logged warning, if nothing was found.
    """
    try:
        from tiktoken.registry import ENCODINGS
    except ImportError:
        _log.warning(
            "tiktoken cannot be imported: tokens are estimated. `pip install tiktoken` makes them exact"
        )
        return EstimatedCounter()
    if loaded := ENCODINGS.get(_NAME):
        return _EncodingCounter(loaded)
    for folder in folders:
        if content := _read_checked(folder / _FILE):
            return _EncodingCounter(_encoding(content))
    _log.warning(
        "tiktoken's file of %s is not on this machine: tokens are estimated (0.7 to 1.3 of the true count)."
        " For exact counts install llama-index-core, which contains it, or set TIKTOKEN_CACHE_DIR to a folder"
        " that tiktoken has filled on a machine with a network",
        _NAME,
    )
    return EstimatedCounter()


def _read_checked(file: Path) -> bytes | None:
    try:
        content = file.read_bytes()
    except OSError:  # missing or unreadable: try the next folder
        return None
    if hashlib.sha256(content).hexdigest() == _SHA256:
        return content
    _log.warning("%s is not tiktoken's file of %s (its SHA-256 differs): ignored", file, _NAME)
    return None


def _encoding(content: bytes) -> Encoding:
    """Build the encoding from its file, one ``base64-token rank`` per line.

    The pattern that splits a text into words is part of the definition of o200k_base (OpenAI's
    ``tiktoken_ext.openai_public``); a test compares the counts with tiktoken's own.
    """
    from tiktoken import Encoding

    lower, upper = r"\p{Ll}\p{Lm}\p{Lo}\p{M}", r"\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}"
    before, after = r"[^\r\n\p{L}\p{N}]?", "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    words = (f"{before}[{upper}]*[{lower}]+{after}", f"{before}[{upper}]+[{lower}]*{after}")
    others = (r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n/]*", r"\s*[\r\n]+", r"\s+(?!\S)", r"\s+")
    ranks = {base64.b64decode(token): int(rank) for token, rank in map(bytes.split, content.splitlines())}
    return Encoding(_NAME, pat_str="|".join(words + others), mergeable_ranks=ranks, special_tokens={})


class LazyCount:
    """A number of tokens that is counted when it is first read: loading a tokenizer takes 0.3 s and 70 MB."""

    @overload
    def __get__(self, item: None, owner: type) -> LazyCount: ...
    @overload
    def __get__(self, item: Any, owner: type) -> int: ...
    def __get__(self, item: Any, owner: type) -> LazyCount | int:
        if item is None:
            raise AttributeError("tokens")  # to the dataclass: a field without a default
        given = item.__dict__["tokens"]
        if callable(given):
            given = item.__dict__["tokens"] = given(item.text)
        return cast("int", given)

    def __set__(self, item: Any, value: int | TokenCounter) -> None:
        item.__dict__["tokens"] = value
