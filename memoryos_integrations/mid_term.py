"""Mid-term memory: topic segments that grow hot or cold. Plans are written here, in one transaction each."""

from __future__ import annotations

import json
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from memoryos_integrations import consolidation, extractive, short_term
from memoryos_integrations.checks import from_us, to_us
from memoryos_integrations.consolidation import Draft
from memoryos_integrations.embedding import vector_row
from memoryos_integrations.heat import heat
from memoryos_integrations.scope import touch
from memoryos_integrations.storage import outbox, schema
from memoryos_integrations.storage.vectors import unpack
from memoryos_integrations.types import Segment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from memoryos_integrations.config import MemoryConfig
    from memoryos_integrations.consolidation import Plan, Vector
    from memoryos_integrations.types import Page

_segments, _pages, _vectors, _messages = schema.segments, schema.pages, schema.vectors, schema.messages
_PAGES_FOR_SUMMARY = 24


def drafts(tx: sa.Connection, scope: int, embedder_id: int | None) -> list[Draft]:
    """Return the scope's live segments as consolidation needs them."""
    sizes = _sizes(tx, scope)
    stored = segment_vectors(tx, scope, embedder_id)
    rows = tx.execute(sa.select(_segments).where(_segments.c.scope_id == scope).order_by(_segments.c.seq))
    return [
        Draft(
            id=row.id,
            keywords=Counter(json.loads(row.keywords)),
            vector=stored.get(row.id),
            total=sizes.get(row.id, (0, 0))[0],
            page_count=sizes.get(row.id, (0, 0))[1],
            visits=row.visits,
            last_visit_at=row.last_visit_at,
            started_at=row.started_at,
            ended_at=row.ended_at,
            method=row.method,
        )
        for row in rows
    ]


def _sizes(tx: sa.Connection, scope: int) -> dict[str, tuple[int, int]]:
    """Return for each segment its pages, and those of them that long-term memory has not learnt from."""
    new = sa.func.sum(sa.case((_pages.c.promoted.is_(None), 1), else_=0))
    counted = (
        sa.select(_pages.c.segment_id, sa.func.count(), new)
        .where(_pages.c.scope_id == scope, _pages.c.segment_id.is_not(None))
        .group_by(_pages.c.segment_id)
    )
    return {row[0]: (row[1], row[2]) for row in tx.execute(counted)}


def segment_vectors(tx: sa.Connection, scope: int, embedder_id: int | None) -> dict[str, Vector]:
    """Return the mean vector of each live segment that has one."""
    query = sa.select(_vectors.c.item_id, _vectors.c.vector).where(
        _vectors.c.scope_id == scope, _vectors.c.kind == "segment", _vectors.c.embedder_id == embedder_id
    )
    return {item: unpack(stored) for item, stored in tx.execute(query)}


def page_vectors(tx: sa.Connection, pages: Iterable[Page], embedder_id: int | None) -> dict[str, Vector]:
    """Return the mean vector of each page whose messages all have theirs."""
    page_of = {message.id: page.id for page in pages for message in page.messages}
    made: dict[str, list[Vector]] = {}
    for part in short_term.chunks(list(page_of)):
        query = sa.select(_vectors.c.item_id, _vectors.c.vector).where(
            _vectors.c.item_id.in_(part), _vectors.c.embedder_id == embedder_id
        )
        for item, stored in tx.execute(query):
            made.setdefault(page_of[item], []).append(unpack(stored))
    sizes = Counter(page_of.values())
    return {
        page: consolidation.page_vector(parts) for page, parts in made.items() if len(parts) == sizes[page]
    }


def apply(
    tx: sa.Connection, scope: int, plan: Plan, texts: Mapping[str, Page], *, embedder_id: int | None
) -> None:
    """Write a plan: pages move to their segments, segments are refreshed, the coldest are evicted."""
    for draft in plan.changed:
        _write_segment(tx, scope, draft, texts, embedder_id)
    by_segment: dict[str, list[str]] = {}
    for page, segment in plan.segment_of.items():
        by_segment.setdefault(segment, []).append(page)
    kept = {draft.id for draft in plan.changed}
    for segment, members in by_segment.items():
        home = segment if segment in kept else None
        for part in short_term.chunks(members):
            tx.execute(
                sa.update(_pages).where(_pages.c.id.in_(part)).values(tier="mid_term", segment_id=home)
            )
    for draft, _ in plan.evicted:
        if not draft.is_new:
            drop_segment(tx, scope, draft.id)
    outbox.enqueue(tx, [outbox.job_row("index", scope, page) for page in plan.segment_of])
    outbox.enqueue(tx, [outbox.job_row("index", scope, draft.id, "segment") for draft in plan.changed])
    outbox.enqueue_once(tx, "promote", scope, str(scope))
    touch(tx, scope)


def drop_segment(tx: sa.Connection, scope: int, segment_id: str) -> None:
    """Remove a segment: summary, keywords, vector and lift are gone, its pages stay searchable."""
    tx.execute(sa.update(_pages).where(_pages.c.segment_id == segment_id).values(segment_id=None))
    tx.execute(sa.delete(_segments).where(_segments.c.id == segment_id))
    drop_vectors(tx, scope, [segment_id])


def drop_vectors(tx: sa.Connection, scope: int, item_ids: Sequence[str], *, forgotten: bool = False) -> None:
    """Remove items' vectors from the ledger; those that the index holds are removed there by a job.

    ``forgotten``: the collections are then written anew, since Chroma keeps deleted vectors in its files.
    """
    for part in short_term.chunks(item_ids):
        mine = _vectors.c.item_id.in_(part)
        held = tx.execute(sa.select(_vectors.c.item_id, _vectors.c.indexed_in).where(mine)).all()
        gone = [
            outbox.job_row("index", scope, row.item_id, f"gone:{row.indexed_in}")
            for row in held
            if row.indexed_in is not None
        ]
        tx.execute(sa.delete(_vectors).where(mine))
        outbox.enqueue(tx, gone)
        for collection in sorted(
            {row.indexed_in for row in held if forgotten and row.indexed_in is not None}
        ):
            outbox.enqueue_once(tx, "rewrite", None, collection)


def refresh(tx: sa.Connection, scope: int, segment_id: str, embedder_id: int | None) -> None:
    """Derive a segment anew from the pages it still has, as after some of them were forgotten."""
    members = short_term.load_pages(tx, scope, segment_id=segment_id)
    row = tx.execute(sa.select(_segments).where(_segments.c.id == segment_id)).first()
    if row is None:
        return
    if not members:
        drop_segment(tx, scope, segment_id)
        return
    means = page_vectors(tx, members, embedder_id)
    draft = Draft(
        segment_id, Counter(), None, 0, 0, row.visits, row.last_visit_at, row.started_at, row.ended_at
    )
    draft.started_at = draft.ended_at = to_us(members[0].at)
    for page in members:
        counts = extractive.page_keywords(page)
        draft.take(page, to_us(page.at), means.get(page.id), counts)
    _write_segment(tx, scope, draft, {page.id: page for page in members}, embedder_id)
    outbox.enqueue(tx, [outbox.job_row("index", scope, segment_id, "segment")])
    touch(tx, scope)


def load_segments(tx: sa.Connection, scope: int, *, now: int, config: MemoryConfig) -> list[Segment]:
    """Return the scope's segments with their heat now, hottest first."""
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


class Visits:
    """Visits of segments since they were last written: a retrieval itself writes nothing."""

    def __init__(self) -> None:
        self.after_fork()

    def after_fork(self) -> None:
        """Begin anew: what the parent counted, the parent writes."""
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._last: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._counts)

    def note(self, segment_ids: Iterable[str], now: int) -> None:
        """Count one visit of each segment."""
        with self._lock:
            for segment in segment_ids:
                self._counts[segment] += 1
                self._last[segment] = max(now, self._last.get(segment, 0))

    def write(self, tx: sa.Connection) -> None:
        """Add the counts to the ledger; what they make hot is due for promotion.

        If the transaction fails, they are lost: heat is a hint.
        """
        with self._lock:
            counts, last = self._counts, self._last
            self._counts, self._last = Counter(), {}
        for segment, count in counts.items():
            newer = sa.case(
                (_segments.c.last_visit_at < last[segment], last[segment]), else_=_segments.c.last_visit_at
            )
            values = {"visits": _segments.c.visits + count, "last_visit_at": newer}
            tx.execute(sa.update(_segments).where(_segments.c.id == segment).values(values))
        for part in short_term.chunks(list(counts)):
            visited = sa.select(_segments.c.scope_id).where(_segments.c.id.in_(part)).distinct()
            for scope in list(tx.execute(visited).scalars()):
                outbox.enqueue_once(tx, "promote", scope, str(scope))


def _write_segment(
    tx: sa.Connection, scope: int, draft: Draft, texts: Mapping[str, Page], embedder_id: int | None
) -> None:
    pages = [texts[page] for page in draft.joined if page in texts]
    if not draft.is_new and len(pages) < _PAGES_FOR_SUMMARY:
        known = {page.id for page in pages}
        older = short_term.load_pages(tx, scope, segment_id=draft.id, newest=_PAGES_FOR_SUMMARY)
        pages = [page for page in older if page.id not in known] + pages
    values: dict[str, Any] = {
        "summary": extractive.summarise(pages[-_PAGES_FOR_SUMMARY:], draft.keywords),
        "keywords": json.dumps(dict(draft.keywords.most_common()), ensure_ascii=False),
        "method": extractive.METHOD,
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


def _segment_from(
    row: sa.Row[Any], page_ids: Sequence[str], page_count: int, now: int, config: MemoryConfig
) -> Segment:
    elapsed = (now - max(row.last_visit_at, row.ended_at)) / 1e6
    return Segment(
        id=row.id,
        summary=row.summary,
        keywords=extractive.top(json.loads(row.keywords)),
        page_count=page_count,
        visits=row.visits,
        heat=heat(row.visits, page_count, elapsed, config),
        started_at=from_us(row.started_at),
        ended_at=from_us(row.ended_at),
        page_ids=tuple(page_ids),
        method=row.method,
    )
