"""Everything that asks a chat model: prompts, calls and their cost, reading of replies."""
