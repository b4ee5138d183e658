"""The vector index in Chroma, filled from the ledger and rebuildable from it."""
