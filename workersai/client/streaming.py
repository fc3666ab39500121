"""An answer's bytes through its reader -> events, in both colours."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import AsyncExitStack, ExitStack, aclosing

from workersai._http import AsyncAnswer, Clocks, SyncAnswer
from workersai._stream.reader import ChatReader, open_reader
from workersai._wire import Request
from workersai.client.reading import read_whole, read_whole_async
from workersai.errors import WorkersAIError
from workersai.events import ChatEvent

__all__ = ["AsyncStream", "SyncStream"]

Secrets = tuple[str, ...]


class SyncStream:
    """A stream of `Client` under way. Its state is its own: a client may have many at once."""

    def __init__(self, answer: SyncAnswer, reader: ChatReader, clocks: Clocks) -> None:
        self._answer = answer
        self._reader = reader
        self._clocks = clocks
        self._is_whole = False
        self.events = self._run()

    @classmethod
    def begin(
        cls, answer: SyncAnswer, request: Request, clocks: Clocks, secrets: Secrets
    ) -> tuple[SyncStream, ChatEvent]:
        """Read an answer up to its first event: what fails before that may be tried again."""
        with ExitStack() as stack:
            stack.callback(answer.close)
            if answer.is_error:
                read_whole(answer, secrets).payload(request)
            reader = open_reader(request, answer.headers, secrets)
            clocks.is_fresh = reader.has_events
            stream = cls(answer, reader, clocks)
            first = next(stream.events)
            stack.pop_all()
            return stream, first

    def _run(self) -> Generator[ChatEvent, None, None]:
        reader, clocks = self._reader, self._clocks
        failure: WorkersAIError | None = None
        try:
            for chunk in self._answer:
                if events := reader.feed(chunk):
                    clocks.is_fresh = True
                    yield from events
                if reader.is_done:
                    break
        except WorkersAIError as error:
            failure = reader.interrupt(error)
        if failure is not None:
            raise failure
        last = reader.close()
        self._is_whole = True
        yield from last

    def close(self) -> None:
        """Let go of the connection."""
        self.events.close()
        self._answer.close(is_done=self._is_whole)


class AsyncStream:
    """A stream of `AsyncClient` under way."""

    def __init__(self, answer: AsyncAnswer, reader: ChatReader, clocks: Clocks) -> None:
        self._answer = answer
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
                (await read_whole_async(answer, secrets)).payload(request)
            reader = open_reader(request, answer.headers, secrets)
            clocks.is_fresh = reader.has_events
            stream = cls(answer, reader, clocks)
            first = await anext(stream.events)
            stack.pop_all()
            return stream, first

    async def _run(self) -> AsyncGenerator[list[ChatEvent], None]:
        """Give the events as they come, those that come together in one list."""
        reader, clocks = self._reader, self._clocks
        failure: WorkersAIError | None = None
        try:
            async with aclosing(aiter(self._answer)) as chunks:
                async for chunk in chunks:
                    if events := reader.feed(chunk):
                        clocks.is_fresh = True
                        yield events
                    if reader.is_done:
                        break
        except WorkersAIError as error:
            failure = reader.interrupt(error)
        if failure is not None:
            raise failure
        last = reader.close()
        self._is_whole = True
        yield last

    async def aclose(self) -> None:
        """Let go of the connection."""
        await self.events.aclose()
        await self._answer.aclose(is_done=self._is_whole)
