"""A connection of the async engine: one socket of an event loop, with TLS and proxies.

The steps are those of `sync_connection`, asynchronously. Only `sock_recv` and `sock_sendall` of the
loop are used, so that a connection can be closed after its loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys

import aiohappyeyeballs

from workersai._clocks import Clocks
from workersai._http.exceptions import no_tunnel
from workersai._http.framing import ResponseReader, request_bytes
from workersai._http.targets import Proxy, Route
from workersai._http.tls import TLSBuffer, shared_ssl_context

if sys.version_info >= (3, 11):
    from asyncio import timeout as time_limit
else:
    from async_timeout import timeout as time_limit


__all__ = ["AsyncConnection"]

_READ_BYTES = 64 << 10
_WRITE_BYTES = 256 << 10
_MOST_READS = 16
"""After this many reads that need no waiting, other tasks get a turn."""


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
        request = request_bytes("CONNECT", route.authority, route.authority, headers, b"")
        loop, reader = asyncio.get_running_loop(), ResponseReader()
        await loop.sock_sendall(self._sock, request)
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
