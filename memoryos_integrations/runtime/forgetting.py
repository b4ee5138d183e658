"""Forgetting: erases rows, everything derived from them, and their bytes in every file of the store."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import sqlalchemy as sa

from memoryos_integrations.events import Forgotten
from memoryos_integrations.language.extractive import METHOD
from memoryos_integrations.model.page_queue import FORGOTTEN, LEARNING
from memoryos_integrations.runtime import leaked_words
from memoryos_integrations.storage import contents, outbox, schema
from memoryos_integrations.storage.scope import touch
from memoryos_integrations.storage.sql import chunks
from memoryos_integrations.storage.vector_rows import drop_vectors
from memoryos_integrations.tiers import chains, persona_versions
from memoryos_integrations.tiers.mid_term import drop_segment
from memoryos_integrations.tiers.short_term import load_pages
from memoryos_integrations.types import ForgetReceipt
from memoryos_integrations.writing import fact_writing, promotion

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from memoryos_integrations.runtime.store import Store
    from memoryos_integrations.storage.scope import Scope

_messages, _pages, _segments, _chains = schema.messages, schema.pages, schema.segments, schema.chains
_facts, _edges, _vectors, _personas = schema.facts, schema.edges, schema.vectors, schema.persona_versions
_BLANK = {
    "summary": "",
    "refined_summary": None,
    "keywords": "{}",
    "refined_keywords": None,
    "method": METHOD,
}


@dataclass(slots=True)
class Erased:
    """Ids of what a transaction removed or blanked."""

    messages: list[str] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)
    segments: list[str] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)
    persona_versions: int = 0
    missing: list[str] = field(default_factory=list)


def forget(store: Store, scope: Scope, *, ids: Sequence[str] | None, thread_id: str | None) -> ForgetReceipt:
    """Erase by id, by conversation, or, with neither, a whole scope; then scrub the bytes in the log."""
    with store.ledger.write() as tx:
        number = scope.lock(tx)
        erased = _erase(tx, number, ids, thread_id, store.times.now_us())
        if number is not None and store.model is not None:
            LEARNING.request(tx, number, now=store.times.now_us(), config=store.config)
    store.ledger.scrub()
    if number is not None:
        store.cache.drop(number)
        store.worker.notify()
        store.emit(Forgotten(number, len(erased.messages), len(erased.facts)))
    return ForgetReceipt(
        at=store.times.now(),
        message_ids=tuple(erased.messages),
        page_ids=tuple(erased.pages),
        segment_ids=tuple(erased.segments),
        fact_ids=tuple(erased.facts),
        persona_versions=erased.persona_versions,
        missing_ids=tuple(erased.missing),
    )


def _erase(
    tx: sa.Connection, scope: int | None, ids: Sequence[str] | None, thread_id: str | None, now: int
) -> Erased:
    if scope is None:
        return Erased(missing=list(ids or ()))
    if ids is None and thread_id is None:
        return forget_everything(tx, scope)
    if ids is not None:
        erased = forget_ids(tx, scope, ids, now)
    else:
        erased = forget_thread(tx, scope, str(thread_id), now)
    if not any(_all_ids(tx, table, scope) for table in (_pages, _facts)):
        erased.persona_versions += forget_everything(tx, scope).persona_versions  # also the user's id
    return erased


def forget_ids(tx: sa.Connection, scope: int, item_ids: Sequence[str], now: int) -> Erased:
    """Erase messages, pages, segments (with their pages) and facts by id."""
    wanted = dict.fromkeys(item_ids)
    pages = _of_scope(tx, _pages, scope, wanted)
    segments = _of_scope(tx, _segments, scope, wanted)
    messages = _of_scope(tx, _messages, scope, wanted)
    facts = _of_scope(tx, _facts, scope, wanted)
    for part in chunks(sorted(segments)):
        pages |= set(tx.execute(sa.select(_pages.c.id).where(_pages.c.segment_id.in_(part))).scalars())
    for part in chunks(sorted(pages)):
        messages |= set(tx.execute(sa.select(_messages.c.id).where(_messages.c.page_id.in_(part))).scalars())
    erased = Erased(missing=[item for item in wanted if item not in messages | pages | segments | facts])
    _erase_messages(tx, scope, sorted(messages), erased, now)
    remaining = sorted(facts - set(erased.facts))
    _prevent_extraction(tx, remaining)
    _erase_facts(tx, scope, remaining, erased)
    _blank_personas(tx, scope, remaining, (), erased, now)
    touch(tx, scope, erased=True)
    return erased


def forget_thread(tx: sa.Connection, scope: int, thread_id: str, now: int) -> Erased:
    """Erase a conversation and everything derived from it."""
    mine = sa.and_(_messages.c.scope_id == scope, _messages.c.thread_id == thread_id)
    erased = Erased()
    _erase_messages(tx, scope, list(tx.execute(sa.select(_messages.c.id).where(mine)).scalars()), erased, now)
    touch(tx, scope, erased=True)
    return erased


def forget_everything(tx: sa.Connection, scope: int) -> Erased:
    """Erase a scope: its memories, its ids, its row."""
    erased = Erased(
        messages=_all_ids(tx, _messages, scope),
        pages=_all_ids(tx, _pages, scope),
        segments=_all_ids(tx, _segments, scope),
        facts=_all_ids(tx, _facts, scope),
    )
    # What is still to be taken out of the index stays to be done. A job that runs just now ends by itself:
    # the number of a row deleted here would go to one of the jobs below, which its end would then delete.
    jobs = schema.jobs.c
    removals = sa.func.coalesce(jobs.payload.like("gone:%"), False)
    tx.execute(sa.delete(schema.jobs).where(jobs.scope_id == scope, ~removals, jobs.leased_by.is_(None)))
    drop_vectors(tx, scope, [*erased.messages, *erased.segments, *erased.facts], forgotten=True)
    # Token usage stays in the totals.
    mine = sa.update(schema.usage).where(schema.usage.c.scope_id == scope)
    tx.execute(mine.values(scope_id=None))
    for table in contents.DELETED:
        deleted = tx.execute(sa.delete(table).where(table.c.scope_id == scope))
        if table is schema.persona_versions:
            erased.persona_versions = deleted.rowcount
    tx.execute(sa.delete(schema.scopes).where(schema.scopes.c.id == scope))
    return erased


def _erase_messages(
    tx: sa.Connection, scope: int, message_ids: Sequence[str], erased: Erased, now: int
) -> None:
    touched: set[str] = set()
    words = leaked_words.words_of(tx, message_ids)
    for part in chunks(message_ids):
        touched |= set(tx.execute(sa.select(_messages.c.page_id).where(_messages.c.id.in_(part))).scalars())
        tx.execute(sa.delete(_messages).where(_messages.c.id.in_(part)))
    drop_vectors(tx, scope, message_ids, forgotten=True)
    erased.messages += message_ids
    children = _children(tx, message_ids) | leaked_words.leaked_into(tx, scope, words)
    _erase_and_extract_again(tx, scope, sorted(_of_scope(tx, _facts, scope, children)), erased, now)
    segments, linked = _of_scope(tx, _segments, scope, children), _of_scope(tx, _chains, scope, children)
    for part in chunks(sorted(touched)):
        segments |= _ids(tx, _pages.c.segment_id, _pages.c.id.in_(part))
        linked |= _ids(tx, _pages.c.chain_id, _pages.c.id.in_(part))
        left = set(tx.execute(sa.select(_messages.c.page_id).where(_messages.c.page_id.in_(part))).scalars())
        empty = [page for page in part if page not in left]
        tx.execute(sa.delete(_pages).where(_pages.c.id.in_(empty)))
        # A page's metadata was stored with the erased text.
        tx.execute(sa.update(_pages).where(_pages.c.id.in_(sorted(left))).values(metadata="{}"))
        erased.pages += empty
    for segment in segments:
        # Their pages are refined again and may get other chains.
        linked |= _ids(tx, _pages.c.chain_id, _pages.c.segment_id == segment)
    chains.drop(tx, scope, linked)
    _blank_segments(tx, scope, sorted(segments), erased)


def _blank_segments(tx: sa.Connection, scope: int, segment_ids: Sequence[str], erased: Erased) -> None:
    """Blank summary, keywords and vector at once; a job rebuilds them from the remaining pages."""
    for segment in segment_ids:
        left = tx.execute(sa.select(_pages.c.id).where(_pages.c.segment_id == segment).limit(1)).first()
        if left is None:
            drop_segment(tx, scope, segment, forgotten=True)
        else:
            tx.execute(sa.update(_segments).where(_segments.c.id == segment).values(_BLANK))
            tx.execute(sa.delete(_edges).where(_edges.c.child_id == segment))
            refined = sa.and_(_pages.c.segment_id == segment, _pages.c.refined != METHOD)
            tx.execute(sa.update(_pages).where(refined).values(refined=None, summarised=None))
            drop_vectors(tx, scope, [segment], forgotten=True)
            outbox.enqueue_once(tx, "refresh", scope, segment)
    erased.segments += segment_ids


def _children(tx: sa.Connection, parents: Sequence[str]) -> set[str]:
    """Return the ids derived from messages: facts, and summaries that cover other pages."""
    found: set[str] = set()
    for part in chunks(parents):
        found |= _ids(tx, _edges.c.child_id, _edges.c.parent_id.in_(part))
    return found


def _ids(tx: sa.Connection, column: sa.Column[str], condition: sa.ColumnElement[bool]) -> set[str]:
    return set(tx.execute(sa.select(column).where(condition, column.is_not(None))).scalars())


def _erase_and_extract_again(
    tx: sa.Connection, scope: int, facts: Sequence[str], erased: Erased, now: int
) -> None:
    """Erase facts and traits derived from erased messages; their other sources are processed again."""
    sources: set[str] = set()
    for part in chunks(facts):
        sources |= _ids(tx, _edges.c.parent_id, _edges.c.child_id.in_(part))
    _erase_facts(tx, scope, facts, erased)
    sources |= _blank_personas(tx, scope, facts, erased.messages, erased, now)
    _extract_again(tx, scope, sources - set(erased.messages), now)


def _erase_facts(tx: sa.Connection, scope: int, fact_ids: Sequence[str], erased: Erased) -> None:
    links: dict[str, str | None] = {}
    for part in chunks(fact_ids):
        query = sa.select(_facts.c.id, _facts.c.superseded_by).where(_facts.c.id.in_(part))
        links |= {row.id: row.superseded_by for row in tx.execute(query)}
        tx.execute(sa.delete(_edges).where(_edges.c.child_id.in_(part)))
    for fact in fact_ids:
        _reopen(tx, scope, fact, links)
    for part in chunks(fact_ids):
        tx.execute(sa.delete(_facts).where(_facts.c.id.in_(part)))
    drop_vectors(tx, scope, fact_ids, forgotten=True)
    erased.facts += fact_ids


def _reopen(tx: sa.Connection, scope: int, fact: str, links: dict[str, str | None]) -> None:
    """Reopen facts superseded by an erased one, or relink them to its surviving successor."""
    mine = sa.and_(_facts.c.scope_id == scope, _facts.c.superseded_by == fact)
    successor, visited = links.get(fact), {fact}
    while successor in links and successor not in visited:
        visited.add(successor)
        successor = links[successor]
    if successor is None or successor in visited:
        tx.execute(sa.update(_facts).where(mine).values(superseded_by=None, valid_to=None))
        return
    began = tx.execute(sa.select(_facts.c.valid_from).where(_facts.c.id == successor)).scalar_one()
    ended = sa.case((_facts.c.valid_from > began, _facts.c.valid_from), else_=began)
    tx.execute(sa.update(_facts).where(mine).values(superseded_by=successor, valid_to=ended))


def _blank_personas(
    tx: sa.Connection, scope: int, facts: Sequence[str], messages: Sequence[str], erased: Erased, now: int
) -> set[str]:
    """Remove erased items from every persona version; returns the sources of removed traits."""
    redacted = persona_versions.redact(tx, scope, facts=set(facts), messages=set(messages))
    erased.persona_versions += redacted.versions
    if facts:
        persona_versions.write(tx, scope, now=now)
    return redacted.message_ids


def _extract_again(tx: sa.Connection, scope: int, messages: set[str], now: int) -> None:
    """Extract facts from the pages of messages again: by rules at once, by a model in the background."""
    pages: set[str] = set()
    for part in chunks(sorted(messages)):
        of_messages = sa.select(_messages.c.page_id).where(_messages.c.id.in_(part))
        free = sa.func.coalesce(_pages.c.learnt, "") != FORGOTTEN
        query = sa.select(_pages.c.id).where(
            _pages.c.id.in_(of_messages), _pages.c.promoted.is_not(None), free
        )
        pages |= set(tx.execute(query).scalars())
    for part in chunks(sorted(pages)):
        tx.execute(sa.update(_pages).where(_pages.c.id.in_(part)).values(learnt=None))
        fact_writing.store_facts(tx, scope, promotion.extract_facts(load_pages(tx, scope, page_ids=part)))
    if pages:
        persona_versions.write(tx, scope, now=now)


def _prevent_extraction(tx: sa.Connection, fact_ids: Sequence[str]) -> None:
    """Keep a model from extracting forgotten facts again from messages that stay."""
    for part in chunks(fact_ids):
        of_facts = sa.select(_edges.c.parent_id).where(_edges.c.child_id.in_(part))
        of_messages = sa.select(_messages.c.page_id).where(_messages.c.id.in_(of_facts))
        tx.execute(sa.update(_pages).where(_pages.c.id.in_(of_messages)).values(learnt=FORGOTTEN))


def _of_scope(tx: sa.Connection, table: sa.Table, scope: int, item_ids: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for part in chunks(list(item_ids)):
        found |= set(
            tx.execute(sa.select(table.c.id).where(table.c.scope_id == scope, table.c.id.in_(part))).scalars()
        )
    return found


def _all_ids(tx: sa.Connection, table: sa.Table, scope: int) -> list[str]:
    return list(
        tx.execute(sa.select(table.c.id).where(table.c.scope_id == scope).order_by(table.c.seq)).scalars()
    )
