"""Learning: what a chat model draws from promoted pages for long-term memory, a batch in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from memoryos_integrations import extractive, lessons, persona, short_term
from memoryos_integrations.checks import to_us
from memoryos_integrations.errors import LLMBadOutput, LLMRefused
from memoryos_integrations.events import GivenUp, Learnt
from memoryos_integrations.evidence import Findings, read_lessons
from memoryos_integrations.known import Known
from memoryos_integrations.lessons import is_shown, trust
from memoryos_integrations.storage import outbox, schema
from memoryos_integrations.text import content_terms

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from memoryos_integrations.asking import Asking
    from memoryos_integrations.config import MemoryConfig
    from memoryos_integrations.events import Event
    from memoryos_integrations.evidence import TraitSeen
    from memoryos_integrations.known import Row
    from memoryos_integrations.persona import Traits
    from memoryos_integrations.prompts.persona import Material
    from memoryos_integrations.protocols import TokenCounter
    from memoryos_integrations.storage.ledger import Ledger
    from memoryos_integrations.storage.outbox import Job
    from memoryos_integrations.types import Page

FORGOTTEN = "forgotten"
"""``pages.learnt`` where a fact drawn from the page was forgotten: a model would only draw it again."""

_FACTS_SHOWN = 60
_CHARACTERS_READ = 2_000  # of a fact, to see what it is about
_MESSAGES_OF_A_TRAIT = 8
_SMALLER = 4  # the part of a batch that is tried where a whole one failed
_BAD_REPLIES = frozenset({LLMRefused.__name__, LLMBadOutput.__name__})
_pages, _scopes = schema.pages, schema.scopes


def request(tx: sa.Connection, scope: int, *, now: int, config: MemoryConfig) -> None:
    """Ask to learn from a scope's promoted pages: at once if they fill a batch, else after a rest."""
    waiting = pages_waiting(tx, scope)
    if waiting:
        outbox.schedule(tx, "learn", scope, due_at=_due_at(waiting, now, config))


def request_again(tx: sa.Connection, scope: int) -> None:
    """Ask for it at once, for those pages too that a model failed at."""
    failed = sa.and_(_pages.c.scope_id == scope, _pages.c.learnt == extractive.METHOD)
    tx.execute(sa.update(_pages).where(failed).values(learnt=None))
    if pages_waiting(tx, scope):
        outbox.schedule(tx, "learn", scope, due_at=0)


def pages_waiting(tx: sa.Connection, scope: int) -> int:
    """Return the number of promoted pages that no model has learnt from, and none has failed to."""
    return tx.execute(sa.select(sa.func.count()).select_from(_pages).where(_waits(scope))).scalar_one()


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
        asking: Asking,
        *,
        config: MemoryConfig,
        count_tokens: TokenCounter,
        now: Callable[[], int],
        emit: Callable[[Event], None],
    ) -> None:
        from memoryos_integrations.prompts import persona as question  # pydantic, which rules do not need

        self._question = question
        self._ledger, self._asking, self._config = ledger, asking, config
        self._count, self._now, self._emit = count_tokens, now, emit

    def run(self, jobs: Sequence[Job]) -> None:
        """Learn from one batch of pages of each job's scope."""
        for job in jobs:
            if job.scope_id is not None:
                self._learn(job.scope_id, job)

    def _learn(self, scope: int, job: Job) -> None:
        """Ask outside, write in one transaction; what was forgotten in between is not written."""
        failed_before = job.error in _BAD_REPLIES
        with self._ledger.read() as tx:
            erasures = _erasures(tx, scope)
            batch = self._batch(tx, scope, smaller=failed_before)
            known = Known(tx, scope)
            material = self._material(tx, scope, batch, known)
        findings = None
        if batch:
            try:
                findings = self._ask(scope, material) if _says_something(batch) else Findings()
            except (LLMRefused, LLMBadOutput) as error:
                if not failed_before:
                    raise  # parked; then fewer pages are tried, so that a bad one cannot hold up the others
                self._give_up(scope, job, batch, erasures, error)
                return
            known.prepare(findings.lessons)
        with self._ledger.write() as tx:
            if _erasures(tx, scope) != erasures:
                outbox.give_back(tx, [job])
                return
            learnt = self._write(tx, scope, batch, findings, known) if findings is not None else None
            self._go_on(tx, scope, job)
        if learnt is not None:
            self._emit(learnt)

    def _batch(self, tx: sa.Connection, scope: int, *, smaller: bool) -> list[Page]:
        """Return the oldest pages to learn from that fit into one prompt."""
        most = self._config.promotion_batch_pages
        limit = max(1, most // _SMALLER) if smaller else most
        query = sa.select(_pages.c.id).where(_waits(scope)).order_by(_pages.c.seq).limit(limit)
        oldest = list(tx.execute(query).scalars())
        pages = short_term.load_pages(tx, scope, page_ids=oldest) if oldest else []
        return self._question.fitting(pages, self._config.prompt_tokens, self._count) if pages else []

    def _material(self, tx: sa.Connection, scope: int, batch: Sequence[Page], known: Known) -> Material:
        """Return a batch with what is known that it may have to do with."""
        current = persona.load(tx, scope)
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
        return self._asking.ask(scope, prompt, lambda reply: read_lessons(reply, material, self._asking.name))

    def _write(
        self, tx: sa.Connection, scope: int, batch: Sequence[Page], findings: Findings, known: Known
    ) -> Learnt:
        outcome = lessons.learn(tx, scope, findings.lessons, earlier=known)
        before = persona.stored_traits(tx, scope)
        traits, kept_out = _with_traits(before, findings.traits)
        persona.write(tx, scope, now=self._now(), method=self._asking.name, traits=traits)
        ids = tuple(page.id for page in batch)
        tx.execute(sa.update(_pages).where(_pages.c.id.in_(ids)).values(learnt=self._asking.name))
        refused = sum(findings.refused.values()) + outcome.refused + kept_out
        return Learnt(scope, ids, tuple(outcome.new), refused)

    def _give_up(
        self, scope: int, job: Job, batch: Sequence[Page], erasures: int | None, error: Exception
    ) -> None:
        """Leave pages that a model failed at twice as the rules have them, and go on with the others."""
        ids = tuple(page.id for page in batch)
        with self._ledger.write() as tx:
            if _erasures(tx, scope) != erasures:
                outbox.give_back(tx, [job])
                return
            tx.execute(sa.update(_pages).where(_pages.c.id.in_(ids)).values(learnt=extractive.METHOD))
            self._go_on(tx, scope, job)
        self._emit(GivenUp(scope, "learn", ids, type(error).__name__))

    def _go_on(self, tx: sa.Connection, scope: int, job: Job) -> None:
        waiting = pages_waiting(tx, scope)
        if waiting:
            outbox.give_back(tx, [job], due_at=_due_at(waiting, self._now(), self._config))
        else:
            outbox.done(tx, [job])


def _waits(scope: int) -> sa.ColumnElement[bool]:
    return sa.and_(_pages.c.scope_id == scope, _pages.c.promoted.is_not(None), _pages.c.learnt.is_(None))


def _says_something(pages: Sequence[Page]) -> bool:
    return any(is_shown(message) for page in pages for message in page.messages)


def _due_at(waiting: int, now: int, config: MemoryConfig) -> int:
    if waiting >= config.promotion_batch_pages:
        return 0
    return now + int(config.refine_idle.total_seconds() * 1e6)


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
