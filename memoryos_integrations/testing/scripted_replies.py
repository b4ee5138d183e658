"""A chat model that costs nothing and understands nothing: valid replies, made of the words of the prompt.

It shows how things work, not how well: every five pages are one topic, facts are a few phrases that it knows
by sight, an answer is the memory that shares most words with the question. It serves the demo, and tests that
need replies of the right form::

    memory = MemoryOS(path, llm=scripted_llm())

``python -m memoryos_integrations.testing.scripted_replies --port 8400`` serves it to any client of the OpenAI
API, and to ``memoryos demo --llm http://127.0.0.1:8400/v1``.
"""

from __future__ import annotations

import json
import re
import signal
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from memoryos_integrations.language.text import STOP_WORDS
from memoryos_integrations.model.prompts.respond import NOW
from memoryos_integrations.testing.scripted_model import ScriptedLLM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from memoryos_integrations.protocols import Prompt
    from memoryos_integrations.testing.openai_server import OpenAIServer

PAGES_A_TOPIC: Final = 5
_HEADING: Final = re.compile(r"^(p\d+)\b[^,]*, (\d+ \w+ \d{4}) \d\d:\d\d$")
_SAID: Final = re.compile(r"^ ([^:]+): (.*)$")
_FACT: Final = re.compile(r"^ (f\d+), about the \w+, since [^:]+: (.*)$")
_SENTENCE: Final = re.compile(r"\S.*?[.!?]+(?=\s|$)")
_WORD: Final = re.compile(r"[^\W\d_]{4,}")
_MEMORY: Final = re.compile(r"^ [^:]{1,60}: (.*)$")
_DAY: Final = re.compile(r"^\[(\d+ \w+ \d{4})\]$")
_UNKNOWN: Final = "I do not know."


@dataclass(frozen=True, slots=True)
class ShownPage:
    """A page as a prompt shows it."""

    label: str
    day: str
    said: list[tuple[str, str]] = field(default_factory=list)
    """Speaker and words."""

    @property
    def own_words(self) -> list[str]:
        """What the user said: what stands under ``user``, else the first speaker's words."""
        roles = [text for speaker, text in self.said if speaker.partition(" ")[0].lower() == "user"]
        return roles or [text for _, text in self.said[:1]]


@dataclass(frozen=True, slots=True)
class FactLookup:
    """A phrase that is known by sight, and what follows from it."""

    phrase: re.Pattern[str]
    """Its groups fill the braces below."""
    says: str
    """A field of the profile, or a statement."""
    value: str | None = None
    """The field's value; ``None`` for a statement."""
    instead_of: str | None = None
    """What a listed fact says that holds no more because of it."""


def _known(phrase: str, says: str, value: str | None = None, instead_of: str | None = None) -> FactLookup:
    return FactLookup(re.compile(phrase), says, value, instead_of)


KNOWN: Final = (
    _known(r"\b(?:[Mm]y name is|I'm|I am|[Ee]u sou o|[Cc]hamo-me) ([A-Z][a-z]+)\b", "name", "{}"),
    _known(r"\bI'm (\d\d)\b", "age", "{}"),
    _known(r"I live in ([A-Z]\w+)", "home", "{}"),
    _known(r"the address is (9 Weavers' Row, Skipton)", "home", "{}"),
    _known(r"I work as (an? [\w -]+?) (?:at|in)\b", "work", "{}"),
    _known(r"trabalho como ([\w -]+?) em\b", "work", "{}"),
    _known(r"I've got it! (Data officer), starting", "work", "{}"),
    _known(r"my partner ([A-Z]\w+)", "partner", "{}"),
    _known(r"my mother, ([A-Z]\w+)", "family", "mother {}"),
    _known(r"My brother ([A-Z]\w+)", "family", "brother {}"),
    _known(r"([A-Z]\w+) loses her mind over ducks\. She's our (whippet)", "pet", "{1} {0}"),
    _known(r"I'm allergic to (\w+) and", "allergy", "{}"),
    _known(r"I'm allergic to \w+ and (\w+)", "allergy", "{}"),
    _known(r"has talked me into (a half marathon on 18 May)", "Mara runs {} 2025."),
    _known(r"an evening course in (digital mapping)", "Mara takes an evening course in {}."),
    _known(r"aiming to complete on (27 June)", "Mara gets the keys of the house on {} 2025."),
    _known(
        r"completion date is Friday (18 July)",
        "Mara gets the keys of the house on {} 2025.",
        instead_of="keys of the house on 27 June",
    ),
    _known(r"catchment partnership on (15 October)", "Mara gives her talk on {} 2025."),
    _known(
        r"It's no longer 15 October but (5 November)",
        "Mara gives her talk on {} 2025.",
        instead_of="her talk on 15 October",
    ),
    _known(r"Tiago asked me to marry him", "Mara and Tiago are engaged."),
)
"""Phrases of the demo's conversation, and the commonest of others."""

TRAITS: Final = (
    (re.compile(r"I sing alto in a choir"), "interest in music"),
    (re.compile(r"I also ran eleven kilometres"), "interest in fitness"),
    (re.compile(r"I've just enrolled on an evening course"), "knowledge"),
    (re.compile(r"I have a system\. Thirty-four boxes with coloured tape"), "order"),
)
"""Phrases of it that show a trait, each a high level of it."""


def topics(material: str) -> dict[str, Any]:
    """Return a reply to the question of refinement: five pages a topic, in their order, each one chain."""
    shown = list(pages_in(material))
    groups = [shown[start : start + PAGES_A_TOPIC] for start in range(0, len(shown), PAGES_A_TOPIC)]
    told = [
        {
            "pages": [page.label for page in group],
            "summary": f"On {group[0].day}: {' '.join(_first_sentence(page) for page in group)}",
            "keywords": _keywords(group),
        }
        for group in groups
    ]
    chains = [{"pages": topic["pages"], "summary": topic["summary"]} for topic in told]
    return {"topics": [{"segment": None, **topic} for topic in told], "chains": chains}


def new_facts(material: str) -> dict[str, Any]:
    """Return a reply to the question of learning: what phrases known by sight say, each with its quote."""
    listed = {found[1]: found[2] for line in material.split("\n") if (found := _FACT.match(line))}
    reply: dict[str, list[dict[str, Any]]] = {"profile": [], "traits": [], "facts": []}
    for page in pages_in(material):
        for words in page.own_words:
            for known in KNOWN:
                if found := known.phrase.search(words):
                    evidence = {"about": "user", "pages": [page.label], "quote": found[0]}
                    _take(reply, known, found, evidence, listed)
            for phrase, dimension in TRAITS:
                if found := phrase.search(words):
                    trait = {"dimension": dimension, "level": "high"}
                    reply["traits"].append({**trait, "pages": [page.label], "quote": found[0]})
    return reply


def _take(
    reply: dict[str, list[dict[str, Any]]],
    known: FactLookup,
    found: re.Match[str],
    evidence: dict[str, Any],
    listed: Mapping[str, str],
) -> None:
    groups = [group or "" for group in found.groups()]
    if known.value is not None:
        reply["profile"].append({**evidence, "field": known.says, "value": known.value.format(*groups)})
        return
    gone = [label for label, text in listed.items() if known.instead_of and known.instead_of in text]
    reply["facts"].append({**evidence, "statement": known.says.format(*groups), "supersedes": gone})


def answer(material: str) -> str:
    """Return a reply to a user: the memory that shares most words with what they said."""
    memories, _, query = material.rpartition(NOW)
    asked, best, most, day = _words(query), "", 0, ""
    for line in memories.split("\n"):
        if heading := _DAY.match(line):
            day = heading[1]
        found = _MEMORY.match(line)
        if found and (shared := len(asked & _words(found[1]))) > most:
            best, most = f"On {day}: {found[1]}" if day else found[1], shared
    return best or _UNKNOWN


def pages_in(material: str) -> Iterator[ShownPage]:
    """Yield the pages that a prompt shows, in order."""
    page: ShownPage | None = None
    for line in material.split("\n"):
        if heading := _HEADING.match(line):
            if page is not None:
                yield page
            page = ShownPage(heading[1], heading[2])
        elif page is not None and (said := _SAID.match(line)):
            page.said.append((said[1], said[2].removesuffix(" …")))
    if page is not None:
        yield page


def scripted_llm() -> ScriptedLLM:
    """Return the model as an ``LLM``: the same replies, without a server."""

    def to(reply: Callable[[str], Any]) -> Callable[[Prompt[Any]], Any]:
        return lambda prompt: reply(prompt.user)

    return ScriptedLLM({"refine": to(topics), "learn": to(new_facts), "respond": to(answer)})


def scripted_server(port: int = 0) -> OpenAIServer:
    """Return the model behind a server on 127.0.0.1 that speaks the OpenAI API; a context manager."""
    from memoryos_integrations.testing.openai_server import OpenAIServer, Reply
    from memoryos_integrations.tokens import default_counter

    count = default_counter()

    def to(reply: Callable[[str], Any]) -> Callable[[dict[str, Any]], Reply]:
        def answered(body: dict[str, Any]) -> Reply:
            texts = [str(message["content"]) for message in body["messages"]]
            made = reply(texts[-1])
            said = made if isinstance(made, str) else json.dumps(made, ensure_ascii=False)
            usage = (sum(map(count, texts)), count(said))
            return Reply(made, usage=usage) if isinstance(made, str) else Reply(json=made, usage=usage)

        return answered

    by_task = {"TopicsReply": to(topics), "LearnReply": to(new_facts)}
    return OpenAIServer(default=to(answer), by_task=by_task, port=port)


def _first_sentence(page: ShownPage) -> str:
    words = " ".join(page.own_words)
    found = _SENTENCE.search(words)
    return found[0].strip() if found else words


def _keywords(group: list[ShownPage]) -> list[str]:
    counted: dict[str, int] = {}
    for page in group:
        for word in _words(" ".join(page.own_words)) - STOP_WORDS:
            counted[word] = counted.get(word, 0) + 1
    return sorted(counted, key=lambda word: (-counted[word], -len(word), word))[:5]


def _words(text: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(text)}


def serve(port: int = 0) -> None:
    """Print the address and answer until interrupted."""
    import typer

    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    with scripted_server(port) as server:
        typer.echo(server.url)
        stopped.wait()


if __name__ == "__main__":
    import typer

    typer.run(serve)
