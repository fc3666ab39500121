"""The async engine: our own connections, or a user's own HTTP client."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias, cast

from workersai._clocks import Clocks
from workersai._http.aio_pool import AsyncPool
from workersai._http.aio_response import AsyncResponse
from workersai._http.families import Family
from workersai._http.inflate import decoder_for
from workersai._http.library_pool import AsyncLibraryPool, LibraryRoute
from workersai._http.logs import mask_logs
from workersai._http.shared import MAX_REST, is_patched
from workersai._http.sharing import SharedPools
from workersai._http.targets import Route, parse_target, route_to
from workersai._http.user_clients import UserClient, shielded
from workersai._outgoing import Outgoing
from workersai._wire import is_error_status
from workersai.errors import APIConnectionError, ConfigurationError, WorkersAIError
from workersai.types import AsyncHTTPClient

if TYPE_CHECKING:
    import httpx

if sys.version_info >= (3, 11):
    from asyncio import timeout as time_limit
else:
    from async_timeout import timeout as time_limit

__all__ = ["AsyncAnswer", "AsyncEngine"]


def _check_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        raise ConfigurationError(
            "AsyncClient needs a running asyncio loop, and none runs here: under trio, "
            "call Client in a thread (trio.to_thread.run_sync)"
        ) from None


class AsyncEngine:
    """Sends requests over the connections of an event loop, or with the user's own client.

    Attributes:
        secrets: Secrets in the headers that the user's client adds.
    """

    def __init__(self, user_client: AsyncHTTPClient | None = None) -> None:
        self._user = None if user_client is None else UserClient(user_client, "AsyncClient")
        self._used: _PoolsOfLoops = weakref.WeakKeyDictionary()
        self._libraries: _LibrariesOfLoops = weakref.WeakKeyDictionary()
        self.secrets = [] if self._user is None else self._user.secrets
        weakref.finalize(self, _drop_forgotten)
        mask_logs("httpx" if self._user is None else self._user.family.library.__name__)

    async def open(self, outgoing: Outgoing, clocks: Clocks) -> AsyncAnswer:
        """As `SyncEngine.open`.

        Raises:
            ConfigurationError: If no asyncio loop runs, as under trio.
        """
        _check_loop()
        if self._user is not None:
            return await _open(self._user, outgoing, clocks)
        if not is_patched("AsyncHTTPTransport", "handle_async_request"):
            used = self._connections_for(outgoing.url)
            if used is not None:
                if used.is_new:
                    used.is_new = False
                    await used.pool.join(used)
                return await used.pool.open(outgoing, clocks, used.active)
        return await _open(await self._library_client(outgoing.url), outgoing, clocks)

    def _connections_for(self, url: str) -> _Used | None:
        """Return the running loop's connections for a URL; `None` if a library has to make them."""
        loop, target = asyncio.get_running_loop(), parse_target(url)
        used = self._used.get(loop)
        if used is None or used.pid != os.getpid() or not used.pool.route.leads_to(target):
            if (route := route_to(target)) is None:
                return None
            for other in [kept for kept in self._used if kept.is_closed()]:
                del self._used[other]
            self._used[loop] = used = _Used(_pools_of(loop).own.get(route))
        return used

    async def _library_client(self, url: str) -> UserClient:
        """Return a client of httpx for routes that our own connections do not support."""
        loop = asyncio.get_running_loop()
        pid, library = self._libraries.get(loop, (0, None))
        if library is None or pid != os.getpid():
            library = _pools_of(loop).libraries.get(LibraryRoute.to(parse_target(url)))
            self._libraries[loop] = (os.getpid(), library)
        return await library.join(self)

    async def sleep(self, seconds: float) -> None:
        """As `SyncEngine.sleep`, for this task alone."""
        await asyncio.sleep(seconds)

    async def aclose(self) -> None:
        """As `SyncEngine.close`, for the running loop's connections."""
        loop = asyncio.get_running_loop()
        used = self._used.pop(loop, None)
        if used is not None:
            for response in list(used.active):
                response.break_off()
            used.pool.leave(used)
        _, library = self._libraries.pop(loop, (0, None))
        if library is not None:
            await library.leave(self)


async def _open(user: UserClient, outgoing: Outgoing, clocks: Clocks) -> LibraryAnswer:
    """Send a request through a library's client; repeat it if its connection was closing."""
    try:
        return await _send(user, outgoing, clocks)
    except APIConnectionError as error:
        if not clocks.met_a_closing_connection(error):
            raise
    clocks.is_stale = False
    return await _send(user, outgoing, clocks)


async def _send(user: UserClient, outgoing: Outgoing, clocks: Clocks) -> LibraryAnswer:
    failure: WorkersAIError
    try:
        connect, wait = clocks.connect(), clocks.wait()
        limits = {"connect": connect, "pool": connect, "read": wait, "write": wait}
        async with time_limit(wait):
            response = await user.send_async(outgoing, clocks, limits)
    except user.family.failures as error:
        failure = user.family.translate(error, clocks, outgoing)
    except RuntimeError as error:
        if (misuse := user.misuse(error)) is None:
            raise
        failure = misuse
    else:
        return LibraryAnswer(response, clocks, outgoing, user.family, shielded(response.aclose))
    raise failure


class _Used:
    """The connections that one engine uses in one event loop."""

    __slots__ = ("__weakref__", "active", "is_new", "pid", "pool")

    def __init__(self, pool: AsyncPool) -> None:
        self.pool = pool
        self.pid = os.getpid()
        self.active: set[AsyncResponse] = set()
        self.is_new = True


_PoolsOfLoops: TypeAlias = "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Used]"
_LibrariesOfLoops: TypeAlias = (
    "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[int, AsyncLibraryPool]]"
)


class _Pools:
    """The pools that all engines share in one event loop, by route."""

    def __init__(self) -> None:
        self.own: SharedPools[Route, AsyncPool] = SharedPools(AsyncPool)
        self.libraries: SharedPools[LibraryRoute, AsyncLibraryPool] = SharedPools(AsyncLibraryPool)

    def drop_forgotten(self) -> None:
        self.own.drop_forgotten()
        self.libraries.drop_forgotten()


_pools: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Pools] = weakref.WeakKeyDictionary()


def _pools_of(loop: asyncio.AbstractEventLoop) -> _Pools:
    _drop_forgotten()
    if (pools := _pools.get(loop)) is None:
        pools = _pools.setdefault(loop, _Pools())
    return pools


def _drop_forgotten() -> None:
    """Drop the pools of closed loops, and pools that have been idle for a while."""
    for reference in _pools.keyrefs():  # a copy, safe while other threads add entries
        if (loop := reference()) is None:
            continue
        if loop.is_closed():
            _pools.pop(loop, None)
        elif (pools := _pools.get(loop)) is not None:
            pools.drop_forgotten()


class LibraryAnswer:
    """The head of an answer, and an iterator over its body."""

    def __init__(
        self,
        response: httpx.Response,
        clocks: Clocks,
        outgoing: Outgoing,
        family: Family,
        closing: Callable[[], Awaitable[None]],
    ) -> None:
        self.status = response.status_code
        self.is_error = is_error_status(self.status)
        clocks.begin_body(is_error=self.is_error)
        self.headers = dict(response.headers)
        self._closing = closing
        self._clocks = clocks
        self._outgoing = outgoing
        self._family = family
        stream = cast("httpx.AsyncByteStream", response.stream)
        self._chunks: AsyncIterator[bytes] = aiter(stream)
        self._bytes = self._read()

    def __aiter__(self) -> AsyncIterator[bytes]:
        """As `LibraryAnswer.__iter__` of the sync engine."""
        return self._bytes

    async def _read(self) -> AsyncGenerator[bytes, None]:
        decoder = decoder_for(self.headers)
        try:
            while True:
                async with time_limit(self._clocks.wait()):
                    data = await anext(self._chunks, None)
                if data is None:
                    break
                if decoder is None:
                    yield data
                    continue
                for piece in decoder.decode(data):
                    yield piece
            if decoder is not None:
                decoder.close()
        except self._family.failures as error:
            failure = self._family.translate(error, self._clocks, self._outgoing)
        else:
            return
        raise failure

    async def aclose(self, *, is_done: bool = False) -> None:
        """Release the connection; after a whole answer it is kept for the next request."""
        try:
            await self._bytes.aclose()
            if is_done:
                # If the end is not near, close the connection.
                with contextlib.suppress(*self._family.failures):
                    async with time_limit(self._clocks.drain()):
                        for _ in range(MAX_REST):
                            if await anext(self._chunks, None) is None:
                                break
        finally:
            await self._closing()


AsyncAnswer: TypeAlias = AsyncResponse | LibraryAnswer
"""The head of an answer, and an iterator over its body, from either kind of connection."""
