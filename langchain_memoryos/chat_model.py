"""LangChain's chat models as the core's ``LLM``."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from langchain_core.messages import HumanMessage, SystemMessage

from langchain_memoryos.replies import raw_pieces, raw_reply
from memoryos_integrations.errors import ConfigError, LLMUnavailable
from memoryos_integrations.model.provider_errors import attempt, failure_of, status_of
from memoryos_integrations.model.replies import RawReply, answer_of, instruction_of, is_structured, pieces_of
from memoryos_integrations.runtime.httpx_import import import_httpx

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage
    from langchain_core.runnables import RunnableConfig
    from pydantic import BaseModel

    from memoryos_integrations.protocols import Prompt

T = TypeVar("T")
Method = Literal["json_schema", "function_calling", "json_mode", "instruction"]

_METHODS = (None, "json_schema", "function_calling", "json_mode", "instruction")
_REQUEST_ERRORS = (400, 404, 422)  # of a server that does not know structured output


class LangChainLLM:
    """An ``LLM`` on a chat model of LangChain; made by ``from_langchain`` or ``openai_compatible``.

    Its calls appear in no stream of a chain around it.

    Args:
        model: any ``BaseChatModel``.
        method: how it is asked for an object: one of those of ``with_structured_output``, or
            ``"instruction"`` for the JSON Schema as part of the instruction, which is how a server is asked
            that takes no other way. By default as the model's provider has it.

    Raises:
        ConfigError: it is no chat model, or there is no such method.
    """

    def __init__(self, model: BaseChatModel, *, method: Method | None = None) -> None:
        if not hasattr(model, "with_structured_output"):
            raise ConfigError(f"model must be a chat model of LangChain, not {type(model).__name__}")
        if method not in _METHODS:
            raise ConfigError(f"method must be one of {', '.join(map(str, _METHODS))}, not {method!r}")
        import_httpx()
        self._streaming = model
        self._model = _at_once(model)
        self._method = method

    @property
    def name(self) -> str:
        """The model's name, as its provider has it."""
        for attribute in ("model_name", "model", "model_id"):
            if isinstance(value := getattr(self._model, attribute, None), str) and value:
                return value
        return type(self._model).__name__

    def reply(self, prompt: Prompt[T]) -> T:
        """Return the answer as an instance of ``prompt.schema``.

        Raises:
            LLMUnavailable: no answer can be had now.
            LLMRefused: the model declined.
            LLMBadOutput: the answer is cut or does not fit the schema.
        """
        if not is_structured(prompt):
            return self._asked(prompt)
        if self._method != "instruction":
            try:
                message = attempt(partial(self._structured, prompt), _failure_of_structure(prompt.task))
            except _NoStructureError:
                pass  # asked below in words
            else:
                # Not what LangChain parsed of it: its parser completes an object that was cut.
                return answer_of(raw_reply(message), prompt)
        answer = self._asked(prompt)
        self._method = "instruction"  # from now on
        return answer

    def stream(self, prompt: Prompt[str]) -> Iterator[str]:
        """Yield the answer in pieces, none of them the model's thoughts.

        Raises:
            LLMUnavailable: no answer can be had now, or the rest of it.
            LLMRefused: the model declined.
            LLMBadOutput: the answer is empty, or was cut.
        """
        return pieces_of(self._pieces(prompt), prompt)

    def _pieces(self, prompt: Prompt[str]) -> Generator[RawReply, None, None]:
        chunks = self._streaming.stream(_messages(prompt, prompt.system), _config(prompt.task))
        yield from raw_pieces(chunks)

    def _structured(self, prompt: Prompt[Any]) -> BaseMessage:
        """Return the reply to a question for an object that is asked as the provider has it."""
        method = {} if self._method is None else {"method": self._method}
        model = self._model.with_structured_output(_json_schema(prompt.schema), include_raw=True, **method)
        system = instruction_of(prompt) if self._method == "json_mode" else prompt.system
        answer = model.invoke(_messages(prompt, system), _config(prompt.task))
        return cast("BaseMessage", cast("dict[str, Any]", answer)["raw"])

    def _asked(self, prompt: Prompt[T]) -> T:
        """Return the answer to an instruction, which holds the schema if an object is wanted."""
        messages, config = _messages(prompt, instruction_of(prompt)), _config(prompt.task)
        message = attempt(lambda: self._model.invoke(messages, config), partial(failure_of, task=prompt.task))
        return answer_of(raw_reply(message), prompt)


def _at_once(model: BaseChatModel) -> BaseChatModel:
    """Return a model that gives each reply in one piece.

    Of one that streams, LangChain completes the arguments of a function that were cut, and loses the usage.
    """
    if getattr(model, "streaming", False) is True:
        return model.model_copy(update={"streaming": False, "disable_streaming": True})
    return model


def _messages(prompt: Prompt[Any], system: str) -> list[BaseMessage]:
    return [SystemMessage(content=system), HumanMessage(content=prompt.user)]


def _config(task: str) -> RunnableConfig:
    # Within a run of the application's, its callbacks would stream these tokens to the user.
    return {"callbacks": [], "tags": ["nostream"], "run_name": f"memoryos {task}"}


def _json_schema(schema: type[BaseModel]) -> dict[str, Any]:
    """Return a schema as a dictionary: given the class, clients raise what they cannot read and drop it."""
    whole = schema.model_json_schema()
    return {"title": schema.__name__, "description": f"A {schema.__name__}."} | whole


class _NoStructureError(Exception):
    """The model, or the server behind it, does not know structured output."""


def _failure_of_structure(task: str) -> Callable[[Exception], Exception]:
    """Return what turns an error into ours; it may be gone when no structured output is asked for."""

    def failure(error: Exception) -> Exception:
        failed = failure_of(error, task)
        refused = status_of(error) in _REQUEST_ERRORS and isinstance(failed, LLMUnavailable)
        return _NoStructureError() if refused or isinstance(error, NotImplementedError) else failed

    return failure
