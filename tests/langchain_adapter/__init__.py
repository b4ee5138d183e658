"""The LangChain adapters, with real chains, agents, graphs and clients."""
