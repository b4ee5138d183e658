"""Every implemented clause is tested, and every test cites an existing clause."""

from __future__ import annotations

import re
from pathlib import Path

from tests.paper.requirements import REQUIREMENTS

ROOT = Path(__file__).parents[2]
_CITED = re.compile(r"mark\.requirement\(\s*\"([A-Z]+-\d+)\"")


def _cited() -> set[str]:
    return {
        clause for file in (ROOT / "tests").rglob("test_*.py") for clause in _CITED.findall(file.read_text())
    }


def test_every_clause_that_is_done_is_cited_by_a_test() -> None:
    done = {requirement.id for requirement in REQUIREMENTS if not requirement.later}

    assert done - _cited() == set()


def test_no_test_cites_a_clause_that_is_unknown_or_not_done_yet() -> None:
    done = {requirement.id for requirement in REQUIREMENTS if not requirement.later}

    assert _cited() - done == set()


def test_clauses_have_ids_of_their_own() -> None:
    ids = [requirement.id for requirement in REQUIREMENTS]

    assert len(ids) == len(set(ids))


def test_the_page_for_readers_tells_every_clause_in_the_same_words() -> None:
    page = (ROOT / "docs" / "paper.md").read_text(encoding="utf-8")

    for requirement in REQUIREMENTS:
        for words in (requirement.id, requirement.clause, requirement.ours, requirement.divergence):
            assert words.replace("|", "\\|") in page, f"docs/paper.md lacks, of {requirement.id}: {words}"
