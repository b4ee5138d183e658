"""Settings of the MCP server: command-line options, then a config.json of the reference server."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memoryos_integrations import checks
from memoryos_integrations.apps.importing.chat_files import read_json
from memoryos_integrations.apps.models import DEFAULT_MODEL, OpenAICompatible
from memoryos_integrations.apps.options import DEFAULT_USER, EmbedderName, embedder_named
from memoryos_integrations.apps.terminal import print_status
from memoryos_integrations.config import MemoryConfig
from memoryos_integrations.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from memoryos_integrations.memory import MemoryOS

_TEXTS = (
    "user_id",
    "assistant_id",
    "data_storage_path",
    "openai_api_key",
    "openai_base_url",
    "llm_model",
    "embedding_model_name",
)
_CONFIG_FIELDS = {
    "short_term_capacity": "short_term_capacity",
    "mid_term_capacity": "mid_term_capacity",
    "long_term_knowledge_capacity": "knowledge_capacity",
    "retrieval_queue_capacity": "top_pages",
    "mid_term_heat_threshold": "promotion_heat",
    "mid_term_similarity_threshold": "segment_threshold",
}
"""Keys of the file, and the fields of ``MemoryConfig`` that they set."""

_EMBEDDED_MODEL = "all-MiniLM-L6-v2"


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of one server."""

    user_id: str = DEFAULT_USER
    path: Path | None = None
    agent_id: str = "default"
    embedder: EmbedderName = EmbedderName.DEFAULT
    config: MemoryConfig = field(default_factory=MemoryConfig)
    llm_model: str | None = None
    openai_base_url: str | None = None
    openai_api_key: str | None = field(default=None, repr=False)

    def llm(self) -> OpenAICompatible | None:
        """Return the chat model that refines in the background; ``None`` without a key or a server."""
        if self.openai_api_key is None and self.openai_base_url is None:
            return None
        name = self.llm_model or DEFAULT_MODEL
        return OpenAICompatible(name, base_url=self.openai_base_url, api_key=self.openai_api_key)


def open_memory(settings: Settings) -> MemoryOS:
    """Open the store of a server."""
    from memoryos_integrations.memory import MemoryOS

    return MemoryOS(
        settings.path,
        config=settings.config,
        embedder=embedder_named(settings.embedder),
        llm=settings.llm(),
    )


def settings_from(
    file: Path | None,
    *,
    user: str | None,
    path: Path | None,
    agent: str | None,
    embedder: EmbedderName,
) -> Settings:
    """Return the settings: options first, then the file, then defaults.

    Raises:
        ConfigError: the file is not an object or has a value of the wrong type, or user or folder are
            neither in it nor given by option.
        InvalidInputError: the file cannot be read, or an id is unusable.
    """
    values = {} if file is None else _read(file)
    if file is not None:
        for key, option, given in (("user_id", "--user", user), ("data_storage_path", "--path", path)):
            if given is None and key not in values:
                raise ConfigError(f"{file}: there is no {key!r}: add it, or give {option}")
        if path is None:
            # Relative to the file: a client may start the server in any folder.
            path = file.parent / Path(values["data_storage_path"]).expanduser()
    chosen: dict[str, Any] = {
        "user_id": values.get("user_id") if user is None else user,
        "path": path,
        "agent_id": values.get("assistant_id") if agent is None else agent,
        "config": _config(values),
        **{name: values.get(name) for name in ("llm_model", "openai_base_url", "openai_api_key")},
    }
    for name in ("user_id", "agent_id"):
        if chosen[name] is not None:
            checks.identifier(name, chosen[name])
    return Settings(embedder=embedder, **{name: value for name, value in chosen.items() if value is not None})


def _read(file: Path) -> dict[str, Any]:
    """Return a file's keys with a value; name those without effect on stderr."""
    content = read_json(file)
    if not isinstance(content, dict):
        raise ConfigError(f"{file}: expected an object, not {type(content).__name__}")
    values = {key: value for key, value in content.items() if value is not None and value != ""}
    for key in _TEXTS:
        if not isinstance(values.get(key, ""), str):
            raise ConfigError(f"{file}: {key} must be text")  # without the value, which may be an API key
    unknown = sorted(values.keys() - {*_TEXTS, *_CONFIG_FIELDS})
    if unknown:
        print_status(f"{file}: without effect here: {', '.join(unknown)}")
    model = values.get("embedding_model_name", _EMBEDDED_MODEL)
    if model.rpartition("/")[2] != _EMBEDDED_MODEL:
        print_status(f"{file}: embedding_model_name {model} is not used; --embedder chooses")
    return values


def _config(found: Mapping[str, Any]) -> MemoryConfig | None:
    values = {name: found[key] for key, name in _CONFIG_FIELDS.items() if key in found}
    return MemoryConfig(**values) if values else None
