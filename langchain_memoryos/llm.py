"""Adapters from LangChain's chat models and embeddings to ``LLM`` and ``Embedder``."""

from __future__ import annotations

import ipaddress
import math
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from langchain_memoryos.shared.chat_model import LangChainLLM
from langchain_memoryos.shared.embeddings import LangChainEmbedder
from memoryos_integrations.errors import ConfigError, MissingDependencyError
from memoryos_integrations.model.provider_errors import attempt

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings
    from langchain_core.language_models import BaseChatModel
    from pydantic import SecretStr

    from langchain_memoryos.shared.chat_model import Method


def from_langchain(model: BaseChatModel, *, method: Method | None = None) -> LangChainLLM:
    """Return a chat model of LangChain as an ``LLM``.

    Time limits and retries are those of the model: set its ``timeout`` and ``max_retries``.

    Args:
        model: any ``BaseChatModel``.
        method: how structured output is requested; see ``LangChainLLM``.

    Raises:
        ConfigError: ``model`` is no chat model, or the method is unknown.

    Example:
        >>> from langchain_core.language_models import FakeListChatModel
        >>> from memoryos_integrations import Prompt
        >>> llm = from_langchain(FakeListChatModel(responses=["Hello!"]))
        >>> llm.reply(Prompt("greet", "Be kind.", "Hi!", str))
        'Hello!'
    """
    return LangChainLLM(model, method=method)


def from_embeddings(
    embeddings: Embeddings, *, name: str | None = None, dimension: int | None = None
) -> LangChainEmbedder:
    """Return embeddings of LangChain as an ``Embedder``.

    Args:
        embeddings: any ``Embeddings``.
        name: identifies the model in the store; by default the model's name, with its number of dimensions
            if that was set. Required for embeddings without a model name.
        dimension: length of the vectors; by default measured by embedding a word on first use.

    Raises:
        ConfigError: ``embeddings`` is of another type, or has no model name and none is given.

    Example:
        >>> from langchain_core.embeddings import DeterministicFakeEmbedding
        >>> embedder = from_embeddings(DeterministicFakeEmbedding(size=8), name="fake")
        >>> [vector.shape for vector in embedder.embed(["Hello!"])]
        [(8,)]
    """
    return LangChainEmbedder(embeddings, name=name, dimension=dimension)


def openai_compatible(
    model: str,
    *,
    base_url: str | None = None,
    api_key: str | SecretStr | None = None,
    timeout: float = 60.0,
    max_retries: int = 2,
    method: Method | None = None,
    **options: Any,
) -> LangChainLLM:
    """Return a model of OpenAI, or of a server with a compatible API, as an ``LLM``.

    Args:
        model: the server's name of the model.
        base_url: address of the server up to ``/v1``, such as ``"http://127.0.0.1:11434/v1"`` for Ollama;
            by default OpenAI.
        api_key: by default the environment's ``OPENAI_API_KEY``, which is never sent to a server on this
            machine or a private network.
        timeout: seconds without any data from the server.
        max_retries: how often ``reply`` retries a failed call, with exponential back-off.
        method: how structured output is requested; see ``LangChainLLM``.
        options: further options of ``langchain_openai.ChatOpenAI``, such as ``reasoning_effort="low"``.
            Temperature and token limit are sent only if given: reasoning models reject them.

    Raises:
        ConfigError: an option is invalid, or there is no key.
        MissingDependencyError: langchain-openai is not installed.

    Example:
        >>> openai_compatible("qwen3:8b", base_url="http://127.0.0.1:11434/v1").name
        'qwen3:8b'
    """
    try:
        from langchain_openai import ChatOpenAI
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            "openai_compatible needs the package langchain-openai: pip install langchain-openai"
        ) from error
    if base_url is not None and urlsplit(base_url).scheme not in ("http", "https"):
        raise ConfigError("base_url must be an address such as http://127.0.0.1:11434/v1")
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout < math.inf:
        raise ConfigError("timeout must be a number of seconds above 0")
    arguments: dict[str, Any] = {"model": model, "timeout": timeout, "max_retries": max_retries, **options}
    if base_url is not None:
        arguments["base_url"] = base_url
    if api_key is not None or _is_local(base_url):
        arguments["api_key"] = "none" if api_key is None else api_key
    chat = attempt(lambda: ChatOpenAI(**arguments), _options_error)
    return LangChainLLM(chat, method=method)


def _is_local(base_url: str | None) -> bool:
    """Whether a server is on this machine or a private network, where keys are rare."""
    base_url = base_url or os.environ.get("OPENAI_API_BASE") or os.environ.get("OPENAI_BASE_URL") or ""
    host = urlsplit(base_url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_private  # loopback included
    except ValueError:
        return bool(host) and ("." not in host or host.endswith((".local", ".internal", ".localhost")))


def _options_error(error: Exception) -> ConfigError:
    """Return the error for options that ChatOpenAI rejects, without its text, which contains the key."""
    if type(error).__name__ == "OpenAIError":
        return ConfigError("There is no key: pass api_key=, or set OPENAI_API_KEY.")
    issues = error.errors(include_input=False) if isinstance(error, ValidationError) else []
    names = ", ".join(str(issue["loc"][0]) for issue in issues if issue["loc"])
    return ConfigError(f"ChatOpenAI rejects its options: {names or type(error).__name__}")
