"""Search over what was derived from messages: the summaries of segments, and facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import sqlalchemy as sa

from memoryos_integrations.clock import to_us
from memoryos_integrations.language.date_windows import date_windows
from memoryos_integrations.language.extractive import METHOD
from memoryos_integrations.language.question_forms import first_person, you_said
from memoryos_integrations.retrieval import hints
from memoryos_integrations.retrieval.bm25 import LexicalIndex
from memoryos_integrations.retrieval.filters import is_filtered, refused_rests
from memoryos_integrations.retrieval.ranking import Signals
from memoryos_integrations.storage import schema
from memoryos_integrations.storage.sql import chunks
from memoryos_integrations.storage.vectors import unit, unpack_all
from memoryos_integrations.tiers.long_term import load_facts
from memoryos_integrations.tiers.mid_term import load_segments
from memoryos_integrations.types import SUBJECTS, MemoryItem

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from memoryos_integrations.arguments import Question
    from memoryos_integrations.config import MemoryConfig
    from memoryos_integrations.protocols import TokenCounter
    from memoryos_integrations.types import Fact, Segment, Source

    Vector = NDArray[np.float32]

_vectors = schema.vectors


def gather(
    tx: sa.Connection,
    scope: int,
    question: Question,
    vector: Vector | None,
    embedder_id: int | None,
    *,
    config: MemoryConfig,
    count_tokens: TokenCounter,
) -> tuple[list[MemoryItem], Signals | None]:
    """Return the segments and facts of a scope that may answer, and what each signal says of them."""
    items: list[MemoryItem] = []
    filtered = question.thread_id is not None or bool(question.metadata)
    if "segment" in question.kinds and "mid_term" in question.tiers and not filtered:
        segments = load_segments(tx, scope, now=to_us(question.now), config=config)
        items += [_of_segment(segment, count_tokens) for segment in segments if segment.summary]
    own: set[str] = set()
    if "fact" in question.kinds and "long_term" in question.tiers and question.thread_id is None:
        without, newest = METHOD if question.without_extractive else None, config.knowledge_capacity
        for about in SUBJECTS:
            facts = load_facts(tx, scope, about=about, at=question.now, without_method=without, newest=newest)
            found = [_of_fact(fact, count_tokens) for fact in facts if _wanted(fact, question)]
            own |= {item.id for item in found if about == "user"}
            items += found
    if is_filtered(question):
        refused = refused_rests(tx, scope, [item.id for item in items], question)
        items = [item for item in items if item.id not in refused]
    return items, _signals(tx, items, question, vector, embedder_id, own) if items else None


def _wanted(fact: Fact, question: Question) -> bool:
    """Whether a fact has the caller's fields and, if it rests on no message, the right time and source."""
    return all(
        key in fact.metadata and fact.metadata[key] == value for key, value in question.metadata.items()
    ) and (bool(fact.source_page_ids) or question.accepts(fact.valid_from, fact.source))


def _signals(
    tx: sa.Connection,
    items: Sequence[MemoryItem],
    question: Question,
    vector: Vector | None,
    embedder_id: int | None,
    own: Collection[str],
) -> Signals:
    lexical = LexicalIndex()
    lexical.extend([item.text for item in items], [-1] * len(items))
    shares = lexical.shares(question.text)
    at = np.array([item.at.timestamp() for item in items])
    dates = date_windows(question.text, question.now)
    cosine = _cosines(tx, items, vector, embedder_id) if vector is not None else None
    about_asker = first_person(question.text) and not you_said(question.text)
    return Signals(
        cosine=cosine,
        nearby=cosine,
        words=shares.turns,
        window=shares.windows,
        session=np.arange(len(items), dtype=np.int32),
        speaker=None,
        own=np.array([item.id in own for item in items]) if about_asker else None,
        assistant=None,
        date=hints.closeness(dates, at),
        day=hints.on_days(dates, at),
        without_lift=np.zeros(0, dtype=np.intp),
        allowed=np.ones(len(items), dtype=bool),
    )


def _cosines(
    tx: sa.Connection, items: Sequence[MemoryItem], vector: Vector, embedder_id: int | None
) -> Vector | None:
    row_of = {item.id: row for row, item in enumerate(items)}
    cosine = np.full(len(items), np.nan, dtype=np.float32)
    for part in chunks(list(row_of)):
        query = sa.select(_vectors.c.item_id, _vectors.c.vector).where(
            _vectors.c.item_id.in_(part), _vectors.c.embedder_id == embedder_id
        )
        found = tx.execute(query).all()
        if found:
            vectors = unit(unpack_all([row.vector for row in found], len(vector)))
            cosine[[row_of[row.item_id] for row in found]] = vectors @ vector
    if np.isnan(cosine).all():
        return None
    return np.where(np.isnan(cosine), np.nanmin(cosine), cosine).astype(np.float32)


def _of_segment(segment: Segment, count_tokens: TokenCounter) -> MemoryItem:
    return MemoryItem(
        id=segment.id,
        tier="mid_term",
        kind="segment",
        text=segment.summary,
        role=None,
        name=None,
        at=segment.ended_at,
        score=0.0,
        tokens=count_tokens,
        thread_id=None,
        page_id=None,
        segment_id=segment.id,
        source_page_ids=segment.page_ids,
    )


def _of_fact(fact: Fact, count_tokens: TokenCounter) -> MemoryItem:
    return MemoryItem(
        id=fact.id,
        tier="long_term",
        kind="fact",
        text=fact.text,
        role=None,
        name=None,
        at=fact.valid_from,
        score=0.0,
        tokens=count_tokens,
        thread_id=None,
        page_id=None,
        segment_id=None,
        source_page_ids=fact.source_page_ids,
        metadata=fact.metadata,
        source=cast("Source", fact.source),
    )
