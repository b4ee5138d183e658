"""Importers of conversations and stores of other programs."""
