"""What a chat model sent back, taken seriously: refusals, cut replies and prose are never data."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from langchain_core.messages import BaseMessage
from pydantic import BaseModel, ValidationError

from langchain_memoryos.messages import text_of
from memoryos_integrations.errors import LLMBadOutput, LLMError, LLMRefused, LLMUnavailable

M = TypeVar("M", bound=BaseModel)

_CUT = {"length", "max_tokens", "max_output_tokens"}
_REFUSED = {"content_filter", "refusal", "safety", "recitation", "blocklist", "prohibited_content"}
_THOUGHT = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_END_OF_THOUGHT = re.compile(r"</think(?:ing)?>", re.IGNORECASE)
_BEGINS_AN_OBJECT = re.compile(r'\{\s*"')
_FENCED = re.compile(r"```[a-zA-Z]*[ \t]*\r?\n(.*?)```", re.DOTALL)

_BAD_OUTPUT_CLASSES = {"LengthFinishReasonError", "OutputParserException", "ValidationError"}
_TOO_LONG_CODES = {"context_length_exceeded", "string_above_max_length"}
_REFUSAL_CLASSES = {"ContentFilterFinishReasonError", "OpenAIRefusalError"}


def check_complete(message: BaseMessage, task: str) -> None:
    """Raise if the model declined, or if its reply was cut.

    Raises:
        LLMRefused: it declined, or a filter did.
        LLMBadOutput: the reply was cut; what is there is never completed by guessing.
    """
    told = message.response_metadata
    reasons = {str(told.get(key) or "").lower() for key in ("finish_reason", "stop_reason", "done_reason")}
    blocks = message.content if isinstance(message.content, list) else []
    refusal = any(isinstance(block, dict) and block.get("type") == "refusal" for block in blocks)
    if message.additional_kwargs.get("refusal") or refusal or reasons & _REFUSED:
        raise LLMRefused(f"The model declined the task {task!r}.")
    if reasons & _CUT:
        raise LLMBadOutput(
            f"The reply to {task!r} was cut at the model's limit of output tokens: raise its max_tokens."
        )


def free_text(message: BaseMessage, task: str) -> str:
    """Return a reply without the model's thoughts.

    Raises:
        LLMRefused: it declined.
        LLMBadOutput: the reply was cut, or says nothing.
    """
    check_complete(message, task)
    text = without_thoughts(text_of(message))
    if not text.strip():
        raise LLMBadOutput(f"The reply to {task!r} is empty.")
    return text


def fitted(value: Any, schema: type[M], task: str) -> M:
    """Return an object as an instance of the schema.

    Raises:
        LLMBadOutput: it does not fit.
    """
    try:
        return value if isinstance(value, schema) else schema.model_validate(value)
    except ValidationError:
        raise LLMBadOutput(f"The reply to {task!r} does not fit {schema.__name__}.") from None


def read(message: BaseMessage, schema: type[M], task: str) -> M:
    """Return the object in a reply: bare, fenced, after thoughts or among prose.

    Raises:
        LLMRefused: it declined.
        LLMBadOutput: the reply was cut, or holds no object that fits.
    """
    for found in _objects(free_text(message, task)):
        try:
            return schema.model_validate(found)
        except ValidationError:
            continue
    raise LLMBadOutput(f"The reply to {task!r} holds no {schema.__name__}.")


def without_thoughts(text: str) -> str:
    """Return a text without what stands between ``<think>`` and ``</think>``."""
    kept = _THOUGHT.sub("", text)
    rest = _END_OF_THOUGHT.split(kept)[-1]  # some servers leave the opening tag out
    return rest.strip("\n") if rest != text else text


def failure_of(error: Exception, task: str) -> LLMError:
    """Return what a provider's error means to us.

    The provider's own words stay out of it: they may repeat the key or the prompt.
    """
    names = {cls.__name__ for cls in type(error).__mro__}
    name, code = type(error).__name__, getattr(error, "code", None)
    status = getattr(error, "status_code", None)
    told = f"{name}, HTTP status {status}" if isinstance(status, int) else name
    if names & _REFUSAL_CLASSES or code == "content_filter":
        return LLMRefused(f"The model declined the task {task!r} ({told}).")
    if "ContextOverflowError" in names or code in _TOO_LONG_CODES:
        return LLMBadOutput(f"The task {task!r} is longer than the model takes ({told}).")
    if names & _BAD_OUTPUT_CLASSES:
        return LLMBadOutput(f"The reply to {task!r} cannot be read ({told}).")
    return LLMUnavailable(f"The model did not answer {task!r} ({told}): check its key, quota and address.")


@contextmanager
def told_as(failure: Callable[[Exception], Exception]) -> Iterator[None]:
    """Turn whatever a provider's client raises into one of our errors, without its words."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - clients of providers share no base class
        raise failure(error) from None  # a chained error would show its words in every traceback


def _objects(text: str) -> Iterator[Mapping[str, Any]]:
    """Yield the JSON objects in a text: whole, fenced, then wherever one begins."""
    for part in (text, *_FENCED.findall(text)):
        try:
            found = json.loads(part)
        except ValueError:
            continue
        if isinstance(found, dict):
            yield found
    decoder = json.JSONDecoder()
    place = text.find("{")
    while place >= 0:
        try:
            found, end = decoder.raw_decode(text, place)
            yield found
        except ValueError:
            if _BEGINS_AN_OBJECT.match(text, place):
                return  # an object that was cut: what stands inside it is not the answer
            end = place + 1
        place = text.find("{", end)
