"""Retrieval without an answer: upstream's ``memo.retriever``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from memoryos_integrations.apps.importing.upstream_format import format_time
from memoryos_integrations.checks import MAX_K
from memoryos_integrations.errors import InvalidInputError

if TYPE_CHECKING:
    from memoryos_integrations.types import About, Fact, Page
    from memoryos_integrations.user_memory import UserMemory

_MESSAGES_A_PAGE = 4  # several messages may belong to one turn


class Retriever:
    """Retrieves turns and facts in upstream's format.

    Args:
        user: whose memory.
        most_pages: how many turns are returned.
    """

    def __init__(self, user: UserMemory, most_pages: int) -> None:
        self._user, self._most_pages = user, most_pages

    def retrieve_context(
        self,
        user_query: str,
        user_id: str,
        segment_similarity_threshold: float = 0.1,  # noqa: ARG002 - upstream's; see below
        page_similarity_threshold: float = 0.1,  # noqa: ARG002
        knowledge_threshold: float = 0.01,  # noqa: ARG002
        top_k_sessions: int = 5,  # noqa: ARG002
        top_k_knowledge: int = 20,
    ) -> dict[str, Any]:
        """Return the turns and facts that answer a question, best first.

        The thresholds and ``top_k_sessions`` have no effect: scores are not cosines, and every turn competes,
        including those of short-term memory.

        Args:
            user_query: the question.
            user_id: the instance's own.
            segment_similarity_threshold: see above.
            page_similarity_threshold: see above.
            knowledge_threshold: see above.
            top_k_sessions: see above.
            top_k_knowledge: most facts about the user and about the assistant, each.

        Returns:
            ``retrieved_pages`` (``page_id``, ``user_input``, ``agent_response``, ``timestamp``,
            ``meta_info``), ``retrieved_user_knowledge`` and ``retrieved_assistant_knowledge``
            (``knowledge``, ``timestamp``), and ``retrieved_at``.

        Raises:
            InvalidInputError: an argument is unusable, or names another user.
        """
        if user_id != self._user.user_id:
            raise InvalidInputError(
                f"user_id: this is the memory of {self._user.user_id!r}; make an instance for {user_id!r}"
            )
        found = self._user.retrieve(user_query, k=self._most_pages * _MESSAGES_A_PAGE)
        ids = list(dict.fromkeys(item.page_id for item in found.items if item.page_id))[: self._most_pages]
        summaries = {segment.id: segment.summary for segment in self._user.segments()}
        pages = [page for page_id in ids for page in self._user.trace(page_id)]
        return {
            "retrieved_pages": [_shown(page, summaries) for page in pages],
            "retrieved_user_knowledge": self._facts(user_query, "user", top_k_knowledge),
            "retrieved_assistant_knowledge": self._facts(user_query, "agent", top_k_knowledge),
            "retrieved_at": format_time(self._user._store.times.now()),
        }

    def _facts(self, query: str, about: About, most: int) -> list[dict[str, str]]:
        facts = {fact.id: fact for fact in self._user.facts(about=about)}
        if not facts or most < 1:
            return []
        found = self._user.retrieve(query, k=MAX_K, kinds=("fact",))
        return [knowledge(facts[item.id]) for item in found.items if item.id in facts][:most]


def knowledge(fact: Fact) -> dict[str, str]:
    """Return a fact as upstream returns an entry of knowledge."""
    return {"knowledge": fact.text, "timestamp": format_time(fact.valid_from)}


def _shown(page: Page, summaries: dict[str, str]) -> dict[str, Any]:
    sides = {
        role: "\n".join(message.text for message in page.messages if message.role == role)
        for role in ("user", "assistant")
    }
    return {
        "page_id": page.id,
        "user_input": sides["user"],
        "agent_response": sides["assistant"],
        "timestamp": format_time(page.at),
        "meta_info": summaries.get(page.segment_id or ""),
    }
