"""Search over what was derived from messages: the summaries of segments, and facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import sqlalchemy as sa

from memoryos_integrations.clock import to_us
from memoryos_integrations.language.date_windows import date_windows
from memoryos_integrations.language.extractive import METHOD
from memoryos_integrations.retrieval import hints
from memoryos_integrations.retrieval.bm25 import LexicalIndex
from memoryos_integrations.retrieval.ranking import Signals
from memoryos_integrations.storage import schema
from memoryos_integrations.storage.sql import chunks
from memoryos_integrations.storage.vectors import unit, unpack
from memoryos_integrations.tiers.long_term import load_facts
from memoryos_integrations.tiers.mid_term import load_segments
from memoryos_integrations.types import SUBJECTS, MemoryItem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from memoryos_integrations.arguments import Question
    from memoryos_integrations.config import MemoryConfig
    from memoryos_integrations.protocols import TokenCounter
    from memoryos_integrations.types import Fact, Segment

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
    if "fact" in question.kinds and "long_term" in question.tiers and question.thread_id is None:
        without, newest = METHOD if question.without_extractive else None, config.knowledge_capacity
        items += [
            _of_fact(fact, count_tokens)
            for about in SUBJECTS
            for fact in load_facts(
                tx, scope, about=about, at=question.now, without_method=without, newest=newest
            )
            if _wanted(fact, question)
        ]
    return items, _signals(tx, items, question, vector, embedder_id) if items else None


def _wanted(fact: Fact, question: Question) -> bool:
    return all(
        key in fact.metadata and fact.metadata[key] == value for key, value in question.metadata.items()
    )


def _signals(
    tx: sa.Connection,
    items: Sequence[MemoryItem],
    question: Question,
    vector: Vector | None,
    embedder_id: int | None,
) -> Signals:
    words = LexicalIndex()
    words.extend([item.text for item in items], [-1] * len(items))
    turn, window = words.scores(question.text)
    at = np.array([item.at.timestamp() for item in items])
    return Signals(
        cosine=_cosines(tx, items, vector, embedder_id) if vector is not None else None,
        words=turn,
        window=window,
        session=np.arange(len(items), dtype=np.int32),
        speaker=None,
        date=hints.closeness(date_windows(question.text, question.now), at),
        without_lift=np.zeros(0, dtype=np.intp),
        allowed=np.ones(len(items), dtype=bool),
    )


def _cosines(
    tx: sa.Connection, items: Sequence[MemoryItem], vector: Vector, embedder_id: int | None
) -> Vector | None:
    row_of = {item.id: row for row, item in enumerate(items)}
    cosine = np.zeros(len(items), dtype=np.float32)
    for part in chunks(list(row_of)):
        query = sa.select(_vectors.c.item_id, _vectors.c.vector).where(
            _vectors.c.item_id.in_(part), _vectors.c.embedder_id == embedder_id
        )
        for item, stored in tx.execute(query):
            cosine[row_of[item]] = float(unit(unpack(stored)) @ vector)
    return cosine if cosine.any() else None


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
        tokens=count_tokens(segment.summary),
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
        tokens=count_tokens(fact.text),
        thread_id=None,
        page_id=None,
        segment_id=None,
        source_page_ids=fact.source_page_ids,
        metadata=fact.metadata,
    )
