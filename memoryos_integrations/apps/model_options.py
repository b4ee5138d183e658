"""Command-line options for a chat model."""

from __future__ import annotations

from typing import Annotated

import typer

from memoryos_integrations.apps.models import DEFAULT_MODEL, OpenAICompatible
from memoryos_integrations.errors import InvalidInputError

LlmOption = Annotated[
    str | None,
    typer.Option(
        "--llm",
        envvar="MEMORYOS_LLM",
        metavar="URL",
        help="A server that speaks the OpenAI API, up to /v1. Its key is OPENAI_API_KEY of the environment.",
    ),
]
LlmModelOption = Annotated[
    str,
    typer.Option("--llm-model", envvar="MEMORYOS_LLM_MODEL", metavar="NAME", help="The model's name there."),
]

__all__ = ["DEFAULT_MODEL", "LlmModelOption", "LlmOption", "model_from_options", "required_model"]


def model_from_options(url: str | None, name: str) -> OpenAICompatible | None:
    """Return the model of the options, ``None`` without an address.

    Raises:
        InvalidInputError: it is not an address.
        ConfigError: its server wants a key, and there is none.
    """
    if url is None:
        return None
    if not url.startswith(("http://", "https://")):
        raise InvalidInputError(f"--llm: {url!r} is not an address such as https://api.openai.com/v1")
    model = OpenAICompatible(name, base_url=url)
    model.check()
    return model


def required_model(url: str | None, name: str) -> OpenAICompatible:
    """Return the model of the options.

    Raises:
        InvalidInputError: there is no address.
    """
    model = model_from_options(url, name)
    if model is None:
        raise InvalidInputError(
            "this needs a chat model: give its server with --llm URL, such as https://api.openai.com/v1"
        )
    return model
