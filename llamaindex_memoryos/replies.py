"""What a chat model of LlamaIndex replied: an answer, a refusal, or nothing usable."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, TypeVar

from llama_index.core.base.llms.types import ChatResponse
from pydantic import BaseModel, ValidationError

from memoryos_integrations.errors import LLMBadOutput, LLMError, LLMRefused, LLMUnavailable

Model = TypeVar("Model", bound=BaseModel)

# Where OpenAI, Anthropic and Google say why the model stopped, and what they say.
_STOPS = (
    ("choices", 0, "finish_reason"),
    ("stop_reason",),
    ("finish_reason",),
    ("candidates", 0, "finish_reason"),
)
_CUT_OFF = {"length", "max_tokens"}
_DECLINED = {"content_filter", "refusal", "safety", "prohibited_content", "blocklist"}
_THOUGHTS = re.compile(r"<(think|thinking)>.*?(</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"```[\w-]*\s*\n(.*?)```", re.DOTALL)
_APOLOGY = re.compile(r"\W*(i['’]?m sorry|sorry|i (can['’]?t|cannot|am unable|won['’]t))\b", re.IGNORECASE)
_BUSY = {408, 409, 425, 429}


def asked_for(schema: type[BaseModel]) -> str:
    """Return the words that ask for a structured reply."""
    wanted = json.dumps(schema.model_json_schema(), ensure_ascii=False)
    return f"\n\nReply with one JSON object that fits this JSON Schema, and with nothing else:\n{wanted}"


def without_thoughts(text: str) -> str:
    """Return a reply without what a reasoning model thought aloud before it."""
    text = _THOUGHTS.sub("", text)
    return text.rpartition("</think>")[2].strip()  # some servers swallow the opening tag


def fitted(text: str, schema: type[Model], task: str) -> Model:
    """Return the reply as an instance of the schema.

    Raises:
        LLMRefused: there is an apology where the JSON should be.
        LLMBadOutput: there is no whole JSON object in it, or it does not fit.
    """
    found = _object_in(text)
    if found is None and (fenced := _FENCE.search(text)):
        found = _object_in(fenced[1])
    if found is None and "{" not in text and _APOLOGY.match(text):
        raise LLMRefused(f"The model declined the task {task!r}.")
    if found is None:
        raise LLMBadOutput(f"The reply to {task!r} is no whole JSON object.")
    try:
        return schema.model_validate(found)
    except ValidationError as error:
        # Where, not what: the values are the model's words.
        places = ", ".join(".".join(map(str, issue["loc"])) for issue in error.errors()[:5])
        raise LLMBadOutput(f"The reply to {task!r} does not fit {schema.__name__}: see {places}.") from None


def _object_in(text: str) -> Any:
    """Return the object at the first brace, if it is whole: one within it would be another answer."""
    try:
        return json.JSONDecoder().raw_decode(text, text.find("{"))[0] if "{" in text else None
    except json.JSONDecodeError:
        return None


def cut_off(response: ChatResponse) -> bool:
    """Whether the model stopped because it had no tokens left."""
    return _stop_of(response) in _CUT_OFF


def refused(response: ChatResponse) -> bool:
    """Whether the model, or a filter in front of it, declined."""
    said = _at(response.raw, ("choices", 0, "message", "refusal"))
    return bool(said or response.message.additional_kwargs.get("refusal") or _stop_of(response) in _DECLINED)


def blamed(error: Exception) -> LLMError:
    """Return what the failure of a call means; of the error it says the class and the status, no words."""
    kind = type(error).__name__
    status = _status_of(error)
    if str(getattr(error, "code", "")).lower() in _DECLINED:
        return LLMRefused(f"The model's filter declined ({kind}).")
    if status is None or status in _BUSY or status >= 500:
        return LLMUnavailable(f"The model cannot be reached now ({kind}, status {status}); try again later.")
    return LLMUnavailable(f"The model does not take the call ({kind}, status {status}): check key and name.")


def _status_of(error: BaseException) -> int | None:
    """Return the HTTP status of an error or of what it was made from."""
    seen: BaseException | None = error
    for _ in range(5):
        if seen is None:
            break
        for place in (("status_code",), ("response", "status_code"), ("code",)):
            status = _at(seen, place)
            if isinstance(status, int):
                return status
        seen = seen.__cause__ or seen.__context__
    return None


def _stop_of(response: ChatResponse) -> str | None:
    found = (
        _at(source, path) for path in _STOPS for source in (response.raw, response.message.additional_kwargs)
    )
    reason = next((reason for reason in found if reason is not None), None)
    return None if reason is None else str(getattr(reason, "name", reason)).lower()


def _at(value: Any, path: tuple[str | int, ...]) -> Any:
    """Return what stands at a path of keys, attributes and places; ``None`` if nothing does."""
    for step in path:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list | tuple) and len(value) > step else None
        else:
            value = value.get(step) if isinstance(value, Mapping) else getattr(value, step, None)
    return value
