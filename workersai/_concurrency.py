"""Run many calls at once, up to a limit; stop after the first failure."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import Any, TypeVar

__all__ = ["HAS_THREADS", "call_each", "call_each_async", "end_tasks"]

HAS_THREADS = sys.platform != "emscripten"  # WebAssembly has none

A = TypeVar("A")
T = TypeVar("T")


async def call_each_async(
    call: Callable[[A], Awaitable[T]], items: Iterable[A], *, limit: int
) -> list[T]:
    """Await `call(item)` for every item, several at once.

    Each call runs in a task of its own. When one fails, or the caller is cancelled, no further
    call starts, and the calls that are running are cancelled and awaited before the failure is
    raised.

    Args:
        call: Makes the awaitable for one item. It is called only when the item's turn comes.
        items: The arguments, one for each call.
        limit: How many calls may run at once.

    Returns:
        The results, in the order of the items.
    """
    waiting = deque(enumerate(items))
    results: dict[int, T] = {}

    async def work() -> None:
        try:
            while waiting:
                place, item = waiting.popleft()
                results[place] = await asyncio.ensure_future(_run(call, item))
        finally:
            waiting.clear()  # after a failure, start no further call

    workers = [asyncio.ensure_future(work()) for _ in range(min(limit, len(waiting)))]
    try:
        if workers:
            done, _ = await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
            for worker in done:
                worker.result()
    finally:
        await end_tasks(workers)
    return [results[place] for place in sorted(results)]


async def _run(call: Callable[[A], Awaitable[T]], item: A) -> T:
    """Make the call inside a task, so that its context variables do not leak into others."""
    return await call(item)


async def end_tasks(tasks: Sequence[asyncio.Future[Any]]) -> None:
    """Cancel the tasks once and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await _wait_for(tasks)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # mark it as retrieved, else asyncio logs it


async def _wait_for(tasks: Sequence[asyncio.Future[Any]]) -> None:
    """Wait until the tasks have ended. A cancellation of the waiter is raised after that."""
    try:
        if tasks:
            await asyncio.wait(tasks)
    except asyncio.CancelledError:
        await _wait_for(tasks)
        raise


def call_each(call: Callable[[A], T], items: Iterable[A], *, limit: int) -> list[T]:
    """Call `call(item)` for every item in threads, several at once.

    Each call runs in a copy of the caller's context. When one fails, no further call starts; the
    running calls cannot be stopped, so the failure is raised after they have ended. With one item,
    or a limit of 1, the calls run in the caller's thread.

    Args:
        call: Called with one item.
        items: The arguments, one for each call.
        limit: How many calls may run at once.

    Returns:
        The results, in the order of the items.
    """
    waiting = deque(enumerate(items))
    results: dict[int, T] = {}
    context = copy_context()

    def work() -> None:
        try:
            while (taken := _take(waiting)) is not None:
                place, item = taken
                results[place] = context.copy().run(call, item)
        finally:
            waiting.clear()  # after a failure, start no further call

    threads = min(limit, len(waiting)) if HAS_THREADS else 1
    if threads < 2:
        work()
    else:
        _in_threads(work, threads, waiting.clear)
    return [results[place] for place in sorted(results)]


def _in_threads(work: Callable[[], None], threads: int, stop: Callable[[], None]) -> None:
    """Run *work* in several threads; when one fails, stop the others and wait for them."""
    with ThreadPoolExecutor(threads, "workersai-call") as pool:
        try:
            working = [pool.submit(work) for _ in range(threads)]
            for thread in wait(working, return_when=FIRST_EXCEPTION).done:
                thread.result()
        finally:
            stop()


def _take(waiting: deque[A]) -> A | None:
    """Take the first item; return `None` if another thread took the last one."""
    try:
        return waiting.popleft()
    except IndexError:
        return None
