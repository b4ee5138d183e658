"""Opening, verifying, reindexing, exporting, loading and closing a store."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from memoryos_integrations import (
    ConfigError,
    EmbedderMismatchError,
    InvalidInputError,
    MemoryConfig,
    MemoryOS,
    StoreError,
    UserMemory,
)
from memoryos_integrations.errors import EmbedderUnavailableError
from memoryos_integrations.testing import FrozenClock, HashEmbedder


def fill(user: UserMemory, turns: int = 20) -> None:
    for number in range(turns):
        user.add(f"turn number{number} about bees and honey", f"answer {number} about trains", thread_id="t")
    user.remember("I am vegetarian")


def test_a_reopened_store_is_unchanged(tmp_path: Path) -> None:
    with MemoryOS(tmp_path / "deep" / "store", embedder=HashEmbedder()) as memory:
        fill(memory.user("ada"))
        before = memory.user("ada").pages()

    with MemoryOS(str(tmp_path / "deep" / "store"), embedder=HashEmbedder()) as memory:
        ada = memory.user("ada")
        assert [page.messages for page in ada.pages()] == [page.messages for page in before]
        assert "number13" in ada.retrieve("number13", k=1).items[0].text
        memory.flush()
        assert memory.verify().ok
        assert memory.users() == ["ada"]


def test_a_closed_store_says_so_and_can_be_closed_again(tmp_path: Path) -> None:
    memory = MemoryOS(tmp_path, embedder=HashEmbedder())
    ada = memory.user("ada")
    memory.close()
    memory.close()

    for call in (lambda: ada.add("x"), lambda: ada.retrieve("x"), memory.flush, memory.stats, memory.users):
        with pytest.raises(StoreError, match="closed"):
            call()


def test_flush_reports_its_work_and_a_second_one_has_none(tmp_path: Path) -> None:
    with MemoryOS(tmp_path, embedder=HashEmbedder(), clock=FrozenClock()) as memory:
        fill(memory.user("ada"))
        memory.flush()
        report = memory.flush()
        stats = memory.stats()

    assert (report.ran, report.parked, report.waiting) == ({}, {}, 0)
    assert stats["jobs"] == {}
    assert stats["pages_by_tier"] == {"mid_term": 13, "short_term": 7}
    assert (stats["messages"], stats["facts"], stats["users"]) == (40, 1, 1)


@pytest.mark.parametrize("other", [HashEmbedder(64), HashEmbedder(256, name="another")])
def test_another_embedder_is_refused_by_name(tmp_path: Path, other: HashEmbedder) -> None:
    with MemoryOS(tmp_path, embedder=HashEmbedder()) as memory:
        fill(memory.user("ada"))
        memory.flush()

    with pytest.raises(EmbedderMismatchError, match=rf"'hash-256'.*'{other.name}'.*reindex"):
        MemoryOS(tmp_path, embedder=other)


def test_another_embedder_of_the_same_name_is_refused(tmp_path: Path) -> None:
    class Liar(HashEmbedder):
        """Another model under the first one's name."""

        def embed(self, texts):  # type: ignore[no-untyped-def]
            return super().embed([text[::-1] for text in texts])

    with MemoryOS(tmp_path, embedder=HashEmbedder()) as memory:
        fill(memory.user("ada"))
        memory.flush()

    with MemoryOS(tmp_path, embedder=Liar()) as memory, pytest.raises(EmbedderMismatchError, match="cosine"):
        memory.user("ada").retrieve("bees")


@pytest.mark.parametrize("opened_with", [HashEmbedder(), "none"])
def test_reindex_moves_a_store_over_to_another_embedder_without_loss(
    tmp_path: Path, opened_with: Any
) -> None:
    other = HashEmbedder(64)
    with MemoryOS(tmp_path, embedder=HashEmbedder()) as memory:
        fill(memory.user("ada"))
        memory.flush()
    with MemoryOS(tmp_path, embedder=opened_with) as memory:
        made = memory.reindex(other)
        vectors = memory.stats()["vectors"]
        assert made == vectors
        assert memory.embedder is other
        assert memory.user("ada").retrieve("number7", k=1).dense
        assert memory.verify().ok

    with MemoryOS(tmp_path, embedder=other, config=MemoryConfig(search="chroma")) as memory:
        assert "number7" in memory.user("ada").retrieve("number7", k=1).items[0].text
        memory.user("ada").add("one more", "ok")
        memory.flush()
        assert memory.verify().ok


def test_a_failed_reindex_keeps_the_old_vectors_and_resumes_later(
    tmp_path: Path,
) -> None:
    class Breaks(HashEmbedder):
        """An embedding service that fails on its fourth batch."""

        batches = 0

        def embed(self, texts):  # type: ignore[no-untyped-def]
            self.batches += 1
            if self.batches == 4:
                raise TimeoutError("the service is slow")
            return super().embed(texts)

    other = Breaks(64)
    with MemoryOS(tmp_path, embedder=HashEmbedder()) as memory:
        fill(memory.user("ada"), 400)
        memory.flush()
        with pytest.raises(EmbedderUnavailableError, match="TimeoutError"):
            memory.reindex(other)
        assert memory.user("ada").retrieve("number7", k=1).dense
        assert memory.embedder.name == "hash-256"
        before = sum(other.calls)

        memory.reindex(other)

        assert sum(other.calls) - before < 400
        assert memory.verify().ok


def test_an_index_can_be_rebuilt_at_any_time(tmp_path: Path) -> None:
    with MemoryOS(tmp_path, embedder=HashEmbedder(), config=MemoryConfig(search="chroma")) as memory:
        fill(memory.user("ada"))
        memory.flush()
        before = [item.id for item in memory.user("ada").retrieve("bees").items]

        records = memory.rebuild_index()

        assert records == memory.stats()["vectors"]
        assert [item.id for item in memory.user("ada").retrieve("bees").items] == before
        assert memory.verify().ok


def test_verify_reports_an_index_that_differs_from_the_ledger(tmp_path: Path) -> None:
    import chromadb

    client = chromadb.PersistentClient(str(tmp_path / "client"))
    with MemoryOS(tmp_path / "store", embedder=HashEmbedder(), chroma=client) as memory:
        fill(memory.user("ada"))
        memory.flush()
        collection = next(c for c in client.list_collections() if c.name.endswith("mid_term"))
        collection.delete(ids=collection.get(limit=3, include=[])["ids"])

        report = memory.verify()

        assert not report.ok
        assert "mid_term" in report.problems[0]
        memory.rebuild_index()
        assert memory.verify().ok


def test_an_index_that_fell_behind_is_rebuilt_by_itself(tmp_path: Path) -> None:
    import chromadb

    client = chromadb.PersistentClient(str(tmp_path / "client"))
    config = MemoryConfig(search="chroma")
    with MemoryOS(tmp_path / "store", embedder=HashEmbedder(), chroma=client, config=config) as memory:
        fill(memory.user("ada"))
        memory.flush()
    for collection in client.list_collections():
        client.delete_collection(collection.name)

    with MemoryOS(tmp_path / "store", embedder=HashEmbedder(), chroma=client, config=config) as memory:
        assert "number7" in memory.user("ada").retrieve("number7", k=1).items[0].text
        memory.flush()
        assert memory.verify().ok
        assert "number7" in memory.user("ada").retrieve("number7", k=1).items[0].text


def test_two_stores_on_one_chroma_client_never_mix(tmp_path: Path) -> None:
    import chromadb

    client = chromadb.PersistentClient(str(tmp_path / "client"))
    config = MemoryConfig(search="chroma")
    with (
        MemoryOS(tmp_path / "a", embedder=HashEmbedder(), chroma=client, config=config) as one,
        MemoryOS(tmp_path / "b", embedder=HashEmbedder(), chroma=client, config=config) as other,
    ):
        fill(one.user("ada"))
        other.user("ada").add("only this", "ok")
        one.flush()
        other.flush()

        assert {item.text for item in other.user("ada").retrieve("bees").items} == {"only this", "ok"}
        other.rebuild_index()
        assert one.verify().ok


def test_an_export_holds_all_that_cannot_be_recomputed_and_loads_into_another_store(tmp_path: Path) -> None:
    with MemoryOS(tmp_path / "a", embedder=HashEmbedder()) as memory:
        ada = memory.user("ada")
        fill(ada)
        ada.add("with fields", "ok", metadata={"x": [1, {"y": "é"}]})
        memory.flush()
        records = ada.export(tmp_path / "ada.jsonl")
        pages, facts = ada.pages(), ada.facts()

    assert records == len((tmp_path / "ada.jsonl").read_text().splitlines()) - 1
    assert (tmp_path / "ada.jsonl").stat().st_mode & 0o777 == 0o600
    with MemoryOS(tmp_path / "b", embedder=HashEmbedder()) as memory:
        eve = memory.user("eve")
        assert eve.load(tmp_path / "ada.jsonl") == records
        assert eve.load(tmp_path / "ada.jsonl") == 0
        memory.flush()
        assert [page.messages for page in eve.pages()] == [page.messages for page in pages]
        assert eve.facts() == facts
        assert len(eve.segments()) > 0
        assert "number7" in eve.retrieve("number7", k=1).items[0].text
        assert memory.verify().ok


LINES = {
    "not JSON": "{",
    "not an object": "[]",
    "an unknown kind": '{"kind": "vector"}',
    "a missing field": '{"kind": "page", "id": "x"}',
    "a wrong type": '{"kind": "fact", "id": 7}',
}


@pytest.mark.parametrize("what", LINES)
def test_a_damaged_export_is_refused_whole(tmp_path: Path, what: str) -> None:
    with MemoryOS(tmp_path / "a", embedder=HashEmbedder()) as memory:
        fill(memory.user("ada"), 3)
        memory.user("ada").export(tmp_path / "ada.jsonl")
    lines = (tmp_path / "ada.jsonl").read_text().splitlines()
    (tmp_path / "bad.jsonl").write_text("\n".join([*lines[:4], LINES[what], *lines[4:]]))

    with MemoryOS(tmp_path / "b", embedder=HashEmbedder()) as memory:
        with pytest.raises(InvalidInputError, match="line 5"):
            memory.user("eve").load(tmp_path / "bad.jsonl")
        assert memory.users() == []


@pytest.mark.parametrize(
    "change",
    [
        {"role": "system"},
        {"text": "x" * 1_000_001},
        {"text": "a\x00b"},
        {"metadata": "[]"},
        {"at": "2026"},
        {"at": True},
    ],
)
def test_a_record_that_add_would_refuse_is_refused_by_load_too(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    with MemoryOS(tmp_path / "a", embedder=HashEmbedder()) as memory:
        memory.user("ada").add("Hi", "Hello")
        memory.user("ada").export(tmp_path / "ada.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "ada.jsonl").read_text().splitlines()]
    lines[2] |= change
    (tmp_path / "bad.jsonl").write_text("\n".join(map(json.dumps, lines)))

    with MemoryOS(tmp_path / "b", embedder=HashEmbedder()) as memory:
        with pytest.raises(InvalidInputError, match="line 3"):
            memory.user("eve").load(tmp_path / "bad.jsonl")
        assert memory.users() == []


def test_one_users_export_does_not_load_over_another_user_of_the_same_store(tmp_path: Path) -> None:
    with MemoryOS(tmp_path / "a", embedder=HashEmbedder()) as memory:
        fill(memory.user("ada"), 3)
        memory.user("ada").export(tmp_path / "ada.jsonl")

        with pytest.raises(InvalidInputError, match="another user"):
            memory.user("bob").load(tmp_path / "ada.jsonl")
        assert memory.users() == ["ada"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"path": ""}, "path"),
        ({"path": 7}, "path"),
        ({"config": {"search": "exact"}}, "config"),
        ({"embedder": 7}, "embedder"),
        ({"embedder": "best"}, "embedder"),
        ({"clock": 7}, "clock"),
    ],
)
def test_an_unusable_argument_is_named_and_no_folder_is_made(
    tmp_path: Path, arguments: dict[str, Any], named: str
) -> None:
    with pytest.raises(ConfigError, match=rf"^{named}"):
        MemoryOS(**({"path": tmp_path / "store", "embedder": "none"} | arguments))

    assert not (tmp_path / "store").exists()


def test_a_clock_that_shows_naive_times_is_refused_before_anything_is_stored(tmp_path: Path) -> None:
    with (
        MemoryOS(tmp_path, embedder="none", clock=lambda: datetime(2026, 1, 1)) as memory,
        pytest.raises(InvalidInputError, match="clock"),
    ):
        memory.user("ada").add("x")
