"""The tables of the ledger, as SQLAlchemy Core describes them.

Times are whole microseconds since 1970 in UTC, ids are UUIDs as text, JSON is text. Sequence numbers only
grow within a table, except after an erasure, which `scopes.erasures` announces to every cache.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()


class Number(sa.BigInteger):
    """Row or scope number, 64 bits on every engine."""

    cache_ok = True


def _at(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=nullable)


def _scope() -> sa.Column[int]:
    return sa.Column("scope_id", Number, sa.ForeignKey("scopes.id"), nullable=False)


meta = sa.Table(
    "meta",
    metadata,
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("value", sa.String, nullable=False),
)

scopes = sa.Table(
    "scopes",
    metadata,
    sa.Column("id", Number, primary_key=True),
    sa.Column("user_id", sa.String, nullable=False),
    sa.Column("agent_id", sa.String, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False, default=0),
    sa.Column("erasures", sa.Integer, nullable=False, default=0),
    _at("created_at"),
    sa.UniqueConstraint("user_id", "agent_id"),
)

segments = sa.Table(
    "segments",
    metadata,
    sa.Column("seq", Number, primary_key=True),
    sa.Column("id", sa.String, nullable=False, unique=True),
    _scope(),
    sa.Column("summary", sa.Text, nullable=False),
    sa.Column("refined_summary", sa.Text),  # written by a model; summary starts with it
    sa.Column("keywords", sa.Text, nullable=False),  # JSON: word -> count in its pages
    sa.Column("refined_keywords", sa.Text),  # JSON: words chosen by a model, listed first
    sa.Column("method", sa.String, nullable=False),
    sa.Column("visits", sa.Integer, nullable=False),
    _at("last_visit_at"),
    _at("started_at"),
    _at("ended_at"),
    sa.Index("segments_of_scope", "scope_id"),
)

pages = sa.Table(
    "pages",
    metadata,
    sa.Column("seq", Number, primary_key=True),
    sa.Column("id", sa.String, nullable=False, unique=True),
    _scope(),
    sa.Column("thread_id", sa.String, nullable=False),
    _at("at"),
    sa.Column("tier", sa.String, nullable=False),
    sa.Column("segment_id", sa.String, sa.ForeignKey("segments.id")),
    sa.Column("open", sa.Boolean, nullable=False),  # an answer may still be added
    sa.Column("promoted", sa.String),  # method of its promotion: "extractive" or a model's name
    sa.Column("refined", sa.String),  # model that sorted it; "extractive" if none could
    sa.Column("summarised", sa.Boolean),  # whether its segment's refined_summary covers it
    sa.Column("learnt", sa.String),  # model that extracted facts from it; likewise
    sa.Column("chain_id", sa.String),  # chain of pages that it belongs to
    sa.Column("metadata", sa.Text, nullable=False),
    sa.Index("pages_of_segment", "scope_id", "segment_id", "tier"),
    sa.Index("pages_of_thread", "scope_id", "thread_id"),
)

# Runs of pages that continue each other, found by a model.
chains = sa.Table(
    "chains",
    metadata,
    sa.Column("seq", Number, primary_key=True),
    sa.Column("id", sa.String, nullable=False, unique=True),
    _scope(),
    sa.Column("thread_id", sa.String, nullable=False),
    sa.Column("summary", sa.Text, nullable=False),
    sa.Column("method", sa.String, nullable=False),
    sa.Index("chains_of_scope", "scope_id"),
)

messages = sa.Table(
    "messages",
    metadata,
    sa.Column("seq", Number, primary_key=True),
    sa.Column("id", sa.String, nullable=False, unique=True),
    _scope(),
    sa.Column("page_id", sa.String, sa.ForeignKey("pages.id"), nullable=False),
    sa.Column("thread_id", sa.String, nullable=False),
    sa.Column("role", sa.String, nullable=False),
    sa.Column("name", sa.String),
    sa.Column("text", sa.Text, nullable=False),
    _at("at"),
    sa.Column("source", sa.String, nullable=False),
    sa.Column("metadata", sa.Text, nullable=False),
    sa.Index("messages_of_scope", "scope_id"),
    sa.Index("messages_of_page", "page_id"),
)

embedders = sa.Table(
    "embedders",
    metadata,
    sa.Column("id", Number, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("dimension", sa.Integer, nullable=False),
    sa.Column("probe", sa.LargeBinary, nullable=False),  # vector of a fixed sentence
    sa.Column("active", sa.Boolean, nullable=False),
)

vectors = sa.Table(
    "vectors",
    metadata,
    sa.Column("seq", Number, primary_key=True),
    sa.Column("item_id", sa.String, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    _scope(),
    sa.Column("embedder_id", Number, sa.ForeignKey("embedders.id"), nullable=False),
    sa.Column("vector", sa.LargeBinary, nullable=False),  # float32
    sa.Column("indexed_in", sa.String),  # Chroma collection that holds it
    sa.UniqueConstraint("item_id", "embedder_id"),
    sa.Index("vectors_of_scope", "scope_id", "kind", "embedder_id"),
)

facts = sa.Table(
    "facts",
    metadata,
    sa.Column("seq", Number, primary_key=True),
    sa.Column("id", sa.String, nullable=False, unique=True),
    _scope(),
    sa.Column("about", sa.String, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("field", sa.String),  # profile field that it fills
    sa.Column("value", sa.Text),
    sa.Column("single", sa.Boolean, nullable=False),  # whether a newer value replaces it
    _at("valid_from"),
    _at("valid_to", nullable=True),
    sa.Column("source", sa.String, nullable=False),
    sa.Column("method", sa.String, nullable=False),
    sa.Column("superseded_by", sa.String),
    sa.Column("metadata", sa.Text, nullable=False),
    sa.Index("facts_of_scope", "scope_id"),
)

persona_versions = sa.Table(
    "persona_versions",
    metadata,
    sa.Column("scope_id", Number, sa.ForeignKey("scopes.id"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("profile", sa.Text, nullable=False),  # JSON: field -> {"value": ..., "facts": [ids]}
    sa.Column("traits", sa.Text, nullable=False),  # JSON: dimension -> {"level", "messages": [ids], ...}
    sa.Column("agent_profile", sa.Text),  # as profile
    sa.Column("method", sa.String, nullable=False),
    _at("at"),
)

# Provenance: child was extracted from parent. Pages reference their segment and chain directly. Of these,
# only messages of other pages covered by the summary are listed.
edges = sa.Table(
    "edges",
    metadata,
    sa.Column("child_id", sa.String, primary_key=True),
    sa.Column("parent_id", sa.String, primary_key=True),
    _scope(),
    sa.Index("edges_of_parent", "parent_id"),
)

# Named values of an application, and the texts they are found by.
store_items = sa.Table(
    "store_items",
    metadata,
    sa.Column("seq", Number, primary_key=True),
    sa.Column("id", sa.String, nullable=False, unique=True),
    sa.Column("namespace", sa.String, nullable=False),  # each label followed by a full stop
    sa.Column("key", sa.String, nullable=False),
    sa.Column("value", sa.Text, nullable=False),
    _at("created_at"),
    _at("updated_at"),
    sa.Index("store_items_of_namespace", "namespace"),
)

store_texts = sa.Table(
    "store_texts",
    metadata,
    sa.Column("seq", Number, primary_key=True),
    sa.Column("id", sa.String, nullable=False, unique=True),
    _scope(),
    sa.Column("item_id", sa.String, sa.ForeignKey("store_items.id"), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Index("store_texts_of_item", "item_id"),
)

# Chat model calls and tokens per day. Rows of a forgotten scope keep no scope_id.
usage = sa.Table(
    "usage",
    metadata,
    sa.Column("seq", Number, primary_key=True),
    sa.Column("scope_id", Number),
    sa.Column("task", sa.String, nullable=False),
    sa.Column("day", sa.String, nullable=False),  # of UTC, as in 2026-01-31
    sa.Column("calls", sa.Integer, nullable=False),
    sa.Column("tokens_in", sa.Integer, nullable=False),
    sa.Column("tokens_out", sa.Integer, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Index("usage_of_day", "day"),
)

# No foreign key: a job that removes a forgotten item from the index outlives its scope.
jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("seq", Number, primary_key=True),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("scope_id", Number),
    sa.Column("item_id", sa.String, nullable=False),
    sa.Column("payload", sa.String),
    _at("due_at"),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("leased_by", sa.String),
    _at("leased_until", nullable=True),
    sa.Column("error", sa.String),  # class name of the last failure, never a message
)

NEVER_REUSED = (scopes, embedders)
"""Tables whose row numbers must not be reused after deletion: other processes may still hold them."""
