"""Programs that share one store with the test and with each other."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from memoryos_integrations import MemoryOS
from memoryos_integrations.testing import HashEmbedder
from programs.embedders import RecordingEmbedder

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


def add_turns(channel: Connection, folder: Path, name: str, turns: int) -> None:
    """Add turns when told to, with a flush now and then; say how it went and close when told to."""
    with MemoryOS(folder, embedder=HashEmbedder(64)) as memory:
        ada = memory.user("ada")
        channel.send("open")
        channel.recv()
        for number in range(turns):
            ada.add(f"{name}{number}x", "Noted.", thread_id=name, event_id=f"{name}-{number}")
            if number % 50 == 49:
                memory.flush()
        channel.send("added")
        channel.recv()
    channel.send("closed")


def read_along(channel: Connection, folder: Path) -> None:
    """Read until told to stop; say how often, and what was wrong with what was read."""
    wrong: list[str] = []
    seen, reads = 0, 0
    with MemoryOS(folder, embedder=HashEmbedder(64)) as memory:
        ada = memory.user("ada")
        channel.send("open")
        while not channel.poll() or reads < 3:
            pages = ada.pages()
            reads += 1
            if len(pages) < seen:
                wrong.append(f"{seen} pages became {len(pages)}")
            seen = len(pages)
            wrong += [page.id for page in pages if len(page.messages) != 2]
            wrong += [f"{page} twice" for page, times in Counter(p.id for p in pages).items() if times > 1]
            if pages:
                word = pages[-1].messages[0].text
                found = ada.retrieve(word, k=1).items
                if not found or found[0].text != word:
                    wrong.append(f"{word} is stored and not found")
    channel.send((reads, wrong))


def own(channel: Connection, folder: Path) -> None:
    """Do the store's work for as long as this process lives."""
    memory = MemoryOS(folder, embedder=HashEmbedder(64))
    memory.user("ada").add("from the owner")
    memory.flush()
    channel.send(memory.stats()["owner"])
    channel.recv()


def embed_and_hand_over(channel: Connection, folder: Path, record: Path, name: str) -> None:
    """Add turns and embed what there is to embed, then close, all when told to."""
    with MemoryOS(folder, embedder=RecordingEmbedder(record)) as memory:
        channel.send("open")
        channel.recv()
        for number in range(40):
            memory.user("ada").add(f"{name}{number}x")
        memory.flush()
        channel.send("added")
        channel.recv()
        memory.flush()
    channel.send("closed")


def find_when_told(channel: Connection, folder: Path, question: str) -> None:
    """Open, then ask whenever told to; say the texts that were found."""
    with MemoryOS(folder, embedder=HashEmbedder(64)) as memory:
        memory.user("ada").retrieve(question)
        channel.send("open")
        while channel.recv() == "ask":
            channel.send([item.text for item in memory.user("ada").retrieve(question, k=3).items])
