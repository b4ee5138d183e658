"""The commands of ``memoryos``."""
