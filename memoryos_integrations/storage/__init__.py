"""Storage: the ledger is the source of truth; the vector index is rebuilt from it."""
