"""MemoryOS memory for LlamaIndex chat engines and agents."""
