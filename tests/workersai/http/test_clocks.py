"""The timeouts of both engines."""

from __future__ import annotations

import threading
import time

import pytest

from tests.workersai.conftest import Serve, Speaks
from tests.workersai.http.scripts import (
    FIRST,
    hang,
    stall,
)
from tests.workersai.loopback import WAIT, Peer, Script, Seen
from workersai import (
    APITimeoutError,
    RetryNotice,
    ServerError,
    TextDelta,
    Timeout,
)


def ping(peer: Peer, seen: Seen) -> None:
    """Begin a stream and send comments without end."""
    peer.begin()
    peer.chunk(FIRST)
    while not peer.server.release.wait(0.01):
        peer.sock.sendall(b"8\r\n: ping\n\n\r\n")


def drip(peer: Peer, seen: Seen) -> None:
    """Send a whole answer a byte at a time, without ever finishing it."""
    peer.begin("application/json")
    while not peer.server.release.wait(0.01):
        peer.sock.sendall(b"1\r\n \r\n")


def test_an_answer_that_never_begins(speaks: Speaks, serve: Serve) -> None:
    """When `first_byte` runs out, the client closes the connection."""
    server = serve(hang)
    client = speaks(base_url=server.base_url, timeout=Timeout(first_byte=0.1), max_retries=0)
    with pytest.raises(APITimeoutError) as caught:
        client.whole("stream_chat")
    assert caught.value.phase == "first_byte"
    assert "0.1 s" in str(caught.value)
    assert server.gone.wait(WAIT)


def test_embeddings_that_never_begin_are_tried_again(speaks: Speaks, serve: Serve) -> None:
    """The client retries embeddings after a timeout before the answer, and reports the retry."""

    def script(peer: Peer, seen: Seen) -> None:
        if len(peer.server.requests) == 1:
            peer.wait_for_hang_up()
        else:
            peer.answer(b'{"success":true,"result":{"data":[[1.0]]}}')

    server = serve(script)
    client = speaks(base_url=server.base_url, timeout=Timeout(first_byte=0.1))
    notices: list[RetryNotice] = []
    assert client.call("embed", ["a"], on_retry=notices.append).vectors == [[1.0]]
    assert [type(notice.error) for notice in notices] == [APITimeoutError]


@pytest.mark.parametrize("script", [stall, ping])
def test_a_stream_that_stalls(speaks: Speaks, serve: Serve, script: Script) -> None:
    """A stream without an event for `idle` seconds raises, comments or not, and keeps its text."""
    server = serve(script)
    client = speaks(base_url=server.base_url, timeout=Timeout(idle=0.15))
    conversation = client.open()
    assert next(conversation) == TextDelta("Hel")
    began = time.monotonic()
    with pytest.raises(APITimeoutError) as caught:
        next(conversation)
    assert 0.1 < time.monotonic() - began < 2
    assert caught.value.phase == "idle"
    assert caught.value.partial is not None
    assert caught.value.partial.text == "Hel"
    assert len(server.requests) == 1
    if script is stall:
        assert server.gone.wait(WAIT)


def test_a_slow_reader_is_no_stall(speaks: Speaks, serve: Serve) -> None:
    """The time that the caller takes for an event does not count as idle."""
    go_on = threading.Event()

    def script(peer: Peer, seen: Seen) -> None:
        peer.begin()
        peer.chunk(FIRST)
        go_on.wait(WAIT)
        peer.chunk(b'data: {"response":"lo"}\n\ndata: [DONE]\n\n')
        peer.end()

    server = serve(script)
    client = speaks(base_url=server.base_url, timeout=Timeout(idle=0.2))
    conversation = client.open()
    next(conversation)
    threading.Event().wait(0.3)  # the caller's own time, longer than the idle timeout
    go_on.set()
    assert next(conversation) == TextDelta("lo")
    conversation.close()


@pytest.mark.parametrize(("script", "method"), [(hang, "chat"), (drip, "chat"), (stall, "stream")])
def test_the_total_bounds_everything(
    speaks: Speaks, serve: Serve, script: Script, method: str
) -> None:
    """Whatever the server does, the call ends after `total` seconds."""
    server = serve(script)
    client = speaks(base_url=server.base_url, timeout=0.25)
    began = time.monotonic()
    with pytest.raises(APITimeoutError) as caught:
        client.whole(method)
    assert time.monotonic() - began < 2
    assert caught.value.phase == "total"
    assert "0.25 s" in str(caught.value)


def test_retries_end_before_the_deadline(speaks: Speaks, serve: Serve) -> None:
    """The client stops retrying a busy server when `total` is over."""
    server = serve(lambda peer, _: peer.answer(b"{}", "503 Busy"))
    client = speaks(base_url=server.base_url, timeout=0.5, max_retries=100)
    began = time.monotonic()
    with pytest.raises(ServerError):
        client.chat()
    assert time.monotonic() - began < 1.5
