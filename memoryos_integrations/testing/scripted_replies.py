"""A fake chat model for the demo and for tests: valid replies, built from the text of the prompt.

Every five pages are one topic, facts come from a fixed list of phrases, and an answer is the memory that
shares most words with the question::

    memory = MemoryOS(path, llm=scripted_llm())

``python -m memoryos_integrations.testing.scripted_replies --port 8400`` serves it to any client of the OpenAI
API, and to ``memoryos demo --llm http://127.0.0.1:8400/v1``.
"""

from __future__ import annotations

import json
import re
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
_MESSAGE: Final = re.compile(r"^ ([^:]+): (.*)$")
_FACT: Final = re.compile(r"^ (f\d+), about the \w+, since [^:]+: (.*)$")
_SENTENCE: Final = re.compile(r"\S.*?[.!?]+(?=\s|$)")
_WORD: Final = re.compile(r"[^\W\d_]{4,}")
_MEMORY: Final = re.compile(r"^ [^:]{1,60}: (.*)$")
_DAY: Final = re.compile(r"^\[(\d+ \w+ \d{4})\]$")
_UNKNOWN: Final = "I do not know."


@dataclass(frozen=True, slots=True)
class ShownPage:
    """A page as shown in a prompt."""

    label: str
    day: str
    messages: list[tuple[str, str]] = field(default_factory=list)
    """Speaker and text."""

    @property
    def user_texts(self) -> list[str]:
        """The user's texts; without a speaker ``user``, the first speaker's."""
        texts = [text for speaker, text in self.messages if speaker.partition(" ")[0].lower() == "user"]
        return texts or [text for _, text in self.messages[:1]]


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase with the profile field or fact that it yields."""

    pattern: re.Pattern[str]
    """Its groups fill the braces below."""
    output: str
    """A field of the profile, or a statement."""
    value: str | None = None
    """The field's value; ``None`` for a statement."""
    supersedes: str | None = None
    """Text of listed facts that it supersedes."""


def _phrase(pattern: str, output: str, value: str | None = None, supersedes: str | None = None) -> Phrase:
    return Phrase(re.compile(pattern), output, value, supersedes)


PHRASES: Final = (
    _phrase(r"\b(?:[Mm]y name is|I'm|I am|[Ee]u sou o|[Cc]hamo-me) ([A-Z][a-z]+)\b", "name", "{}"),
    _phrase(r"\bI'm (\d\d)\b", "age", "{}"),
    _phrase(r"I live in ([A-Z]\w+)", "home", "{}"),
    _phrase(r"the address is (9 Weavers' Row, Skipton)", "home", "{}"),
    _phrase(r"I work as (an? [\w -]+?) (?:at|in)\b", "work", "{}"),
    _phrase(r"trabalho como ([\w -]+?) em\b", "work", "{}"),
    _phrase(r"I've got it! (Data officer), starting", "work", "{}"),
    _phrase(r"my partner ([A-Z]\w+)", "partner", "{}"),
    _phrase(r"my mother, ([A-Z]\w+)", "family", "mother {}"),
    _phrase(r"My brother ([A-Z]\w+)", "family", "brother {}"),
    _phrase(r"([A-Z]\w+) loses her mind over ducks\. She's our (whippet)", "pet", "{1} {0}"),
    _phrase(r"I'm allergic to (\w+) and", "allergy", "{}"),
    _phrase(r"I'm allergic to \w+ and (\w+)", "allergy", "{}"),
    _phrase(r"has talked me into (a half marathon on 18 May)", "Mara runs {} 2025."),
    _phrase(r"an evening course in (digital mapping)", "Mara takes an evening course in {}."),
    _phrase(r"aiming to complete on (27 June)", "Mara gets the keys of the house on {} 2025."),
    _phrase(
        r"completion date is Friday (18 July)",
        "Mara gets the keys of the house on {} 2025.",
        supersedes="keys of the house on 27 June",
    ),
    _phrase(r"catchment partnership on (15 October)", "Mara gives her talk on {} 2025."),
    _phrase(
        r"It's no longer 15 October but (5 November)",
        "Mara gives her talk on {} 2025.",
        supersedes="her talk on 15 October",
    ),
    _phrase(r"Tiago asked me to marry him", "Mara and Tiago are engaged."),
)
"""Phrases of the demo's conversation, and some common ones."""

TRAITS: Final = (
    (re.compile(r"I sing alto in a choir"), "interest in music"),
    (re.compile(r"I also ran eleven kilometres"), "interest in fitness"),
    (re.compile(r"I've just enrolled on an evening course"), "knowledge"),
    (re.compile(r"I have a system\. Thirty-four boxes with coloured tape"), "order"),
)
"""Phrases of the demo that show a high level of a trait."""


def topics_reply(material: str) -> dict[str, Any]:
    """Return a reply to a refinement prompt: each five pages are one topic and one chain."""
    shown = list(pages_in(material))
    groups = [shown[start : start + PAGES_A_TOPIC] for start in range(0, len(shown), PAGES_A_TOPIC)]
    topics = [
        {
            "pages": [page.label for page in group],
            "summary": f"On {group[0].day}: {' '.join(_first_sentence(page) for page in group)}",
            "keywords": _keywords(group),
        }
        for group in groups
    ]
    chains = [{"pages": topic["pages"], "summary": topic["summary"]} for topic in topics]
    return {"topics": [{"segment": None, **topic} for topic in topics], "chains": chains}


def learn_reply(material: str) -> dict[str, Any]:
    """Return a reply to a learning prompt: the facts and traits of known phrases, with quotes."""
    listed = {found[1]: found[2] for line in material.split("\n") if (found := _FACT.match(line))}
    reply: dict[str, list[dict[str, Any]]] = {"profile": [], "traits": [], "facts": []}
    for page in pages_in(material):
        for text in page.user_texts:
            for phrase in PHRASES:
                if found := phrase.pattern.search(text):
                    evidence = {"about": "user", "pages": [page.label], "quote": found[0]}
                    _add(reply, phrase, found, evidence, listed)
            for pattern, dimension in TRAITS:
                if found := pattern.search(text):
                    trait = {"dimension": dimension, "level": "high"}
                    reply["traits"].append({**trait, "pages": [page.label], "quote": found[0]})
    return reply


def _add(
    reply: dict[str, list[dict[str, Any]]],
    phrase: Phrase,
    found: re.Match[str],
    evidence: dict[str, Any],
    listed: Mapping[str, str],
) -> None:
    groups = [group or "" for group in found.groups()]
    if phrase.value is not None:
        reply["profile"].append({**evidence, "field": phrase.output, "value": phrase.value.format(*groups)})
        return
    old = [label for label, text in listed.items() if phrase.supersedes and phrase.supersedes in text]
    reply["facts"].append({**evidence, "statement": phrase.output.format(*groups), "supersedes": old})


def answer(material: str) -> str:
    """Return the memory that shares most words with the user's text."""
    memories, _, query = material.rpartition(NOW)
    wanted, best, most, day = _words(query), "", 0, ""
    for line in memories.split("\n"):
        if heading := _DAY.match(line):
            day = heading[1]
        found = _MEMORY.match(line)
        if found and (shared := len(wanted & _words(found[1]))) > most:
            best, most = f"On {day}: {found[1]}" if day else found[1], shared
    return best or _UNKNOWN


def pages_in(material: str) -> Iterator[ShownPage]:
    """Yield the pages of a prompt, in order."""
    page: ShownPage | None = None
    for line in material.split("\n"):
        if heading := _HEADING.match(line):
            if page is not None:
                yield page
            page = ShownPage(heading[1], heading[2])
        elif page is not None and (message := _MESSAGE.match(line)):
            page.messages.append((message[1], message[2].removesuffix(" …")))
    if page is not None:
        yield page


def scripted_llm() -> ScriptedLLM:
    """Return the model as an ``LLM``."""

    def to(reply: Callable[[str], Any]) -> Callable[[Prompt[Any]], Any]:
        return lambda prompt: reply(prompt.user)

    return ScriptedLLM({"refine": to(topics_reply), "learn": to(learn_reply), "respond": to(answer)})


def scripted_server(port: int = 0) -> OpenAIServer:
    """Return a server on 127.0.0.1 that serves the model by the OpenAI API; a context manager."""
    from memoryos_integrations.testing.openai_server import OpenAIServer, Reply
    from memoryos_integrations.tokens import default_counter

    count = default_counter()

    def to(reply: Callable[[str], Any]) -> Callable[[dict[str, Any]], Reply]:
        def answered(body: dict[str, Any]) -> Reply:
            texts = [str(message["content"]) for message in body["messages"]]
            content = reply(texts[-1])
            text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
            usage = (sum(map(count, texts)), count(text))
            return Reply(text, usage=usage) if isinstance(content, str) else Reply(json=content, usage=usage)

        return answered

    by_task = {"TopicsReply": to(topics_reply), "LessonsReply": to(learn_reply)}
    return OpenAIServer(default=to(answer), by_task=by_task, port=port)


def _first_sentence(page: ShownPage) -> str:
    text = " ".join(page.user_texts)
    found = _SENTENCE.search(text)
    return found[0].strip() if found else text


def _keywords(group: list[ShownPage]) -> list[str]:
    counted: dict[str, int] = {}
    for page in group:
        for word in _words(" ".join(page.user_texts)) - STOP_WORDS:
            counted[word] = counted.get(word, 0) + 1
    return sorted(counted, key=lambda word: (-counted[word], -len(word), word))[:5]


def _words(text: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(text)}


def serve(port: int = 0) -> None:
    """Print the URL and serve until interrupted."""
    from memoryos_integrations.testing.openai_server import serve_until_interrupted

    serve_until_interrupted(scripted_server(port))


if __name__ == "__main__":
    import typer

    typer.run(serve)
