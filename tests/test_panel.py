"""The benchmarks count as they say: sets, recall, excerpts, baselines and answers, on small examples."""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from benchmarks import against, answers, metrics, panel, sets
from benchmarks.baselines import Baselines, rendered, token_counter, within
from benchmarks.sets import Conversation, DataSet, Question, Turn
from memoryos_integrations import MemoryConfig
from memoryos_integrations.testing import HashEmbedder, OpenAIServer, Reply

BEGAN = datetime(2026, 1, 5, 12, tzinfo=UTC)


def turn(number: int, text: str, session: str = "first") -> Turn:
    role = "assistant" if number % 2 else "user"
    return Turn(f"t{number}", session, BEGAN + timedelta(minutes=number), role, None, text)


BEES = (
    turn(0, "The queen bee has moved into the new hive."),
    turn(1, "Then leave her in peace for a week."),
    *(turn(number, f"Number {number} is about the weather.") for number in range(2, 10)),
    turn(10, "My sister paints.", "second"),
    turn(11, "Oils or water?", "second"),
)
SMALL = DataSet(
    "small",
    "en",
    (Conversation("ann", BEES, (Question("Where is the queen bee?", "plain", frozenset({"t0", "t10"})),)),),
)


@pytest.fixture
def config() -> MemoryConfig:
    return MemoryConfig(token_counter=token_counter())


def figures_of(scores: list[panel.Score], system: str) -> panel.Figures:
    return next(score.figures for score in scores if score.system == system)


def test_recall_is_the_share_of_the_turns_that_answer(config):
    scores = list(panel.scores_of(SMALL, HashEmbedder(), config))
    assert panel.systems_of(scores) == ["library", "dense", "BM25", "RRF"]
    words = figures_of(scores, "BM25")  # one turn shares words with the question; the others follow in order
    assert [words[f"recall@{k}"] for k in (5, 10, 20)] == [0.5, 0.5, 1.0]
    assert [words["session@5"], words["within 1000"], words["facts 1000"]] == [1.0, 1.0, 1.0]
    ours = figures_of(scores, "library")
    assert [ours["recall@20"], ours["within 1000"], ours["lenient 1000"]] == [1.0, 1.0, 1.0]


def test_without_an_embedder_words_alone_are_the_baseline(config):
    assert panel.systems_of(panel.scores_of(SMALL, None, config)) == ["library", "BM25"]


def test_a_fusion_ranks_first_what_both_rank_high():
    ranked = Baselines(BEES, HashEmbedder()).rankings("the queen bee in her hive")
    assert [order[0] for order in ranked.values()] == [0, 0, 0]
    assert all(sorted(order) == list(range(len(BEES))) for order in ranked.values())


def test_what_is_shown_within_a_budget_keeps_to_it():
    count, places = token_counter(), list(range(len(BEES)))
    shown = within(80, BEES, places, count)
    assert 0 < len(shown) < len(BEES)
    assert count(rendered(BEES, shown)) <= 80 < count(rendered(BEES, places))


def test_a_session_is_ranked_by_its_best_message():
    question = SMALL.conversations[0].questions[0]
    assert metrics.sessions(SMALL, BEES, question, ["first", "first", "third", "second"]) == [1.0, 1.0]
    assert metrics.sessions(SMALL, BEES, question, ["a", "b", "c", "d", "e", "first"]) == [0.0, 0.5]


MESSAGE = "Feed it in the evening.\nBake it for 22 minutes.\nThen let it rest for two hours on a rack."
WHOLE = (
    " Otto: Feed it in the evening.\n   Bake it for 22 minutes.\n   Then let it rest for two hours on a rack."
)


@pytest.mark.parametrize(
    ("shown", "share"),
    [
        (f"[5 January 2026]\n Ann: Yes.\n{WHOLE}", 1.0),
        (" Ann: Yes.\n Otto: Feed it in the evening. … Then let it rest for two hours on a rack.", 15 / 20),
        (" Otto (excerpt): Bake it for 22 minutes.", 5 / 20),
        (" Ann: Bake bread in the evening, it is what I would do if I had an oven and the time.", 0.0),
    ],
)
def test_an_excerpt_shows_a_share_of_its_message(shown, share):
    assert metrics.share_shown(MESSAGE, shown) == pytest.approx(share)


@pytest.mark.parametrize(
    ("part", "shown", "found"),
    [
        (None, " Otto: Feed it in the evening. … Then let it rest for two hours on a rack.", {"t1"}),
        (None, " Otto: Bake it for 22 minutes.", set()),
        ("for 22 minutes", " Otto: … Bake it\n   for 22 minutes.", {"t1"}),
        ("for 22 minutes", " Otto: Feed it in the evening. …", set()),
    ],
)
def test_an_excerpt_counts_by_its_share_or_by_the_part_that_answers(part, shown, found):
    question = Question("How long?", "late", frozenset({"t1"}), part)
    item = SimpleNamespace(text=MESSAGE, metadata={"gold": "t1"})
    assert metrics.strictly_shown(question, [item], shown) == found


def test_a_fact_counts_for_the_message_that_holds_its_words_or_for_its_pages():
    said = [
        SimpleNamespace(text=text, metadata={"gold": gold}) for text, gold in (("I bake.", 1), ("Good.", 2))
    ]
    pages = {"p": SimpleNamespace(messages=said)}
    drawn = [SimpleNamespace(text=text, source_page_ids=("p",)) for text in ("I bake.", "She likes baking.")]
    assert [metrics.drawn_from([fact], pages) for fact in drawn] == [{1}, {1, 2}]


def test_the_projects_own_sets_run_through_the_panel(config):
    found = {content: list(panel.scores_of(content, HashEmbedder(), config)) for content in sets.own()[:2]}
    assert [content.name for content in found] == ["demo", "demo_pt"]
    assert {len(scores) for scores in found.values()} == {4 * 40}
    summary = panel.summary(found)
    assert "English, library" in summary
    assert "worst distance of recall@10" in summary
    assert panel.as_json(found)["figures"]["demo: recall@10"] == panel.mean(
        next(iter(found.values())), "library", "recall@10"
    )


def test_late_details_lie_in_the_last_third_of_long_answers():
    [content] = [content for content in sets.own() if content.name == "long_answers"]
    texts = {turn.id: turn.text for talk in content.conversations for turn in talk.turns}
    questions = [asked for talk in content.conversations for asked in talk.questions]
    assert len(questions) >= 30
    for question in questions:
        [gold] = question.gold
        assert texts[gold].index(question.part) >= 2 / 3 * len(texts[gold])


def test_a_question_is_asked_on_days_of_their_own_and_never_answered():
    [talk] = sets.asked_again(SMALL, days=3).conversations
    again = [turn for turn in talk.turns if turn.text == "Where is the queen bee?"]
    assert len({turn.at.date() for turn in again}) == len({turn.session for turn in again}) == 3
    assert talk.asked_at > max(turn.at for turn in again)
    assert talk.questions[0].gold == {"t0", "t10"}


def test_locomos_own_file_is_read(tmp_path):
    said = [{"speaker": name, "dia_id": f"D1:{n}", "text": "Hi"} for n, name in enumerate(("Ann", "Bob"), 1)]
    talk = {"speaker_a": "Ann", "session_1_date_time": "1:56 pm on 8 May, 2023", "session_1": said}
    asked = [
        {"question": "When?", "answer": 2022, "evidence": ["D1:1; D01:2"], "category": 2},
        {"question": "Never?", "evidence": ["D1:1"], "category": 5},
        {"question": "Lost?", "answer": "no", "evidence": ["D9:9"], "category": 1},
    ]
    file = tmp_path / "locomo.json"
    file.write_text(json.dumps([{"sample_id": "c", "conversation": talk, "qa": asked}]), encoding="utf-8")
    [conversation] = sets.read_file(file).conversations
    assert [(turn.role, turn.name) for turn in conversation.turns] == [("user", "Ann"), ("assistant", "Bob")]
    [question] = conversation.questions
    assert (question.kind, question.gold, question.answer) == ("temporal", {"D1:1", "D1:2"}, "2022")


@pytest.mark.parametrize(
    ("reply", "answer", "kind", "score"),
    [
        ("The 7 May, 2023.", "7 may 2023", "temporal", 1.0),
        ("she paints pictures", "painting", "single-hop", 0.5),
        ("pottery, hiking", "hiking, camping", "multi-hop", 0.5),
        ("Yes", "Yes; she said so", "open-domain", 1.0),
        ("", "hiking", "single-hop", 0.0),
    ],
)
def test_answers_are_scored_by_the_formula_of_their_kind(reply, answer, kind, score):
    assert answers.f1(reply, answer, kind) == pytest.approx(score)


def test_a_short_reply_loses_by_its_brevity():
    assert answers.bleu1("hiking camping", "hiking camping") == 1.0
    assert answers.bleu1("hiking hiking", "hiking camping") == 0.5
    assert answers.bleu1("hiking", "hiking camping") == pytest.approx(0.3679, abs=1e-4)


def test_the_interval_of_a_difference_holds_its_mean():
    low, high = answers.interval([0.0, 0.1, 0.2] * 20)
    assert 0.05 < low < 0.1 < high < 0.15
    assert answers.interval([0.3] * 5) == pytest.approx((0.3, 0.3))


def test_a_model_is_asked_with_what_each_system_shows():
    question = Question("Where is the queen bee?", "single-hop", frozenset({"t0"}), answer="in the new hive")
    content = DataSet("small", "en", (Conversation("ann", BEES, (question,)),))
    server = OpenAIServer(default=lambda body: Reply("New hive" if "queen" in str(body["messages"]) else "?"))
    try:
        results = list(
            answers.asked(content, answers.Model(server.url, "any"), HashEmbedder(), 300, show=False)
        )
    finally:
        server.close()
    f1 = 2 * 2 / (2 + 3)
    assert [scores[0] for scores in results[0]] == pytest.approx([f1] * 4)
    assert "+0.000 (+0.000 to +0.000)" in answers.report(results)


def test_figures_of_two_commits_stand_side_by_side():
    lines = against.beside({"a": 0.5, "gone": 1.0}, {"a": 0.75, "new": 2000.0}, "11655d0").splitlines()[2:]
    assert [line.split() for line in lines] == [
        ["a", "0.500", "0.750", "+0.25"],
        ["new", "2000"],
        ["gone", "1.000"],
    ]


def test_a_path_that_is_no_set_is_named(tmp_path):
    (tmp_path / "other.json").write_text("{}")
    for path in (tmp_path / "other.json", tmp_path / "missing.json"):
        with pytest.raises(SystemExit, match=path.name):
            sets.read([path])
