"""Commands that maintain a store: its index and its vectors."""

from __future__ import annotations

from memoryos_integrations.apps.options import (
    EmbedderName,
    EmbedderOption,
    JsonOption,
    PathOption,
    embedder_named,
    open_store,
)
from memoryos_integrations.apps.terminal import print_count, status


def rebuild(
    path: PathOption = None,
    as_json: JsonOption = False,
    embedder: EmbedderOption = EmbedderName.DEFAULT,
) -> None:
    """Rebuild the vector index from the ledger."""
    with open_store(path, embedder) as memory, status("rebuilding the index", quiet=as_json):
        records = memory.rebuild_index()
    print_count(as_json, "records", records, f"the index holds {records} records")


def reindex(
    path: PathOption = None,
    as_json: JsonOption = False,
    embedder: EmbedderOption = EmbedderName.DEFAULT,
) -> None:
    """Move the store to another embedder.

    All texts get new vectors; the old ones serve until the last is there. What was interrupted goes on where
    it stopped. From then on the store is opened with this embedder; 'none' deletes the vectors.
    """
    with open_store(path, EmbedderName.NONE) as memory, status("making new vectors", quiet=as_json):
        vectors = memory.reindex(embedder_named(embedder))
    print_count(as_json, "vectors", vectors, f"made {vectors} vectors by the embedder {embedder.value!r}")
