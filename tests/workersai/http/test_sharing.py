"""Pools that objects share: when one is made, kept and released."""

from __future__ import annotations

import asyncio
import gc
import os
import weakref
from typing import Any

import pytest

from tests.workersai.conftest import Serve
from tests.workersai.loopback import WAIT, Loopback, Peer, Seen
from tests.workersai.talking import ACCOUNT, HELLO, TOKEN, UNKNOWN, answer
from workersai import AsyncClient, Client
from workersai._http import aio_pool, sync_pool
from workersai._http.library_pool import LibraryRoute
from workersai._http.sharing import SharedPools
from workersai._http.targets import parse_target


class Pool:
    """A pool whose test decides whether it is forgotten."""

    def __init__(self, route: str) -> None:
        self.route = route
        self.was_forgotten = False

    def is_forgotten(self) -> bool:
        return self.was_forgotten


def test_one_pool_a_route() -> None:
    """The same route returns the same pool; another route returns another pool."""
    pools: SharedPools[str, Pool] = SharedPools(Pool)
    assert pools.get("a") is pools.get("a")
    assert pools.get("a") is not pools.get("b")


def test_a_forgotten_pool_goes_when_another_is_asked_for() -> None:
    """Asking for a pool releases forgotten ones; a pool that is asked for again stays."""
    pools: SharedPools[str, Pool] = SharedPools(Pool)
    first, second = pools.get("a"), weakref.ref(pools.get("b"))
    for pool in (first, pools.get("b")):
        pool.was_forgotten = True
    del pool
    assert pools.get("a") is first
    gc.collect()
    assert second() is None
    assert not pools.get("b").was_forgotten


def test_a_forked_process_gets_pools_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A forked process drops its parent's pools and makes its own."""
    pools: SharedPools[str, Pool] = SharedPools(Pool)
    theirs = weakref.ref(pools.get("a"))
    parent = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: parent + 1)
    assert pools.get("a") is not theirs()
    gc.collect()
    assert theirs() is None


def until_hang_up(peer: Peer, seen: Seen) -> None:
    peer.answer(answer("native_text"))
    peer.wait_for_hang_up()


def make(cls: Any, server: Loopback) -> Any:
    return cls(UNKNOWN, account_id=ACCOUNT, api_token=TOKEN, base_url=server.base_url)


def test_sync_connections_of_dropped_objects_end(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first call of any object closes connections that have been idle for long enough."""
    first, second = serve(until_hang_up), serve(until_hang_up)
    make(Client, first).chat(HELLO)
    assert not first.gone.is_set()
    monkeypatch.setattr(sync_pool, "IDLE_SECONDS", 0)
    make(Client, second).chat(HELLO)
    assert first.gone.wait(WAIT)


async def test_async_connections_of_dropped_objects_end(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event loop closes connections that have been idle for long enough."""
    monkeypatch.setattr(aio_pool, "IDLE_SECONDS", 0.05)
    server = serve(until_hang_up)
    await make(AsyncClient, server).chat(HELLO)
    assert await asyncio.to_thread(server.gone.wait, WAIT)


async def test_async_connections_of_an_object_that_idles_end_too(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An idle object's connections close too; its next call opens a new one."""
    monkeypatch.setattr(aio_pool, "IDLE_SECONDS", 0.05)
    server = serve(until_hang_up)
    client = make(AsyncClient, server)
    for number in (1, 2):
        await client.chat(HELLO)
        assert await asyncio.to_thread(server.gone.wait, WAIT)
        server.gone.clear()
        assert server.connections == number
    await client.aclose()


def test_a_route_shows_no_password_of_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A route's repr, which tracebacks print, shows the proxy without its password."""
    monkeypatch.setenv("HTTPS_PROXY", "socks5://user:not-to-be-seen@proxy.example:1080")
    route = LibraryRoute.to(parse_target("https://workersai.example/client/v4"))
    assert "not-to-be-seen" in str(route.proxies)
    assert "not-to-be-seen" not in f"{route} {route!r}"
