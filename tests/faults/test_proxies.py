"""Proxies of the environment: no proxy can read a token.

Plain http bypasses them, and https goes through them in a tunnel, from every class.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.faults.classes import OF_CLASSES, answered, make, run, well
from tests.faults.conftest import Serve
from tests.faults.test_secrets import family, leaks, shown_of_ours
from tests.workersai.loopback import WAIT, Loopback, Peer, Seen
from tests.workersai.talking import ACCOUNT, TOKEN
from workersai import APIConnectionError, ConfigurationError

VARIABLES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
Way = tuple[str, str]
CLIENTS: list[Way] = [("Client", "sync"), ("AsyncClient", "async")]


class FakeProxy:
    """A proxy that keeps every byte that it gets; it opens no tunnel, but answers that it has."""

    def __init__(self, serve: Serve) -> None:
        self.received = bytearray()
        self.done = threading.Event()
        self.server: Loopback = serve(self._hear)

    @property
    def plain_url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    @property
    def url(self) -> str:
        return self.plain_url.replace("//", "//user:word@")

    def _hear(self, peer: Peer, seen: Seen) -> None:
        self.received += f"{seen.head}\r\n\r\n".encode() + seen.body
        if seen.head.startswith("CONNECT "):
            peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            peer.sock.settimeout(WAIT)
            with contextlib.suppress(OSError):
                self.received += peer.sock.recv(1 << 16)  # the beginning of TLS
        peer.hang_up()
        self.done.set()


@pytest.fixture
def proxy(serve: Serve) -> FakeProxy:
    return FakeProxy(serve)


def ask(way: Way, *, base_url: str, **settings: Any) -> None:
    async def main() -> None:
        it = make(way[0], base_url=base_url, **settings)
        await answered(way, it)

    run(main, way[1])


def use(monkeypatch: pytest.MonkeyPatch, proxy: FakeProxy, *names: str) -> None:
    for name in names:
        monkeypatch.setenv(name, proxy.url)


@pytest.mark.parametrize("way", OF_CLASSES, ids="-".join)
def test_plain_http_goes_through_no_proxy(
    serve: Serve, proxy: FakeProxy, monkeypatch: pytest.MonkeyPatch, way: Way
) -> None:
    """With every variable set and no exception, the client does not connect to the proxy."""
    use(monkeypatch, proxy, *VARIABLES)
    server = serve(well)
    ask(way, base_url=f"http://localhost:{server.port}/client/v4")
    assert proxy.server.connections == 0
    assert len(server.requests) == 1
    assert server.requests[0].header("authorization") == f"Bearer {TOKEN}"


@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize("way", CLIENTS, ids="-".join)
def test_no_variable_alone_takes_plain_http_to_a_proxy(
    serve: Serve, proxy: FakeProxy, monkeypatch: pytest.MonkeyPatch, way: Way, variable: str
) -> None:
    """No variable, upper or lower case, leads plain http to a proxy."""
    use(monkeypatch, proxy, variable)
    server = serve(well)
    ask(way, base_url=server.base_url)
    assert proxy.server.connections == 0
    assert len(server.requests) == 1


@pytest.mark.parametrize("way", CLIENTS, ids="-".join)
def test_plain_http_to_a_named_host_goes_through_no_proxy(
    proxy: FakeProxy, monkeypatch: pytest.MonkeyPatch, way: Way
) -> None:
    """A host that is allowed by name but unreachable raises, and the proxy is not used."""
    use(monkeypatch, proxy, *VARIABLES)
    with pytest.raises(APIConnectionError):
        ask(way, base_url="http://workersai.invalid:8787", allow_insecure_http=True)
    assert proxy.server.connections == 0


def wrapped(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def instrumented(*args: Any, **kwargs: Any) -> Any:
        return method(*args, **kwargs)

    return instrumented


def instrument(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrap the methods of httpx's transports, as tracing tools do."""
    for kind, name in (
        (httpx.HTTPTransport, "handle_request"),
        (httpx.AsyncHTTPTransport, "handle_async_request"),
    ):
        monkeypatch.setattr(kind, name, wrapped(getattr(kind, name)))


@pytest.mark.parametrize("way", CLIENTS, ids="-".join)
def test_plain_http_goes_through_no_proxy_while_httpx_is_instrumented(
    serve: Serve, proxy: FakeProxy, monkeypatch: pytest.MonkeyPatch, way: Way
) -> None:
    """Wrapped transport methods, as of tracing tools, change nothing about proxies."""
    instrument(monkeypatch)
    use(monkeypatch, proxy, *VARIABLES)
    server = serve(well)
    ask(way, base_url=server.base_url)
    assert proxy.server.connections == 0
    assert len(server.requests) == 1


@pytest.mark.parametrize("way", OF_CLASSES, ids="-".join)
def test_https_goes_through_a_proxy_by_a_tunnel(
    loopback: None, proxy: FakeProxy, monkeypatch: pytest.MonkeyPatch, way: Way
) -> None:
    """The proxy sees its own credentials and the host's name, and only encrypted bytes."""
    use(monkeypatch, proxy, "HTTPS_PROXY")
    with pytest.raises(APIConnectionError) as caught:
        ask(way, base_url="https://workersai.example/client/v4")
    assert proxy.done.wait(WAIT)
    received = bytes(proxy.received)
    assert received.startswith(b"CONNECT workersai.example:443 HTTP/1.1\r\n")
    assert b"Basic dXNlcjp3b3Jk" in received
    assert b"\r\n\r\n\x16\x03" in received, "what follows is TLS"
    for secret in (TOKEN, ACCOUNT, "Hello"):
        assert secret.encode() not in received
    assert "user:word" not in f"{caught.value} {vars(caught.value)}"


UNUSABLE = [
    "socks5://user:not-to-be-seen@127.0.0.1:9",
    "ftp://user:not-to-be-seen@127.0.0.1:9",
    "http://user:not-to-be-seen@[::1",
    "http://user:not-to-be-seen@127.0.0.1:port",
    "http://user:not-to-be-seen@127.0.0.1:9",
    "https://user:not-to-be-seen@127.0.0.1:9",
    "://",
]


@pytest.mark.parametrize("url", UNUSABLE)
@pytest.mark.parametrize("way", CLIENTS, ids="-".join)
def test_a_proxy_that_cannot_be_used(
    loopback: None, monkeypatch: pytest.MonkeyPatch, way: Way, url: str
) -> None:
    """It raises an error without the proxy's password, and the client does not bypass the proxy."""
    monkeypatch.setenv("HTTPS_PROXY", url)
    with pytest.raises((ConfigurationError, APIConnectionError)) as caught:
        ask(way, base_url="https://127.0.0.1:9/client/v4")
    assert not leaks(shown_of_ours(caught.value), ("not-to-be-seen", TOKEN))
    for one in family(caught.value):
        assert not leaks(f"{one!s} {one!r} {vars(one)!r}", ("not-to-be-seen", TOKEN))
