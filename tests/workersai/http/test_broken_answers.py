"""Answers that break off or are not HTTP."""

from __future__ import annotations

import gzip

import pytest

from tests.workersai.conftest import Serve, Speaks
from tests.workersai.http.scripts import (
    FIRST,
    HELLO_BODY,
    NATIVE,
    cut_chunks,
    cut_length,
    reset,
    well,
)
from tests.workersai.loopback import Peer, Script, Seen
from tests.workersai.talking import (
    stream,
)
from workersai import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    ChatFinish,
    ContextWindowExceededError,
    ResponseError,
    RetryNotice,
    ServerError,
    StreamInterruptedError,
    TextDelta,
    Timeout,
    WorkersAIError,
)


def test_a_refused_connection(speaks: Speaks, free_port: int) -> None:
    """A refused connection is retried, and then raises an error with the host's name."""
    client = speaks(base_url=f"http://127.0.0.1:{free_port}", max_retries=1)
    notices: list[RetryNotice] = []
    with pytest.raises(APIConnectionError, match=r"127\.0\.0\.1") as caught:
        client.chat(on_retry=notices.append)
    assert not isinstance(caught.value, APITimeoutError)
    assert len(notices) == 1


def test_a_server_that_hangs_up_at_once(speaks: Speaks, serve: Serve) -> None:
    """A server that closes before any byte of its answer is retried, then raises."""
    server = serve(lambda peer, _: peer.hang_up())
    client = speaks(base_url=server.base_url, max_retries=1)
    with pytest.raises(APIConnectionError):
        client.chat()
    assert len(server.requests) == 2


def cut_in_a_chunk(peer: Peer, seen: Seen) -> None:
    peer.begin()
    peer.chunk(FIRST)
    peer.send(b"ff\r\ndata: {")
    peer.hang_up()


def close_delimited(peer: Peer, seen: Seen) -> None:
    peer.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + FIRST)
    peer.hang_up()


def clean_end(peer: Peer, seen: Seen) -> None:
    peer.stream(FIRST)


@pytest.mark.parametrize(
    "script", [cut_chunks, cut_in_a_chunk, cut_length, close_delimited, clean_end, reset]
)
def test_a_stream_that_is_cut(speaks: Speaks, serve: Serve, script: Script) -> None:
    """However a stream breaks off, the client yields what came, then raises without a retry."""
    server = serve(script)
    client = speaks(base_url=server.base_url)
    conversation = client.open()
    assert next(conversation) == TextDelta("Hel")
    with pytest.raises(StreamInterruptedError) as caught:
        list(conversation)
    assert caught.value.partial is not None
    assert caught.value.partial.text == "Hel"
    assert len(server.requests) == 1


def test_a_connection_that_breaks_after_the_finish_reason(speaks: Speaks, serve: Serve) -> None:
    """A connection that breaks after the finish reason is a success."""

    def script(peer: Peer, seen: Seen) -> None:
        peer.begin()
        peer.chunk(stream("finish_without_done"))
        peer.hang_up()

    client = speaks(base_url=serve(script).base_url)
    assert [type(event) for event in client.open()] == [TextDelta, ChatFinish]


def test_a_plain_answer_that_is_cut_is_tried_again(speaks: Speaks, serve: Serve) -> None:
    """The client retries a plain answer that breaks off, because it has returned no part of it."""

    def script(peer: Peer, seen: Seen) -> None:
        if len(peer.server.requests) == 1:
            head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999\r\n"
            peer.send(head + b"\r\n" + HELLO_BODY)
            peer.hang_up()
        else:
            well(peer, seen)

    server = serve(script)
    assert speaks(base_url=server.base_url).chat().text == "Hello"
    assert len(server.requests) == 2


NOT_HTTP = {
    "banner": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
    "header": b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000 + b"\r\n\r\n",
    "status": b"HTTP/1.1 abc OK\r\n\r\n",
}


@pytest.mark.parametrize("name", NOT_HTTP)
def test_an_answer_that_is_no_http(speaks: Speaks, serve: Serve, name: str) -> None:
    """An answer that is not HTTP raises at once, without a retry."""

    def script(peer: Peer, seen: Seen) -> None:
        peer.send(NOT_HTTP[name])
        peer.hang_up()

    server = serve(script)
    with pytest.raises(ResponseError):
        speaks(base_url=server.base_url).chat()
    assert len(server.requests) == 1


def test_a_chunk_that_is_no_chunk(speaks: Speaks, serve: Serve) -> None:
    """A broken chunk in the middle of a stream raises; the error holds the text before it."""

    def script(peer: Peer, seen: Seen) -> None:
        peer.begin()
        peer.chunk(FIRST)
        peer.server.release.wait(0.05)  # so that the client reads the first event on its own
        peer.send(b"not a size\r\n")
        peer.hang_up()

    # aiohttp reports no broken chunk, so there the idle timeout has to end the stream.
    client = speaks(base_url=serve(script).base_url, timeout=Timeout(idle=0.2))
    conversation = client.open()
    assert next(conversation) == TextDelta("Hel")
    with pytest.raises(WorkersAIError) as caught:
        list(conversation)
    assert caught.value.partial is not None
    assert caught.value.partial.text == "Hel"


@pytest.mark.parametrize(
    ("encoding", "body", "text"),
    [
        ("gzip", gzip.compress(HELLO_BODY), "Hello"),
        ("identity", HELLO_BODY, "Hello"),
        ("gzip", HELLO_BODY, None),
        ("gzip", gzip.compress(HELLO_BODY)[:-12], None),
        ("br", HELLO_BODY, None),
    ],
    ids=["gzip", "identity", "not gzip", "cut gzip", "not asked for"],
)
def test_compressed_answers(
    speaks: Speaks, serve: Serve, encoding: str, body: bytes, text: str | None
) -> None:
    """A compressed answer that the client did not ask for is read, or raises a package error."""
    server = serve(
        lambda peer, _: peer.answer(
            body, "200 OK", "application/json", f"content-encoding: {encoding}"
        )
    )
    client = speaks(base_url=server.base_url)
    if text is None:
        with pytest.raises(ResponseError):
            client.chat()
    else:
        assert client.chat().text == text
    assert len(server.requests) == 1


def test_a_compressed_stream(speaks: Speaks, serve: Serve) -> None:
    """The client yields the events of a compressed stream too."""
    server = serve(
        lambda peer, _: peer.answer(
            gzip.compress(NATIVE), "200 OK", "text/event-stream", "content-encoding: gzip"
        )
    )
    assert len(list(speaks(base_url=server.base_url).open())) == 4


@pytest.mark.parametrize("method", ["chat", "stream_chat"])
def test_a_bomb_is_not_inflated(speaks: Speaks, serve: Serve, method: str) -> None:
    """A small body that inflates to far more than the limit raises early."""
    bomb = gzip.compress(b" " * (96 << 20), 9)
    server = serve(
        lambda peer, _: peer.answer(bomb, "200 OK", "application/json", "content-encoding: gzip")
    )
    client = speaks(base_url=server.base_url)
    with pytest.raises(ResponseError):
        client.whole(method)


@pytest.mark.parametrize("status", ["200 OK", "400 Bad Request"])
def test_a_body_without_an_end(speaks: Speaks, serve: Serve, status: str) -> None:
    """An answer is read up to 16 MiB, an error up to 64 KiB; then the client hangs up."""

    def script(peer: Peer, seen: Seen) -> None:
        head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\n\r\n".encode()
        peer.sock.sendall(head)
        for _ in range(64):  # raises when the client has hung up
            peer.sock.sendall(b" " * (1 << 20))

    server = serve(script)
    with pytest.raises(ResponseError if status.startswith("200") else APIStatusError):
        speaks(base_url=server.base_url).chat()
    assert len(server.requests) == 1


@pytest.mark.parametrize("method", ["chat", "stream_chat"])
def test_an_error_before_a_stream(speaks: Speaks, serve: Serve, method: str) -> None:
    """A JSON error in reply to a stream request raises, and the connection stays usable."""
    body = b'{"errors":[{"message":"AiError: too long","code":5021}],"success":false}'
    server = serve(lambda peer, _: peer.answer(body, "413 Payload Too Large"))
    client = speaks(base_url=server.base_url)
    for _ in range(3):
        with pytest.raises(ContextWindowExceededError, match="too long"):
            client.whole(method)
    assert len(server.requests) == 3


@pytest.mark.parametrize("method", ["chat", "stream_chat"])
@pytest.mark.parametrize("extra", ["content-length: 999", "content-encoding: gzip"])
def test_an_error_whose_body_is_broken(
    speaks: Speaks, serve: Serve, extra: str, method: str
) -> None:
    """An error status with a broken body raises that error without a retry."""

    def script(peer: Peer, seen: Seen) -> None:
        peer.send(f"HTTP/1.1 401 Unauthorized\r\n{extra}\r\n\r\nno such".encode())
        peer.hang_up()

    server = serve(script)
    with pytest.raises(AuthenticationError):
        speaks(base_url=server.base_url).whole(method)
    assert len(server.requests) == 1


def test_a_page_of_html(speaks: Speaks, serve: Serve) -> None:
    """A gateway's HTML page is a server error with a short quote."""
    page = b"<html><head><title>502 Bad Gateway</title></head>" + b"x" * 9_000
    server = serve(lambda peer, _: peer.answer(page, "502 Bad Gateway", "text/html"))
    with pytest.raises(ServerError, match="502 Bad Gateway") as caught:
        speaks(base_url=server.base_url, max_retries=0).chat()
    assert caught.value.is_retryable
    assert len(caught.value.message) <= 500


@pytest.mark.parametrize("body", [b"", b"<html>Please log in</html>"], ids=["empty", "portal"])
def test_a_success_without_an_answer(speaks: Speaks, serve: Serve, body: bytes) -> None:
    """An empty 200 and the page of a captive portal raise."""
    server = serve(lambda peer, _: peer.answer(body, "200 OK", "text/html"))
    client = speaks(base_url=server.base_url)
    with pytest.raises(ResponseError):
        client.chat()
    with pytest.raises(ResponseError):
        list(client.open())
