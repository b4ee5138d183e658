"""The only model there is: a scripted one on 127.0.0.1 that counts, takes its time, or is down."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Self

from memoryos_integrations.testing import Failure, OpenAIServer, Reply

DIMENSION = 384
NAME = "gpt-4o-mini"
KEY = "none"
NOWHERE = "http://127.0.0.1:9/v1"
"""Where no server is."""

# With this header OpenAI's client does not wait and try again; the answer would be the same.
_DOWN = Failure(500, headers={"x-should-retry": "false"})


class Model:
    """A chat model and an embedder behind OpenAI's API.

    Args:
        reply: returns the valid answer to a request's body, in the form that the system under test asks for.
        delay: seconds that a chat completion takes; embeddings take none.

    Attributes:
        down: whether chat completions fail with status 500; embeddings do not.
        calls: when each chat completion that was answered began and ended, by ``time.perf_counter``.
    """

    def __init__(self, reply: Callable[[dict[str, Any]], Reply], delay: float = 0.0) -> None:
        self.down = False
        self.calls: list[tuple[float, float]] = []
        self._delay = delay
        self._reply = reply
        self._server = OpenAIServer(default=self._answer, dimension=DIMENSION)

    @property
    def url(self) -> str:
        """What a client takes as ``base_url``."""
        return self._server.url

    def _answer(self, body: dict[str, Any]) -> Reply | Failure:
        if self.down:
            return _DOWN
        began = time.perf_counter()
        time.sleep(self._delay)
        answer = self._reply(body)
        self.calls.append((began, time.perf_counter()))
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()


def words_of(body: dict[str, Any]) -> list[str]:
    """Return the text of each message of a request, in order."""
    return [_text(message.get("content")) for message in body["messages"]]


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content)
    return content or ""
