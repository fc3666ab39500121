"""Tests have no network; tests that use the fixture `loopback` reach this machine only."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_socket import SocketBlockedError, SocketConnectBlockedError

from tests.conftest import LOOPBACK, pytest_itemcollected
from workersai import AsyncClient, Client

ELSEWHERE = ("192.0.2.1", 443), ("203.0.113.7", 80), ("2001:db8::1", 443)
MODEL = "@cf/ibm-granite/granite-4.0-h-micro"
HELLO: list[Any] = [{"role": "user", "content": "Hello"}]
SETTINGS: dict[str, Any] = {
    "base_url": "http://127.0.0.1:9/client/v4",
    "account_id": "a" * 32,
    "api_token": "token",
    "max_retries": 0,
}

# pytest-socket warns of what it raises.
pytestmark = pytest.mark.filterwarnings("ignore:A test tried to use socket")


@pytest.fixture(scope="module")
def listener(loopback: None) -> Iterator[socket.socket]:
    """A socket of this machine that accepts connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "192.0.2.1"])
def test_tests_have_no_network(host: str) -> None:
    """A test without the fixture `loopback` cannot open a connection, even to this machine."""
    with pytest.raises(SocketBlockedError):
        socket.create_connection((host, 9))


def test_tests_cannot_listen() -> None:
    """A test without the fixture `loopback` cannot listen on a port."""
    with pytest.raises(SocketBlockedError):
        socket.create_server(("127.0.0.1", 0))


async def test_the_packages_own_engines_are_blocked_too() -> None:
    """A client without a fake transport raises `SocketBlockedError`, sync and async."""
    with Client(MODEL, **SETTINGS) as client, pytest.raises(SocketBlockedError):
        client.chat(HELLO)
    async with AsyncClient(MODEL, **SETTINGS) as async_client:
        with pytest.raises(SocketBlockedError):
            await async_client.chat(HELLO)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_fixture_opens_the_loopback_interface(listener: socket.socket, host: str) -> None:
    """A test whose fixture requests `loopback` reaches this machine, by number and by name."""
    with socket.create_connection((host, listener.getsockname()[1])) as connection:
        accepted, _ = listener.accept()
        with accepted:
            accepted.sendall(b"here")
        assert connection.recv(4) == b"here"


@pytest.mark.usefixtures("loopback")
@pytest.mark.parametrize("address", ELSEWHERE)
def test_loopback_opens_no_other_host(address: tuple[str, int]) -> None:
    """The fixture `loopback` opens no other host."""
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family) as connection, pytest.raises(SocketConnectBlockedError):
        connection.connect(address)


@pytest.mark.parametrize(
    ("mode", "where", "opened"),
    [
        (None, "", None),
        ("none", "live", None),
        ("rewrite", "", "allow_hosts"),
        ("rewrite", "live", "enable_socket"),
    ],
)
def test_recording_opens_its_hosts(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    mode: str | None,
    where: str,
    opened: str | None,
) -> None:
    """Replaying opens no host, recording opens this machine, and live recording opens all."""
    monkeypatch.setattr(request.config.option, "record_mode", mode)
    monkeypatch.setenv("WORKERSAI_RECORD", where)
    item = pytest.Function.from_parent(request.node.parent, name="it", callobj=lambda: None)
    item.add_marker(pytest.mark.vcr)

    pytest_itemcollected(item)

    assert [mark.name for mark in item.own_markers if mark.name != "vcr"] == [opened] * bool(opened)
    assert LOOPBACK.args == (["127.0.0.1", "::1", "localhost"],)
