"""Send requests and read answers, for every operation of a client.

A sender waits, sends and closes; `Setup.exchange` decides about retries and the deadline.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from typing import Any, TypeAlias, TypeVar

from workersai._response.reply import Reply
from workersai._wire import Request
from workersai.client.engines import make_engine, make_engine_async
from workersai.client.reading import read_whole, read_whole_async
from workersai.client.retries import Attempt, succeed
from workersai.client.setup import OnRetry, Setup
from workersai.client.streaming import AsyncStream, SyncStream
from workersai.errors import WorkersAIError, bare
from workersai.events import ChatEvent
from workersai.types import AsyncHTTPClient, HTTPClient, Timeout

__all__ = ["AsyncSender", "SyncSender"]

T = TypeVar("T")
Flow: TypeAlias = Generator[Attempt, T, T]


class SyncSender:
    """Sends the requests of one client and waits for the answers.

    Args:
        setup: The client's settings.
        http_client: An HTTP client of the user's own.
    """

    def __init__(self, setup: Setup, http_client: HTTPClient | None) -> None:
        self._setup = setup
        self._engine = make_engine(setup.binding, http_client)
        setup.hide(self._engine.secrets)

    @property
    def setup(self) -> Setup:
        """The client's settings."""
        return self._setup

    def using(self, options: Mapping[str, Any]) -> SyncSender:
        """Return a sender with the options of one call that uses the same connections."""
        if not options:
            return self
        twin = object.__new__(type(self))
        twin._setup, twin._engine = self._setup.derive(options), self._engine
        return twin

    def call(
        self,
        request: Request,
        parse: Callable[[Reply, Request], T],
        on_retry: OnRetry = None,
        timeout: Timeout | None = None,
    ) -> T:
        """Send a request, read its whole answer and return the result of *parse*."""

        def attempt(step: Attempt) -> T:
            clocks = self._setup.clocks(request, step)
            answer = self._engine.open(self._setup.outgoing(request, step), clocks)
            reply = read_whole(answer, self._setup.secrets, request.max_answer)
            return parse(reply, request)

        return self._drive(request, attempt, on_retry, timeout)

    def stream(
        self, request: Request, on_retry: OnRetry = None
    ) -> Generator[list[ChatEvent], None, None]:
        """Send a request and yield the events of its answer, those that come together in a list."""

        def attempt(step: Attempt) -> tuple[SyncStream, list[ChatEvent]]:
            clocks = self._setup.clocks(request, step)
            answer = self._engine.open(self._setup.outgoing(request, step), clocks)
            return SyncStream.begin(answer, request, clocks, self._setup.secrets)

        stream, first = self._drive(request, attempt, on_retry)
        try:
            yield first
            yield from stream.events
        except WorkersAIError as error:
            raise bare(error) from error.__cause__
        finally:
            stream.close()

    def _drive(
        self,
        request: Request,
        attempt: Callable[[Attempt], T],
        on_retry: OnRetry,
        timeout: Timeout | None = None,
    ) -> T:
        flow: Flow[T] = self._setup.exchange(request, on_retry, timeout)
        step = next(flow)
        while True:
            if step.delay:
                self.sleep(step.delay)
            try:
                result = attempt(step)
            except WorkersAIError as error:
                step = flow.throw(error)
            else:
                return succeed(flow, result)

    def sleep(self, seconds: float) -> None:
        """Wait, before a retry or a poll."""
        self._engine.sleep(seconds)

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        self._engine.close()


class AsyncSender:
    """As `SyncSender`, asynchronously."""

    def __init__(self, setup: Setup, http_client: AsyncHTTPClient | None) -> None:
        self._setup = setup
        self._engine = make_engine_async(setup.binding, http_client)
        setup.hide(self._engine.secrets)

    @property
    def setup(self) -> Setup:
        """The client's settings."""
        return self._setup

    def using(self, options: Mapping[str, Any]) -> AsyncSender:
        """As `SyncSender.using`."""
        if not options:
            return self
        twin = object.__new__(type(self))
        twin._setup, twin._engine = self._setup.derive(options), self._engine
        return twin

    async def call(
        self,
        request: Request,
        parse: Callable[[Reply, Request], T],
        on_retry: OnRetry = None,
        timeout: Timeout | None = None,
    ) -> T:
        """As `SyncSender.call`."""

        async def attempt(step: Attempt) -> T:
            clocks = self._setup.clocks(request, step)
            answer = await self._engine.open(self._setup.outgoing(request, step), clocks)
            reply = await read_whole_async(answer, self._setup.secrets, request.max_answer)
            return parse(reply, request)

        return await self._drive(request, attempt, on_retry, timeout)

    async def stream(
        self, request: Request, on_retry: OnRetry = None
    ) -> AsyncGenerator[list[ChatEvent], None]:
        """As `SyncSender.stream`."""

        async def attempt(step: Attempt) -> tuple[AsyncStream, list[ChatEvent]]:
            clocks = self._setup.clocks(request, step)
            answer = await self._engine.open(self._setup.outgoing(request, step), clocks)
            return await AsyncStream.begin(answer, request, clocks, self._setup.secrets)

        stream, first = await self._drive(request, attempt, on_retry)
        try:
            yield first
            async for events in stream.events:
                yield events
        except WorkersAIError as error:
            raise bare(error) from error.__cause__
        finally:
            await stream.aclose()

    async def _drive(
        self,
        request: Request,
        attempt: Callable[[Attempt], Awaitable[T]],
        on_retry: OnRetry,
        timeout: Timeout | None = None,
    ) -> T:
        flow: Flow[T] = self._setup.exchange(request, on_retry, timeout)
        step = next(flow)
        while True:
            if step.delay:
                await self.sleep(step.delay)
            try:
                result = await attempt(step)
            except WorkersAIError as error:
                step = flow.throw(error)
            else:
                return succeed(flow, result)

    async def sleep(self, seconds: float) -> None:
        """As `SyncSender.sleep`."""
        await self._engine.sleep(seconds)

    async def aclose(self) -> None:
        """Close the connections of this event loop; a later call opens new ones."""
        await self._engine.aclose()
