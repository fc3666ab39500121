"""The client does not repeat a call that may have been paid for, and waits long enough for it."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import nullcontext
from typing import Any, NamedTuple

import pytest

from langchain_workersai import WorkersAILLM
from tests.faults import scripts
from tests.faults.conftest import Serve, Speaks
from tests.faults.scripts import TEXT, refuse
from tests.workersai.loopback import Loopback, Peer, Seen
from tests.workersai.talking import ACCOUNT, CALL_STYLES, RERANKER, TOKEN, UNKNOWN, CallStyle
from tests.workersai.talking import speaker as client_speaker
from workersai import APIConnectionError, APITimeoutError, ServerError, Timeout
from workersai._clocks import Clocks

HOW = ("plain", "stream")


def think_first(peer: Peer, seen: Seen) -> None:
    """Answer well, but only after the tests' `first_byte`."""
    peer.server.release.wait(0.15)
    scripts.well(peer, seen)


def answer_slowly(peer: Peer, seen: Seen) -> None:
    """Send the head of a plain answer at once, and its body after `idle`."""
    peer.begin("application/json")
    peer.server.release.wait(0.15)
    peer.chunk(scripts.WHOLE)
    peer.end()


def test_a_plain_answer_may_begin_as_late_as_it_ends(speaks: Speaks, serve: Serve) -> None:
    """`first_byte` does not limit a plain generation, even if the caller set it."""
    server = serve(think_first)
    assert speaks(server, timeout=Timeout(first_byte=0.05)).ask() == TEXT
    assert len(server.requests) == 1


@pytest.mark.parametrize("how", HOW)
def test_a_whole_answer_has_no_idle_clock(speaks: Speaks, serve: Serve, how: str) -> None:
    """`idle` limits no plain answer, even in reply to a stream request: it has no events."""
    server = serve(answer_slowly)
    assert speaks(server, timeout=Timeout(idle=0.05)).either(how) == TEXT
    assert len(server.requests) == 1


def begin_and_hang(peer: Peer, seen: Seen) -> None:
    """Send the head of a stream and no event."""
    peer.begin()
    peer.wait_for_hang_up()


CLOCKS: dict[str, tuple[str, Any, str]] = {
    "plain": ("plain", Timeout(total=0.1), "total"),
    "plain, a number": ("plain", 0.1, "total"),
    "stream, first byte": ("stream", Timeout(first_byte=0.1), "first_byte"),
    "stream, idle": ("stream", Timeout(idle=0.1), "idle"),
    "stream, a number": ("stream", 0.1, "total"),
}


@pytest.mark.parametrize("name", CLOCKS)
def test_a_generation_that_ran_into_a_clock_is_asked_for_once(
    speaks: Speaks, serve: Serve, name: str
) -> None:
    """The error names the timeout, its seconds and the setting; the client sends one request."""
    how, timeout, phase = CLOCKS[name]
    server = serve(begin_and_hang if phase == "idle" else scripts.hang)
    with pytest.raises(APITimeoutError) as caught:
        speaks(server, timeout=timeout, max_retries=5).either(how)
    assert caught.value.phase == phase
    assert not caught.value.is_retryable
    for words in ("0.1 s", "paid for", f"'{phase}'", f"Timeout({phase}=0.2)"):
        assert words in str(caught.value)
    assert server.gone.wait(5)
    assert len(server.requests) == 1


def test_embeddings_that_ran_into_a_clock_are_asked_for_again(
    speaks: Speaks, serve: Serve, no_waiting: list[float]
) -> None:
    """The client retries embeddings after a timeout, because they are fast and cheap."""

    def script(peer: Peer, seen: Seen) -> None:
        (scripts.hang if len(peer.server.requests) == 1 else scripts.well)(peer, seen)

    server = serve(script)
    speaker = speaks(server, task="embed", timeout=Timeout(first_byte=0.1))
    assert speaker.embed(["a", "b"]) == [[0.0, 1.0], [1.0, 1.0]]
    assert len(server.requests) == 2


RANKED = json.dumps({"success": True, "result": {"response": [{"id": 0, "score": 0.5}]}}).encode()
LISTED = json.dumps({"success": True, "result": []}).encode()
QUEUED = json.dumps(
    {"success": True, "result": {"status": "queued", "request_id": "id-1", "model": UNKNOWN}}
).encode()


def hang_once_then(body: bytes, serve: Serve) -> Loopback:
    def script(peer: Peer, seen: Seen) -> None:
        if len(peer.server.requests) == 1:
            peer.wait_for_hang_up()
        else:
            peer.answer(body)

    return serve(script)


class Asked(NamedTuple):
    """A call, the answer to its second request, and how many requests the server should see."""

    method: str
    arguments: tuple[Any, ...]
    body: bytes
    requests: int


CALLS = {
    "rerank": Asked("rerank", ("what", ["a document"]), RANKED, 2),
    "models": Asked("list_models", (), LISTED, 2),
    "batch": Asked("batches.submit", ([{"prompt": "Hello"}],), QUEUED, 1),
    "batch of texts": Asked("batches.submit", ([{"texts": ["Hello"]}],), QUEUED, 1),
}


@pytest.mark.parametrize("call_style", CALL_STYLES)
@pytest.mark.parametrize("name", CALLS)
def test_what_else_is_asked_again(
    serve: Serve, no_waiting: list[float], call_style: CallStyle, name: str
) -> None:
    """The client retries a rerank and the catalogue, but no batch, which may be in the queue."""
    case = CALLS[name]
    server = hang_once_then(case.body, serve)
    model = RERANKER if name == "rerank" else UNKNOWN
    timeout = Timeout(first_byte=0.1)
    client = client_speaker(call_style, model=model, base_url=server.base_url, timeout=timeout)
    fails = pytest.raises(APITimeoutError) if case.requests == 1 else nullcontext()
    try:
        with fails:
            client.call(case.method, *case.arguments)
    finally:
        client.close()
    assert len(server.requests) == case.requests


@pytest.mark.parametrize("call_style", CALL_STYLES)
def test_a_completion_is_waited_for_too(serve: Serve, call_style: CallStyle) -> None:
    """`first_byte` does not limit a completion of `WorkersAILLM`."""
    assert complete(serve(think_first), Timeout(first_byte=0.05), call_style) == TEXT


@pytest.mark.parametrize("call_style", CALL_STYLES)
def test_a_completion_is_asked_for_once_too(serve: Serve, call_style: CallStyle) -> None:
    """`WorkersAILLM` does not repeat a prompt after a timeout."""
    server = serve(scripts.hang)
    with pytest.raises(APITimeoutError):
        complete(server, 0.1, call_style)
    assert len(server.requests) == 1


def complete(server: Loopback, timeout: float | Timeout, call_style: CallStyle) -> str:
    llm = WorkersAILLM(
        UNKNOWN, base_url=server.base_url, timeout=timeout, account_id=ACCOUNT, api_token=TOKEN
    )

    async def awaited() -> str:
        try:
            return await llm.ainvoke("Hi")
        finally:
            await llm.aclose()

    try:
        return llm.invoke("Hi") if call_style == "sync" else asyncio.run(awaited())
    finally:
        llm.close()


@pytest.mark.parametrize("how", HOW)
def test_a_generation_that_cloudflare_stopped_is_asked_for_once(
    speaks: Speaks, serve: Serve, no_waiting: list[float], how: str
) -> None:
    """The client does not retry 408 with 3046: a repeat would take and cost as much."""
    server = serve(refuse("408 Request Timeout", 3046))
    with pytest.raises(ServerError) as caught:
        speaks(server).either(how)
    assert not caught.value.is_retryable
    assert len(server.requests) == 1


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("status", ["504 Gateway Timeout", "524 A Timeout Occurred"])
def test_a_gateway_that_fails_at_once_is_asked_again(
    speaks: Speaks, serve: Serve, no_waiting: list[float], status: str, how: str
) -> None:
    """The client retries such an answer, because the server cannot have generated text so fast."""

    def script(peer: Peer, seen: Seen) -> None:
        if len(peer.server.requests) == 1:
            peer.answer(b"<html>", status, "text/html")
        else:
            scripts.well(peer, seen)

    assert speaks(serve(script)).either(how) == TEXT


@pytest.mark.parametrize(
    ("is_repeatable", "seconds", "is_connecting", "expected"),
    [
        (False, 1, False, True),
        (False, 100, False, False),
        (False, 100, True, True),
        (True, 100, False, True),
    ],
)
def test_a_connection_that_broke_late(
    monkeypatch: pytest.MonkeyPatch,
    is_repeatable: bool,
    seconds: float,
    is_connecting: bool,
    expected: bool,
) -> None:
    """The client retries a connection that broke at once, not one that broke after minutes."""
    clocks = Clocks(Timeout(), time.monotonic() + 600, is_repeatable=is_repeatable)
    later = time.monotonic() + seconds
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert clocks.may_repeat(is_connecting=is_connecting) is expected


@pytest.mark.parametrize(("seconds", "expected"), [(0.1, True), (100, False)])
def test_a_used_connection_that_broke_late_was_not_just_closing(
    monkeypatch: pytest.MonkeyPatch, seconds: float, expected: bool
) -> None:
    """The free second attempt is only for a connection that was closed as the request was sent."""
    clocks = Clocks(Timeout(), time.monotonic() + 600)
    clocks.is_stale = True
    later = time.monotonic() + seconds
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert clocks.met_a_closing_connection(APIConnectionError("closed")) is expected
