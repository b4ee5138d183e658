"""The interfaces that applications implement: embedder, chat model, clock, token counter, vector index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from typing import TypeAlias

    import numpy as np
    from numpy.typing import NDArray

    Vector: TypeAlias = NDArray[np.float32]

T = TypeVar("T")


@runtime_checkable
class Embedder(Protocol):
    """Turns texts into vectors. Batches are the primitive: one text is a batch of one.

    An implementation passes ``memoryos_integrations.testing.check_embedder``.
    """

    @property
    def name(self) -> str:
        """Identifies the model. Embedders with the same name must return the same vectors."""
        ...

    @property
    def dimension(self) -> int:
        """Length of every vector."""
        ...

    def embed(self, texts: Sequence[str]) -> Sequence[Vector]:
        """Return one float32 vector of ``dimension`` numbers per text, in the order of the texts.

        Raises:
            EmbedderUnavailableError: the model or its service is unavailable; the texts stay searchable by
                words and are embedded later.
        """
        ...


@dataclass(frozen=True, slots=True)
class Prompt(Generic[T]):
    """One request to a chat model."""

    task: str
    """Name of the task, such as ``"respond"``; fakes select their answer by it."""
    system: str
    """The system message: the instruction."""
    user: str
    """The user message: quoted data, never an instruction."""
    schema: type[T]
    """Type of the reply: a pydantic model, or ``str`` for free text."""


@runtime_checkable
class LLM(Protocol):
    """A chat model. An implementation passes ``memoryos_integrations.testing.check_llm``."""

    def reply(self, prompt: Prompt[T]) -> T:
        """Return the answer as an instance of ``prompt.schema``.

        Raises:
            LLMUnavailable: the model cannot answer now.
            LLMRefused: the model declined.
            LLMBadOutput: the answer does not fit the schema.
        """
        ...


@runtime_checkable
class StreamingLLM(LLM, Protocol):
    """A chat model that can also stream free text. Optional: ``reply`` is enough."""

    def stream(self, prompt: Prompt[str]) -> Iterator[str]:
        """Yield the answer in pieces, without the model's reasoning.

        Raises:
            LLMUnavailable: the model cannot answer now, or broke off.
            LLMRefused: the model declined.
            LLMBadOutput: the answer is empty or truncated.
        """
        ...


@runtime_checkable
class Clock(Protocol):
    """A source of time. A function without arguments that returns the time works too."""

    def now(self) -> datetime:
        """Return the time as an aware datetime."""
        ...


class TokenCounter(Protocol):
    """Counts the tokens of a text, ideally as the model that reads it does."""

    def __call__(self, text: str) -> int:
        """Return the number of tokens, 0 for the empty text."""
        ...


@dataclass(frozen=True, slots=True)
class IndexRecord:
    """One item in the vector index: no text, no user id."""

    id: str
    """The item's id, unique in its collection."""
    vector: Vector
    """Shape ``(dimension,)``, float32."""
    scope: int
    """Number of the scope that owns the item."""
    at: float
    """Time of the item, seconds since 1970 in UTC."""


class VectorIndex(Protocol):
    """A collection of vectors per tier, filled from the ledger and rebuildable from it.

    An implementation passes ``memoryos_integrations.testing.check_index``. Every method raises
    ``IndexUnavailableError`` while the index is unavailable; calls may be repeated.
    """

    def upsert(self, collection: str, records: Sequence[IndexRecord]) -> None:
        """Insert or replace any number of records."""
        ...

    def delete(self, collection: str, ids: Sequence[str]) -> None:
        """Remove records; unknown ids are ignored."""
        ...

    def search(self, collection: str, vector: Vector, *, scope: int, limit: int) -> list[tuple[str, float]]:
        """Return up to ``limit`` pairs (id, cosine similarity) of one scope, best first."""
        ...

    def count(self, collection: str, *, scope: int | None = None) -> int:
        """Return the number of records, of one scope or of all."""
        ...

    def clear(self) -> None:
        """Remove every record of every collection, vectors included."""
        ...

    def close(self) -> None:
        """Release files and threads; the contents stay."""
        ...
