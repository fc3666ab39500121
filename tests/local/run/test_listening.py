"""The addresses of a host name, and whether other machines can reach them."""

from __future__ import annotations

import errno
import socket
from typing import Any

import pytest

from workersai import ConfigurationError
from workersai.local.run.listening import (
    TOKEN_VARIABLE,
    Addresses,
    listening,
    resolved,
    token_for,
)

pytestmark = pytest.mark.usefixtures("loopback")

V4 = socket.AF_INET


@pytest.mark.parametrize(
    ("host", "loopback", "caller_host"),
    [
        ("127.0.0.1", True, "127.0.0.1"),
        ("127.1", True, "127.0.0.1"),
        ("127.8.8.8", True, "127.8.8.8"),
        ("::1", True, "[::1]"),
        ("0.0.0.0", False, "127.0.0.1"),
        ("0", False, "127.0.0.1"),
        ("::", False, "[::1]"),
        ("192.0.2.1", False, "192.0.2.1"),
        ("2001:db8::1", False, "[2001:db8::1]"),
    ],
)
def test_addresses(host: str, loopback: bool, caller_host: str) -> None:
    """The server recognises loopback in any spelling and makes a URL for this machine."""
    addresses = resolved(host, 80)

    assert addresses.are_loopback is loopback
    assert addresses.caller_host == caller_host


def test_name_with_one_address_outside_loopback_is_reachable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name is loopback only if all its addresses are."""
    two_addresses = [(V4, 1, 6, "", ("127.0.0.1", 0)), (V4, 1, 6, "", ("192.0.2.1", 0))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: two_addresses)

    assert not resolved("two.test", 0).are_loopback
    with pytest.raises(ConfigurationError, match=f"two.test.*{TOKEN_VARIABLE}"):
        token_for(resolved("two.test", 0), None)


def test_a_name_is_resolved_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server resolves a name once, so the name cannot change between check and use."""
    lookups: list[Any] = []

    def lookup(host: str, *_: Any, **__: Any) -> list[Any]:
        lookups.append(host)
        return [(V4, 1, 6, "", ("127.0.0.1" if len(lookups) == 1 else "0.0.0.0", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    addresses = resolved("turns.test", 0)
    [listener] = listening(addresses)
    with listener:
        assert listener.getsockname()[0] == "127.0.0.1"
    assert lookups == ["turns.test"]


def test_sockets_send_at_once() -> None:
    """Sockets name their protocol; asyncio then switches Nagle's algorithm off."""
    [listener] = listening(resolved("127.0.0.1", 0))
    with listener:
        assert listener.proto == socket.IPPROTO_TCP


def test_addresses_that_this_machine_lacks_are_skipped() -> None:
    """All addresses of a name share a port, and the server skips those that the machine lacks."""
    here, away = (V4, ("127.0.0.1", 0)), (V4, ("192.0.2.1", 0))
    also = (V4, ("127.0.0.2", 0))

    sockets = listening(Addresses("some.test", (away, here, also)))
    try:
        names = [listener.getsockname() for listener in sockets]
        assert [name[0] for name in names] == ["127.0.0.1", "127.0.0.2"]
        assert len({name[1] for name in names}) == 1
    finally:
        for listener in sockets:
            listener.close()
    with pytest.raises(OSError, match=r".") as absent:
        listening(Addresses("some.test", (away,)))
    assert absent.value.errno == errno.EADDRNOTAVAIL


@pytest.mark.parametrize("token", [None, "mine"])
def test_loopback_uses_the_token_of_the_caller(token: str | None) -> None:
    """On loopback the server uses the caller's token, or no token."""
    assert token_for(resolved("127.0.0.1", 0), token) == token


def test_empty_variable_is_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server treats an empty token variable as no token."""
    monkeypatch.setenv(TOKEN_VARIABLE, "")
    with pytest.raises(ConfigurationError, match=TOKEN_VARIABLE):
        token_for(resolved("0.0.0.0", 0), None)
