"""TLS and the proxies of the environment: no token goes to a wrong host or in clear text."""

from __future__ import annotations

import socket
import ssl
import traceback
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest
import trustme

from tests.faults import scripts
from tests.faults.conftest import Serve, Speaks
from tests.faults.scripts import TEXT
from tests.faults.speakers import SIX
from tests.workersai.loopback import Loopback, TunnelProxy
from tests.workersai.talking import ACCOUNT, TOKEN
from workersai import APIConnectionError, APITimeoutError, ConfigurationError, Timeout

HOW = ("plain", "stream")
PROXY_VARIABLES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY")

pytestmark = [pytest.mark.usefixtures("loopback"), pytest.mark.parametrize("speaker_name", SIX)]


class Proxies(Protocol):
    def __call__(self, port: int, status: str = ...) -> TunnelProxy: ...


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(autouse=True)
def trust(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trust the authority of these tests, by the variable that a user would set."""
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    monkeypatch.setenv("SSL_CERT_FILE", str(path))


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[Loopback]:
    """Serve Workers AI over TLS as `localhost`."""
    server = Loopback(scripts.well, _context(authority, "localhost"))
    yield server
    server.close()


@pytest.fixture
def proxies() -> Iterator[Proxies]:
    with ExitStack() as stack:

        def make(port: int, status: str = "200 Connection established") -> TunnelProxy:
            proxy = TunnelProxy(port, status)
            stack.callback(proxy.close)
            return proxy

        yield make


def _context(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def test_calls_and_streams_over_tls(speaks: Speaks, secure: Loopback) -> None:
    """Twenty calls and twenty streams need at most two connections, with session tickets or not."""
    speaker = speaks(secure)
    for _ in range(20):
        assert speaker.ask() == TEXT
        assert speaker.either("stream") == TEXT
    assert len(secure.requests) == 40
    assert secure.connections <= 2


@pytest.mark.parametrize("how", HOW)
def test_a_certificate_of_an_unknown_authority(
    speaks: Speaks, secure: Loopback, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """The client sends nothing, tries once, and names the variable that sets what is trusted."""
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(APIConnectionError, match=r"CERTIFICATE_VERIFY_FAILED.*SSL_CERT_FILE"):
        speaks(secure).either(how)
    assert secure.requests == []
    assert secure.connections == 1


@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_a_file_of_certificates_that_cannot_be_read(
    speaks: Speaks,
    secure: Loopback,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: str | None,
) -> None:
    """The error names the file and the variable; nothing is sent, and nothing tried again."""
    path = tmp_path / "company.pem"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with pytest.raises(ConfigurationError, match=r"company\.pem cannot be read.*SSL_CERT_FILE"):
        speaks(secure).ask()
    assert secure.requests == []


def test_trust_is_read_when_an_object_first_calls(
    speaks: Speaks, secure: Loopback, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Objects that trust different certificates do not share connections."""
    trusting = speaks(secure)
    assert trusting.ask() == TEXT
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(APIConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
        speaks(secure, max_retries=0).ask()
    assert trusting.ask() == TEXT
    assert len(secure.requests) == 2


def test_a_certificate_for_another_name(speaks: Speaks, authority: trustme.CA) -> None:
    """The client refuses a trusted certificate of another host."""
    server = Loopback(scripts.well, _context(authority, "example.com"))
    try:
        with pytest.raises(APIConnectionError, match=r"(?i)hostname mismatch|not valid for"):
            speaks(server, max_retries=0).ask()
        assert server.requests == []
    finally:
        server.close()


def test_a_server_that_speaks_no_tls(speaks: Speaks, serve: Serve) -> None:
    """Plain text in place of TLS raises a connection error."""
    url = f"https://localhost:{serve(scripts.well).port}/client/v4"
    with pytest.raises(APIConnectionError):
        speaks(base_url=url, max_retries=0, timeout=Timeout(connect=0.2)).ask()


def test_a_handshake_that_never_ends(speaks: Speaks) -> None:
    """The timeout `connect` covers the handshake."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/client/v4"
        with pytest.raises(APITimeoutError) as caught:
            speaks(base_url=url, max_retries=0, timeout=Timeout(connect=0.1)).ask()
    assert caught.value.phase == "connect"


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_https_goes_through_a_tunnel(
    speaks: Speaks,
    secure: Loopback,
    proxies: Proxies,
    monkeypatch: pytest.MonkeyPatch,
    *,
    variable: str,
    how: str,
) -> None:
    """The proxy opens a tunnel with its credentials, and sees neither token nor account."""
    proxy = proxies(secure.port)
    monkeypatch.setenv(variable, f"http://user:pass%20word@127.0.0.1:{proxy.port}")
    speaker = speaks(secure)
    assert [speaker.either(how) for _ in range(3)] == [TEXT] * 3
    (head,) = proxy.heads
    assert head.startswith(f"CONNECT localhost:{secure.port} HTTP/1.1\r\n")
    assert "proxy-authorization: Basic dXNlcjpwYXNzIHdvcmQ=\r\n" in head
    assert "authorization: Bearer" not in head
    assert TOKEN.encode() not in proxy.received
    assert ACCOUNT.encode() not in proxy.received
    assert len(secure.requests) == 3


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("variable", PROXY_VARIABLES)
def test_plain_http_never_goes_through_a_proxy(
    speaks: Speaks,
    serve: Serve,
    proxies: Proxies,
    monkeypatch: pytest.MonkeyPatch,
    *,
    variable: str,
    how: str,
) -> None:
    """The client never connects to the proxy, which could read the token."""
    server = serve(scripts.well)
    proxy = proxies(server.port)
    monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.port}")
    assert speaks(server).either(how) == TEXT
    assert (proxy.connections, proxy.received) == (0, b"")
    assert len(server.requests) == 1


@pytest.mark.parametrize("excepted", ["localhost", "*", "example.com,localhost"])
def test_hosts_that_need_no_proxy(
    speaks: Speaks,
    secure: Loopback,
    proxies: Proxies,
    monkeypatch: pytest.MonkeyPatch,
    excepted: str,
) -> None:
    """Hosts in `NO_PROXY` bypass the proxy."""
    proxy = proxies(secure.port)
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
    monkeypatch.setenv("NO_PROXY", excepted)
    assert speaks(secure).ask() == TEXT
    assert proxy.connections == 0


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("status", ["407 Proxy Authentication Required", "502 Bad Gateway"])
def test_a_proxy_that_makes_no_tunnel(
    speaks: Speaks,
    secure: Loopback,
    proxies: Proxies,
    monkeypatch: pytest.MonkeyPatch,
    *,
    status: str,
    how: str,
) -> None:
    """The error names the proxy and its status, without its password and the token."""
    proxy = proxies(secure.port, status=status)
    monkeypatch.setenv("HTTPS_PROXY", f"http://a-user:a-password@127.0.0.1:{proxy.port}")
    with pytest.raises(APIConnectionError, match=f"127.0.0.1 answered {status[:3]}") as caught:
        speaks(secure, max_retries=0).either(how)
    error = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    shown = "".join(error.format())
    assert "a-password" not in shown
    assert "YS11c2VyOmEtcGFzc3dvcmQ=" not in shown
    assert secure.requests == []
    assert TOKEN.encode() not in proxy.received


@pytest.mark.parametrize("how", HOW)
def test_a_proxy_that_cannot_be_reached(
    speaks: Speaks, monkeypatch: pytest.MonkeyPatch, free_port: int, how: str
) -> None:
    """The error shows none of the proxy's credentials, local variables included."""
    monkeypatch.setenv("HTTPS_PROXY", f"http://a-user:a-password@127.0.0.1:{free_port}")
    with pytest.raises(APIConnectionError) as caught:
        speaks(max_retries=0).either(how)
    error = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    shown = "".join(error.format())
    assert "a-password" not in shown
    assert "a-user" not in shown
