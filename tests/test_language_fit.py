"""A store whose embedder reads English only says so, once, when its messages are in other languages."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from memoryos_integrations.embedders.language_fit import is_english
from memoryos_integrations.testing import HashEmbedder

if TYPE_CHECKING:
    from conftest import OpenMemory

ENGLISH = "I sold {} jars of honey on Saturday, which is more than I thought."
PORTUGUESE = "Vendi {} frascos de mel no sábado, mais do que eu pensava."


def turns(open_memory: OpenMemory, *texts: str, name: str = "all-MiniLM-L6-v2") -> None:
    """Store texts as the user's side of turns, half of them in a second go, in a store with an embedder."""
    memory = open_memory(embedder=HashEmbedder(384, name=name))
    half = len(texts) // 2
    for part in (texts[:half], texts[half:]):
        for number, text in enumerate(part):
            memory.user("ada").add(text.format(number), "")
        memory.flush()
    memory.close()


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_after_twenty_portuguese_messages_one_line_names_the_extra_and_reindex(
    open_memory: OpenMemory, caplog: pytest.LogCaptureFixture
) -> None:
    turns(open_memory, *[PORTUGUESE] * 60)
    (line,) = warnings(caplog)
    assert "memoryos-integrations[multilingual]" in line
    assert "memoryos reindex" in line
    assert "mel" not in line


def test_a_store_that_is_opened_again_says_it_again(
    open_memory: OpenMemory, caplog: pytest.LogCaptureFixture
) -> None:
    turns(open_memory, *[PORTUGUESE] * 20)
    turns(open_memory, *[PORTUGUESE] * 20)
    assert len(warnings(caplog)) == 2


@pytest.mark.parametrize(
    ("texts", "name"),
    [
        ([ENGLISH] * 60, "all-MiniLM-L6-v2"),
        ([*[PORTUGUESE] * 10, *[ENGLISH] * 250, *[PORTUGUESE] * 10], "all-MiniLM-L6-v2"),
        ([PORTUGUESE] * 60, "reads-all"),
    ],
)
def test_nothing_is_said_of_english_of_a_few_messages_or_of_another_embedder(
    open_memory: OpenMemory, caplog: pytest.LogCaptureFixture, texts: list[str], name: str
) -> None:
    turns(open_memory, *texts, name=name)
    assert warnings(caplog) == []


@pytest.mark.parametrize(
    "text",
    [
        "Tenho duas colmeias no telhado e a minha irmã mora ao lado.",
        "Mañana viajo a Oslo con mi hermana porque se casa una amiga.",
        "J'habite à Lyon avec ma sœur et je travaille dans une clinique.",
        "Ich habe zwei Bienenstöcke auf dem Dach und meine Schwester wohnt nebenan.",
        "Ho due alveari sul tetto e mia sorella abita qui vicino.",
        "Ik heb twee bijenkasten op het dak en mijn zus woont in de buurt.",
        "Mam dwa ule na dachu i moja siostra mieszka niedaleko, ale nie lubi miodu.",
        "Çatıda iki kovanım var ve kız kardeşim çok yakın oturuyor ama bal sevmiyor.",
        "У меня два улья на крыше.",
        "我在屋顶上养了两箱蜜蜂。",
        "屋上で蜜蜂を二箱飼っています。",
        "저는 지붕에서 벌을 키워요.",
        "أربي النحل على السطح.",
        "ผมเลี้ยงผึ้งบนหลังคา",
    ],
)
def test_other_languages_are_told_from_english(text: str) -> None:
    assert not is_english(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "👍🏽🎉 12:30",
        "I keep bees on the roof.",
        "Lunch at Café Zoë in São Paulo with Señor de la Cruz",
        "eggs, milk, bread, butter",
        "def double(x): return 2 * x if x else None",
        "https://example.com/page?q=1",
    ],
)
def test_what_can_be_english_counts_as_english(text: str) -> None:
    assert is_english(text)
