"""Any value as JSON holds it, and any text as a store and a provider take it."""

from __future__ import annotations

import base64
import dataclasses
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any

from pydantic import BaseModel

_DEEPEST = 20
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def storable(text: str) -> str:
    """Return a text with NUL and lone halves of characters replaced by U+FFFD."""
    # Through UTF-16, so that two halves that belong together become their character.
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\0", "\ufffd")


def plain(value: Any, within: tuple[int, ...] = ()) -> Any:
    """Return a value as JSON holds it; objects of providers by their fields, else by their text.

    Args:
        value: anything.
        within: ids of what it stands in, so that what holds itself comes to an end.
    """
    inner = (*within, id(value))
    ends = id(value) in within or len(within) > _DEEPEST
    value = _opened(value)
    if isinstance(value, str):
        return storable(value)
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, Mapping) and not ends:
        return {storable(str(name)): plain(item, inner) for name, item in value.items()}
    if isinstance(value, list | tuple) and not ends:
        return [plain(item, inner) for item in value]
    return storable(_ADDRESS.sub("", str(value)))


def _opened(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bytes):
        return value.decode() if value.isascii() else base64.b64encode(value).decode()
    if isinstance(value, BaseModel):
        try:
            return value.model_dump(warnings=False)
        except ValueError:  # it holds itself, or its own serializer fails
            return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return sorted(value, key=str) if isinstance(value, set | frozenset) else value
