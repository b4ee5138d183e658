"""Which messages are there already: by what they say and in what order, since they have no ids."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from llamaindex_memoryos.messages import Stored, fields_of, restored, stored
from memoryos_integrations.types import Message

_NOT_SAID = {"history", "hidden"}  # fields that are about the conversation, not about what was said


def form_of(message: Message) -> Stored:
    """Return a stored message as ``stored`` gives it, whichever front end stored it."""
    fields = {name: value for name, value in fields_of(message).items() if name not in _NOT_SAID}
    return Stored(message.role, message.text, fields) if fields else stored(restored(message))


def align(wanted: Sequence[Stored], there: Sequence[Stored], start: int = 0) -> list[int | None]:
    """Return for each wanted message the place of the same one that is there, or ``None`` if it is new.

    Places rise. What both begin with is matched first, then the longest run that they have in common, then
    what is before and behind that.

    Args:
        wanted: messages in order.
        there: messages in order.
        start: the first place that may be chosen.
    """
    first, second = [_key(form) for form in wanted], [_key(form) for form in there[start:]]
    pairs = enumerate(zip(first, second, strict=False))
    same = next((place for place, (one, other) in pairs if one != other), min(len(first), len(second)))
    found: list[int | None] = [*range(start, start + same), *[None] * (len(first) - same)]
    # Most histories go on where they were, so little is left for a search that grows with the square.
    for run in SequenceMatcher(None, first[same:], second[same:], autojunk=False).get_matching_blocks():
        here, place = same + run.a, start + same + run.b
        found[here : here + run.size] = range(place, place + run.size)
    return found


def _key(form: Stored) -> tuple[str, ...]:
    return (form.role, form.text, str(form.fields.get("message")))
