"""The scripted server of the test kit, as a client sees it: answers by order and by task, faults, delays."""

import json
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request

import pytest
from pydantic import BaseModel

from memoryos_integrations import Prompt
from memoryos_integrations.model.replies import instruction_of
from memoryos_integrations.testing import Failure, OpenAIServer, Reply, ToolCall
from memoryos_integrations.testing.openai_faults import FAULTS


class Topics(BaseModel):
    topics: list[str]


GOOD = {"topics": ["bees"]}
BY_SCHEMA = {"response_format": {"type": "json_schema", "json_schema": {"name": "Topics", "schema": {}}}}
FUNCTION = {"type": "function", "function": {"name": "Topics"}}
BY_FUNCTION = {"tools": [FUNCTION], "tool_choice": FUNCTION}
BY_ANY_FUNCTION = {"tools": [FUNCTION], "tool_choice": "required"}
BY_INSTRUCTION = {
    "messages": [
        {"role": "system", "content": instruction_of(Prompt("t", "Find {topics}.", "bees", Topics))},
        {"role": "user", "content": "bees"},
    ]
}


@pytest.fixture
def server():
    with OpenAIServer() as running:
        yield running


def post(url, timeout=300, **body):
    asked = {"model": "any", "messages": [{"role": "user", "content": "Hi!"}]} | body
    request = urllib.request.Request(
        f"{url}/chat/completions", json.dumps(asked).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=timeout) as response:
        return response.read().decode()


def chat(server, **body):
    """Return the one choice of an answer."""
    return json.loads(post(server.url, **body))["choices"][0]


def written(choice):
    """Return what the model wrote, as text or as the arguments of a function."""
    message = choice["message"]
    return (
        message["tool_calls"][0]["function"]["arguments"] if "tool_calls" in message else message["content"]
    )


@pytest.mark.parametrize("asked", [BY_SCHEMA, BY_FUNCTION, BY_ANY_FUNCTION, BY_INSTRUCTION])
def test_an_object_is_answered_by_the_name_of_its_schema_however_it_is_asked_for(server, asked):
    server.by_task = {"Topics": Reply(json=GOOD)}
    server.default = "Hello!"
    assert json.loads(written(chat(server, **asked))) == GOOD
    assert server.chats[-1].task == "Topics"
    assert written(chat(server)) == "Hello!"
    assert server.chats[-1].task is None


def test_the_script_comes_first_then_the_task_then_the_default(server):
    server.script("first")
    server.by_task = {"Topics": lambda body: Reply(json={"topics": [body["model"]]})}
    server.default = "last"
    assert written(chat(server, **BY_SCHEMA)) == "first"
    assert json.loads(written(chat(server, **BY_SCHEMA))) == {"topics": ["any"]}
    assert written(chat(server, response_format={"json_schema": {"name": "Other"}})) == "last"


def test_a_request_without_an_answer_is_told_so_with_a_status_that_nobody_retries(server):
    with pytest.raises(urllib.error.HTTPError) as caught:
        chat(server, **BY_SCHEMA)
    assert caught.value.code == 400
    assert "Topics" in caught.value.read().decode()


@pytest.mark.parametrize("asked", [BY_SCHEMA, BY_FUNCTION])
@pytest.mark.parametrize(
    "name", sorted(set(FAULTS) - {"429", "quota", "401", "500", "timeout", "drop", "html"})
)
def test_a_fault_spoils_the_answer_whose_number_it_has_and_no_other(server, name, asked):
    server.by_task = {"Topics": Reply(json=GOOD)}
    server.faults = {2: name}
    good = chat(server, **asked)
    body = post(server.url, **asked)
    assert chat(server, **asked)["message"]["content"] == good["message"]["content"]
    if name == "garbled":
        with pytest.raises(json.JSONDecodeError):
            json.loads(body)
    else:
        assert json.loads(body)["choices"][0] != good
    assert len(server.chats) == 3


@pytest.mark.parametrize(("name", "status"), [("429", 429), ("quota", 429), ("401", 401), ("500", 500)])
def test_a_fault_of_the_wire_has_its_status(server, name, status):
    server.default, server.faults = "Hello!", {1: name}
    with pytest.raises(urllib.error.HTTPError) as caught:
        post(server.url)
    assert caught.value.code == status
    assert caught.value.headers["Retry-After"] == ("1" if name == "429" else None)
    caught.value.close()
    assert written(chat(server)) == "Hello!"


def test_a_page_instead_of_json_has_status_200(server):
    server.default = Failure.HTML
    assert post(server.url).startswith("<!DOCTYPE html>")


def test_an_answer_that_is_delayed_is_waited_for_no_longer_than_the_server_runs(server):
    server.delay = 600.0
    asked, failed = threading.Event(), []
    server.default = lambda body: asked.set() or "Hello!"

    def ask():
        try:
            post(server.url, timeout=300)
        except OSError as error:
            failed.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    assert asked.wait(300)
    server.close()
    asking.join(300)
    assert failed


def test_a_stream_comes_in_pieces_and_states_its_usage_if_it_is_asked_to(server):
    server.default = Reply("Hello, you!", usage=(7, 3))
    lines = post(server.url, stream=True, stream_options={"include_usage": True}).split("\n\n")
    parts = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: {")]
    said = [part["choices"][0]["delta"].get("content", "") for part in parts if part["choices"]]
    assert "".join(said) == "Hello, you!"
    assert len(said) > 3
    assert parts[-1]["usage"]["total_tokens"] == 10
    server.default = Reply("Hello!", usage=None)
    assert "usage" not in json.loads(post(server.url))


def test_a_function_is_called_with_whatever_arguments_the_script_has(server):
    server.script(Reply(tool_calls=(ToolCall("search", "{'no': json"),)))
    choice = chat(server)
    assert written(choice) == "{'no': json"
    assert choice["finish_reason"] == "tool_calls"


@pytest.mark.programs
def test_as_a_program_it_prints_its_address_and_repeats_what_it_is_told_until_it_is_interrupted():
    command = [
        sys.executable,
        "-W",
        "error",
        "-m",
        "memoryos_integrations.testing.openai_server",
        "--port",
        "0",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        try:
            url = program.stdout.readline().strip()
            assert json.loads(post(url))["choices"][0]["message"]["content"] == "Hi!"
            with pytest.raises(urllib.error.HTTPError) as caught:
                post(url, **BY_SCHEMA)
            assert "Topics" in caught.value.read().decode()
        finally:
            program.send_signal(signal.SIGINT)
        assert program.wait(300) == 0
