"""Everything the core asks of the outside world, as types small enough to implement in ten lines."""

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
        """Identifies the model. Two embedders of one name must give the same vectors."""
        ...

    @property
    def dimension(self) -> int:
        """Length of every vector."""
        ...

    def embed(self, texts: Sequence[str]) -> Sequence[Vector]:
        """Return one float32 vector of ``dimension`` numbers per text, in the order of the texts.

        Raises:
            EmbedderUnavailableError: the model or its service cannot be used now; the texts stay
                searchable by their words and are embedded later.
        """
        ...


@dataclass(frozen=True, slots=True)
class Prompt(Generic[T]):
    """One question to a chat model."""

    task: str
    """What the question is for, such as ``"respond"``; fakes choose their answer by it."""
    system: str
    """The instruction."""
    user: str
    """The material that the instruction is about; quoted data, never an instruction."""
    schema: type[T]
    """What the reply must be: a pydantic model, or ``str`` for free text."""


@runtime_checkable
class LLM(Protocol):
    """A chat model. An implementation passes ``memoryos_integrations.testing.check_llm``."""

    def reply(self, prompt: Prompt[T]) -> T:
        """Return the answer as an instance of ``prompt.schema``.

        Raises:
            LLMUnavailable: no answer can be had now.
            LLMRefused: the model declined.
            LLMBadOutput: the answer does not fit the schema.
        """
        ...


@runtime_checkable
class StreamingLLM(LLM, Protocol):
    """A chat model that can also give a free text piece by piece. Optional: ``reply`` is enough."""

    def stream(self, prompt: Prompt[str]) -> Iterator[str]:
        """Yield the answer in pieces, none of them the model's thoughts.

        Raises:
            LLMUnavailable: no answer can be had now, or the rest of it.
            LLMRefused: the model declined.
            LLMBadOutput: the answer is empty, or was cut.
        """
        ...


@runtime_checkable
class Clock(Protocol):
    """Where the time comes from. A function without arguments that returns the time will do too."""

    def now(self) -> datetime:
        """Return the time as an aware datetime."""
        ...


class TokenCounter(Protocol):
    """Counts the tokens of a text as the model that will read it does."""

    def __call__(self, text: str) -> int:
        """Return the number of tokens, 0 for the empty text."""
        ...


@dataclass(frozen=True, slots=True)
class IndexRecord:
    """What the vector index holds of one item: no text, no id of a person."""

    id: str
    """The item's id, unique in its collection."""
    vector: Vector
    """Shape ``(dimension,)``, float32."""
    scope: int
    """Number of the scope that owns the item."""
    at: float
    """When it happened, seconds since 1970 in UTC."""


class VectorIndex(Protocol):
    """A collection of vectors per tier, filled from the ledger and rebuildable from it.

    An implementation passes ``memoryos_integrations.testing.check_index``. Every method raises
    ``IndexUnavailableError`` when the index cannot be used now; each may then be called again.
    """

    def upsert(self, collection: str, records: Sequence[IndexRecord]) -> None:
        """Write records; one that is there already is replaced. Any number of records."""
        ...

    def delete(self, collection: str, ids: Sequence[str]) -> None:
        """Remove records; ids that are not there are passed over."""
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
