"""A request and its response on one connection of the sync engine."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

from workersai._clocks import Clocks
from workersai._http.exceptions import broken, cut_short, unreadable
from workersai._http.framing import MalformedResponseError, ResponseReader
from workersai._http.inflate import decoder_for
from workersai._http.sync_connection import SyncConnection
from workersai._http.writing import to_bytes
from workersai._outgoing import Outgoing
from workersai._wire import is_error_status
from workersai.errors import APIConnectionError, ResponseError, WorkersAIError

if TYPE_CHECKING:
    from workersai._http.sync_pool import SyncPool

__all__ = ["MAX_REST", "SyncResponse"]

MAX_REST = 32
"""The number of reads for the rest of a response; after more, the connection is closed."""


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
        ready: list[bytes] = []  # empty while the caller uses the yielded bytes
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
