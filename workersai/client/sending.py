"""Requests go out and answers come back, in both colours: what every operation of a client uses.

The senders only wait, send and close; `_exchange` decides about retries and the deadline.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from typing import TypeAlias, TypeVar

from typing_extensions import Unpack

from workersai._http import AsyncEngine, AsyncHTTPClient, HTTPClient, SyncEngine
from workersai._response.reply import Reply
from workersai._secrets import hides_arguments
from workersai._wire import Request
from workersai.client.base import BaseClient, ConnectionOptions, OnRetry
from workersai.client.reading import read_whole, read_whole_async
from workersai.client.retries import Attempt, succeed
from workersai.client.streaming import AsyncStream, SyncStream
from workersai.errors import WorkersAIError, bare
from workersai.events import ChatEvent
from workersai.types import Timeout

__all__ = ["AsyncSender", "SyncSender"]

T = TypeVar("T")
Flow: TypeAlias = Generator[Attempt, T, T]


class SyncSender(BaseClient):
    """Sends and waits."""

    @hides_arguments
    def __init__(
        self,
        model: str | None = None,
        *,
        http_client: HTTPClient | None = None,
        **connection: Unpack[ConnectionOptions],
    ) -> None:
        super().__init__(model, **connection)
        self._engine = SyncEngine(http_client)
        self._hide(self._engine.secrets)

    def _call(
        self,
        request: Request,
        parse: Callable[[Reply, Request], T],
        on_retry: OnRetry,
        timeout: Timeout | None = None,
    ) -> T:
        def attempt(step: Attempt) -> T:
            return parse(self._fetch(request, step), request)

        return self._drive(request, attempt, on_retry, timeout)

    def _drive(
        self,
        request: Request,
        attempt: Callable[[Attempt], T],
        on_retry: OnRetry,
        timeout: Timeout | None = None,
    ) -> T:
        flow: Flow[T] = self._exchange(request, on_retry, timeout)
        step = next(flow)
        while True:
            if step.delay:
                time.sleep(step.delay)
            try:
                result = attempt(step)
            except WorkersAIError as error:
                step = flow.throw(error)
            else:
                return succeed(flow, result)

    def _fetch(self, request: Request, step: Attempt) -> Reply:
        clocks = self._clocks(request, step)
        answer = self._engine.open(self._outgoing(request, step), clocks)
        return read_whole(answer, self._settings.secrets, request.max_answer)

    def _stream(self, request: Request, on_retry: OnRetry) -> Generator[ChatEvent, None, None]:
        def begin(step: Attempt) -> tuple[SyncStream, ChatEvent]:
            clocks = self._clocks(request, step)
            answer = self._engine.open(self._outgoing(request, step), clocks)
            return SyncStream.begin(answer, request, clocks, self._settings.secrets)

        stream, first = self._drive(request, begin, on_retry)
        try:
            yield first
            yield from stream.events
        except WorkersAIError as error:
            raise bare(error) from None
        finally:
            stream.close()


class AsyncSender(BaseClient):
    """Sends and awaits."""

    @hides_arguments
    def __init__(
        self,
        model: str | None = None,
        *,
        http_client: AsyncHTTPClient | None = None,
        **connection: Unpack[ConnectionOptions],
    ) -> None:
        super().__init__(model, **connection)
        self._engine = AsyncEngine(http_client)
        self._hide(self._engine.secrets)

    async def _call(
        self,
        request: Request,
        parse: Callable[[Reply, Request], T],
        on_retry: OnRetry,
        timeout: Timeout | None = None,
    ) -> T:
        async def attempt(step: Attempt) -> T:
            return parse(await self._fetch(request, step), request)

        return await self._drive(request, attempt, on_retry, timeout)

    async def _drive(
        self,
        request: Request,
        attempt: Callable[[Attempt], Awaitable[T]],
        on_retry: OnRetry,
        timeout: Timeout | None = None,
    ) -> T:
        flow: Flow[T] = self._exchange(request, on_retry, timeout)
        step = next(flow)
        while True:
            if step.delay:
                await asyncio.sleep(step.delay)
            try:
                result = await attempt(step)
            except WorkersAIError as error:
                step = flow.throw(error)
            else:
                return succeed(flow, result)

    async def _fetch(self, request: Request, step: Attempt) -> Reply:
        clocks = self._clocks(request, step)
        answer = await self._engine.open(self._outgoing(request, step), clocks)
        return await read_whole_async(answer, self._settings.secrets, request.max_answer)

    async def _stream(self, request: Request, on_retry: OnRetry) -> AsyncGenerator[ChatEvent, None]:
        async def begin(step: Attempt) -> tuple[AsyncStream, list[ChatEvent]]:
            clocks = self._clocks(request, step)
            answer = await self._engine.open(self._outgoing(request, step), clocks)
            return await AsyncStream.begin(answer, request, clocks, self._settings.secrets)

        stream, first = await self._drive(request, begin, on_retry)
        try:
            for event in first:
                yield event
            async for events in stream.events:
                for event in events:
                    yield event
        except WorkersAIError as error:
            raise bare(error) from None
        finally:
            await stream.aclose()
