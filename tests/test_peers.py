"""The comparison with other memories: our own column is measured, and is what its page says of it."""

from benchmarks.peers import measures
from benchmarks.peers.__main__ import table
from benchmarks.peers.model import Model
from benchmarks.peers.ours import WithModel


def test_no_turn_and_no_question_waits_for_the_model(tmp_path):
    cells = measures.waits(WithModel, tmp_path)
    assert (cells[measures.WAITING], cells[measures.ASKING]) == ("0", "0")


def test_every_turn_is_found_while_the_model_is_down_and_afterwards(tmp_path):
    with Model(WithModel.reply) as model:
        assert set(measures.outage(WithModel, tmp_path, model).values()) == {"30"}


def test_columns_become_a_table_in_markdown():
    assert table({"ours": {"packages": "1"}}).splitlines() == [
        "|  | MemoryOS integrations |",
        "| --- | --- |",
        "| packages | 1 |",
    ]
