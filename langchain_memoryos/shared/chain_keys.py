"""Find the user's message in a chain's inputs, its answer in the outputs, a prompt's memory variable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from langchain_core.prompts import BasePromptTemplate, MessagesPlaceholder
from langchain_core.runnables import Runnable, RunnableSequence

from memoryos_integrations.errors import InvalidInputError

_INPUT_KEYS = ("input", "question", "query", "human_input", "prompt", "messages")
_OUTPUT_KEYS = ("answer", "response", "text", "output", "result", "messages")
_MEMORY_KEYS = ("memory", "history", "context", "chat_history")


def select_input(
    inputs: Mapping[str, Any], key: str | None, memory_keys: Iterable[str] = ()
) -> tuple[str | None, Any]:
    """Return the key and the value of the user's message; ``None`` twice if there are no inputs.

    Args:
        inputs: the chain's inputs.
        key: the input key; by default a usual one that is present, or the only one.
        memory_keys: keys that the memory fills itself.

    Raises:
        InvalidInputError: there are several inputs, and none of them has a usual name.
    """
    others = [name for name in inputs if name not in (*memory_keys, "stop")]
    usual = [name for name in _INPUT_KEYS if name in others]
    if key is None and not others:
        return None, None
    if key is None and (usual or len(others) == 1):
        key = (usual or others)[0]
    if key is None or key not in inputs:
        names = ", ".join(map(str, others)) or "nothing"
        raise InvalidInputError(
            f"input_key: name the one of {names} that holds the user's message, as with input_key='input'"
        )
    return key, inputs[key]


def select_output(outputs: Mapping[str, Any], key: str | None) -> Any:
    """Return the answer of a chain's outputs.

    The model has been paid by now, so outputs without a usual name are no error: all texts are joined.

    Raises:
        InvalidInputError: there is no output of the given key.
    """
    if key is not None:
        if key not in outputs:
            names = ", ".join(map(str, outputs)) or "nothing"
            raise InvalidInputError(f"output_key: the chain returned {names}, not {key!r}")
        return outputs[key]
    usual = [name for name in _OUTPUT_KEYS if name in outputs]
    if usual or len(outputs) == 1:
        return outputs[(usual or list(outputs))[0]]
    return "\n".join(f"{name}: {value}" for name, value in outputs.items() if isinstance(value, str))


def prompt_variables(runnable: Runnable[Any, Any]) -> dict[str, bool] | None:
    """Return the variables of a runnable's first step, and whether each holds messages.

    ``None`` if the first step is no prompt.
    """
    first = runnable.first if isinstance(runnable, RunnableSequence) else runnable
    if not isinstance(first, BasePromptTemplate):
        return None
    parts = getattr(first, "messages", ())
    lists = {part.variable_name for part in parts if isinstance(part, MessagesPlaceholder)}
    return {name: name in lists for name in (*first.input_variables, *first.optional_variables)}


def select_memory_key(
    key: str | None, variables: Mapping[str, bool] | None, filled: Iterable[str] = ()
) -> str:
    """Return the variable that memories are put into.

    Args:
        key: the memory key; by default a usual one of the prompt, or the only one that the input leaves open.
        variables: the prompt's; see ``prompt_variables``.
        filled: variables that the input fills.

    Raises:
        InvalidInputError: the prompt has no such variable.
    """
    if variables is None:
        return key or _MEMORY_KEYS[0]
    taken = set(filled)
    free = [name for name in variables if name not in taken]
    usual = [name for name in _MEMORY_KEYS if name in free]
    if key is None and (usual or len(free) == 1):
        return (usual or free)[0]
    if key is None or key not in variables:
        name = key or _MEMORY_KEYS[0]
        raise InvalidInputError(
            f"memory_key: the prompt has no variable for memories: add ('system', '{{{name}}}')"
        )
    return key
