"""Where memories live: the ledger is the truth, everything else is derived from it and rebuildable."""
