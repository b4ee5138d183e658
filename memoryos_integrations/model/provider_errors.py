"""Reading replies and errors of providers' clients by their attribute names; no client is imported.

The text of their errors is never passed on: it may contain the key or the prompt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from memoryos_integrations.errors import LLMBadOutput, LLMError, LLMRefused, LLMUnavailable, MemoryOSError
from memoryos_integrations.model.usage import report

T = TypeVar("T")

CUT = {"length", "max_tokens", "max_output_tokens", "model_length", "model_context_window_exceeded"}
DECLINED = {
    "blocklist",
    "content_filter",
    "content_filtered",
    "content_policy_violation",
    "guardrail_intervened",
    "prohibited_content",
    "recitation",
    "refusal",
    "safety",
    "spii",
}
BROKEN_OFF = {"error", "insufficient_system_resource"}

# The stop reason of OpenAI, its Responses API, Anthropic, Google, Bedrock and Ollama.
_STOPS: tuple[tuple[str | int, ...], ...] = (
    ("finish_reason",),
    ("choices", 0, "finish_reason"),
    ("incomplete_details", "reason"),
    ("stop_reason",),
    ("candidates", 0, "finish_reason"),
    ("stopReason",),
    ("done_reason",),
)
_USAGES: tuple[tuple[str | int, ...], ...] = (("usage",), ("token_usage",), ("usage_metadata",), ())
_TOKENS = (
    ("input_tokens", "output_tokens"),
    ("prompt_tokens", "completion_tokens"),
    ("prompt_token_count", "candidates_token_count"),
    ("prompt_eval_count", "eval_count"),
)

_REFUSALS = {"ContentFilterFinishReasonError", "OpenAIRefusalError"}
_TOO_LONG_CODES = {"context_length_exceeded", "string_above_max_length"}
_UNREADABLE = {"OutputParserException", "ValidationError"}
_NO_API = {
    "APIResponseValidationError",
    "AttributeError",
    "JSONDecodeError",
    "KeyError",
    "TypeError",
    "ValueError",
}
_ADVICE = {
    401: "check its key",
    402: "its quota is used up",
    403: "check what its key allows",
    404: "check its name and address",
    408: "it took longer than the client's timeout",
    429: "too many requests, or its quota is used up",
}


def stop_of(*sources: object) -> str | None:
    """Return why the model stopped, in lower case, from the first source that has it."""
    for source in sources:
        for path in _STOPS:
            reason = at(source, path)
            name = getattr(reason, "name", reason)  # Google has an enum
            if isinstance(name, str) and name:
                return name.lower()
    return None


def tokens_of(*sources: object) -> tuple[int, int] | None:
    """Return tokens sent and received, from the first source that has both."""
    for source in sources:
        for path in _USAGES:
            for names in _TOKENS:
                sent, received = (at(source, (*path, name)) for name in names)
                if _is_count(sent) and _is_count(received):
                    return sent, received
    return None


def at(value: Any, path: tuple[str | int, ...]) -> Any:
    """Return the value at a path of keys, attributes and indexes; ``None`` if there is none."""
    for step in path:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list | tuple) and len(value) > step else None
        else:
            value = value.get(step) if isinstance(value, Mapping) else getattr(value, step, None)
    return value


def attempt(call: Callable[[], T], failure: Callable[[Exception], Exception]) -> T:
    """Call a provider's client; raise its failure as one of our errors.

    The error is not chained: a traceback would show the provider's text. The usage of a failed call is
    reported where the error has it.
    """
    try:
        return call()
    except Exception as error:
        if isinstance(error, MemoryOSError):
            raise
        translated = failure(error)
        spent = tokens_of(at(error, ("completion",)))
    if spent is not None:
        report(*spent)
    raise translated


def failure_of(error: Exception, task: str) -> LLMError:
    """Translate the error of a provider's client; only its class and HTTP status are quoted."""
    chain = list(_chain_of(error))
    names = {cls.__name__ for part in chain for cls in type(part).__mro__}
    codes = {str(code).lower() for part in chain if (code := getattr(part, "code", None)) is not None}
    status = status_of(error)
    kind = type(error).__name__
    detail = kind if status is None else f"{kind}, HTTP status {status}"
    if names & _REFUSALS or codes & DECLINED:
        return LLMRefused(f"The model declined the task {task!r} ({detail}).")
    if "ContextOverflowError" in names or codes & _TOO_LONG_CODES:
        return LLMBadOutput(f"The task {task!r} is longer than the model takes ({detail}).")
    if "LengthFinishReasonError" in names:
        return LLMBadOutput(cut_off(task))
    if names & _UNREADABLE:
        return LLMBadOutput(f"The reply to {task!r} cannot be read ({detail}).")
    return LLMUnavailable(f"The model did not answer {task!r} ({detail}): {_advice(kind, status, names)}.")


def cut_off(task: str) -> str:
    """Return the message for a truncated reply."""
    return f"The reply to {task!r} was cut off at the model's limit of tokens: raise its max_tokens."


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status of an error or of its causes."""
    for part in _chain_of(error):
        for path in (("status_code",), ("response", "status_code"), ("code",)):
            status = at(part, path)
            if _is_count(status) and 400 <= status < 600:
                return int(status)
    return None


def _advice(kind: str, status: int | None, names: set[str]) -> str:
    if status in _ADVICE:
        return _ADVICE[status]
    if status is not None and status < 500:
        return "check its name and options"
    if any("timeout" in name.lower() for name in names):
        return _ADVICE[408]
    if kind in _NO_API:
        return "what answers at its address is no chat model's API"
    return "check that it runs, and its address"


def _chain_of(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and its causes."""
    found: BaseException | None = error
    for _ in range(5):
        if found is None:
            return
        yield found
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
