"""The vector index in Chroma, fed from the ledger and rebuildable from it."""
