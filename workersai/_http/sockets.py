"""Sockets of the sync engine: their reads end at a moment, and when they are closed."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
from typing import Any

import httpcore

from workersai._http.clocks import Clocks
from workersai._http.frames import ChunkJoiner

__all__ = ["LimitedBackend", "LimitedStream"]

_WRITE_BYTES = 256 << 10


class LimitedStream(httpcore.NetworkStream):
    """A socket whose reads end at a moment, not only after a silence.

    httpcore hands the timeouts of a request on as they are, so a request's `Clocks` come here in
    their place.
    """

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner
        self._pid = os.getpid()
        self._joiner = ChunkJoiner()
        self._is_used = False
        self.has_heard = False
        """Whether anything was read since the last write."""

    def read(self, max_bytes: int, timeout: Any = None) -> bytes:
        while data := self._inner.read(max_bytes, _seconds(timeout)):
            if not self.has_heard and isinstance(timeout, Clocks):
                data = self._hear(data, timeout)
            else:
                data = self._joiner.feed(data)
            if data:
                break
        return data

    def _hear(self, data: bytes, clocks: Clocks) -> bytes:
        """Take the beginning of an answer; httpcore would wait for the rest of an SSH banner."""
        self.has_heard = self._is_used = True
        clocks.is_stale = False
        if not data.startswith(b"HTTP/"[: len(data)]):
            raise httpcore.RemoteProtocolError("the answer does not begin as HTTP does")
        return self._joiner.begin(data)

    def write(self, buffer: bytes, timeout: Any = None) -> None:
        self.has_heard = False
        if isinstance(timeout, Clocks):
            timeout.is_stale = self._is_used
        for start in range(0, len(buffer), _WRITE_BYTES):
            self._inner.write(buffer[start : start + _WRITE_BYTES], _seconds(timeout))

    def close(self) -> None:
        if self._pid == os.getpid():  # a forked process has a copy of its parent's connection
            self._wake()
        self._inner.close()

    def _wake(self) -> None:
        """End the read of another thread, which would wait on although the socket is closed."""
        below = self._inner.get_extra_info("socket")
        if isinstance(below, socket.socket):
            with contextlib.suppress(OSError):  # the other side was first
                socket.socket.shutdown(below, socket.SHUT_RDWR)

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        return LimitedStream(self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _seconds(timeout: Any) -> float | None:
    return timeout.wait() if isinstance(timeout, Clocks) else timeout


class LimitedBackend(httpcore.NetworkBackend):
    """Makes sockets with a limit."""

    def __init__(self) -> None:
        self._inner = httpcore.SyncBackend()

    def connect_tcp(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        return LimitedStream(self._inner.connect_tcp(*args, **kwargs))

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)
