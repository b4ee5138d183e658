"""The options by which a command is given a chat model."""

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

__all__ = ["DEFAULT_MODEL", "LlmModelOption", "LlmOption", "model_at", "needed_model"]


def model_at(url: str | None, name: str) -> OpenAICompatible | None:
    """Return the model that the options name, ``None`` without an address.

    Raises:
        InvalidInputError: that is no address.
        ConfigError: its server wants a key, and there is none.
    """
    if url is None:
        return None
    if not url.startswith(("http://", "https://")):
        raise InvalidInputError(f"--llm: {url!r} is no address such as https://api.openai.com/v1")
    model = OpenAICompatible(name, base_url=url)
    model.check()
    return model


def needed_model(url: str | None, name: str) -> OpenAICompatible:
    """Return the model that the options name.

    Raises:
        InvalidInputError: they name none.
    """
    model = model_at(url, name)
    if model is None:
        raise InvalidInputError(
            "this needs a chat model: give its server with --llm URL, such as https://api.openai.com/v1"
        )
    return model
