"""The tables of a store, written past the library: what a benchmark measures against, and in bulk."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memoryos_integrations.testing import HashEmbedder
from programs.conversations import Conversation

if TYPE_CHECKING:
    from collections.abc import Callable

    from memoryos_integrations import Page

_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "foreign_keys=ON")
_MESSAGES_OF_A_USER = 2_000
_TABLES = ("scopes", "pages", "messages", "vectors")


class RawLedger:
    """The store's own tables in another file, written by sqlite3 alone."""

    def __init__(self, ledger: Path, file: Path) -> None:
        self._source = sqlite3.connect(ledger, isolation_level=None)
        self._target = sqlite3.connect(file, isolation_level=None)
        for pragma in _PRAGMAS:
            self._target.execute(f"PRAGMA {pragma}")
        made = self._source.execute(
            "SELECT sql FROM sqlite_master WHERE sql NOT NULL AND name NOT LIKE 'sqlite_%'"
        )
        for (statement,) in made.fetchall():
            self._target.execute(statement)
        self._copy("scopes", "1")

    def transaction_of(self, page: Page) -> Callable[[], None]:
        """Return what writes the rows of a page as ``add`` wrote them, in one durable transaction."""
        job = ("embed", 1, page.id, 0, 0)
        rows = [
            *self._rows("pages", f"id = '{page.id}'"),
            *self._rows("messages", f"page_id = '{page.id}'"),
            ("INSERT INTO jobs (kind, scope_id, item_id, due_at, attempts) VALUES (?, ?, ?, ?, ?)", job),
        ]

        def transaction() -> None:
            self._target.execute("BEGIN IMMEDIATE")
            for statement, values in rows:
                self._target.execute(statement, values)
            self._target.execute("COMMIT")

        return transaction

    def close(self) -> None:
        self._source.close()
        self._target.close()

    def _copy(self, table: str, condition: str) -> None:
        for statement, values in self._rows(table, condition):
            self._target.execute(statement, values)

    def _rows(self, table: str, condition: str) -> list[tuple[str, tuple[Any, ...]]]:
        found = self._source.execute(f"SELECT * FROM {table} WHERE {condition}")
        marks = ", ".join("?" * len(found.description))
        return [(f"INSERT INTO {table} VALUES ({marks})", values) for values in found.fetchall()]


def insert_others(store: Path, count: int, dimension: int) -> float:
    """Write messages of other users, 2 000 each, straight into the tables; returns the seconds it took."""
    embedder, talk, started = HashEmbedder(dimension), Conversation(seed=3), time.perf_counter()
    with closing(sqlite3.connect(store / "memory.db")) as database, database:
        database.row_factory = sqlite3.Row
        insert = {table: _like_the_first_row(database, table) for table in _TABLES}
        for number in range(count):
            scope, page, message = (
                1_000 + number // _MESSAGES_OF_A_USER,
                f"page-{number}",
                f"message-{number}",
            )
            if number % _MESSAGES_OF_A_USER == 0:
                insert["scopes"]({"id": scope, "user_id": f"user {scope}"})
            text = talk.turn()[0]
            of_all = {"scope_id": scope, "thread_id": talk.thread, "at": int(talk.at.timestamp() * 1e6)}
            insert["pages"](of_all | {"id": page, "tier": "mid_term", "segment_id": None})
            insert["messages"](of_all | {"id": message, "page_id": page, "text": text})
            vector = embedder.embed([text])[0].tobytes()
            of_vector = {"item_id": message, "kind": "message", "scope_id": scope, "indexed_in": None}
            insert["vectors"](of_vector | {"vector": vector})
    return time.perf_counter() - started


def _like_the_first_row(database: sqlite3.Connection, table: str) -> Callable[[dict[str, Any]], None]:
    """Return what inserts a row like the table's first one, but for the values given."""
    first = dict(database.execute(f"SELECT * FROM {table} ORDER BY rowid LIMIT 1").fetchone())
    first.pop("seq", None)
    marks = ", ".join(f":{name}" for name in first)
    statement = f"INSERT INTO {table} ({', '.join(first)}) VALUES ({marks})"

    def insert(values: dict[str, Any]) -> None:
        database.execute(statement, first | values)

    return insert
