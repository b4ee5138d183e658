"""LangChain's chat models and embeddings as the core's ``LLM`` and ``Embedder``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar, cast

from langchain_core.messages import HumanMessage, SystemMessage
from langchain_core.runnables import RunnableConfig
from pydantic import BaseModel

from langchain_memoryos.embedding import LangChainEmbedder
from langchain_memoryos.replies import check_complete, failure_of, fitted, free_text, read, told_as
from memoryos_integrations.errors import ConfigError, LLMUnavailable

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage

    from memoryos_integrations.protocols import Prompt

T = TypeVar("T")

_REQUEST_ERRORS = (400, 404, 422)  # of a server that does not know structured output


def from_langchain(model: BaseChatModel) -> LangChainLLM:
    """Return a chat model of LangChain as an ``LLM``.

    Example:
        >>> from langchain_core.language_models import FakeListChatModel
        >>> from memoryos_integrations import Prompt
        >>> llm = from_langchain(FakeListChatModel(responses=["Hello!"]))
        >>> llm.reply(Prompt("greet", "Be kind.", "Hi!", str))
        'Hello!'
    """
    return LangChainLLM(model)


def from_embeddings(
    embeddings: Embeddings, *, name: str | None = None, dimension: int | None = None
) -> LangChainEmbedder:
    """Return embeddings of LangChain as an ``Embedder``.

    Args:
        embeddings: any ``Embeddings``.
        name: identifies the model in the store; by default the model's name, and its number of dimensions if
            that was chosen. Needed where the embeddings do not say which model they use.
        dimension: length of the vectors; by default it is found out by embedding a word, on first use.
    """
    return LangChainEmbedder(embeddings, name=name, dimension=dimension)


class LangChainLLM:
    """An ``LLM`` on a chat model of LangChain; made by ``from_langchain``.

    Structured replies are asked for as the model's provider has it. Where that is not possible, the JSON
    schema is written into the instruction. Its calls appear in no stream of a chain around it.

    Args:
        model: any ``BaseChatModel``.
    """

    def __init__(self, model: BaseChatModel) -> None:
        if not hasattr(model, "with_structured_output"):
            raise ConfigError(f"model must be a chat model of LangChain, not {type(model).__name__}")
        self._model = model
        self._by_instruction = False

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
        schema: type[Any] = prompt.schema
        if schema is str:
            return cast("T", free_text(self._asked(prompt), prompt.task))
        if not issubclass(schema, BaseModel):
            raise ConfigError(f"schema must be str or a pydantic model, not {schema.__name__}")
        answer = self._by_words(prompt, schema) if self._by_instruction else self._structured(prompt, schema)
        return cast("T", answer)

    def _structured(self, prompt: Prompt[Any], schema: type[BaseModel]) -> BaseModel:
        """Return the answer as the provider structures it; ask by instruction from now on if it cannot."""
        try:
            with told_as(lambda error: _failure_of_structure(error, prompt.task)):
                model = self._model.with_structured_output(_json_schema(schema), include_raw=True)
                answer = cast("dict[str, Any]", model.invoke(_messages(prompt), _config(prompt.task)))
        except _NoStructureError:
            found = self._by_words(prompt, schema)
            self._by_instruction = True
            return found
        raw = answer["raw"]
        check_complete(raw, prompt.task)
        if raw.tool_calls:
            return fitted(raw.tool_calls[0]["args"], schema, prompt.task)
        # Not what LangChain parsed of the text: its parser completes an object that was cut.
        return read(raw, schema, prompt.task)

    def _by_words(self, prompt: Prompt[Any], schema: type[BaseModel]) -> BaseModel:
        """Return the answer to an instruction that holds the schema."""
        wanted = json.dumps(_json_schema(schema), ensure_ascii=False)
        asked = f"{prompt.system}\n\nAnswer with one JSON object of this schema, and nothing else:\n{wanted}"
        return read(self._asked(prompt, asked), schema, prompt.task)

    def _asked(self, prompt: Prompt[Any], system: str | None = None) -> BaseMessage:
        with told_as(lambda error: failure_of(error, prompt.task)):
            return self._model.invoke(_messages(prompt, system), _config(prompt.task))


def _messages(prompt: Prompt[Any], system: str | None = None) -> list[BaseMessage]:
    return [SystemMessage(content=system or prompt.system), HumanMessage(content=prompt.user)]


def _config(task: str) -> RunnableConfig:
    # Within a run of the application's, its callbacks would stream these tokens to the user.
    return {"callbacks": [], "tags": ["nostream"], "run_name": f"memoryos {task}"}


def _json_schema(schema: type[BaseModel]) -> dict[str, Any]:
    """Return a schema as a dictionary: given the class, clients raise what they cannot read and drop it."""
    whole = schema.model_json_schema()
    return {"title": schema.__name__, "description": f"A {schema.__name__}."} | whole


class _NoStructureError(Exception):
    """The model, or the server behind it, does not know structured output."""


def _failure_of_structure(error: Exception, task: str) -> Exception:
    """Return what an error means; it may be gone when no structured output is asked for."""
    failure = failure_of(error, task)
    refused = getattr(error, "status_code", None) in _REQUEST_ERRORS and isinstance(failure, LLMUnavailable)
    return _NoStructureError() if refused or isinstance(error, NotImplementedError) else failure
