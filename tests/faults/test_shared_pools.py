"""All objects with the same route share connections, in one process and event loop."""

from __future__ import annotations

import asyncio
import copy
import gc
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain_core.runnables import ConfigurableField

from tests.faults import scripts
from tests.faults.classes import ASKED, OF_CLASSES, OF_FACES, answered, make, run, well
from tests.faults.conftest import Serve, in_a_fork
from tests.faults.scripts import TEXT
from tests.faults.speakers import Speaker
from tests.faults.test_proxies import instrument
from tests.workersai.loopback import WAIT, Loopback, Peer, Seen
from tests.workersai.talking import HELLO, UNKNOWN
from workersai import APIConnectionError, AsyncClient, Client, StreamInterruptedError, TextDelta

Way = tuple[str, str]
CLIENTS: list[Way] = [("Client", "sync"), ("AsyncClient", "async")]
CHATS: list[Way] = [way for way in OF_CLASSES if way[0] in ("ChatWorkersAI", "WorkersAI")]


def ids(way: Way) -> str:
    return "-".join(way)


@pytest.mark.parametrize("how", ["kept", "dropped"])
@pytest.mark.parametrize("way", OF_CLASSES, ids=ids)
def test_a_hundred_objects_use_one_connection(serve: Serve, way: Way, how: str) -> None:
    """They may live at the same time, or each be made for one request and dropped."""
    server = serve(well)

    async def main() -> None:
        kept = []
        for _ in range(100):
            it = make(way[0], server)
            await answered(way, it)
            if how == "kept":
                kept.append(it)

    run(main, way[1])
    assert len(server.requests) == 100
    assert server.connections == 1


@pytest.mark.parametrize("way", CLIENTS, ids=ids)
def test_a_hundred_objects_use_one_connection_while_httpx_is_instrumented(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, way: Way
) -> None:
    """A tool that wraps httpx's transports sees every request, over one connection."""
    instrument(monkeypatch)
    test_a_hundred_objects_use_one_connection(serve, way, "dropped")


@pytest.mark.parametrize("call_style", ["sync", "async"])
def test_all_classes_share(serve: Serve, call_style: str) -> None:
    """The client and both faces use one connection, one after the other."""
    server = serve(well)
    ways = [way for way in ASKED if way[1] == call_style]

    async def main() -> None:
        made = [(way, make(way[0], server)) for way in ways]
        for way, it in [*made, *made]:
            await answered(way, it)

    run(main, call_style)
    assert len(server.requests) == 2 * len(ways)
    assert server.connections == 1


DIFFERENT: list[dict[str, Any]] = [
    {"api_token": "another-token-that-is-not-real-1"},
    {"account_id": "f" * 32},
    {"timeout": 7},
    {"max_retries": 3},
    {"default_headers": {"x-team": "one"}},
    {"session_affinity": "two"},
    {"gateway": "three"},
]


@pytest.mark.parametrize("way", OF_CLASSES, ids=ids)
def test_what_makes_no_difference_to_a_connection(serve: Serve, way: Way) -> None:
    """Objects with other tokens, accounts, headers and timeouts share it; each keeps its own."""
    server = serve(well)

    async def main() -> None:
        kept = [make(way[0], server, **settings) for settings in ({}, *DIFFERENT)]
        for it in kept:
            await answered(way, it)

    run(main, way[1])
    assert server.connections == 1
    tokens = {seen.header("authorization") for seen in server.requests}
    accounts = {seen.path.split("/")[4] for seen in server.requests}
    assert (len(tokens), len(accounts)) == (2, 2)


@pytest.mark.parametrize("way", CLIENTS, ids=ids)
def test_other_hosts_have_connections_of_their_own(serve: Serve, way: Way) -> None:
    """Another port and another name of the same machine are other hosts."""
    one, two = serve(well), serve(well)
    urls = [one.base_url, two.base_url, f"http://localhost:{one.port}", f"{one.base_url}/other"]

    async def main() -> None:
        kept = [make(way[0], base_url=url) for url in urls]
        for it in [*kept, *kept]:
            await answered(way, it)

    run(main, way[1])
    assert (one.connections, two.connections) == (2, 1)


# ------------------------------------------------------------- how objects come to be many

CHOSEN = {"t": 0.5, "a": "somebody"}
COPIES: dict[str, Callable[[Any], Any]] = {
    "model_copy": lambda it: it.model_copy(),
    "model_copy with an update": lambda it: it.model_copy(update={"max_retries": 1}),
    "a deep model_copy": lambda it: it.model_copy(deep=True),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("way", OF_FACES, ids=ids)
def test_copies_share(serve: Serve, way: Way, how: str) -> None:
    """A copy uses its original's connections, before and after the original is used."""
    server = serve(well)

    async def main() -> None:
        it = make(way[0], server)
        for one in [COPIES[how](it), it, COPIES[how](it)]:
            await answered(way, one)

    run(main, way[1])
    assert server.connections == 1


@pytest.mark.parametrize("way", OF_FACES, ids=ids)
def test_a_setting_that_is_assigned_keeps_the_connections(serve: Serve, way: Way) -> None:
    """The object makes another client, over the same connection."""
    server = serve(well)

    async def main() -> None:
        it = make(way[0], server)
        for retries in range(5):
            it.max_retries = retries
            await answered(way, it)

    run(main, way[1])
    assert server.connections == 1


@pytest.mark.parametrize("call_style", ["sync", "async"])
def test_runnables_of_langchain_share(serve: Serve, call_style: str) -> None:
    """`configurable_fields`, `with_config`, `bind` and `with_retry` open no connection."""
    server = serve(well)

    async def main() -> None:
        it = make("ChatWorkersAI", server)
        chosen = it.configurable_fields(
            temperature=ConfigurableField("t"), session_affinity=ConfigurableField("a")
        )
        several = [
            chosen,
            *(chosen.with_config(configurable={"t": i / 10, "a": f"user-{i}"}) for i in range(5)),
            it.with_config(tags=["x"]),
            it.bind(temperature=0.1),
            it.with_retry(stop_after_attempt=2),
        ]
        for one in several:
            if call_style == "sync":
                one.invoke("Hello")
            else:
                await one.ainvoke("Hello")

    run(main, call_style)
    assert len(server.requests) == 9
    assert server.connections == 1


# ------------------------------------------------------------------------------- closing


def close(it: Any, call_style: str) -> Any:
    return it.close() if call_style == "sync" else it.aclose()


@pytest.mark.parametrize("way", OF_CLASSES, ids=ids)
def test_closing_one_leaves_the_connections_to_the_others(serve: Serve, way: Way) -> None:
    """The others use the same connection, until the last one closes it."""

    def watching(peer: Peer, seen: Seen) -> None:
        well(peer, seen)
        if len(peer.server.requests) == 4:
            peer.wait_for_hang_up()

    server = serve(watching)

    async def main() -> None:
        first, second = make(way[0], server), make(way[0], server)
        for it in (first, second):
            await answered(way, it)
        for it in (second, first):
            if (closing := close(first, way[1])) is not None:
                await closing
            await answered(way, it)
        for it in (first, second):
            if (closing := close(it, way[1])) is not None:
                await closing

    run(main, way[1])
    assert server.gone.wait(WAIT)
    assert server.connections == 1


@pytest.mark.parametrize("way", CLIENTS, ids=ids)
def test_after_the_last_close_a_call_opens_anew(serve: Serve, way: Way) -> None:
    """A closed object opens a new connection at its next call."""
    server = serve(well)

    async def main() -> None:
        it = make(way[0], server)
        for _ in range(3):
            await answered(way, it)
            if (closing := close(it, way[1])) is not None:
                await closing

    run(main, way[1])
    assert server.connections == 3


def two_streams(peer: Peer, seen: Seen) -> None:
    """Begin a stream; end it when the test allows it."""
    peer.begin()
    peer.chunk(scripts.EVENTS[0])
    peer.server.release.wait(WAIT)
    peer.chunk(b"".join(scripts.EVENTS[1:]) + scripts.DONE)
    peer.end()


def test_closing_one_ends_its_own_stream_and_no_other(serve: Serve) -> None:
    """Closing a client ends its own stream with an error, and no stream of others."""
    server = serve(two_streams)
    first, second = (make("Client", server) for _ in range(2))
    streams = [client.stream_chat(HELLO) for client in (first, second)]
    assert [next(stream) for stream in streams] == [TextDelta("Hel")] * 2
    first.close()
    with pytest.raises((APIConnectionError, StreamInterruptedError)):
        list(streams[0])
    server.release.set()
    rest = [event.text for event in streams[1] if isinstance(event, TextDelta)]
    assert "Hel" + "".join(rest) == TEXT
    second.close()


async def test_closing_one_ends_its_own_stream_and_no_other_async(serve: Serve) -> None:
    """The same holds in one event loop."""
    server = serve(two_streams)
    first, second = (make("AsyncClient", server) for _ in range(2))
    streams = [client.stream_chat(HELLO) for client in (first, second)]
    assert [await anext(stream) for stream in streams] == [TextDelta("Hel")] * 2
    await first.aclose()
    with pytest.raises((APIConnectionError, StreamInterruptedError)):
        [event async for event in streams[0]]
    server.release.set()
    rest = [event.text async for event in streams[1] if isinstance(event, TextDelta)]
    assert "Hel" + "".join(rest) == TEXT
    await second.aclose()


def test_dropping_an_object_leaves_the_others_their_streams(serve: Serve) -> None:
    """Garbage collection of one object ends no stream of others."""
    server = serve(two_streams)
    first, second = (make("Client", server) for _ in range(2))
    kept, dropped = second.stream_chat(HELLO), first.stream_chat(HELLO)
    assert [next(stream) for stream in (kept, dropped)] == [TextDelta("Hel")] * 2
    del first, dropped
    gc.collect()
    server.release.set()
    assert "Hel" + "".join(e.text for e in kept if isinstance(e, TextDelta)) == TEXT
    second.close()


# ------------------------------------------------------------------ loops, threads and forks


def test_event_loops_share_nothing(serve: Serve) -> None:
    """Each loop opens one connection for all its objects, in a row or at the same time."""
    server = serve(well)
    clients = [make("AsyncClient", server) for _ in range(3)]

    async def main() -> None:
        for client in clients:
            assert (await client.chat(HELLO)).text == TEXT

    for _ in range(3):
        asyncio.run(main())
    assert server.connections == 3
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: asyncio.run(main()), range(2)))
    assert server.connections == 5


def test_a_loop_that_was_just_closed_is_no_hindrance(serve: Serve) -> None:
    """Connections of a closed loop are dropped, and another loop opens its own."""
    server = serve(well)
    client = make("AsyncClient", server)
    for _ in range(3):
        loop = asyncio.new_event_loop()
        assert loop.run_until_complete(client.chat(HELLO)).text == TEXT
        loop.close()
        assert make("Client", server).chat(HELLO).text == TEXT
    gc.collect()
    assert server.connections == 4  # one connection for the sync calls of this process


def test_threads_share(serve: Serve) -> None:
    """Sixteen threads, each with its own object, need at most sixteen connections.

    Each thread gets its own answers, whichever thread opened the connection.
    """

    def echo(peer: Peer, seen: Seen) -> None:
        peer.answer(b'{"response":"%s"}' % seen.json["messages"][0]["content"].encode())

    server = serve(echo)
    gate = threading.Barrier(16)

    def several(thread: int) -> list[str]:
        gate.wait(WAIT)
        texts = []
        for number in range(10):
            client = make("Client", server)
            messages = [{"role": "user", "content": f"{thread}-{number}"}]
            texts.append(client.chat(messages).text)
        return texts

    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(several, range(16)))
    assert found == [[f"{thread}-{number}" for number in range(10)] for thread in range(16)]
    assert server.connections <= 16


def test_threads_that_close_while_others_ask(serve: Serve) -> None:
    """Making and closing objects in one thread does not disturb calls in another."""
    server = serve(well)
    is_done = threading.Event()

    def come_and_go() -> int:
        count = 0
        while not is_done.is_set():
            with make("Client", server) as client:
                assert client.chat(HELLO).text == TEXT
            count += 1
        return count

    steady = make("Client", server)
    with ThreadPoolExecutor(2) as pool:
        coming = [pool.submit(come_and_go) for _ in range(2)]
        texts = {steady.chat(HELLO).text for _ in range(100)}
        is_done.set()
        assert all(one.result(WAIT) for one in coming)
    assert texts == {TEXT}
    steady.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("name", ["client-sync", "client-async", "langchain-sync"])
def test_a_fork_shares_nothing_with_its_parent(serve: Serve, name: str) -> None:
    """All objects of a forked child share a new connection, and the parent keeps its own.

    The child closes its objects, and the parent's connection stays open.
    """
    server = serve(lambda peer, _: peer.answer(b'{"response":"connection %d"}' % peer.number))
    parent, other = (Speaker(name, base_url=server.base_url) for _ in range(2))
    if other._loop is not None:
        other._loop.close()
        other._loop = parent._loop
    assert [parent.ask(), other.ask()] == ["connection 1"] * 2

    def of_the_child() -> bytes:
        new = Speaker(name, base_url=server.base_url)
        if parent.is_async:
            parent._loop = other._loop = new._loop
        texts = {speaker.ask() for speaker in (parent, new, other)}
        for speaker in (parent, other):
            speaker.wait(speaker.it.aclose() if speaker.is_async else speaker.it.close())
        return ",".join([*texts, new.ask()]).encode()

    theirs = in_a_fork(of_the_child)
    assert theirs() == "connection 2,connection 2"
    assert {parent.ask(), other.ask()} == {"connection 1"}
    other.wait(other.it.aclose() if other.is_async else other.it.close())
    parent.close()


def test_what_is_read_of_the_environment_is_read_when_an_object_first_calls(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that is set later applies to objects that call later, not to earlier ones."""
    hosts: list[str] = []

    def refuse(peer: Peer, seen: Seen) -> None:
        hosts.append(seen.head.split(" ")[1])
        peer.answer(b"", "502 No tunnel", "text/plain")

    first, second = serve(refuse), serve(refuse)
    settings: dict[str, Any] = {"account_id": "0" * 32, "api_token": "t" * 40, "max_retries": 0}
    for proxy in (first, second):
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        client = Client(UNKNOWN, base_url="https://workersai.example", **settings)
        with pytest.raises(APIConnectionError):
            client.chat(HELLO)
    assert hosts == ["workersai.example:443"] * 2
    assert (len(first.requests), len(second.requests)) == (1, 1)


def test_users_own_clients_have_no_part_in_it(serve: Serve) -> None:
    """Objects with a user's HTTP client use that client only."""
    server: Loopback = serve(well)
    assert make("Client", server).chat(HELLO).text == TEXT
    own = Speaker("client-sync-httpx", base_url=server.base_url)
    assert own.ask() == TEXT
    assert server.connections == 2
    own.close()
    assert make("Client", server).chat(HELLO).text == TEXT
    assert server.connections == 2


@pytest.mark.parametrize("cls", [Client, AsyncClient])
def test_a_client_that_never_called_has_nothing_to_close(cls: Any, serve: Serve) -> None:
    """Closing it closes no connection of clients that have called."""
    server = serve(well)
    name, call_style = cls.__name__, "async" if cls is AsyncClient else "sync"

    async def main() -> None:
        user, idle = make(name, server), make(name, server)
        await answered((name, call_style), user)
        if (closing := close(idle, call_style)) is not None:
            await closing
        await answered((name, call_style), user)

    run(main, call_style)
    assert server.connections == 1
