"""What notebooks, IPython and rich show of stores, users and values: tables of text, and nothing live."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from io import StringIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from memoryos_integrations.types import FlushReport, Persona, Report

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "</pre></td></table><b>out</b>",
    '" onmouseover="alert(1)" \' &lt;b&gt; &amp;',
    "[red]hot[/red] [link=https://x.test]here[/link] :smile:",
    "{0} {name} {code} %s \\",
]
STEERING = "\x1b]8;;https://x.test\x07bees\x1b[31m \x9b2J\u202eevil\u2066\u2028"


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


def bundle(value) -> dict[str, str]:
    return value._repr_mimebundle_(include=None, exclude=None)


def shown(value) -> str:
    """Return the text that a notebook shows, once it is clear that it holds nothing but styled text."""
    reader = Reader()
    reader.feed(bundle(value)["text/html"])
    reader.close()
    assert reader.tags <= {"pre", "span"}
    assert reader.attributes <= {"style"}
    assert reader.open == []
    assert squeezed(reader.text) == squeezed(bundle(value)["text/plain"])
    return " ".join(reader.text.split())


def squeezed(text: str) -> str:
    return "".join(text.split())


def on_terminal(value) -> str:
    """Return what rich writes of a value to a terminal that has no colours."""
    out = Console(file=StringIO(), width=100, force_terminal=True, color_system=None)
    out.print(value)
    return out.file.getvalue()


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
        found[0],
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
def test_stored_text_is_shown_as_text_of_every_value(ada, text):
    remembered(ada, text)
    for value in all_values(ada, text):
        assert squeezed(text) in squeezed(shown(value)), type(value).__name__
        assert squeezed(text) in squeezed(on_terminal(value)), type(value).__name__


def test_no_text_steers_a_terminal_or_turns_the_direction_of_writing(ada):
    remembered(ada, STEERING)
    for value in [*all_values(ada, STEERING), ada]:
        for screen in (*bundle(value).values(), on_terminal(value)):
            assert not set(screen) & set("\x1b\x07\x9b\u202e\u2066\u2028"), type(value).__name__
    assert "\ufffd[31m" in shown(ada.facts()[0])


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=200))
def test_no_text_breaks_out_of_its_table(ada, text):
    remembered(ada, text)
    for value in all_values(ada, text):
        shown(value)


@pytest.mark.parametrize("name", ["<b>ann</b>", "ann@example.com", "用户"])
def test_a_user_is_shown_as_what_each_tier_holds(memory, name):
    user = memory.user(name, agent_id="<i>otto</i>")
    assert "pages: 0" in shown(user)
    for number in range(9):
        user.add(f"I have {number} beehives.", "Lovely!")
    user.remember("Ann keeps bees.")
    memory.flush()
    text = shown(user)
    assert name in text
    assert "<i>otto</i>" in text
    for part in ("short term pages: 7", "mid term pages: 2", "facts: 1 persona version: 0"):
        assert part in text


def test_showing_a_user_of_whom_nothing_is_stored_stores_nothing(memory):
    shown(memory.user("nobody"))
    assert memory.users() == []


def test_a_store_is_shown_as_its_counts(memory, ada):
    ada.add("I keep bees.", "Where?")
    memory.user("bob").add("I keep hens.", "Where?")
    memory.flush()
    assert "users 2" in shown(memory)
    assert "short_term: 2" in shown(memory)
    assert squeezed(str(memory.path)) in squeezed(shown(memory))


def test_what_was_found_says_how_and_where_from(ada):
    ada.add("I keep bees.", "Where?", thread_id="monday")
    text = shown(ada.retrieve("bees", k=1))
    parts = ("query bees", "I keep bees.", "user, 2026-01-01 00:00, message, short_term, monday", "words: 0.")
    assert all(part in text for part in parts)


def test_the_best_of_what_was_found_has_the_longest_bar(ada):
    for text in ("I keep bees on the roof.", "I went to the roof.", "The weather is fine."):
        ada.add(text, "")
    bars = [len(bar) for bar in re.findall("━+", shown(ada.retrieve("bees on the roof", k=3)))]
    assert bars == sorted(bars, reverse=True)
    assert bars[0] == 10


def test_a_topic_shows_its_summary_its_words_and_its_heat(memory, ada):
    for number in range(9):
        ada.add(f"The viola needs a new string, number {number}.", "Lovely!")
    memory.flush()
    topic = ada.segments()[0]
    text = shown(topic)
    assert squeezed(topic.summary) in squeezed(text)
    assert squeezed(", ".join(topic.keywords)) in squeezed(text)
    assert f"heat {topic.heat:.2f}" in text


def test_a_context_shows_its_text_what_it_cost_and_what_was_left_out(ada):
    for number in range(9):
        ada.add(f"I have {number} beehives on the roof.", f"Number {number}, lovely!")
    context = ada.context("beehives", max_tokens=120)
    text = shown(context)
    assert squeezed(context.text) in squeezed(text)
    assert f"tokens {context.tokens}" in text
    assert context.left_out[0].text in text.partition("left out")[2]


def test_a_receipt_says_what_was_forgotten_and_what_was_not_there(ada):
    page = ada.add("I keep bees.", "Where?")
    text = shown(ada.forget(ids=[page.id, "nothing"]))
    for part in ("at 2026-01-01 00:00", "message ids 2", "page ids 1", "missing ids 1"):
        assert part in text


def test_reports_say_whether_all_is_well(memory, ada):
    ada.add("I keep bees.", "Where?")
    assert "parked none" in shown(memory.flush())
    assert "ok True problems none" in shown(memory.verify())
    assert "EmbedderUnavailableError" in shown(FlushReport({}, {"7": "EmbedderUnavailableError"}, 3))


def test_a_long_text_and_a_long_list_are_cut(ada):
    for number in range(30):
        ada.add(f"{number} bees " + "buzz " * 300)
    text = shown(ada.retrieve("bees", k=30))
    assert "the first 20; 10 more" in text
    assert text.count("buzz") < 20 * 100


def test_a_value_keeps_its_representation(ada):
    ada.add("I keep bees.", "Where?")
    assert repr(ada.retrieve("bees", k=1)).startswith("Retrieved(query='bees', items=(MemoryItem(id=")


@pytest.mark.programs
def test_nothing_is_imported_for_showing_before_something_is_shown():
    code = (
        "import sys\nfrom memoryos_integrations import Context, MemoryOS, UserMemory\n"
        "from memoryos_integrations.types import Report\n"
        "report = Report(True, (), {})\nassert not {'rich', 'IPython'} & set(sys.modules)\n"
        "report._repr_mimebundle_()\nassert 'rich' in sys.modules and 'IPython' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
