"""A connection of the sync engine: one blocking socket, with TLS and proxies."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl

from workersai._clocks import Clocks
from workersai._http.exceptions import no_tunnel
from workersai._http.framing import ResponseReader, request_bytes
from workersai._http.targets import Proxy, Route
from workersai._http.tls import shared_ssl_context

__all__ = ["SyncConnection"]

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
