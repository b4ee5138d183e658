"""What a notebook shows of stores, users and values: tables in which stored text is nothing but text."""

from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memoryos_integrations.types import FlushReport, Persona, Report

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "</pre></td></table><b>out</b>",
    '" onmouseover="alert(1)" \' &lt;b&gt; &amp;',
    "<style>*{display:none}</style>",
    "{0} {name} %s \\",
]
TAGS = {"div", "b", "table", "thead", "tbody", "tr", "th", "td", "pre", "details", "summary"}


class Reader(HTMLParser):
    """Collects the text of HTML, and the tags and attributes that it is dressed in."""

    def __init__(self) -> None:
        super().__init__()
        self.text, self.tags, self.attributes, self.open = "", set(), set(), []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def shown(value) -> str:
    """Return the text that a notebook shows, once it is clear that there is nothing but tables of it."""
    reader = Reader()
    reader.feed(value._repr_html_())
    reader.close()
    assert reader.tags <= TAGS
    assert reader.attributes <= {"style"}
    assert reader.open == []
    return reader.text


def remembered(user, text):
    """Let a text stand wherever a text of others can stand."""
    user.add_message(text, role="user", name="Ann", thread_id="talk", metadata={"note": text})
    user.add_message(text, role="assistant", thread_id="talk")
    user.remember(text)


def all_values(user, text):
    found = user.retrieve(text, k=5, kinds=("message", "segment", "fact"))
    page = user.pages()[0]
    return [
        found,
        found.items[0],
        user.context(text, max_tokens=4000),
        user.facts()[0],
        page,
        page.messages[0],
        user.persona(),
        Persona(1, {"name": text}, {text: [text, {"and": text}]}, (), None, text),
        Report(False, (text,), {text: 1}),
        FlushReport({}, {"job": text}, 0),
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_stored_text_is_shown_as_text_in_every_table(ada, text):
    remembered(ada, text)
    for value in all_values(ada, text):
        assert text in shown(value), type(value).__name__


@pytest.mark.parametrize("text", HOSTILE)
def test_the_summary_of_a_segment_is_shown_as_text(memory, ada, text):
    for number in range(9):
        ada.add(f"{text} and the bees, for the {number}th time.", "Lovely!")
    memory.flush()
    assert text.split()[0] in shown(ada.segments()[0])


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=200))
def test_no_text_breaks_out_of_its_table(ada, text):
    remembered(ada, text)
    for value in all_values(ada, text):
        shown(value)


@pytest.mark.parametrize("name", ["<b>ann</b>", "ann@example.com", "用户"])
def test_a_user_is_shown_as_what_each_tier_holds(memory, name):
    user = memory.user(name, agent_id="<i>otto</i>")
    assert "0 pages" in shown(user)
    for number in range(9):
        user.add(f"I have {number} beehives.", "Lovely!")
    user.remember("Ann keeps bees.")
    memory.flush()
    text = shown(user)
    assert text.startswith(f"Memory of {name} with <i>otto</i>")
    for told in ("7 pages", "2 pages in ", "1 fact; persona, version 0"):
        assert told in text


def test_showing_a_user_of_whom_nothing_is_stored_stores_nothing(memory):
    shown(memory.user("nobody"))
    assert memory.users() == []


def test_a_store_is_shown_as_its_counts(memory, ada):
    ada.add("I keep bees.", "Where?")
    memory.user("bob").add("I keep hens.", "Where?")
    memory.flush()
    assert "users2short-term pages2mid-term pages0" in shown(memory)
    assert str(memory.path) in shown(memory)


def test_what_was_found_says_how_and_where_from(ada):
    ada.add("I keep bees.", "Where?", thread_id="monday")
    text = shown(ada.retrieve("bees", k=1))
    assert text.startswith("1 memory for “bees”")
    for told in ("I keep bees.", "User\n1 January 2026 00:00\nshort-term · monday", "words 0."):
        assert told in text


def test_what_was_found_without_vectors_says_so(open_memory):
    user = open_memory(embedder="none").user("ada")
    user.add("I keep bees.", "Where?")
    assert "found by words only" in shown(user.retrieve("bees"))


def test_a_context_shows_its_text_what_it_cost_and_what_was_left_out(ada):
    for number in range(9):
        ada.add(f"I have {number} beehives on the roof.", f"Number {number}, lovely!")
    context = ada.context("beehives", max_tokens=120)
    text = shown(context)
    assert context.text in text
    assert f"{context.tokens} tokens, {len(context.items)} memories, {len(context.left_out)} left out" in text
    assert context.left_out[0].text in text


def test_a_receipt_says_what_was_forgotten_and_what_was_not_there(ada):
    page = ada.add("I keep bees.", "Where?")
    text = shown(ada.forget(ids=[page.id, "nothing"]))
    for told in ("Forgotten on 1 January 2026 00:00", "messages2", "pages1", "ids that were not there1"):
        assert told in text


def test_reports_say_whether_all_is_well(memory, ada):
    ada.add("I keep bees.", "Where?")
    assert shown(memory.flush()).startswith("Background work: done")
    assert shown(memory.verify()).startswith("Nothing is wrong")
    assert shown(FlushReport({}, {"7": "EmbedderUnavailableError"}, 3)).startswith("Background work: failed")


def test_a_long_text_and_a_long_list_are_cut(ada):
    for number in range(60):
        ada.add(f"{number} bees " + "buzz " * 300)
    text = shown(ada.retrieve("bees", k=60))
    assert "… and 10 more" in text
    assert text.count("buzz") < 50 * 150


def test_in_a_terminal_a_value_stays_what_it_was(ada):
    ada.add("I keep bees.", "Where?")
    assert repr(ada.retrieve("bees", k=1)).startswith("Retrieved(query='bees', items=(MemoryItem(id=")
