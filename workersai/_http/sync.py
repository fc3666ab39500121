"""Sync calls, over httpx's own transport."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator
from typing import Any, NamedTuple, cast

import httpx

from workersai._http.clocks import Clocks
from workersai._http.families import HTTPX, Family
from workersai._http.inflate import decoder_for
from workersai._http.logs import mask_logs
from workersai._http.outgoing import Outgoing
from workersai._http.shared import (
    LIMITS,
    HTTPClient,
    build_request,
    read_rest,
    ssl_context_for,
)
from workersai._http.sockets import LimitedBackend, LimitedStream
from workersai._http.user_clients import UserClient, read_to_end
from workersai._wire import is_error_status
from workersai.errors import APIConnectionError, WorkersAIError

__all__ = ["SyncAnswer", "SyncEngine"]


class _Own(NamedTuple):
    pid: int
    client: _Client
    finish: weakref.finalize[..., SyncEngine]


class _Making:
    """The lock under which clients are made; a forked process gets one that nobody holds."""

    def __init__(self) -> None:
        self.renew()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.renew)

    def renew(self) -> None:
        self.lock = threading.Lock()


_making = _Making()


class SyncEngine:
    """Sends requests over httpx, with the user's client or one of its own a process."""

    def __init__(self, user_client: HTTPClient | None = None) -> None:
        self._user = None if user_client is None else UserClient(user_client, "Client")
        self._family = HTTPX if self._user is None else self._user.family
        self._own: _Own | None = None
        self.secrets = [] if self._user is None else self._user.secrets
        mask_logs(self._family.library.__name__)

    def open(self, outgoing: Outgoing, clocks: Clocks) -> SyncAnswer:
        """Send a request and wait for the head of its answer.

        Raises:
            APIConnectionError: If there is no answer.
            ResponseError: If it is not HTTP.
        """
        try:
            return self._send(outgoing, clocks)
        except APIConnectionError as error:
            if not clocks.met_a_closing_connection(error):
                raise
        # The server closed an idle connection just then. That is nobody's failure: ask again.
        clocks.is_stale = False
        return self._send(outgoing, clocks)

    def _send(self, outgoing: Outgoing, clocks: Clocks) -> SyncAnswer:
        failure: WorkersAIError
        try:
            response = self._begin(outgoing, clocks)
        except self._family.failures as error:
            failure = self._family.translate(error, clocks, outgoing)
        except RuntimeError as error:
            if self._user is None or (misuse := self._user.misuse(error)) is None:
                raise
            failure = misuse
        else:
            _refuse_surplus(response)
            return SyncAnswer(response, clocks, outgoing, self._family)
        raise failure

    def _begin(self, outgoing: Outgoing, clocks: Clocks) -> httpx.Response:
        connect = clocks.connect()
        limits: dict[str, Any] = {"connect": connect, "pool": connect}
        if self._user is not None:
            wait = clocks.wait()
            response: httpx.Response = self._user.send(
                outgoing, clocks, {**limits, "read": wait, "write": wait}
            )
            return response
        extensions = {"timeout": {**limits, "read": clocks, "write": clocks}}
        return self._client(outgoing.url).begin(build_request(outgoing, self._family, extensions))

    def _client(self, url: str) -> _Client:
        own = self._own
        if own is None or own.pid != os.getpid():
            with _making.lock:
                own = self._own
                if own is None or own.pid != os.getpid():
                    own = self._own = self._make(url)
        return own.client

    def _make(self, url: str) -> _Own:
        pid, client = os.getpid(), _make_client(url)
        # An engine that nobody closes takes its sockets with it.
        return _Own(pid, client, weakref.finalize(self, _close_in, pid, client))

    def close(self) -> None:
        """Close the connections; the next call opens new ones. A user's client stays open."""
        own, self._own = self._own, None
        if own is not None and own.pid == os.getpid():
            own.finish()  # once, and then it holds the client no longer


def _refuse_surplus(response: httpx.Response) -> None:
    """Refuse an answer that was there before its question.

    A server that sends more than its answer's length leaves bytes that the next request on the
    connection would read as its own answer.
    """
    stream = response.extensions.get("network_stream")
    if isinstance(stream, LimitedStream) and not stream.has_heard:
        response.close()
        raise APIConnectionError("The server had sent more than the answer to the request before")


def _close_in(pid: int, client: _Client) -> None:
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


def _make_client(url: str) -> _Client:
    # Each request brings its own timeouts.
    client = _Client(verify=ssl_context_for(url), limits=LIMITS, timeout=None)
    for transport in (client._transport, *client._mounts.values()):  # noqa: SLF001
        if transport is not None:  # hosts that the environment takes from the proxy
            # httpx has no parameter for httpcore's network backend.
            transport._pool._network_backend = LimitedBackend()  # type: ignore[attr-defined]  # noqa: SLF001
    return client


class SyncAnswer:
    """The head of an answer, and its body while it comes."""

    def __init__(
        self, response: httpx.Response, clocks: Clocks, outgoing: Outgoing, family: Family
    ) -> None:
        self.status = response.status_code
        self.is_error = is_error_status(self.status)
        clocks.begin_body(is_error=self.is_error)
        self.headers = dict(response.headers)
        self._response = response
        self._clocks = clocks
        self._outgoing = outgoing
        self._family = family
        stream = response.extensions.get("network_stream")
        self._socket = stream if isinstance(stream, LimitedStream) else None
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
            if is_done:
                self._drain(self._clocks.drain())
        finally:
            self._response.close()

    def _drain(self, seconds: float) -> None:
        """Read to the end; without one in sight the connection goes."""
        if self._socket is None:
            read_to_end(self._response, self._chunks, seconds, self._family.failures)
        else:
            read_rest(self._chunks, self._family.failures)
