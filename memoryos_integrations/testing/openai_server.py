"""A scripted server on 127.0.0.1 with the OpenAI API: no key, no network.

Use it as the ``base_url`` of any OpenAI client::

    from memoryos_integrations.testing import OpenAIServer, Reply, ToolCall

    with OpenAIServer() as server:
        server.script("Hello!", Reply(tool_calls=(ToolCall("search", {"query": "bees"}),)), "Done.")
        model = ChatOpenAI(base_url=server.url, api_key="sk-test", model="scripted", max_retries=0)
        model.invoke("Hi")                      # "Hello!"; then a tool call; then "Done."
        server.requests[0].body["messages"]     # what the client sent

Chat completions are answered in the order of the script, streamed if the request has ``"stream": true``. An
entry of the script is

* a text, or a ``Reply`` with text, tool calls, a refusal, or another ``finish_reason`` such as ``"length"``;
* ``Reply(json={...})``: an object, as arguments if the request forces a function, else as JSON text;
* a ``Failure(429, code="rate_limit_exceeded")``: an HTTP error; see also ``Failure.DROP``, ``HANG``, ``HTML``
  and ``GARBLED``;
* a function from the request's body to one of these.

When the script is used up, ``server.by_task`` answers requests for objects by the name of their schema, as in
``{"Topics": Reply(json={"topics": []})}``, and ``server.default`` all others. Without an answer the status is
400, which clients do not retry.

``server.faults = {3: "truncated"}`` damages the third chat completion; see ``openai_faults.FAULTS``.
``server.delay = 2.0`` delays every answer by as many seconds, or until the server is closed.

``/embeddings`` returns vectors of ``HashEmbedder(server.dimension)``, as floats or base64, or fails with
``server.embedding_failure``.

``python -m memoryos_integrations.testing.openai_server --port 0`` prints its URL and echoes messages until it
is interrupted.
"""

from __future__ import annotations

import base64
import json
import signal
import threading
from collections import deque
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from types import TracebackType
from typing import Any, Self

from memoryos_integrations.testing.hash_embedder import HashEmbedder
from memoryos_integrations.testing.openai_faults import FAULTS
from memoryos_integrations.testing.openai_wire import (
    Answer,
    Failure,
    Reply,
    Request,
    ToolCall,
    chunks,
    completion,
)

__all__ = ["FAULTS", "Answer", "Failure", "OpenAIServer", "Reply", "Request", "ToolCall"]


class OpenAIServer:
    """The server; a context manager. Thread-safe.

    Args:
        answers: the script.
        default: the answer once the script is used up; ``None``: status 400.
        by_task: the answers to requests for objects once the script is used up, by the schema's name.
        dimension: length of the vectors of ``/embeddings``.
        port: a free one by default.

    Attributes:
        requests: every request, oldest first.
        default, by_task, dimension: as above; may be changed.
        faults: names of faults by number of the chat completion, counted from 1.
        delay: seconds before each answer.
        embedding_failure: the answer of ``/embeddings`` instead of vectors.
        closing: set while the server is closing.
    """

    def __init__(
        self,
        *answers: Answer,
        default: Answer | None = None,
        by_task: Mapping[str, Answer] | None = None,
        dimension: int = 64,
        port: int = 0,
    ) -> None:
        self.requests: list[Request] = []
        self.default = default
        self.by_task: Mapping[str, Answer] = by_task or {}
        self.dimension = dimension
        self.faults: Mapping[int, str] = {}
        self.delay = 0.0
        self.embedding_failure: Failure | None = None
        self.closing = threading.Event()
        self._script: deque[Answer] = deque(answers)
        self._lock = threading.Lock()
        self._ids = count(1)
        self._http = ThreadingHTTPServer(("127.0.0.1", port), _Handler)
        self._http.daemon_threads = False  # close() waits for them, so none outlives the test
        self._http.scripted = self  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), name="openai-server")
        self._thread.start()

    @property
    def url(self) -> str:
        """The ``base_url`` for clients."""
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    @property
    def chats(self) -> list[Request]:
        """The requests for chat completions, oldest first."""
        return [request for request in self.requests if request.is_chat]

    def script(self, *answers: Answer) -> None:
        """Append answers to the script."""
        with self._lock:
            self._script.extend(answers)

    def close(self) -> None:
        """Stop, and release hanging requests."""
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
            fault = self.faults.get(len(self.chats))
            answer = self._script.popleft() if self._script else self._unscripted(request)
        if callable(answer):
            answer = answer(request.body)
        if isinstance(answer, str):
            answer = Reply(answer)
        if answer is None:
            target = f" to a request for {request.task}" if request.task else ""
            answer = Failure(400, f"The script has no answer left{target}.", type="invalid_request_error")
        if fault is not None and isinstance(answer, Reply):
            answer = FAULTS[fault](answer)
        return answer, number

    def _unscripted(self, request: Request) -> Answer | None:
        return self.by_task.get(request.task, self.default) if request.task else self.default

    def _embedded(self, body: dict[str, Any]) -> dict[str, Any]:
        inputs = body["input"]
        texts = [inputs] if isinstance(inputs, str) else [str(item) for item in inputs]
        vectors = HashEmbedder(self.dimension).embed(texts)
        in_base64 = body.get("encoding_format") == "base64"
        return {
            "object": "list",
            "model": body.get("model", "scripted"),
            "usage": {"prompt_tokens": 1, "total_tokens": 1},
            "data": [
                {
                    "object": "embedding",
                    "index": place,
                    "embedding": base64.b64encode(vector.tobytes()).decode()
                    if in_base64
                    else vector.tolist(),
                }
                for place, vector in enumerate(vectors)
            ],
        }


class _Handler(BaseHTTPRequestHandler):
    """Handles one request. The connection is closed afterwards, so tests leave no socket behind."""

    protocol_version = "HTTP/1.1"  # so that clients notice a broken stream

    def do_POST(self) -> None:
        """Send the next answer or failure."""
        length = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(length) or b"{}")
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer, number = self._server.answer_to(Request(self.path, body, headers))
        if self._server.closing.wait(self._server.delay) and self._server.delay:
            answer = Failure.DROP
        try:
            if isinstance(answer, Failure):
                self._fail(answer)
            elif "/embeddings" in self.path:
                self._send(200, answer.json)
            elif body.get("stream"):
                self._stream(answer, body, number)
            else:
                self._send(200, completion(answer, body, number))
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client has gone, as in tests of early stops

    def do_GET(self) -> None:
        """List the models."""
        self._send(200, {"object": "list", "data": [{"id": "scripted", "object": "model"}]})

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server calls
        """Say nothing."""

    @property
    def _server(self) -> OpenAIServer:
        server: OpenAIServer = self.server.scripted  # type: ignore[attr-defined]
        return server

    def _fail(self, failure: Failure) -> None:
        if failure.status < 0:
            self._server.closing.wait()
        if failure.status <= 0:
            self.close_connection = True
            return
        error = {"message": failure.message, "type": failure.type, "code": failure.code, "param": None}
        self._send(
            failure.status, {"error": error} if failure.body is None else failure.body, failure.headers
        )

    def _send(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        encoded = (body if isinstance(body, str) else json.dumps(body)).encode()
        length = str(len(encoded))
        self._begin(
            status, {"Content-Type": "application/json", "Content-Length": length} | dict(headers or {})
        )
        self.wfile.write(encoded)

    def _begin(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()

    def _stream(self, reply: Reply, body: dict[str, Any], number: int) -> None:
        self._begin(200, {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"})
        for place, chunk in enumerate(chunks(reply, body, number)):
            if place == reply.breaks_after:
                return
            self._write(f"data: {json.dumps(chunk)}\n\n".encode())
        self._write(b"data: [DONE]\n\n")
        self._write(b"")

    def _write(self, part: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
        self.wfile.flush()


def echo(body: dict[str, Any]) -> Reply | Failure:
    """Return the last user message as the answer; requests for objects fail."""
    request = Request("/chat/completions", body, {})
    if request.task is not None:
        return Failure(400, f"There is no answer for {request.task}.", type="invalid_request_error")
    messages = [
        text
        for text, message in zip(request.texts, body.get("messages", []), strict=True)
        if message.get("role") == "user"
    ]
    return Reply(messages[-1] if messages else "Yes?")


def serve_until_interrupted(server: OpenAIServer) -> None:
    """Print the server's URL, wait for SIGINT or SIGTERM, and close it."""
    import typer

    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    with server:
        typer.echo(server.url)
        stopped.wait()


def serve(port: int = 0, delay: float = 0.0) -> None:
    """Echo messages until interrupted."""
    server = OpenAIServer(default=echo, port=port)
    server.delay = delay
    serve_until_interrupted(server)


if __name__ == "__main__":
    import typer

    typer.run(serve)
