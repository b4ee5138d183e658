"""The figures of retrieval do not fall: evidence recall on every set that is at hand.

Most sets are under licences of their own and no part of this project: ``MEMORYOS_PANEL`` names their file
or folder. Deselected by default, since a run takes minutes; ``make check-figures`` runs it.
"""

import os
from functools import cache
from pathlib import Path

import pytest

from benchmarks import panel, sets
from benchmarks.baselines import token_counter
from memoryos_integrations import MemoryConfig

DATA = Path(os.environ.get("MEMORYOS_PANEL", Path(__file__).parents[2] / "shared" / "data" / "panel"))
LEAST = {
    "demo": {"recall@10": 0.752, "within 1000": 0.919},
    "demo_pt": {"recall@10": 0.482, "within 1000": 0.607},
    "memorybank_en": {"recall@10": 0.966, "within 1000": 0.990},
    "prefeval_dev": {"recall@10": 0.948, "within 1000": 0.986},
    "locomo_dev": {"recall@10": 0.789, "within 1000": 0.856},
}
"""A hundredth below what was measured."""

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1800)]


@cache
def embedder():
    return panel.embedder_named("default")


@cache
def measured(name: str) -> list[panel.Score]:
    """The scores of a set."""
    content = next(
        (content for content in sets.read([DATA] if DATA.exists() else []) if content.name == name), None
    )
    if content is None:
        pytest.skip(f"the set {name} is not at hand in {DATA}: MEMORYOS_PANEL says where it is")
    return list(panel.scores_of(content, embedder(), MemoryConfig(token_counter=token_counter())))


@pytest.mark.parametrize("name", LEAST)
def test_a_retrieval_brings_back_the_evidence(name):
    found = {measure: panel.mean(measured(name), panel.OURS, measure) for measure in LEAST[name]}
    assert {measure: found[measure] >= least for measure, least in LEAST[name].items()} == dict.fromkeys(
        found, True
    ), found
