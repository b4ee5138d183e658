"""Responding: a chat model answers the user from memory, and the turn is stored.

The question is on disk before the model is called, so a failing model loses no turn. A repeated call reuses
the open page: the question is not stored twice.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from memoryos_integrations import arguments, checks
from memoryos_integrations.clock import to_us
from memoryos_integrations.errors import InvalidInputError, LLMBadOutput, StoreError
from memoryos_integrations.model.prompts.respond import ResponseOptions, respond_prompt
from memoryos_integrations.tiers import short_term

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    import sqlalchemy as sa

    from memoryos_integrations.arguments import CheckedTurn
    from memoryos_integrations.clock import Times
    from memoryos_integrations.model.metered_llm import MeteredLLM
    from memoryos_integrations.protocols import Prompt
    from memoryos_integrations.storage.ledger import Ledger
    from memoryos_integrations.storage.scope import Scope
    from memoryos_integrations.types import Context, Message, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A question with its options, already validated."""

    query: str
    thread_id: str
    options: ResponseOptions
    most_pages: int | None = None
    """Most pages beyond short-term memory in the context; by default as many as the tokens allow."""


def checked(
    query: object,
    *,
    thread_id: object,
    style_hint: object = None,
    relationship: object = None,
    circumstances: str | None = None,
    most_pages: int | None = None,
) -> Request:
    """Validate the arguments of a request.

    Raises:
        InvalidInputError: an argument is unusable.
    """
    text = checks.text("query", query)
    if not text.strip():
        raise InvalidInputError("query must not be empty")
    options = ResponseOptions(
        style_hint=None if style_hint is None else checks.identifier("style_hint", style_hint),
        relationship=None if relationship is None else checks.identifier("relationship", relationship),
        circumstances=circumstances,
    )
    thread = checks.identifier("thread_id", thread_id)
    return Request(query=text, thread_id=thread, options=options, most_pages=most_pages)


class Responder:
    """Answers the requests of one user.

    Args:
        llm: the chat model.
        ledger: where the turn is stored.
        times: the store's clock.
        scope: whose memory is read and extended.
        max_tokens: of the context.
        build_context: returns the context of a request.
        on_added: called with the scope, the page and the new messages once they are stored.
    """

    def __init__(
        self,
        llm: MeteredLLM,
        ledger: Ledger,
        times: Times,
        scope: Scope,
        *,
        max_tokens: int,
        build_context: Callable[..., Context],
        on_added: Callable[[int, str, tuple[str, ...]], None],
    ) -> None:
        self._llm, self._ledger, self._times, self._scope = llm, ledger, times, scope
        self._max_tokens, self._build_context, self._on_added = max_tokens, build_context, on_added

    def reply(self, request: Request) -> str:
        """Return the answer; the turn is stored when this returns."""
        prompt, turn = self._start(request)
        answer = _usable(self._llm.reply(turn.scope, prompt))
        self._finish(request, turn, answer)
        return answer

    def stream(self, request: Request) -> Generator[str]:
        """Yield the answer in pieces; what was yielded is stored when the stream ends or is closed."""
        prompt, turn = self._start(request)
        pieces: list[str] = []
        try:
            with closing(self._llm.stream(turn.scope, prompt)) as stream:
                for piece in stream:
                    pieces.append(piece)
                    yield piece
        except GeneratorExit:
            if "".join(pieces).strip():
                self._finish(request, turn, _usable("".join(pieces)))
            raise
        self._finish(request, turn, _usable("".join(pieces)))

    def _start(self, request: Request) -> tuple[Prompt[str], _OpenTurn]:
        """Build the context, then store the question, so that it does not retrieve itself."""
        ledger, now = self._ledger, self._times.now()
        with ledger.read() as tx:
            state = self._state(tx)
            stored = None if state is None else self._unanswered(tx, state, request)
        context = self._build_context(
            request.query,
            max_tokens=self._max_tokens,
            thread_id=request.thread_id,
            shown=() if stored is None else (stored.id,),
            most_pages=request.most_pages,
        )
        with ledger.write() as tx:
            self._scope.lock(tx)
            before = self._state(tx)
            question = None if before is None else self._unanswered(tx, before, request)
            is_new = question is None
            if question is None:
                turn = self._turn(request, "user", request.query)
                question, _ = short_term.add_message(tx, self._scope, turn, to_us(now))
            after = self._state(tx)
        if after is None:
            raise StoreError("The question could not be stored; call respond() again.")
        if is_new:
            self._on_added(after.scope, question.page_id, (question.id,))
        prompt = respond_prompt(request.query, context.text, request.options, today=now)
        return prompt, _OpenTurn(after.scope, question.page_id, state or after)

    def _finish(self, request: Request, turn: _OpenTurn, answer: str) -> None:
        """Store the answer, unless something was erased meanwhile: it may repeat forgotten text."""
        assistant = self._turn(request, "assistant", answer)
        with self._ledger.write() as tx:
            self._scope.lock(tx)
            if self._state(tx) != turn.state:
                return
            message, _ = short_term.add_message(
                tx, self._scope, assistant, self._times.now_us(), page_id=turn.page_id
            )
        self._on_added(turn.scope, message.page_id, (message.id,))

    def _state(self, tx: sa.Connection) -> _State | None:
        number = self._scope.number(tx)
        return None if number is None else _State(number, self._scope.erasures(tx))

    def _unanswered(self, tx: sa.Connection, state: _State, request: Request) -> Message | None:
        return short_term.unanswered(tx, state.scope, request.thread_id, request.query)

    def _turn(self, request: Request, role: Role, text: str) -> CheckedTurn:
        return arguments.turn(
            ((role, text),),
            thread_id=request.thread_id,
            at=None,
            event_id=None,
            metadata=None,
            clock=self._times.now,
        )


@dataclass(frozen=True, slots=True)
class _State:
    """A scope's number and erasure count; changes when something is erased."""

    scope: int
    erasures: int


@dataclass(frozen=True, slots=True)
class _OpenTurn:
    """A stored question that awaits its answer."""

    scope: int
    page_id: str
    state: _State
    """Of the scope when the context was built."""


def _usable(answer: str) -> str:
    """Return an answer ready for storage.

    Raises:
        LLMBadOutput: it is empty or too long.
    """
    text = answer.encode("utf-8", "replace").decode().replace("\x00", "\N{REPLACEMENT CHARACTER}")
    if not text.strip():
        raise LLMBadOutput("The model's answer is empty. The question is stored: call again to retry.")
    if len(text.encode()) > checks.MAX_TEXT_BYTES:
        raise LLMBadOutput(f"The model's answer is longer than the {checks.MAX_TEXT_BYTES} bytes of a text.")
    return text
