"""Rules of every engine: writes lock their scope first, and every list of tables is complete."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from programs.refining import by_word

from memoryos_integrations import MemoryConfig, MemoryOS, Prompt
from memoryos_integrations.errors import LLMBadOutput, StoreError
from memoryos_integrations.items import Put
from memoryos_integrations.storage import locks, outbox, schema
from memoryos_integrations.storage.contents import CONTENTS
from memoryos_integrations.storage.engines import sqlite
from memoryos_integrations.storage.ledger import Ledger
from memoryos_integrations.storage.scope import OF_ITEMS
from memoryos_integrations.testing import HashEmbedder, ScriptedLLM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

CONFIG = MemoryConfig(short_term_capacity=1, mid_term_capacity=2, segment_threshold=0.9, promotion_heat=0.5)
LEARNT = {
    "profile": [],
    "traits": [],
    "facts": [{"about": "user", "statement": "The user loves it.", "pages": ["p1"], "quote": "I love"}],
}
OF_A_SCOPE = {
    table
    for table in schema.metadata.sorted_tables
    if table is schema.scopes or any(key.column.table is schema.scopes for key in table.foreign_keys)
}
"""Tables whose rows belong to a scope. Jobs and usage rows may outlive theirs, so they are not included."""


class Recorder(sqlite.SQLite):
    """A SQLite engine that records writes to scopes not locked before."""

    opened: list[Recorder]

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.locked: list[int] = []
        self.written: Counter[str] = Counter()
        self.unlocked: list[str] = []
        self.claimed: set[str] = set()
        self.opened.append(self)

    def lock_scopes(self, tx: sa.Connection, numbers: Sequence[int]) -> None:
        assert list(numbers) == sorted(numbers), "not in ascending order"
        self.locked += numbers

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        with super().write() as tx:
            sa.event.listen(tx, "before_execute", self._look)
            yield tx

    def _look(self, tx: sa.Connection, statement: Any, many: Any, one: Any, _options: Any) -> None:
        if not isinstance(statement, sa.Insert | sa.Update | sa.Delete):
            return
        if statement.table is schema.jobs and statement.compile().params.get("leased_by"):
            kinds = sa.select(schema.jobs.c.kind).where(statement.whereclause)
            self.claimed.update(tx.execute(kinds).scalars())
        if statement.table not in OF_A_SCOPE:
            return
        self.written[statement.table.name] += 1
        by_name = OF_ITEMS.number(tx)  # named values belong to no user
        missing = scopes_of(tx, statement, many or [one or {}]) - locks.held_by(tx).numbers - {by_name}
        if missing:
            self.unlocked.append(f"scope {missing} was not locked for: {statement}")


def scopes_of(tx: sa.Connection, statement: Any, rows: Sequence[dict[str, Any]]) -> set[int | None]:
    """Return the scopes of the rows that a statement is about to write, without new scopes."""
    if isinstance(statement, sa.Insert):
        return {row["scope_id"] for row in rows} if statement.table is not schema.scopes else set()
    table = statement.table
    number = table.c.id if table is schema.scopes else table.c.scope_id
    query = sa.select(number).distinct()
    if statement.whereclause is not None:
        query = query.where(statement.whereclause)
    return {found for row in rows for found in tx.execute(query, row).scalars()}


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Recorder]:
    """Open stores with a ``Recorder``; the call returns the one opened last."""
    Recorder.opened = []
    monkeypatch.setattr(sqlite, "SQLite", Recorder)
    return lambda: Recorder.opened[-1]


def talk(memory: MemoryOS, users: Sequence[str], turns: int) -> None:
    for number in range(turns):
        for user in users:
            word = ("bees", "trains", "bread")[number % 3]
            text = f"I love {word} {number}. My sister Jo lives in Porto{number}."
            memory.user(user).add(text, f"{word}, I see.", event_id=f"{number}")


def use_every_verb(memory: MemoryOS, file: Path) -> None:
    """Call every writing method, with two users."""
    ada, eve = memory.user("ada"), memory.user("eve")
    talk(memory, ("eve", "ada"), 7)
    ada.add_message("What about my bees?", role="user")
    ada.add_message("They are well.", role="assistant")
    ada.remember("Is allergic to nuts.")
    memory.items.put([Put(("ada", "notes"), "1", {"text": "honey"}, ["honey"])])
    memory.flush()
    memory.flush()  # gives up the pages that the model answers badly for the second time
    assert ada.retrieve("bees").items
    assert eve.retrieve("trains").items
    memory.flush()  # writes what the retrievals visited
    assert ada.respond("How are my bees?") == "Fine."
    assert "".join(eve.respond_stream("How are my trains?")) == "Fine."
    memory.items.put([Put(("ada", "notes"), "1", {"text": "wax"}, ["wax"])])
    memory.flush()
    ada.restore(1)
    eve.export(file)
    eve.forget(ids=[eve.segments()[0].page_ids[0]])
    assert eve.load(file) > 0
    memory.enrich()
    ada.forget(ids=[ada.facts()[0].id, ada.segments()[0].page_ids[0]])
    memory.flush()
    memory.items.forget(("ada",))
    memory.rebuild_index()
    memory.reindex(HashEmbedder(48))
    ada.forget(thread_id="default")
    eve.forget(everything=True)
    assert memory.flush().parked == {}


def test_no_verb_and_no_job_writes_to_a_scope_before_it_is_locked(
    recorded: Callable[[], Recorder], tmp_path: Path
) -> None:
    bad: list[Any] = [LLMBadOutput("No topics.")] * 6
    by_topic = by_word("bees", "trains", "bread", chains=True)

    def topics(prompt: Prompt[Any]) -> Any:
        if bad:
            raise bad.pop()
        return by_topic(prompt)

    llm = ScriptedLLM({"refine": topics, "learn": LEARNT, "respond": "Fine."})
    with MemoryOS(tmp_path / "store", config=CONFIG, embedder=HashEmbedder(32), llm=llm) as memory:
        use_every_verb(memory, tmp_path / "export.jsonl")
        assert memory.verify().problems == ()
    engine = recorded()
    assert engine.unlocked == []
    assert set(engine.written) == {table.name for table in OF_A_SCOPE}, "a table was never written"
    assert engine.claimed == set(outbox.ORDER), "a kind of job was never done"


def test_a_write_without_its_lock_is_noticed(recorded: Callable[[], Recorder], tmp_path: Path) -> None:
    with MemoryOS(tmp_path / "store", embedder="none") as memory:
        memory.user("ada").add("Hello.", "Hello!")
        ledger, ada = memory._store.ledger, memory.user("ada")._scope
        with ledger.read() as tx:
            number = ada.number(tx)
        assert number is not None
        one = sa.update(schema.pages).values(open=False)
        for lock in (lambda tx: None, ada.lock):
            with ledger.write() as tx:
                lock(tx)
                tx.execute(one)
        with ledger.write(number) as tx:
            tx.execute(one)
    assert len(recorded().unlocked) == 1


def test_scopes_are_locked_in_ascending_order_and_only_to_write(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "store")
    with ledger.write(9, 3, 5) as tx:
        locks.lock_scopes(tx, [5, 3])  # they are locked already
        locks.lock_scopes(tx, [12])
        assert locks.held_by(tx).numbers == {3, 5, 9, 12}
        with pytest.raises(StoreError, match="Scope 10 was locked after scope 12"):
            locks.lock_scopes(tx, [10])
    with ledger.read() as tx, pytest.raises(StoreError, match="read transaction"):
        locks.lock_scopes(tx, [3])
    with ledger.write() as tx:
        assert locks.held_by(tx).numbers == set()
    ledger.close()


# --- What must know every table


def rows_of(tx: sa.Connection, scope: int) -> dict[str, int]:
    """Return how many rows of each table are a scope's."""
    tables = [table for table in schema.metadata.sorted_tables if "scope_id" in table.c]
    counted = {
        table.name: sa.select(sa.func.count()).select_from(table).where(table.c.scope_id == scope)
        for table in tables
    }
    return {name: tx.execute(query).scalar_one() for name, query in counted.items()}


def test_each_table_is_listed_once_with_how_it_is_forgotten() -> None:
    assert sorted(one.table.name for one in CONTENTS) == sorted(schema.metadata.tables)
    of_users = {one.table for one in CONTENTS if one.forgetting != "not user data"}
    assert of_users | {schema.store_texts} == {schema.scopes} | {
        table for table in schema.metadata.sorted_tables if "scope_id" in table.c
    }


def test_forgetting_everything_and_exporting_leave_no_table_out(tmp_path: Path) -> None:
    llm = ScriptedLLM({"refine": by_word("bees", "trains", chains=True), "learn": LEARNT})
    with MemoryOS(tmp_path / "store", config=CONFIG, embedder=HashEmbedder(32), llm=llm) as memory:
        talk(memory, ("ada", "eve"), 5)
        memory.flush()
        memory.enrich()
        ada, ledger = memory.user("ada"), memory._store.ledger
        with ledger.read() as tx:
            number = ada._scope.number(tx) or 0
            filled = {name for name, rows in rows_of(tx, number).items() if rows}
        assert filled >= {one.table.name for one in CONTENTS if one.forgetting == "deleted"} - {"scopes"}
        ada.export(tmp_path / "ada.jsonl")
        kinds = {json.loads(line)["kind"] for line in (tmp_path / "ada.jsonl").read_text().splitlines()[1:]}
        assert kinds == {one.record for one in CONTENTS} - {None}
        before = memory.stats()["llm"]["by_task"]
        ada.forget(everything=True)
        memory.flush()
        with ledger.read() as tx:
            assert set(rows_of(tx, number).values()) == {0}
            assert ada._scope.number(tx) is None
        assert memory.stats()["llm"]["by_task"] == before
        assert set(memory.verify().counts) >= {one.table.name for one in CONTENTS if one.counted}
        assert memory.user("eve").pages()


def test_the_number_of_a_forgotten_scope_does_not_come_back(tmp_path: Path) -> None:
    with MemoryOS(tmp_path / "store", embedder="none") as memory:
        numbers = []
        for user in ("ada", "eve"):
            memory.user(user).add("Hello.", "Hello!")
            with memory._store.ledger.read() as tx:
                numbers.append(memory.user(user)._scope.number(tx))
            memory.user(user).forget(everything=True)
    assert len(set(numbers)) == 2


def test_a_file_has_the_tables_that_version_0_1_made(tmp_path: Path) -> None:
    Ledger(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "memory.db")) as file:
        columns = {
            (table, name): kind
            for table in schema.metadata.tables
            for _, name, kind, *_ in file.execute(f"PRAGMA table_info({table})")
        }
    whole = {kind for (_, name), kind in columns.items() if name in ("seq", "scope_id", "embedder_id")}
    assert whole == {"INTEGER"}, "the number of a row is kept twice"
