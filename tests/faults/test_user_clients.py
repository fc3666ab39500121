"""HTTP clients of the user's own: of httpx with either engine, and of httpx2."""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from httpx_aiohttp import HttpxAiohttpClient

from tests.faults import scripts
from tests.faults.conftest import Serve
from tests.faults.scripts import CUTS, JSON, NOT_HTTP, TEXT, WHOLE, refuse
from tests.faults.speakers import SIX, Speaker
from tests.workersai.loopback import Script
from tests.workersai.talking import TOKEN, UNKNOWN
from workersai import (
    APIConnectionError,
    APITimeoutError,
    AsyncClient,
    Client,
    ConfigurationError,
    OutOfCapacityError,
    ResponseError,
    Timeout,
    WorkersAIError,
)


def httpx2() -> Any:
    return pytest.importorskip("httpx2")


KINDS: dict[str, dict[str, Any]] = {
    "httpx": {
        "sync": httpx.Client,
        "async": httpx.AsyncClient,
    },
    "aiohttp": {"async": HttpxAiohttpClient},
    "httpx2": {
        "sync": lambda **it: httpx2().Client(**it),
        "async": lambda **it: httpx2().AsyncClient(**it),
    },
}
PAIRS = [
    pytest.param((name, kind), id=f"{name}-{kind}")
    for name in SIX
    for kind in KINDS
    if name.split("-")[1] in KINDS[kind]
]


BARE = [pair for pair in PAIRS if str(pair.id).startswith("client")]


class Own:
    """A user's client and speakers that use it."""

    def __init__(self, name: str, kind: str) -> None:
        self.name, self.colour = name, name.split("-")[1]
        self.kind = kind
        self.client: Any = KINDS[kind][self.colour](
            headers={"x-own": "1"},
            cookies={"c": "1"},
            verify=False,  # reading certificates takes longer than the tests
        )
        self.speakers: list[Speaker] = []

    def speak(self, server: Any, **settings: Any) -> Speaker:
        made = Speaker(self.name, base_url=server.base_url, http_client=self.client, **settings)
        if self.speakers:  # one event loop for all that share a client
            made._loop = self.speakers[0]._loop
        self.speakers.append(made)
        return made

    def close(self) -> None:
        if self.speakers and self.colour == "async":
            self.speakers[0].wait(self.client.aclose())
        elif self.colour == "sync":
            self.client.close()
        for speaker in self.speakers:
            speaker.close()


@pytest.fixture
def own(request: pytest.FixtureRequest) -> Iterator[Own]:
    made = Own(*request.param)
    yield made
    made.close()


@pytest.mark.parametrize("own", PAIRS, indirect=True)
def test_own_client_is_used_and_left_as_it_is(own: Own, serve: Serve) -> None:
    """It sends the requests; it is neither closed nor changed, and its cookies stay at home."""
    server = serve(scripts.well)
    speaker = own.speak(server)
    before = dict(own.client.headers), dict(own.client.cookies)
    assert (speaker.ask(), speaker.read()) == (TEXT, TEXT)
    speaker.wait(speaker.it.aclose() if speaker.is_async else speaker.it.close())
    assert not own.client.is_closed
    assert (dict(own.client.headers), dict(own.client.cookies)) == before
    assert [seen.header("cookie") for seen in server.requests] == [None, None]
    assert [seen.header("authorization") for seen in server.requests] == [f"Bearer {TOKEN}"] * 2


BOMB = scripts.gzip_bomb()
FAULTS: dict[str, tuple[Script, type[WorkersAIError]]] = {
    "hang up": (lambda peer, _: peer.hang_up(), APIConnectionError),
    "hang": (scripts.hang, APITimeoutError),
    "stall": (scripts.stall, APITimeoutError),
    "ping": (scripts.ping, APITimeoutError),
    "busy": (refuse("429 Busy", 3040), OutOfCapacityError),
    "bomb": (
        lambda peer, _: peer.answer(BOMB, "200 OK", JSON, "content-encoding: gzip"),
        ResponseError,
    ),
    "br": (
        lambda peer, _: peer.answer(WHOLE, "200 OK", JSON, "content-encoding: br"),
        ResponseError,
    ),
    **{name: (script, WorkersAIError) for name, script in CUTS.items()},
}


LIMITS: dict[str, dict[str, float]] = {
    "hang": {"first_byte": 0.07},
    "stall": {"idle": 0.07},
    "ping": {"idle": 0.07},
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("own", BARE, indirect=True)
def test_faults_through_an_own_client(own: Own, serve: Serve, fault: str) -> None:
    """The same faults are the same errors: none of the library's escapes, not even as a cause."""
    script, kind = FAULTS[fault]
    timeout = Timeout(**LIMITS.get(fault, {}))
    speaker = own.speak(serve(script), timeout=timeout, max_retries=0)
    began = time.monotonic()
    with pytest.raises(kind) as caught:
        speaker.read()
    assert time.monotonic() - began < 2
    causes = [caught.value.__cause__, caught.value.__context__]
    assert all(cause is None or isinstance(cause, WorkersAIError) for cause in causes)
    if fault in (*CUTS, "stall", "ping"):
        assert caught.value.partial is not None


@pytest.mark.parametrize("own", BARE, indirect=True)
@pytest.mark.parametrize("name", sorted(set(NOT_HTTP) - {"an SSH banner"}))
def test_no_http_through_an_own_client(own: Own, serve: Serve, name: str) -> None:
    """An answer that is no HTTP raises in our terms."""

    def script(peer: Any, seen: Any) -> None:
        peer.send(NOT_HTTP[name])
        peer.hang_up()

    with pytest.raises((ResponseError, APIConnectionError)):
        own.speak(serve(script), max_retries=0).ask()


@pytest.mark.parametrize("own", PAIRS, indirect=True)
def test_own_client_that_is_closed(own: Own, serve: Serve) -> None:
    """A closed client is the caller's mistake, and said so."""
    server = serve(scripts.well)
    speaker = own.speak(server)
    speaker.wait(own.client.aclose() if speaker.is_async else own.client.close())
    with pytest.raises(ConfigurationError, match="closed"):
        speaker.ask()
    assert server.requests == []


@pytest.mark.parametrize("wrong", [object(), "client"], ids=["object", "text"])
@pytest.mark.parametrize("make", [Client, AsyncClient])
def test_what_is_no_http_client(make: type[Any], wrong: object) -> None:
    """Anything else is refused where it is given."""
    with pytest.raises(ConfigurationError):
        make(UNKNOWN, account_id="0" * 32, api_token=TOKEN, http_client=wrong)


def test_own_client_of_the_other_colour() -> None:
    """An async client cannot serve sync calls."""
    client = httpx.AsyncClient()
    with pytest.raises(ConfigurationError, match=r"httpx\.Client"):
        Client(UNKNOWN, account_id="0" * 32, api_token=TOKEN, http_client=client)  # type: ignore[arg-type]  # what the test is about
    asyncio.run(client.aclose())


def test_httpx2_is_no_dependency() -> None:
    """The package imports no httpx2 of its own."""
    module = importlib.import_module("workersai._http.families")
    assert "httpx2" not in vars(module)
