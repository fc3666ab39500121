"""The connections of the async engine in one event loop, kept for the next request while silent."""

from __future__ import annotations

import asyncio
import sys
import time
import weakref
from collections import deque
from collections.abc import AsyncGenerator

from workersai._clocks import Clocks
from workersai._http.aio_connection import AsyncConnection
from workersai._http.aio_response import AsyncResponse
from workersai._http.exceptions import broken, unreadable
from workersai._http.framing import MalformedResponseError
from workersai._http.sharing import IDLE_SECONDS
from workersai._http.sync_pool import MAX_IDLE
from workersai._http.targets import Route
from workersai._outgoing import Outgoing
from workersai.errors import APIConnectionError, WorkersAIError

if sys.version_info >= (3, 11):
    from asyncio import timeout as time_limit
else:
    from async_timeout import timeout as time_limit


__all__ = ["MAX_OPEN", "AsyncPool"]

MAX_OPEN = 1000
"""The number of requests on one route at once; others wait, on their `connect` clock."""

_LATE = (TimeoutError, asyncio.TimeoutError)  # the same class from Python 3.11 on


class AsyncPool:
    """The connections of one route in one event loop.

    Args:
        route: Where they go.
    """

    def __init__(self, route: Route) -> None:
        self.route = route
        self._idle: deque[AsyncConnection] = deque()
        self._places = 0
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._users: weakref.WeakSet[object] = weakref.WeakSet()
        self._used_at = time.monotonic()
        self._keeper = _close_with_loop(self._idle)
        self._is_kept = self._is_watched = False
        weakref.finalize(self, _close_all, self._idle)

    async def join(self, user: object) -> None:
        """Register a user; make the event loop close idle connections when it shuts down."""
        self._users.add(user)
        self._used_at = time.monotonic()
        if not self._is_kept:
            self._is_kept = True
            await anext(self._keeper)

    def leave(self, user: object) -> None:
        """Remove a user; the last one closes the idle connections."""
        self._users.discard(user)
        if not self._users:
            _close_all(self._idle)

    def is_forgotten(self) -> bool:
        """Return whether it has no users and has been idle for a while."""
        return not self._users and time.monotonic() - self._used_at > IDLE_SECONDS

    async def open(
        self, outgoing: Outgoing, clocks: Clocks, active: set[AsyncResponse]
    ) -> AsyncResponse:
        """As `SyncPool.open`."""
        await self._take_place(clocks)
        response: AsyncResponse | None = None
        try:
            response = await self._open(outgoing, clocks, active)
        finally:
            if response is None:
                self.leave_place()
        return response

    async def _open(
        self, outgoing: Outgoing, clocks: Clocks, active: set[AsyncResponse]
    ) -> AsyncResponse:
        connection = self._take()
        if connection is not None:
            try:
                return await self._ask(connection, outgoing, clocks, active)
            except APIConnectionError as error:
                if not clocks.met_a_closing_connection(error):
                    raise
        connection = await self._connect(outgoing, clocks)
        return await self._ask(connection, outgoing, clocks, active)

    async def _ask(
        self,
        connection: AsyncConnection,
        outgoing: Outgoing,
        clocks: Clocks,
        active: set[AsyncResponse],
    ) -> AsyncResponse:
        response = AsyncResponse(self, connection, outgoing, clocks, active)
        try:
            await response.begin()
        finally:
            if not response.status:
                response.forget()
                connection.close()
        return response

    async def _connect(self, outgoing: Outgoing, clocks: Clocks) -> AsyncConnection:
        failure: WorkersAIError
        try:
            connection = await AsyncConnection.open(self.route, clocks)
        except MalformedResponseError as error:
            failure = unreadable(error, self.route.host, outgoing)
        except _LATE:
            failure = clocks.expired(is_connecting=True)
        except (OSError, UnicodeError) as error:
            failure = broken(error, self.route.host, outgoing, clocks, is_connecting=True)
        else:
            clocks.log("connected")
            return connection
        raise failure

    def _take(self) -> AsyncConnection | None:
        """As `SyncPool._take`."""
        while self._idle:
            connection = self._idle.pop()
            is_young = time.monotonic() - connection.idle_since < IDLE_SECONDS
            if is_young and connection.is_silent():
                return connection
            connection.close()
        return None

    def put_back(self, connection: AsyncConnection) -> None:
        """Keep a connection for the next request."""
        connection.is_used = True
        connection.idle_since = self._used_at = time.monotonic()
        if len(self._idle) < MAX_IDLE:
            self._idle.append(connection)
            if not self._is_watched:
                self._is_watched = True
                _close_later(weakref.ref(self))
        else:
            connection.close()

    def close_expired(self) -> None:
        """Close connections that were idle for too long; check the others again later."""
        while self._idle and time.monotonic() - self._idle[0].idle_since >= IDLE_SECONDS:
            self._idle.popleft().close()
        self._is_watched = bool(self._idle)
        if self._is_watched:
            _close_later(weakref.ref(self))

    async def _take_place(self, clocks: Clocks) -> None:
        """Wait until fewer than `MAX_OPEN` requests are running."""
        if self._places < MAX_OPEN:
            self._places += 1
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            async with time_limit(clocks.connect()):
                await waiter
        except asyncio.CancelledError:
            if not waiter.cancelled():
                self.leave_place()  # it was assigned in the meantime
            raise
        except _LATE:
            is_late = waiter.cancelled()  # otherwise it was assigned in the meantime
        else:
            is_late = False
        if is_late:
            raise clocks.expired(is_connecting=True)

    def leave_place(self) -> None:
        """Pass the place of a finished request to the next one."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self._places -= 1


def _close_later(pool: weakref.ref[AsyncPool]) -> None:
    """Schedule a check of a pool for the time when its connections may have been idle too long."""

    def look() -> None:
        if (found := pool()) is not None:
            found.close_expired()

    asyncio.get_running_loop().call_later(IDLE_SECONDS, look)


async def _close_with_loop(idle: deque[AsyncConnection]) -> AsyncGenerator[None, None]:
    """Wait for the event loop to shut its asynchronous generators down, as `asyncio.run` does."""
    try:
        yield
    finally:
        _close_all(idle)


def _close_all(idle: deque[AsyncConnection]) -> None:
    """Close the idle connections of a pool that is not used any more."""
    while idle:
        idle.pop().close()
