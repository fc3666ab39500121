"""Sync calls, over httpx's own transport."""

from __future__ import annotations

import contextlib
import os
import ssl
import threading
import weakref
from collections.abc import Iterator
from typing import Any, cast

import httpcore
import httpx

from workersai._failures import is_error_status
from workersai._http.clocks import Clocks
from workersai._http.families import HTTPX, Family, family_of
from workersai._http.frames import ChunkJoiner
from workersai._http.inflate import decoder_for
from workersai._http.outgoing import Outgoing
from workersai._http.shared import (
    LIMITS,
    HTTPClient,
    build_request,
    mask_accounts,
    ssl_context_for,
)
from workersai.errors import APIConnectionError, APITimeoutError, ConfigurationError

__all__ = ["SyncAnswer", "SyncEngine"]

_WRITE_BYTES = 256 << 10


class _LimitedStream(httpcore.NetworkStream):
    """A socket whose reads end at a moment, not only after a silence.

    httpcore hands the timeouts of a request on as they are, so a request's `Clocks` come here in
    their place.
    """

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner
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


def _seconds(timeout: Any) -> float | None:
    return timeout.wait() if isinstance(timeout, Clocks) else timeout


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
        self._family = HTTPX if user_client is None else family_of(user_client, "Client")
        self._own: tuple[int, HTTPClient] | None = None
        self._lock = threading.Lock()
        mask_accounts(self._family)

    def open(self, outgoing: Outgoing, clocks: Clocks) -> SyncAnswer:
        """Send a request and wait for the head of its answer.

        Raises:
            APIConnectionError: If there is no answer.
            ResponseError: If it is not HTTP.
        """
        try:
            return self._send(outgoing, clocks)
        except APIConnectionError as error:
            if not clocks.is_stale or isinstance(error, APITimeoutError):
                raise
        # The server closed an idle connection just then. That is nobody's failure: ask again.
        clocks.is_stale = False
        return self._send(outgoing, clocks)

    def _send(self, outgoing: Outgoing, clocks: Clocks) -> SyncAnswer:
        client = self._client(outgoing.url)
        try:
            request = build_request(outgoing, self._family, self._timeouts(clocks))
            response = _begin(client, request)
        except self._family.failures as error:
            failure = self._family.translate(error, clocks, outgoing)
        else:
            _refuse_surplus(response)
            clocks.begin_body()
            return SyncAnswer(response, clocks, outgoing, self._family)
        raise failure

    def _timeouts(self, clocks: Clocks) -> dict[str, Any]:
        connect = clocks.connect()
        limit = clocks if self._user_client is None else clocks.wait()
        return {"connect": connect, "pool": connect, "read": limit, "write": limit}

    def _client(self, url: str) -> HTTPClient:
        if self._user_client is not None:
            if self._user_client.is_closed:
                raise ConfigurationError("the HTTP client is closed", parameter="http_client")
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


def _refuse_surplus(response: httpx.Response) -> None:
    """Refuse an answer that was there before its question.

    A server that sends more than its answer's length leaves bytes that the next request on the
    connection would read as its own answer.
    """
    socket = response.extensions.get("network_stream")
    if isinstance(socket, _LimitedStream) and not socket.has_heard:
        response.close()
        raise APIConnectionError("The server had sent more than the answer to the request before")


def _close_in(pid: int, client: HTTPClient) -> None:
    """Close a client, but not the copy of it that a forked process has."""
    if pid == os.getpid():
        client.close()


class _Client(httpx.Client):
    """httpx's client, for the transports it chooses, the environment's proxies among them."""

    def begin(self, request: httpx.Request) -> httpx.Response:
        """Send a request without what `send` adds: cookies, redirects, auth and a log line."""
        response = self._transport_for_url(request.url).handle_request(request)
        response.request = request  # recorders want it
        return response


def _begin(client: HTTPClient, request: httpx.Request) -> httpx.Response:
    if isinstance(client, _Client):
        return client.begin(request)
    return client.send(request, stream=True, auth=None, follow_redirects=False)


def _make_client(url: str) -> HTTPClient:
    # Each request brings its own timeouts.
    client = _Client(verify=ssl_context_for(url), limits=LIMITS, timeout=None)
    for transport in (client._transport, *client._mounts.values()):  # noqa: SLF001
        if transport is not None:  # hosts that the environment takes from the proxy
            # httpx has no parameter for httpcore's network backend.
            transport._pool._network_backend = _LimitedBackend()  # type: ignore[attr-defined]  # noqa: SLF001
    return client


class SyncAnswer:
    """The head of an answer, and its body while it comes."""

    def __init__(
        self, response: httpx.Response, clocks: Clocks, outgoing: Outgoing, family: Family
    ) -> None:
        self.status = response.status_code
        self.is_error = is_error_status(self.status)
        self.headers = dict(response.headers)
        self._response = response
        self._clocks = clocks
        self._outgoing = outgoing
        self._family = family
        socket = response.extensions.get("network_stream")
        self._socket = socket if isinstance(socket, _LimitedStream) else None
        # Not `iter_raw`: its chunker and counter do nothing here, for each event.
        self._chunks: Iterator[bytes] = iter(cast("httpx.SyncByteStream", response.stream))
        if self._socket is None:
            self._chunks = self._paced(self._chunks)
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
        try:
            if decoder is None:
                yield from self._chunks
                return
            for data in self._chunks:
                yield from decoder.decode(data)
            decoder.close()
        except self._family.failures as error:
            failure = self._family.translate(error, self._clocks, self._outgoing)
        else:
            return
        raise failure

    def _paced(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Read through a user's client, whose sockets know only how long a silence may be."""
        # Its own reads look at this when the body begins.
        self._response.request.extensions["timeout"]["read"] = self._clocks.wait()
        while (data := next(chunks, None)) is not None:
            self._clocks.check()
            yield data
            self._clocks.wait()

    def close(self, *, is_done: bool = False) -> None:
        """Let go of the connection; after a whole answer it is kept for the next request."""
        try:
            if is_done and self._socket is not None:
                self._clocks.drain()
                # Without an end in sight the connection goes.
                with contextlib.suppress(*self._family.failures):
                    for _ in self._chunks:
                        pass
        finally:
            self._response.close()
