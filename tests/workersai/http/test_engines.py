"""Both engines against a server of raw sockets: connections, clocks, faults, secrets."""

from __future__ import annotations

import asyncio
import gc
import gzip
import logging
import os
import signal
import socket
import ssl
import threading
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.workersai.conftest import Serve, Speaks
from tests.workersai.loopback import WAIT, Loopback, Peer, Script, Seen
from tests.workersai.talking import (
    ACCOUNT,
    HELLO,
    TOKEN,
    UNKNOWN,
    Colour,
    Speaker,
    answer,
    speaker,
    stream,
)
from workersai import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AsyncClient,
    AuthenticationError,
    Client,
    ContextWindowExceededError,
    Finish,
    ResponseError,
    RetryNotice,
    ServerError,
    StreamInterruptedError,
    TextDelta,
    Timeout,
    WorkersAIError,
)
from workersai._http import sync, tls
from workersai._http.aio_pool import AsyncConnection
from workersai._http.sync_pool import SyncConnection, SyncPool
from workersai._http.targets import Route

HELLO_BODY = answer("native_text")
NATIVE = stream("native")
FIRST = b'data: {"response":"Hel"}\n\n'


def well(peer: Peer, seen: Seen) -> None:
    """Answer as Workers AI does."""
    if b'"stream":true' in seen.body:
        peer.stream(NATIVE)
    else:
        peer.answer(HELLO_BODY)


# ------------------------------------------------------------------------------- laziness


def test_making_a_client_costs_nothing(speaks: Speaks, monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection, no SSL context and no HTTP client in a constructor."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("a constructor must not do this")

    monkeypatch.setattr(ssl, "SSLContext", refuse)
    monkeypatch.setattr(ssl, "create_default_context", refuse)
    monkeypatch.setattr(httpx, "create_ssl_context", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(httpx.Client, "__init__", refuse)
    monkeypatch.setattr(httpx.AsyncClient, "__init__", refuse)
    speaks()


def test_https_clients_share_one_ssl_context(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading the certificates takes tens of milliseconds: once is enough."""
    made: list[ssl.SSLContext] = []

    def make(**_: Any) -> ssl.SSLContext:
        made.append(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        return made[-1]

    monkeypatch.setattr(ssl, "create_default_context", make)
    tls.shared_ssl_context.cache_clear()
    try:
        contexts = {id(tls.shared_ssl_context(tls.Trust())) for _ in range(3)}
    finally:
        tls.shared_ssl_context.cache_clear()
    assert len(contexts) == len(made) == 1


# ---------------------------------------------------------------------------- connections


def test_connections_are_used_again(speaks: Speaks, serve: Serve) -> None:
    """Twenty streams and twenty calls need no more than two connections."""
    server = serve(well)
    client = speaks(base_url=server.base_url)
    for _ in range(20):
        assert isinstance(list(client.open())[-1], Finish)
        assert client.chat().text == "Hello"
    assert len(server.requests) == 40
    assert server.connections <= 2


def test_what_is_sent_over_the_wire(speaks: Speaks, serve: Serve) -> None:
    """The model's id stands in the path as it is, and compression is not asked for."""
    server = serve(well)
    speaks(base_url=server.base_url).chat()
    (seen,) = server.requests
    assert seen.path == f"/client/v4/accounts/{ACCOUNT}/ai/run/{UNKNOWN}"
    assert seen.header("authorization") == f"Bearer {TOKEN}"
    assert seen.header("accept-encoding") == "identity"
    assert seen.json == {"messages": HELLO}


def test_closing_closes_the_connections(speaks: Speaks, serve: Serve) -> None:
    """After `close` the server has seen the end, and another call opens anew."""
    server = serve(well)
    client = speaks(base_url=server.base_url)
    client.chat()
    client.wait(client.client.close() if client.colour == "sync" else client.client.aclose())
    client.chat()
    assert server.connections == 2


@pytest.mark.parametrize("method", ["chat", "stream_chat"])
def test_closing_ends_what_is_under_way(colour: Colour, serve: Serve, method: str) -> None:
    """Who waits for an answer is told at once, and need not wait until a clock runs out."""
    begun = threading.Event()

    def begin(peer: Peer, seen: Seen) -> None:
        if method == "chat":
            peer.begin("application/json")
            peer.chunk(HELLO_BODY[:9])
        else:
            peer.begin()
            peer.chunk(FIRST)
        begun.set()
        peer.server.release.wait(WAIT)

    client = speaker(colour, base_url=serve(begin).base_url, max_retries=0)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(client.whole, method)
        assert begun.wait(WAIT)
        started = time.monotonic()
        close_from_elsewhere(client)
        with pytest.raises((APIConnectionError, StreamInterruptedError)) as caught:
            asked.result(WAIT)
    assert time.monotonic() - started < 1
    assert not isinstance(caught.value, APITimeoutError)
    client.close()


@pytest.mark.parametrize("kind", [SyncConnection, AsyncConnection])
@pytest.mark.parametrize("is_copy", [False, True])
def test_a_connection_ends_for_whoever_reads_it(
    loopback: None, kind: type[Any], *, is_copy: bool
) -> None:
    """Closing alone would leave a read of another thread waiting; a fork's copy ends nothing."""
    ours, theirs = socket.socketpair()
    with ours, theirs, ours.dup() as reading:
        reading.settimeout(0.05)
        held = kind(ours)
        if is_copy:
            held._pid += 1
        held.shut_down()
        if is_copy:
            with pytest.raises(TimeoutError):
                reading.recv(1)
        else:
            assert reading.recv(1) == b""


def close_from_elsewhere(client: Speaker) -> None:
    """Close a client that another thread is asking."""
    if client._loop is None:
        client.client.close()
    else:
        asyncio.run_coroutine_threadsafe(client.client.aclose(), client._loop).result(WAIT)


def test_a_close_that_is_cancelled_closes_all_the_same(serve: Serve) -> None:
    """An event loop that ends cancels whoever closes; nothing stays open behind it."""
    begun = threading.Event()

    def hang(peer: Peer, seen: Seen) -> None:
        begun.set()
        peer.server.release.wait(WAIT)

    server = serve(hang)

    async def main() -> None:
        client = make(AsyncClient, server, max_retries=0)
        asked = asyncio.ensure_future(client.chat(HELLO))
        assert await asyncio.to_thread(begun.wait, WAIT)
        (used,) = client._sender._engine._used.values()
        (response,) = used.active
        closing = asyncio.ensure_future(client.aclose())
        await asyncio.sleep(0)
        closing.cancel()
        outcomes: Any = await asyncio.gather(closing, asked, return_exceptions=True)
        assert isinstance(outcomes[1], APIConnectionError)
        assert response._connection is None
        assert not client._sender._engine._used

    asyncio.run(main())


def test_a_closed_client_keeps_no_connection(serve: Serve) -> None:
    """A client that is closed and used in turns has closed each of its old connections."""
    server = serve(well)
    client = make(Client, server)
    for number in range(1, 6):
        assert client.chat(HELLO).text
        pool = client._sender._engine._pool
        assert len(pool._idle) == 1
        client.close()
        assert not pool._idle
        assert server.connections == number


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_while_another_thread_makes_its_first_call(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child does not wait for a lock whose holder it does not have."""
    client, find = make(Client, serve(well)), sync.shared_pool
    is_making, may_go = threading.Event(), threading.Event()

    def slow(route: Route) -> SyncPool:
        is_making.set()
        assert may_go.wait(WAIT)
        return find(route)

    monkeypatch.setattr(sync, "shared_pool", slow)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(client.chat, HELLO)
        assert is_making.wait(WAIT)
        if not (child := os.fork()):
            signal.alarm(int(WAIT))  # ends a child that waits for ever
            sync.shared_pool = find
            os._exit(0 if client.chat(HELLO).text else 1)
        may_go.set()
        assert asked.result(WAIT).text
    assert os.waitpid(child, 0)[1] == 0
    client.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_that_closes_does_not_end_its_parent_s_stream(serve: Serve) -> None:
    """The connection is the parent's; the child has a copy of its descriptor."""

    def in_two(peer: Peer, seen: Seen) -> None:
        peer.begin()
        peer.chunk(FIRST)
        peer.server.release.wait(WAIT)
        peer.chunk(b"data: [DONE]\n\n")
        peer.end()

    server = serve(in_two)
    client = make(Client, server)
    events = client.stream_chat(HELLO)
    assert next(events) == TextDelta("Hel")
    if not (child := os.fork()):
        events.close()
        client.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    server.release.set()
    assert isinstance([*events][-1], Finish)
    client.close()


@pytest.mark.parametrize("how", ["close", "drop"])
def test_an_abandoned_stream_closes_its_connection(speaks: Speaks, serve: Serve, how: str) -> None:
    """The server need not go on writing for nobody."""

    def script(peer: Peer, seen: Seen) -> None:
        peer.begin()
        peer.chunk(FIRST)
        peer.wait_for_hang_up()

    server = serve(script)
    client = speaks(base_url=server.base_url)
    conversation: Any = client.open()
    assert next(conversation) == TextDelta("Hel")
    if how == "close":
        conversation.close()
    else:
        del conversation
        gc.collect()
        if client.colour == "async":
            client.wait(asyncio.sleep(0.01))  # the loop closes what was dropped
    assert server.gone.wait(WAIT)
    assert len(server.requests) == 1


def test_a_cancelled_task_closes_its_connection(serve: Serve) -> None:
    """Cancelling in the middle of a stream is heard by the server, and passes through."""

    def script(peer: Peer, seen: Seen) -> None:
        peer.begin()
        peer.chunk(FIRST)
        peer.wait_for_hang_up()

    server = serve(script)

    async def main() -> None:
        client = AsyncClient(UNKNOWN, account_id=ACCOUNT, api_token=TOKEN, base_url=server.base_url)
        started = asyncio.Event()

        async def read() -> None:
            async for _ in client.stream_chat(HELLO):
                started.set()

        task = asyncio.create_task(read())
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(server.gone.wait, WAIT)
        await client.aclose()

    asyncio.run(main())


def test_a_socket_that_stays_open_after_done(speaks: Speaks, serve: Serve) -> None:
    """`[DONE]` is the end, whatever the server does with its socket."""

    def script(peer: Peer, seen: Seen) -> None:
        peer.begin()
        peer.chunk(NATIVE)
        peer.server.release.wait(WAIT)

    server = serve(script)
    client = speaks(base_url=server.base_url)
    began = time.monotonic()
    assert isinstance(list(client.open())[-1], Finish)
    assert time.monotonic() - began < 2


def test_an_idle_connection_that_the_server_closed(speaks: Speaks, serve: Serve) -> None:
    """A connection that went while nobody used it is no error."""

    def script(peer: Peer, seen: Seen) -> None:
        well(peer, seen)
        peer.hang_up()

    server = serve(script)
    client = speaks(base_url=server.base_url)
    for _ in range(5):
        assert client.chat().text == "Hello"
    assert len(server.requests) == 5


def test_a_connection_that_closes_under_the_second_request(speaks: Speaks, serve: Serve) -> None:
    """The race of keep-alive: the server sees the request twice, the caller one answer."""

    def script(peer: Peer, seen: Seen) -> None:
        if len(peer.server.requests) == 2:
            peer.hang_up()
        else:
            well(peer, seen)

    server = serve(script)
    client = speaks(base_url=server.base_url)
    assert [client.chat().text for _ in range(2)] == ["Hello", "Hello"]
    assert len(server.requests) == 3


# --------------------------------------------------------------------------------- clocks


def hang(peer: Peer, seen: Seen) -> None:
    """Accept and never answer."""
    peer.wait_for_hang_up()


def stall(peer: Peer, seen: Seen) -> None:
    """Begin a stream and never go on."""
    peer.begin()
    peer.chunk(FIRST)
    peer.wait_for_hang_up()


def ping(peer: Peer, seen: Seen) -> None:
    """Begin a stream and send comments for ever."""
    peer.begin()
    peer.chunk(FIRST)
    while not peer.server.release.wait(0.01):
        peer.sock.sendall(b"8\r\n: ping\n\n\r\n")


def drip(peer: Peer, seen: Seen) -> None:
    """Send a whole answer a byte at a time, never to its end."""
    peer.begin("application/json")
    while not peer.server.release.wait(0.01):
        peer.sock.sendall(b"1\r\n \r\n")


def test_an_answer_that_never_begins(speaks: Speaks, serve: Serve) -> None:
    """`first_byte` runs out, the connection is closed."""
    server = serve(hang)
    client = speaks(base_url=server.base_url, timeout=Timeout(first_byte=0.1), max_retries=0)
    with pytest.raises(APITimeoutError) as caught:
        client.whole("stream_chat")
    assert caught.value.phase == "first_byte"
    assert "0.1 s" in str(caught.value)
    assert server.gone.wait(WAIT)


def test_embeddings_that_never_begin_are_tried_again(speaks: Speaks, serve: Serve) -> None:
    """A timeout before the answer may be bad luck; the caller hears of the retry."""

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
    """`idle` runs out between two events, pings or not; what had come is kept."""
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
    """The time that the caller takes over an event does not run on the idle clock."""
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
    threading.Event().wait(0.3)  # the caller's own time, longer than the clock
    go_on.set()
    assert next(conversation) == TextDelta("lo")
    conversation.close()


@pytest.mark.parametrize(("script", "method"), [(hang, "chat"), (drip, "chat"), (stall, "stream")])
def test_the_total_bounds_everything(
    speaks: Speaks, serve: Serve, script: Script, method: str
) -> None:
    """Whatever the server does, the call is over when `total` is."""
    server = serve(script)
    client = speaks(base_url=server.base_url, timeout=0.25)
    began = time.monotonic()
    with pytest.raises(APITimeoutError) as caught:
        client.whole(method)
    assert time.monotonic() - began < 2
    assert caught.value.phase == "total"
    assert "0.25 s" in str(caught.value)


def test_retries_end_before_the_deadline(speaks: Speaks, serve: Serve) -> None:
    """A server that is always busy is not asked beyond `total`."""
    server = serve(lambda peer, _: peer.answer(b"{}", "503 Busy"))
    client = speaks(base_url=server.base_url, timeout=0.5, max_retries=100)
    began = time.monotonic()
    with pytest.raises(ServerError):
        client.chat()
    assert time.monotonic() - began < 1.5


# --------------------------------------------------------------------------------- faults


def test_nobody_listens(speaks: Speaks, free_port: int) -> None:
    """A refused connection is tried again and then raised, naming the host."""
    client = speaks(base_url=f"http://127.0.0.1:{free_port}", max_retries=1)
    notices: list[RetryNotice] = []
    with pytest.raises(APIConnectionError, match=r"127\.0\.0\.1") as caught:
        client.chat(on_retry=notices.append)
    assert not isinstance(caught.value, APITimeoutError)
    assert len(notices) == 1


def test_a_server_that_hangs_up_at_once(speaks: Speaks, serve: Serve) -> None:
    """No byte of an answer: tried again, then a connection error."""
    server = serve(lambda peer, _: peer.hang_up())
    client = speaks(base_url=server.base_url, max_retries=1)
    with pytest.raises(APIConnectionError):
        client.chat()
    assert len(server.requests) == 2


def cut_chunks(peer: Peer, seen: Seen) -> None:
    peer.begin()
    peer.chunk(FIRST)
    peer.hang_up()


def cut_in_a_chunk(peer: Peer, seen: Seen) -> None:
    peer.begin()
    peer.chunk(FIRST)
    peer.send(b"ff\r\ndata: {")
    peer.hang_up()


def cut_length(peer: Peer, seen: Seen) -> None:
    peer.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 999\r\n\r\n")
    peer.send(FIRST)
    peer.hang_up()


def close_delimited(peer: Peer, seen: Seen) -> None:
    peer.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + FIRST)
    peer.hang_up()


def clean_end(peer: Peer, seen: Seen) -> None:
    peer.stream(FIRST)


def reset(peer: Peer, seen: Seen) -> None:
    peer.begin()
    peer.chunk(FIRST)
    peer.server.release.wait(0.05)  # a reset may overtake what was sent before it
    peer.hang_up(reset=True)


@pytest.mark.parametrize(
    "script", [cut_chunks, cut_in_a_chunk, cut_length, close_delimited, clean_end, reset]
)
def test_a_stream_that_is_cut(speaks: Speaks, serve: Serve, script: Script) -> None:
    """However the bytes stop before the end: what came is given, then it raises; no retry."""
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
    """The model had finished: that is a success."""

    def script(peer: Peer, seen: Seen) -> None:
        peer.begin()
        peer.chunk(stream("finish_without_done"))
        peer.hang_up()

    client = speaks(base_url=serve(script).base_url)
    assert [type(event) for event in client.open()] == [TextDelta, Finish]


def test_a_plain_answer_that_is_cut_is_tried_again(speaks: Speaks, serve: Serve) -> None:
    """Half an answer is none; nothing of it was handed out."""

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
    """It raises at once, and asking again would not help."""

    def script(peer: Peer, seen: Seen) -> None:
        peer.send(NOT_HTTP[name])
        peer.hang_up()

    server = serve(script)
    with pytest.raises(ResponseError):
        speaks(base_url=server.base_url).chat()
    assert len(server.requests) == 1


def test_a_chunk_that_is_no_chunk(speaks: Speaks, serve: Serve) -> None:
    """A body that breaks the protocol in the middle of a stream keeps what had come."""

    def script(peer: Peer, seen: Seen) -> None:
        peer.begin()
        peer.chunk(FIRST)
        peer.server.release.wait(0.05)  # so that the first event is read on its own
        peer.send(b"not a size\r\n")
        peer.hang_up()

    # aiohttp says nothing of the broken chunk: there the idle clock has to end it.
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
    """What is compressed although it was not asked for is read, or refused in our terms."""
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
    """Events are given out of a compressed stream too."""
    server = serve(
        lambda peer, _: peer.answer(
            gzip.compress(NATIVE), "200 OK", "text/event-stream", "content-encoding: gzip"
        )
    )
    assert len(list(speaks(base_url=server.base_url).open())) == 4


@pytest.mark.parametrize("method", ["chat", "stream_chat"])
def test_a_bomb_is_not_inflated(speaks: Speaks, serve: Serve, method: str) -> None:
    """A small body that inflates to much more than any answer raises early."""
    bomb = gzip.compress(b" " * (96 << 20), 9)
    server = serve(
        lambda peer, _: peer.answer(bomb, "200 OK", "application/json", "content-encoding: gzip")
    )
    client = speaks(base_url=server.base_url)
    with pytest.raises(ResponseError):
        client.whole(method)


@pytest.mark.parametrize("status", ["200 OK", "400 Bad Request"])
def test_a_body_without_an_end(speaks: Speaks, serve: Serve, status: str) -> None:
    """An answer is read up to 16 MiB, an error up to 64 KiB; then the connection is closed."""

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
    """Errors come as JSON with a status, streamed or not, and the connection stays usable."""
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
    """The status has said no already: it is that error, and is not tried again."""

    def script(peer: Peer, seen: Seen) -> None:
        peer.send(f"HTTP/1.1 401 Unauthorized\r\n{extra}\r\n\r\nno such".encode())
        peer.hang_up()

    server = serve(script)
    with pytest.raises(AuthenticationError):
        speaks(base_url=server.base_url).whole(method)
    assert len(server.requests) == 1


def test_a_page_of_html(speaks: Speaks, serve: Serve) -> None:
    """A gateway's error page is a server error with a short quote."""
    page = b"<html><head><title>502 Bad Gateway</title></head>" + b"x" * 9_000
    server = serve(lambda peer, _: peer.answer(page, "502 Bad Gateway", "text/html"))
    with pytest.raises(ServerError, match="502 Bad Gateway") as caught:
        speaks(base_url=server.base_url, max_retries=0).chat()
    assert caught.value.is_retryable
    assert len(caught.value.message) <= 500


@pytest.mark.parametrize("body", [b"", b"<html>Please log in</html>"], ids=["empty", "portal"])
def test_success_that_is_none(speaks: Speaks, serve: Serve, body: bytes) -> None:
    """An empty 200 or a captive portal is not an answer."""
    server = serve(lambda peer, _: peer.answer(body, "200 OK", "text/html"))
    client = speaks(base_url=server.base_url)
    with pytest.raises(ResponseError):
        client.chat()
    with pytest.raises(ResponseError):
        list(client.open())


# ------------------------------------------------------------------- redirects and cookies


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
def test_redirects_are_not_followed(speaks: Speaks, serve: Serve, status: str) -> None:
    """A token goes to no other host."""
    other = serve(well)
    server = serve(
        lambda peer, _: peer.answer(
            b"", status, "text/plain", f"location: http://localhost:{other.port}/"
        )
    )
    with pytest.raises(APIStatusError) as caught:
        speaks(base_url=server.base_url).chat()
    assert caught.value.status_code == int(status[:3])
    assert other.requests == []


def test_cookies_are_not_sent_back(speaks: Speaks, serve: Serve) -> None:
    """One tenant's cookie does not travel with another's request."""
    server = serve(
        lambda peer, _: peer.answer(
            HELLO_BODY, "200 OK", "application/json", "set-cookie: session=1; Path=/"
        )
    )
    client = speaks(base_url=server.base_url)
    client.chat()
    client.chat()
    assert [seen.header("cookie") for seen in server.requests] == [None, None]


def test_cookies_are_not_sent_back_through_a_users_client(
    colour: Colour, speaks: Speaks, serve: Serve
) -> None:
    """Not even from the jar of the user's own client."""
    server = serve(
        lambda peer, _: peer.answer(
            HELLO_BODY, "200 OK", "application/json", "set-cookie: session=1; Path=/"
        )
    )
    own: Any = httpx.Client() if colour == "sync" else httpx.AsyncClient()
    client = speaks(base_url=server.base_url, http_client=own)
    client.chat()
    client.chat()
    client.wait(own.close() if colour == "sync" else own.aclose())
    assert [seen.header("cookie") for seen in server.requests] == [None, None]


# -------------------------------------------------------------------- threads, loops, forks


def make(cls: type[Any], server: Loopback, **settings: Any) -> Any:
    return cls(UNKNOWN, account_id=ACCOUNT, api_token=TOKEN, base_url=server.base_url, **settings)


def test_threads_share_a_client(serve: Serve) -> None:
    """Sixteen first calls at once share their connections, and each gets its own answer."""
    gate = threading.Barrier(16)

    def echo(peer: Peer, seen: Seen) -> None:
        said = seen.json["messages"][0]["content"]
        peer.answer(f'{{"response":"{said}"}}'.encode())

    server = serve(echo)
    with make(Client, server) as client, ThreadPoolExecutor(16) as pool:

        def call(number: int) -> str:
            gate.wait(WAIT)
            found = [
                client.chat([{"role": "user", "content": f"{number}-{i}"}]).text for i in range(5)
            ]
            return ",".join(found)

        found = list(pool.map(call, range(16)))
    assert found == [",".join(f"{n}-{i}" for i in range(5)) for n in range(16)]
    assert server.connections <= 16


def test_event_loops_in_a_row(serve: Serve) -> None:
    """One async client works in every `asyncio.run`, closed or not, without a warning."""
    server = serve(well)
    client = make(AsyncClient, server)

    async def main() -> list[str]:
        events = [event async for event in client.stream_chat(HELLO)]
        assert isinstance(events[-1], Finish)
        return [(await client.chat(HELLO)).text for _ in range(2)]

    for _ in range(3):
        assert asyncio.run(main()) == ["Hello", "Hello"]
    gc.collect()
    assert len(server.requests) == 9
    assert server.connections == 3


def test_event_loops_side_by_side(serve: Serve) -> None:
    """One async client works in the loops of several threads at once."""
    server = serve(well)
    client = make(AsyncClient, server)

    async def main() -> list[str]:
        results = await asyncio.gather(*(client.chat(HELLO) for _ in range(8)))
        return [result.text for result in results]

    with ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(asyncio.run, main()) for _ in range(4)]
        assert [run.result() for run in runs] == [["Hello"] * 8] * 4
    gc.collect()


def test_a_forked_process_has_its_own_connections(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under another process id a new connection is made, and the parent's is not closed."""
    server = serve(well)
    client = make(Client, server)
    client.chat(HELLO)
    parent = os.getpid()
    own = client._sender._engine._pool
    monkeypatch.setattr(os, "getpid", lambda: parent + 1)
    client.chat(HELLO)
    assert server.connections == 2
    client.close()
    assert len(own._idle) == 1
    monkeypatch.undo()


def test_a_sync_call_inside_a_running_loop(serve: Serve) -> None:
    """A notebook runs in a loop; a sync client works there."""
    server = serve(well)

    async def main() -> str:
        with make(Client, server) as client:
            text: str = client.chat(HELLO).text
            return text

    assert asyncio.run(main()) == "Hello"


# --------------------------------------------------------------------------------- secrets


def refuse(peer: Peer, seen: Seen) -> None:
    """Echo the credentials in an error."""
    peer.answer(f'{{"errors":[{{"message":"{seen.head!r}"}}]}}'.encode(), "400 Bad Request")


def portal(peer: Peer, seen: Seen) -> None:
    """Echo the credentials in a page."""
    peer.answer(f"<p>{seen.header('authorization')} {seen.path}".encode(), "200 OK", "text/html")


def no_http(peer: Peer, seen: Seen) -> None:
    peer.send(f"{seen.head}\r\n\r\n".encode())
    peer.hang_up()


FAULTS: list[Script] = [
    refuse, portal, no_http, hang, stall, cut_chunks, cut_length, reset,
    lambda peer, _: peer.hang_up(),
]  # fmt: skip


ECHOES = (refuse, portal)


def chain(error: BaseException) -> Iterator[BaseException]:
    """An error, its causes, its contexts."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        found = waiting.pop()
        if found is not None and id(found) not in seen:
            seen.add(id(found))
            yield found
            waiting += [found.__cause__, found.__context__]


def locals_of(error: BaseException) -> str:
    """The local variables that a traceback of our own frames would print."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    ours = [frame for frame in frames if "/workersai/" in frame.f_code.co_filename]
    ours = [frame for frame in ours if "/tests/" not in frame.f_code.co_filename]
    assert ours
    return "\n".join(
        f"{name}={value!r}" for frame in ours for name, value in frame.f_locals.items()
    )


@pytest.mark.parametrize("method", ["chat", "stream_chat"])
@pytest.mark.parametrize(
    "script", FAULTS, ids=lambda script: getattr(script, "__name__", "script").strip("<>")
)
def test_no_failure_shows_the_token(
    speaks: Speaks,
    serve: Serve,
    caplog: pytest.LogCaptureFixture,
    script: Script,
    method: str,
) -> None:
    """Text, causes, attributes, traceback, local variables and logs of any failure are clean."""
    caplog.set_level(logging.DEBUG)
    server = serve(script)
    timeout = Timeout(first_byte=0.1, idle=0.1, total=0.5)
    client = speaks(base_url=server.base_url, max_retries=0, timeout=timeout)
    with pytest.raises(WorkersAIError) as caught:
        client.whole("stream_chat" if script is stall else method)
    for error in chain(caught.value):
        assert isinstance(error, (WorkersAIError, OSError))
        shown = f"{error!s} {error!r} {error.args} {vars(error)}"
        assert ACCOUNT not in shown
        assert TOKEN not in shown
        if script not in ECHOES and isinstance(
            error, WorkersAIError
        ):  # what a server sent is a local variable while it is read
            assert TOKEN not in locals_of(error)
    assert TOKEN not in "".join(traceback.format_exception(caught.value))
    assert TOKEN not in caplog.text
    assert ACCOUNT not in caplog.text
