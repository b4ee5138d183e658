"""What the MCP server is started with: options of the command line, over a file of the reference server."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memoryos_integrations import checks
from memoryos_integrations.apps.importing.chat_files import parsed
from memoryos_integrations.apps.models import DEFAULT_MODEL, OpenAICompatible
from memoryos_integrations.apps.options import DEFAULT_USER, EmbedderName, embedder_of
from memoryos_integrations.apps.terminal import say
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

_OWN_MODEL = "all-MiniLM-L6-v2"


@dataclass(frozen=True, slots=True)
class Settings:
    """What a server is started with."""

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
        embedder=embedder_of(settings.embedder),
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
    """Return the settings: what was given by option, else what the file says, else the defaults.

    Raises:
        ConfigError: the file is no object, has a value of the wrong type, or does not say whose memory it
            is and where, and neither do the options.
        InvalidInputError: the file cannot be read, or an id is unusable.
    """
    said = {} if file is None else _read(file)
    if file is not None:
        for key, option, given in (("user_id", "--user", user), ("data_storage_path", "--path", path)):
            if given is None and key not in said:
                raise ConfigError(f"{file}: there is no {key!r}: add it, or give {option}")
        if path is None:
            # A client may start the server in any folder.
            path = file.parent / Path(said["data_storage_path"]).expanduser()
    values: dict[str, Any] = {
        "user_id": said.get("user_id") if user is None else user,
        "path": path,
        "agent_id": said.get("assistant_id") if agent is None else agent,
        "config": _config(said),
        **{name: said.get(name) for name in ("llm_model", "openai_base_url", "openai_api_key")},
    }
    for name in ("user_id", "agent_id"):
        if values[name] is not None:
            checks.identifier(name, values[name])
    return Settings(embedder=embedder, **{name: value for name, value in values.items() if value is not None})


def _read(file: Path) -> dict[str, Any]:
    """Return the keys of a file that have a value, and say on stderr which of them have no effect here."""
    content = parsed(file)
    if not isinstance(content, dict):
        raise ConfigError(f"{file}: expected an object, not {type(content).__name__}")
    said = {key: value for key, value in content.items() if value is not None and value != ""}
    for key in _TEXTS:
        if not isinstance(said.get(key, ""), str):
            raise ConfigError(f"{file}: {key} must be text")  # its value may be a key that was not quoted
    unknown = sorted(said.keys() - {*_TEXTS, *_CONFIG_FIELDS})
    if unknown:
        say(f"{file}: without effect here: {', '.join(unknown)}")
    model = said.get("embedding_model_name", _OWN_MODEL)
    if model.rpartition("/")[2] != _OWN_MODEL:
        say(f"{file}: embedding_model_name {model} is not used; --embedder chooses")
    return said


def _config(said: Mapping[str, Any]) -> MemoryConfig | None:
    values = {name: said[key] for key, name in _CONFIG_FIELDS.items() if key in said}
    return MemoryConfig(**values) if values else None
