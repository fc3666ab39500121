"""Streams of `ChatWorkersAI`."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from langchain_core.callbacks import (
    BaseCallbackHandler,
)
from langchain_core.messages import HumanMessage

from tests.langchain_workersai.scripted import collect, merged


async def test_async_answers_equal_sync_answers(scripted: Any, wire: Any) -> None:
    """`ainvoke` and `astream` send and return the same as `invoke` and `stream`."""
    answer, events = wire.answer("Hello"), wire.stream("Hel", "lo")
    llm, server = scripted(answer, answer, events, events)
    plain, aplain = llm.invoke("hi"), await llm.ainvoke("hi")
    streamed, astreamed = merged(list(llm.stream("hi"))), merged(await collect(llm))
    assert plain.model_dump(exclude={"id"}) == aplain.model_dump(exclude={"id"})
    assert streamed.model_dump(exclude={"id"}) == astreamed.model_dump(exclude={"id"})
    assert server.bodies[0] == server.bodies[1]
    assert server.bodies[2] == server.bodies[3]


def test_usage_metadata_of_a_stream_is_on_one_chunk(scripted: Any, wire: Any) -> None:
    """A stream reports usage on one chunk, even if the server repeats it on each event."""
    events = wire.stream("a", "b")
    for event in events[:-1]:
        event["usage"] = wire.usage
    llm, _ = scripted(events)
    chunks = list(llm.stream("hi"))
    assert [c.usage_metadata for c in chunks if c.usage_metadata] == [chunks[-1].usage_metadata]
    usage = merged(chunks).usage_metadata
    assert usage
    assert usage["total_tokens"] == 12


def test_repeated_ids_and_names_do_not_double(scripted: Any, wire: Any) -> None:
    """A stream yields one tool call when the server repeats id and name on each fragment."""
    pieces = ("", '{"a"', ": 1}")
    deltas = [{"tool_calls": [wire.call("f", piece)]} for piece in pieces]
    llm, _ = scripted(wire.stream(*deltas, finish="tool_calls"))
    message = merged(list(llm.stream("hi")))
    assert [(c["name"], c["id"], c["args"]) for c in message.tool_calls] == [("f", "c1", {"a": 1})]


@pytest.mark.parametrize("version", ["v0", "v1"])
def test_text_and_several_calls_survive_both_output_versions(
    scripted: Any, wire: Any, version: str
) -> None:
    """Merged chunks keep the text and each call in both of LangChain's output versions."""
    deltas = [
        "Looking.",
        {"tool_calls": [wire.call("f", '{"a": 1}', "x", 0)]},
        {"tool_calls": [wire.call("g", '{"b": ', "y", 1)]},
        {"tool_calls": [wire.call(None, "2}", None, 1)]},
    ]
    llm, _ = scripted(wire.stream(*deltas, finish="tool_calls"), output_version=version)
    blocks = merged(list(llm.stream("hi"))).content_blocks
    assert [b["type"] for b in blocks] == ["text", "tool_call", "tool_call"]
    assert [b.get("args") for b in blocks[1:]] == [{"a": 1}, {"b": 2}]


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
def test_v3_events_have_the_arguments(scripted: Any, wire: Any) -> None:
    """LangChain's v3 event stream has the text and complete tool calls."""
    deltas = [
        "Looking.",
        {"tool_calls": [wire.call("f", '{"a"', "x", 0)]},
        {"tool_calls": [wire.call(None, ": 1}", None, 0)]},
    ]
    llm, _ = scripted(wire.stream(*deltas, finish="tool_calls"))
    stream = llm.stream_events("hi", version="v3")
    output = stream.output
    assert output.text == "Looking."
    assert [c["args"] for c in output.tool_calls] == [{"a": 1}]


def test_cut_arguments_become_an_invalid_call(scripted: Any, wire: Any) -> None:
    """A streamed call that the token cap cut off becomes an invalid call."""
    delta = {"tool_calls": [wire.call("f", '{"city": "Lis')]}
    llm, _ = scripted(wire.stream(delta, finish="length"))
    message = merged(list(llm.stream("hi")))
    assert message.tool_calls == []
    assert message.invalid_tool_calls[0]["name"] == "f"


class TokenLogger(BaseCallbackHandler):
    """Writes the tokens that callbacks receive into a log."""

    def __init__(self, log: list[str]) -> None:
        self.log = log

    def on_llm_new_token(self, token: Any, **kwargs: Any) -> None:
        if token:
            self.log.append(f"callback {token}")


def test_callbacks_receive_each_token_once_before_its_chunk(scripted: Any, wire: Any) -> None:
    """Callbacks receive each token once, before `stream` yields its chunk."""
    log: list[str] = []
    llm, _ = scripted(wire.stream("a", "b"))
    for chunk in llm.stream("hi", config={"callbacks": [TokenLogger(log)]}):
        log += [f"chunk {chunk.content}"] if chunk.content else []
    assert log == ["callback a", "chunk a", "callback b", "chunk b"]


def test_direct_streams_report_tokens_to_the_run_manager(scripted: Any, wire: Any) -> None:
    """`_stream` reports each token once to the run manager that LangChain passes."""
    log: list[str] = []
    llm, _ = scripted(wire.stream("a", "b"))

    class Manager:
        handlers: list[Any] = []  # noqa: RUF012 - LangChain's manager declares it like this

        def on_llm_new_token(self, token: str, *, chunk: Any) -> None:
            log.append(token)

    for chunk in llm._stream([HumanMessage("hi")], run_manager=Manager()):
        log += [f"chunk {chunk.text}"]
    assert log == ["a", "chunk a", "b", "chunk b", "", "chunk "]


def test_streaming_switches(scripted: Any, wire: Any) -> None:
    """`streaming=True` streams behind `invoke`; `disable_streaming` makes `stream` one call."""
    llm, server = scripted(wire.stream("a", "b"), streaming=True)
    assert llm.invoke("hi").content == "ab"
    assert server.body["stream"] is True
    llm, server = scripted(wire.answer("ab"), disable_streaming=True)
    assert [c.content for c in llm.stream("hi")] == ["ab"]
    assert "stream" not in server.body


def test_leaving_a_stream_early_closes_it(scripted: Any, wire: Any) -> None:
    """Closing a stream early closes its connection."""
    closed: list[bool] = []

    class Body(httpx.SyncByteStream):
        def __iter__(self) -> Any:
            yield b'data: {"response":"a"}\n\n' * 3

        def close(self) -> None:
            closed.append(True)

    def reply(request: httpx.Request) -> httpx.Response:
        headers = {"content-type": "text/event-stream"}
        return httpx.Response(200, headers=headers, stream=Body())

    client = httpx.Client(transport=httpx.MockTransport(reply))
    llm, _ = scripted(wire.answer(""), http_client=client)
    stream = llm.stream("hi")
    next(stream)
    stream.close()
    assert closed == [True]
