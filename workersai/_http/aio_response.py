"""A request and its response on one connection of the async engine."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TYPE_CHECKING

from workersai._clocks import Clocks
from workersai._http.aio_connection import AsyncConnection
from workersai._http.exceptions import broken, cut_short, unreadable
from workersai._http.framing import MalformedResponseError, ResponseReader
from workersai._http.inflate import decoder_for
from workersai._http.sync_response import MAX_REST
from workersai._http.writing import to_bytes
from workersai._outgoing import Outgoing
from workersai._wire import is_error_status
from workersai.errors import APIConnectionError, ResponseError, WorkersAIError

if TYPE_CHECKING:
    from workersai._http.aio_pool import AsyncPool


__all__ = ["AsyncResponse"]

_LATE = (TimeoutError, asyncio.TimeoutError)  # the same class from Python 3.11 on


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
        ready: list[bytes] = []  # empty while the caller uses the yielded bytes
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
