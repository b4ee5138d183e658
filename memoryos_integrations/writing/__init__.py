"""Background work on stored turns: embedding, indexing, consolidation, promotion."""
