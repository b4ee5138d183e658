"""What calls of a chat model cost, as the ledger has it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from memoryos_integrations.storage import schema

_usage = schema.usage
_SPENT = ("calls", "tokens_in", "tokens_out", "failures")


def bill(tx: sa.Connection) -> dict[str, Any]:
    """Return what models were asked and what it cost: in all, by task and by user."""
    users = schema.scopes
    rows = sa.select(
        _usage.c.task,
        users.c.user_id,
        *(sa.func.sum(_usage.c[name]).label(name) for name in _SPENT),
    ).join_from(_usage, users, users.c.id == _usage.c.scope_id, isouter=True)
    whole: dict[str, Any] = dict.fromkeys(_SPENT, 0) | {"by_task": {}, "by_user": {}}
    for row in tx.execute(rows.group_by(_usage.c.task, users.c.user_id).order_by(_usage.c.task)):
        lines = [whole, whole["by_task"].setdefault(row.task, dict.fromkeys(_SPENT, 0))]
        if row.user_id is not None:
            lines.append(whole["by_user"].setdefault(row.user_id, dict.fromkeys(_SPENT, 0)))
        for line in lines:
            for name in _SPENT:
                line[name] += getattr(row, name)
    return whole
