"""The sync engine: our own connections, or a user's own HTTP client."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias, cast

from workersai._clocks import Clocks
from workersai._http.families import Family
from workersai._http.inflate import decoder_for
from workersai._http.library_pool import LibraryPool, LibraryRoute
from workersai._http.logs import mask_logs
from workersai._http.shared import is_patched
from workersai._http.sharing import SharedPools
from workersai._http.sync_pool import SyncPool
from workersai._http.sync_response import SyncResponse
from workersai._http.targets import Route, parse_target, route_to
from workersai._http.user_clients import UserClient, read_to_end
from workersai._outgoing import Outgoing
from workersai._wire import is_error_status
from workersai.errors import APIConnectionError, WorkersAIError
from workersai.types import HTTPClient

if TYPE_CHECKING:
    import httpx

__all__ = ["SyncAnswer", "SyncEngine"]


class SyncEngine:
    """Sends requests over the connections of this process, or with the user's own client.

    Attributes:
        secrets: Secrets in the headers that the user's client adds.
    """

    def __init__(self, user_client: HTTPClient | None = None) -> None:
        self._user = None if user_client is None else UserClient(user_client, "Client")
        self._pool: SyncPool | None = None
        self._pid = 0
        self._active: set[SyncResponse] = set()
        self._library: tuple[int, LibraryPool] | None = None
        self.secrets = [] if self._user is None else self._user.secrets
        mask_logs("httpx" if self._user is None else self._user.family.library.__name__)

    def open(self, outgoing: Outgoing, clocks: Clocks) -> SyncAnswer:
        """Send a request and wait for the head of its answer.

        Raises:
            APIConnectionError: If there is no answer.
            ResponseError: If it is not HTTP.
        """
        if self._user is not None:
            return _open(self._user, outgoing, clocks)
        if not is_patched("HTTPTransport", "handle_request"):
            pool = self._pool_for(outgoing.url)
            if pool is not None:
                return pool.open(outgoing, clocks, self._active)
        return _open(self._library_client(outgoing.url), outgoing, clocks)

    def _pool_for(self, url: str) -> SyncPool | None:
        """Return the connections for a URL; `None` if a library has to make them."""
        pool, target = self._pool, parse_target(url)
        if pool is None or self._pid != os.getpid() or not pool.route.leads_to(target):
            route = route_to(target)
            pool = None if route is None else shared_pool(route)
            if pool is not None:
                pool.join(self)
            self._pool, self._pid = pool, os.getpid()
        return pool

    def _library_client(self, url: str) -> UserClient:
        """Return a client of httpx for routes that our own connections do not support."""
        if self._library is None or self._library[0] != os.getpid():
            self._library = (os.getpid(), _libraries.get(LibraryRoute.to(parse_target(url))))
        return self._library[1].join(self)

    def sleep(self, seconds: float) -> None:
        """Wait, and hold up this thread alone."""
        time.sleep(seconds)

    def close(self) -> None:
        """Release the connections; the next call opens new ones. A user's client stays open."""
        pool, self._pool = self._pool, None
        for response in list(self._active):
            response.break_off()
        if pool is not None and self._pid == os.getpid():
            pool.leave(self)
        library, self._library = self._library, None
        if library is not None and library[0] == os.getpid():
            library[1].leave(self)


def _open(user: UserClient, outgoing: Outgoing, clocks: Clocks) -> LibraryAnswer:
    """Send a request through a library's client; repeat it if its connection was closing."""
    try:
        return _send(user, outgoing, clocks)
    except APIConnectionError as error:
        if not clocks.met_a_closing_connection(error):
            raise
    clocks.is_stale = False
    return _send(user, outgoing, clocks)


def _send(user: UserClient, outgoing: Outgoing, clocks: Clocks) -> LibraryAnswer:
    failure: WorkersAIError
    try:
        connect, wait = clocks.connect(), clocks.wait()
        limits = {"connect": connect, "pool": connect, "read": wait, "write": wait}
        response = user.send(outgoing, clocks, limits)
    except user.family.failures as error:
        failure = user.family.translate(error, clocks, outgoing)
    except RuntimeError as error:
        if (misuse := user.misuse(error)) is None:
            raise
        failure = misuse
    else:
        return LibraryAnswer(response, clocks, outgoing, user.family)
    raise failure


_pools: SharedPools[Route, SyncPool] = SharedPools(SyncPool)
_libraries: SharedPools[LibraryRoute, LibraryPool] = SharedPools(LibraryPool)


def shared_pool(route: Route) -> SyncPool:
    """Return this process's connections of a route, which all its clients share."""
    return _pools.get(route)


class LibraryAnswer:
    """The head of an answer, and an iterator over its body."""

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
        # Not `iter_raw`: its chunking and counting is not needed, and costs time for each event.
        self._chunks = self._paced(iter(cast("httpx.SyncByteStream", response.stream)))
        self._bytes = self._read()

    def __iter__(self) -> Iterator[bytes]:
        """Return an iterator over the body's bytes; a caller that stops early can continue later.

        There is one generator for all calls: dropping one would close the connection before
        `close`.

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
        """Read through a user's client, whose sockets have only a timeout between two reads."""
        # Its reads use this value from the beginning of the body.
        self._response.request.extensions["timeout"]["read"] = self._clocks.wait()
        while (data := next(chunks, None)) is not None:
            self._clocks.check()
            yield data
            self._clocks.wait()

    def close(self, *, is_done: bool = False) -> None:
        """Release the connection; after a whole answer it is kept for the next request."""
        try:
            if is_done:
                seconds = self._clocks.drain()
                read_to_end(self._response, self._chunks, seconds, self._family.failures)
        finally:
            self._response.close()


SyncAnswer: TypeAlias = SyncResponse | LibraryAnswer
"""The head of an answer, and an iterator over its body, from either kind of connection."""
