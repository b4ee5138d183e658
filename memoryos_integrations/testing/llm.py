"""A chat model that answers from a script, and the contract that every chat model keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast

from pydantic import BaseModel

from memoryos_integrations.errors import LLMBadOutput, LLMUnavailable
from memoryos_integrations.protocols import LLM, Prompt

T = TypeVar("T")
Answer = Any
"""An instance of the schema, a mapping to make one of, an exception to raise, or a function of the prompt."""


class ScriptedLLM:
    """An ``LLM`` whose answers are chosen by ``Prompt.task``.

    Args:
        answers: for each task one answer for every call, or a list of answers used up one by one.

    Attributes:
        prompts: every prompt it was asked, in order.

    Example:
        >>> llm = ScriptedLLM({"respond": "Hello!"})
        >>> llm.reply(Prompt("respond", "Be kind.", "Hi", str))
        'Hello!'
    """

    def __init__(self, answers: Mapping[str, Answer | list[Answer]]) -> None:
        self._answers = {task: list(a) if isinstance(a, list) else a for task, a in answers.items()}
        self.prompts: list[Prompt[Any]] = []

    def reply(self, prompt: Prompt[T]) -> T:
        """Return the next answer to the prompt's task.

        Raises:
            LLMUnavailable: the script has no answer, or none left, for the task.
            LLMBadOutput: the scripted answer does not fit the prompt's schema.
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
    """Check that a chat model keeps the contract of ``LLM``.

    Args:
        make: returns the model under test, set up to answer each task of the mapping with its value.
        texts: free texts that it is made to answer.

    Raises:
        AssertionError: what it does is not what the protocol promises.
    """
    for text in texts:
        got = make({"free text": text}).reply(Prompt("free text", "Say it.", "Say it.", str))
        assert got == text, f"a free text came back as {got!r}, not {text!r}"
    wanted = _Reply(words=["a", "b"], count=2)
    got_model = make({"structured": wanted.model_dump()}).reply(
        Prompt("structured", "Count the words.", "a b {braces} stay", _Reply)
    )
    assert got_model == wanted, f"a structured reply came back as {got_model!r}, not {wanted!r}"
    try:
        make({"structured": {"words": "not a list"}}).reply(Prompt("structured", "Count.", "a", _Reply))
    except LLMBadOutput:
        return
    raise AssertionError("a reply that does not fit the schema must raise LLMBadOutput")


class _Reply(BaseModel):
    words: list[str]
    count: int


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
    raise LLMBadOutput(f"The scripted answer to {prompt.task!r} is no {schema.__name__}.")
