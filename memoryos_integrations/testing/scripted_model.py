"""A scripted chat model, and the contract check of chat models."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast

from pydantic import BaseModel

from memoryos_integrations.errors import LLMBadOutput, LLMError, LLMRefused, LLMUnavailable
from memoryos_integrations.model.replies import RawReply, answer_of
from memoryos_integrations.model.usage import metered
from memoryos_integrations.protocols import LLM, Prompt, StreamingLLM

T = TypeVar("T")
Answer = Any
"""An instance of the schema, a mapping of its fields, an exception to raise, or a function of the prompt."""


class ScriptedLLM:
    """An ``LLM`` with scripted answers per ``Prompt.task``.

    Args:
        answers: by task, one answer for every call, or a list that is used up one by one. If the prompt asks
            for an object, a text is parsed like a real model's reply.

    Attributes:
        prompts: every prompt received, in order.

    Example:
        >>> llm = ScriptedLLM({"respond": "Hello!"})
        >>> llm.reply(Prompt("respond", "Be kind.", "Hi", str))
        'Hello!'
    """

    def __init__(self, answers: Mapping[str, Answer | list[Answer]]) -> None:
        self._answers = {task: list(a) if isinstance(a, list) else a for task, a in answers.items()}
        self.prompts: list[Prompt[Any]] = []

    def reply(self, prompt: Prompt[T]) -> T:
        """Return the next answer for the prompt's task.

        Raises:
            LLMUnavailable: the script has no answer (left) for the task.
            LLMBadOutput: the scripted answer does not fit the prompt's schema.
            LLMRefused: it is an apology instead of an object.
        """
        self.prompts.append(prompt)
        if prompt.task not in self._answers:
            raise LLMUnavailable(f"The script has no answer to the task {prompt.task!r}.")
        answer = self._answers[prompt.task]
        if isinstance(answer, list):
            if not answer:
                raise LLMUnavailable(f"The script has no answer left to the task {prompt.task!r}.")
            answer = answer.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if callable(answer) and not isinstance(answer, type):
            answer = answer(prompt)
        return _fitted(prompt, answer)


def check_llm(
    make: Callable[[Mapping[str, object]], LLM], *, texts: Iterable[str] = ("Hello.", "你好。")
) -> None:
    """Check the contract of ``LLM``, and of ``StreamingLLM`` if the model has ``stream``.

    ``name`` and reported tokens are optional, but checked if present.

    Args:
        make: returns the model under test, set up to answer each task of the mapping with its value: a text,
            or a mapping for an object.
        texts: free texts to answer, without surrounding white space.

    Raises:
        AssertionError: the contract is broken; the message says how.
    """
    for text in texts:
        _check_text(lambda text=text: make({"free text": text}), text)  # type: ignore[misc]
    wanted = _Reply(words=["a", "b"], count=2)
    llm = make({"structured": wanted.model_dump()})
    with metered() as usage:
        got = llm.reply(_STRUCTURED)
    assert got == wanted, f"a structured reply was {got!r}, not {wanted!r}"
    assert usage.tokens_in >= 0 <= usage.tokens_out, f"{usage!r} was reported, which no call costs"
    name = getattr(llm, "name", "unnamed")
    assert isinstance(name, str), f"name is {name!r}, no text"
    assert name, "name is empty: leave it out, or name the model"
    for answer in ({"words": "not a list"}, {"words": ["a"], "count": "many"}, "Two words, I think."):
        failure = _failure_of(make({"structured": answer}))
        assert isinstance(failure, LLMBadOutput), f"{answer!r} raised {failure!r}, not LLMBadOutput"
    declined = _failure_of(make({"structured": "I'm sorry, but I can't help with that."}))
    refused = isinstance(declined, LLMRefused | LLMBadOutput)
    assert refused, f"an apology raised {declined!r}, not LLMRefused, or LLMBadOutput at least"


def _check_text(make: Callable[[], LLM], text: str) -> None:
    prompt = Prompt("free text", "Say it.", "Say it.", str)
    got = make().reply(prompt)
    assert got == text, f"a free text was {got!r}, not {text!r}"
    streaming = make()
    if isinstance(streaming, StreamingLLM):
        pieces = list(streaming.stream(prompt))
        assert "".join(pieces) == text, f"a free text was streamed as {pieces!r}, not {text!r}"


def _failure_of(llm: LLM) -> Exception | None:
    try:
        llm.reply(_STRUCTURED)
    except LLMError as failure:
        return failure
    return None


class _Reply(BaseModel):
    words: list[str]
    count: int


_STRUCTURED = Prompt("structured", "Count the words.", "a b {braces} stay", _Reply)


def _fitted(prompt: Prompt[T], answer: object) -> T:
    schema: type = prompt.schema
    if isinstance(answer, schema):
        return cast("T", answer)
    if issubclass(schema, BaseModel) and isinstance(answer, Mapping):
        try:
            return cast("T", schema.model_validate(dict(answer)))
        except ValueError as error:
            raise LLMBadOutput(
                f"The scripted answer to {prompt.task!r} does not fit {schema.__name__}."
            ) from error
    if issubclass(schema, BaseModel) and isinstance(answer, str):
        return answer_of(RawReply(answer), prompt)
    raise LLMBadOutput(f"The scripted answer to {prompt.task!r} is no {schema.__name__}.")
