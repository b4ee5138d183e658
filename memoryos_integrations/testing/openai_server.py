"""A server on 127.0.0.1 that speaks the OpenAI API and answers from a script: no key, no network.

Any OpenAI client takes it as its ``base_url``::

    from memoryos_integrations.testing import OpenAIServer, Reply, ToolCall

    with OpenAIServer() as server:
        server.script("Hello!", Reply(tool_calls=(ToolCall("search", {"query": "bees"}),)), "Done.")
        model = ChatOpenAI(base_url=server.url, api_key="sk-test", model="scripted", max_retries=0)
        model.invoke("Hi")                      # "Hello!"; then a tool call; then "Done."
        server.requests[0].body["messages"]     # what the client really sent

Chat completions are answered in the order of the script, streamed if the request says ``"stream": true``. An
entry of the script is

* a text, or a ``Reply`` with text, tool calls, a refusal, or another ``finish_reason`` such as ``"length"``;
* ``Reply(json={...})``: an object, given as the request asks for it: as the arguments of the function that it
  forces, else as JSON text;
* a ``Failure(429, code="rate_limit_exceeded")``: an HTTP error; ``Failure.DROP``, ``HANG``, ``HTML`` and
  ``GARBLED`` are worse ones;
* a function that is given the request's body and returns one of these.

After the script's end ``server.by_task`` answers requests for objects by the name of their schema, as in
``{"Topics": Reply(json={"topics": []})}``, and ``server.default`` everything else. A request that none of
them answers gets status 400, which clients do not retry, and a message that says so.

``server.faults = {3: "truncated"}`` spoils the third chat completion; ``openai_faults.FAULTS`` has the names.
``server.delay = 2.0`` makes every answer wait so many seconds, or until the server is closed.

``/embeddings`` answers without a script: the vectors of ``HashEmbedder(server.dimension)``, as floats or
base64; ``server.embedding_failure`` makes it fail instead.

``python -m memoryos_integrations.testing.openai_server --port 0`` prints its URL, and repeats what it is told
until it is interrupted.
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
    """The server; a context manager. Safe from any thread, as are its clients.

    Args:
        answers: the script.
        default: the answer once the script is used up; ``None``: status 400.
        by_task: the answers to requests for objects once the script is used up, by the schema's name.
        dimension: length of the vectors of ``/embeddings``.
        port: by default one that is free.

    Attributes:
        requests: every request, oldest first.
        default, by_task, dimension: as above; they may be set anew.
        faults: the name of a fault for the number of a chat completion, counted from 1.
        delay: seconds before each answer.
        embedding_failure: what ``/embeddings`` answers instead of vectors.
        closing: set when the server is being closed.
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
        return [request for request in self.requests if request.is_chat]

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
            fault = self.faults.get(len(self.chats))
            answer = self._script.popleft() if self._script else self._unscripted(request)
        if callable(answer):
            answer = answer(request.body)
        if isinstance(answer, str):
            answer = Reply(answer)
        if answer is None:
            asked = f" to a request for {request.task}" if request.task else ""
            answer = Failure(400, f"The script has no answer left{asked}.", type="invalid_request_error")
        if fault is not None and isinstance(answer, Reply):
            answer = FAULTS[fault](answer)
        return answer, number

    def _unscripted(self, request: Request) -> Answer | None:
        return self.by_task.get(request.task, self.default) if request.task else self.default

    def _embedded(self, body: dict[str, Any]) -> dict[str, Any]:
        given = body["input"]
        texts = [given] if isinstance(given, str) else [t if isinstance(t, str) else str(t) for t in given]
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
    """One request. The connection is closed after it, so a test leaves no socket behind."""

    protocol_version = "HTTP/1.1"  # a stream that breaks off is seen to

    def do_POST(self) -> None:
        """Answer, or do what the script does instead."""
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
            pass  # the client has gone, as a test of an early stop wants it

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


def repeated(body: dict[str, Any]) -> Reply | Failure:
    """Return the user's last words, as an answer to try things with; an object it cannot make up."""
    request = Request("/chat/completions", body, {})
    if request.task is not None:
        return Failure(400, f"No answer is known for {request.task}.", type="invalid_request_error")
    said = [
        text
        for text, message in zip(request.texts, body.get("messages", []), strict=True)
        if message.get("role") == "user"
    ]
    return Reply(said[-1] if said else "Yes?")


def serve(port: int = 0, delay: float = 0.0) -> None:
    """Print the URL and answer until interrupted."""
    import typer

    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    with OpenAIServer(default=repeated, port=port) as server:
        server.delay = delay
        typer.echo(server.url)
        stopped.wait()


if __name__ == "__main__":
    import typer

    typer.run(serve)
