"""Run calls in parallel and yield their results in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from typing import TypeVar

from workersai._concurrency import end_tasks

__all__ = ["in_order"]

A = TypeVar("A")
T = TypeVar("T")


async def in_order(
    items: Iterator[A], call: Callable[[A], Awaitable[T]], *, limit: int, window: int
) -> AsyncGenerator[tuple[A, T], None]:
    """Await `call(item)` for every item, and yield each with its result, in order.

    Args:
        items: Read only as fast as results are taken.
        call: Makes the awaitable for one item.
        limit: How many calls may run at once.
        window: How many items may be read and not yielded yet.

    Raises:
        Exception: The error of a call. Running calls are cancelled then, and also on closing.
    """
    turns = asyncio.Semaphore(limit)

    async def work(item: A) -> T:
        async with turns:
            return await call(item)

    waiting: deque[tuple[A, asyncio.Task[T]]] = deque()
    try:
        while True:
            while len(waiting) < window and (item := next(items, None)) is not None:
                waiting.append((item, asyncio.create_task(work(item))))
            if not waiting:
                return
            item, task = waiting[0]
            yield item, await task
            waiting.popleft()
    finally:
        await end_tasks([task for _, task in waiting])
