"""A scripted server gives what a test prepared, through every face, plain and streamed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from langchain_workersai import ChatWorkersAI
from llamaindex_workersai import WorkersAI
from workersai import (
    APITimeoutError,
    Client,
    ConfigurationError,
    OutOfCapacityError,
    QuotaExceededError,
    ServerError,
    StreamInterruptedError,
    WorkersAIError,
    collect,
)
from workersai.testing import ScriptedServer

GRANITE = "@cf/ibm-granite/granite-4.0-h-micro"
GLM = "@cf/zai-org/glm-4.7-flash"
LLAMA = "@cf/meta/llama-3.3-70b-instruct-fp8-fast"
HELLO: Any = [{"role": "user", "content": "Hello"}]
TOOLS = [{"name": "look", "parameters": {"type": "object", "properties": {}}}]


@pytest.fixture(scope="module")
def running(loopback: None) -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


@pytest.fixture
def server(running: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    for name, value in running.environment.items():
        monkeypatch.setenv(name, value)
    yield running
    running.reset()


def client(model: str = GRANITE, **settings: Any) -> Client:
    return Client(model, **{"max_retries": 0, **settings})


def test_texts_come_in_order_then_the_rules_of_echo(server: ScriptedServer) -> None:
    """Each request takes one answer; what is left over is counted."""
    server.answers("one", "two", "three")
    with client() as asked:
        assert asked.chat(HELLO).choices[0].text == "one"
        assert collect(asked.stream_chat(HELLO)).choices[0].text == "two"
        assert server.unused == 1
        assert asked.chat(HELLO).choices[0].text == "three"
        assert asked.chat(HELLO).choices[0].text == "You said: Hello"
    assert [request.json["messages"] for request in server.requests] == [HELLO] * 4


def test_frameworks_get_the_same_answers(server: ScriptedServer) -> None:
    """The faces read the connection from the environment."""
    server.answers("a", "b")
    assert ChatWorkersAI(model=GRANITE).invoke("Hello").content == "a"
    assert WorkersAI(GRANITE).complete("Hello").text == "b"


def test_reasoning_has_a_field_of_its_own(server: ScriptedServer) -> None:
    """On a model that reasons, the thinking comes beside the text."""
    server.answers("4", reasoning="two and two")
    with client(GLM) as asked:
        choice = asked.chat(HELLO).choices[0]
    assert (choice.text, choice.reasoning) == ("4", "two and two")


@pytest.mark.parametrize("model", [GRANITE, LLAMA])
@pytest.mark.parametrize("how", ["plain", "stream"])
def test_tool_calls_may_be_broken(server: ScriptedServer, model: str, how: str) -> None:
    """Whole arguments are a call, broken ones an invalid call, in both shapes of answers."""
    server.calls_tools(("look", {"at": 1}), ("look", '{"at": '))
    with client(model) as asked:
        if how == "plain":
            choice = asked.chat(HELLO, tools=TOOLS).choices[0]
        else:
            choice = collect(asked.stream_chat(HELLO, tools=TOOLS)).choices[0]
    assert [call.arguments for call in choice.tool_calls] == [{"at": 1}]
    assert [call.name for call in choice.invalid_tool_calls] == ["look"]


@pytest.mark.parametrize(
    ("code", "error"), [(3040, OutOfCapacityError), (4006, QuotaExceededError), (8005, ServerError)]
)
def test_codes_become_the_errors_that_they_are(
    server: ScriptedServer, code: int, error: type[WorkersAIError]
) -> None:
    """A refusal has the status that comes with its code, in a stream as well."""
    server.fails(code, times=2)
    with client() as asked:
        with pytest.raises(error):
            asked.chat(HELLO)
        with pytest.raises(error):
            collect(asked.stream_chat(HELLO))


def test_an_unknown_code_needs_a_status(server: ScriptedServer) -> None:
    """The test's author is asked for the status that nobody knows."""
    with pytest.raises(ConfigurationError, match="pass status"):
        server.fails(1)
    server.fails(1, status=418, message="a teapot")
    with client() as asked, pytest.raises(WorkersAIError, match="a teapot"):
        asked.chat(HELLO)


def test_a_stall_runs_into_the_timeout_of_the_app(server: ScriptedServer) -> None:
    """Nothing comes, or nothing after some tokens; the server goes on serving others."""
    server.stalls().stalls("one two three", after=2).answers("still here")
    with client(timeout=0.2) as asked:
        with pytest.raises(APITimeoutError):
            asked.chat(HELLO)
        with pytest.raises(APITimeoutError) as caught:
            collect(asked.stream_chat(HELLO))
        assert asked.with_options(timeout=9).chat(HELLO).choices[0].text == "still here"
    partial = caught.value.partial
    assert partial is not None
    assert partial.choices[0].text.startswith("one")


def test_a_cut_stream_is_interrupted(server: ScriptedServer) -> None:
    """The stream ends without an error and without its end."""
    server.cuts("one two three", after=2)
    with client() as asked, pytest.raises(StreamInterruptedError) as caught:
        collect(asked.stream_chat(HELLO))
    assert caught.value.partial is not None


def test_a_reset_forgets_everything(server: ScriptedServer) -> None:
    """Answers and requests of one test do not reach the next."""
    server.answers("left over")
    with client() as asked:
        asked.chat(HELLO)
        server.answers("left over")
        server.reset()
        assert server.requests == []
        assert asked.chat(HELLO).choices[0].text == "You said: Hello"
