"""MemoryOS memory for LlamaIndex chat engines and agents.

Example:
    >>> from llamaindex_memoryos import MemoryOSChatEngine, MemoryOSMemory
    >>> chat = MemoryOSMemory.from_defaults(persist_directory="./memory", user_id="ann")
    >>> engine = MemoryOSChatEngine.from_defaults(llm=llm, memory=chat)
"""

from llamaindex_memoryos.chat_engine import MemoryOSChatEngine
from llamaindex_memoryos.memory import MemoryOSMemory
from llamaindex_memoryos.memory_block import MemoryOSMemoryBlock
from llamaindex_memoryos.retriever import MemoryOSRetriever
from llamaindex_memoryos.tool_spec import MemoryOSToolSpec
from llamaindex_memoryos.vector_index import as_vector_index

__all__ = [
    "MemoryOSChatEngine",
    "MemoryOSMemory",
    "MemoryOSMemoryBlock",
    "MemoryOSRetriever",
    "MemoryOSToolSpec",
    "as_vector_index",
]
