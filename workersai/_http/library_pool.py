"""Shared clients of httpx, for cases that our own connections do not support.

These are proxies other than plain HTTP ones (SOCKS, or reached by https), and tools that listen in
on httpx: recorders and mocks of tests, or tracers.
"""

from __future__ import annotations

import threading
import time
import urllib.request
import weakref
from collections.abc import AsyncGenerator
from typing import Any, NamedTuple

from workersai._http.families import httpx_family
from workersai._http.sharing import IDLE_SECONDS
from workersai._http.targets import Target, unusable_proxy
from workersai._http.tls import Trust, shared_ssl_context
from workersai._http.user_clients import UserClient

__all__ = ["AsyncLibraryPool", "LibraryPool", "LibraryRoute"]


class LibraryRoute(NamedTuple):
    """The key of a shared httpx client: its destination, and the proxies in the environment."""

    scheme: str
    host: str
    port: int
    proxies: tuple[tuple[str, str], ...]

    def __repr__(self) -> str:
        """Show the destination only; a proxy's URL may contain a password."""
        return f"<LibraryRoute {self.scheme}://{self.host}:{self.port}>"

    @classmethod
    def to(cls, target: Target) -> LibraryRoute:
        """Return the route to a host; plain http has no proxies."""
        proxies = urllib.request.getproxies() if target.scheme == "https" else {}
        return cls(target.scheme, target.host, target.port, tuple(sorted(proxies.items())))


def _make(kind: str, route: LibraryRoute) -> UserClient:
    """Create a client.

    Raises:
        ConfigurationError: If httpx cannot use the environment's proxy.
    """
    library: Any = httpx_family().library
    try:
        client = getattr(library, kind)(
            timeout=None,
            trust_env=route.scheme == "https",
            verify=shared_ssl_context(Trust.of_the_environment()),  # httpx reads anew each time
        )
    except ImportError:
        reason = "SOCKS needs the package socksio (pip install 'httpx[socks]')"
    except (ValueError, library.InvalidURL):
        reason = "httpx does not support this kind of proxy"
    else:
        return UserClient(client, kind)
    raise unusable_proxy(reason)


class LibraryPool:
    """One client of httpx for all engines of a process that send to one destination."""

    def __init__(self, route: LibraryRoute) -> None:
        self._route = route
        self._user: UserClient | None = None
        self._lock = threading.Lock()  # for one process: a forked one creates its own pools
        self._users: weakref.WeakSet[object] = weakref.WeakSet()
        self._used_at = time.monotonic()

    def join(self, user: object) -> UserClient:
        """Register a user and return the client."""
        with self._lock:
            self._users.add(user)
            self._used_at = time.monotonic()
            if self._user is None:
                self._user = _make("Client", self._route)
                weakref.finalize(self, self._user.client.close)
            return self._user

    def leave(self, user: object) -> None:
        """Remove a user; the last one closes the client."""
        with self._lock:
            self._users.discard(user)
            if not self._users and self._user is not None:
                self._user.client.close()
                self._user = None

    def is_forgotten(self) -> bool:
        """Return whether it has no users and has been idle for a while."""
        return not self._users and time.monotonic() - self._used_at > IDLE_SECONDS


class AsyncLibraryPool:
    """As `LibraryPool`, for one event loop, which closes the client when it shuts down."""

    def __init__(self, route: LibraryRoute) -> None:
        self._route = route
        self._user: UserClient | None = None
        self._keeper: AsyncGenerator[None, None] | None = None
        self._users: weakref.WeakSet[object] = weakref.WeakSet()
        self._used_at = time.monotonic()

    async def join(self, user: object) -> UserClient:
        """As `LibraryPool.join`."""
        self._users.add(user)
        self._used_at = time.monotonic()
        if self._user is None or self._user.client.is_closed:
            self._user = _make("AsyncClient", self._route)
            self._keeper = _close_with_loop(self._user.client)
            await anext(self._keeper)  # does not yield to other tasks
        return self._user

    async def leave(self, user: object) -> None:
        """As `LibraryPool.leave`."""
        self._users.discard(user)
        if not self._users and self._keeper is not None:
            keeper, self._keeper, self._user = self._keeper, None, None
            await keeper.aclose()

    def is_forgotten(self) -> bool:
        """As `LibraryPool.is_forgotten`."""
        return not self._users and time.monotonic() - self._used_at > IDLE_SECONDS


async def _close_with_loop(client: Any) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        await client.aclose()
