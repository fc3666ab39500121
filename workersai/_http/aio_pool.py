"""Connections of the async engine: sockets of one event loop, kept while silent.

The steps are those of `sync_pool`, asynchronously. Only `sock_recv` and `sock_sendall` of the loop
are used, so that a connection can be closed after its loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import time
import weakref
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator

import aiohappyeyeballs

from workersai._clocks import Clocks
from workersai._http.exceptions import broken, cut_short, no_tunnel, unreadable
from workersai._http.framing import MalformedResponseError, ResponseReader, request_bytes
from workersai._http.inflate import decoder_for
from workersai._http.sharing import IDLE_SECONDS
from workersai._http.sync_pool import MAX_IDLE, MAX_REST
from workersai._http.targets import Proxy, Route
from workersai._http.tls import TLSBuffer, shared_ssl_context
from workersai._http.writing import to_bytes
from workersai._outgoing import Outgoing
from workersai._wire import is_error_status
from workersai.errors import APIConnectionError, ResponseError, WorkersAIError

if sys.version_info >= (3, 11):
    from asyncio import timeout as time_limit
else:
    from async_timeout import timeout as time_limit

__all__ = ["AsyncConnection", "AsyncPool", "AsyncResponse"]

MAX_OPEN = 1000
"""The number of requests on one route at once; others wait, on their `connect` clock."""

_READ_BYTES = 64 << 10
_WRITE_BYTES = 256 << 10
_MOST_READS = 16
"""After this many reads that need no waiting, other tasks get a turn."""

_LATE = (TimeoutError, asyncio.TimeoutError)  # the same class from Python 3.11 on


class AsyncConnection:
    """A socket that carries one request at a time.

    Attributes:
        is_used: Whether it has already received a response.
        idle_since: When it was put back, on the monotonic clock.
    """

    __slots__ = ("_pid", "_reads", "_sock", "_tls", "idle_since", "is_used")

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._tls: TLSBuffer | None = None
        self._pid = os.getpid()
        self._reads = 0
        self.is_used = False
        self.idle_since = 0.0

    @classmethod
    async def open(cls, route: Route, clocks: Clocks) -> AsyncConnection:
        """Connect, through the route's proxy and with TLS if the route has them.

        Raises:
            OSError: If the connection fails.
            APIConnectionError: If the proxy refuses the tunnel.
        """
        first = route.proxy or route
        async with time_limit(clocks.connect()):
            sock = await _connect(first.host, first.port)
            with contextlib.ExitStack() as stack:
                stack.callback(sock.close)
                connection = cls(sock)
                if route.proxy is not None:
                    await connection.tunnel(route, route.proxy)
                if route.scheme == "https":
                    await connection.start_tls(route)
                stack.pop_all()
        return connection

    async def tunnel(self, route: Route, proxy: Proxy) -> None:
        """Ask a proxy for a connection to the route's host."""
        headers = [("proxy-authorization", proxy.authorization)] if proxy.authorization else []
        asked = request_bytes("CONNECT", route.authority, route.authority, headers, b"")
        loop, reader = asyncio.get_running_loop(), ResponseReader()
        await loop.sock_sendall(self._sock, asked)
        while not reader.has_head:
            data = await loop.sock_recv(self._sock, _READ_BYTES)
            if not data:
                raise no_tunnel(proxy.host, None)
            reader.feed(data)
        if not 200 <= reader.status < 300:
            raise no_tunnel(proxy.host, reader.status)

    async def start_tls(self, route: Route) -> None:
        """Do the TLS handshake."""
        loop = asyncio.get_running_loop()
        context = await loop.run_in_executor(None, shared_ssl_context, route.trust)
        tls = TLSBuffer(context, route.host)
        while not tls.shake():
            await loop.sock_sendall(self._sock, tls.pending())
            data = await loop.sock_recv(self._sock, _READ_BYTES)
            if not data:
                raise ConnectionResetError("the connection was closed in the TLS handshake")
            tls.feed(data)
        await loop.sock_sendall(self._sock, tls.pending())
        self._tls = tls

    async def send(self, data: bytes, clocks: Clocks) -> None:
        """Send a whole request."""
        loop = asyncio.get_running_loop()
        view = memoryview(data if self._tls is None else self._tls.encrypt(data))
        for start in range(0, len(view), _WRITE_BYTES):
            part = view[start : start + _WRITE_BYTES]
            with contextlib.suppress(BlockingIOError, InterruptedError):
                part = part[self._sock.send(part) :]
            if part:
                async with time_limit(clocks.wait()):
                    await loop.sock_sendall(self._sock, part)

    async def receive(self, clocks: Clocks) -> bytes:
        """Wait for bytes; `b""` when the server has closed the connection."""
        if self._tls is None:
            return await self._read(clocks)
        while (data := self._tls.decrypt()) is None:
            if answer := self._tls.pending():
                await asyncio.get_running_loop().sock_sendall(self._sock, answer)
            self._tls.feed(await self._read(clocks))
        return data

    async def _read(self, clocks: Clocks) -> bytes:
        wait = clocks.wait()
        self._reads += 1
        if self._reads % _MOST_READS == 0:
            await asyncio.sleep(0)
        with contextlib.suppress(BlockingIOError, InterruptedError):
            return self._sock.recv(_READ_BYTES)
        self._reads = 0
        async with time_limit(wait):
            return await asyncio.get_running_loop().sock_recv(self._sock, _READ_BYTES)

    def is_silent(self) -> bool:
        """Return whether the server has sent nothing since the last response, not even an end."""
        try:
            data = self._sock.recv(_READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return True
        except OSError:
            return False
        if self._tls is None or not data:
            return False
        self._tls.feed(data)  # TLS sends messages without data
        try:
            return self._tls.decrypt() is None and not self._tls.pending()
        except OSError:
            return False

    def shut_down(self) -> None:
        """End the connection for a task that reads from it."""
        if self._pid == os.getpid():  # a forked process only has a copy of the parent's socket
            with contextlib.suppress(OSError):  # the server may have closed it already
                self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()


async def _connect(host: str, port: int) -> socket.socket:
    """Connect to the first address that answers (RFC 8305)."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    sock = await aiohappyeyeballs.start_connection(found, happy_eyeballs_delay=0.25)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


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


class AsyncResponse:
    """As `SyncResponse`, asynchronously."""

    def __init__(
        self,
        pool: AsyncPool,
        connection: AsyncConnection,
        outgoing: Outgoing,
        clocks: Clocks,
        active: set[AsyncResponse],
    ) -> None:
        self._pool = pool
        self._connection: AsyncConnection | None = connection
        self._outgoing = outgoing
        self._clocks = clocks
        self._active = active
        self._reader = ResponseReader()
        self._first = b""
        self.status = 0
        self.is_error = False
        self.headers: dict[str, str] = {}
        self._bytes = self._read()
        active.add(self)

    async def begin(self) -> None:
        """As `SyncResponse.begin`."""
        reader, clocks = self._reader, self._clocks
        clocks.is_stale = self._own_connection().is_used
        failure = await self._send()
        while not reader.has_head:
            data = await self._receive(failure)
            if not data:
                raise failure or cut_short(self._pool.route.host, clocks, has_head=False)
            clocks.is_stale = False
            self._first += self._feed(data)
        self.status, self.headers = reader.status, reader.headers
        self.is_error = is_error_status(self.status)
        clocks.begin_body(is_error=self.is_error)

    def __aiter__(self) -> AsyncIterator[bytes]:
        """As `SyncResponse.__iter__`."""
        return self._bytes

    async def _read(self) -> AsyncGenerator[bytes, None]:
        decoder = decoder_for(self.headers)
        ready: list[bytes] = []  # holds nothing while its reader works on what it was given
        while (data := await self._next()) is not None:
            if decoder is not None:
                for piece in decoder.decode(data):
                    yield piece
                continue
            ready.append(data)
            del data
            yield ready.pop()
        if decoder is not None:
            decoder.close()

    def _own_connection(self) -> AsyncConnection:
        if self._connection is None:
            raise APIConnectionError("The connection was closed by its owner")
        return self._connection

    async def _send(self) -> APIConnectionError | None:
        """As `SyncResponse._send`."""
        outgoing = self._outgoing
        failure: WorkersAIError
        try:
            await self._own_connection().send(to_bytes(outgoing), self._clocks)
        except _LATE:
            failure = self._clocks.expired()
        except ConnectionError as error:
            return broken(error, self._pool.route.host, outgoing, self._clocks)
        except OSError as error:
            failure = broken(error, self._pool.route.host, outgoing, self._clocks)
        else:
            return None
        raise failure

    async def _receive(self, before: APIConnectionError | None = None) -> bytes:
        failure: WorkersAIError
        try:
            return await self._own_connection().receive(self._clocks)
        except _LATE:
            failure = self._clocks.expired()
        except OSError as error:
            failure = before or broken(error, self._pool.route.host, self._outgoing, self._clocks)
        raise failure

    def _feed(self, data: bytes) -> bytes:
        failure: ResponseError
        try:
            return self._reader.feed(data)
        except MalformedResponseError as error:
            failure = unreadable(error, self._pool.route.host, self._outgoing)
        raise failure

    async def _next(self) -> bytes | None:
        """Wait for the next bytes of the body; `None` after the last."""
        if self._first:
            first, self._first = self._first, b""
            return first
        reader = self._reader
        while not reader.is_done:
            data = await self._receive()
            if not data:
                if reader.feed_eof():
                    break
                raise cut_short(self._pool.route.host, self._clocks, has_head=True)
            if piece := self._feed(data):
                return piece
        self._let_go()
        return None

    async def aclose(self, *, is_done: bool = False) -> None:
        """As `SyncResponse.close`."""
        try:
            await self._bytes.aclose()  # the event loop, which would do it, may be closed by then
            if is_done and self._connection is not None:
                await self._drain()
        finally:
            self._let_go()

    async def _drain(self) -> None:
        self._clocks.drain()
        with contextlib.suppress(APIConnectionError, ResponseError):
            for _ in range(MAX_REST):
                if self._reader.is_done or not (data := await self._receive()):
                    break
                self._feed(data)

    def _let_go(self) -> None:
        """As `SyncResponse._let_go`."""
        connection = self._connection
        if connection is not None and self._reader.can_be_followed:
            self.forget()
            self._pool.put_back(connection)
            self._pool.leave_place()
        else:
            self.drop()

    def drop(self) -> None:
        """Close the connection."""
        connection = self._connection
        self.forget()
        if connection is not None:
            connection.close()
            self._pool.leave_place()

    def forget(self) -> None:
        """Detach the connection without closing it."""
        self._connection = None
        self._active.discard(self)

    def break_off(self) -> None:
        """End the response for the task that reads it; that task closes the connection."""
        if (connection := self._connection) is not None:
            connection.shut_down()
