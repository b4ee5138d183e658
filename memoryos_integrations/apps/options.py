"""Shared by the commands: options, opening a store, errors as one line on stderr."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from memoryos_integrations.apps.terminal import print_status
from memoryos_integrations.errors import InvalidInputError, MemoryOSError, StoreError
from memoryos_integrations.storage.location import LEDGER_FILE, store_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from memoryos_integrations.events import Event
    from memoryos_integrations.memory import MemoryOS
    from memoryos_integrations.protocols import LLM, Embedder

EXIT_NOTHING, EXIT_ERROR = 1, 2
"""Exit codes: nothing was found (or ``verify`` found a problem), and an error."""

DEFAULT_USER = "default"


class EmbedderName(StrEnum):
    """Embedders that can be named on a command line; ``hash`` is for tests."""

    DEFAULT = "default"
    MULTILINGUAL = "multilingual"
    NONE = "none"
    HASH = "hash"


PathOption = Annotated[
    Path | None,
    typer.Option(
        "--path",
        metavar="DIR",
        help="The store's folder.  [env var: MEMORYOS_URL or MEMORYOS_PATH; default: the account's own]",
    ),
]
UserOption = Annotated[
    str, typer.Option("--user", envvar="MEMORYOS_USER", metavar="ID", help="Whose memory it is.")
]
AgentOption = Annotated[str, typer.Option("--agent", metavar="ID", help="With which agent.")]
ThreadOption = Annotated[str | None, typer.Option("--thread", metavar="T", help="Only this conversation.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON to stdout, and nothing else.")]
EmbedderOption = Annotated[
    EmbedderName,
    typer.Option(
        "--embedder",
        envvar="MEMORYOS_EMBEDDER",
        metavar="NAME",
        help="default, multilingual, or none to search by words only.",
    ),
]


@contextmanager
def open_store(
    path: Path | None,
    embedder: EmbedderName = EmbedderName.DEFAULT,
    *,
    create: bool = False,
    on_event: Callable[[Event], None] | None = None,
    clock: Callable[[], datetime] | None = None,
    llm: LLM | None = None,
) -> Iterator[MemoryOS]:
    """Open a store for one command; an error of this library ends the command with one line on stderr.

    Args:
        path: the store's folder; ``None``: see ``store_folder``.
        embedder: the name of its embedder.
        create: create a store if there is none; otherwise that is an error.
        on_event: see ``MemoryOS``.
        clock: see ``MemoryOS``.
        llm: see ``MemoryOS``.
    """
    with report_errors():
        folder = store_folder(path)
        if not create and not (folder / LEDGER_FILE).exists():
            raise StoreError(
                f"There is no store in {folder}: give its folder with --path, or create one with "
                "'memoryos add'."
            )
        from memoryos_integrations.memory import MemoryOS

        chosen = embedder_named(embedder)
        with MemoryOS(folder, embedder=chosen, on_event=on_event, clock=clock, llm=llm) as memory:
            yield memory


@contextmanager
def report_errors() -> Iterator[None]:
    """Turn an error of this library, or of the file system, into one line on stderr and exit code 2."""
    try:
        yield
    except BrokenPipeError:
        raise  # the reader of stdout has left
    except MemoryOSError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename or 'a file'}: {error.strerror or error}")


def fail(message: str) -> NoReturn:
    """End the command with one line on stderr and exit code 2."""
    print_status(f"error: {message}")
    raise typer.Exit(EXIT_ERROR)


def exit_with_nothing(memory: MemoryOS, user_id: str, what: str) -> NoReturn:
    """End the command with exit code 1; name the users there are, if not this one."""
    ids = memory.users()
    hint = "" if user_id in ids or not ids else f" Users of this store: {', '.join(ids[:10])}."
    print_status(f"{what} for user {user_id!r}.{hint}")
    raise typer.Exit(EXIT_NOTHING)


def parse_time(name: str, text: str | None, *, local: bool = False) -> datetime | None:
    """Return an ISO 8601 time in UTC.

    Args:
        name: of the argument, for the error.
        text: the time.
        local: a time without a zone is local; otherwise it is an error.

    Raises:
        InvalidInputError: it is not such a time, or has no zone.
    """
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
        if local or at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInputError(
            f"{name}: {text!r} is not an ISO 8601 time such as 2026-05-01T18:30:00Z"
        ) from None
    raise InvalidInputError(f"{name}: {text!r} has no zone: end it with Z for UTC, or with +02:00")


def embedder_named(name: EmbedderName) -> Embedder | str | None:
    """Return the ``embedder`` argument of ``MemoryOS`` for a name."""
    if name is EmbedderName.HASH:
        from memoryos_integrations.testing.hash_embedder import HashEmbedder

        return HashEmbedder()
    return None if name is EmbedderName.DEFAULT else name.value
