"""MemoryOSStore: LangGraph's store, with values in the ledger and vectors in Chroma."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import ge, gt, le, lt
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from langgraph.store.base import (
    BaseStore,
    GetOp,
    Item,
    ListNamespacesOp,
    MatchCondition,
    Op,
    PutOp,
    Result,
    SearchItem,
    SearchOp,
    get_text_at_path,
    validate_op_namespace,
)

from memoryos_integrations.errors import InvalidInputError
from memoryos_integrations.items import Put, StoredItem
from memoryos_integrations.memory import MemoryOS

if TYPE_CHECKING:
    Namespace = tuple[str, ...]

_ORDERS: dict[str, Callable[[float, float], bool]] = {"$gt": gt, "$gte": ge, "$lt": lt, "$lte": le}


class MemoryOSStore(BaseStore):
    """A LangGraph store in a ``MemoryOS``, for ``create_agent(store=…)``, graphs and langmem's tools.

    Values are kept beside the memories and no retrieval returns them. Their vectors, made by the store's
    embedder, have a Chroma collection of their own. ``search`` with a query returns the most similar values
    first, without one the newest.

    A batch reads the state before it, then writes all of its values or none. Values are JSON objects.

    Args:
        memory: the ``MemoryOS`` that holds the values.
        fields: paths of the texts in a value that are embedded; ``"$"`` is the whole value.

    Example:
        >>> store = MemoryOSStore(memory=memory)
        >>> store.put(("ann", "notes"), "1", {"text": "buy honey"})
        >>> [item.key for item in store.search(("ann",), query="honey")]
        ['1']
    """

    def __init__(self, memory: MemoryOS, *, fields: Sequence[str] = ("$",)) -> None:
        if not isinstance(memory, MemoryOS):
            raise InvalidInputError(
                f"memory must be a MemoryOS, not {type(memory).__name__}: users are told apart by the "
                "namespaces of the store"
            )
        self._items, self._fields = memory.items, tuple(fields)

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Execute operations and return their results in the same order.

        Raises:
            InvalidInputError: a namespace, key or value is invalid; nothing was written.
            StoreError: the ledger failed; nothing was written.
        """
        operations = list(ops)
        for op in operations:
            validate_op_namespace(op)
        results = [self._read(op) for op in operations]
        self._items.put([self._to_put(op) for op in operations if isinstance(op, PutOp)])
        return results

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Execute operations; see ``batch``."""
        return await asyncio.to_thread(self.batch, list(ops))

    def delete_namespace(self, prefix: Namespace) -> int:
        """Erase all values below a namespace and return their number.

        Args:
            prefix: the namespace, at least one label.
        """
        if not prefix:
            raise InvalidInputError("prefix must have at least one label")
        return self._items.forget(prefix)

    async def adelete_namespace(self, prefix: Namespace) -> int:
        """Erase all values below a namespace; see ``delete_namespace``."""
        return await asyncio.to_thread(self.delete_namespace, prefix)

    def _read(self, op: Op) -> Result:
        match op:
            case GetOp():
                (found,) = self._items.get([(op.namespace, op.key)])
                return None if found is None else Item(**_item_fields(found))
            case SearchOp():
                return self._search(op)
            case ListNamespacesOp():
                return _list_namespaces(self._items.namespaces(), op)
            case PutOp():
                return None
        raise InvalidInputError(f"ops: unknown operation {type(op).__name__}")

    def _search(self, op: SearchOp) -> list[SearchItem]:
        condition = op.filter
        items = self._items.search(
            op.namespace_prefix,
            query=op.query,
            matches=None if not condition else lambda value: _matches(value, condition),
            limit=op.limit,
            offset=op.offset,
        )
        return [SearchItem(**_item_fields(item), score=item.score) for item in items]

    def _to_put(self, op: PutOp) -> Put:
        paths = () if op.index is False else self._fields if op.index is None else op.index
        texts: list[str] = []
        if op.value is not None:
            with contextlib.suppress(TypeError, ValueError):  # not JSON: rejected below with a clear error
                texts = [text for path in paths for text in get_text_at_path(op.value, path)]
        return Put(op.namespace, op.key, op.value, texts)


def label(text: str) -> str:
    """Encode a text, such as an e-mail address, as a namespace label, which may contain no full stop.

    The encoding is unique; ``urllib.parse.unquote`` reverses it.

    Example:
        >>> label("ann@example.com")
        'ann@example%2Ecom'
    """
    return quote(text, safe="@ ").replace(".", "%2E")


def _item_fields(item: StoredItem) -> dict[str, Any]:
    return {name: getattr(item, name) for name in ("namespace", "key", "value", "created_at", "updated_at")}


def _matches(value: Any, condition: Any) -> bool:
    """Whether a value equals a filter, also within mappings and lists, or passes its ``$`` operators."""
    if isinstance(condition, Mapping):
        if any(str(key).startswith("$") for key in condition):
            return all(_compare(value, operator, other) for operator, other in condition.items())
        return isinstance(value, Mapping) and all(
            _matches(value.get(key), inner) for key, inner in condition.items()
        )
    if isinstance(condition, list | tuple):
        same_length = isinstance(value, list | tuple) and len(value) == len(condition)
        return same_length and all(map(_matches, value, condition))
    return bool(value == condition)


def _compare(value: Any, operator: str, other: Any) -> bool:
    if operator == "$eq":
        return bool(value == other)
    if operator == "$ne":
        return bool(value != other)
    if operator not in _ORDERS:
        raise InvalidInputError(f"filter: unknown operator {operator!r}")
    try:
        return _ORDERS[operator](float(value), float(other))
    except (TypeError, ValueError):  # not a number: neither more nor less
        return False


def _list_namespaces(namespaces: Sequence[Namespace], op: ListNamespacesOp) -> list[Namespace]:
    conditions = op.match_conditions or ()
    matching = [one for one in namespaces if all(_satisfies(one, condition) for condition in conditions)]
    truncated = sorted({one[: op.max_depth] for one in matching})
    return truncated[op.offset : op.offset + op.limit]


def _satisfies(namespace: Namespace, condition: MatchCondition) -> bool:
    path, length = tuple(condition.path), len(condition.path)
    if len(namespace) < length:
        return False
    is_prefix = condition.match_type == "prefix"
    part = namespace[:length] if is_prefix else namespace[len(namespace) - length :]
    return all(pattern in ("*", label) for pattern, label in zip(path, part, strict=True))
