"""Mid-term memory: topic segments with heat. A plan is written in one transaction."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from memoryos_integrations.clock import from_us
from memoryos_integrations.language import extractive
from memoryos_integrations.storage import outbox, schema
from memoryos_integrations.storage.scope import touch
from memoryos_integrations.storage.sql import chunks
from memoryos_integrations.storage.vector_rows import drop_vectors, vector_row
from memoryos_integrations.storage.vectors import unpack
from memoryos_integrations.tiers import short_term
from memoryos_integrations.tiers.heat import heat
from memoryos_integrations.tiers.segment_draft import SUMMARY_CHARACTERS, Draft, page_vector
from memoryos_integrations.types import Segment

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from memoryos_integrations.config import MemoryConfig
    from memoryos_integrations.tiers.segment_draft import Plan, Vector
    from memoryos_integrations.types import Page

_segments, _pages, _vectors, _messages = schema.segments, schema.pages, schema.vectors, schema.messages
_PAGES_FOR_SUMMARY = 24
_for_drafts = sa.select(
    *(column for column in _segments.c if column.name not in ("summary", "refined_summary"))
)


def drafts(tx: sa.Connection, scope: int, embedder_id: int | None) -> list[Draft]:
    """Return the segments of a scope for consolidation."""
    sizes = _sizes(tx, scope)
    stored = segment_vectors(tx, scope, embedder_id)
    rows = tx.execute(_for_drafts.where(_segments.c.scope_id == scope).order_by(_segments.c.seq))
    return [
        Draft(
            id=row.id,
            keywords=Counter(json.loads(row.keywords)),
            vector=stored.get(row.id),
            total_pages=sizes.get(row.id, (0, 0))[0],
            page_count=sizes.get(row.id, (0, 0))[1],
            visits=row.visits,
            last_visit_at=row.last_visit_at,
            started_at=row.started_at,
            ended_at=row.ended_at,
            method=row.method,
            chosen=_chosen(row),
        )
        for row in rows
    ]


def _chosen(row: sa.Row[Any]) -> tuple[str, ...]:
    return tuple(json.loads(row.refined_keywords)) if row.refined_keywords else ()


def remove_pages(
    tx: sa.Connection,
    scope: int,
    draft: Draft,
    leaving: Collection[str],
    learnt: Collection[str],
    embedder_id: int | None,
) -> None:
    """Recompute a draft from its segment's pages without ``leaving``. Writes nothing."""
    pages = short_term.load_pages(tx, scope, segment_id=draft.id)
    staying = [page for page in pages if page.id not in leaving]
    removed_new = sum(page.id in leaving and page.id not in learnt for page in pages)
    draft.rebuild_from(staying, page_vectors(tx, staying, embedder_id), draft.page_count - removed_new)


def _sizes(tx: sa.Connection, scope: int) -> dict[str, tuple[int, int]]:
    """Return for each segment the number of its pages, and of those not yet promoted."""
    new = sa.func.sum(sa.case((_pages.c.promoted.is_(None), 1), else_=0))
    counted = (
        sa.select(_pages.c.segment_id, sa.func.count(), new)
        .where(_pages.c.scope_id == scope, _pages.c.segment_id.is_not(None))
        .group_by(_pages.c.segment_id)
    )
    return {row[0]: (row[1], row[2]) for row in tx.execute(counted)}


def segment_vectors(tx: sa.Connection, scope: int, embedder_id: int | None) -> dict[str, Vector]:
    """Return the mean vector of each segment that has one."""
    query = sa.select(_vectors.c.item_id, _vectors.c.vector).where(
        _vectors.c.scope_id == scope, _vectors.c.kind == "segment", _vectors.c.embedder_id == embedder_id
    )
    return {item: unpack(stored) for item, stored in tx.execute(query)}


def page_vectors(tx: sa.Connection, pages: Iterable[Page], embedder_id: int | None) -> dict[str, Vector]:
    """Return the mean vector of each page whose messages are all embedded."""
    page_of = {message.id: page.id for page in pages for message in page.messages}
    found: dict[str, list[Vector]] = {}
    for part in chunks(list(page_of)):
        query = sa.select(_vectors.c.item_id, _vectors.c.vector).where(
            _vectors.c.item_id.in_(part), _vectors.c.embedder_id == embedder_id
        )
        for item, stored in tx.execute(query):
            found.setdefault(page_of[item], []).append(unpack(stored))
    sizes = Counter(page_of.values())
    return {page: page_vector(parts) for page, parts in found.items() if len(parts) == sizes[page]}


def apply(
    tx: sa.Connection, scope: int, plan: Plan, texts: Mapping[str, Page], *, embedder_id: int | None
) -> None:
    """Write a plan; ``texts`` are the pages that leave short-term memory, by id."""
    for draft, _ in plan.evicted:
        if not draft.is_new:
            drop_segment(tx, scope, draft.id)
    new = [draft for draft in plan.changed if draft.is_new]
    for draft in new:
        _write_segment(tx, scope, draft, texts, embedder_id)
    by_segment: dict[str, list[str]] = {}
    for page, segment in plan.segment_of.items():
        by_segment.setdefault(segment, []).append(page)
    kept = {draft.id for draft in plan.changed}
    for segment, members in by_segment.items():
        home = segment if segment in kept else None
        for part in chunks(members):
            tx.execute(
                sa.update(_pages).where(_pages.c.id.in_(part)).values(tier="mid_term", segment_id=home)
            )
    for draft in plan.changed:
        if not draft.is_new:
            _write_segment(tx, scope, draft, texts, embedder_id)
    for segment, heir in plan.emptied:
        _transfer_visits(tx, segment, heir)
        drop_segment(tx, scope, segment)
    outbox.enqueue(tx, [outbox.job_row("index", scope, page) for page in plan.segment_of if page in texts])
    outbox.enqueue(tx, [outbox.job_row("index", scope, draft.id, "segment") for draft in plan.changed])
    outbox.enqueue_once(tx, "promote", scope, str(scope))
    touch(tx, scope)


def drop_segment(tx: sa.Connection, scope: int, segment_id: str, *, forgotten: bool = False) -> None:
    """Delete a segment with its summary, keywords and vector; its pages stay searchable."""
    tx.execute(sa.update(_pages).where(_pages.c.segment_id == segment_id).values(segment_id=None))
    tx.execute(sa.delete(_segments).where(_segments.c.id == segment_id))
    tx.execute(sa.delete(schema.edges).where(schema.edges.c.child_id == segment_id))
    drop_vectors(tx, scope, [segment_id], forgotten=forgotten)


def _transfer_visits(tx: sa.Connection, segment: str, heir: str) -> None:
    """Add the visits of a segment to the one that continues its topic."""
    row = tx.execute(sa.select(_segments).where(_segments.c.id == segment)).one()
    add_visits(tx, heir, row.visits, row.last_visit_at)


def add_visits(tx: sa.Connection, segment: str, count: int, last: int) -> None:
    """Add visits to a segment, the last one at ``last``."""
    newer = sa.case((_segments.c.last_visit_at < last, last), else_=_segments.c.last_visit_at)
    values = {"visits": _segments.c.visits + count, "last_visit_at": newer}
    tx.execute(sa.update(_segments).where(_segments.c.id == segment).values(values))


def refresh(tx: sa.Connection, scope: int, segment_id: str, embedder_id: int | None) -> None:
    """Recompute a segment from its remaining pages, for example after some were forgotten."""
    members = short_term.load_pages(tx, scope, segment_id=segment_id)
    row = tx.execute(sa.select(_segments).where(_segments.c.id == segment_id)).first()
    if row is None:
        return
    if not members:
        drop_segment(tx, scope, segment_id)
        return
    at = (row.last_visit_at, row.started_at, row.ended_at)
    draft = Draft(segment_id, Counter(), None, 0, 0, row.visits, *at, row.method, chosen=_chosen(row))
    draft.rebuild_from(members, page_vectors(tx, members, embedder_id), 0)
    _write_segment(tx, scope, draft, {}, embedder_id)
    outbox.enqueue(tx, [outbox.job_row("index", scope, segment_id, "segment")])
    touch(tx, scope)


def load_segments(tx: sa.Connection, scope: int, *, now: int, config: MemoryConfig) -> list[Segment]:
    """Return the segments of a scope with their current heat, hottest first."""
    members: dict[str, list[str]] = {}
    sizes = _sizes(tx, scope)
    placed = (
        sa.select(_pages.c.segment_id, _pages.c.id)
        .where(_pages.c.scope_id == scope, _pages.c.segment_id.is_not(None))
        .order_by(_pages.c.seq)
    )
    for segment_id, page_id in tx.execute(placed):
        members.setdefault(segment_id, []).append(page_id)
    rows = tx.execute(sa.select(_segments).where(_segments.c.scope_id == scope))
    found = [
        _segment_from(row, members.get(row.id, []), sizes.get(row.id, (0, 0))[1], now, config) for row in rows
    ]
    return sorted(found, key=lambda segment: -segment.heat)


def _write_segment(
    tx: sa.Connection, scope: int, draft: Draft, texts: Mapping[str, Page], embedder_id: int | None
) -> None:
    refined = _refined_summary(tx, draft)
    pages = [texts[page] for page in draft.added if page in texts]
    if not draft.is_new and len(pages) < _PAGES_FOR_SUMMARY:
        added = {page.id for page in pages}
        older = short_term.load_pages(
            tx, scope, segment_id=draft.id, newest=_PAGES_FOR_SUMMARY, summarised=refined is None
        )
        pages = [page for page in older if page.id not in added] + pages
    by_rules = extractive.summarise(pages[-_PAGES_FOR_SUMMARY:], draft.keywords)
    values: dict[str, Any] = {
        "summary": " · ".join(part for part in (refined, by_rules) if part),
        "refined_summary": refined,
        "keywords": json.dumps(dict(draft.keywords.most_common()), ensure_ascii=False),
        "refined_keywords": json.dumps(draft.chosen, ensure_ascii=False) if draft.chosen else None,
        "method": draft.method,
        "started_at": draft.started_at,
        "ended_at": draft.ended_at,
    }
    if draft.is_new:
        first = {
            "id": draft.id,
            "scope_id": scope,
            "visits": draft.visits,
            "last_visit_at": draft.last_visit_at,
        }
        tx.execute(sa.insert(_segments), values | first)
    else:
        tx.execute(sa.update(_segments).where(_segments.c.id == draft.id).values(values))
    if draft.vector is not None and embedder_id is not None:
        row = vector_row(draft.id, "segment", scope, embedder_id, draft.vector)
        mine = sa.and_(_vectors.c.item_id == draft.id, _vectors.c.embedder_id == embedder_id)
        row["indexed_in"] = tx.execute(sa.select(_vectors.c.indexed_in).where(mine)).scalar()
        tx.execute(sa.delete(_vectors).where(mine))
        tx.execute(sa.insert(_vectors), row)


def _refined_summary(tx: sa.Connection, draft: Draft) -> str | None:
    """Return the model-written summary of a segment, extended by that of the added pages."""
    parts = list(draft.summaries)
    if not draft.is_new and not draft.replaces_summary:
        stored = sa.select(_segments.c.refined_summary).where(_segments.c.id == draft.id)
        parts.insert(0, tx.execute(stored).scalar() or "")
    whole = " ".join(part for part in parts if part)
    return (whole if len(whole) <= SUMMARY_CHARACTERS else "…" + whole[1 - SUMMARY_CHARACTERS :]) or None


def _segment_from(
    row: sa.Row[Any], page_ids: Sequence[str], page_count: int, now: int, config: MemoryConfig
) -> Segment:
    elapsed = (now - max(row.last_visit_at, row.ended_at)) / 1e6
    return Segment(
        id=row.id,
        summary=row.summary,
        keywords=extractive.all_keywords(json.loads(row.keywords), _chosen(row)),
        page_count=page_count,
        visits=row.visits,
        heat=heat(row.visits, page_count, elapsed, config),
        started_at=from_us(row.started_at),
        ended_at=from_us(row.ended_at),
        page_ids=tuple(page_ids),
        method=row.method,
    )
