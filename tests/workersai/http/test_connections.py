"""Connections: how clients reuse, share and close them."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.workersai.conftest import Serve, Speaks
from tests.workersai.http.scripts import (
    FIRST,
    HELLO_BODY,
    NATIVE,
    make,
    well,
)
from tests.workersai.loopback import WAIT, Peer, Seen
from tests.workersai.talking import (
    ACCOUNT,
    HELLO,
    TOKEN,
    UNKNOWN,
    CallStyle,
    Speaker,
    speaker,
)
from workersai import (
    APIConnectionError,
    APITimeoutError,
    AsyncClient,
    ChatFinish,
    Client,
    StreamInterruptedError,
    TextDelta,
)
from workersai._http import sync
from workersai._http.aio_connection import AsyncConnection
from workersai._http.sync_connection import SyncConnection
from workersai._http.sync_pool import SyncPool
from workersai._http.targets import Route


def test_connections_are_used_again(speaks: Speaks, serve: Serve) -> None:
    """Twenty streams and twenty calls need no more than two connections."""
    server = serve(well)
    client = speaks(base_url=server.base_url)
    for _ in range(20):
        assert isinstance(list(client.open())[-1], ChatFinish)
        assert client.chat().text == "Hello"
    assert len(server.requests) == 40
    assert server.connections <= 2


def test_what_is_sent_over_the_wire(speaks: Speaks, serve: Serve) -> None:
    """The path holds the model's id unescaped, and the client does not ask for compression."""
    server = serve(well)
    speaks(base_url=server.base_url).chat()
    (seen,) = server.requests
    assert seen.path == f"/client/v4/accounts/{ACCOUNT}/ai/run/{UNKNOWN}"
    assert seen.header("authorization") == f"Bearer {TOKEN}"
    assert seen.header("accept-encoding") == "identity"
    assert seen.json == {"messages": HELLO}


def test_closing_closes_the_connections(speaks: Speaks, serve: Serve) -> None:
    """After `close` the server sees the end; another call opens a new connection."""
    server = serve(well)
    client = speaks(base_url=server.base_url)
    client.chat()
    client.wait(client.client.close() if client.call_style == "sync" else client.client.aclose())
    client.chat()
    assert server.connections == 2


@pytest.mark.parametrize("method", ["chat", "stream_chat"])
def test_closing_ends_running_calls(call_style: CallStyle, serve: Serve, method: str) -> None:
    """Closing raises at once in a call that waits for its answer."""
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

    client = speaker(call_style, base_url=serve(begin).base_url, max_retries=0)
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
def test_ending_a_connection_ends_a_blocked_read(
    loopback: None, kind: type[Any], *, is_copy: bool
) -> None:
    """A shutdown ends a read in another thread; in a forked process it ends nothing."""
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
    """Close a client while another thread waits for its answer."""
    if client._loop is None:
        client.client.close()
    else:
        asyncio.run_coroutine_threadsafe(client.client.aclose(), client._loop).result(WAIT)


def test_a_close_that_is_cancelled_closes_all_the_same(serve: Serve) -> None:
    """A cancelled `aclose`, as when an event loop ends, still closes every connection."""
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
    """A client that is used and closed several times closes every connection."""
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
    """A forked child does not wait for a lock that a thread of its parent holds."""
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
            signal.alarm(int(WAIT))  # ends a child that hangs
            sync.shared_pool = find
            os._exit(0 if client.chat(HELLO).text else 1)
        may_go.set()
        assert asked.result(WAIT).text
    assert os.waitpid(child, 0)[1] == 0
    client.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_that_closes_does_not_end_its_parent_s_stream(serve: Serve) -> None:
    """A forked child that closes a client does not end a stream of its parent."""

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
    assert isinstance([*events][-1], ChatFinish)
    client.close()


@pytest.mark.parametrize("how", ["close", "drop"])
def test_an_abandoned_stream_closes_its_connection(speaks: Speaks, serve: Serve, how: str) -> None:
    """A stream that the caller drops closes its connection, so that the server stops."""

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
        if client.call_style == "async":
            client.wait(asyncio.sleep(0.01))  # the event loop closes the stream that was dropped
    assert server.gone.wait(WAIT)
    assert len(server.requests) == 1


def test_a_cancelled_task_closes_its_connection(serve: Serve) -> None:
    """Cancelling during a stream closes the connection, and `CancelledError` is raised."""

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
    """`[DONE]` ends the stream, even if the server keeps its socket open."""

    def script(peer: Peer, seen: Seen) -> None:
        peer.begin()
        peer.chunk(NATIVE)
        peer.server.release.wait(WAIT)

    server = serve(script)
    client = speaks(base_url=server.base_url)
    began = time.monotonic()
    assert isinstance(list(client.open())[-1], ChatFinish)
    assert time.monotonic() - began < 2


def test_an_idle_connection_that_the_server_closed(speaks: Speaks, serve: Serve) -> None:
    """An idle connection that the server closed causes no error in the next call."""

    def script(peer: Peer, seen: Seen) -> None:
        well(peer, seen)
        peer.hang_up()

    server = serve(script)
    client = speaks(base_url=server.base_url)
    for _ in range(5):
        assert client.chat().text == "Hello"
    assert len(server.requests) == 5


def test_a_connection_that_closes_under_the_second_request(speaks: Speaks, serve: Serve) -> None:
    """If keep-alive ends as a request is sent, the client sends it again and returns one answer."""

    def script(peer: Peer, seen: Seen) -> None:
        if len(peer.server.requests) == 2:
            peer.hang_up()
        else:
            well(peer, seen)

    server = serve(script)
    client = speaks(base_url=server.base_url)
    assert [client.chat().text for _ in range(2)] == ["Hello", "Hello"]
    assert len(server.requests) == 3
