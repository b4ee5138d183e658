"""Stores of version 0.1 under the embedders of today, and the command that moves a store to another one.

The two stores in ``fixtures`` were written by 0.1: ten turns and a fact under its ``embedder="quality"``,
three turns and a fact under all-MiniLM-L6-v2 with fp32 weights.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from memoryos_integrations import EmbedderMismatchError, MemoryOS, Put
from memoryos_integrations.apps.cli import app
from memoryos_integrations.testing import HashEmbedder

FIXTURES = Path(__file__).parent / "fixtures"


def store_of_0_1(name: str, folder: Path) -> Path:
    """Unpack a store; the index of vectors is left out, since it is made again from the ledger."""
    folder.mkdir()
    (folder / "memory.db").write_bytes(gzip.decompress((FIXTURES / f"store_0_1_{name}.db.gz").read_bytes()))
    return folder


def contents(memory: MemoryOS) -> list[object]:
    mara = memory.user("mara")
    pages = [[(message.id, message.text, message.at) for message in page.messages] for page in mara.pages()]
    return [pages, [(fact.id, fact.text) for fact in mara.facts()], [one.id for one in mara.segments()]]


def run(*arguments: str) -> str:
    ran = CliRunner().invoke(app, list(arguments))
    assert ran.exit_code == 0, ran.output
    return ran.stdout


def test_a_store_that_0_1_embedded_with_fp32_weights_opens_unchanged(tmp_path: Path) -> None:
    store = store_of_0_1("fp32", tmp_path / "store")
    with MemoryOS(store) as memory:
        mara = memory.user("mara")
        found = mara.retrieve("Which insects do I look after?", k=2)
        assert found.dense
        assert any("bees" in item.text for item in found.items)
        mara.add("My brother works at sea.", "Far away, then.")
        memory.flush()
        assert memory.stats()["vectors"] == 7 + 2
        assert memory.verify().ok


def test_a_store_of_the_embedder_that_left_names_the_way_over(tmp_path: Path) -> None:
    store = store_of_0_1("quality", tmp_path / "store")
    for embedder in (None, "multilingual"):
        with pytest.raises(
            EmbedderMismatchError, match=r"'bge-small-en-v1\.5-int8'.*memoryos reindex .*default"
        ):
            MemoryOS(store, embedder=embedder)


@pytest.mark.parametrize(("name", "embedder"), [("default", None), ("multilingual", "multilingual")])
def test_the_command_moves_a_store_of_the_embedder_that_left_without_loss(
    tmp_path: Path, name: str, embedder: str | None
) -> None:
    store = store_of_0_1("quality", tmp_path / "store")
    with MemoryOS(store, embedder="none") as memory:
        before = contents(memory)

    assert run("reindex", "--path", str(store), "--embedder", name).startswith("made 23 vectors")

    with MemoryOS(store, embedder=embedder) as memory:
        assert contents(memory) == before
        found = memory.user("mara").retrieve("Which animals live with me?", k=5)
        assert found.dense
        assert any("cat Pixel" in item.text or "bees" in item.text for item in found.items)
        assert memory.stats()["vectors"] == 23
        report = memory.verify()
        assert report.ok, report


def test_without_an_embedder_the_vectors_are_deleted_and_come_back_when_it_is_moved_again(
    tmp_path: Path,
) -> None:
    store = store_of_0_1("quality", tmp_path / "store")
    assert json.loads(run("reindex", "--path", str(store), "--embedder", "none", "--json")) == {"vectors": 0}
    with MemoryOS(store, embedder="none") as memory:
        before = contents(memory)
        assert memory.stats()["vectors"] == 0
        assert "bees" in memory.user("mara").retrieve("bees", k=1).items[0].text
        assert memory.verify().ok

    run("reindex", "--path", str(store), "--embedder", "hash")
    with MemoryOS(store, embedder="none") as memory:
        assert contents(memory) == before
        assert memory.stats()["vectors"] == 23
        assert memory.verify().ok


def test_facts_and_named_values_stored_without_an_embedder_get_vectors_with_one(tmp_path: Path):
    with MemoryOS(tmp_path / "store", embedder="none") as memory:
        memory.user("kim").add("I keep bees.", "Good.")
        memory.user("kim").remember("Kim rows on Sundays.")
        memory.items.put([Put(("notes",), "1", {"text": "buy honey"}, ["buy honey"])])
        memory.flush()
    with MemoryOS(tmp_path / "store", embedder=HashEmbedder()) as memory:
        memory.flush()
        assert memory.stats()["vectors"] == 4
        [fact] = memory.user("kim").retrieve("Kim rows on Sundays.", kinds=("fact",), k=1).items
        assert fact.text == "Kim rows on Sundays."
        memory.flush()
        assert memory.stats()["vectors"] == 4, "nothing is embedded twice"
