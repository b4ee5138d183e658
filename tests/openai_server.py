"""A server on 127.0.0.1 that speaks the OpenAI API and answers from a script: no key, no network.

Any OpenAI client takes it as its ``base_url``::

    from openai_server import OpenAIServer, Reply, ToolCall

    with OpenAIServer() as server:
        server.script("Hello!", Reply(tool_calls=(ToolCall("search", {"query": "bees"}),)), "Done.")
        model = ChatOpenAI(base_url=server.url, api_key="sk-test", model="scripted", max_retries=0)
        model.invoke("Hi")                      # "Hello!"; then a tool call; then "Done."
        server.requests[0].body["messages"]     # what the client really sent

Chat completions are answered in the order of the script, streamed if the request says ``"stream": true``. An
entry of the script is

* a text, or a ``Reply`` with text, tool calls, a refusal, or another ``finish_reason`` such as ``"length"``;
* ``Reply(json={...})``: an object, given as the request asks for it: as the arguments of the function that it
  forces, else as JSON text (``response_format`` with a ``json_schema`` included);
* a ``Failure(429, code="rate_limit_exceeded")``: an HTTP error; ``Failure.DROP`` closes the connection with
  no answer, ``Failure.HANG`` says nothing until the server is closed, for timeouts;
* a function that is given the request's body and returns one of these.

``server.default`` is the entry for everything after the script's end. Without one the request is answered
with status 400, which clients do not retry, and a message that says so.

``/embeddings`` answers without a script: the vectors of ``HashEmbedder(server.dimension)``, as floats or
base64; ``server.embedding_failure`` makes it fail instead.
"""

from __future__ import annotations

import base64
import json
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from types import TracebackType
from typing import Any, ClassVar, Self

from memoryos_integrations.testing import HashEmbedder

PIECE = 4  # characters per streamed chunk


@dataclass(frozen=True)
class ToolCall:
    """A function that the model asks to be called."""

    name: str
    arguments: Mapping[str, Any] | str = field(default_factory=dict)
    """A mapping, or raw text to send arguments that are no JSON."""
    id: str | None = None


@dataclass(frozen=True)
class Reply:
    """What the model answers."""

    text: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    json: Any = None
    """An object: the arguments of the function that the request forces, else JSON text."""
    refusal: str | None = None
    finish_reason: str | None = None
    """By default ``"tool_calls"`` with tool calls, else ``"stop"``."""
    usage: tuple[int, int] = (10, 5)
    """Tokens of the prompt and of the completion."""
    breaks_after: int | None = None
    """When streamed: the connection breaks after this many chunks."""


@dataclass(frozen=True)
class Failure:
    """An answer that is none."""

    status: int
    """HTTP status; 0 closes the connection, -1 says nothing until the server is closed."""
    message: str = "Scripted failure."
    code: str | None = None
    type: str = "error"
    headers: Mapping[str, str] = field(default_factory=dict)

    DROP: ClassVar[Failure]
    HANG: ClassVar[Failure]


Failure.DROP = Failure(0)
Failure.HANG = Failure(-1)

Answer = str | Reply | Failure | Callable[[dict[str, Any]], "str | Reply | Failure"]


@dataclass(frozen=True)
class Request:
    """What a client sent."""

    path: str
    body: dict[str, Any]
    headers: dict[str, str]
    """Names in lower case."""

    @property
    def texts(self) -> list[str]:
        """The text of each message of a chat completion, in order."""
        return [_text_of(message.get("content")) for message in self.body.get("messages", [])]


class OpenAIServer:
    """The server; a context manager. Safe from any thread, as are its clients.

    Attributes:
        requests: every request, oldest first.
        default: the answer once the script is used up; ``None``: status 400.
        dimension: length of the vectors of ``/embeddings``.
        embedding_failure: what ``/embeddings`` answers instead of vectors.
    """

    def __init__(self, *answers: Answer, default: Answer | None = None, dimension: int = 64) -> None:
        self.requests: list[Request] = []
        self.default = default
        self.dimension = dimension
        self.embedding_failure: Failure | None = None
        self._script: deque[Answer] = deque(answers)
        self._lock = threading.Lock()
        self._ids = count(1)
        self.closing = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._http.daemon_threads = False  # closing waits for them, so none outlives the test
        self._http.scripted = self  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), name="openai-server")
        self._thread.start()

    @property
    def url(self) -> str:
        """What a client takes as ``base_url``."""
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    @property
    def chats(self) -> list[Request]:
        """The requests for chat completions, oldest first."""
        return [request for request in self.requests if request.path.endswith("/chat/completions")]

    def script(self, *answers: Answer) -> None:
        """Add answers at the script's end."""
        with self._lock:
            self._script.extend(answers)

    def close(self) -> None:
        """Stop, and let those who hang go."""
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def answer_to(self, request: Request) -> tuple[Reply | Failure, int]:
        """Return the next answer and its number."""
        with self._lock:
            self.requests.append(request)
            number = next(self._ids)
            if "/embeddings" in request.path:
                return self.embedding_failure or Reply(json=self._embedded(request.body)), number
            answer = self._script.popleft() if self._script else self.default
        if callable(answer):
            answer = answer(request.body)
        if answer is None:
            return Failure(400, "The script has no answer left.", type="invalid_request_error"), number
        return Reply(answer) if isinstance(answer, str) else answer, number

    def _embedded(self, body: dict[str, Any]) -> dict[str, Any]:
        given = body["input"]
        texts = [given] if isinstance(given, str) else [t if isinstance(t, str) else str(t) for t in given]
        vectors = HashEmbedder(self.dimension).embed(texts)
        encoded = _base64 if body.get("encoding_format") == "base64" else _floats
        return {
            "object": "list",
            "model": body.get("model", "scripted"),
            "usage": {"prompt_tokens": 1, "total_tokens": 1},
            "data": [
                {
                    "object": "embedding",
                    "index": place,
                    "embedding": encoded(vector),
                }
                for place, vector in enumerate(vectors)
            ],
        }


class _Handler(BaseHTTPRequestHandler):
    """One request. The connection is closed after it, so a test leaves no socket behind."""

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(length) or b"{}")
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.path, body, headers)
        answer, number = self._server.answer_to(request)
        try:
            if isinstance(answer, Failure):
                self._fail(answer)
            elif "/embeddings" in self.path:
                self._send(200, answer.json)
            elif body.get("stream"):
                self._stream(answer, body, number)
            else:
                self._send(200, _completion(answer, body, number))
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client has gone, as a test of an early stop wants it

    def do_GET(self) -> None:
        self._send(200, {"object": "list", "data": [{"id": "scripted", "object": "model"}]})

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server calls
        """Say nothing."""

    @property
    def _server(self) -> OpenAIServer:
        return self.server.scripted  # type: ignore[attr-defined]

    def _fail(self, failure: Failure) -> None:
        if failure.status < 0:
            self._server.closing.wait()
        if failure.status <= 0:
            self.close_connection = True
            return
        error = {"message": failure.message, "type": failure.type, "code": failure.code, "param": None}
        self._send(failure.status, {"error": error}, failure.headers)

    def _send(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        encoded = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(encoded)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(encoded)

    def _stream(self, reply: Reply, body: dict[str, Any], number: int) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for place, chunk in enumerate(_chunks(reply, body, number)):
            if place == reply.breaks_after:
                return
            self.wfile.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
            self.wfile.flush()
        self.wfile.write(b"data: [DONE]\n\n")


def _completion(reply: Reply, body: dict[str, Any], number: int) -> dict[str, Any]:
    text, calls = _said(reply, body, number)
    message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": reply.refusal}
    if calls:
        message["tool_calls"] = calls
    choice = {"index": 0, "message": message, "finish_reason": _finish(reply, calls, body), "logprobs": None}
    return _envelope("chat.completion", body, number) | {"choices": [choice], "usage": _usage(reply)}


def _chunks(reply: Reply, body: dict[str, Any], number: int) -> Iterator[dict[str, Any]]:
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
    if (body.get("stream_options") or {}).get("include_usage"):
        yield envelope | {"choices": [], "usage": _usage(reply)}


def _said(reply: Reply, body: dict[str, Any], number: int) -> tuple[str | None, list[dict[str, Any]]]:
    """Return the text and the tool calls of a reply, in the form that the request asks for."""
    text, calls = reply.text, list(reply.tool_calls)
    if reply.json is not None:
        forced = _forced_function(body)
        if forced is None:
            text = json.dumps(reply.json)
        else:
            calls.append(ToolCall(forced, reply.json))
    return text, [
        {
            "id": call.id or f"call_{number}_{place}",
            "type": "function",
            "function": {
                "name": call.name,
                "arguments": call.arguments
                if isinstance(call.arguments, str)
                else json.dumps(dict(call.arguments)),
            },
        }
        for place, call in enumerate(calls)
    ]


def _forced_function(body: dict[str, Any]) -> str | None:
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        return str(choice["function"]["name"])
    if choice in ("required", "any"):
        return str(body["tools"][0]["function"]["name"])
    return None


def _finish(reply: Reply, calls: list[dict[str, Any]], body: dict[str, Any]) -> str:
    # The API itself says "stop" when the function was forced.
    return reply.finish_reason or ("tool_calls" if calls and not _forced_function(body) else "stop")


def _envelope(kind: str, body: dict[str, Any], number: int) -> dict[str, Any]:
    model = body.get("model", "scripted")
    return {"id": f"chatcmpl-{number}", "object": kind, "created": 1_767_225_600, "model": model}


def _usage(reply: Reply) -> dict[str, int]:
    prompt, completion = reply.usage
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _base64(vector: Any) -> str:
    return base64.b64encode(vector.tobytes()).decode()


def _floats(vector: Any) -> list[float]:
    return [float(number) for number in vector]


def _text_of(content: Any) -> str:
    if isinstance(content, list):
        return "".join(block.get("text", "") for block in content if isinstance(block, dict))
    return content or ""
