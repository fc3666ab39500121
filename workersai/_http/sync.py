"""Sync calls, over httpx's own transport."""

from __future__ import annotations

import contextlib
import os
import ssl
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any, cast

import httpcore
import httpx

from workersai._failures import is_error_status
from workersai._http.shared import (
    DRAIN_SECONDS,
    FAILURES,
    LIMITS,
    Clocks,
    HTTPClient,
    Outgoing,
    build_request,
    decoder_for,
    refuse_cookies,
    ssl_context_for,
    translate,
)

__all__ = ["SyncAnswer", "SyncEngine"]


class _LimitedStream(httpcore.NetworkStream):
    """A socket whose reads end at a moment, not only after a silence."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner
        self.wait: Callable[[], float] | None = None
        """Says, while an answer's body is read, how long the next bytes may take."""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self.wait() if self.wait else timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, timeout)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        return _LimitedStream(self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _LimitedBackend(httpcore.NetworkBackend):
    """Makes sockets with a limit."""

    def __init__(self) -> None:
        self._inner = httpcore.SyncBackend()

    def connect_tcp(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        return _LimitedStream(self._inner.connect_tcp(*args, **kwargs))

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


class SyncEngine:
    """Sends requests over httpx, with the user's client or one of its own a process."""

    def __init__(self, user_client: HTTPClient | None = None) -> None:
        self._user_client = user_client
        self._own: tuple[int, HTTPClient] | None = None
        self._lock = threading.Lock()

    def open(self, outgoing: Outgoing, clocks: Clocks) -> SyncAnswer:
        """Send a request and wait for the head of its answer.

        Raises:
            APIConnectionError: If there is no answer.
            ResponseError: If it is not HTTP.
        """
        try:
            request = build_request(outgoing, clocks)
            response = self._client(outgoing.url).send(
                request, stream=True, auth=None, follow_redirects=False
            )
        except FAILURES as error:
            failure = translate(error, clocks, outgoing)
        else:
            return SyncAnswer(response, clocks, outgoing)
        raise failure

    def _client(self, url: str) -> HTTPClient:
        if self._user_client is not None:
            return self._user_client
        own = self._own
        if own is None or own[0] != os.getpid():
            with self._lock:
                own = self._own
                if own is None or own[0] != os.getpid():
                    own = self._own = (os.getpid(), _make_client(url))
                    # An engine that nobody closes takes its sockets with it.
                    weakref.finalize(self, _close_in, *own)
        return own[1]

    def close(self) -> None:
        """Close the connections; the next call opens new ones. A user's client stays open."""
        own, self._own = self._own, None
        if own is not None:
            _close_in(*own)


def _close_in(pid: int, client: HTTPClient) -> None:
    """Close a client, but not the copy of it that a forked process has."""
    if pid == os.getpid():
        client.close()


def _make_client(url: str) -> HTTPClient:
    # Each request brings its own timeouts.
    client = httpx.Client(verify=ssl_context_for(url), limits=LIMITS, timeout=None)  # noqa: S113
    refuse_cookies(client)
    for transport in (client._transport, *client._mounts.values()):  # noqa: SLF001
        # httpx has no parameter for httpcore's network backend.
        pool = getattr(transport, "_pool", None)
        if pool is not None:
            pool._network_backend = _LimitedBackend()  # noqa: SLF001
    return client


class SyncAnswer:
    """The head of an answer, and its body while it comes."""

    def __init__(self, response: httpx.Response, clocks: Clocks, outgoing: Outgoing) -> None:
        self.status = response.status_code
        self.is_error = is_error_status(self.status)
        self.headers = dict(response.headers)
        self._response = response
        self._clocks = clocks
        self._outgoing = outgoing
        # Not `iter_raw`: its chunker and counter do nothing here, for each event.
        self._chunks: Iterator[bytes] = iter(cast("httpx.SyncByteStream", response.stream))
        socket = response.extensions.get("network_stream")
        self._socket = socket if isinstance(socket, _LimitedStream) else None

        self._bytes = self._read()

    def __iter__(self) -> Iterator[bytes]:
        """Give the body's bytes as they come; who stops early can go on later.

        One generator for all: one that is dropped would close the connection under `close`.

        Raises:
            APIConnectionError: If the connection broke, or a clock ran out.
            ResponseError: If the bytes cannot be decompressed.
        """
        return self._bytes

    def _read(self) -> Iterator[bytes]:
        decoder = decoder_for(self.headers)
        if self._socket is not None:
            self._socket.wait = self._clocks.wait
        try:
            if decoder is None:
                yield from self._chunks
                return
            for data in self._chunks:
                yield decoder.decode(data)
            decoder.close()
        except FAILURES as error:
            failure = translate(error, self._clocks, self._outgoing)
        else:
            return
        raise failure

    def close(self, *, is_done: bool = False) -> None:
        """Let go of the connection; after a whole answer it is kept for the next request."""
        try:
            if is_done and self._socket is not None:
                end = time.monotonic() + DRAIN_SECONDS
                self._socket.wait = lambda: max(end - time.monotonic(), 0.001)
                with contextlib.suppress(*FAILURES):  # no end in sight: the connection goes
                    for _ in self._chunks:
                        pass
        finally:
            if self._socket is not None:
                self._socket.wait = None
            self._response.close()
