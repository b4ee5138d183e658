"""Convert any value to JSON."""

from __future__ import annotations

import base64
import dataclasses
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any

from pydantic import BaseModel

from memoryos_integrations.checks import storable

_MAX_DEPTH = 20
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def to_json(value: Any, parents: tuple[int, ...] = ()) -> Any:
    """Return a value as JSON: objects by their fields, else as text. ``parents`` stops at cycles."""
    inner = (*parents, id(value))
    stop = id(value) in parents or len(parents) > _MAX_DEPTH
    value = _simplify(value)
    if isinstance(value, str):
        return storable(value)
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, Mapping) and not stop:
        return {storable(str(name)): to_json(item, inner) for name, item in value.items()}
    if isinstance(value, list | tuple) and not stop:
        return [to_json(item, inner) for item in value]
    return storable(_ADDRESS.sub("", str(value)))


def _simplify(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bytes):
        return value.decode() if value.isascii() else base64.b64encode(value).decode()
    if isinstance(value, BaseModel):
        try:
            return value.model_dump(warnings=False)
        except ValueError:  # a cycle, or a failing serializer
            return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return sorted(value, key=str) if isinstance(value, set | frozenset) else value
