"""MeteredLLM a chat model: the one door to it. Every call is written down with its cost, in the ledger.

A reply that cannot be used is asked for once more. Whatever a model or its client does wrong leaves here as
one of three errors, so that no stage can take a failure for an answer.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa

from memoryos_integrations.errors import LLMBadOutput, LLMBudgetSpent, LLMError, LLMUnavailable
from memoryos_integrations.model.usage import Usage, metered
from memoryos_integrations.storage import schema

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from memoryos_integrations.config import MemoryConfig
    from memoryos_integrations.protocols import LLM, Prompt, TokenCounter
    from memoryos_integrations.storage.ledger import Ledger

T = TypeVar("T")
R = TypeVar("R")

RESPOND = "respond"
"""The one task that a caller waits for; all others are background work."""

_usage = schema.usage
_ONCE_MORE = "\n\nYour last answer could not be used: {reason} Answer again, exactly as asked above."


class MeteredLLM:
    """A chat model, and the book of what it was asked.

    Args:
        llm: the model.
        ledger: where calls are written down.
        config: ``daily_tokens``.
        count_tokens: counts what the model itself does not tell.
        now: microseconds since 1970.
    """

    def __init__(
        self,
        llm: LLM,
        ledger: Ledger,
        *,
        config: MemoryConfig,
        count_tokens: TokenCounter,
        now: Callable[[], int],
    ) -> None:
        self.llm = llm
        self._ledger, self._config, self._count, self._now = ledger, config, count_tokens, now

    @property
    def name(self) -> str:
        """The model's name, as records of its work have it."""
        name = getattr(self.llm, "name", None)
        return name if isinstance(name, str) and name else type(self.llm).__name__

    def ask(self, scope: int, prompt: Prompt[T], accept: Callable[[T], R]) -> R:
        """Ask for background work, once more if the reply cannot be used.

        Args:
            scope: for whom, in the book.
            prompt: the question.
            accept: returns what the reply comes to, or raises ``LLMBadOutput`` with a reason that holds no
                text of users.

        Raises:
            LLMUnavailable: no answer can be had now; ``LLMBudgetSpent``: no more may be spent today.
            LLMRefused: the model declined.
            LLMBadOutput: neither of two replies could be used.
        """
        self._refuse_over_budget()
        try:
            return accept(self.reply(scope, prompt))
        except LLMBadOutput as error:
            again = replace(prompt, system=prompt.system + _ONCE_MORE.format(reason=error))
        return accept(self.reply(scope, again))

    def reply(self, scope: int, prompt: Prompt[T]) -> T:
        """Ask once and write down what it cost, whatever came of it."""
        value: T | None = None
        with metered() as usage:
            try:
                value = self.llm.reply(prompt)
                if not isinstance(value, prompt.schema):
                    raise LLMBadOutput(f"The reply to {prompt.task!r} is no {prompt.schema.__name__}.")
            except LLMError:
                self._book(scope, prompt, usage, value, failed=True)
                raise
            except Exception as error:
                self._book(scope, prompt, usage, value, failed=True)
                raise LLMUnavailable(self._failed(prompt, error)) from error
        self._book(scope, prompt, usage, value, failed=False)
        return value

    def stream(self, scope: int, prompt: Prompt[str]) -> Generator[str]:
        """Ask for a free text, piece by piece if the model can; written down when it ends or is given up."""
        streamed = getattr(self.llm, "stream", None)
        if streamed is None:
            yield self.reply(scope, prompt)
            return
        said: list[str] = []
        usage, failed = Usage(), True
        try:
            for piece in _metered_apart(streamed(prompt), usage):
                said.append(piece)
                yield piece
            failed = False
        except LLMError:
            raise
        except Exception as error:
            raise LLMUnavailable(self._failed(prompt, error)) from error
        finally:
            self._book(scope, prompt, usage, "".join(said), failed=failed)

    def _failed(self, prompt: Prompt[Any], error: Exception) -> str:
        return (
            f"The model {self.name!r} failed at {prompt.task!r} with {type(error).__name__}; try again later."
        )

    def _refuse_over_budget(self) -> None:
        most = self._config.daily_tokens
        if most is None:
            return
        today = sa.select(sa.func.sum(_usage.c.tokens_in + _usage.c.tokens_out)).where(
            _usage.c.day == _day(self._now()), _usage.c.task != RESPOND
        )
        with self._ledger.read() as tx:
            spent = tx.execute(today).scalar() or 0
        if spent >= most:
            raise LLMBudgetSpent(
                f"{spent} of daily_tokens={most} are spent: background work goes on tomorrow (UTC). "
                "Raise MemoryConfig.daily_tokens to go on today."
            )

    def _book(self, scope: int, prompt: Prompt[Any], usage: Usage, value: object, *, failed: bool) -> None:
        if not usage.calls:
            usage.calls = 1
            usage.tokens_in = self._count(prompt.system) + self._count(prompt.user)
            usage.tokens_out = self._count(_as_text(value))
        line = {"scope_id": scope, "task": prompt.task, "day": _day(self._now())}
        spent = {
            "calls": usage.calls,
            "tokens_in": usage.tokens_in,
            "tokens_out": usage.tokens_out,
            "failures": int(failed),
        }
        with self._ledger.write() as tx:
            mine = sa.and_(*(_usage.c[name] == value for name, value in line.items()))
            if tx.execute(sa.select(_usage.c.seq).where(mine)).first() is None:
                tx.execute(sa.insert(_usage), line | spent)
            else:
                added = {name: _usage.c[name] + number for name, number in spent.items()}
                tx.execute(sa.update(_usage).where(mine).values(added))


def _metered_apart(pieces: Iterator[str], total: Usage) -> Iterator[str]:
    """Yield pieces, and meter their making only: what a caller does with one is no part of the call."""
    while True:
        with metered() as usage:
            try:
                piece = next(pieces, None)
            finally:
                total.calls += usage.calls
                total.tokens_in += usage.tokens_in
                total.tokens_out += usage.tokens_out
        if piece is None:
            return
        yield piece


def _as_text(value: object) -> str:
    """Return a reply as its tokens are counted; a model may give what no UTF-8 can hold."""
    dump = getattr(value, "model_dump", None)
    text = json.dumps(dump(), ensure_ascii=False, default=str) if callable(dump) else str(value or "")
    return text.encode("utf-8", "replace").decode()


def _day(now: int) -> str:
    return f"{datetime.fromtimestamp(now / 1e6, UTC):%Y-%m-%d}"
