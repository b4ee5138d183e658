"""What a scripted server is asked and answers, and how that looks in the OpenAI API."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

PIECE = 4  # characters per streamed chunk


@dataclass(frozen=True)
class ToolCall:
    """A function that the model asks to be called."""

    name: str
    """Which function."""
    arguments: Mapping[str, Any] | str = field(default_factory=dict)
    """A mapping, or raw text to send arguments that are no JSON."""
    id: str | None = None
    """Of the call; by default made from the number of the answer."""


@dataclass(frozen=True)
class Reply:
    """What the model answers."""

    text: str | None = None
    """Its words."""
    tool_calls: tuple[ToolCall, ...] = ()
    """Functions that it asks to be called."""
    json: Any = None
    """An object: the arguments of the function that the request forces, else JSON text."""
    spoilt: Callable[[str], str] | None = None
    """What becomes of the words or the JSON before they are sent; ``openai_faults`` has some."""
    refusal: str | None = None
    """The words with which it declines."""
    finish_reason: str | None = None
    """By default ``"tool_calls"`` with tool calls, else ``"stop"``."""
    usage: tuple[int, int] | None = (10, 5)
    """Tokens of the prompt and of the completion; ``None``: the answer does not say."""
    breaks_after: int | None = None
    """When streamed: the connection breaks after this many chunks."""


@dataclass(frozen=True)
class Failure:
    """An answer that is none."""

    status: int
    """HTTP status; 0 closes the connection, -1 says nothing until the server is closed."""
    message: str = "Scripted failure."
    """The words of the error."""
    code: str | None = None
    """Its code, such as ``"rate_limit_exceeded"``."""
    type: str = "error"
    """Its type."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Such as ``{"Retry-After": "1"}``."""
    body: str | None = None
    """What is sent instead of the API's error."""

    DROP: ClassVar[Failure]
    """The connection is closed with no answer."""
    HANG: ClassVar[Failure]
    """Nothing is said until the server is closed."""
    HTML: ClassVar[Failure]
    """A page, with status 200, as proxies send."""
    GARBLED: ClassVar[Failure]
    """Status 200 and JSON that is none."""


Failure.DROP = Failure(0)
Failure.HANG = Failure(-1)
Failure.HTML = Failure(
    200, body="<!DOCTYPE html><html><body>Please log in.</body></html>", headers={"Content-Type": "text/html"}
)
Failure.GARBLED = Failure(200, body='{"choices": [{"mess')

Answer = str | Reply | Failure | Callable[[dict[str, Any]], "str | Reply | Failure"]


@dataclass(frozen=True)
class Request:
    """What a client sent."""

    path: str
    """Of the URL."""
    body: dict[str, Any]
    """Its JSON."""
    headers: dict[str, str]
    """Names in lower case."""

    @property
    def is_chat(self) -> bool:
        """Whether a chat completion is asked for."""
        return self.path.endswith("/chat/completions")

    @property
    def texts(self) -> list[str]:
        """The text of each message of a chat completion, in order."""
        return [_text_of(message.get("content")) for message in self.body.get("messages", [])]

    @property
    def task(self) -> str | None:
        """What object is asked for: the name of its schema; ``None`` if free text is.

        The name stands in ``response_format``; or it is that of the function that is forced; or the title of
        the JSON Schema in the first message.
        """
        schema = (self.body.get("response_format") or {}).get("json_schema") or {}
        return schema.get("name") or _forced_function(self.body) or _title_in("".join(self.texts[:1]))


def completion(reply: Reply, body: dict[str, Any], number: int) -> dict[str, Any]:
    """Return a reply as one chat completion."""
    text, calls = _said(reply, body, number)
    message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": reply.refusal}
    if calls:
        message["tool_calls"] = calls
    choice = {"index": 0, "message": message, "finish_reason": _finish(reply, calls, body), "logprobs": None}
    return _envelope("chat.completion", body, number) | {"choices": [choice]} | _usage(reply)


def chunks(reply: Reply, body: dict[str, Any], number: int) -> Iterator[dict[str, Any]]:
    """Yield a reply as the chunks of a stream."""
    text, calls = _said(reply, body, number)
    envelope = _envelope("chat.completion.chunk", body, number)

    def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        return envelope | {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

    yield chunk({"role": "assistant", "content": ""})
    for start in range(0, len(text or ""), PIECE):
        yield chunk({"content": (text or "")[start : start + PIECE]})
    if reply.refusal is not None:
        yield chunk({"refusal": reply.refusal})
    for place, call in enumerate(calls):
        yield chunk({"tool_calls": [{"index": place, **call}]})
    yield chunk({}, _finish(reply, calls, body))
    if reply.usage and (body.get("stream_options") or {}).get("include_usage"):
        yield envelope | {"choices": []} | _usage(reply)


def _said(reply: Reply, body: dict[str, Any], number: int) -> tuple[str | None, list[dict[str, Any]]]:
    """Return the text and the tool calls of a reply, in the form that the request asks for."""
    text, calls = reply.text, list(reply.tool_calls)
    if reply.json is not None:
        text = json.dumps(reply.json, ensure_ascii=False)
    if text is not None and reply.spoilt is not None:
        text = reply.spoilt(text)
    forced = _forced_function(body)
    # What does not look like arguments, servers leave where the model put it: in the text.
    if reply.json is not None and forced and text and text.startswith("{"):
        calls.append(ToolCall(forced, text))
        text = None
    return text, [_call(call, f"call_{number}_{place}") for place, call in enumerate(calls)]


def _call(call: ToolCall, identifier: str) -> dict[str, Any]:
    given = call.arguments
    arguments = given if isinstance(given, str) else json.dumps(dict(given), ensure_ascii=False)
    return {
        "id": call.id or identifier,
        "type": "function",
        "function": {"name": call.name, "arguments": arguments},
    }


def _forced_function(body: dict[str, Any]) -> str | None:
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        return str(choice["function"]["name"])
    if choice in ("required", "any"):
        return str(body["tools"][0]["function"]["name"])
    return None


def _title_in(text: str) -> str | None:
    """Return the title of the JSON Schema that a text holds."""
    decoder, place = json.JSONDecoder(), text.find("{")
    while place >= 0:
        try:
            found, _ = decoder.raw_decode(text, place)
        except ValueError:
            found = {}
        if "title" in found and "properties" in found:
            return str(found["title"])
        place = text.find("{", place + 1)
    return None


def _finish(reply: Reply, calls: list[dict[str, Any]], body: dict[str, Any]) -> str:
    # The API itself says "stop" when the function was forced.
    return reply.finish_reason or ("tool_calls" if calls and not _forced_function(body) else "stop")


def _envelope(kind: str, body: dict[str, Any], number: int) -> dict[str, Any]:
    model = body.get("model", "scripted")
    return {"id": f"chatcmpl-{number}", "object": kind, "created": 1_767_225_600, "model": model}


def _usage(reply: Reply) -> dict[str, Any]:
    if reply.usage is None:
        return {}
    prompt, answer = reply.usage
    return {"usage": {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}}


def _text_of(content: Any) -> str:
    if isinstance(content, list):
        return "".join(block.get("text", "") for block in content if isinstance(block, dict))
    return content or ""
