"""Bounds on the number of our functions that run for a call, an event, a message and a vector.

The tests count functions instead of measuring time, because the counts are the same on every
machine; Python 3.12 and later, which inline comprehensions, count fewer. A change that exceeds a
bound either has a reason, and then raises the bound, or repeats work that could be done once.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import httpx
import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from llama_index.core.base.llms.types import ChatMessage, ToolCallBlock

import langchain_workersai as lc
import llamaindex_workersai as li
import workersai

OURS = tuple(str(Path(package.__file__ or "").parent) for package in (workersai, lc, li))
MODEL = "@cf/ibm-granite/granite-4.0-h-micro"
EMBEDDER = "@cf/baai/bge-base-en-v1.5"
RERANKER = "@cf/baai/bge-reranker-base"
USAGE = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


def chunk(delta: dict[str, Any], reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    event = {"choices": [choice], "model": MODEL, "usage": USAGE}
    return b"data: %b\n\n" % json.dumps(event).encode()


def text(_: int) -> bytes:
    return chunk({"content": " word"})


def piece(at: int) -> bytes:
    call: dict[str, Any] = {"index": 0, "function": {"arguments": '{"a":"' if at == 0 else "b"}}
    if at == 0:
        call |= {"id": "c", "function": {"name": "f", "arguments": '{"a":"'}}
    return chunk({"tool_calls": [call]})


class Server:
    """A server that streams `events` events made by `make`, and answers other requests at once."""

    def __init__(self) -> None:
        self.events = 10
        self.make: Callable[[int], bytes] = text

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        if body.get("stream"):
            headers = {"content-type": "text/event-stream"}
            return httpx.Response(200, headers=headers, stream=httpx.ByteStream(self._stream()))
        result: dict[str, Any] = {"choices": [{"message": {"content": "Hi"}}], "usage": USAGE}
        if "text" in body:
            result = {"data": [[0.5, 0.25]] * len(body["text"])}
        elif "contexts" in body:
            result = {"response": [{"id": i, "score": 0.5} for i, _ in enumerate(body["contexts"])]}
        answer = json.dumps({"success": True, "result": result}).encode()
        return httpx.Response(200, stream=httpx.ByteStream(answer))

    def _stream(self) -> bytes:
        reason = "stop" if self.make is text else "tool_calls"
        end = b"data: [DONE]\n\n"
        events = map(self.make, range(self.events))
        closing = chunk({"tool_calls": [{"index": 0, "function": {"arguments": '"}'}}]})
        return b"".join([*events, b"" if self.make is text else closing, chunk({}, reason), end])


@pytest.fixture(scope="module")
def server() -> Server:
    return Server()


@pytest.fixture(scope="module")
def settings(server: Server) -> Iterator[dict[str, Any]]:
    """Return the settings of every class, with one HTTP client."""
    with httpx.Client(transport=httpx.MockTransport(server)) as client:
        yield {"account_id": "0" * 32, "api_token": "token", "http_client": client}


@pytest.fixture(scope="module")
def async_settings(server: Server) -> dict[str, Any]:
    """Return the same as `settings`, with an asynchronous HTTP client."""
    client = httpx.AsyncClient(transport=httpx.MockTransport(server))
    return {"account_id": "0" * 32, "api_token": "token", "http_async_client": client}


def calls_of_ours(work: Callable[[], object]) -> int:
    """Count the functions of our packages that run, after a first run that fills the caches."""
    work()
    count = 0

    def note(frame: FrameType, event: str, _: object) -> None:
        nonlocal count
        if event == "call" and frame.f_code.co_filename.startswith(OURS):
            count += 1

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


HELLO = [ChatMessage(role="user", content="hi")]
ASK: Any = [{"role": "user", "content": "hi"}]

CALLS: dict[str, tuple[Callable[..., Any], Callable[[Any], Any], int]] = {
    "Client.chat": (workersai.Client, lambda c: c.chat(ASK), 210),
    "ChatWorkersAI.invoke": (lc.ChatWorkersAI, lambda c: c.invoke("hi"), 330),
    "WorkersAILLM.invoke": (lc.WorkersAILLM, lambda c: c.invoke("hi"), 270),
    "WorkersAI.chat": (li.WorkersAI, lambda c: c.chat(HELLO), 290),
    "WorkersAI.complete": (li.WorkersAI, lambda c: c.complete("hi"), 260),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_runs_a_bounded_number_of_functions(name: str, settings: dict[str, Any]) -> None:
    """The client and each text class run at most `most` of our functions for a call."""
    make, ask, most = CALLS[name]
    client = make(MODEL, **settings)
    assert calls_of_ours(lambda: ask(client)) <= most


STREAMS: dict[str, tuple[Callable[..., Any], Callable[[Any], Any], float, float]] = {
    "Client": (workersai.Client, lambda c: c.stream_chat(ASK, tools=[TOOL]), 9, 20),
    "ChatWorkersAI": (lc.ChatWorkersAI, lambda c: c.stream("hi", tools=[TOOL]), 15, 26),
    "WorkersAILLM": (lc.WorkersAILLM, lambda c: c.stream("hi"), 12, 0),
    "WorkersAI": (li.WorkersAI, lambda c: c.stream_chat(HELLO, tools=[TOOL]), 22, 33),
    "WorkersAI, no tools": (li.WorkersAI, lambda c: c.stream_chat(HELLO), 20, 0),
    "WorkersAI, a prompt": (li.WorkersAI, lambda c: c.stream_complete("hi"), 24, 0),
}


async def awaited(stream: Any) -> None:
    async for _ in await stream if inspect.iscoroutine(stream) else stream:
        pass


def read(stream: Any) -> None:
    if inspect.iscoroutine(stream):
        asyncio.run(stream)
        return
    for _ in stream:
        pass


def per_event(server: Server, make: Callable[[int], bytes], work: Callable[[], Any]) -> float:
    """Count the functions that each additional event runs."""
    counts = []
    server.make = make
    for events in (10, 110):
        server.events = events
        counts.append(calls_of_ours(lambda: read(work())))
    return (counts[1] - counts[0]) / 100


@pytest.mark.parametrize("name", STREAMS)
def test_an_event_of_text_runs_a_bounded_number_of_functions(
    name: str, settings: dict[str, Any], server: Server
) -> None:
    """The client and each text class run at most `most` of our functions for an event of text."""
    make, ask, most, _ = STREAMS[name]
    client = make(MODEL, **settings)
    assert per_event(server, text, lambda: ask(client)) <= most


@pytest.mark.parametrize(
    ("make", "ask", "most"),
    [
        (lc.ChatWorkersAI, lambda c: awaited(c.astream("hi")), 13),
        (li.WorkersAI, lambda c: awaited(c.astream_chat(HELLO)), 20),
    ],
    ids=["ChatWorkersAI", "WorkersAI"],
)
def test_an_event_of_an_async_stream_runs_a_bounded_number_of_functions(
    make: Any, ask: Any, most: float, async_settings: dict[str, Any], server: Server
) -> None:
    """Both chat classes run at most `most` of our functions for an event of an async stream."""
    client = make(MODEL, **async_settings)
    assert per_event(server, text, lambda: ask(client)) <= most


@pytest.mark.parametrize("name", [name for name, row in STREAMS.items() if row[3]])
def test_a_piece_of_a_tool_call_runs_a_bounded_number_of_functions(
    name: str, settings: dict[str, Any], server: Server
) -> None:
    """The client and each chat class run at most `most` functions for a piece of a tool call."""
    make, ask, _, most = STREAMS[name]
    client = make(MODEL, **settings)
    assert per_event(server, piece, lambda: ask(client)) <= most


def langchain_history(turns: int) -> list[Any]:
    calls = [{"name": "f", "args": {"a": 1}, "id": "c"}]
    turn = [
        HumanMessage("Hi."),
        AIMessage("", tool_calls=calls),
        ToolMessage("1", tool_call_id="c"),
        AIMessage("Hello."),
    ]
    return turn * turns


def llamaindex_history(turns: int) -> list[ChatMessage]:
    call = ToolCallBlock(tool_call_id="c", tool_name="f", tool_kwargs={"a": 1})
    turn = [
        ChatMessage(role="user", content="Hi."),
        ChatMessage(role="assistant", blocks=[call]),
        ChatMessage(role="tool", content="1", additional_kwargs={"tool_call_id": "c"}),
        ChatMessage(role="assistant", content="Hello."),
    ]
    return turn * turns


@pytest.mark.parametrize(
    ("make", "history", "most"),
    [(lc.ChatWorkersAI, langchain_history, 15), (li.WorkersAI, llamaindex_history, 13)],
)
def test_a_message_of_a_history_runs_a_bounded_number_of_functions(
    make: Any, history: Callable[[int], Any], most: float, settings: dict[str, Any]
) -> None:
    """Both chat classes run a bounded number of functions a message, however long the history."""
    llm = make(MODEL, **settings)
    ask = llm.invoke if make is lc.ChatWorkersAI else llm.chat
    counts = [calls_of_ours(lambda: ask(history(turns))) for turns in (5, 30, 55)]  # noqa: B023 - run at once
    assert (counts[1] - counts[0]) / 100 <= most
    assert counts[2] - counts[1] <= 1.1 * (counts[1] - counts[0])


@pytest.mark.parametrize(
    ("make", "embed", "most"),
    [
        (lc.WorkersAIEmbeddings, "embed_documents", 15),
        (li.WorkersAIEmbedding, "get_text_embedding_batch", 15),
    ],
)
def test_a_text_to_embed_runs_a_bounded_number_of_functions(
    make: Any, embed: str, most: float, settings: dict[str, Any]
) -> None:
    """The embeddings of both faces run at most `most` of our functions for a text."""
    model = make(EMBEDDER, **settings)
    counts = []
    for count in (10, 100):
        texts = [f"text {at}" for at in range(count)]
        counts.append(calls_of_ours(lambda: getattr(model, embed)(texts)))  # noqa: B023 - run at once
    assert (counts[1] - counts[0]) / 90 <= most


@pytest.mark.parametrize("name", ["Client", "WorkersAI, no tools"])
def test_a_stream_keeps_only_text(name: str, settings: dict[str, Any], server: Server) -> None:
    """A stream keeps no more than 32 bytes an event, which is its text."""
    make, ask, *_ = STREAMS[name]
    client = make(MODEL, **settings)
    server.make, kept = text, []
    for events in (10, 2010):
        server.events = events
        stream = iter(ask(client))
        next(stream)
        tracemalloc.start()
        try:
            read(stream)
            kept.append(tracemalloc.get_traced_memory()[0])
        finally:
            tracemalloc.stop()
    assert (kept[1] - kept[0]) / 2000 < 32
