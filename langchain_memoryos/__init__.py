"""MemoryOS memory for LangChain chains, runnables and agents."""
