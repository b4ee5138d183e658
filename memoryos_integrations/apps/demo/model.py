"""Long-term memory that a chat model drew from the demo's conversation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from memoryos_integrations.apps.fact_sources import evidence, superseded
from memoryos_integrations.errors import LLMUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from memoryos_integrations.memory import MemoryOS
    from memoryos_integrations.types import Fact, Persona
    from memoryos_integrations.user_memory import UserMemory


@dataclass(frozen=True, slots=True)
class LearningReport:
    """Long-term memory, and what it cost."""

    persona: Persona
    facts: Sequence[Fact]
    """Those that the model found, newest first."""
    evidence: Mapping[str, Sequence[str]]
    superseded: Sequence[Fact]
    successors: Mapping[str, Fact]
    bill: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Return the same as JSON values."""
        return {
            "profile": dict(self.persona.profile),
            "traits": {name: str(level) for name, level in self.persona.traits.items()},
            "facts": [{"text": fact.text, "rests_on": self.evidence.get(fact.id, [])} for fact in self.facts],
            "superseded": [
                {"text": fact.text, "now": later.text}
                for fact in self.superseded
                if (later := self.successors.get(fact.superseded_by or "")) is not None
            ],
            "bill": self.bill["by_task"],
        }


def learning_report(memory: MemoryOS, mine: UserMemory, model: str) -> LearningReport:
    """Return what long-term memory holds now."""
    facts = mine.facts()
    found = [fact for fact in facts if fact.method == model]
    closed, successors = superseded(mine, facts)
    return LearningReport(
        mine.persona(), found, evidence(mine, found), closed, successors, memory.stats()["llm"]
    )


def flush_or_raise(memory: MemoryOS) -> None:
    """Do the background work; stop if the model fails.

    Raises:
        LLMUnavailable: some of its jobs failed; they stay in the ledger.
    """
    failed = memory.flush().parked
    if failed and memory.llm is not None:
        raise LLMUnavailable(
            f"The model failed at {len(failed)} jobs ({', '.join(sorted(set(failed.values())))}): check the "
            "address after --llm, and OPENAI_API_KEY."
        )
