"""Contents of an upstream store, checked and converted to the records that ``load`` reads."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from memoryos_integrations import checks
from memoryos_integrations.apps.importing.upstream_format import PROFILE, parse_upstream_time
from memoryos_integrations.clock import to_us
from memoryos_integrations.errors import InvalidInputError
from memoryos_integrations.runtime import export
from memoryos_integrations.storage import ids

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime, tzinfo
    from pathlib import Path

    from memoryos_integrations.types import About
    from memoryos_integrations.user_memory import UserMemory

_SOURCE = "import"
_FAILED = "Error: Could not get response from LLM."  # upstream stores this as an answer
_NOTHING = {"", "none", "none.", "- none", "- none."}


@dataclass(frozen=True, slots=True)
class UpstreamPage:
    """One exchange."""

    user: str
    assistant: str
    at: datetime
    page_id: str | None
    """Upstream's own id; short-term memory has none."""


@dataclass(frozen=True, slots=True)
class UpstreamFact:
    """One entry of knowledge, or the free text of a profile."""

    text: str
    about: About
    at: datetime
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UpstreamStore:
    """The contents of a store; pages and facts in order of time."""

    store_of: str
    """Upstream's id or file name for it."""
    pages: tuple[UpstreamPage, ...]
    facts: tuple[UpstreamFact, ...]
    left_out: Mapping[str, int]
    """Number of skipped entries by reason."""


class Reader:
    """Collects the pages and facts of a store.

    Args:
        zone: of its times, which name none; by default this machine's.
    """

    def __init__(self, zone: tzinfo | None) -> None:
        self._zone = zone
        self._pages: list[UpstreamPage] = []
        self._facts: dict[tuple[str, str], UpstreamFact] = {}
        self._seen: set[str] = set()
        self.left_out: Counter[str] = Counter()
        self.store_of = ""

    def store(self) -> UpstreamStore:
        """Return what was collected.

        Raises:
            InvalidInputError: the store is empty.
        """
        if not (self._pages or self._facts):
            raise InvalidInputError(f"upstream's store of {self.store_of!r} is empty")
        return UpstreamStore(
            store_of=self.store_of,
            pages=tuple(sorted(self._pages, key=lambda page: page.at)),
            facts=tuple(sorted(self._facts.values(), key=lambda fact: fact.at)),
            left_out={reason: count for reason, count in self.left_out.items() if count},
        )

    def part(self, file: Path | str, content: object, name: str, kind: type[Any]) -> Any:
        """Return a field of a file's object; an empty one if it is not there."""
        if not isinstance(content, dict):
            raise InvalidInputError(f"{file}: expected an object, not {type(content).__name__}")
        value = content.get(name)
        return kind() if value is None else _of_kind(f"{file}: {name}", value, kind)

    def add_sessions(self, file: Path, content: object, pages: str, *, field: str) -> None:
        """Take the pages of topic segments. Segments are not imported: pages are sorted into topics again."""
        for name, session in self.part(file, content, field, dict).items():
            where = f"{file}: session {name!r}"
            inside = self.part(where, session, pages, list)
            self.add_pages(where, inside)
            # The variant on Chroma loses some pages from its JSON; they are in its index only.
            page_count = session.get("page_count")
            if isinstance(page_count, int) and page_count > len(inside):
                self.left_out["pages that upstream's file no longer holds"] += page_count - len(inside)

    def add_pages(self, where: str, pages: object) -> None:
        """Take a list of exchanges. One without a time has that of the one before it."""
        before: datetime | None = None
        for number, given in enumerate(_of_kind(where, pages, list), start=1):
            place = f"{where}: page {number}"
            page = _of_kind(place, given, dict)
            user, assistant = (_text(f"{place}: {n}", page.get(n)) for n in ("user_input", "agent_response"))
            if assistant.strip() == _FAILED:
                self.left_out["answers that are upstream's own error text"] += 1
                assistant = ""
            before = self._time(f"{place}: timestamp", page.get("timestamp"), before)
            page_id = page.get("page_id")
            if not (user.strip() or assistant.strip()):
                self.left_out["pages without text"] += 1
            elif isinstance(page_id, str) and page_id in self._seen:
                self.left_out["pages that stood in two topics"] += 1
            else:
                self._pages.append(
                    UpstreamPage(user, assistant, before, page_id if isinstance(page_id, str) else None)
                )
                self._seen.update([page_id] if isinstance(page_id, str) else [])

    def add_knowledge(self, file: Path, content: object, name: str, about: About) -> None:
        """Take entries of knowledge; duplicates become one fact, valid from the earliest."""
        for number, given in enumerate(self.part(file, content, name, list), start=1):
            place = f"{file}: {name}: entry {number}"
            entry = _of_kind(place, given, dict)
            text = _text(f"{place}: knowledge", entry.get("knowledge")).strip()
            at = self._time(f"{place}: timestamp", entry.get("timestamp"), None)
            self._add_fact(UpstreamFact(text.removeprefix("- ").strip(), about, at))

    def add_profile(self, file: Path, content: object, user: str) -> None:
        """Take the free text of a profile as one imported fact, since its sources are unknown."""
        profiles = self.part(file, content, "user_profiles", dict)
        only = next(iter(profiles.values())) if len(profiles) == 1 else None
        profile = profiles.get(user, only)
        if profile is None:
            return
        where = f"{file}: user_profiles"
        data = _of_kind(where, profile, dict)
        updated = data.get("last_updated") or self._last_update(file, content)
        text = _text(where, _profile_text(data)).strip()
        newest = max((page.at for page in self._pages), default=None)
        if text.casefold() not in _NOTHING:
            at = self._time(f"{where}: last_updated", updated, newest)
            self._add_fact(UpstreamFact(text, "user", at, PROFILE))

    def _last_update(self, file: Path, content: object) -> object:
        return self.part(file, content, "update_times", dict).get("profile")

    def _add_fact(self, fact: UpstreamFact) -> None:
        if fact.text.casefold() in _NOTHING or fact.text == _FAILED:
            self.left_out["entries of knowledge that say nothing"] += 1
            return
        key = (fact.about, fact.text.casefold())
        earlier = self._facts.get(key)
        if earlier is not None:
            self.left_out["entries of knowledge that say what another says"] += 1
        if earlier is None or fact.at < earlier.at:
            self._facts[key] = fact

    def _time(self, where: str, value: object, before: datetime | None) -> datetime:
        if value in (None, "") and before is not None:
            return before
        return parse_upstream_time(where, value, self._zone)


def records(store: UpstreamStore, user: UserMemory, thread_id: str, now: datetime) -> Iterator[str]:
    """Yield a store as the lines of an export.

    Ids are derived from text and time, so a second import stores nothing twice, even if upstream moved a page
    to another tier.
    """
    yield json.dumps({"kind": "memoryos", "version": export.VERSION})
    scope = (user.user_id, user.agent_id)
    repeats: Counter[tuple[str, ...]] = Counter()
    for page in store.pages:
        content = (page.at.isoformat(), page.user, page.assistant)
        page_id = ids.id_from("upstream page", *scope, *content, str(repeats[content]))
        repeats[content] += 1
        yield from map(json.dumps, _page_records(page, page_id, thread_id))
    for fact in store.facts:
        yield json.dumps(
            {
                "kind": "fact",
                "id": ids.id_from("upstream fact", *scope, fact.about, fact.text.casefold()),
                "about": fact.about,
                "text": fact.text,
                "single": False,
                "valid_from": to_us(min(fact.at, now)),
                "source": _SOURCE,
                "method": _SOURCE,
                "metadata": json.dumps(dict(fact.metadata)),
            }
        )


def _page_records(page: UpstreamPage, page_id: str, thread_id: str) -> Iterator[dict[str, Any]]:
    at = to_us(page.at)
    metadata = json.dumps({"upstream": page.page_id} if page.page_id else {})
    yield {
        "kind": "page",
        "id": page_id,
        "thread_id": thread_id,
        "at": at,
        "tier": "short_term",
        "open": False,
        "metadata": metadata,
    }
    for role, text in (("user", page.user), ("assistant", page.assistant)):
        if text.strip():
            yield {
                "kind": "message",
                "id": ids.child_id(page_id, role),
                "page_id": page_id,
                "thread_id": thread_id,
                "role": role,
                "text": text,
                "at": at,
                "source": _SOURCE,
                "metadata": metadata,
            }


def _of_kind(where: str, value: object, kind: type[Any]) -> Any:
    if not isinstance(value, kind):
        selected = "an object" if kind is dict else "a list"
        raise InvalidInputError(f"{where}: expected {selected}, not {type(value).__name__}")
    return value


def _text(where: str, value: object) -> str:
    return "" if value is None else checks.text(where, value, empty=True)


def _profile_text(data: Mapping[str, Any]) -> object:
    """Return a profile as text: upstream's two variants keep it under two names, or as fields."""
    for name in ("data", "raw_text_profile"):
        if name in data:
            inside = data[name]
            return _profile_text(inside) if isinstance(inside, dict) else inside
    return "\n".join(f"{name}: {value}" for name, value in data.items() if name != "last_updated")
