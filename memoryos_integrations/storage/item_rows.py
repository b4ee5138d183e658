"""The rows of values kept by name: how names are written, what is written and removed with a value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from memoryos_integrations import checks
from memoryos_integrations.errors import InvalidInputError
from memoryos_integrations.storage import ids, outbox, schema
from memoryos_integrations.storage.sql import chunks
from memoryos_integrations.storage.vector_rows import drop_vectors

if TYPE_CHECKING:
    Namespace = tuple[str, ...]

_items, _texts = schema.store_items, schema.store_texts

JOINED = _texts.join(_items, _items.c.id == _texts.c.item_id)
"""Texts with the values that they are found by."""
_by_id = sa.select(_items).where(_items.c.id == sa.bindparam("id"))


def id_of(namespace: Namespace, key: str) -> str:
    """Return the id that always belongs to a namespace and a key.

    Raises:
        InvalidInputError: a name cannot be stored.
    """
    return ids.derived("store item", written(namespace), checks.text("key", key, empty=True))


def written(namespace: Namespace) -> str:
    """Return a namespace as it is stored: each label with a full stop after it."""
    for label in namespace:
        if "." in checks.text("namespace", label):
            raise InvalidInputError(f"namespace: a label must not contain a full stop: {label!r}")
    return "".join(label + "." for label in namespace)


def labels(name: str) -> Namespace:
    """Return the namespace that is stored so."""
    return tuple(name.split(".")[:-1])


def within(prefix: Namespace) -> sa.ColumnElement[bool]:
    """Whether a namespace begins with a prefix, label by label: "/" is the character after "."."""
    name = written(prefix)
    if not name:
        return sa.true()
    return sa.and_(_items.c.namespace >= name, _items.c.namespace < name[:-1] + "/")


def readable(text: str) -> str:
    """Return a text as it can be stored and embedded."""
    return text.encode("utf-8", "replace").decode().replace("\x00", " ")


def find(tx: sa.Connection, item_id: str) -> sa.Row[Any] | None:
    """Return a value's row."""
    return tx.execute(_by_id, {"id": item_id}).first()


def newest(tx: sa.Connection, prefix: Namespace, limit: int | None) -> Iterable[sa.Row[Any]]:
    """Return the rows of a prefix, the newest first."""
    query = sa.select(_items).where(within(prefix)).order_by(_items.c.updated_at.desc(), _items.c.seq.desc())
    return tx.execute(query.limit(limit))


def write(
    tx: sa.Connection,
    scope: int,
    item_id: str,
    *,
    namespace: Namespace,
    key: str,
    value: str,
    found_by: Iterable[str],
    now: int,
) -> None:
    """Write a value and its texts; texts that stay keep their vectors, new ones are due to be embedded."""
    texts = {ids.derived("store text", item_id, text): text for text in map(readable, found_by) if text}
    if find(tx, item_id) is None:
        names = {"id": item_id, "namespace": written(namespace), "key": key, "created_at": now}
        tx.execute(sa.insert(_items), names | {"value": value, "updated_at": now})
    else:
        changed = sa.update(_items).where(_items.c.id == item_id)
        tx.execute(changed.values(value=value, updated_at=now))
    known = set(tx.execute(sa.select(_texts.c.id).where(_texts.c.item_id == item_id)).scalars())
    _drop_texts(tx, scope, sorted(known - set(texts)))
    new = [text_id for text_id in texts if text_id not in known]
    if new:
        rows = [{"id": row, "scope_id": scope, "item_id": item_id, "text": texts[row]} for row in new]
        tx.execute(sa.insert(_texts), rows)
        outbox.enqueue(tx, [outbox.job_row("embed", scope, text_id, "store") for text_id in new])


def remove(tx: sa.Connection, scope: int, item_ids: Sequence[str]) -> None:
    """Remove values, their texts and vectors; a job removes them from the index and its files."""
    for part in chunks(item_ids):
        texts = sa.select(_texts.c.id).where(_texts.c.item_id.in_(part))
        _drop_texts(tx, scope, list(tx.execute(texts).scalars()))
        tx.execute(sa.delete(_items).where(_items.c.id.in_(part)))


def _drop_texts(tx: sa.Connection, scope: int, text_ids: Sequence[str]) -> None:
    drop_vectors(tx, scope, text_ids, forgotten=True)
    for part in chunks(text_ids):
        tx.execute(sa.delete(_texts).where(_texts.c.id.in_(part)))
