"""Rows of named values and of the texts they are found by."""

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
"""Texts joined with the values that they find."""
_by_id = sa.select(_items).where(_items.c.id == sa.bindparam("id"))


def id_of(namespace: Namespace, key: str) -> str:
    """Return the id of a namespace and a key.

    Raises:
        InvalidInputError: a name cannot be stored.
    """
    return ids.id_from("store item", encode_namespace(namespace), checks.text("key", key, empty=True))


def encode_namespace(namespace: Namespace) -> str:
    """Return a namespace as stored: each label followed by a full stop."""
    for label in namespace:
        if "." in checks.text("namespace", label):
            raise InvalidInputError(f"namespace: a label must not contain a full stop: {label!r}")
    return "".join(label + "." for label in namespace)


def decode_namespace(name: str) -> Namespace:
    """Return the labels of a stored namespace."""
    return tuple(name.split(".")[:-1])


def within(prefix: Namespace) -> sa.ColumnElement[bool]:
    """Return the condition that a namespace starts with these labels; "/" is the character after "."."""
    name = encode_namespace(prefix)
    if not name:
        return sa.true()
    return sa.and_(_items.c.namespace >= name, _items.c.namespace < name[:-1] + "/")


def storable(text: str) -> str:
    """Return a text without lone surrogates and null characters."""
    return text.encode("utf-8", "replace").decode().replace("\x00", " ")


def find(tx: sa.Connection, item_id: str) -> sa.Row[Any] | None:
    """Return the row of a value, ``None`` if there is none."""
    return tx.execute(_by_id, {"id": item_id}).first()


def newest(tx: sa.Connection, prefix: Namespace, limit: int | None) -> Iterable[sa.Row[Any]]:
    """Return the rows of a prefix, newest first."""
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
    """Write a value and its texts. Unchanged texts keep their vectors, new ones are queued for embedding."""
    texts = {ids.id_from("store text", item_id, text): text for text in map(storable, found_by) if text}
    if find(tx, item_id) is None:
        names = {"id": item_id, "namespace": encode_namespace(namespace), "key": key, "created_at": now}
        tx.execute(sa.insert(_items), names | {"value": value, "updated_at": now})
    else:
        changed = sa.update(_items).where(_items.c.id == item_id)
        tx.execute(changed.values(value=value, updated_at=now))
    stored = set(tx.execute(sa.select(_texts.c.id).where(_texts.c.item_id == item_id)).scalars())
    _drop_texts(tx, scope, sorted(stored - set(texts)))
    new = [text_id for text_id in texts if text_id not in stored]
    if new:
        rows = [{"id": row, "scope_id": scope, "item_id": item_id, "text": texts[row]} for row in new]
        tx.execute(sa.insert(_texts), rows)
        outbox.enqueue(tx, [outbox.job_row("embed", scope, text_id, "store") for text_id in new])


def remove(tx: sa.Connection, scope: int, item_ids: Sequence[str]) -> None:
    """Remove values, their texts and vectors, and queue their removal from the index and its files."""
    for part in chunks(item_ids):
        texts = sa.select(_texts.c.id).where(_texts.c.item_id.in_(part))
        _drop_texts(tx, scope, list(tx.execute(texts).scalars()))
        tx.execute(sa.delete(_items).where(_items.c.id.in_(part)))


def _drop_texts(tx: sa.Connection, scope: int, text_ids: Sequence[str]) -> None:
    drop_vectors(tx, scope, text_ids, forgotten=True)
    for part in chunks(text_ids):
        tx.execute(sa.delete(_texts).where(_texts.c.id.in_(part)))
