"""Adapt LangChain's chat models to the ``LLM`` protocol."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

from langchain_memoryos.shared.messages import text_of
from memoryos_integrations.errors import ConfigError, LLMUnavailable
from memoryos_integrations.model.provider_errors import attempt, failure_of, status_of, stop_of, tokens_of
from memoryos_integrations.model.replies import RawReply, answer_of, instruction_of, is_structured, pieces_of
from memoryos_integrations.runtime.httpx_import import import_httpx

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage
    from langchain_core.runnables import RunnableConfig
    from pydantic import BaseModel

    from memoryos_integrations.protocols import Prompt

T = TypeVar("T")
Method = Literal["json_schema", "function_calling", "json_mode", "instruction"]

_METHODS = (None, "json_schema", "function_calling", "json_mode", "instruction")
_REQUEST_ERRORS = (400, 404, 422)  # from servers without structured output


class LangChainLLM:
    """An ``LLM`` over a LangChain chat model, as ``from_langchain`` and ``openai_compatible`` return it.

    Its tokens do not appear in the stream of a surrounding chain.

    Args:
        model: any ``BaseChatModel``.
        method: how structured output is requested: a method of ``with_structured_output``, or
            ``"instruction"`` for the JSON Schema within the instruction, which is also the fallback for
            servers without structured output. By default the provider's own method.

    Raises:
        ConfigError: ``model`` is no chat model, or the method is unknown.
    """

    def __init__(self, model: BaseChatModel, *, method: Method | None = None) -> None:
        if not hasattr(model, "with_structured_output"):
            raise ConfigError(f"model must be a chat model of LangChain, not {type(model).__name__}")
        if method not in _METHODS:
            raise ConfigError(f"method must be one of {', '.join(map(str, _METHODS))}, not {method!r}")
        import_httpx()
        self._streaming = model
        self._model = _without_streaming(model)
        self._method = method

    @property
    def name(self) -> str:
        """The provider's name of the model, else the name of its class."""
        for attribute in ("model_name", "model", "model_id"):
            if isinstance(value := getattr(self._model, attribute, None), str) and value:
                return value
        return type(self._model).__name__

    def reply(self, prompt: Prompt[T]) -> T:
        """Return the answer as an instance of ``prompt.schema``.

        Raises:
            LLMUnavailable: the model cannot be reached or failed.
            LLMRefused: the model declined.
            LLMBadOutput: the answer was cut off or does not fit the schema.
        """
        if not is_structured(prompt):
            return self._instructed(prompt)
        if self._method != "instruction":
            try:
                message = attempt(partial(self._structured, prompt), _failure_of_structure(prompt.task))
            except _NoStructureError:
                pass  # use the instruction instead
            else:
                # Not LangChain's parsed result: its parser completes objects that were cut off.
                return answer_of(_raw_reply(message), prompt)
        answer = self._instructed(prompt)
        self._method = "instruction"  # for later calls too
        return answer

    def stream(self, prompt: Prompt[str]) -> Iterator[str]:
        """Yield the answer in pieces, without the model's reasoning.

        Raises:
            LLMUnavailable: the model cannot be reached or failed, also in mid-stream.
            LLMRefused: the model declined.
            LLMBadOutput: the answer is empty or was cut off.
        """
        return pieces_of(self._pieces(prompt), prompt)

    def _pieces(self, prompt: Prompt[str]) -> Generator[RawReply, None, None]:
        chunks = self._streaming.stream(_messages(prompt, prompt.system), _config(prompt.task))
        yield from _raw_pieces(chunks)

    def _structured(self, prompt: Prompt[Any]) -> BaseMessage:
        """Return the reply to a request with the provider's structured output."""
        method = {} if self._method is None else {"method": self._method}
        model = self._model.with_structured_output(_json_schema(prompt.schema), include_raw=True, **method)
        system = instruction_of(prompt) if self._method == "json_mode" else prompt.system
        answer = model.invoke(_messages(prompt, system), _config(prompt.task))
        return cast("BaseMessage", cast("dict[str, Any]", answer)["raw"])

    def _instructed(self, prompt: Prompt[T]) -> T:
        """Return the answer to a plain request; the instruction holds the schema if there is one."""
        messages, config = _messages(prompt, instruction_of(prompt)), _config(prompt.task)
        message = attempt(lambda: self._model.invoke(messages, config), partial(failure_of, task=prompt.task))
        return answer_of(_raw_reply(message), prompt)


def _without_streaming(model: BaseChatModel) -> BaseChatModel:
    """Return a model that does not stream within ``invoke``.

    From a stream LangChain completes function arguments that were cut off, and loses the token usage.
    """
    if getattr(model, "streaming", False) is True:
        return model.model_copy(update={"streaming": False, "disable_streaming": True})
    return model


def _messages(prompt: Prompt[Any], system: str) -> list[BaseMessage]:
    return [SystemMessage(content=system), HumanMessage(content=prompt.user)]


def _config(task: str) -> RunnableConfig:
    # The application's callbacks would stream these tokens to its user.
    return {"callbacks": [], "tags": ["nostream"], "run_name": f"memoryos {task}"}


def _json_schema(schema: type[BaseModel]) -> dict[str, Any]:
    """Return a schema as a dictionary: given a class, clients raise on an unreadable reply and drop it."""
    schema_json = schema.model_json_schema()
    return {"title": schema.__name__, "description": f"A {schema.__name__}."} | schema_json


def _raw_reply(message: BaseMessage) -> RawReply:
    """Return a message, or a chunk of a streamed one, as a raw reply."""
    metadata = message.response_metadata
    usage = message.usage_metadata if isinstance(message, AIMessage) else None
    return RawReply(
        text=text_of(message),
        finish_reason=stop_of(metadata),
        refusal=bool(message.additional_kwargs.get("refusal")) or _has_refusal(message.content),
        tool_arguments=_arguments(message),
        tokens=tokens_of(usage, metadata),
    )


def _raw_pieces(chunks: Iterable[BaseMessage]) -> Generator[RawReply, None, None]:
    """Yield the chunks of a stream as raw replies, with the tokens used so far."""
    sent = received = 0
    for chunk in chunks:
        piece = _raw_reply(chunk)
        if piece.tokens is not None:
            sent, received = sent + piece.tokens[0], received + piece.tokens[1]
            piece = replace(piece, tokens=(sent, received))
        yield piece


def _has_refusal(content: str | list[str | dict[str, object]]) -> bool:
    blocks = content if isinstance(content, list) else []
    return any(isinstance(block, dict) and block.get("type") == "refusal" for block in blocks)


def _arguments(message: BaseMessage) -> tuple[dict[str, object] | str, ...]:
    """Return the arguments of all function calls, as text where LangChain could not parse them."""
    if not isinstance(message, AIMessage):
        return ()
    unparsed = (call["args"] or "" for call in message.invalid_tool_calls)
    return (*(call["args"] for call in message.tool_calls), *unparsed)


class _NoStructureError(Exception):
    """The model or its server does not support structured output."""


def _failure_of_structure(task: str) -> Callable[[Exception], Exception]:
    """Return the error mapping of a structured request: a rejected one can be repeated without structure."""

    def failure(error: Exception) -> Exception:
        mapped = failure_of(error, task)
        rejected = status_of(error) in _REQUEST_ERRORS and isinstance(mapped, LLMUnavailable)
        return _NoStructureError() if rejected or isinstance(error, NotImplementedError) else mapped

    return failure
