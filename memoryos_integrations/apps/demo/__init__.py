"""``memoryos demo``."""
