"""Clients of httpx for what our own connections cannot do, shared as those are.

That is a proxy that is no plain HTTP one (SOCKS, or reached by https), and httpx while a tool
listens in on it: a recorder or a mock of tests, or a tracer.
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
from workersai._http.user_clients import UserClient

__all__ = ["AsyncLibraryPool", "LibraryPool", "LibraryRoute"]


class LibraryRoute(NamedTuple):
    """What makes a difference to a client of httpx: where it sends, and the proxies it reads."""

    scheme: str
    host: str
    port: int
    proxies: tuple[tuple[str, str], ...]

    def __repr__(self) -> str:
        """Show where it leads; a proxy's URL may hold a password."""
        return f"<LibraryRoute {self.scheme}://{self.host}:{self.port}>"

    @classmethod
    def to(cls, target: Target) -> LibraryRoute:
        """Return the route to a host; plain http has no proxies."""
        proxies = urllib.request.getproxies() if target.scheme == "https" else {}
        return cls(target.scheme, target.host, target.port, tuple(sorted(proxies.items())))


def _make(kind: str, route: LibraryRoute) -> UserClient:
    """Make a client.

    Raises:
        ConfigurationError: If httpx cannot use the environment's proxy.
    """
    library: Any = httpx_family().library
    try:
        client = getattr(library, kind)(timeout=None, trust_env=route.scheme == "https")
    except ImportError:
        reason = "SOCKS needs the package socksio (pip install 'httpx[socks]')"
    except (ValueError, library.InvalidURL):
        reason = "httpx knows no proxy of its kind"
    else:
        return UserClient(client, kind)
    raise unusable_proxy(reason)


class LibraryPool:
    """One client of httpx for all engines of a process that send to one place."""

    def __init__(self, route: LibraryRoute) -> None:
        self._route = route
        self._user: UserClient | None = None
        self._lock = threading.Lock()  # of one process: a forked one has pools of its own
        self._users: weakref.WeakSet[object] = weakref.WeakSet()
        self._used_at = time.monotonic()

    def join(self, user: object) -> UserClient:
        """Count a user in, and return the client."""
        with self._lock:
            self._users.add(user)
            self._used_at = time.monotonic()
            if self._user is None:
                self._user = _make("Client", self._route)
                weakref.finalize(self, self._user.client.close)
            return self._user

    def leave(self, user: object) -> None:
        """Count a user out; the last one closes the client."""
        with self._lock:
            self._users.discard(user)
            if not self._users and self._user is not None:
                self._user.client.close()
                self._user = None

    def is_forgotten(self) -> bool:
        """Say whether it has no users, and had none lately."""
        return not self._users and time.monotonic() - self._used_at > IDLE_SECONDS


class AsyncLibraryPool:
    """As `LibraryPool`, of one event loop, which closes the client when it shuts down."""

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
            await anext(self._keeper)  # it gives no other task a turn
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
