"""Responding: what is remembered goes to a chat model with the user's question, and the turn is stored.

The question is on disk before the model is asked, so that a model that fails costs no turn. Asked again, it
is the same open page: the question is not stored twice.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from memoryos_integrations import arguments, checks
from memoryos_integrations.clock import to_us
from memoryos_integrations.errors import InvalidInputError, LLMBadOutput, StoreError
from memoryos_integrations.model.prompts.respond import Manner, respond_prompt
from memoryos_integrations.tiers import short_term

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    import sqlalchemy as sa

    from memoryos_integrations.arguments import Turn
    from memoryos_integrations.clock import Times
    from memoryos_integrations.model.metered_llm import MeteredLLM
    from memoryos_integrations.protocols import Prompt
    from memoryos_integrations.storage.ledger import Ledger
    from memoryos_integrations.storage.scope import Scope
    from memoryos_integrations.types import Context, Message, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked, already checked."""

    query: str
    thread_id: str
    manner: Manner
    most_pages: int | None = None
    """Most pages from beyond short-term memory that the model is shown; by default what the tokens allow."""


def checked(
    query: object,
    *,
    thread_id: object,
    style_hint: object = None,
    relationship: object = None,
    circumstances: str | None = None,
    most_pages: int | None = None,
) -> Request:
    """Return a request, ready to be answered.

    Raises:
        InvalidInputError: an argument is unusable.
    """
    asked = checks.text("query", query)
    if not asked.strip():
        raise InvalidInputError("query must not be empty")
    manner = Manner(
        style_hint=None if style_hint is None else checks.identifier("style_hint", style_hint),
        relationship=None if relationship is None else checks.identifier("relationship", relationship),
        circumstances=circumstances,
    )
    thread = checks.identifier("thread_id", thread_id)
    return Request(query=asked, thread_id=thread, manner=manner, most_pages=most_pages)


class Responder:
    """Answers the requests of one user.

    Args:
        llm: the chat model.
        ledger: where the turn is stored.
        times: the store's clock.
        scope: whose memory is recalled and added to.
        max_tokens: of what is recalled.
        recall: returns the context of a request.
        added: called with the scope, the page and the new messages once they are stored.
    """

    def __init__(
        self,
        llm: MeteredLLM,
        ledger: Ledger,
        times: Times,
        scope: Scope,
        *,
        max_tokens: int,
        recall: Callable[..., Context],
        added: Callable[[int, str, tuple[str, ...]], None],
    ) -> None:
        self._llm, self._ledger, self._times, self._scope = llm, ledger, times, scope
        self._max_tokens, self._recall, self._added = max_tokens, recall, added

    def reply(self, request: Request) -> str:
        """Answer at once; the turn is stored when this returns."""
        prompt, turn = self._begun(request)
        answer = _usable(self._llm.reply(turn.scope, prompt))
        self._finish(request, turn, answer)
        return answer

    def stream(self, request: Request) -> Generator[str]:
        """Answer piece by piece; what was yielded is stored when the stream ends or is given up."""
        prompt, turn = self._begun(request)
        said: list[str] = []
        try:
            with closing(self._llm.stream(turn.scope, prompt)) as pieces:
                for piece in pieces:
                    said.append(piece)
                    yield piece
        except GeneratorExit:
            if "".join(said).strip():
                self._finish(request, turn, _usable("".join(said)))
            raise
        self._finish(request, turn, _usable("".join(said)))

    def _begun(self, request: Request) -> tuple[Prompt[str], _OpenTurn]:
        """Recall, then store the question: so it is no memory of itself."""
        ledger, now = self._ledger, self._times.now()
        with ledger.read() as tx:
            state = self._state(tx)
            known = None if state is None else self._unanswered(tx, state, request)
        memories = self._recall(
            request.query,
            max_tokens=self._max_tokens,
            thread_id=request.thread_id,
            shown=() if known is None else (known.id,),
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
            raise StoreError("The ledger did not take the question; ask again.")
        if is_new:
            self._added(after.scope, question.page_id, (question.id,))
        prompt = respond_prompt(request.query, memories.text, request.manner, today=now)
        return prompt, _OpenTurn(after.scope, question.page_id, state or after)

    def _finish(self, request: Request, turn: _OpenTurn, answer: str) -> None:
        """Store the answer, unless something was erased meanwhile: it may repeat what was forgotten."""
        said = self._turn(request, "assistant", answer)
        with self._ledger.write() as tx:
            self._scope.lock(tx)
            if self._state(tx) != turn.state:
                return
            message, _ = short_term.add_message(
                tx, self._scope, said, self._times.now_us(), page_id=turn.page_id
            )
        self._added(turn.scope, message.page_id, (message.id,))

    def _state(self, tx: sa.Connection) -> _State | None:
        number = self._scope.number(tx)
        return None if number is None else _State(number, self._scope.erasures(tx))

    def _unanswered(self, tx: sa.Connection, state: _State, request: Request) -> Message | None:
        return short_term.unanswered(tx, state.scope, request.thread_id, request.query)

    def _turn(self, request: Request, role: Role, text: str) -> Turn:
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
    """What changes when something of a scope is erased."""

    scope: int
    erasures: int


@dataclass(frozen=True, slots=True)
class _OpenTurn:
    """A turn whose answer is being made."""

    scope: int
    page_id: str
    state: _State
    """Of the scope when it was recalled from."""


def _usable(answer: str) -> str:
    """Return an answer as it can be stored.

    Raises:
        LLMBadOutput: it says nothing, or is no text for a store.
    """
    text = answer.encode("utf-8", "replace").decode().replace("\x00", "\N{REPLACEMENT CHARACTER}")
    if not text.strip():
        raise LLMBadOutput("The model answered nothing. The question is kept; ask it again.")
    if len(text.encode()) > checks.MAX_TEXT_BYTES:
        raise LLMBadOutput(f"The model's answer is longer than the {checks.MAX_TEXT_BYTES} bytes of a text.")
    return text
