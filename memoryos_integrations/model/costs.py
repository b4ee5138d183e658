"""Totals of the recorded usage of chat models."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from memoryos_integrations.storage import schema

_usage = schema.usage
_COUNTERS = ("calls", "tokens_in", "tokens_out", "failures")


def usage_totals(tx: sa.Connection) -> dict[str, Any]:
    """Return calls, tokens and failures: in total, by task and by user."""
    users = schema.scopes
    rows = sa.select(
        _usage.c.task,
        users.c.user_id,
        *(sa.func.sum(_usage.c[name]).label(name) for name in _COUNTERS),
    ).join_from(_usage, users, users.c.id == _usage.c.scope_id, isouter=True)
    total: dict[str, Any] = dict.fromkeys(_COUNTERS, 0) | {"by_task": {}, "by_user": {}}
    for row in tx.execute(rows.group_by(_usage.c.task, users.c.user_id).order_by(_usage.c.task)):
        sums = [total, total["by_task"].setdefault(row.task, dict.fromkeys(_COUNTERS, 0))]
        if row.user_id is not None:
            sums.append(total["by_user"].setdefault(row.user_id, dict.fromkeys(_COUNTERS, 0)))
        for sum_ in sums:
            for name in _COUNTERS:
                sum_[name] += getattr(row, name)
    return total
