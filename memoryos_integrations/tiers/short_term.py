"""Short-term memory: stores turns durably as pages.

Pages leave first in, first out, in the transaction that places them in mid-term memory.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa

from memoryos_integrations.clock import from_us, to_us
from memoryos_integrations.storage import ids, outbox, schema
from memoryos_integrations.storage.sql import chunks
from memoryos_integrations.types import Message, Page, Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memoryos_integrations.arguments import CheckedTurn
    from memoryos_integrations.storage.scope import Scope

_pages, _messages = schema.pages, schema.messages
_insert_page = sa.insert(_pages)
_insert_message = sa.insert(_messages)
_page_by_id = sa.select(_pages).where(
    _pages.c.id == sa.bindparam("page_id"), _pages.c.scope_id == sa.bindparam("scope")
)
_message_by_id = sa.select(_messages).where(
    _messages.c.id == sa.bindparam("message_id"), _messages.c.scope_id == sa.bindparam("scope")
)
_newest_of_thread = (
    sa.select(_pages.c.id, _pages.c.open)
    .where(_pages.c.scope_id == sa.bindparam("scope"), _pages.c.thread_id == sa.bindparam("thread"))
    .order_by(_pages.c.seq.desc())
    .limit(1)
)


def add_turn(
    tx: sa.Connection, scope: Scope, turn: CheckedTurn, now: int
) -> tuple[Page, tuple[Message, ...], int]:
    """Store a whole turn as one page.

    Returns:
        The page, its new messages, and the scope number. A second call with the same ``event_id`` adds the
        side that is missing, if any.
    """
    number = scope.ensure(tx, now)
    page_id = _id_of("page", scope, turn)
    stored = load_pages(tx, number, page_ids=[page_id]) if turn.event_id is not None else []
    page = (
        stored[0] if stored else Page(page_id, turn.thread_id, turn.at, "short_term", None, (), turn.metadata)
    )
    stored_roles = {message.role for message in page.messages}
    messages = tuple(
        _message(ids.child_id(page_id, role), page_id, turn, role, text)
        for role, text in turn.sides
        if role not in stored_roles
    )
    if not stored:
        _write_page(tx, number, page_id, turn, open_=False)
    if messages:
        tx.execute(_insert_message, [_message_row(number, message, turn) for message in messages])
        outbox.enqueue(tx, [outbox.job_row("embed", number, page_id)])
    return replace(page, messages=(*page.messages, *messages)), messages, number


def add_message(
    tx: sa.Connection, scope: Scope, turn: CheckedTurn, now: int, *, page_id: str | None = None
) -> tuple[Message, int | None]:
    """Store one side of a turn.

    A user message opens a page and the next answer in the thread closes it; tool messages are added to the
    open page, which is the newest of the thread or ``page_id``. Without an open page a message gets its own.

    Returns:
        The message, and the scope number if it is new; a second call with the same ``event_id`` returns the
        first message and ``None``.
    """
    number = scope.ensure(tx, now)
    role, text = turn.sides[0]
    message_id = _id_of("message", scope, turn)
    if turn.event_id is not None:
        stored = tx.execute(_message_by_id, {"message_id": message_id, "scope": number}).first()
        if stored is not None:
            return message_from(stored), None
    open_page = None
    if role != "user":
        open_page = (
            _open_page(tx, number, turn.thread_id) if page_id is None else _if_open(tx, number, page_id)
        )
    if open_page is not None:
        page_id = open_page
        if role == "assistant":
            tx.execute(sa.update(_pages).where(_pages.c.id == page_id).values(open=False))
    else:
        page_id = ids.child_id(message_id, "page")
        _write_page(tx, number, page_id, turn, open_=role == "user")
    message = _message(message_id, page_id, turn, role, text)
    tx.execute(_insert_message, _message_row(number, message, turn))
    outbox.enqueue(tx, [outbox.job_row("embed", number, page_id)])
    return message, number


def unanswered(tx: sa.Connection, scope: int, thread_id: str, text: str) -> Message | None:
    """Return the last message of a thread if it is an unanswered user message with this text."""
    page_id = _open_page(tx, scope, thread_id)
    messages = load_pages(tx, scope, page_ids=[page_id])[0].messages if page_id is not None else ()
    alone = len(messages) == 1 and messages[0].role == "user" and messages[0].text == text
    return messages[0] if alone else None


def load_pages(
    tx: sa.Connection,
    scope: int,
    *,
    page_ids: Sequence[str] | None = None,
    thread_id: str | None = None,
    segment_id: str | None = None,
    newest: int | None = None,
    summarised: bool = True,
) -> list[Page]:
    """Return pages of a scope, oldest first, with their messages in order.

    ``summarised``: whether to include pages covered by a model-written summary.
    """
    query = sa.select(_pages).where(_pages.c.scope_id == scope)
    if page_ids is not None:
        query = query.where(_pages.c.id.in_(page_ids))
    if thread_id is not None:
        query = query.where(_pages.c.thread_id == thread_id)
    if segment_id is not None:
        query = query.where(_pages.c.segment_id == segment_id)
    if not summarised:
        query = query.where(_pages.c.summarised.is_not(sa.true()))
    query = query.order_by(_pages.c.seq.desc())
    rows = tx.execute(query.limit(newest) if newest is not None else query).all()[::-1]
    messages: dict[str, list[Message]] = {row.id: [] for row in rows}
    for chunk in chunks(list(messages)):
        found = sa.select(_messages).where(_messages.c.page_id.in_(chunk)).order_by(_messages.c.seq)
        for message in map(message_from, tx.execute(found)):
            messages[message.page_id].append(message)
    return [page_from(row, messages[row.id]) for row in rows]


def count_pages(tx: sa.Connection, scope: int) -> int:
    """Return the number of pages in short-term memory, including those over capacity."""
    return tx.execute(
        sa.select(sa.func.count()).select_from(_pages).where(_in_short_term(scope))
    ).scalar_one()


def overflow(tx: sa.Connection, scope: int, capacity: int, limit: int) -> list[Page]:
    """Return the pages over capacity, oldest first, at most ``limit``."""
    leaving = min(count_pages(tx, scope) - capacity, limit)
    if leaving <= 0:
        return []
    oldest = sa.select(_pages.c.id).where(_in_short_term(scope)).order_by(_pages.c.seq).limit(leaving)
    return load_pages(tx, scope, page_ids=list(tx.execute(oldest).scalars()))


def message_from(row: sa.Row[Any]) -> Message:
    """Return the message of a row."""
    return Message(
        id=row.id,
        page_id=row.page_id,
        thread_id=row.thread_id,
        role=row.role,
        text=row.text,
        at=from_us(row.at),
        name=row.name,
        source=row.source,
        metadata=json.loads(row.metadata),
    )


def page_from(row: sa.Row[Any], messages: Sequence[Message]) -> Page:
    """Return the page of a row."""
    return Page(
        id=row.id,
        thread_id=row.thread_id,
        at=from_us(row.at),
        tier=row.tier,
        segment_id=row.segment_id,
        messages=tuple(messages),
        metadata=json.loads(row.metadata),
        chain_id=row.chain_id,
    )


def _in_short_term(scope: int) -> sa.ColumnElement[bool]:
    # A page without a segment is in short-term memory or its segment was evicted; the index covers both.
    return sa.and_(_pages.c.scope_id == scope, _pages.c.segment_id.is_(None), _pages.c.tier == "short_term")


def _open_page(tx: sa.Connection, scope: int, thread_id: str) -> str | None:
    newest = tx.execute(_newest_of_thread, {"scope": scope, "thread": thread_id}).first()
    return newest.id if newest is not None and newest.open else None


def _if_open(tx: sa.Connection, scope: int, page_id: str) -> str | None:
    page = tx.execute(_page_by_id, {"page_id": page_id, "scope": scope}).first()
    return page.id if page is not None and page.open else None


def _id_of(kind: str, scope: Scope, turn: CheckedTurn) -> str:
    if turn.event_id is None:
        return ids.new_id()
    return ids.id_from(kind, scope.user_id, scope.agent_id, turn.event_id)


def _write_page(tx: sa.Connection, scope: int, page_id: str, turn: CheckedTurn, *, open_: bool) -> None:
    tx.execute(
        _insert_page,
        {
            "id": page_id,
            "scope_id": scope,
            "thread_id": turn.thread_id,
            "at": to_us(turn.at),
            "tier": "short_term",
            "segment_id": None,
            "open": open_,
            "metadata": turn.metadata_json,
        },
    )


def _message(message_id: str, page_id: str, turn: CheckedTurn, role: Role, text: str) -> Message:
    return Message(
        id=message_id,
        page_id=page_id,
        thread_id=turn.thread_id,
        role=role,
        text=text,
        at=turn.at,
        name=turn.name,
        source=turn.source or cast("str", role),
        metadata=turn.metadata,
    )


def _message_row(scope: int, message: Message, turn: CheckedTurn) -> dict[str, object]:
    return {
        "id": message.id,
        "scope_id": scope,
        "page_id": message.page_id,
        "thread_id": message.thread_id,
        "role": message.role,
        "name": message.name,
        "text": message.text,
        "at": to_us(message.at),
        "source": message.source,
        "metadata": turn.metadata_json,
    }
