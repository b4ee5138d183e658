"""The resources and the prompt: memories as text for a model, which stored text cannot break out of."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from mcp import Client, MCPError

from mcp_server.parts import HOSTILE, connected
from memoryos_integrations import MemoryConfig
from memoryos_integrations.language.quoting import INTRODUCTION

OURS = re.compile(r"\[(profile|facts|\d{1,2} \w+ \d{4})\]")


async def read(client: Client, uri: str) -> str:
    contents = (await client.read_resource(uri)).contents
    assert [content.mime_type for content in contents] == ["text/plain"]
    return contents[0].text


async def ask(client: Client, question: str) -> str:
    messages = (await client.get_prompt("with_memories", {"question": question})).messages
    assert [message.role for message in messages] == ["user"]
    return messages[0].content.text


def quoted(block: str) -> list[str]:
    """Return the lines of a block that is fenced as it should be: ours, and indented ones."""
    introduction, opening, *lines, closing = block.split("\n")
    assert introduction == INTRODUCTION
    assert opening == f"{closing}memory"
    assert set(closing) == {"`"}
    for line in lines:
        assert line.startswith(" ") or OURS.fullmatch(line), line
        assert closing not in line
    return lines


async def test_resources_and_prompt_are_listed_with_what_they_are(ada):
    async with connected(ada) as client:
        resources = (await client.list_resources()).resources
        prompts = (await client.list_prompts()).prompts
    assert {resource.uri for resource in resources} == {"memory://profile", "memory://recent"}
    assert [prompt.name for prompt in prompts] == ["with_memories"]
    assert all(shown.description and shown.title for shown in (*resources, *prompts))


async def test_of_a_new_user_nothing_is_remembered_and_a_question_stays_alone(ada):
    async with connected(ada) as client:
        assert await read(client, "memory://profile") == "Nothing is remembered yet."
        assert await read(client, "memory://recent") == "Nothing is remembered yet."
        assert await ask(client, "Who am I?") == "Who am I?"


async def test_recent_shows_the_newest_turns_of_all_conversations_in_order(ada):
    for number in range(25):
        at = datetime(2026, 4, 1 + number, tzinfo=UTC)
        ada.add(f"Question {number}", f"Answer {number}", thread_id=f"thread {number % 2}", at=at)
    async with connected(ada) as client:
        lines = quoted(await read(client, "memory://recent"))
    assert lines[:3] == ["[6 April 2026]", " User: Question 5", " Assistant: Answer 5"]
    assert lines[-1] == " Assistant: Answer 24"
    assert len(lines) == 20 * 3


async def test_profile_shows_profile_and_facts(open_memory):
    ada = open_memory(config=MemoryConfig(short_term_capacity=1, promotion_heat=0.1)).user("ada")
    ada.add("My name is Ada and I live in Lisbon.", "Hello Ada!")
    ada.add("Good night.", "Sleep well.")
    ada.remember("Ada is vegetarian.")
    ada.memory.flush()
    async with connected(ada) as client:
        lines = quoted(await read(client, "memory://profile"))
    facts = lines.index("[facts]")
    assert lines[0] == "[profile]"
    assert any("Ada" in line for line in lines[1:facts])
    assert any(line.endswith(": Ada is vegetarian.") for line in lines[facts:])


async def test_the_prompt_is_the_question_behind_the_context_of_the_core(ada):
    ada.add("I keep bees on the roof.", "How many hives?")
    question = "Where are my bees?"
    async with connected(ada) as client:
        text = await ask(client, question)
    assert text == f"{ada.context(question).text}\n\n{question}"
    assert "I keep bees on the roof." in text


@pytest.mark.parametrize("text", HOSTILE)
async def test_stored_text_cannot_leave_its_quotation(ada, text):
    ada.add(text, text)
    ada.add_message(
        text, role="user", name=" ".join(text.split())[:200].replace("\x1b", "").replace("\x07", "")
    )
    ada.remember(text)
    async with connected(ada) as client:
        quoted(await read(client, "memory://recent"))
        quoted(await read(client, "memory://profile"))
        block, _, question = (await ask(client, "What did I say?")).rpartition("\n\n")
        quoted(block)
    assert question == "What did I say?"


async def test_what_cannot_be_given_is_an_error_in_words(ada):
    async with connected(ada) as client:
        with pytest.raises(MCPError, match="query must not be empty"):
            await ask(client, "   ")
        with pytest.raises(MCPError):
            await client.get_prompt("with_memories", {})
        with pytest.raises(MCPError):
            await client.get_prompt("nothing", {})
        for uri in (
            "memory://nothing",
            "memory://profile/../recent",
            "memory://profile?user=bob",
            "file:///etc/passwd",
        ):
            with pytest.raises(MCPError):
                await client.read_resource(uri)
        ada.memory.close()
        with pytest.raises(MCPError, match="closed"):
            await client.read_resource("memory://profile")
        with pytest.raises(MCPError, match="closed"):
            await ask(client, "Who am I?")
