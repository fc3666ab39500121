"""An answer's bytes through its reader -> events, a batch at a time, in both colours."""

from __future__ import annotations

from contextlib import AsyncExitStack, ExitStack

from workersai._body import read_whole, read_whole_async
from workersai._http import AsyncAnswer, Clocks, SyncAnswer
from workersai._requests import Request
from workersai._stream import ChatReader, open_reader
from workersai._types import ChatEvent
from workersai.errors import WorkersAIError

__all__ = ["AsyncStream", "SyncStream"]

Secrets = tuple[str, ...]


class _Stream:
    """A stream under way. Its state is its own: a client may have many at once."""

    def __init__(self, reader: ChatReader, clocks: Clocks) -> None:
        self._reader = reader
        self._clocks = clocks
        self._is_over = False
        self._is_whole = False

    def _feed(self, chunk: bytes) -> list[ChatEvent]:
        if events := self._reader.feed(chunk):
            self._clocks.touch()
        return events

    def _interrupt(self, error: WorkersAIError) -> bytes:
        """Take a failure of the connection as the end of the bytes, if the answer was whole."""
        if (failure := self._reader.interrupt(error)) is not None:
            self._is_over = True
            raise failure
        return b""

    def _end(self) -> list[ChatEvent]:
        self._is_over = True
        events = self._reader.close()
        self._is_whole = True
        return events


class SyncStream(_Stream):
    """A stream of `Client`."""

    def __init__(self, answer: SyncAnswer, reader: ChatReader, clocks: Clocks) -> None:
        super().__init__(reader, clocks)
        self._answer = answer

    @classmethod
    def begin(
        cls, answer: SyncAnswer, request: Request, clocks: Clocks, secrets: Secrets
    ) -> tuple[SyncStream, list[ChatEvent]]:
        """Read an answer up to its first events: what fails before them may be tried again."""
        with ExitStack() as stack:
            stack.callback(answer.close)
            clocks.touch()
            if answer.is_error:
                read_whole(answer, secrets).payload(request)
            stream = cls(answer, open_reader(request, answer.headers, secrets), clocks)
            events = stream.pull()
            stack.pop_all()
            return stream, events

    def pull(self) -> list[ChatEvent]:
        """Return the next events, none after the last.

        Raises:
            WorkersAIError: What ended the stream before its end.
        """
        while not (self._is_over or self._reader.is_done):
            try:
                chunk = self._answer.read()
            except WorkersAIError as error:
                chunk = self._interrupt(error)
            if not chunk:
                break
            if events := self._feed(chunk):
                return events
        return [] if self._is_over else self._end()

    def close(self) -> None:
        """Let go of the connection."""
        self._answer.close(is_done=self._is_whole)


class AsyncStream(_Stream):
    """A stream of `AsyncClient`."""

    def __init__(self, answer: AsyncAnswer, reader: ChatReader, clocks: Clocks) -> None:
        super().__init__(reader, clocks)
        self._answer = answer

    @classmethod
    async def begin(
        cls, answer: AsyncAnswer, request: Request, clocks: Clocks, secrets: Secrets
    ) -> tuple[AsyncStream, list[ChatEvent]]:
        """As `SyncStream.begin`."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(answer.aclose)
            clocks.touch()
            if answer.is_error:
                (await read_whole_async(answer, secrets)).payload(request)
            stream = cls(answer, open_reader(request, answer.headers, secrets), clocks)
            events = await stream.pull()
            stack.pop_all()
            return stream, events

    async def pull(self) -> list[ChatEvent]:
        """As `SyncStream.pull`."""
        while not (self._is_over or self._reader.is_done):
            try:
                chunk = await self._answer.read()
            except WorkersAIError as error:
                chunk = self._interrupt(error)
            if not chunk:
                break
            if events := self._feed(chunk):
                return events
        return [] if self._is_over else self._end()

    async def aclose(self) -> None:
        """Let go of the connection."""
        await self._answer.aclose(is_done=self._is_whole)
