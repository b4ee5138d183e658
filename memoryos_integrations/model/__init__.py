"""Work with a chat model: prompts, metered calls, parsing of replies, refinement, learning, responding."""
