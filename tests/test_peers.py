"""The comparison with other memories: our own column is measured, and is what its page says of it."""

from datetime import UTC, datetime

from benchmarks.peers import measures, recall
from benchmarks.peers.__main__ import table
from benchmarks.peers.model import Model
from benchmarks.peers.ours import WithModel
from benchmarks.sets import Conversation, DataSet, Question, Turn


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


def test_a_conversation_is_told_by_exchanges_and_its_turns_are_looked_for(tmp_path):
    said = (
        ("user", "I keep bees."),
        ("assistant", "How many?"),
        ("user", "Two hives."),
        ("user", "And a goat."),
    )
    began = datetime(2026, 1, 5, tzinfo=UTC)
    turns = tuple(
        Turn(str(number), "first", began, role, None, text) for number, (role, text) in enumerate(said)
    )
    question = Question("What do I keep?", "plain", frozenset({"0", "3"}))
    conversation = Conversation("ann", turns, (question,))
    told = [(exchange.user, exchange.assistant) for exchange, _ in recall.exchanges(conversation)]
    assert told == [("I keep bees.", "How many?"), ("Two hives.", ""), ("And a goat.", "")]
    with Model(WithModel.reply) as model, WithModel(tmp_path, model.url) as opened:
        assert list(recall.shares(opened, DataSet("bees", "en", (conversation,)), conversation)) == [
            (1.0, 1.0)
        ]
