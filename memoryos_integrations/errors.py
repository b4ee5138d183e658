"""Every error that this library raises on purpose, in one tree.

The class says what failed, the message says what to do next::

    MemoryOSError
    ├── InvalidInputError (ValueError)       an argument of the call; nothing was stored
    │   └── UnknownArgumentError (TypeError) the call has no such argument; the message names ours
    ├── ConfigError (ValueError)             the MemoryConfig or the arguments of MemoryOS(...)
    ├── MissingDependencyError (ImportError) an optional package; the message names the pip command
    ├── StoreError                           the store on disk or its vector index
    │   ├── StoreClosedError                 used after close()
    │   ├── StoreUnwritableError             the folder or the disk is not writable
    │   ├── StoreCorruptError                the ledger is not a readable database of this library
    │   ├── StoreTooNewError                 written by a newer version of this library
    │   └── IndexUnavailableError            Chroma did not answer; the ledger is complete without it
    ├── EmbedderError                        the embedder
    │   ├── EmbedderMismatchError            not the embedder that filled the store
    │   └── EmbedderUnavailableError         no weights found, or the embedding service is down
    └── LLMError                             the chat model
        ├── LLMUnavailable                   down, slow or over its limit: the work is parked and retried
        │   └── LLMBudgetSpent               over MemoryConfig.daily_tokens: the work is done tomorrow
        ├── LLMRefused                       it declined to answer
        └── LLMBadOutput                     its reply does not fit the requested schema

Misspelt keyword arguments raise Python's own ``TypeError``, which names the argument.
"""


class MemoryOSError(Exception):
    """Base of every error of this library."""


class InvalidInputError(MemoryOSError, ValueError):
    """An argument is unusable. The message names the argument; nothing was stored."""


class UnknownArgumentError(InvalidInputError, TypeError):
    """A call has no such argument. The message says which one another library's name stands for."""


class ConfigError(MemoryOSError, ValueError):
    """A setting is out of its range or does not fit the others."""


class MissingDependencyError(MemoryOSError, ImportError):
    """An optional package is not installed. The message names the command that installs it."""


class StoreError(MemoryOSError):
    """The store on disk or its vector index failed."""


class StoreClosedError(StoreError):
    """The store was used after ``close()``."""


class StoreUnwritableError(StoreError):
    """The store cannot be written: folder, disk or file permissions."""


class StoreCorruptError(StoreError):
    """The ledger file is truncated or is no database of this library."""


class StoreTooNewError(StoreError):
    """The store was written by a newer version of this library than the one running."""


class IndexUnavailableError(StoreError):
    """Chroma could not be reached or failed. No memory is lost: the ledger holds everything."""


class EmbedderError(MemoryOSError):
    """The embedder failed or does not fit the store."""


class EmbedderMismatchError(EmbedderError):
    """The store was filled by another embedder. The message names both and how to switch."""


class EmbedderUnavailableError(EmbedderError):
    """No weights were found, or the embedding service does not answer."""


class LLMError(MemoryOSError):
    """The chat model failed. Rule-based results stay in use."""


class LLMUnavailable(LLMError):  # noqa: N818 - a public name of the contract
    """The model is down, too slow or over its limit. Background work is retried later."""


class LLMBudgetSpent(LLMUnavailable):
    """``MemoryConfig.daily_tokens`` is used up. Background work resumes the next day."""


class LLMRefused(LLMError):  # noqa: N818 - a public name of the contract
    """The model declined. A refusal is never stored as an answer."""


class LLMBadOutput(LLMError):  # noqa: N818 - a public name of the contract
    """The reply does not fit the schema. It is never stored as an answer."""
