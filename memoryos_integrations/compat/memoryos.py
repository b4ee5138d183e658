"""``Memoryos``: the class of upstream's quick start, on a store of this library."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from memoryos_integrations import checks
from memoryos_integrations.apps.importing.upstream_format import NOTHING, PROFILE, parse_upstream_time
from memoryos_integrations.apps.models import DEFAULT_MODEL
from memoryos_integrations.compat import stores
from memoryos_integrations.compat.retriever import Retriever, knowledge
from memoryos_integrations.config import MemoryConfig
from memoryos_integrations.errors import ConfigError

if TYPE_CHECKING:
    from types import TracebackType

    from memoryos_integrations.user_memory import UserMemory

_THREAD = "default"  # upstream has one conversation per user
_log = logging.getLogger("memoryos_integrations.compat")


class Memoryos:
    """The memory of one user with one assistant, with the arguments and methods of upstream's class.

    Instances on one folder with the same settings share one store. Nothing is printed, ``add_memory`` never
    waits for a model, and no failure of a model is stored.

    Args:
        user_id: whose memory; any text, never part of a path.
        openai_api_key: sent to the model's server only; ``None`` reads ``OPENAI_API_KEY`` from the
            environment.
        data_storage_path: the store's folder.
        openai_base_url: of any OpenAI-compatible server; OpenAI's by default.
        assistant_id: with which assistant; memories are never shared between users.
        short_term_capacity: turns in short-term memory.
        mid_term_capacity: topic segments in mid-term memory.
        long_term_knowledge_capacity: facts shown about the user and about the assistant, each.
        retrieval_queue_capacity: most turns retrieved for a question, in addition to short-term memory.
        mid_term_heat_threshold: heat at which a topic is promoted to long-term memory.
        mid_term_similarity_threshold: similarity at which a turn joins a topic.
        llm_model: name of the chat model.
        embedding_model_name: ``all-MiniLM-L6-v2``, which is included; pass another model as an object, in
            ``embedding_model_kwargs={"embedder": ...}``.
        embedding_model_kwargs: see above; other keys have no effect.

    Attributes:
        user: the same memory with the methods of this library, such as ``forget``.
        retriever: retrieval without an answer.

    Raises:
        ConfigError: an argument is unusable.
        StoreError: the folder cannot be opened.

    Example:
        >>> memo = Memoryos("tom", openai_api_key="sk-...", data_storage_path=str(path))
        >>> memo.add_memory("Hi! I'm Tom.", "Hello Tom!", timestamp="2026-05-01 18:30:00")
        >>> memo.retriever.retrieve_context("Who am I?", "tom")["retrieved_pages"][0]["user_input"]
        "Hi! I'm Tom."
        >>> memo.close()
    """

    def __init__(
        self,
        user_id: str,
        openai_api_key: str | None,
        data_storage_path: str | Path,
        openai_base_url: str | None = None,
        assistant_id: str = "default_assistant_profile",
        short_term_capacity: int = 10,
        mid_term_capacity: int = 2000,
        long_term_knowledge_capacity: int = 100,
        retrieval_queue_capacity: int = 7,
        mid_term_heat_threshold: float = 5.0,
        mid_term_similarity_threshold: float = 0.6,
        llm_model: str = DEFAULT_MODEL,
        embedding_model_name: str = stores.EMBEDDED,
        embedding_model_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        if not isinstance(data_storage_path, str | Path) or not str(data_storage_path):
            raise ConfigError("data_storage_path must be the path of a folder")
        for name, value in (("openai_api_key", openai_api_key), ("openai_base_url", openai_base_url)):
            if value is not None and not isinstance(value, str):
                raise ConfigError(f"{name} must be text or None, not {type(value).__name__}")
        self.user_id = checks.identifier("user_id", user_id)
        self.assistant_id = checks.identifier("assistant_id", assistant_id)
        self.llm_model = checks.identifier("llm_model", llm_model)
        self.embedding_model_name = checks.identifier("embedding_model_name", embedding_model_name)
        self.data_storage_path = str(Path(data_storage_path).absolute())
        self._most_pages = checks.whole(
            "retrieval_queue_capacity", retrieval_queue_capacity, least=1, most=checks.MAX_K
        )
        self._knowledge_capacity = long_term_knowledge_capacity
        settings = stores.Settings(
            path=Path(self.data_storage_path),
            config=MemoryConfig(
                short_term_capacity=short_term_capacity,
                mid_term_capacity=mid_term_capacity,
                knowledge_capacity=long_term_knowledge_capacity,
                promotion_heat=mid_term_heat_threshold,
                segment_threshold=mid_term_similarity_threshold,
            ),
            embedder=stores.embedder_named(embedding_model_name, embedding_model_kwargs),
            llm_model=llm_model,
            base_url=openai_base_url or None,
            api_key=openai_api_key or None,
        )
        self._shared = stores.hold(self, settings)
        self.user: UserMemory = self._shared.memory.user(user_id, assistant_id)
        self.retriever = Retriever(self.user, self._most_pages)

    def add_memory(
        self,
        user_input: str,
        agent_response: str,
        timestamp: str | None = None,
        meta_data: Mapping[str, Any] | None = None,
    ) -> None:
        """Store a turn. When this returns, it is on disk and retrievable.

        Args:
            user_input: the user's text; may be empty if the answer is not.
            agent_response: the answer; the same.
            timestamp: ``YYYY-MM-DD HH:MM:SS`` in this machine's zone, or ISO 8601; now by default.
            meta_data: JSON values, stored with the turn.

        Raises:
            InvalidInputError: an argument is unusable; nothing was stored.
        """
        at = parse_upstream_time("timestamp", timestamp) if timestamp else None
        metadata = checks.metadata("meta_data", meta_data)[0]
        self.user.add(user_input, agent_response, thread_id=_THREAD, at=at, metadata=metadata)

    def get_response(
        self,
        query: str,
        relationship_with_user: str = "friend",
        style_hint: str = "",
        user_conversation_meta_data: Mapping[str, Any] | None = None,
    ) -> str:
        """Let the model answer the user from memory, and store the turn.

        Args:
            query: the user's text, in any language.
            relationship_with_user: what the assistant is to the user; up to 256 characters.
            style_hint: how to answer; the same.
            user_conversation_meta_data: JSON values added to the prompt of this question.

        Raises:
            InvalidInputError: an argument is unusable; nothing was stored.
            LLMError: the model failed. The question is stored; repeat the call to retry.
        """
        from memoryos_integrations.model.responding import checked

        meta_data = checks.metadata("user_conversation_meta_data", user_conversation_meta_data)[1]
        request = checked(
            query,
            thread_id=_THREAD,
            style_hint=style_hint or None,
            relationship=relationship_with_user or None,
            circumstances=meta_data if user_conversation_meta_data else None,
            most_pages=self._most_pages,
        )
        user = self.user
        return user._store.responder(user._scope, user._context, user._added).reply(request)

    def get_user_profile_summary(self) -> str:
        """Return the user's profile, one line per field and trait; ``"None"`` if it is empty."""
        persona = self.user.persona()
        fields = {**persona.profile, **persona.traits}
        lines = [f"{name}: {_shown(value)}" for name, value in fields.items()]
        lines += [fact.text for fact in self.user.facts(about="user") if fact.metadata == PROFILE]
        return "\n".join(lines) or NOTHING

    def get_assistant_knowledge_summary(self) -> list[dict[str, str]]:
        """Return the facts about the assistant, oldest first: ``knowledge`` and ``timestamp``."""
        newest = self.user.facts(about="agent")[: self._knowledge_capacity]
        return [knowledge(fact) for fact in reversed(newest)]

    def force_mid_term_analysis(self) -> None:
        """Promote every topic of mid-term memory to long-term memory now, whatever its heat.

        Work that fails, or belongs to another process that owns the store, is done later and logged as a
        warning.
        """
        memory = self._shared.memory
        stores.close_unused(memory.path)
        memory.flush()
        with memory._store.ledger.read() as tx:
            number = self.user._scope.number(tx)
        if number is not None:
            memory._store.job_handlers.request_promotion(number)
        report = memory.flush()
        if report.parked or report.waiting:
            why = ", ".join(sorted(set(report.parked.values()))) or "another process owns the store"
            _log.warning("%d jobs are pending (%s).", len(report.parked) or report.waiting, why)

    def get_memory_stats(self) -> dict[str, Any]:
        """Return the counts that upstream returns."""
        return {
            "user_id": self.user_id,
            "short_term_count": sum(page.tier == "short_term" for page in self.user.pages()),
            "mid_term_sessions_count": len(self.user.segments()),
            "has_user_profile": self.get_user_profile_summary() != NOTHING,
            "assistant_knowledge_count": len(self.get_assistant_knowledge_summary()),
        }

    def close(self) -> None:
        """Close the store, if no other instance uses it. Nothing is lost if this is never called."""
        stores.release(self, self._shared)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return (
            f"<Memoryos user_id={self.user_id!r} assistant_id={self.assistant_id!r} "
            f"data_path={self.data_storage_path!r}>"
        )


def _shown(value: object) -> str:
    """Return a field of the profile, or the level of a trait, as text."""
    if isinstance(value, Mapping):
        value = value.get("level", ", ".join(f"{name} {item}" for name, item in value.items()))
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
