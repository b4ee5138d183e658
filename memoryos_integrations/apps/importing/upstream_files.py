"""Reads stores of upstream MemoryOS: each whole before anything is stored, without changing its files.

Two layouts are supported: a folder with ``users/ID/*.json`` and ``assistants/ID/*.json``, and the variant on
Chroma, which keeps ``metadata_USER_ASSISTANT.json`` beside its index.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memoryos_integrations.apps.importing.chat_files import read_json
from memoryos_integrations.apps.importing.upstream_records import Reader, UpstreamStore
from memoryos_integrations.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

MAX_FILE_BYTES = 500_000_000
_METADATA = "metadata_"


@dataclass(frozen=True, slots=True)
class Selection:
    """Whose memory is read: upstream's ids, and those tried where none was given."""

    user: str | None
    assistant: str | None
    default_user: str
    default_assistant: str


def read(path: Path, selected: Selection, zone: tzinfo | None = None) -> UpstreamStore:
    """Read the memory of one user with one assistant.

    Args:
        path: the folder that upstream was given as ``data_storage_path``.
        selected: whose memory.
        zone: of its times, which name none; by default this machine's.

    Raises:
        InvalidInputError: there is no such store, several fit, or something in it cannot be stored; the
            message says where. Nothing outside ``path`` is read.
    """
    root = _folder(path)
    reader = Reader(zone)
    if (root / "users").is_dir():
        _read_folders(root, selected, reader)
    elif files := _metadata_files(root):
        _read_metadata(root, files, selected, reader)
    else:
        raise InvalidInputError(
            f"{path} holds no store of upstream MemoryOS: neither 'users' nor a 'metadata_*.json' is in it"
        )
    return reader.store()


def _read_folders(root: Path, selected: Selection, reader: Reader) -> None:
    users = _names(root / "users")
    user = _choose("user", users, selected.user, selected.default_user, root)
    reader.store_of = user
    folder = root / "users" / user
    if (sessions := _read_json(root, folder / "mid_term.json")) is not None:
        reader.add_sessions(folder / "mid_term.json", sessions, "details", field="sessions")
    if (pages := _read_json(root, folder / "short_term.json")) is not None:
        reader.add_pages(f"{folder / 'short_term.json'}", pages)
    if (persona := _read_json(root, folder / "long_term_user.json")) is not None:
        reader.add_knowledge(folder / "long_term_user.json", persona, "knowledge_base", "user")
        reader.add_knowledge(folder / "long_term_user.json", persona, "assistant_knowledge", "agent")
        reader.add_profile(folder / "long_term_user.json", persona, user)
    assistants = _names(root / "assistants")
    if len(users) > 1 and selected.assistant is None:
        reader.left_out["assistants, whose knowledge may tell of other users (--from-assistant)"] += len(
            assistants
        )
        return
    if assistants:
        assistant = _choose("assistant", assistants, selected.assistant, selected.default_assistant, root)
        file = root / "assistants" / assistant / "long_term_assistant.json"
        if (persona := _read_json(root, file)) is not None:
            reader.add_knowledge(file, persona, "assistant_knowledge", "agent")


def _read_metadata(root: Path, files: Sequence[Path], selected: Selection, reader: Reader) -> None:
    by_name = {file.stem.removeprefix(_METADATA): file for file in files}
    fitting = [
        name
        for name in by_name
        if (selected.user is None or name.startswith(f"{selected.user}_"))
        and (selected.assistant is None or name.endswith(f"_{selected.assistant}"))
    ]
    default = f"{selected.user or selected.default_user}_{selected.assistant or selected.default_assistant}"
    if len(fitting) != 1 and default not in fitting:
        raise InvalidInputError(
            f"{root}: say which with --from-user and --from-assistant: there is {', '.join(sorted(by_name))}"
        )
    name = fitting[0] if len(fitting) == 1 else default
    file = by_name[name]
    content = _read_json(root, file)
    reader.store_of = name
    reader.add_sessions(file, content, "pages_backup", field="mid_term_sessions")
    reader.add_pages(f"{file}: short_term_memory", reader.part(file, content, "short_term_memory", list))
    reader.add_profile(file, content, selected.user or selected.default_user)


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise InvalidInputError(f"{path} is not a folder")
    return path.resolve()


def _metadata_files(root: Path) -> list[Path]:
    folders = [folder for folder in (root, root / "chroma_storage") if folder.is_dir()]
    return sorted(file for folder in folders for file in folder.glob(f"{_METADATA}*_*.json"))


def _names(folder: Path) -> list[str]:
    """Return the names of the folders in a folder, without links, which may lead outside."""
    if not folder.is_dir() or folder.is_symlink():
        return []
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.is_symlink())


def _choose(kind: str, names: Sequence[str], selected: str | None, default: str, root: Path) -> str:
    """Return the name of an existing folder, never a path."""
    if selected is not None and selected in names:
        return selected
    if selected is None and (default in names or len(names) == 1):
        return default if default in names else names[0]
    if not names:
        raise InvalidInputError(f"{root} holds no {kind}s")
    problem = f"has no {kind} {selected!r}" if selected is not None else f"has several {kind}s: say which"
    raise InvalidInputError(f"{root} {problem} (--from-{kind}); there is {', '.join(names)}")


def _read_json(root: Path, file: Path) -> Any:
    """Return what a file of JSON holds; ``None`` if it is not there."""
    try:
        real = file.resolve(strict=True)
        if not real.is_relative_to(root):
            raise InvalidInputError(f"{file} leads out of {root}: it is not read")
        if (size := real.stat().st_size) > MAX_FILE_BYTES:
            raise InvalidInputError(f"{file} has {size} bytes; at most {MAX_FILE_BYTES} are read")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InvalidInputError(f"{file} cannot be read: {error.strerror or error}") from None
    return read_json(real)
