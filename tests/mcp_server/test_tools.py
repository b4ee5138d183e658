"""The tools, in memory: what they take, what they return, and what they refuse."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcp import MCPError

from mcp_server.parts import HOSTILE, call, connected, refused
from memoryos_integrations import MemoryConfig
from memoryos_integrations.testing import HashEmbedder

UPSTREAM = {
    "add_memory": {"user_input", "agent_response", "timestamp", "meta_data"},
    "retrieve_memory": {"query", "relationship_with_user", "style_hint", "max_results"},
    "get_user_profile": {"include_knowledge", "include_assistant_knowledge"},
}
"""The arguments that clients of the reference server send."""

RETRIEVED = {
    "status",
    "query",
    "timestamp",
    "user_profile",
    "short_term_memory",
    "short_term_count",
    "retrieved_pages",
    "retrieved_user_knowledge",
    "retrieved_assistant_knowledge",
    "total_pages_found",
    "total_user_knowledge_found",
    "total_assistant_knowledge_found",
}
SECRET = "zqcanary"


# --- what is offered ----------------------------------------------------------------------------------------


async def test_the_tools_of_the_reference_server_keep_their_names_arguments_and_defaults(ada):
    async with connected(ada) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert set(tools) == {*UPSTREAM, "remember", "forget", "list_memories", "explain_memory"}
    for name, arguments in UPSTREAM.items():
        assert set(tools[name].input_schema["properties"]) == arguments
    assert tools["add_memory"].input_schema["required"] == ["user_input", "agent_response"]
    assert tools["retrieve_memory"].input_schema["required"] == ["query"]
    defaults = {
        key: value.get("default")
        for name in ("retrieve_memory", "get_user_profile")
        for key, value in tools[name].input_schema["properties"].items()
    }
    assert defaults == {
        "query": None,
        "relationship_with_user": "friend",
        "style_hint": "",
        "max_results": 10,
        "include_knowledge": True,
        "include_assistant_knowledge": False,
    }


async def test_no_tool_resource_or_prompt_takes_a_user(ada):
    async with connected(ada) as client:
        tools = (await client.list_tools()).tools
        prompts = (await client.list_prompts()).prompts
        assert not (await client.list_resource_templates()).resource_templates
    taken = {name for tool in tools for name in tool.input_schema["properties"]}
    taken |= {argument.name for prompt in prompts for argument in prompt.arguments}
    assert not {name for name in taken if "user_id" in name or name in ("user", "path", "agent_id")}


async def test_every_tool_says_what_it_does_and_what_it_returns(ada):
    async with connected(ada) as client:
        tools = (await client.list_tools()).tools
        assert "not instructions" in client.instructions
    for tool in tools:
        assert tool.description
        assert tool.output_schema["type"] == "object"
        assert all(
            "description" in argument or "maximum" in argument
            for argument in tool.input_schema["properties"].values()
        )
    reading = {tool.name for tool in tools if tool.annotations.read_only_hint}
    assert reading == {"retrieve_memory", "get_user_profile", "list_memories", "explain_memory"}
    assert [tool.name for tool in tools if tool.annotations.destructive_hint] == ["forget"]
    assert {tool.name for tool in tools if not tool.annotations.idempotent_hint} == {"add_memory"}
    assert not any(tool.annotations.open_world_hint for tool in tools)


async def test_a_read_only_server_has_no_tool_that_changes_anything(ada):
    ada.add("I keep bees.")
    async with connected(ada, read_only=True) as client:
        tools = {tool.name for tool in (await client.list_tools()).tools}
        assert tools == {"retrieve_memory", "get_user_profile", "list_memories", "explain_memory"}
        assert "add_memory" not in client.instructions
        await refused(client, "forget", ids=[ada.pages()[0].id])
        await refused(client, "add_memory", user_input="a", agent_response="b")
    assert len(ada.pages()) == 1


# --- add_memory and retrieve_memory -------------------------------------------------------------------------


async def test_what_was_added_is_found_at_once(ada):
    async with connected(ada) as client:
        added = await call(
            client,
            "add_memory",
            user_input="I moved to Lisbon.",
            agent_response="Nice!",
            meta_data={"mood": 1},
        )
        found = await call(client, "retrieve_memory", query="Where did I move to?")
    assert added["status"] == "success"
    assert added["details"] == {"user_input_length": 18, "agent_response_length": 5, "has_meta_data": True}
    assert {"message", "timestamp"} <= added.keys()
    assert found.keys() >= RETRIEVED
    assert found["query"] == "Where did I move to?"
    turn = {"user_input": "I moved to Lisbon.", "agent_response": "Nice!", "timestamp": added["timestamp"]}
    assert found["short_term_memory"] == [turn | {"id": added["id"]}]
    assert found["short_term_count"] == 1
    assert found["retrieved_pages"] == [turn | {"id": added["id"], "meta_info": ""}]
    assert found["total_pages_found"] == 1
    assert found["user_profile"] == "No detailed user profile"
    page = ada.pages()[0]
    assert page.metadata == {"mood": 1}
    assert [message.source for message in page.messages] == ["user", "assistant"]


async def test_values_to_keep_may_come_as_the_text_that_some_clients_send(ada):
    async with connected(ada) as client:
        await call(client, "add_memory", user_input="a", agent_response="b", meta_data='{"mood": 1}')
    assert ada.pages()[0].metadata == {"mood": 1}


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("2025-06-01T12:00:00Z", datetime(2025, 6, 1, 12, tzinfo=UTC)),
        ("2025-06-01 12:00:00+02:00", datetime(2025, 6, 1, 10, tzinfo=UTC)),
        ("2025-06-01 12:00:00", datetime(2025, 6, 1, 15, tzinfo=UTC)),
        ("2025-06-01", datetime(2025, 6, 1, 3, tzinfo=UTC)),
    ],
)
async def test_a_time_without_a_zone_is_local_as_with_the_reference_server(ada, monkeypatch, given, stored):
    monkeypatch.setenv("TZ", "America/Sao_Paulo")
    time.tzset()
    try:
        async with connected(ada) as client:
            added = await call(client, "add_memory", user_input="a", agent_response="b", timestamp=given)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert ada.pages()[0].at == stored
    assert datetime.fromisoformat(added["timestamp"]) == stored


async def test_no_time_is_now(ada, clock):
    async with connected(ada) as client:
        await call(client, "add_memory", user_input="a", agent_response="b", timestamp="")
        await call(client, "add_memory", user_input="c", agent_response="d", timestamp=None)
    assert [page.at for page in ada.pages()] == [clock.now()] * 2


async def test_the_best_answer_comes_first_and_no_more_come_than_were_asked_for(ada):
    for number in range(20):
        ada.add(f"The weather on day {number} was mild.", "I see.")
        ada.remember(f"The user noted mild weather {number} times.")
        ada.remember(f"You noted mild weather {number} times.", about="agent")
    ada.add("My viola needs new strings.", "Which ones?")
    ada.memory.flush()
    async with connected(ada) as client:
        viola = await call(client, "retrieve_memory", query="What does my viola need?", max_results=3)
        wide = await call(client, "retrieve_memory", query="mild weather", max_results=12)
    assert viola["retrieved_pages"][0]["user_input"] == "My viola needs new strings."
    assert len(viola["retrieved_pages"]) == 3
    assert viola["total_pages_found"] >= 3
    assert len(viola["retrieved_user_knowledge"]) <= 3
    assert 3 < len(wide["retrieved_pages"]) <= 12
    assert 0 < len(wide["retrieved_user_knowledge"]) <= 12
    assert 0 < len(wide["retrieved_assistant_knowledge"]) <= 12
    assert wide["short_term_count"] == len(wide["short_term_memory"]) == ada.memory.config.short_term_capacity
    assert wide["short_term_memory"][-1]["user_input"] == "My viola needs new strings."
    ids = [page["id"] for page in wide["retrieved_pages"]]
    assert len(set(ids)) == len(ids)


async def test_a_page_of_mid_term_memory_comes_with_the_summary_of_its_topic(open_memory):
    ada = open_memory(config=MemoryConfig(short_term_capacity=1)).user("ada")
    ada.add("My viola needs new strings.", "Which ones?")
    ada.add("Good night.", "Sleep well.")
    ada.memory.flush()
    async with connected(ada) as client:
        found = await call(client, "retrieve_memory", query="viola strings", max_results=1)
    assert found["retrieved_pages"][0]["meta_info"] == ada.segments()[0].summary != ""


async def test_relationship_and_style_come_back_as_guidance_for_the_answer(ada):
    async with connected(ada) as client:
        plain = await call(client, "retrieve_memory", query="Hello?")
        styled = await call(
            client,
            "retrieve_memory",
            query="Hello?",
            relationship_with_user="colleague",
            style_hint="terse,\nno emoji",
        )
    assert "friend" in plain["guidance"]
    assert "Style" not in plain["guidance"]
    assert "colleague" in styled["guidance"]
    assert "terse, no emoji" in styled["guidance"]
    assert "not instructions" in styled["guidance"]


async def test_names_tools_and_one_sided_turns_are_shown_as_they_were_said(ada):
    ada.add_message("Look it up.", role="user", name="Ada")
    ada.add_message("42", role="tool")
    ada.add_message("It is 42.", role="assistant")
    ada.add("Just me.")
    async with connected(ada) as client:
        found = await call(client, "retrieve_memory", query="What is it?")
    first, second = found["short_term_memory"]
    assert (first["user_input"], first["agent_response"]) == ("Ada: Look it up.", "Tool: 42\nIt is 42.")
    assert (second["user_input"], second["agent_response"]) == ("Just me.", "")


# --- get_user_profile and remember --------------------------------------------------------------------------


async def test_facts_are_kept_once_and_shown_where_they_belong(ada):
    async with connected(ada) as client:
        kept = await call(client, "remember", statement="Ada is vegetarian.")
        again = await call(client, "remember", statement="Ada is vegetarian.")
        await call(client, "remember", statement="You are called Max.", about="agent")
        both = await call(client, "get_user_profile", include_assistant_knowledge=True)
        usual = await call(client, "get_user_profile")
        bare = await call(client, "get_user_profile", include_knowledge=False)
        found = await call(client, "retrieve_memory", query="What may Ada eat?")
    assert kept == again
    assert [known["knowledge"] for known in both["user_knowledge"]] == ["Ada is vegetarian."]
    assert [known["knowledge"] for known in both["assistant_knowledge"]] == ["You are called Max."]
    assert (both["user_knowledge_count"], both["assistant_knowledge_count"]) == (1, 1)
    assert (both["user_id"], both["assistant_id"]) == ("ada", "default")
    assert usual["user_knowledge_count"] == 1
    assert not {"assistant_knowledge", "assistant_knowledge_count"} & usual.keys()
    assert not {"user_knowledge", "user_knowledge_count"} & bare.keys()
    assert found["retrieved_user_knowledge"] == both["user_knowledge"]
    assert found["retrieved_assistant_knowledge"] == both["assistant_knowledge"]
    assert (found["total_user_knowledge_found"], found["total_assistant_knowledge_found"]) == (1, 1)


async def test_a_profile_that_was_learnt_is_shown_in_lines(open_memory):
    eager = MemoryConfig(short_term_capacity=1, promotion_heat=0.1)
    ada = open_memory(config=eager).user("ada")
    ada.add("My name is Ada and I live in Lisbon.", "Hello Ada!")
    ada.add("Good night.", "Sleep well.")
    ada.memory.flush()
    async with connected(ada) as client:
        profile = await call(client, "get_user_profile")
        found = await call(client, "retrieve_memory", query="Who am I?")
    lines = [f"{name}: {value}" for name, value in ada.persona().profile.items() if value]
    assert lines
    assert profile["user_profile"].splitlines() == lines
    assert found["user_profile"] == profile["user_profile"]
    assert profile["user_knowledge_count"] == len(ada.facts(about="user")) > 0


# --- forget, list_memories, explain_memory ------------------------------------------------------------------


async def test_what_was_found_can_be_forgotten_by_the_id_that_it_was_shown_with(ada):
    ada.add("I moved to Lisbon.", "Nice!")
    ada.add("I keep bees.", "How many?")
    ada.remember("Ada is vegetarian.")
    async with connected(ada) as client:
        found = await call(client, "retrieve_memory", query="Where did I move to?")
        page = found["retrieved_pages"][0]["id"]
        fact = found["retrieved_user_knowledge"][0]["id"]
        gone = await call(client, "forget", ids=[page, fact, "nobody"])
        assert (gone["messages"], gone["pages"], gone["facts"]) == (2, 1, 1)
        assert gone["missing_ids"] == ["nobody"]
        again = await call(client, "forget", ids=[page])
        assert (again["messages"], again["missing_ids"]) == (0, [page])
        found = await call(client, "retrieve_memory", query="Where did I move to?")
    assert "Lisbon" not in str(found)
    assert [page.messages[0].text for page in ada.pages()] == ["I keep bees."]
    assert ada.facts() == []


async def test_a_list_can_be_walked_through_part_by_part_and_misses_nothing(ada):
    for number in range(5):
        ada.add(f"Question {number}", f"Answer {number}")
    texts, offset = [], 0
    async with connected(ada) as client:
        while offset is not None:
            part = await call(client, "list_memories", limit=3, offset=offset)
            texts += [memory["text"] for memory in part["memories"]]
            offset = part["next_offset"]
        beyond = await call(client, "list_memories", offset=10)
    assert texts == [f"{side} {number}" for number in reversed(range(5)) for side in ("Answer", "Question")]
    assert beyond["memories"] == []
    assert beyond["next_offset"] is None


async def test_facts_and_topics_can_be_listed_and_long_texts_are_cut_in_sight(open_memory):
    ada = open_memory(config=MemoryConfig(short_term_capacity=1)).user("ada")
    ada.add("My viola needs new strings.", "Which ones?")
    ada.add("x" * 3000, "Oh.")
    ada.remember("You are called Max.", about="agent")
    ada.memory.flush()
    async with connected(ada) as client:
        facts = await call(client, "list_memories", kind="fact")
        topics = await call(client, "list_memories", kind="segment")
        said = await call(client, "list_memories")
    assert [(fact["text"], fact["about"], fact["tier"]) for fact in facts["memories"]] == [
        ("You are called Max.", "agent", "long_term")
    ]
    assert [topic["text"] for topic in topics["memories"]] == [ada.segments()[0].summary]
    long = said["memories"][1]
    assert (long["role"], long["tier"], long["thread_id"]) == ("user", "short_term", "default")
    assert long["text"] == "x" * 1000 + " […]"


async def test_every_kind_of_memory_explains_where_it_comes_from(open_memory):
    eager = MemoryConfig(short_term_capacity=1, promotion_heat=0.1)
    ada = open_memory(config=eager).user("ada")
    page = ada.add("I live in Lisbon.", "Nice!")
    ada.add("Good night.", "Sleep well.")
    told = ada.remember("Ada is vegetarian.")
    ada.memory.flush()
    learnt = next(fact for fact in ada.facts() if fact.id != told.id)
    segment = ada.segments()[0]
    async with connected(ada) as client:
        explained = {
            kind: await call(client, "explain_memory", item_id=item)
            for kind, item in {
                "page": page.id,
                "message": page.messages[0].id,
                "learnt": learnt.id,
                "told": told.id,
                "segment": segment.id,
            }.items()
        }
    assert {name: (told["kind"], told["method"], told["text"]) for name, told in explained.items()} == {
        "page": ("page", "verbatim", None),
        "message": ("message", "verbatim", "I live in Lisbon."),
        "learnt": ("fact", learnt.method, learnt.text),
        "told": ("fact", "remembered", "Ada is vegetarian."),
        "segment": ("segment", segment.method, segment.summary),
    }
    for name in ("page", "message", "learnt", "segment"):
        source = explained[name]["pages"][0]
        assert (source["id"], source["thread_id"]) == (page.id, "default")
        assert [message["text"] for message in source["messages"]] == ["I live in Lisbon.", "Nice!"]
        assert [message["source"] for message in source["messages"]] == ["user", "assistant"]
    assert explained["told"]["pages"] == []


async def test_of_a_large_topic_the_newest_pages_are_shown_and_all_are_counted(open_memory):
    config = MemoryConfig(short_term_capacity=1, segment_threshold=0.0)
    ada = open_memory(config=config).user("ada")
    for number in range(61):
        ada.add(f"My viola needs new strings, number {number}.")
    ada.memory.flush()
    (segment,) = ada.segments()
    async with connected(ada) as client:
        explained = await call(client, "explain_memory", item_id=segment.id)
    assert explained["page_count"] == 60
    assert [page["id"] for page in explained["pages"]] == list(segment.page_ids[-50:])


async def test_an_explanation_says_how_well_a_memory_answers_a_question(ada):
    page = ada.add("My viola needs new strings.", "Which ones?")
    ada.add("Good night.", "Sleep well.")
    async with connected(ada) as client:
        asked = {"item_id": page.messages[0].id}
        explained = await call(client, "explain_memory", **asked, question="What does my viola need?")
        without = await call(client, "explain_memory", **asked)
    item = ada.retrieve("What does my viola need?").items[0]
    assert explained["match"]["rank"] == 1
    assert explained["match"]["score"] == pytest.approx(item.score)
    assert set(explained["match"]["parts"]) == set(item.parts)
    assert without["match"] is None


# --- what is refused ----------------------------------------------------------------------------------------


BAD_CALLS = [
    ("add_memory", {"user_input": "a"}, "agent_response"),
    ("add_memory", {"user_input": 1, "agent_response": "b"}, "user_input"),
    ("add_memory", {"user_input": "", "agent_response": ""}, "no text"),
    ("add_memory", {"user_input": "x" * 1_000_001, "agent_response": "b"}, "user_input"),
    ("add_memory", {"user_input": "你" * 400_000, "agent_response": "b"}, "1000000"),
    ("add_memory", {"user_input": "a\0b", "agent_response": "b"}, "NUL"),
    ("add_memory", {"user_input": "a", "agent_response": "b", "timestamp": "yesterday"}, "ISO 8601"),
    ("add_memory", {"user_input": "a", "agent_response": "b", "timestamp": "0001-01-01"}, "timestamp"),
    ("add_memory", {"user_input": "a", "agent_response": "b", "meta_data": [1]}, "meta_data"),
    ("add_memory", {"user_input": "a", "agent_response": "b", "meta_data": {"x": "y" * 64_000}}, "64000"),
    ("retrieve_memory", {}, "query"),
    ("retrieve_memory", {"query": ""}, "query"),
    ("retrieve_memory", {"query": "  "}, "query"),
    ("retrieve_memory", {"query": "x" * 100_001}, "query"),
    ("retrieve_memory", {"query": "a", "max_results": 0}, "max_results"),
    ("retrieve_memory", {"query": "a", "max_results": 101}, "max_results"),
    ("retrieve_memory", {"query": "a", "max_results": 2.5}, "max_results"),
    ("retrieve_memory", {"query": "a", "style_hint": "x" * 1001}, "style_hint"),
    ("retrieve_memory", {"query": "a", "relationship_with_user": "x" * 201}, "relationship_with_user"),
    ("get_user_profile", {"include_knowledge": "perhaps"}, "include_knowledge"),
    ("remember", {"statement": ""}, "statement"),
    ("remember", {"statement": "a", "about": "everybody"}, "about"),
    ("forget", {}, "ids"),
    ("forget", {"ids": []}, "ids"),
    ("forget", {"ids": ["x"] * 101}, "ids"),
    ("forget", {"ids": ["x" * 257]}, "ids"),
    ("forget", {"ids": "everything"}, "ids"),
    ("list_memories", {"limit": 0}, "limit"),
    ("list_memories", {"limit": 101}, "limit"),
    ("list_memories", {"offset": -1}, "offset"),
    ("list_memories", {"kind": "secret"}, "kind"),
    ("explain_memory", {"item_id": "nobody"}, "no item 'nobody'"),
    ("explain_memory", {"item_id": ""}, "item_id"),
    ("drop_everything", {}, "drop_everything"),
]


async def test_a_bad_call_is_an_error_that_says_why_and_changes_nothing(ada):
    ada.add("I keep bees.")
    async with connected(ada) as client:
        for tool, arguments, told in BAD_CALLS:
            assert told in await refused(client, tool, **arguments)
    assert [page.messages[0].text for page in ada.pages()] == ["I keep bees."]
    assert ada.facts() == []


async def test_an_error_of_the_store_is_told_in_its_own_words(ada):
    async with connected(ada) as client:
        ada.memory.close()
        told = await refused(client, "retrieve_memory", query="Who am I?")
        assert "closed" in told
        assert "closed" in await refused(client, "add_memory", user_input="a", agent_response="b")


async def test_no_log_quotes_what_was_said_or_asked(ada, caplog):
    caplog.set_level("DEBUG")
    async with connected(ada) as client:
        await call(client, "add_memory", user_input=f"I am {SECRET}.", agent_response=SECRET)
        await call(client, "retrieve_memory", query=f"Who is {SECRET}?", style_hint=SECRET)
        await call(client, "remember", statement=f"Ada likes {SECRET}.")
        await refused(client, "add_memory", user_input=f"{SECRET}\0", agent_response=SECRET)
        await refused(client, "add_memory", user_input=SECRET, agent_response=[SECRET])
        await client.read_resource("memory://recent")
        await client.get_prompt("with_memories", {"question": SECRET})
    assert SECRET not in caplog.text


# --- one user, hostile text, many calls ---------------------------------------------------------------------


async def test_a_user_id_among_the_arguments_changes_nothing(memory):
    ada, bob = memory.user("ada"), memory.user("bob")
    bob.add("I live in a lighthouse.", "Windy!")
    fact = bob.remember("Bob lives in a lighthouse.")
    stray = {"user_id": "bob", "user": "bob", "path": "/", "agent_id": "other"}
    async with connected(ada) as client:
        await call(client, "add_memory", user_input="I keep bees.", agent_response="Oh", **stray)
        await call(client, "remember", statement="Ada keeps bees.", **stray)
        replies = [
            await call(client, "retrieve_memory", query="Who lives in a lighthouse?", **stray),
            await call(client, "get_user_profile", include_assistant_knowledge=True, **stray),
            *[
                await call(client, "list_memories", kind=kind, **stray)
                for kind in ("message", "fact", "segment")
            ],
            await client.read_resource("memory://recent"),
            await client.read_resource("memory://profile"),
            await client.get_prompt("with_memories", {"question": "Where is it?"}),
        ]
        assert "lighthouse" not in str(replies).replace("Who lives in a lighthouse?", "")
        assert "no item" in await refused(client, "explain_memory", item_id=fact.id, **stray)
        with pytest.raises(MCPError):
            await client.get_prompt("with_memories", {"question": "Where is it?", "user_id": "bob"})
        gone = await call(client, "forget", ids=[fact.id, bob.pages()[0].id], **stray)
    assert (gone["messages"], gone["facts"]) == (0, 0)
    assert len(gone["missing_ids"]) == 2
    assert len(bob.pages()) == len(bob.facts()) == 1
    assert [page.messages[0].text for page in ada.pages()] == ["I keep bees."]


async def test_agents_of_one_user_do_not_see_each_other(memory):
    async with connected(memory.user("ada")) as first, connected(memory.user("ada", "work")) as second:
        await call(first, "add_memory", user_input="I live in a lighthouse.", agent_response="Windy!")
        found = await call(second, "retrieve_memory", query="Where?", agent_id="default")
        assert "lighthouse" not in str(found)
        assert (await call(second, "list_memories", agent="default"))["memories"] == []
        assert (await call(second, "get_user_profile"))["assistant_id"] == "work"


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_text_is_kept_word_for_word(ada, text):
    async with connected(ada) as client:
        await call(client, "add_memory", user_input=text, agent_response=text)
        await call(client, "remember", statement=text)
        found = await call(
            client, "retrieve_memory", query=text, style_hint=text, relationship_with_user=text
        )
        listed = await call(client, "list_memories")
        explained = await call(client, "explain_memory", item_id=listed["memories"][0]["id"], question=text)
    turn = found["retrieved_pages"][0]
    assert turn["user_input"] == turn["agent_response"] == text
    assert found["retrieved_user_knowledge"][0]["knowledge"] == text
    assert [memory["text"] for memory in listed["memories"]] == [text, text]
    assert explained["text"] == text


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(min_size=1, max_size=200))
def test_any_text_is_kept_word_for_word_or_refused(memory, text):
    user = memory.user("anybody")

    async def tried() -> None:
        async with connected(user) as client:
            result = await client.call_tool("add_memory", {"user_input": text, "agent_response": ""})
            if result.is_error:
                assert "user" in result.content[0].text
                assert "\0" in text
            else:
                assert user.pages()[-1].messages[0].text == text
                found = await call(client, "retrieve_memory", query="anything")
                assert text in [turn["user_input"] for turn in found["short_term_memory"]]

    asyncio.run(tried())


async def test_many_calls_at_once_are_all_served(ada):
    async with connected(ada) as client:
        await asyncio.gather(
            *(
                call(client, "add_memory", user_input=f"I own hive {n}.", agent_response="Oh")
                for n in range(20)
            ),
            *(call(client, "retrieve_memory", query="How many hives?") for _ in range(20)),
        )
    assert len(ada.pages()) == 20


class Stuck(HashEmbedder):
    """An embedder that waits until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.go_on = threading.Event(), threading.Event()

    def embed(self, texts):
        self.reached.set()
        assert self.go_on.wait(300)
        return super().embed(texts)


async def test_the_server_answers_others_while_one_call_waits_for_its_embedder(open_memory):
    embedder = Stuck()
    ada = open_memory(embedder=embedder).user("ada")
    try:
        async with connected(ada) as client:
            await call(client, "add_memory", user_input="I keep bees.", agent_response="How many?")
            slow = asyncio.create_task(call(client, "retrieve_memory", query="What do I keep?"))
            assert await asyncio.to_thread(embedder.reached.wait, 60)
            listed = await asyncio.wait_for(call(client, "list_memories"), 300)
            assert not slow.done()
            embedder.go_on.set()
            assert (await slow)["retrieved_pages"]
    finally:
        embedder.go_on.set()
    assert len(listed["memories"]) == 2
