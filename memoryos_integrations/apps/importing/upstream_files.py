"""Stores of upstream MemoryOS: found and read whole, so that a bad one stores nothing. No file is written.

Two shapes are known: a folder with ``users/ID/*.json`` and ``assistants/ID/*.json``, and the variant on
Chroma, which keeps ``metadata_USER_ASSISTANT.json`` beside its index.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memoryos_integrations.apps.importing.chat_files import parsed
from memoryos_integrations.apps.importing.upstream_records import Reader, UpstreamStore
from memoryos_integrations.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

MAX_FILE_BYTES = 500_000_000
_METADATA = "metadata_"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose memory is read: ids of upstream's, and what to take where none was given."""

    user: str | None
    assistant: str | None
    likely_user: str
    likely_assistant: str


def read(path: Path, wanted: Wanted, zone: tzinfo | None = None) -> UpstreamStore:
    """Read the memory of one user with one assistant.

    Args:
        path: the folder that upstream was given as ``data_storage_path``.
        wanted: whose memory.
        zone: of its times, which name none; by default this machine's.

    Raises:
        InvalidInputError: there is no such store, several fit, or something in it cannot be stored; it says
            where. Nothing outside ``path`` is read.
    """
    root = _folder(path)
    reader = Reader(zone)
    if (root / "users").is_dir():
        _read_folders(root, wanted, reader)
    elif files := _metadata_files(root):
        _read_metadata(root, files, wanted, reader)
    else:
        raise InvalidInputError(
            f"{path} holds no store of upstream MemoryOS: neither 'users' nor a 'metadata_*.json' is in it"
        )
    return reader.store()


def _read_folders(root: Path, wanted: Wanted, reader: Reader) -> None:
    users = _names(root / "users")
    user = _chosen("user", users, wanted.user, wanted.likely_user, root)
    reader.store_of = user
    folder = root / "users" / user
    if (sessions := _parsed(root, folder / "mid_term.json")) is not None:
        reader.take_sessions(folder / "mid_term.json", sessions, "details", field="sessions")
    if (pages := _parsed(root, folder / "short_term.json")) is not None:
        reader.take_pages(f"{folder / 'short_term.json'}", pages)
    if (known := _parsed(root, folder / "long_term_user.json")) is not None:
        reader.take_knowledge(folder / "long_term_user.json", known, "knowledge_base", "user")
        reader.take_knowledge(folder / "long_term_user.json", known, "assistant_knowledge", "agent")
        reader.take_profile(folder / "long_term_user.json", known, user)
    assistants = _names(root / "assistants")
    if len(users) > 1 and wanted.assistant is None:
        reader.left_out["assistants, whose knowledge may tell of other users (--from-assistant)"] += len(
            assistants
        )
        return
    if assistants:
        assistant = _chosen("assistant", assistants, wanted.assistant, wanted.likely_assistant, root)
        file = root / "assistants" / assistant / "long_term_assistant.json"
        if (known := _parsed(root, file)) is not None:
            reader.take_knowledge(file, known, "assistant_knowledge", "agent")


def _read_metadata(root: Path, files: Sequence[Path], wanted: Wanted, reader: Reader) -> None:
    by_name = {file.stem.removeprefix(_METADATA): file for file in files}
    fitting = [
        name
        for name in by_name
        if (wanted.user is None or name.startswith(f"{wanted.user}_"))
        and (wanted.assistant is None or name.endswith(f"_{wanted.assistant}"))
    ]
    likely = f"{wanted.user or wanted.likely_user}_{wanted.assistant or wanted.likely_assistant}"
    if len(fitting) != 1 and likely not in fitting:
        raise InvalidInputError(
            f"{root}: say which with --from-user and --from-assistant: there is {', '.join(sorted(by_name))}"
        )
    name = fitting[0] if len(fitting) == 1 else likely
    file = by_name[name]
    content = _parsed(root, file)
    reader.store_of = name
    reader.take_sessions(file, content, "pages_backup", field="mid_term_sessions")
    reader.take_pages(f"{file}: short_term_memory", reader.part(file, content, "short_term_memory", list))
    reader.take_profile(file, content, wanted.user or wanted.likely_user)


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise InvalidInputError(f"{path} is no folder")
    return path.resolve()


def _metadata_files(root: Path) -> list[Path]:
    folders = [folder for folder in (root, root / "chroma_storage") if folder.is_dir()]
    return sorted(file for folder in folders for file in folder.glob(f"{_METADATA}*_*.json"))


def _names(folder: Path) -> list[str]:
    """Return the names of the folders in a folder; a link is none of them, it may lead outside."""
    if not folder.is_dir() or folder.is_symlink():
        return []
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.is_symlink())


def _chosen(kind: str, names: Sequence[str], wanted: str | None, likely: str, root: Path) -> str:
    """Return which of several is meant: a name that is there, never a path."""
    if wanted is not None and wanted in names:
        return wanted
    if wanted is None and (likely in names or len(names) == 1):
        return likely if likely in names else names[0]
    if not names:
        raise InvalidInputError(f"{root} holds no {kind}s")
    said = f"has no {kind} {wanted!r}" if wanted is not None else f"has several {kind}s: say which"
    raise InvalidInputError(f"{root} {said} (--from-{kind}); there is {', '.join(names)}")


def _parsed(root: Path, file: Path) -> Any:
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
    return parsed(real)
