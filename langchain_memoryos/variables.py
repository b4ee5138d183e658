"""Which input of a chain is the user's, which output the answer, which variable of a prompt the memory's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from langchain_core.prompts import BasePromptTemplate, MessagesPlaceholder
from langchain_core.runnables import Runnable, RunnableSequence

from memoryos_integrations.errors import InvalidInputError

_INPUTS = ("input", "question", "query", "human_input", "prompt", "messages")
_OUTPUTS = ("answer", "response", "text", "output", "result", "messages")
_MEMORIES = ("memory", "history", "context", "chat_history")


def question_in(
    inputs: Mapping[str, Any], key: str | None, own: Iterable[str] = ()
) -> tuple[str | None, Any]:
    """Return what the user said out of a chain's inputs, and under which name it stands.

    Args:
        inputs: the chain's.
        key: the name; by default the usual one that is there, or the only one.
        own: names that the memory itself fills.

    Returns:
        Name and value; ``None`` twice if there are no inputs.

    Raises:
        InvalidInputError: there are several inputs, and none of them has a usual name.
    """
    others = [name for name in inputs if name not in (*own, "stop")]
    usual = [name for name in _INPUTS if name in others]
    if key is None and not others:
        return None, None
    if key is None and (usual or len(others) == 1):
        key = (usual or others)[0]
    if key is None or key not in inputs:
        names = ", ".join(map(str, others)) or "nothing"
        raise InvalidInputError(f"input_key: say which of {names} the user said, as with input_key='input'")
    return key, inputs[key]


def answer_in(outputs: Mapping[str, Any], key: str | None) -> Any:
    """Return the answer out of a chain's outputs.

    It is paid for by now, so outputs without a usual name are no error: all that are texts count then.

    Raises:
        InvalidInputError: there is no output under the name that was given.
    """
    if key is not None:
        if key not in outputs:
            names = ", ".join(map(str, outputs)) or "nothing"
            raise InvalidInputError(f"output_key: the chain gave {names}, not {key!r}")
        return outputs[key]
    usual = [name for name in _OUTPUTS if name in outputs]
    if usual or len(outputs) == 1:
        return outputs[(usual or list(outputs))[0]]
    return "\n".join(f"{name}: {value}" for name, value in outputs.items() if isinstance(value, str))


def variables_of(runnable: Runnable[Any, Any]) -> dict[str, bool] | None:
    """Return the variables of the prompt in front, and whether each holds messages; ``None``: no prompt."""
    first = runnable.first if isinstance(runnable, RunnableSequence) else runnable
    if not isinstance(first, BasePromptTemplate):
        return None
    parts = getattr(first, "messages", ())
    lists = {part.variable_name for part in parts if isinstance(part, MessagesPlaceholder)}
    return {name: name in lists for name in (*first.input_variables, *first.optional_variables)}


def memory_variable(key: str | None, variables: Mapping[str, bool] | None, given: Iterable[str] = ()) -> str:
    """Return the variable for what is recalled.

    Args:
        key: its name; by default the usual one of the prompt, or the only one that the input does not fill.
        variables: the prompt's; see ``variables_of``.
        given: what the input fills.

    Raises:
        InvalidInputError: the prompt has no place for it.
    """
    if variables is None:
        return key or _MEMORIES[0]
    filled = set(given)
    free = [name for name in variables if name not in filled]
    usual = [name for name in _MEMORIES if name in free]
    if key is None and (usual or len(free) == 1):
        return (usual or free)[0]
    if key is None or key not in variables:
        name = key or _MEMORIES[0]
        raise InvalidInputError(
            f"memory_key: the prompt has no variable for what is recalled: add ('system', '{{{name}}}')"
        )
    return key
