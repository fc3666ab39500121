"""Connections of the sync engine: blocking sockets, kept for the next request while silent."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import time
import weakref
from collections import deque
from collections.abc import Generator, Iterator

from workersai._clocks import Clocks
from workersai._http.exceptions import broken, cut_short, no_tunnel, unreadable
from workersai._http.framing import MalformedResponseError, ResponseReader, request_bytes
from workersai._http.inflate import decoder_for
from workersai._http.sharing import IDLE_SECONDS
from workersai._http.targets import Proxy, Route
from workersai._http.tls import shared_ssl_context
from workersai._http.writing import to_bytes
from workersai._outgoing import Outgoing
from workersai._wire import is_error_status
from workersai.errors import APIConnectionError, ResponseError, WorkersAIError

__all__ = ["SyncConnection", "SyncPool", "SyncResponse"]

MAX_IDLE = 100
MAX_REST = 32
"""The number of reads for the rest of a response; after more, the connection is closed."""

_READ_BYTES = 64 << 10
_WRITE_BYTES = 256 << 10


class SyncConnection:
    """A socket that carries one request at a time.

    Attributes:
        is_used: Whether it has already received a response.
        idle_since: When it was put back, on the monotonic clock.
    """

    __slots__ = ("_pid", "_sock", "idle_since", "is_used")

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._pid = os.getpid()
        self.is_used = False
        self.idle_since = 0.0

    @classmethod
    def open(cls, route: Route, clocks: Clocks) -> SyncConnection:
        """Connect, through the route's proxy and with TLS if the route has them.

        Raises:
            OSError: If the connection fails.
            APIConnectionError: If the proxy refuses the tunnel.
        """
        first = route.proxy or route
        sock = socket.create_connection((first.host, first.port), timeout=clocks.connect())
        with contextlib.ExitStack() as stack:
            stack.callback(sock.close)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if route.proxy is not None:
                _tunnel(sock, route, route.proxy, clocks)
            if route.scheme == "https":
                sock.settimeout(clocks.connect())
                sock = shared_ssl_context(route.trust).wrap_socket(sock, server_hostname=route.host)
            stack.pop_all()
        return cls(sock)

    def send(self, data: bytes, clocks: Clocks) -> None:
        """Send a whole request."""
        if len(data) <= _WRITE_BYTES:
            self._sock.settimeout(clocks.wait())
            self._sock.sendall(data)
            return
        view = memoryview(data)
        for start in range(0, len(view), _WRITE_BYTES):
            self._sock.settimeout(clocks.wait())
            self._sock.sendall(view[start : start + _WRITE_BYTES])

    def receive(self, clocks: Clocks) -> bytes:
        """Wait for bytes; `b""` when the server has closed the connection."""
        self._sock.settimeout(clocks.wait())
        return self._sock.recv(_READ_BYTES)

    def is_silent(self) -> bool:
        """Return whether the server has sent nothing since the last response, not even an end."""
        try:
            self._sock.settimeout(0)
            self._sock.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        return False

    def shut_down(self) -> None:
        """End the connection for a thread that reads from it; that thread closes the socket."""
        if self._pid == os.getpid():  # a forked process only has a copy of the parent's socket
            with contextlib.suppress(OSError):  # the server may have closed it already
                socket.socket.shutdown(self._sock, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()


def _tunnel(sock: socket.socket, route: Route, proxy: Proxy, clocks: Clocks) -> None:
    """Ask a proxy for a connection to the route's host."""
    headers = [("proxy-authorization", proxy.authorization)] if proxy.authorization else []
    sock.settimeout(clocks.connect())
    sock.sendall(request_bytes("CONNECT", route.authority, route.authority, headers, b""))
    reader = ResponseReader()
    while not reader.has_head:
        sock.settimeout(clocks.connect())
        data = sock.recv(_READ_BYTES)
        if not data:
            raise no_tunnel(proxy.host, None)
        reader.feed(data)
    if not 200 <= reader.status < 300:
        raise no_tunnel(proxy.host, reader.status)


class SyncPool:
    """The connections of one route, for all threads of one process.

    Args:
        route: Where they go.
    """

    def __init__(self, route: Route) -> None:
        self.route = route
        self._idle: deque[SyncConnection] = deque()
        self._users: weakref.WeakSet[object] = weakref.WeakSet()
        self._used_at = time.monotonic()
        weakref.finalize(self, _close_all, self._idle)

    def join(self, user: object) -> None:
        """Register a user."""
        self._users.add(user)
        self._used_at = time.monotonic()

    def leave(self, user: object) -> None:
        """Remove a user; the last one closes the idle connections."""
        self._users.discard(user)
        if not self._users:
            _close_all(self._idle)

    def is_forgotten(self) -> bool:
        """Return whether it has no users and has been idle for a while."""
        return not self._users and time.monotonic() - self._used_at > IDLE_SECONDS

    def open(self, outgoing: Outgoing, clocks: Clocks, active: set[SyncResponse]) -> SyncResponse:
        """Send a request and wait for the head of its response.

        If the server closed the idle connection just then, the request is sent again over a new
        one.

        Args:
            outgoing: The request.
            clocks: Its time limits.
            active: Contains the response while it uses its connection.

        Raises:
            APIConnectionError: If there is no response.
            ResponseError: If it is not HTTP.
        """
        connection = self._take()
        if connection is not None:
            try:
                return self._ask(connection, outgoing, clocks, active)
            except APIConnectionError as error:
                if not clocks.met_a_closing_connection(error):
                    raise
        return self._ask(self._connect(outgoing, clocks), outgoing, clocks, active)

    def _ask(
        self,
        connection: SyncConnection,
        outgoing: Outgoing,
        clocks: Clocks,
        active: set[SyncResponse],
    ) -> SyncResponse:
        response = SyncResponse(self, connection, outgoing, clocks, active)
        try:
            response.begin()
        finally:
            if not response.status:
                response.drop()
        return response

    def _connect(self, outgoing: Outgoing, clocks: Clocks) -> SyncConnection:
        failure: WorkersAIError
        try:
            connection = SyncConnection.open(self.route, clocks)
        except MalformedResponseError as error:
            failure = unreadable(error, self.route.host, outgoing)
        except TimeoutError:
            failure = clocks.expired(is_connecting=True)
        except (OSError, UnicodeError) as error:
            failure = broken(error, self.route.host, outgoing, clocks, is_connecting=True)
        else:
            clocks.log("connected")
            return connection
        raise failure

    def _take(self) -> SyncConnection | None:
        """Take the connection that was used last; close those that cannot be used again."""
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            is_young = time.monotonic() - connection.idle_since < IDLE_SECONDS
            if is_young and connection.is_silent():
                return connection
            connection.close()

    def put_back(self, connection: SyncConnection) -> None:
        """Keep a connection for the next request."""
        connection.is_used = True
        connection.idle_since = self._used_at = time.monotonic()
        if len(self._idle) < MAX_IDLE:
            self._idle.append(connection)
        else:
            connection.close()


def _close_all(idle: deque[SyncConnection]) -> None:
    """Close the idle connections of a pool that is not used any more."""
    while idle:
        idle.pop().close()


class SyncResponse:
    """The head of a response, and an iterator over its body.

    Attributes:
        status: The HTTP status.
        is_error: Whether the status is an error.
        headers: By lower-case name.
    """

    def __init__(
        self,
        pool: SyncPool,
        connection: SyncConnection,
        outgoing: Outgoing,
        clocks: Clocks,
        active: set[SyncResponse],
    ) -> None:
        self._pool = pool
        self._connection: SyncConnection | None = connection
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

    def begin(self) -> None:
        """Send the request and read the head of its response."""
        reader, clocks = self._reader, self._clocks
        clocks.is_stale = self._own_connection().is_used
        failure = self._send()
        while not reader.has_head:
            data = self._receive(failure)
            if not data:
                raise failure or cut_short(self._pool.route.host, clocks, has_head=False)
            clocks.is_stale = False
            self._first += self._feed(data)
        self.status, self.headers = reader.status, reader.headers
        self.is_error = is_error_status(self.status)
        clocks.begin_body(is_error=self.is_error)

    def __iter__(self) -> Iterator[bytes]:
        """Return an iterator over the body's bytes; a caller that stops early can continue later.

        Raises:
            APIConnectionError: If the connection broke, or a clock ran out.
            ResponseError: If the bytes are not HTTP, or cannot be decompressed.
        """
        return self._bytes

    def _own_connection(self) -> SyncConnection:
        if self._connection is None:
            raise APIConnectionError("The connection was closed by its owner")
        return self._connection

    def _send(self) -> APIConnectionError | None:
        """Send the request; if the server hangs up, return the failure, as it may have answered."""
        outgoing = self._outgoing
        failure: WorkersAIError
        try:
            self._own_connection().send(to_bytes(outgoing), self._clocks)
        except TimeoutError:
            failure = self._clocks.expired()
        except ConnectionError as error:
            return broken(error, self._pool.route.host, outgoing, self._clocks)
        except OSError as error:
            failure = broken(error, self._pool.route.host, outgoing, self._clocks)
        else:
            return None
        raise failure

    def _receive(self, before: APIConnectionError | None = None) -> bytes:
        failure: WorkersAIError
        try:
            return self._own_connection().receive(self._clocks)
        except TimeoutError:
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

    def _read(self) -> Generator[bytes, None, None]:
        decoder = decoder_for(self.headers)
        ready: list[bytes] = []  # holds nothing while its reader works on what it was given
        while (data := self._next()) is not None:
            if decoder is not None:
                yield from decoder.decode(data)
                continue
            ready.append(data)
            del data
            yield ready.pop()
        if decoder is not None:
            decoder.close()

    def _next(self) -> bytes | None:
        """Wait for the next bytes of the body; `None` after the last."""
        if self._first:
            first, self._first = self._first, b""
            return first
        reader = self._reader
        while not reader.is_done:
            data = self._receive()
            if not data:
                if reader.feed_eof():
                    break
                raise cut_short(self._pool.route.host, self._clocks, has_head=True)
            if piece := self._feed(data):
                return piece
        self._let_go()
        return None

    def close(self, *, is_done: bool = False) -> None:
        """Release the connection; after a whole response it is kept for the next request.

        Args:
            is_done: Whether the rest is not needed; it is read only if it arrives at once.
        """
        try:
            self._bytes.close()
            if is_done and self._connection is not None:
                self._drain()
        finally:
            self._let_go()

    def _drain(self) -> None:
        self._clocks.drain()
        with contextlib.suppress(APIConnectionError, ResponseError):
            for _ in range(MAX_REST):
                if self._reader.is_done or not (data := self._receive()):
                    break
                self._feed(data)

    def _let_go(self) -> None:
        """Put the connection back if another request may use it, else close it."""
        connection = self._connection
        if connection is not None and self._reader.can_be_followed:
            self._connection = None
            self._active.discard(self)
            self._pool.put_back(connection)
        else:
            self.drop()

    def drop(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        self._active.discard(self)
        if connection is not None:
            connection.close()

    def break_off(self) -> None:
        """End the response for the thread that reads it; that thread closes the connection."""
        if (connection := self._connection) is not None:
            connection.shut_down()
