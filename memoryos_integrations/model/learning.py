"""Learning: a chat model extracts facts and traits from promoted pages, one batch per call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from memoryos_integrations.clock import to_us
from memoryos_integrations.errors import LLMBadOutput, LLMRefused
from memoryos_integrations.events import Learnt
from memoryos_integrations.language import extractive
from memoryos_integrations.language.text import content_terms
from memoryos_integrations.model.evidence import Findings, read_findings
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
    from memoryos_integrations.model.prompts.extraction import Material
    from memoryos_integrations.protocols import TokenCounter
    from memoryos_integrations.storage.ledger import Ledger
    from memoryos_integrations.storage.outbox import Job
    from memoryos_integrations.tiers.persona_versions import Traits
    from memoryos_integrations.types import Page
    from memoryos_integrations.writing.fact_lookup import Row


_FACTS_SHOWN = 60
_CHARACTERS_READ = 2_000  # of a fact, when comparing it with pages
_MESSAGES_OF_A_TRAIT = 8
_scopes = schema.scopes


class Learning:
    """Handles jobs of kind ``learn``.

    Args:
        ledger: the store's ledger.
        llm: the chat model.
        config: batch size and prompt size.
        count_tokens: bounds the prompt.
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
        from memoryos_integrations.model.prompts import extraction  # loads pydantic

        self._prompts = extraction
        self._ledger, self._llm, self._config = ledger, llm, config
        self._count, self._now, self._emit = count_tokens, now, emit

    def run(self, jobs: Sequence[Job]) -> None:
        """Process one batch of pages of each job's scope."""
        for job in jobs:
            if job.scope_id is not None:
                self._learn(job.scope_id, job)

    def _learn(self, scope: int, job: Job) -> None:
        """Call the model, then write in one transaction unless something was forgotten in between."""
        with self._ledger.read() as tx:
            erasures = _erasures(tx, scope)
            batch = self._batch(tx, scope, job)
            lookup = FactLookup(tx, scope)
            material = self._material(tx, scope, batch, lookup)
        findings = None
        if batch:
            try:
                findings = self._ask(scope, material) if _is_readable(batch) else Findings()
            except (LLMRefused, LLMBadOutput) as error:
                if not failed_before(job):
                    raise  # parked; the retry takes fewer pages, so that a bad one does not block others
                self._give_up(scope, job, batch, erasures, error)
                return
            lookup.prepare(findings.new_facts)
        with self._ledger.write(scope) as tx:
            if _erasures(tx, scope) != erasures:
                outbox.release(tx, [job])
                return
            learnt = self._write(tx, scope, batch, findings, lookup) if findings is not None else None
            LEARNING.finish(tx, scope, job, now=self._now(), config=self._config)
        if learnt is not None:
            self._emit(learnt)

    def _batch(self, tx: sa.Connection, scope: int, job: Job) -> list[Page]:
        """Return the oldest queued pages that fit into one prompt."""
        pages = LEARNING.oldest(tx, scope, job, self._config)
        return self._prompts.fitting(pages, self._config.prompt_tokens, self._count)

    def _material(self, tx: sa.Connection, scope: int, batch: Sequence[Page], lookup: FactLookup) -> Material:
        """Return a batch with the stored facts, profiles and traits related to it."""
        current = persona_versions.load(tx, scope)
        valid = [row for row in lookup.rows.values() if row["valid_to"] is None]
        material = self._prompts.Material(
            pages=batch,
            facts=_nearest(valid, batch),
            profiles={"user": current.profile, "agent": current.agent_profile} if current else {},
            traits={name: trait.level for name, trait in current.traits.items()} if current else {},
        )
        return self._prompts.with_room(material, self._config.prompt_tokens, self._count)

    def _ask(self, scope: int, material: Material) -> Findings:
        prompt = self._prompts.extraction_prompt(material, self._config.prompt_tokens, self._count)
        return self._llm.ask(scope, prompt, lambda reply: read_findings(reply, material, self._llm.name))

    def _write(
        self, tx: sa.Connection, scope: int, batch: Sequence[Page], findings: Findings, lookup: FactLookup
    ) -> Learnt:
        outcome = fact_writing.store_facts(tx, scope, findings.new_facts, earlier=lookup)
        before = persona_versions.stored_traits(tx, scope)
        traits, rejected = _merged_traits(before, findings.traits)
        persona_versions.write(tx, scope, now=self._now(), method=self._llm.name, traits=traits)
        ids = tuple(page.id for page in batch)
        LEARNING.mark(tx, scope, ids, by=self._llm.name)
        refused = sum(findings.refused.values()) + outcome.refused + rejected
        return Learnt(scope, ids, tuple(outcome.new), refused)

    def _give_up(
        self, scope: int, job: Job, batch: Sequence[Page], erasures: int | None, error: Exception
    ) -> None:
        """After two failures keep the rule-based result of these pages."""
        with self._ledger.write(scope) as tx:
            if _erasures(tx, scope) != erasures:
                outbox.release(tx, [job])
                return
            LEARNING.mark(tx, scope, [page.id for page in batch], by=extractive.METHOD)
            LEARNING.finish(tx, scope, job, now=self._now(), config=self._config)
        self._emit(LEARNING.give_up(scope, batch, error))


def _is_readable(pages: Sequence[Page]) -> bool:
    return any(is_readable_by_model(message) for page in pages for message in page.messages)


def _erasures(tx: sa.Connection, scope: int) -> int | None:
    return tx.execute(sa.select(_scopes.c.erasures).where(_scopes.c.id == scope)).scalar()


def _nearest(rows: Sequence[Row], pages: Sequence[Page]) -> list[Row]:
    """Return the facts that share most words with the pages, newest first."""
    if len(rows) > _FACTS_SHOWN:
        terms = {term for page in pages for message in page.messages for term in content_terms(message.text)}
        shared = [len(terms.intersection(content_terms(row["text"][:_CHARACTERS_READ]))) for row in rows]
        best = sorted(range(len(rows)), key=lambda place: (-shared[place], -place))[:_FACTS_SHOWN]
        rows = [rows[place] for place in sorted(best)]
    return list(reversed(rows))


def _merged_traits(before: Traits, seen: Sequence[TraitSeen]) -> tuple[Traits, int]:
    """Merge newly seen traits into stored ones; also returns how many were rejected.

    An older message or a less trusted source does not change a level. A trait that is not seen again stays.
    """
    traits, rejected = dict(before), 0
    for trait in seen:
        old = traits.get(trait.dimension)
        first, last = (to_us(at) for at in (trait.messages[0].at, trait.messages[-1].at))
        if old is not None and old["level"] != trait.level:
            if trust(trait.source) < trust(old["source"]) or last < old["seen"]:
                rejected += 1
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
    return traits, rejected
