"""Faults of chat models by name: each turns a good answer into a faulty one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from memoryos_integrations.testing.openai_wire import Failure, Reply

APOLOGY = "I'm sorry, but I can't help with that."


def _half(text: str) -> str:
    return text[: len(text) // 2]


def _malformed(text: str) -> str:
    """Add a trailing comma to JSON; other text is unchanged."""
    return f"{text[:-1]},}}" if text.endswith("}") and len(text) > 2 else text


def _wrong_type(text: str) -> str:
    """Turn lists and numbers of an object into text, and text into lists."""
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return json.dumps({name: _another(value) for name, value in found.items()}, ensure_ascii=False)


def _another(value: Any) -> Any:
    return "wrong" if isinstance(value, list | dict | int | float) else ["wrong"]


def _spoilt(spoil: Callable[[str], str], finish_reason: str = "stop") -> Callable[[Reply], Reply]:
    return lambda reply: replace(reply, spoilt=spoil, finish_reason=finish_reason)


FAULTS: Mapping[str, Callable[[Reply], Reply | Failure]] = {
    "429": lambda _: Failure(429, code="rate_limit_exceeded", headers={"Retry-After": "1"}),
    "quota": lambda _: Failure(429, code="insufficient_quota"),
    "401": lambda _: Failure(401, code="invalid_api_key"),
    "500": lambda _: Failure(500),
    "timeout": lambda _: Failure.HANG,
    "drop": lambda _: Failure.DROP,
    "html": lambda _: Failure.HTML,
    "garbled": lambda _: Failure.GARBLED,
    "malformed": _spoilt(_malformed),
    "fenced": _spoilt(lambda text: f"Here it is:\n```json\n{text}\n```\n"),
    "think": _spoilt(lambda text: f"<think>Perhaps {{}}?</think>\n{text}"),
    "truncated": _spoilt(_half, "length"),
    "cut": _spoilt(_half),
    "empty": _spoilt(lambda _: ""),
    "refusal": lambda reply: Reply(refusal=APOLOGY, usage=reply.usage),
    "apology": lambda reply: Reply(APOLOGY, usage=reply.usage),
    "content_filter": lambda reply: Reply(finish_reason="content_filter", usage=reply.usage),
    "wrong_type": _spoilt(_wrong_type),
}
"""``malformed``, ``fenced`` and ``think`` still contain the answer; the others do not."""
