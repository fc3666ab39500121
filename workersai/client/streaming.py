"""Pass an answer's bytes through its reader and yield events.

Events that arrive together are yielded as one list, so that a generator takes one step for all of
them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import AsyncExitStack, ExitStack

from workersai._clocks import Clocks
from workersai._engine import AsyncAnswer, SyncAnswer
from workersai._stream.reader import ChatReader, open_reader
from workersai._wire import Request
from workersai.client.reading import read_whole, read_whole_async
from workersai.client.token_caps import watch_events
from workersai.errors import WorkersAIError
from workersai.events import ChatEvent

__all__ = ["AsyncStream", "SyncStream"]

Secrets = tuple[str, ...]

_END = {True: "the stream ended", False: "the stream was closed before its end"}


class SyncStream:
    """A running stream of `Client`.

    Attributes:
        events: Lists of events; the events of a list arrived together.
    """

    def __init__(
        self, answer: SyncAnswer, reader: ChatReader, request: Request, clocks: Clocks
    ) -> None:
        self._answer = answer
        self._request = request
        self._reader = reader
        self._clocks = clocks
        self._is_whole = False
        self.events = self._run()

    @classmethod
    def begin(
        cls, answer: SyncAnswer, request: Request, clocks: Clocks, secrets: Secrets
    ) -> tuple[SyncStream, list[ChatEvent]]:
        """Read an answer up to its first events; a failure before them can be retried."""
        with ExitStack() as stack:
            stack.callback(answer.close)
            if answer.is_error:
                reply = read_whole(answer, secrets)
                reply.payload(request)
            reader = open_reader(request, answer.headers, secrets)
            clocks.is_fresh = reader.has_events
            stream = cls(answer, reader, request, clocks)
            first = next(stream.events)
            stack.pop_all()
            return stream, first

    def _run(self) -> Generator[list[ChatEvent], None, None]:
        reader, clocks = self._reader, self._clocks
        failure: WorkersAIError | None = None
        try:
            for chunk in self._answer:
                events = reader.feed(chunk)
                del chunk  # a consumer may take its time
                if events:
                    clocks.is_fresh = True
                    yield events
                if reader.is_done:
                    break
        except WorkersAIError as error:
            failure = reader.interrupt(error)
        if failure is not None:
            raise failure
        last = reader.close()
        watch_events(last, self._request)
        self._is_whole = True
        yield last

    def close(self) -> None:
        """Release the connection."""
        self.events.close()
        self._clocks.log(_END[self._is_whole])
        self._answer.close(is_done=self._is_whole)


class AsyncStream:
    """A running stream of `AsyncClient`; see `SyncStream`."""

    def __init__(
        self, answer: AsyncAnswer, reader: ChatReader, request: Request, clocks: Clocks
    ) -> None:
        self._answer = answer
        self._request = request
        self._reader = reader
        self._clocks = clocks
        self._is_whole = False
        self.events = self._run()

    @classmethod
    async def begin(
        cls, answer: AsyncAnswer, request: Request, clocks: Clocks, secrets: Secrets
    ) -> tuple[AsyncStream, list[ChatEvent]]:
        """As `SyncStream.begin`."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(answer.aclose)
            if answer.is_error:
                reply = await read_whole_async(answer, secrets)
                reply.payload(request)
            reader = open_reader(request, answer.headers, secrets)
            clocks.is_fresh = reader.has_events
            stream = cls(answer, reader, request, clocks)
            first = await anext(stream.events)
            stack.pop_all()
            return stream, first

    async def _run(self) -> AsyncGenerator[list[ChatEvent], None]:
        reader, clocks = self._reader, self._clocks
        failure: WorkersAIError | None = None
        try:
            async for chunk in self._answer:
                events = reader.feed(chunk)
                del chunk  # a consumer may take its time
                if events:
                    clocks.is_fresh = True
                    yield events
                if reader.is_done:
                    break
        except WorkersAIError as error:
            failure = reader.interrupt(error)
        if failure is not None:
            raise failure
        last = reader.close()
        watch_events(last, self._request)
        self._is_whole = True
        yield last

    async def aclose(self) -> None:
        """Release the connection."""
        await self.events.aclose()
        self._clocks.log(_END[self._is_whole])
        await self._answer.aclose(is_done=self._is_whole)
