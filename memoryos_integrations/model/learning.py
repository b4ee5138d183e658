"""Learning: what a chat model draws from promoted pages for long-term memory, a batch in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from memoryos_integrations.clock import to_us
from memoryos_integrations.errors import LLMBadOutput, LLMRefused
from memoryos_integrations.events import Learnt
from memoryos_integrations.language import extractive
from memoryos_integrations.language.text import content_terms
from memoryos_integrations.model.evidence import Findings, read_new_facts
from memoryos_integrations.model.page_queue import LEARNING, failed_before
from memoryos_integrations.storage import outbox, schema
from memoryos_integrations.tiers import persona_versions
from memoryos_integrations.tiers.new_fact import is_readable_by_model, trust
from memoryos_integrations.writing import fact_writing
from memoryos_integrations.writing.fact_lookup import FactLookup

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from memoryos_integrations.config import MemoryConfig
    from memoryos_integrations.events import Event
    from memoryos_integrations.model.evidence import TraitSeen
    from memoryos_integrations.model.metered_llm import MeteredLLM
    from memoryos_integrations.model.prompts.persona import Material
    from memoryos_integrations.protocols import TokenCounter
    from memoryos_integrations.storage.ledger import Ledger
    from memoryos_integrations.storage.outbox import Job
    from memoryos_integrations.tiers.persona_versions import Traits
    from memoryos_integrations.types import Page
    from memoryos_integrations.writing.fact_lookup import Row


_FACTS_SHOWN = 60
_CHARACTERS_READ = 2_000  # of a fact, to see what it is about
_MESSAGES_OF_A_TRAIT = 8
_scopes = schema.scopes


class Learning:
    """Does the jobs of kind ``learn``.

    Args:
        ledger: where pages and facts are.
        asking: asks the model.
        config: sizes of a batch.
        count_tokens: counts the tokens of a prompt.
        now: microseconds since 1970.
        emit: receives ``Learnt`` and ``GivenUp``.
    """

    def __init__(
        self,
        ledger: Ledger,
        llm: MeteredLLM,
        *,
        config: MemoryConfig,
        count_tokens: TokenCounter,
        now: Callable[[], int],
        emit: Callable[[Event], None],
    ) -> None:
        from memoryos_integrations.model.prompts import (
            persona as question,  # pydantic, which rules do not need
        )

        self._question = question
        self._ledger, self._llm, self._config = ledger, llm, config
        self._count, self._now, self._emit = count_tokens, now, emit

    def run(self, jobs: Sequence[Job]) -> None:
        """Learn from one batch of pages of each job's scope."""
        for job in jobs:
            if job.scope_id is not None:
                self._learn(job.scope_id, job)

    def _learn(self, scope: int, job: Job) -> None:
        """Ask outside, write in one transaction; what was forgotten in between is not written."""
        with self._ledger.read() as tx:
            erasures = _erasures(tx, scope)
            batch = self._batch(tx, scope, job)
            known = FactLookup(tx, scope)
            material = self._material(tx, scope, batch, known)
        findings = None
        if batch:
            try:
                findings = self._ask(scope, material) if _says_something(batch) else Findings()
            except (LLMRefused, LLMBadOutput) as error:
                if not failed_before(job):
                    raise  # parked; then fewer pages are tried, so that a bad one cannot hold up the others
                self._give_up(scope, job, batch, erasures, error)
                return
            known.prepare(findings.new_facts)
        with self._ledger.write(scope) as tx:
            if _erasures(tx, scope) != erasures:
                outbox.release(tx, [job])
                return
            learnt = self._write(tx, scope, batch, findings, known) if findings is not None else None
            LEARNING.go_on(tx, scope, job, now=self._now(), config=self._config)
        if learnt is not None:
            self._emit(learnt)

    def _batch(self, tx: sa.Connection, scope: int, job: Job) -> list[Page]:
        """Return the oldest pages to learn from that fit into one prompt."""
        pages = LEARNING.oldest(tx, scope, job, self._config)
        return self._question.fitting(pages, self._config.prompt_tokens, self._count)

    def _material(self, tx: sa.Connection, scope: int, batch: Sequence[Page], known: FactLookup) -> Material:
        """Return a batch with what is known that it may have to do with."""
        current = persona_versions.load(tx, scope)
        holding = [row for row in known.rows.values() if row["valid_to"] is None]
        material = self._question.Material(
            pages=batch,
            facts=_nearest(holding, batch),
            profiles={"user": current.profile, "agent": current.agent_profile} if current else {},
            traits={name: trait.level for name, trait in current.traits.items()} if current else {},
        )
        return self._question.with_room(material, self._config.prompt_tokens, self._count)

    def _ask(self, scope: int, material: Material) -> Findings:
        prompt = self._question.persona_prompt(material, self._config.prompt_tokens, self._count)
        return self._llm.ask(scope, prompt, lambda reply: read_new_facts(reply, material, self._llm.name))

    def _write(
        self, tx: sa.Connection, scope: int, batch: Sequence[Page], findings: Findings, known: FactLookup
    ) -> Learnt:
        outcome = fact_writing.store_facts(tx, scope, findings.new_facts, earlier=known)
        before = persona_versions.stored_traits(tx, scope)
        traits, kept_out = _with_traits(before, findings.traits)
        persona_versions.write(tx, scope, now=self._now(), method=self._llm.name, traits=traits)
        ids = tuple(page.id for page in batch)
        LEARNING.mark(tx, scope, ids, by=self._llm.name)
        refused = sum(findings.refused.values()) + outcome.refused + kept_out
        return Learnt(scope, ids, tuple(outcome.new), refused)

    def _give_up(
        self, scope: int, job: Job, batch: Sequence[Page], erasures: int | None, error: Exception
    ) -> None:
        """Leave pages that a model failed at twice as the rules have them, and go on with the others."""
        with self._ledger.write(scope) as tx:
            if _erasures(tx, scope) != erasures:
                outbox.release(tx, [job])
                return
            LEARNING.mark(tx, scope, [page.id for page in batch], by=extractive.METHOD)
            LEARNING.go_on(tx, scope, job, now=self._now(), config=self._config)
        self._emit(LEARNING.given_up(scope, batch, error))


def _says_something(pages: Sequence[Page]) -> bool:
    return any(is_readable_by_model(message) for page in pages for message in page.messages)


def _erasures(tx: sa.Connection, scope: int) -> int | None:
    return tx.execute(sa.select(_scopes.c.erasures).where(_scopes.c.id == scope)).scalar()


def _nearest(rows: Sequence[Row], pages: Sequence[Page]) -> list[Row]:
    """Return the facts that are most about what the pages are about, then the newest; the newest first."""
    if len(rows) > _FACTS_SHOWN:
        said = {term for page in pages for message in page.messages for term in content_terms(message.text)}
        shared = [len(said.intersection(content_terms(row["text"][:_CHARACTERS_READ]))) for row in rows]
        best = sorted(range(len(rows)), key=lambda place: (-shared[place], -place))[:_FACTS_SHOWN]
        rows = [rows[place] for place in sorted(best)]
    return list(reversed(rows))


def _with_traits(before: Traits, seen: Sequence[TraitSeen]) -> tuple[Traits, int]:
    """Return traits with what was seen of them now, and how many of those could not change them.

    What is older, or from a less trusted source, changes no level. A trait that is not seen again stays.
    """
    traits, kept_out = dict(before), 0
    for trait in seen:
        old = traits.get(trait.dimension)
        first, last = (to_us(at) for at in (trait.messages[0].at, trait.messages[-1].at))
        if old is not None and old["level"] != trait.level:
            if trust(trait.source) < trust(old["source"]) or last < old["seen"]:
                kept_out += 1
                continue
            old = None
        earlier = old or {"since": first, "seen": last, "messages": [], "pages": [], "source": trait.source}
        room = _MESSAGES_OF_A_TRAIT - len(earlier["messages"])
        new = [message for message in trait.messages if message.id not in earlier["messages"]][:room]
        traits[trait.dimension] = {
            "level": trait.level,
            "since": min(first, earlier["since"]),
            "seen": max(last, earlier["seen"]),
            "source": max(trait.source, earlier["source"], key=trust),
            "messages": [*earlier["messages"], *(message.id for message in new)],
            "pages": [*earlier["pages"], *(message.page_id for message in new)],
        }
    return traits, kept_out
