"""MeteredLLM: the single entry point for calls to a chat model. Records token usage in the ledger.

An unusable reply is requested once more. Every failure of the model or its client is raised as an
``LLMError``, so no stage mistakes a failure for an answer.
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
"""The only task that a caller waits for; all others run in the background."""

_usage = schema.usage
_RETRY = "\n\nYour last answer could not be used: {reason} Answer again, exactly as asked above."


class MeteredLLM:
    """A chat model whose token usage is recorded.

    Args:
        llm: the model.
        ledger: stores the usage.
        config: ``daily_tokens``.
        count_tokens: used where the model does not report its usage.
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
        """The model's name, stored with everything it produced."""
        name = getattr(self.llm, "name", None)
        return name if isinstance(name, str) and name else type(self.llm).__name__

    def ask(self, scope: int, prompt: Prompt[T], accept: Callable[[T], R]) -> R:
        """Send a background prompt; retry once if the reply is unusable.

        Args:
            scope: whose usage it is.
            prompt: the prompt.
            accept: parses the reply, or raises ``LLMBadOutput`` with a reason that holds no text of users.

        Raises:
            LLMUnavailable: the model cannot answer now; ``LLMBudgetSpent``: today's budget is used up.
            LLMRefused: the model declined.
            LLMBadOutput: both replies were unusable.
        """
        self._refuse_over_budget()
        try:
            return accept(self.reply(scope, prompt))
        except LLMBadOutput as error:
            again = replace(prompt, system=prompt.system + _RETRY.format(reason=error))
        return accept(self.reply(scope, again))

    def reply(self, scope: int, prompt: Prompt[T]) -> T:
        """Send a prompt and record its usage, even if it fails."""
        value: T | None = None
        with metered() as usage:
            try:
                value = self.llm.reply(prompt)
                if not isinstance(value, prompt.schema):
                    raise LLMBadOutput(f"The reply to {prompt.task!r} is no {prompt.schema.__name__}.")
            except LLMError:
                self._record(scope, prompt, usage, value, failed=True)
                raise
            except Exception as error:
                self._record(scope, prompt, usage, value, failed=True)
                raise LLMUnavailable(self._failed(prompt, error)) from error
        self._record(scope, prompt, usage, value, failed=False)
        return value

    def stream(self, scope: int, prompt: Prompt[str]) -> Generator[str]:
        """Yield a free text in pieces, if the model streams; usage is recorded when the generator ends."""
        streamed = getattr(self.llm, "stream", None)
        if streamed is None:
            yield self.reply(scope, prompt)
            return
        pieces: list[str] = []
        usage, failed = Usage(), True
        try:
            for piece in _metered_pieces(streamed(prompt), usage):
                pieces.append(piece)
                yield piece
            failed = False
        except LLMError:
            raise
        except Exception as error:
            raise LLMUnavailable(self._failed(prompt, error)) from error
        finally:
            self._record(scope, prompt, usage, "".join(pieces), failed=failed)

    def _failed(self, prompt: Prompt[Any], error: Exception) -> str:
        return (
            f"The model {self.name!r} failed at {prompt.task!r} with {type(error).__name__}; try again later."
        )

    def _refuse_over_budget(self) -> None:
        limit = self._config.daily_tokens
        if limit is None:
            return
        today = sa.select(sa.func.sum(_usage.c.tokens_in + _usage.c.tokens_out)).where(
            _usage.c.day == _day(self._now()), _usage.c.task != RESPOND
        )
        with self._ledger.read() as tx:
            spent = tx.execute(today).scalar() or 0
        if spent >= limit:
            raise LLMBudgetSpent(
                f"{spent} of daily_tokens={limit} are spent: background work resumes tomorrow (UTC). "
                "Raise MemoryConfig.daily_tokens to resume today."
            )

    def _record(self, scope: int, prompt: Prompt[Any], usage: Usage, value: object, *, failed: bool) -> None:
        if not usage.calls:
            usage.calls = 1
            usage.tokens_in = self._count(prompt.system) + self._count(prompt.user)
            usage.tokens_out = self._count(_as_text(value))
        key = {"scope_id": scope, "task": prompt.task, "day": _day(self._now())}
        spent = {
            "calls": usage.calls,
            "tokens_in": usage.tokens_in,
            "tokens_out": usage.tokens_out,
            "failures": int(failed),
        }
        with self._ledger.write() as tx:
            same = sa.and_(*(_usage.c[name] == value for name, value in key.items()))
            if tx.execute(sa.select(_usage.c.seq).where(same)).first() is None:
                tx.execute(sa.insert(_usage), key | spent)
            else:
                added = {name: _usage.c[name] + number for name, number in spent.items()}
                tx.execute(sa.update(_usage).where(same).values(added))


def _metered_pieces(pieces: Iterator[str], total: Usage) -> Iterator[str]:
    """Yield pieces and meter only their production, not what the caller does with them."""
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
    """Return a reply as text for counting; lone surrogates are replaced."""
    dump = getattr(value, "model_dump", None)
    text = json.dumps(dump(), ensure_ascii=False, default=str) if callable(dump) else str(value or "")
    return text.encode("utf-8", "replace").decode()


def _day(now: int) -> str:
    return f"{datetime.fromtimestamp(now / 1e6, UTC):%Y-%m-%d}"
