"""Without callbacks `ChatWorkersAI` keeps no chunks and yields the chunks of LangChain's loop."""

from __future__ import annotations

import tracemalloc
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from langchain_core.callbacks import BaseCallbackHandler, get_usage_metadata_callback
from langchain_core.globals import set_debug
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, HumanMessage
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.rate_limiters import InMemoryRateLimiter
from langchain_core.runnables import RunnableConfig, RunnableLambda

import workersai
from langchain_workersai import ChatWorkersAI
from tests.langchain_workersai.scripted import Wire, merged

RUN = uuid.UUID(int=7)
CONFIG: RunnableConfig = {"run_id": RUN}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
BROKEN = [{"tool_calls": [Wire.call("f", '{"a": ', "c1")]}]
LOGPROBS = {"content": [{"token": "Hi", "logprob": -0.1, "top_logprobs": []}]}


def with_logprobs() -> list[Any]:
    events = Wire.stream("Hi", "there")
    events[0]["choices"][0]["logprobs"] = LOGPROBS
    return events


CASES: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "text": ([Wire.stream("Hel", "lo")], {}),
    "nothing": ([Wire.stream()], {}),
    "cut": ([Wire.stream("Hel", finish="length")], {}),
    "log probabilities": ([with_logprobs()], {}),
    "reasoning": ([Wire.stream({"reasoning_content": "Hm."}, "Hello")], {}),
    "think tags": ([Wire.stream("<think>Hm.", "</think>", "Hello")], {"think_tags": True}),
    "calls": (
        [
            Wire.stream(
                "Look:",
                {"tool_calls": [Wire.call("f", '{"a"', "c1")]},
                {"tool_calls": [Wire.call(None, ": 1}", None)]},  # type: ignore[arg-type]
                {"tool_calls": [Wire.call("f", "{}", "c2", 1)]},
                finish="tool_calls",
            )
        ],
        {},
    ),
    "a repeated call": (
        [Wire.stream(*BROKEN, finish="tool_calls"), Wire.stream("Sorry.")],
        {},
    ),
}


@pytest.fixture(params=CASES)
def model_and_options(request: pytest.FixtureRequest, scripted: Any) -> tuple[Any, dict[str, Any]]:
    """A model whose server gives the same answer twice, and the options of a call."""
    replies, settings = CASES[request.param]
    llm, _ = scripted(*replies, *replies, **settings)
    return llm, {"tools": [TOOL]}


def test_chunks_equal_those_of_langchains_loop(
    model_and_options: tuple[Any, dict[str, Any]],
) -> None:
    """`stream` yields chunks with the ids, metadata and set fields of LangChain's own loop."""
    llm, options = model_and_options
    ours = list(llm.stream("hi", CONFIG, **options))
    theirs = list(BaseChatModel.stream(llm, "hi", CONFIG, **options))
    assert_same(ours, theirs)


async def test_async_chunks_equal_those_of_langchains_loop(
    model_and_options: tuple[Any, dict[str, Any]],
) -> None:
    """`astream` yields chunks with the ids, metadata and set fields of LangChain's own loop."""
    llm, options = model_and_options
    ours = [chunk async for chunk in llm.astream("hi", CONFIG, **options)]
    theirs = [chunk async for chunk in BaseChatModel.astream(llm, "hi", CONFIG, **options)]
    assert_same(ours, theirs)


def assert_same(ours: list[Any], theirs: list[Any]) -> None:
    assert ours == theirs
    assert [chunk.id for chunk in ours] == [f"lc_run--{RUN}"] * len(theirs)
    assert [chunk.model_fields_set for chunk in ours] == [c.model_fields_set for c in theirs]
    assert [chunk.chunk_position for chunk in ours][-1:] == ["last"]
    assert merged(ours) == merged(theirs)


def test_each_stream_has_its_own_run_id(scripted: Any, wire: Any) -> None:
    """All chunks of a stream share a new id if the config has no `run_id`."""
    llm, _ = scripted(wire.stream("a", "b"))
    first, second = ({chunk.id for chunk in llm.stream("hi")} for _ in range(2))
    assert len(first) == len(second) == 1
    assert first != second


def test_a_stream_that_breaks_raises(scripted: Any, wire: Any) -> None:
    """A broken stream yields the text received so far and has it in its error."""
    llm, _ = scripted(wire.stream("a", finish=None), max_retries=0)
    stream = llm.stream("hi")
    assert next(stream).text == "a"
    with pytest.raises(workersai.StreamInterruptedError) as caught:
        next(stream)
    assert caught.value.partial.text == "a"


class Listener(BaseCallbackHandler):
    """Keeps the tokens of a stream and counts its ends."""

    def __init__(self) -> None:
        self.tokens: list[Any] = []
        self.ends = 0

    def on_llm_new_token(self, token: Any, **_: Any) -> None:
        self.tokens.append(token)

    def on_llm_end(self, *_: Any, **__: Any) -> None:
        self.ends += 1


@pytest.mark.parametrize("place", ["call", "model", "chain"])
def test_a_callback_receives_every_token(scripted: Any, wire: Any, place: str) -> None:
    """A callback on the call, the model or a chain receives each token and the end once."""
    listener = Listener()
    settings = {"callbacks": [listener]} if place == "model" else {}
    config: RunnableConfig = {} if place == "model" else {"callbacks": [listener]}
    llm, _ = scripted(wire.stream("Hel", "lo"), **settings)
    if place == "chain":
        chain: Any = RunnableLambda(lambda _: merged(list(llm.stream("hi")))) | (lambda m: m.text)
        assert chain.invoke("hi", config) == "Hello"
    else:
        assert merged(list(llm.stream("hi", config))).text == "Hello"
    assert listener.tokens == ["Hel", "lo", ""]
    assert listener.ends == 1


def test_a_usage_callback_of_the_context_is_called(scripted: Any, wire: Any) -> None:
    """A usage handler set by a context manager receives the usage of a stream."""
    llm, _ = scripted(wire.stream("Hello"))
    with get_usage_metadata_callback() as usage:
        list(llm.stream("hi"))
    assert [counts["total_tokens"] for counts in usage.usage_metadata.values()] == [12]


@pytest.mark.parametrize("how", ["verbose", "debug"])
def test_debug_and_verbose_of_langchain(
    scripted: Any, wire: Any, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """`set_debug` prints the run; `verbose` prints nothing for chat models."""
    llm, _ = scripted(wire.stream("Hello"), verbose=how == "verbose")
    set_debug(how == "debug")
    try:
        assert merged(list(llm.stream("hi"))).text == "Hello"
    finally:
        set_debug(False)
    assert ("[llm/end]" in capsys.readouterr().out) is (how == "debug")


async def test_events_of_a_stream(scripted: Any, wire: Any) -> None:
    """`astream_events` reports each chunk."""
    llm, _ = scripted(wire.stream("Hel", "lo"))
    events = [event async for event in llm.astream_events("hi", version="v2")]
    chunks = [e["data"]["chunk"] for e in events if e["event"] == "on_chat_model_stream"]
    assert [chunk.text for chunk in chunks] == ["Hel", "lo", ""]


def test_the_rate_limiter_is_called(scripted: Any, wire: Any) -> None:
    """A stream waits once for the rate limiter before its request."""

    class Limiter(InMemoryRateLimiter):
        calls = 0

        def acquire(self, *, blocking: bool = True) -> bool:
            self.calls += blocking
            return True

    limiter = Limiter()
    llm, _ = scripted(wire.stream("Hello"), rate_limiter=limiter)
    assert merged(list(llm.stream("hi"))).text == "Hello"
    assert limiter.calls == 1


def test_output_version_v1(scripted: Any, wire: Any) -> None:
    """With `output_version="v1"` the chunks have a list of content blocks."""
    llm, _ = scripted(wire.stream("Hello"), output_version="v1")
    assert [type(chunk.content) for chunk in llm.stream("hi")][0] is list  # noqa: RUF015 - all are


@pytest.mark.parametrize("settings", [{"disable_streaming": True}, {"streaming": False}], ids=str)
def test_streaming_can_be_switched_off(scripted: Any, wire: Any, settings: dict[str, Any]) -> None:
    """With streaming switched off `stream` sends one plain request."""
    llm, server = scripted(wire.answer("Hello"), **settings)
    assert [chunk.text for chunk in llm.stream("hi")] == ["Hello"]
    assert "stream" not in server.body


def test_options_for_traces_are_not_sent(scripted: Any, wire: Any) -> None:
    """LangChain's format of structured output is in traces, and is not sent to the model."""
    llm, server = scripted(wire.stream("Hello"))
    schema_option = {"kwargs": {"method": "json_mode"}, "schema": {"type": "object"}}
    assert merged(list(llm.stream("hi", ls_structured_output_format=schema_option))).text == "Hello"
    assert "ls_structured_output_format" not in server.body


def test_a_subclass_may_override_stream(scripted: Any, wire: Any) -> None:
    """`stream` calls the `_stream` of a subclass."""

    class Own(ChatWorkersAI):
        def _stream(self, *_: Any, **__: Any) -> Iterator[ChatGenerationChunk]:
            yield ChatGenerationChunk(message=AIMessageChunk(content="own"))

    llm, server = scripted(wire.stream("Hello"), cls=Own)
    assert merged(list(llm.stream("hi"))).text == "own"
    assert not server.requests


def test_content_blocks_are_sent_as_by_langchains_loop(scripted: Any, wire: Any) -> None:
    """ChatWorkersAI sends content blocks as LangChain's loop does, which converts them first."""
    llm, server = scripted(wire.stream("Hello"))
    blocks: Any = [HumanMessage([{"type": "text", "text": "hi"}])]
    assert list(llm.stream(blocks, CONFIG)) == list(BaseChatModel.stream(llm, blocks, CONFIG))
    assert server.bodies[0] == server.bodies[1]


def test_a_secret_among_the_options_is_refused(scripted: Any, wire: Any) -> None:
    """ChatWorkersAI refuses an option with a secret, with and without tracing."""
    llm, server = scripted(wire.stream("Hello"))
    with pytest.raises(workersai.ConfigurationError, match="default_headers"):
        list(llm.stream("hi", headers={"authorization": "Bearer secret"}))
    assert not server.requests


class Endless(httpx.SyncByteStream):
    """A stream of many events, produced while they are read."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __iter__(self) -> Iterator[bytes]:
        event = b'data: {"choices":[{"index":0,"delta":{"content":" token"}}]}\n\n'
        for _ in range(self._count):
            yield event
        yield b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
        yield b"data: [DONE]\n\n"


def test_a_long_stream_needs_little_memory(scripted: Any) -> None:
    """`stream` does not keep its chunks; LangChain's loop took 18 MB for 10,000 chunks."""
    headers = {"content-type": "text/event-stream"}

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers=headers, stream=Endless(10_000))

    client = httpx.Client(transport=httpx.MockTransport(answer))
    llm, _ = scripted({}, http_client=client)
    next(iter(llm.stream("hi")))
    tracemalloc.start()
    try:
        assert sum(1 for _ in llm.stream("hi")) == 10_001
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000
