"""LangChain's chat models and embeddings as the core's ``LLM`` and ``Embedder``."""

from __future__ import annotations

import ipaddress
import math
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from langchain_memoryos.chat_model import LangChainLLM
from langchain_memoryos.embedding import LangChainEmbedder
from memoryos_integrations.errors import ConfigError, MissingDependencyError
from memoryos_integrations.model.provider_errors import attempt

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings
    from langchain_core.language_models import BaseChatModel
    from pydantic import SecretStr

    from langchain_memoryos.chat_model import Method


def from_langchain(model: BaseChatModel, *, method: Method | None = None) -> LangChainLLM:
    """Return a chat model of LangChain as an ``LLM``.

    How long a call may take is the model's affair: give it a ``timeout`` and ``max_retries``.

    Args:
        model: any ``BaseChatModel``.
        method: how it is asked for an object; see ``LangChainLLM``.

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
        name: identifies the model in the store; by default the model's name, and its number of dimensions if
            that was chosen. Needed where the embeddings do not say which model they use.
        dimension: length of the vectors; by default it is found out by embedding a word, on first use.
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
    """Return a model of OpenAI, or of any server that speaks its API, as an ``LLM``.

    Args:
        model: its name there.
        base_url: where the server is, up to ``/v1``, such as ``"http://127.0.0.1:11434/v1"`` for Ollama;
            by default OpenAI.
        api_key: by default ``OPENAI_API_KEY`` of the environment. A server on this machine or in its network
            needs none; it is never sent the one of the environment.
        timeout: seconds that the server may say nothing.
        max_retries: how often a call is tried again within ``reply``, with growing pauses.
        method: how it is asked for an object; see ``LangChainLLM``.
        options: more of ``langchain_openai.ChatOpenAI``, such as ``reasoning_effort="low"``. No temperature
            and no limit of tokens is sent unless they are given: reasoning models refuse them.

    Raises:
        ConfigError: an option is unusable, or there is no key.
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
    given: dict[str, Any] = {"model": model, "timeout": timeout, "max_retries": max_retries, **options}
    if base_url is not None:
        given["base_url"] = base_url
    if api_key is not None or _is_near(base_url):
        given["api_key"] = "none" if api_key is None else api_key
    chat = attempt(lambda: ChatOpenAI(**given), _failure_of_options)
    return LangChainLLM(chat, method=method)


def _is_near(base_url: str | None) -> bool:
    """Whether a server is on this machine or in its network, where keys are rare."""
    base_url = base_url or os.environ.get("OPENAI_API_BASE") or os.environ.get("OPENAI_BASE_URL") or ""
    host = urlsplit(base_url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_private  # loopback included
    except ValueError:
        return bool(host) and ("." not in host or host.endswith((".local", ".internal", ".localhost")))


def _failure_of_options(error: Exception) -> ConfigError:
    """Return what ChatOpenAI's refusal means; its words hold the values, among them the key."""
    if type(error).__name__ == "OpenAIError":
        return ConfigError("There is no key: pass api_key=, or set OPENAI_API_KEY.")
    issues = error.errors(include_input=False) if isinstance(error, ValidationError) else []
    places = ", ".join(str(issue["loc"][0]) for issue in issues if issue["loc"])
    return ConfigError(f"ChatOpenAI does not take its options: {places or type(error).__name__}")
