"""LangGraph's store on the ledger: values by namespace and key, found by meaning, kept across restarts."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
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

_ORDERS: dict[str, Callable[[float, float], bool]] = {
    "$gt": lambda one, other: one > other,
    "$gte": lambda one, other: one >= other,
    "$lt": lambda one, other: one < other,
    "$lte": lambda one, other: one <= other,
}


class MemoryOSStore(BaseStore):
    """A LangGraph store in a ``MemoryOS``, for ``create_agent(store=…)``, graphs and langmem's tools.

    Values live in the ledger, beside what is remembered but apart from it: no retrieval returns them. Their
    vectors, made by the store's embedder, have a Chroma collection of their own. ``search`` with a query
    returns the most similar first, without one the newest.

    A batch reads the state before it, then writes all or nothing. Values hold what JSON can hold.

    Args:
        memory: the store.
        fields: the paths in a value whose texts it is found by; ``"$"`` is the whole value.

    Example:
        >>> store = MemoryOSStore(memory=memory)
        >>> store.put(("ann", "notes"), "1", {"text": "buy honey"})
        >>> [item.key for item in store.search(("ann",), query="honey")]
        ['1']
    """

    def __init__(self, memory: MemoryOS, *, fields: Sequence[str] = ("$",)) -> None:
        if not isinstance(memory, MemoryOS):
            raise InvalidInputError(
                f"memory must be a MemoryOS, not {type(memory).__name__}: this store keeps what belongs to "
                "whom by its namespaces"
            )
        self._items, self._fields = memory.items, tuple(fields)

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Do operations; what each returns, in their order.

        Raises:
            InvalidInputError: a name or a value cannot be kept; nothing was.
            StoreError: the ledger failed; nothing was written.
        """
        given = list(ops)
        for op in given:
            validate_op_namespace(op)
        results = [self._read(op) for op in given]
        self._items.put([self._put_of(op) for op in given if isinstance(op, PutOp)])
        return results

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Do operations; see ``batch``."""
        return await asyncio.to_thread(self.batch, list(ops))

    def delete_namespace(self, prefix: Namespace) -> int:
        """Remove everything below a namespace for good, its bytes included; returns how many values it was.

        Args:
            prefix: at least one label.
        """
        if not prefix:
            raise InvalidInputError("prefix must have at least one label")
        return self._items.forget(prefix)

    async def adelete_namespace(self, prefix: Namespace) -> int:
        """Remove everything below a namespace for good; see ``delete_namespace``."""
        return await asyncio.to_thread(self.delete_namespace, prefix)

    def _read(self, op: Op) -> Result:
        match op:
            case GetOp():
                (found,) = self._items.get([(op.namespace, op.key)])
                return None if found is None else Item(**_fields_of(found))
            case SearchOp():
                return self._search(op)
            case ListNamespacesOp():
                return _listed(self._items.namespaces(), op)
            case PutOp():
                return None
        raise InvalidInputError(f"ops: unknown operation {type(op).__name__}")

    def _search(self, op: SearchOp) -> list[SearchItem]:
        wanted = op.filter
        found = self._items.search(
            op.namespace_prefix,
            query=op.query,
            matches=None if not wanted else lambda value: _fits(value, wanted),
            limit=op.limit,
            offset=op.offset,
        )
        return [SearchItem(**_fields_of(item), score=item.score) for item in found]

    def _put_of(self, op: PutOp) -> Put:
        paths = () if op.index is False else self._fields if op.index is None else op.index
        texts: list[str] = []
        if op.value is not None:
            with contextlib.suppress(TypeError, ValueError):  # no JSON: refused below, with a clear error
                texts = [text for path in paths for text in get_text_at_path(op.value, path)]
        return Put(op.namespace, op.key, op.value, texts)


def label(text: str) -> str:
    """Return a text, such as an e-mail address, as a label of a namespace, which may hold no full stop.

    Two texts never become one label; ``urllib.parse.unquote`` is the way back.

    Example:
        >>> label("ann@example.com")
        'ann@example%2Ecom'
    """
    return quote(text, safe="@ ").replace(".", "%2E")


def _fields_of(item: StoredItem) -> dict[str, Any]:
    return {name: getattr(item, name) for name in ("namespace", "key", "value", "created_at", "updated_at")}


def _fits(value: Any, wanted: Any) -> bool:
    """Whether a value is, or compares, as a filter wants it; within mappings and lists, too."""
    if isinstance(wanted, Mapping):
        if any(str(key).startswith("$") for key in wanted):
            return all(_compares(value, operator, other) for operator, other in wanted.items())
        return isinstance(value, Mapping) and all(_fits(value.get(key), one) for key, one in wanted.items())
    if isinstance(wanted, list | tuple):
        alike = isinstance(value, list | tuple) and len(value) == len(wanted)
        return alike and all(map(_fits, value, wanted))
    return bool(value == wanted)


def _compares(value: Any, operator: str, other: Any) -> bool:
    if operator == "$eq":
        return bool(value == other)
    if operator == "$ne":
        return bool(value != other)
    if operator not in _ORDERS:
        raise InvalidInputError(f"filter: unknown operator {operator!r}")
    try:
        return _ORDERS[operator](float(value), float(other))
    except (TypeError, ValueError):  # what is no number is neither more nor less
        return False


def _listed(namespaces: Sequence[Namespace], op: ListNamespacesOp) -> list[Namespace]:
    kept = [one for one in namespaces if all(_has(one, condition) for condition in op.match_conditions or ())]
    cut = sorted({one[: op.max_depth] for one in kept})
    return cut[op.offset : op.offset + op.limit]


def _has(namespace: Namespace, condition: MatchCondition) -> bool:
    path, length = tuple(condition.path), len(condition.path)
    if len(namespace) < length:
        return False
    is_prefix = condition.match_type == "prefix"
    part = namespace[:length] if is_prefix else namespace[len(namespace) - length :]
    return all(wanted in ("*", one) for wanted, one in zip(path, part, strict=True))
