"""What happens to a turn after it is stored: embedding, indexing, consolidation, promotion."""
