"""Read-only views of a store: counts, integrity checks, and the sources of an item."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from memoryos_integrations.clock import from_us
from memoryos_integrations.errors import IndexUnavailableError
from memoryos_integrations.model.costs import usage_totals
from memoryos_integrations.storage import outbox, schema
from memoryos_integrations.storage.contents import COUNTED
from memoryos_integrations.storage.scope import OF_ITEMS
from memoryos_integrations.tiers import chains
from memoryos_integrations.tiers.long_term import sources_of
from memoryos_integrations.tiers.short_term import load_pages
from memoryos_integrations.types import Report

if TYPE_CHECKING:
    from memoryos_integrations.runtime.store import Store
    from memoryos_integrations.types import Page
    from memoryos_integrations.writing.indexing import Indexing

_messages, _pages, _segments = schema.messages, schema.pages, schema.segments
_facts, _vectors = schema.facts, schema.vectors


def verify(store: Store) -> Report:
    """Check the ledger's file and references, and the index against the ledger."""
    problems = store.ledger.check()
    if problems:
        return Report(False, tuple(problems), {})
    owner = store.worker.take_charge()
    with store.ledger.read() as tx:
        counts = _counts(tx)
        waiting = outbox.pending(tx)
        parked = outbox.failed(tx)
        empty = (
            sa.select(sa.func.count())
            .select_from(_pages)
            .where(~sa.select(_messages.c.seq).where(_messages.c.page_id == _pages.c.id).exists())
        )
        if pages := tx.execute(empty).scalar_one():
            problems.append(f"{pages} pages have no message: report this, it should not be possible.")
    problems += [
        f"The job {job} failed with {error} and is tried again later." for job, error in parked.items()
    ]
    if owner and not waiting.keys() - outbox.MODEL_KINDS:
        problems += _compare_index(store.indexing, counts)
    return Report(not problems, tuple(problems), counts)


def stats(store: Store) -> dict[str, Any]:
    """Return counts, pending jobs, the embedder and bytes on disk."""
    with store.ledger.read() as tx:
        counts: dict[str, Any] = dict(_counts(tx))
        counts["users"] = tx.execute(
            sa.select(sa.func.count(schema.scopes.c.user_id.distinct())).where(
                schema.scopes.c.user_id != OF_ITEMS.user_id
            )
        ).scalar_one()
        tiers = sa.select(_pages.c.tier, sa.func.count()).group_by(_pages.c.tier)
        counts["pages_by_tier"] = {row[0]: row[1] for row in tx.execute(tiers)}
        counts["jobs"] = outbox.pending(tx)
        counts["parked"] = len(outbox.failed(tx))
        counts["llm"] = usage_totals(tx)
    embedder = store.embedding.embedder
    counts["embedder"] = embedder.name if embedder is not None else None
    counts["bytes"] = store.ledger.size()
    counts["owner"] = store.ownership.held
    return counts


def tiers(tx: sa.Connection, scope: int) -> dict[str, Any]:
    """Return a scope's counts by tier; of pages, also the first and last time."""
    counts: dict[str, Any] = {"short_term": {"pages": 0}, "mid_term": {"pages": 0}}
    pages = sa.select(_pages.c.tier, sa.func.count(), sa.func.min(_pages.c.at), sa.func.max(_pages.c.at))
    of_scope = _pages.c.scope_id == scope
    for tier, number, first, last in tx.execute(pages.where(of_scope).group_by(_pages.c.tier)):
        counts[tier] = {"pages": number, "from": from_us(first), "to": from_us(last)}
    segments = sa.select(sa.func.count()).select_from(_segments).where(_segments.c.scope_id == scope)
    facts = sa.select(sa.func.count()).select_from(_facts)
    facts = facts.where(_facts.c.scope_id == scope, _facts.c.valid_to.is_(None))
    versions = sa.select(sa.func.max(schema.persona_versions.c.version))
    versions = versions.where(schema.persona_versions.c.scope_id == scope)
    counts["mid_term"]["segments"] = tx.execute(segments).scalar_one()
    version = tx.execute(versions).scalar() or 0
    return {**counts, "long_term": {"facts": tx.execute(facts).scalar_one(), "persona version": version}}


def trace(tx: sa.Connection, scope: int, item_id: str) -> list[Page] | None:
    """Return the pages of a scope that an item rests on, ``None`` if the scope has no such item."""
    mine = {"id": item_id, "scope_id": scope}
    page = tx.execute(_by_id(_messages, _messages.c.page_id), mine).scalar()
    page = page or tx.execute(_by_id(_pages, _pages.c.id), mine).scalar()
    if page is not None:
        return load_pages(tx, scope, page_ids=[page])
    if tx.execute(_by_id(_segments, _segments.c.id), mine).scalar() is not None:
        return load_pages(tx, scope, segment_id=item_id)
    if chain := chains.load(tx, scope, chain_ids=[item_id]):
        return load_pages(tx, scope, page_ids=chain[0].page_ids)
    if tx.execute(_by_id(_facts, _facts.c.id), mine).scalar() is not None:
        return load_pages(tx, scope, page_ids=list(sources_of(tx, [item_id]).get(item_id, ())))
    return None


def _by_id(table: sa.Table, column: sa.Column[Any]) -> sa.Select[Any]:
    return sa.select(column).where(
        table.c.id == sa.bindparam("id"), table.c.scope_id == sa.bindparam("scope_id")
    )


def _counts(tx: sa.Connection) -> dict[str, int]:
    return {
        name: tx.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
        for name, table in COUNTED.items()
    }


def _compare_index(indexing: Indexing, counts: dict[str, int]) -> list[str]:
    problems = []
    try:
        for name, (held, expected) in indexing.counts().items():
            counts[f"index.{name}"] = held
            if held != expected:
                problems.append(
                    f"The collection {name} holds {held} records, not {expected}: call rebuild_index()."
                )
    except IndexUnavailableError as error:
        problems.append(
            f"The vector index cannot be read ({error}): call rebuild_index(). No memory is lost."
        )
    return problems
