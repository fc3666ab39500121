"""HTTP clients of the user's own: httpx with either engine, and httpx2.

The other files run through them too, with the bare client; this one has the rules that concern only
them.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.faults import scripts
from tests.faults.conftest import Serve, Speaks, in_a_fork
from tests.faults.scripts import NOT_HTTP, STREAM, TEXT
from tests.faults.speakers import OWN, SIX, Speaker, make_http_client
from tests.workersai.loopback import Peer, Script, Seen
from tests.workersai.talking import ACCOUNT, HELLO, TOKEN, UNKNOWN
from workersai import (
    APIConnectionError,
    AsyncClient,
    Client,
    ConfigurationError,
    ResponseError,
    TextDelta,
)

LIBRARIES = {"sync": ("httpx", "httpx2"), "async": ("httpx", "aiohttp", "httpx2")}
PAIRS = [(name, library) for name in SIX for library in LIBRARIES[name.split("-")[1]]]
HOW = ("plain", "stream")


class Own:
    """A user's HTTP client, and speakers that use it."""

    def __init__(self, name: str, library: str) -> None:
        self.name, call_style = name, name.split("-")[1]
        self.client = make_http_client(
            call_style, library, headers={"x-own": "1"}, cookies={"c": "1"}
        )
        self.speakers: list[Speaker] = []

    def speak(self, server: Any, **settings: Any) -> Speaker:
        made = Speaker(self.name, base_url=server.base_url, http_client=self.client, **settings)
        if self.speakers:  # one event loop for all speakers that share a client
            made._loop = self.speakers[0]._loop
        self.speakers.append(made)
        return made

    def close(self) -> None:
        first = self.speakers[0]
        first.wait(self.client.aclose() if first.is_async else self.client.close())
        for speaker in self.speakers:
            speaker.close()


@pytest.fixture(params=PAIRS, ids="-".join)
def own(request: pytest.FixtureRequest) -> Iterator[Own]:
    made = Own(*request.param)
    yield made
    made.close()


def test_own_client_is_used_and_left_as_it_is(own: Own, serve: Serve) -> None:
    """It sends requests with its headers and cookies, and is neither closed nor changed."""
    server = serve(scripts.well)
    speaker = own.speak(server)
    before = dict(own.client.headers), dict(own.client.cookies)
    assert (speaker.ask(), speaker.read()) == (TEXT, TEXT)
    speaker.wait(speaker.it.aclose() if speaker.is_async else speaker.it.close())
    assert not own.client.is_closed
    assert (dict(own.client.headers), dict(own.client.cookies)) == before
    assert [seen.header("cookie") for seen in server.requests] == ["c=1"] * 2
    assert [seen.header("x-own") for seen in server.requests] == ["1"] * 2
    assert [seen.header("authorization") for seen in server.requests] == [f"Bearer {TOKEN}"] * 2


def test_own_client_that_is_closed(own: Own, serve: Serve) -> None:
    """A closed client raises a configuration error."""
    server = serve(scripts.well)
    speaker = own.speak(server)
    speaker.wait(own.client.aclose() if speaker.is_async else own.client.close())
    with pytest.raises(ConfigurationError, match="closed"):
        speaker.ask()
    assert server.requests == []


class Closing(httpx.Client):
    """A client that another thread closes just before it sends."""

    def send(self, *args: Any, **kwargs: Any) -> httpx.Response:
        self.close()
        return super().send(*args, **kwargs)


class AsyncClosing(httpx.AsyncClient):
    async def send(self, *args: Any, **kwargs: Any) -> httpx.Response:
        await self.aclose()
        return await super().send(*args, **kwargs)


@pytest.mark.parametrize(
    ("speaker_name", "make"), [("client-sync", Closing), ("client-async", AsyncClosing)]
)
def test_own_client_that_is_closed_meanwhile(speaks: Speaks, serve: Serve, make: type[Any]) -> None:
    """A client that is closed between check and use raises a package error too."""
    server = serve(scripts.well)
    with pytest.raises(ConfigurationError, match="closed"):
        speaks(server, http_client=make(verify=False)).ask()
    assert server.requests == []


class Broken(httpx.Client):
    """A client whose owner's code raises."""

    def send(self, *args: Any, **kwargs: Any) -> httpx.Response:
        raise RuntimeError("a hook of the user's own, in a loop")


@pytest.mark.parametrize("speaker_name", ["client-sync"])
def test_errors_of_the_owners_code_stay_theirs(speaks: Speaks, serve: Serve) -> None:
    """The client neither wraps nor retries an error of a user's hook or transport."""
    with Broken(verify=False) as client, pytest.raises(RuntimeError, match="of the user's own"):
        speaks(serve(scripts.well), http_client=client).ask()


@pytest.mark.parametrize("speaker_name", [name for name in OWN if "async" in name])
def test_own_client_in_another_event_loop(speaks: Speaks, serve: Serve) -> None:
    """A client with connections of one event loop raises an error in another."""
    speaker = speaks(serve(scripts.well))
    assert speaker.ask() == TEXT
    first, speaker._loop = speaker._loop, asyncio.new_event_loop()
    with pytest.raises(ConfigurationError, match="event loop"):
        speaker.ask()
    speaker._loop.close()
    speaker._loop = first
    assert speaker.ask() == TEXT


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("speaker_name", OWN)
def test_own_client_that_was_used_before_a_fork(speaks: Speaks, serve: Serve) -> None:
    """In a forked child the error asks for a new client; the parent's connection stays open.

    It does not matter through which object the parent used the client.
    """
    server = serve(lambda peer, _: peer.answer(b'{"response":"connection %d"}' % peer.number))
    speaker = speaks(server)
    make = AsyncClient if speaker.is_async else Client
    another = make(
        UNKNOWN,
        account_id=ACCOUNT,
        api_token=TOKEN,
        base_url=server.base_url,
        http_client=speaker.own,
    )
    assert speaker.ask() == "connection 1"

    def of_the_child() -> bytes:
        if speaker.is_async:
            speaker._loop = asyncio.new_event_loop()  # not its parent's loop
        first, speaker.it = refusal(speaker), another
        return first + refusal(speaker)

    theirs = in_a_fork(of_the_child)
    assert {speaker.ask() for _ in range(5)} == {"connection 1"}
    assert theirs() == "http_client" * 2
    assert len(server.requests) == 6


def refusal(speaker: Speaker) -> bytes:
    """Return the parameter for which a call was refused."""
    try:
        return speaker.ask().encode()
    except ConfigurationError as error:
        return str(error.parameter).encode()


def then_well(first: Script) -> Script:
    """Call *first* for the second request, and answer all others well."""

    def script(peer: Peer, seen: Seen) -> None:
        (first if len(peer.server.requests) == 2 else scripts.well)(peer, seen)

    return script


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("speaker_name", [name for name in OWN if name.endswith("aiohttp")])
def test_reused_connection_that_aiohttp_does_not_tell_of(
    speaks: Speaks, serve: Serve, no_waiting: list[float], how: str
) -> None:
    """A reused connection that closes under a request costs an ordinary retry with aiohttp."""
    server = serve(then_well(lambda peer, _: peer.hang_up()))
    speaker = speaks(server)
    assert [speaker.either(how) for _ in range(2)] == [TEXT, TEXT]
    assert len(server.requests) == 3
    assert no_waiting == [0.5]


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("name", NOT_HTTP)
@pytest.mark.parametrize("speaker_name", OWN)
def test_no_http_through_an_own_client(
    speaks: Speaks, serve: Serve, no_waiting: list[float], name: str, how: str
) -> None:
    """An answer that is not HTTP raises a package error; httpx takes half a line for a hang-up."""

    def script(peer: Peer, seen: Seen) -> None:
        peer.send(NOT_HTTP[name])
        peer.hang_up()

    with pytest.raises((ResponseError, APIConnectionError)):
        speaks(serve(script)).either(how)


@pytest.mark.parametrize("wrong", [object(), "client"], ids=["object", "text"])
@pytest.mark.parametrize("make", [Client, AsyncClient])
def test_what_is_no_http_client(make: type[Any], wrong: object) -> None:
    """The constructor refuses any other object."""
    with pytest.raises(ConfigurationError):
        make(UNKNOWN, account_id="0" * 32, api_token=TOKEN, http_client=wrong)


def test_own_client_that_is_async_where_a_sync_one_is_needed() -> None:
    """An async client for sync calls raises an error."""
    client = httpx.AsyncClient()
    with pytest.raises(ConfigurationError, match=r"httpx\.Client"):
        Client(UNKNOWN, account_id="0" * 32, api_token=TOKEN, http_client=client)  # type: ignore[arg-type]  # what the test is about
    asyncio.run(client.aclose())


def test_httpx2_is_no_dependency() -> None:
    """The package does not import httpx2 itself."""
    for name in ("families", "user_clients"):
        assert "httpx2" not in vars(importlib.import_module(f"workersai._http.{name}"))


class Body(httpx.SyncByteStream):
    """The bytes of a stream's events, and more bytes after them."""

    def __init__(self) -> None:
        self.is_drained = False

    def __iter__(self) -> Iterator[bytes]:
        yield STREAM
        self.is_drained = True
        yield b": more\n\n"


class Multiplexed(httpx.BaseTransport):
    """A connection of a chosen HTTP version, over a socket that no test uses."""

    def __init__(self, version: bytes, below: socket.socket) -> None:
        self.version = version
        self.below = below
        self.body = Body()

    def get_extra_info(self, info: str) -> Any:
        return self.below if info == "socket" else None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        extensions = {"http_version": self.version, "network_stream": self}
        headers = {"content-type": "text/event-stream"}
        return httpx.Response(200, headers=headers, stream=self.body, extensions=extensions)


@pytest.mark.parametrize(("version", "is_drained"), [(b"HTTP/1.1", True), (b"HTTP/2", False)])
def test_what_follows_a_stream(loopback: None, version: bytes, is_drained: bool) -> None:
    """The client reads the bytes after a stream to keep the connection; HTTP/2 is kept anyway."""
    with socket.socket() as below:
        transport = Multiplexed(version, below)
        own = httpx.Client(transport=transport)
        client = Client(UNKNOWN, account_id=ACCOUNT, api_token=TOKEN, http_client=own)
        events = list(client.stream_chat(HELLO))
        assert "".join(event.text for event in events if isinstance(event, TextDelta)) == TEXT
        assert transport.body.is_drained is is_drained
        own.close()
