"""The return values of `embed_iter`: vectors in the order of their texts, while requests run."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Coroutine,
    Generator,
    Iterable,
    Iterator,
)
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import aclosing
from contextvars import copy_context
from dataclasses import replace
from operator import length_hint
from typing import Any, Generic, TypeAlias, TypeVar

from typing_extensions import Self

from workersai._concurrency import HAS_THREADS, end_tasks
from workersai._request.chunks import Chunk
from workersai._response.embeddings import parse_embeddings
from workersai.client.embedding.flow import ChunkCall, EmbeddingFlow
from workersai.client.sending import AsyncSender, SyncSender
from workersai.client.setup import OnRetry
from workersai.results import EmbeddingResult, NotEmbedded, Usage

__all__ = ["AsyncEmbeddingStream", "EmbeddingStream"]

V = TypeVar("V")


class _Facts:
    """Facts about a run so far."""

    def __init__(self, flow: EmbeddingFlow) -> None:
        self._flow = flow

    @property
    def model(self) -> str:
        """The model that is asked."""
        return self._flow.model

    @property
    def usage(self) -> Usage | None:
        """The usage of all answers so far, also of those that were not returned yet."""
        return self._flow.state.usage

    @property
    def requests(self) -> int:
        """How many requests were answered with vectors so far."""
        return self._flow.state.requests

    def facts(self) -> EmbeddingResult:
        """Return the facts about the run so far, without the vectors."""
        state = self._flow.state
        return EmbeddingResult([], state.usage, self.model, state.pooling, tuple(state.request_ids))

    def _result(self, items: Iterable[Any]) -> EmbeddingResult:
        vectors = list(map(_vector, items))  # read first, so that the facts are complete
        return replace(self.facts(), vectors=vectors)


def _vector(item: list[float] | NotEmbedded) -> list[float]:
    if isinstance(item, NotEmbedded):
        raise item.error
    return item


class EmbeddingStream(_Facts, Generic[V]):
    """The vectors of `Client.embed_iter`, as an iterator and a context manager.

    The first request is sent when the first vector is read. Leaving the `with` block, or `close`,
    ends the run.
    """

    def __init__(
        self, flow: EmbeddingFlow, texts: Iterable[str], sender: SyncSender, on_retry: OnRetry
    ) -> None:
        super().__init__(flow)
        self._items = _items(flow, texts, sender, on_retry)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> V:
        found: V = next(self._items)
        return found

    def result(self) -> EmbeddingResult:
        """Read the rest; return its vectors and the usage of the run, as `Client.embed` would.

        Of the requests' ids, the latest 1,000 are kept.

        Raises:
            WorkersAIError: If a text could not be embedded.
        """
        with self:
            return self._result(self)

    def close(self) -> None:
        """End the run: no further text is read and no further request is sent.

        Running requests cannot be stopped; this method waits for them, and they are not retried.
        """
        self._items.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncEmbeddingStream(_Facts, Generic[V]):
    """As `EmbeddingStream`, asynchronously. Leaving `async with`, or `aclose`, cancels requests.

    Close it if you stop reading early, as any asynchronous generator.
    """

    def __init__(
        self,
        flow: EmbeddingFlow,
        texts: Iterable[str] | AsyncIterable[str],
        sender: AsyncSender,
        on_retry: OnRetry,
    ) -> None:
        super().__init__(flow)
        self._items = _items_async(flow, texts, sender, on_retry)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> V:
        found: V = await anext(self._items)
        return found

    async def result(self) -> EmbeddingResult:
        """As `EmbeddingStream.result`."""
        async with self:
            return self._result([item async for item in self])

    async def aclose(self) -> None:
        """End the run: cancel running requests and wait until they have ended."""
        await self._items.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


Work: TypeAlias = Callable[[ChunkCall], list[Any]]
AsyncWork: TypeAlias = Callable[[ChunkCall], Coroutine[Any, Any, list[Any]]]


def _items(
    flow: EmbeddingFlow, texts: Iterable[Any], sender: SyncSender, on_retry: OnRetry
) -> Generator[Any, None, None]:
    listen = flow.listening(on_retry)

    def work(call: ChunkCall) -> list[Any]:
        for batch in call:
            with call.sending(batch):
                call.keep(batch, sender.call(batch.request, parse_embeddings, listen))
        return call.items()

    with flow.running(length_hint(texts) or None):
        if (only := flow.only_chunk(texts)) is not None:
            yield from work(flow.take(only))
        else:
            follow = _windowed if HAS_THREADS else _one_by_one
            yield from follow(flow, flow.chunks(texts), work)


def _one_by_one(
    flow: EmbeddingFlow, chunks: Iterator[Chunk], work: Work
) -> Generator[Any, None, None]:
    """Yield the items of each chunk in turn, without threads."""
    try:
        for chunk in chunks:
            call = flow.take(chunk)
            yield from work(call)
            flow.hand_out(call)
    finally:
        flow.close()


def _windowed(
    flow: EmbeddingFlow, chunks: Iterator[Chunk], work: Work
) -> Generator[Any, None, None]:
    """Yield the items of each chunk in turn, while threads work on later chunks."""
    waiting: deque[tuple[ChunkCall, Future[list[Any]]]] = deque()
    with ThreadPoolExecutor(flow.options.max_concurrency, "workersai-embed") as pool:
        try:
            while True:
                while flow.has_room and (chunk := next(chunks, None)) is not None:
                    call = flow.take(chunk)
                    waiting.append((call, pool.submit(copy_context().run, work, call)))
                    if waiting[0][1].done():
                        break
                if not waiting:
                    return
                call, future = waiting.popleft()
                yield from future.result()
                flow.hand_out(call)
        finally:
            flow.close()
            for _, future in waiting:
                future.cancel()


async def _items_async(
    flow: EmbeddingFlow,
    texts: Iterable[Any] | AsyncIterable[Any],
    sender: AsyncSender,
    on_retry: OnRetry,
) -> AsyncGenerator[Any, None]:
    listen = flow.listening(on_retry)
    turns = asyncio.Semaphore(flow.options.max_concurrency)

    async def work(call: ChunkCall) -> list[Any]:
        async with turns:
            for batch in call:
                with call.sending(batch):
                    call.keep(batch, await sender.call(batch.request, parse_embeddings, listen))
        return call.items()

    with flow.running(length_hint(texts) or None):
        if (only := flow.only_chunk(texts)) is not None:
            for item in await work(flow.take(only)):
                yield item
            return
        async with aclosing(_windowed_async(flow, flow.chunks_async(texts), work)) as items:
            async for item in items:
                yield item


async def _windowed_async(
    flow: EmbeddingFlow, chunks: AsyncIterator[Chunk], work: AsyncWork
) -> AsyncGenerator[Any, None]:
    """Yield the items of each chunk in turn, while tasks work on later chunks."""
    waiting: deque[tuple[ChunkCall, asyncio.Task[list[Any]]]] = deque()
    try:
        while True:
            while flow.has_room and (chunk := await anext(chunks, None)) is not None:
                call = flow.take(chunk)
                waiting.append((call, asyncio.create_task(work(call))))
                if waiting[0][1].done():
                    break
            if not waiting:
                return
            call, task = waiting[0]
            for item in await task:
                yield item
            waiting.popleft()
            flow.hand_out(call)
    finally:
        flow.close()
        await end_tasks([task for _, task in waiting])
