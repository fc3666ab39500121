"""A scripted server sends the answers that a test prepared, plain and streamed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
    """A scripted server for all tests of this module."""
    with ScriptedServer() as server:
        yield server


@pytest.fixture
def server(running: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    """The scripted server, with the environment set to it and without earlier answers."""
    for name, value in running.environment.items():
        monkeypatch.setenv(name, value)
    yield running
    running.reset()


def client(model: str = GRANITE, **settings: Any) -> Client:
    """Return a client that does not retry."""
    return Client(model, **{"max_retries": 0, **settings})


def test_answers_are_sent_in_order(server: ScriptedServer) -> None:
    """Each request gets one prepared answer, and the echo rules answer when none is left."""
    server.answers("one", "two", "three")
    with client() as llm:
        assert llm.chat(HELLO).choices[0].text == "one"
        assert collect(llm.stream_chat(HELLO)).choices[0].text == "two"
        assert server.unused == 1
        assert llm.chat(HELLO).choices[0].text == "three"
        assert llm.chat(HELLO).choices[0].text == "You said: Hello"
    assert [request.json["messages"] for request in server.requests] == [HELLO] * 4


def test_frameworks_receive_the_prepared_answers(server: ScriptedServer) -> None:
    """Both frameworks connect to the server by the environment and receive its answers."""
    server.answers("a", "b")
    assert ChatWorkersAI(model=GRANITE).invoke("Hello").content == "a"
    assert WorkersAI(GRANITE).complete("Hello").text == "b"


def test_reasoning_is_separate_from_text(server: ScriptedServer) -> None:
    """A model that reasons returns the prepared reasoning beside the text."""
    server.answers("4", reasoning="two and two")
    with client(GLM) as llm:
        choice = llm.chat(HELLO).choices[0]
    assert (choice.text, choice.reasoning) == ("4", "two and two")


@pytest.mark.parametrize("model", [GRANITE, LLAMA])
@pytest.mark.parametrize("mode", ["plain", "stream"])
def test_tool_calls_may_be_broken(server: ScriptedServer, model: str, mode: str) -> None:
    """Prepared calls with valid arguments are calls, and others are invalid calls."""
    server.calls_tools(("look", {"at": 1}), ("look", '{"at": '))
    with client(model) as llm:
        if mode == "plain":
            choice = llm.chat(HELLO, tools=TOOLS).choices[0]
        else:
            choice = collect(llm.stream_chat(HELLO, tools=TOOLS)).choices[0]
    assert [call.arguments for call in choice.tool_calls] == [{"at": 1}]
    assert [call.name for call in choice.invalid_tool_calls] == ["look"]


@pytest.mark.parametrize(
    ("code", "error"), [(3040, OutOfCapacityError), (4006, QuotaExceededError), (8005, ServerError)]
)
def test_codes_raise_their_errors(
    server: ScriptedServer, code: int, error: type[WorkersAIError]
) -> None:
    """`fails` makes the server refuse plain and streamed requests with the status of the code."""
    server.fails(code, times=2)
    with client() as llm:
        with pytest.raises(error):
            llm.chat(HELLO)
        with pytest.raises(error):
            collect(llm.stream_chat(HELLO))


def test_an_unknown_code_needs_a_status(server: ScriptedServer) -> None:
    """`fails` raises ConfigurationError for an unknown code without a status."""
    with pytest.raises(ConfigurationError, match="pass status"):
        server.fails(1)
    server.fails(1, status=418, message="a teapot")
    with client() as llm, pytest.raises(WorkersAIError, match="a teapot"):
        llm.chat(HELLO)


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (lambda server: server.answers({"x": 1}), "texts must be text, not dict: pass json.dumps"),
        (lambda server: server.answers(["a", "b"]), "texts must be text, not list"),
        (lambda server: server.answers("a\ud800"), "texts contains a lone surrogate"),
        (lambda server: server.answers("a", reasoning=5), "reasoning must be text"),
        (lambda server: server.calls("t", [1]), "arguments must be a dict or a text, not list"),
        (lambda server: server.calls("t", {"x": object()}), "arguments: Unable to serialize"),
        (lambda server: server.calls(None, {}), "name must be text, not NoneType"),
        (
            lambda server: server.calls_tools("t", {}),
            r"a call must be \(name, arguments\), not 't'",
        ),
        (lambda server: server.fails("3040"), "code='3040' must be a whole number"),
        (lambda server: server.fails(3040, times=0), "times=0 must be a whole number, 1 or more"),
        (lambda server: server.cuts("a", after=-1), "after=-1 must be a whole number"),
        (lambda server: server.stalls(5), "text must be text, not int"),
    ],
)
def test_what_cannot_be_prepared_is_refused(
    server: ScriptedServer, prepare: Callable[[Any], Any], words: str
) -> None:
    """A wrong argument raises where the test prepares the answer, not in the server."""
    with pytest.raises(ConfigurationError, match=words):
        prepare(server)
    assert server.unused == 0


def test_a_stall_raises_the_apps_timeout(server: ScriptedServer) -> None:
    """`stalls` sends nothing, or nothing after some tokens, and later requests are answered."""
    server.stalls().stalls("one two three", after=2).answers("still here")
    with client(timeout=0.2) as llm:
        with pytest.raises(APITimeoutError):
            llm.chat(HELLO)
        with pytest.raises(APITimeoutError) as caught:
            collect(llm.stream_chat(HELLO))
        assert llm.with_options(timeout=9).chat(HELLO).choices[0].text == "still here"
    partial = caught.value.partial
    assert partial is not None
    assert partial.choices[0].text.startswith("one")


def test_a_cut_stream_is_interrupted(server: ScriptedServer) -> None:
    """`cuts` ends a stream without an error and without its end marker."""
    server.cuts("one two three", after=2)
    with client() as llm, pytest.raises(StreamInterruptedError) as caught:
        collect(llm.stream_chat(HELLO))
    assert caught.value.partial is not None


def test_reset_removes_answers_and_requests(server: ScriptedServer) -> None:
    """`reset` removes prepared answers and recorded requests."""
    server.answers("left over")
    with client() as llm:
        llm.chat(HELLO)
        server.answers("left over")
        server.reset()
        assert server.requests == []
        assert llm.chat(HELLO).choices[0].text == "You said: Hello"
