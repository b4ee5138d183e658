"""Refinement: a chat model groups mid-term pages by topic, one batch per call.

The model is called outside any transaction; its result and the end of the job are written in one. Pages that
it omits or gets wrong keep their rule-based result.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import sqlalchemy as sa

from memoryos_integrations.errors import LLMBadOutput, LLMRefused
from memoryos_integrations.events import Refined, SegmentEvicted
from memoryos_integrations.language import extractive
from memoryos_integrations.model.page_queue import REFINEMENT, failed_before
from memoryos_integrations.model.refinement_batch import Batch, segments_shown, unchanged_since_shown
from memoryos_integrations.model.topic_placement import PlacementInput, TopicPlacement
from memoryos_integrations.storage import outbox, schema
from memoryos_integrations.storage.scope import state
from memoryos_integrations.storage.sql import chunks
from memoryos_integrations.tiers import chains, mid_term

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from memoryos_integrations.config import MemoryConfig
    from memoryos_integrations.events import Event
    from memoryos_integrations.model.metered_llm import MeteredLLM
    from memoryos_integrations.model.prompts.topics import ParsedTopics
    from memoryos_integrations.model.topic_placement import Topic
    from memoryos_integrations.protocols import TokenCounter
    from memoryos_integrations.storage.ledger import Ledger
    from memoryos_integrations.storage.outbox import Job
    from memoryos_integrations.tiers.chains import Run
    from memoryos_integrations.tiers.segment_draft import Plan
    from memoryos_integrations.types import Page
    from memoryos_integrations.writing.embedding import Embedding

_pages, _messages, _edges = schema.pages, schema.messages, schema.edges
Part = TypeVar("Part", bound="Topic | Run")


class Refinement:
    """Handles jobs of kind ``refine``.

    Args:
        ledger: the store's ledger.
        embedding: its vectors are compared.
        llm: the chat model.
        config: batch size, θ and capacities.
        count_tokens: bounds the prompt.
        now: microseconds since 1970.
        emit: receives ``Refined``, ``GivenUp`` and ``SegmentEvicted``.
        wake: wakes the worker for the follow-up jobs.
    """

    def __init__(
        self,
        ledger: Ledger,
        embedding: Embedding,
        llm: MeteredLLM,
        *,
        config: MemoryConfig,
        count_tokens: TokenCounter,
        now: Callable[[], int],
        emit: Callable[[Event], None],
        wake: Callable[[], None],
    ) -> None:
        self._ledger, self._embedding, self._llm = ledger, embedding, llm
        self._config, self._count, self._now = config, count_tokens, now
        self._emit, self._wake = emit, wake

    def run(self, jobs: Sequence[Job]) -> None:
        """Refine one batch of pages of each job's scope.

        Raises:
            LLMError: the model failed. After a second refusal or unusable reply, for a smaller batch, these
                pages keep their rule-based result instead, so that others can proceed.
        """
        for job in jobs:
            if job.scope_id is not None:
                self._refine(job, job.scope_id)

    def _refine(self, job: Job, scope: int) -> None:
        # imported here: pydantic is not loaded without a model
        from memoryos_integrations.model.prompts.topics import read_topics, topics_prompt

        batch = self._batch(job, scope)
        if not batch.pages:
            self._end(job, scope, [])
            return
        prompt = topics_prompt(batch, self._config.prompt_tokens, self._count)
        try:
            answer = self._llm.ask(scope, prompt, lambda reply: read_topics(reply, batch))
        except (LLMBadOutput, LLMRefused) as error:
            if not failed_before(job):
                raise
            self._end(job, scope, batch.pages)
            self._emit(REFINEMENT.give_up(scope, batch.pages, error))
            return
        while not self._write(job, scope, batch, answer):
            pass  # the scope changed meanwhile

    def _batch(self, job: Job, scope: int) -> Batch:
        """Return the oldest queued pages that fit into a prompt, with their segments and chains."""
        from memoryos_integrations.model.prompts.topics import fitting

        with self._ledger.read() as tx:
            pages = REFINEMENT.oldest(tx, scope, job, self._config)
            pages = fitting(pages, self._config.prompt_tokens, self._count)
            return Batch(pages, segments_shown(tx, pages), chains.preceding(tx, scope, pages))

    def _write(self, job: Job, scope: int, batch: Batch, answer: ParsedTopics) -> bool:
        """Plan, then apply in one transaction; returns ``False`` if the scope changed in between."""
        with self._ledger.read() as tx:
            seen = state(tx, scope)
            usable = unchanged_since_shown(tx, scope, batch)
            topics, runs = _within(answer.topics, usable or ()), _within(answer.runs, usable or ())
            plan = self._plan(tx, scope, topics)
        with self._ledger.write(scope) as tx:
            if state(tx, scope) != seen or unchanged_since_shown(tx, scope, batch) != usable:
                return False
            if usable is None:  # the reply may repeat forgotten text: ask again
                outbox.release(tx, [job])
                return True
            if usable:
                self._apply(tx, scope, usable, plan, topics, runs)
            REFINEMENT.finish(tx, scope, job, now=self._now(), config=self._config)
        if usable:
            self._wake()
            self._emit(Refined(scope, tuple(usable), tuple(draft.id for draft in plan.changed), len(runs)))
        for draft, heat in plan.evicted:
            self._emit(SegmentEvicted(scope, draft.id, heat))
        return True

    def _apply(
        self,
        tx: sa.Connection,
        scope: int,
        usable: Sequence[str],
        plan: Plan,
        topics: Sequence[Topic],
        runs: Sequence[Run],
    ) -> None:
        REFINEMENT.mark(tx, scope, usable, by=self._llm.name)
        for part in chunks(list(plan.segment_of)):
            tx.execute(sa.update(_pages).where(_pages.c.id.in_(part)).values(summarised=True))
        mid_term.apply(tx, scope, plan, {}, embedder_id=self._embedding.id)
        chains.write(tx, scope, runs, self._llm.name)
        homes = {draft.id for draft in plan.changed}  # others were evicted right away
        for topic in topics:
            if (home := plan.segment_of[topic.pages[0].id]) in homes:
                _link_sources(tx, scope, home, topic.beside)
        for run in runs:
            _link_sources(tx, scope, run.chain_id, run.beside)

    def _plan(self, tx: sa.Connection, scope: int, topics: Sequence[Topic]) -> Plan:
        pages = [page for topic in topics for page in topic.pages]
        moving, embedder_id = {page.id for page in pages}, self._embedding.id
        promoted = sa.select(_pages.c.id).where(_pages.c.scope_id == scope, _pages.c.promoted.is_not(None))
        learnt = {
            page
            for part in chunks(sorted(moving))
            for page in tx.execute(promoted.where(_pages.c.id.in_(part))).scalars()
        }
        shrunk = {page.segment_id for page in pages if page.segment_id is not None}
        segments = mid_term.drafts(tx, scope, embedder_id)
        for draft in segments:
            if draft.id in shrunk:
                mid_term.remove_pages(tx, scope, draft, moving, learnt, embedder_id)
        vectors = mid_term.page_vectors(tx, pages, embedder_id)
        inputs = PlacementInput(segments=segments, shrunk=shrunk, vectors=vectors, learnt=learnt)
        placement = TopicPlacement(inputs, model=self._llm.name, now=self._now(), config=self._config)
        for topic in topics:
            placement.place(topic)
        return placement.plan()

    def _end(self, job: Job, scope: int, given_up: Sequence[Page]) -> None:
        with self._ledger.write(scope) as tx:
            REFINEMENT.mark(tx, scope, [page.id for page in given_up], by=extractive.METHOD)
            REFINEMENT.finish(tx, scope, job, now=self._now(), config=self._config)


def _within(parts: Sequence[Part], usable: Collection[str]) -> list[Part]:
    """Return topics or runs with usable pages only; the others stay in ``beside``."""
    kept = []
    for part in parts:
        mine = tuple(page for page in part.pages if page.id in usable)
        others = tuple(page.id for page in part.pages if page.id not in usable)
        if mine:
            kept.append(replace(part, pages=mine, beside=(*part.beside, *others)))
    return kept


def _link_sources(tx: sa.Connection, scope: int, child: str, page_ids: Sequence[str]) -> None:
    """Link a summary to messages of other pages that it covers, so that forgetting one blanks it."""
    if not page_ids:
        return
    of_pages = sa.and_(_messages.c.scope_id == scope, _messages.c.page_id.in_(page_ids))
    linked = set(tx.execute(sa.select(_edges.c.parent_id).where(_edges.c.child_id == child)).scalars())
    for message in list(tx.execute(sa.select(_messages.c.id).where(of_pages)).scalars()):
        if message not in linked:
            tx.execute(sa.insert(_edges), {"child_id": child, "parent_id": message, "scope_id": scope})
